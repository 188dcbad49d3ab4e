"""What tells one run from another, so that a checkpoint is continued by its own run alone. Chapter 03."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from kdlib.training.recipes import Recipe


def of(recipe: Recipe, seed: int, objective: Callable[..., Any]) -> dict[str, Any]:
    """Recipe, seed and objective in words and numbers that JSON holds; functions by name and settings."""
    own = {} if isinstance(recipe.optimizer, str) else {"optimizer": named(recipe.optimizer)}
    return {"recipe": asdict(recipe) | own, "seed": seed, "objective": named(objective)}


def named(function: Callable[..., Any]) -> str:
    """A function's name and the settings that functools.partial gave it, a teacher among them.

    Of a function that holds its settings in another way the name alone is known.
    """
    settings = {key: _said(value) for key, value in getattr(function, "keywords", {}).items()}
    name = getattr(getattr(function, "func", function), "__qualname__", type(function).__qualname__)
    return f"{name} {settings}" if settings else name


def _said(value: Any) -> Any:
    if isinstance(value, nn.Module):
        return fingerprint(value.state_dict().values())
    if isinstance(value, Tensor):
        return fingerprint([value])
    return named(value) if callable(value) else str(value)


def fingerprint(tensors: Iterable[Tensor]) -> str:
    """The first 16 digits of the SHA-256 of tensors, their shapes and types."""
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        total.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()[:16]
