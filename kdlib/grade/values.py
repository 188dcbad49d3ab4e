"""How inputs go into the sandbox and results come out: as JSON of numbers. Nothing is unpickled."""

from typing import Any

import torch
from torch import Tensor

LARGEST = 100_000  # numbers of one tensor
TYPES = {"float64": torch.float64, "int64": torch.int64, "bool": torch.bool}


def written(value: Any) -> Any:
    """A tensor, a number or a list of them, as what JSON can hold. ValueError where it is neither."""
    if isinstance(value, Tensor):
        if value.numel() > LARGEST:
            raise ValueError(f"a tensor of {value.numel()} numbers; {LARGEST} are allowed")
        kind = str(value.dtype).removeprefix("torch.")
        if kind not in TYPES:
            raise ValueError(f"a tensor of {kind}")
        return {"type": kind, "shape": list(value.shape), "numbers": value.flatten().tolist()}
    if isinstance(value, list | tuple):
        return [written(part) for part in value]
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a {type(value).__name__}")


def read(value: Any) -> Any:
    """The opposite. ValueError where it is no such thing, whoever wrote it."""
    if isinstance(value, list):
        return [read(part) for part in value]
    if isinstance(value, bool | int | float | str):
        return value
    try:
        numbers = torch.tensor(value["numbers"], dtype=TYPES[value["type"]])
        return numbers.reshape([int(size) for size in value["shape"]])
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError("no tensor") from error
