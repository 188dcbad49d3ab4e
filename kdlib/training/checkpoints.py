"""Checkpoints that survive a kill at any moment: one file, written aside and renamed. Chapter 03."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as packed
from torch import Tensor, nn

from kdlib import files


@dataclass
class State:
    """What training must remember from one epoch to the next.

    curve: one entry an epoch. best: the epoch with the lowest validation loss, and best_weights its weights.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    curve: list[dict[str, float]] = field(default_factory=list)
    best: int | None = None
    best_weights: dict[str, Tensor] | None = None

    def add(self, entry: dict[str, float]) -> None:
        """Close an epoch with its figures; keep the weights if its validation loss is the lowest so far."""
        loss = entry.get("validation_loss", math.nan)
        least = math.inf if self.best is None else self.curve[self.best]["validation_loss"]
        if loss < least:  # never where it is no finite number
            self.best = len(self.curve)
            self.best_weights = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}
        self.curve.append(entry)


class CheckpointError(ValueError):
    """A checkpoint that cannot be used: cut short, or of another run."""


def write(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors and a JSON description to `path`, which holds the old content or the new, never a part.

    Args:
        path: where; its folder is made.
        tensors: any tensors, on any device.
        about: what JSON can hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Copies: safetensors refuses two names for one memory, which tied weights are.
    own = {name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    content = packed(own, {"kdlib": json.dumps(about)})
    with files.replaced(path) as file:
        file.write(content)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description of a checkpoint.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is cut short, or no checkpoint of kdlib.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["kdlib"])
            return {key: file.get_tensor(key) for key in file.keys()}, about  # noqa: SIM118 (no mapping)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        found = f"{path} is cut short or no checkpoint ({error})"
        raise CheckpointError(f"{found}; delete it to start again") from error


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as flat names and tensors: momentum buffers, Adam's moments and step counts."""
    entries = optimizer.state_dict()["state"].items()
    return {f"{i}.{k}": torch.as_tensor(v) for i, entry in entries for k, v in entry.items() if v is not None}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an optimiser back the state that `optimizer_tensors` took."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        like = parameters[int(index)]
        if value.shape == like.shape:  # in the layout of its weights, which fused optimisers take for granted
            value = torch.empty_like(like).copy_(value)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def save(path: Path, state: State, identity: dict[str, Any]) -> None:
    """Write everything that training needs to go on. `identity` says which run this is."""
    model, optimizer = state.model.state_dict(), optimizer_tensors(state.optimizer)
    parts = {"model": model, "optimizer": optimizer, "best": state.best_weights or {}}
    tensors = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
    about = {"curve": state.curve, "best": state.best, "scaler": state.scaler.state_dict()}
    write(path, tensors, {**identity, **about})


def resume(path: Path, state: State, identity: dict[str, Any]) -> None:
    """Bring `state` to where the checkpoint was written.

    Raises:
        CheckpointError: the checkpoint is of another run or another model, or is cut short.
    """
    tensors, about = read(path)
    if keys := " and ".join(key for key, value in identity.items() if about.get(key) != value):
        raise CheckpointError(f"{path} is of another run, by its {keys}; delete it or name another file")
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "best": {}}
    for name, value in tensors.items():
        part, key = name.split("/", 1)
        parts[part][key] = value
    held, wanted = ({k: v.shape for k, v in d.items()} for d in (parts["model"], state.model.state_dict()))
    if held != wanted:  # looked at first: load_state_dict would copy what fits before it complains
        unlike = ", ".join(sorted(k for k in held.keys() | wanted.keys() if held.get(k) != wanted.get(k)))
        raise CheckpointError(f"{path} holds another model; name another file ({unlike} differ)")
    state.model.load_state_dict(parts["model"])
    load_optimizer(state.optimizer, parts["optimizer"])
    state.scaler.load_state_dict(about["scaler"])
    state.curve, state.best, state.best_weights = about["curve"], about["best"], parts["best"] or None
