"""The images that come with kdlib: WebP sheets, label files and their manifest in `kdlib/bundled`.

A sheet holds rows of 50 images in reading order. Every file is checked by its SHA-256 before it is decoded;
lossless arrays are checked by the SHA-256 of their pixels afterwards. `book/_tools/make_bundle.py` makes the
folder from the full data sets.
"""

import hashlib
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from kdlib import files

UInt8Array = npt.NDArray[np.uint8]

FOLDER = Path(__file__).parents[1] / "bundled"
COLUMNS = 50
REMEDY = "pip install --upgrade pillow"


def manifest() -> dict[str, dict[str, Any]]:
    """What the bundle holds: {data set: {array: {"shape", "files": {name: SHA-256}, "sha256" if lossless}}}.

    Raises `kdlib.files.DamagedError` where the manifest is missing or altered.
    """
    return files.sealed(FOLDER / "manifest.json")


@lru_cache(maxsize=12)
def array(name: str, key: str) -> UInt8Array:
    """One bundled array, verified, as read-only uint8; images are [N, C, H, W]. Kept in memory once decoded.

    Raises `kdlib.files.DamagedError`, naming the file, where one is missing or altered, and OSError where
    Pillow cannot decode a sheet.
    """
    entry = manifest()[name][key]
    shape, expected, parts = tuple(entry["shape"]), entry.get("sha256"), []
    for file, sha256 in entry["files"].items():
        content = files.shipped(FOLDER / file, sha256)
        parts.append(_tiles(file, content, shape) if ".webp" in file else np.frombuffer(content, np.uint8))
    values = np.concatenate(parts)[: shape[0]]
    if expected and sha256_of(values) != expected:
        raise OSError(f"{name} {key} is whole, but Pillow gives other pixels: {REMEDY}")
    values.flags.writeable = False
    return values


def sha256_of(values: UInt8Array) -> str:
    """SHA-256 of an array's bytes in C order, as hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def _tiles(file: str, content: bytes, shape: tuple[int, ...]) -> UInt8Array:
    """The images [N, C, H, W] on a WebP sheet, with those that fill up its last row."""
    _, channels, height, width = shape
    try:
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    except OSError as error:
        raise OSError(f"{file} is whole, but Pillow cannot decode it ({error}): {REMEDY}") from error
    if channels == 1:
        picture = picture[..., 1:2]  # grey is stored as three equal channels; lossy WebP keeps green best
    tiles = picture.reshape(-1, height, COLUMNS, width, channels).transpose(0, 2, 4, 1, 3)
    return tiles.reshape(-1, channels, height, width)
