"""What tells one run from another, so that a checkpoint is continued by its own run alone. Chapter 03."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kdlib.data import Dataset, digest
from kdlib.training.recipes import Recipe


def of(
    recipe: Recipe, seed: int, objective: Callable[..., Any], augment: Any, data: object, validation: object
) -> dict[str, Any]:
    """What JSON can hold of a run's settings; functions by name and settings.

    Of a data set its digest; a loader is not known, and the initial weights are not compared.
    """
    own = {} if isinstance(recipe.optimizer, str) else {"optimizer": named(recipe.optimizer)}
    sets = {"data": data, "validation": validation}
    known = {name: digest(part) if isinstance(part, Dataset) else None for name, part in sets.items()}
    functions = {"objective": named(objective), "augment": augment and named(augment)}
    return {"recipe": asdict(recipe) | own, "seed": seed} | functions | known


def named(function: Callable[..., Any]) -> str:
    """A function's name and the settings that functools.partial gave it, a teacher among them.

    Of a function that holds its settings in another way the name alone is known.
    """
    given = dict(enumerate(getattr(function, "args", ()))) | getattr(function, "keywords", {})
    settings = {key: _said(value) for key, value in given.items()}
    name = getattr(getattr(function, "func", function), "__qualname__", type(function).__qualname__)
    return f"{name} {settings}" if settings else name


def _said(value: Any) -> Any:
    if isinstance(value, nn.Module):
        return weights_digest(value)
    if isinstance(value, Tensor):
        return fingerprint({"": value})
    if isinstance(value, Mapping):
        return {str(key): _said(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_said(part) for part in value]
    if isinstance(value, np.ndarray):
        return _said(torch.from_numpy(value))
    return named(value) if callable(value) else str(value)


def weights_digest(model: nn.Module) -> str:
    """SHA-256 of a model's weights and buffers: names, types, shapes, values. Chapter 04.

    It is the same on every device and in every memory layout. What has no weights, such as another
    activation function in the same place, it does not see.
    """
    return fingerprint(model.state_dict())


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors in the order of their names: names, types, shapes, values."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        total.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
