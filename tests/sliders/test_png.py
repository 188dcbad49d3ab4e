"""Tests of the PNG files in the pages: Pillow reads back what was put in, and the bytes are known."""

import base64
import hashlib
import io

import numpy as np
import pytest
import torch
from PIL import Image

from kdlib.sliders.png import photo_uri
from kdlib.sliders.temperature_picture import png_uri


def noise(*shape: int) -> torch.Tensor:
    count = int(np.prod(shape))
    return (torch.arange(count) * 97 % 256).reshape(shape).to(torch.uint8)


def file(uri: str) -> bytes:
    start, body = uri.split(",")
    assert start == "data:image/png;base64"
    return base64.b64decode(body)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
@pytest.mark.parametrize("size", [(32, 32), (5, 64), (64, 64), (1, 1)])
def test_a_photograph_comes_back_as_it_was_and_is_not_inverted(channels, mode, size):
    image = noise(channels, *size)
    image[0, 0, 0] = 0
    with Image.open(io.BytesIO(file(photo_uri(image)))) as decoded:
        assert decoded.mode == mode
        pixels = np.asarray(decoded).reshape(*size, channels)
    assert np.array_equal(pixels, image.permute(1, 2, 0).numpy())


def test_the_bytes_are_the_same_on_every_machine():
    """A photograph of two pixels, red and blue, written out; and one digest of each kind of image."""
    two = torch.tensor([[[255, 0]], [[0, 0]], [[0, 255]]], dtype=torch.uint8)
    png = file(photo_uri(two))
    assert png[:33].hex() == (
        "89504e470d0a1a0a" + "0000000d49484452" + "00000002" + "00000001" + "0802000000" + "7b40e8dd"
    )
    # One stored block of 7 bytes: no filter, red, blue.
    assert png[41:].startswith(bytes.fromhex("78010107 00f8ff 00 ff0000 0000ff"))
    found = [
        hashlib.sha256(x.encode()).hexdigest()[:16] for x in (photo_uri(noise(3, 8, 8)), png_uri(noise(9, 7)))
    ]
    assert found == ["22f6c0f0e4164773", "bb80e013f5deb0e7"]
