"""What the sliders accept: each function returns its argument in one form, or names it and the remedy."""

import operator
from collections.abc import Collection, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from kdlib import checks

COLDEST, HOTTEST = 0.1, 100.0  # the ends of the temperature slider
MOST_CLASSES, MOST_EXAMPLES, LARGEST_THUMBNAIL = 20, 24, 64  # what a phone can show and a page should carry
MOST_PAIRS = 12  # classes of the loss explorer, which draws two bars for each
LARGEST_LOGIT = 1e6  # beyond any network; keeps logits / 0.1 far from overflow


def as_temperature(value: float, coldest: float = COLDEST) -> float:
    temperature = checks.temperature(value)
    if not coldest <= temperature <= HOTTEST:
        raise ValueError(f"temperature is {value!r}; the slider goes from {coldest:g} to {HOTTEST:g}")
    return temperature


def as_alpha(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"alpha is {value!r}; give a plain number from 0 to 1, or float(alpha)")
    return checks.alpha(float(value))


def as_label(value: Any, classes: int) -> int:
    try:
        label = operator.index(value)
    except TypeError as error:
        raise TypeError(f"label is {value!r}; give the index of the true class, an integer") from error
    if not 0 <= label < classes:
        raise ValueError(f"label is {label}; with {classes} classes it must lie in 0 to {classes - 1}")
    return label


def as_vector(value: Any, name: str) -> Tensor:
    z = as_doubles(value, name)
    if z.ndim != 1 or len(z) > MOST_PAIRS:
        raise ValueError(
            f"{name} has shape {tuple(z.shape)}; give the logits of one example, (classes,), "
            f"with 2 to {MOST_PAIRS} classes"
        )
    return z


def as_doubles(value: Any, name: str) -> Tensor:
    try:
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"{name} is {value!r}; give a tensor, an array, or a list of numbers or of rows of one length"
        ) from error
    z = checks.logits(tensor.detach().cpu(), name).double()
    if z.numel() and float(z.abs().max()) > LARGEST_LOGIT:
        raise ValueError(
            f"{name} go as far as {float(z.abs().max()):g}; at most {LARGEST_LOGIT:g} can be drawn"
        )
    return z


def as_logits(value: Any) -> Tensor:
    z = as_doubles(value, "logits")
    shape = tuple(z.shape)
    z = z[None] if z.ndim == 1 else z
    if z.ndim != 2 or not 1 <= len(z) <= MOST_EXAMPLES or z.shape[1] > MOST_CLASSES:
        raise ValueError(
            f"logits has shape {shape}; give (classes,) or (examples, classes) "
            f"with at most {MOST_EXAMPLES} examples and {MOST_CLASSES} classes"
        )
    return z


def as_names(values: Sequence[str], count: int, argument: str, what: str) -> list[str]:
    if not isinstance(values, Collection):
        raise TypeError(f"{argument} is {values!r}; give a list of {count} names, one for each of the {what}")
    if isinstance(values, str) or len(values) != count:
        raise ValueError(f"{argument} is {values!r}; the logits have {count} {what}: give one name for each")
    return [str(value) for value in values]


def as_images(value: Any, examples: int) -> Tensor:
    images = torch.as_tensor(value).cpu()
    if images.dtype != torch.uint8:
        raise TypeError(f"images has dtype {images.dtype}; give uint8, 0 for no ink to 255")
    sides = images.shape[1:]
    if images.ndim != 3 or len(images) != examples or min(sides) < 1 or max(sides) > LARGEST_THUMBNAIL:
        raise ValueError(
            f"images has shape {tuple(images.shape)}; give ({examples}, height, width), one an example, "
            f"1 to {LARGEST_THUMBNAIL} pixels a side"
        )
    return images
