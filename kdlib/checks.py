"""What a value must be, said in one place.

Public functions call these at their boundary. `logits`, `answers`, `probabilities` and `labels` look at every
value, for which a GPU would have to wait: a training step calls them only where `readable` allows it. The
others see types, shapes and plain numbers.
"""

import math
from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor


def temperature(value: float) -> float:
    """Return `value` as a float if it is a finite number above zero, else raise ValueError or TypeError."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"temperature is {value!r}; give a plain number such as 4.0, or float(temperature)")
    if not math.isfinite(value) or value <= 0:
        raise ValueError(
            f"temperature is {value!r}; it divides the logits, so it must be a finite number above 0 "
            "(the limits 0 and infinity are the one-hot argmax and the uniform distribution)"
        )
    return float(value)


def logits(value: Tensor, name: str = "logits") -> Tensor:
    """Return `value` if it is a finite floating-point tensor whose last dimension counts the classes."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} is a {type(value).__name__}; give a tensor, for example torch.tensor({name})"
        )
    if not value.is_floating_point():
        raise TypeError(f"{name} has dtype {value.dtype}; convert it first: {name}.float()")
    if value.ndim == 0 or value.shape[-1] < 2:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}; the last dimension must hold at least 2 classes"
        )
    if not bool(torch.isfinite(value).all()):
        count = int((~torch.isfinite(value)).sum())
        raise ValueError(f"{name}: {count} of {value.numel()} values are NaN or infinite; find the cause")
    return value


def seed(value: int) -> int:
    """Return `value` if it is an integer from 0 to 2**40."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"seed is {value!r}; pass an integer, such as 0")
    if not 0 <= value <= 2**40:
        raise ValueError(f"seed is {value}; pass an integer from 0 to 2**40")
    return value


def same_shape(first: Tensor, second: Tensor, names: Sequence[str]) -> None:
    """Raise ValueError unless the two tensors have the same shape."""
    for value, name in zip((first, second), names, strict=True):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; give a tensor")
    if first.shape != second.shape:
        remedy = "both must hold the same examples and the same classes"
        if first.ndim and first.shape[:-1] == second.shape[:-1]:
            remedy += ". Where the classes or vocabularies differ, nothing can be cut off: see chapter 11"
        raise ValueError(
            f"{names[0]} has shape {tuple(first.shape)} but {names[1]} has {tuple(second.shape)}; {remedy}"
        )


def probabilities(value: Tensor, name: str = "probabilities") -> Tensor:
    """Return `value` if its last dimension holds distributions: entries in [0, 1] that sum to 1."""
    logits(value, name)
    if bool((value < 0).any()) or bool((value > 1 + 1e-6).any()):
        raise ValueError(
            f"{name} runs from {float(value.min()):.4g} to {float(value.max()):.4g}; "
            "probabilities lie between 0 and 1 (did you pass logits?)"
        )
    off = float((value.sum(-1) - 1).abs().max())
    if off > max(1e-3, 2 * torch.finfo(value.dtype).eps):
        raise ValueError(f"{name} sums to 1 only within {off:.4g}; each row must be a distribution")
    return value


def ends(value: Tensor) -> tuple[int, int]:
    """The least and the largest of whole numbers, as Python's own: a byte would take 256 for 0."""
    low, high = value.aminmax() if value.numel() else (0, 0)
    return int(low), int(high)


def labels(value: Tensor, classes: int, name: str = "labels") -> Tensor:
    """Return `value` if it is a 1-D integer tensor with entries from 0 to classes - 1."""
    if not isinstance(value, Tensor) or value.is_floating_point() or value.ndim != 1:
        raise TypeError(f"{name} is {what(value)}; give a 1-D tensor of integers, a class for each example")
    low, high = ends(value)
    if low < 0 or high >= classes:
        raise ValueError(
            f"{name} runs from {low} to {high}; with {classes} classes it must lie in 0 to {classes - 1}"
        )
    return value


def answers(value: Tensor, truth: Tensor | None = None, name: str = "logits") -> Tensor:
    """Return `value` if it is (N, classes), finite and not empty; with labels, if each row has one."""
    if logits(value, name).ndim != 2 or not len(value):
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}; give (N, classes) with at least 1 example (tokens and "
            "pixels as rows: logits.flatten(0, -2), labels.flatten())"
        )
    if truth is not None and len(labels(truth, value.shape[1])) != len(value):
        raise ValueError(f"there are {len(truth)} labels for {len(value)} rows of {name}; they must match")
    return value


def alpha(value: float) -> float:
    """Return `value`, the weight of the soft term, if it lies in [0, 1], else raise ValueError."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"alpha is {value!r}; give a plain number from 0 to 1, such as 0.9")
    if not 0 <= value <= 1:
        raise ValueError(f"alpha is {value!r}; it is the share of the teacher's term, from 0 to 1")
    return float(value)


def at_least_float32(value: Tensor, name: str) -> Tensor:
    """A floating-point tensor in float32 or better, whatever autocast made of it."""
    if not value.is_floating_point():
        raise TypeError(f"{name} has dtype {value.dtype}; convert it first: {name}.float()")
    return value if value.dtype in (torch.float32, torch.float64) else value.float()


def readable(value: Tensor) -> bool:
    """Whether a look at the values costs next to nothing: on the CPU, and not while a step is compiled."""
    return value.device.type == "cpu" and not torch.compiler.is_compiling()


def what(value: object) -> str:
    """What a message calls a value that does not fit: dtype and shape of a tensor, the type of all else."""
    if isinstance(value, Tensor):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return type(value).__name__
