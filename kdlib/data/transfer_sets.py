"""Images to be taught on that are no digits: noise, clouds, chest X-rays. Chapter 08.

The images on which a student learns from its teacher are the transfer set (Hinton, Vinyals and Dean, 2015).
They need no labels, so that they may be anything; the labels of these are zeros that nothing uses.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import data

SIDE = 28


def noise(n: int, *, seed: int) -> data.Dataset:
    """n images whose pixels are drawn evenly from 0 to 255, each for itself. Chapter 08."""
    generator = torch.Generator().manual_seed(seed)
    return _set("noise", torch.randint(256, (n, 1, SIDE, SIDE), generator=generator, dtype=torch.uint8))


def clouds(n: int, *, seed: int) -> data.Dataset:
    """n images of white clouds on black: noise of 7 x 7, enlarged, its upper half stretched. Chapter 08.

    They have what digits have and noise has not: neighbours that are alike, much black, and edges.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 1, 7, 7, generator=generator)
    smooth = F.interpolate(coarse, size=SIDE, mode="bilinear")
    return _set("clouds", ((smooth - 0.5) * 4).clamp(0, 1).mul(255).round().to(torch.uint8))


def xrays() -> data.Dataset:
    """The chest X-rays of chapter 05's training split, as small as digits. Chapter 08."""
    return _set("chest_xray", data.load("chest_xray", "train", scale="quick", resolution=SIDE).images)


def _set(name: str, images: Tensor) -> data.Dataset:
    classes = tuple(map(str, range(10)))
    return data.Dataset(name, "train", images, torch.zeros(len(images), dtype=torch.int64), classes)
