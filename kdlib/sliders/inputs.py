"""What the sliders accept: each function returns its argument in one form, or names it and the remedy."""

import base64
import io
import math
import operator
from collections.abc import Callable, Collection
from numbers import Real
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from kdlib import checks
from kdlib.sliders.slider import Setting

LARGEST_PICTURE = 64  # pixels a side that a page should carry
LARGEST_LOGIT = 1e6  # beyond any network; keeps logits / 0.1 far from overflow


def as_number(value: Any, name: str, low: float = -math.inf, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; give a plain number")
    number = float(value)
    if not math.isfinite(number) or not low <= number <= high:
        bounds = [f"{word} {end:g}" for word, end in (("from", low), ("to", high)) if math.isfinite(end)]
        ends = f"a number {' '.join(bounds)}" if bounds else "a finite number"
        raise ValueError(f"{name} is {value!r}; give {ends}")
    return number


def as_index(value: Any, name: str, count: int, low: int = 0) -> int:
    try:
        index = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name} is {value!r}; give an integer from {low} to {count - 1}") from error
    if isinstance(value, bool) or not low <= index < count:
        raise ValueError(f"{name} is {value!r}; give one of {low} to {count - 1}")
    return index


def as_choice(value: Any, name: str, choices: Collection[Any]) -> Any:
    for choice in choices:
        if value == choice:
            return choice  # True for a 1
    raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, choices))}")


def setting(as_valid: Callable[..., Any], start: Any, *arguments: Any) -> Setting:
    """A setting of a slider: `as_valid(value, *arguments)` checks where it starts, and every move."""
    return Setting(lambda value: as_valid(value, *arguments), start)


def as_list(values: Any, name: str, low: int, high: int | None = None) -> list[Any]:
    """The entries of something that has `low` of them, or from `low` to `high`."""
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise TypeError(f"{name} is {values!r}; give a list")
    if not low <= len(values) <= (high or low):
        wanted = f"{low} to {high}" if high else f"{low}, as the other arguments have"
        raise ValueError(f"{name} has {len(values)} entries; give {wanted}")
    return list(values)


def as_names(values: Any, name: str, count: int) -> list[str]:
    return [str(value) for value in as_list(values, name, count)]


def as_logits(value: Any, name: str, *, examples: int = 0, classes: int) -> Tensor:
    """Logits as doubles: (classes,), or with `examples` up to so many of them, (examples, classes)."""
    try:
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} is {value!r}; give a tensor, an array or a list of numbers") from error
    z = checks.logits(tensor.detach().cpu(), name).double()
    shape = tuple(z.shape)
    z = z[None] if examples and z.ndim == 1 else z
    if z.ndim != (2 if examples else 1) or z.shape[-1] > classes or not 1 <= len(z) <= (examples or classes):
        wanted = f"(examples, classes) with 1 to {examples} examples" if examples else "(classes,)"
        raise ValueError(f"{name} has shape {shape}; give {wanted} and 2 to {classes} classes")
    if float(z.abs().max()) > LARGEST_LOGIT:
        raise ValueError(f"{name} goes as far as {float(z.abs().max()):g}; give at most {LARGEST_LOGIT:g}")
    return z


def as_pictures(value: Any, count: int, *, ink: bool) -> list[str]:
    """Images as data URIs: ink, (examples, height, width), as black on white; or photographs, with channels.

    Bitmaps, since a compressed file has other bytes with other versions of zlib.
    """
    shape = f"({count}, {'' if ink else 'channels, '}height, width)"
    try:
        images = torch.as_tensor(value).cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"images is {value!r}; give a uint8 tensor of shape {shape}") from error
    if images.dtype != torch.uint8:
        raise TypeError(f"images has dtype {images.dtype}; give uint8, 0 to 255")
    sides = images.shape[-2:]
    good = images.ndim == (3 if ink else 4) and len(images) == count and (ink or images.shape[1] in (1, 3))
    if not good or not 1 <= min(sides) <= max(sides) <= LARGEST_PICTURE:
        raise ValueError(
            f"images has shape {tuple(images.shape)}; give {shape}, one an example, with "
            f"{'' if ink else '1 or 3 channels and '}1 to {LARGEST_PICTURE} pixels a side "
            "(kdlib.data.resize makes them smaller)"
        )
    return [_bitmap(255 - image[None] if ink else image) for image in images]


def _bitmap(image: Tensor) -> str:
    """A data URI of one image, uint8 (channels, height, width), grey or RGB."""
    pixels = image.permute(1, 2, 0).squeeze(-1).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "BMP")
    return "data:image/bmp;base64," + base64.b64encode(file.getvalue()).decode()
