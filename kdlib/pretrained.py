"""The weights that ship with the book, each beside the record of the run that made it."""

import hashlib
import json
from importlib import resources
from typing import Any

from safetensors.torch import load as load_safetensors
from torch import nn

from kdlib import models


def record(name: str) -> dict[str, Any]:
    """The record of the run that made the shipped weights `name`: settings, metrics, hardware.

    Raises:
        ValueError: no weights of that name are shipped.
    """
    folder = resources.files("kdlib") / "weights"
    path = folder / f"{name}.json"
    if not path.is_file():
        known = sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json"))
        raise ValueError(f"name is {name!r}; the shipped weights are {', '.join(known)}")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def mnist_teacher() -> nn.Sequential:
    """The LeNet-5 teacher of chapter 01, trained on MNIST, in evaluation mode.

    Takes float images (N, 1, 32, 32) with pixels in [0, 1], gives logits (N, 10). How it was trained
    stands in `record("mnist_lenet5_teacher")`.

    Raises:
        ValueError: the shipped file is not the one that was recorded.
    """
    name = "mnist_lenet5_teacher"
    path = resources.files("kdlib") / "weights" / f"{name}.safetensors"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != record(name)["weights_sha256"]:
        raise ValueError(f"{path} is not the file that was recorded; install kdlib again")
    model = models.lenet5(seed=0)
    model.load_state_dict(load_safetensors(content))
    return model.eval()
