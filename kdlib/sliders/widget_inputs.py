"""What the sliders accept: each function returns its argument in one form, or names it and the remedy."""

import operator
from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from kdlib import checks

COLDEST, HOTTEST = 0.1, 100.0  # the ends of the temperature slider
MOST_CLASSES, MOST_EXAMPLES, LARGEST_THUMBNAIL = 20, 24, 64  # what a phone can show and a page should carry
MOST_PAIRS = 12  # classes of the loss and answers explorers, which draw two or three bars for each
MOST_ANSWERS = 12  # examples of the answers explorer, whose photographs are larger files than ink
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


def as_index(value: Any, examples: int) -> int:
    index = int(value)
    if not 0 <= index < examples:
        raise ValueError(f"index is {index}; choose one of the examples 0 to {examples - 1}")
    return index


def as_models(value: Any) -> tuple[list[str], Tensor]:
    """The names of the models, and their logits as one tensor (models, examples, classes)."""
    if not isinstance(value, Mapping):
        raise TypeError(
            f"logits is a {type(value).__name__}; give a dict of 2 or 3 models, the teacher first: "
            "{name: logits of shape (examples, classes)}"
        )
    if len(value) not in (2, 3):
        raise ValueError(f"logits holds {len(value)} models, {list(value)}; give 2 or 3, the teacher first")
    arguments = [f"logits[{name!r}]" for name in value]
    rows = [as_doubles(z, argument) for z, argument in zip(value.values(), arguments, strict=True)]
    for z, argument in zip(rows, arguments, strict=True):
        if z.ndim != 2 or not 1 <= len(z) <= MOST_ANSWERS or z.shape[1] > MOST_PAIRS:
            raise ValueError(
                f"{argument} has shape {tuple(z.shape)}; give (examples, classes) "
                f"with 1 to {MOST_ANSWERS} examples and 2 to {MOST_PAIRS} classes"
            )
        checks.same_shape(rows[0], z, (arguments[0], argument))
    return [str(name) for name in value], torch.stack(rows)


def as_truths(value: Any, examples: int, classes: int) -> list[int]:
    try:
        truths = [operator.index(truth) for truth in value]
    except TypeError as error:
        raise TypeError(f"truths is {value!r}; give the index of the true class of each example") from error
    if len(truths) != examples:
        raise ValueError(
            f"truths has {len(truths)} entries; give one true class for each of {examples} examples"
        )
    if not all(0 <= truth < classes for truth in truths):
        raise ValueError(f"truths is {truths}; with {classes} classes all must lie in 0 to {classes - 1}")
    return truths


def as_photos(value: Any, examples: int) -> Tensor:
    try:
        images = torch.as_tensor(value).cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"images cannot be read as numbers; give a uint8 tensor or array ({error})"
        ) from error
    if images.dtype != torch.uint8:
        raise TypeError(f"images has dtype {images.dtype}; give uint8, 0 for black to 255")
    good = images.ndim == 4 and len(images) == examples and images.shape[1] in (1, 3)
    if not good or min(images.shape[2:]) < 1 or max(images.shape[2:]) > LARGEST_THUMBNAIL:
        raise ValueError(
            f"images has shape {tuple(images.shape)}; give ({examples}, channels, height, width), one an "
            f"example, with 1 or 3 channels and 1 to {LARGEST_THUMBNAIL} pixels a side (kdlib.data.resize "
            "makes them smaller)"
        )
    return images
