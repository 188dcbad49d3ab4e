"""The weights that ship with the book, each beside the record of the run that made it."""

import hashlib
import json
from importlib import resources
from typing import Any

from safetensors.torch import load as load_safetensors
from torch import nn

from kdlib import models

FOLDER = resources.files("kdlib") / "weights"
SHIPPED = ("mnist_lenet5_teacher",)


def record(name: str) -> dict[str, Any]:
    """The record of the run that made the shipped weights `name`: settings, metrics, hardware.

    Raises:
        ValueError: no weights of that name are shipped, or the record is damaged.
        FileNotFoundError: the record is missing from the installation.
    """
    if name not in SHIPPED:
        raise ValueError(f"name is {name!r}; the shipped weights are {', '.join(SHIPPED)}")
    try:
        found = json.loads(content(f"{name}.json"))
    except ValueError as error:
        raise ValueError(f"{FOLDER / name}.json is damaged ({error}); install kdlib again") from error
    if not isinstance(found, dict) or "weights_sha256" not in found:
        raise ValueError(f"{FOLDER / name}.json is not a record of weights; install kdlib again")
    return found


def mnist_teacher() -> nn.Sequential:
    """The LeNet-5 teacher of chapter 01, trained on MNIST, in evaluation mode.

    Takes float images (N, 1, 32, 32) with pixels in [0, 1], gives logits (N, 10). How it was trained
    stands in `record("mnist_lenet5_teacher")`.

    Raises:
        ValueError: the shipped file is not the one that was recorded, or its record is damaged.
        FileNotFoundError: the file or its record is missing from the installation.
    """
    model = models.lenet5(seed=0)
    model.load_state_dict(load_safetensors(weights("mnist_lenet5_teacher")))
    return model.eval()


def weights(name: str) -> bytes:
    """The content of a shipped file of weights, once its digest is found to be the recorded one."""
    found = content(f"{name}.safetensors")
    if hashlib.sha256(found).hexdigest() != record(name)["weights_sha256"]:
        raise ValueError(
            f"{FOLDER / name}.safetensors is not the file that was recorded; install kdlib again"
        )
    return found


def content(file: str) -> bytes:
    """The content of a file that travels with kdlib."""
    try:
        return (FOLDER / file).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{FOLDER / file} is missing; install kdlib again") from error
