"""Chapter 04's runs small enough for a test: tiny networks, short recipes, records apart from everyone's."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kdlib.experiments import ledger
from kdlib.experiments.cifar import NETWORKS, Arm


def networks() -> dict[str, dict[str, Any]]:
    """Every network with two blocks of four channels."""
    return {name: about | {"blocks": ((4,), (4,))} for name, about in NETWORKS.items()}


def shortened(arm: Arm, epochs: int) -> Arm:
    """The arm, and its teacher, with so many epochs."""
    recipe = replace(arm.recipe, epochs=epochs)
    return replace(arm, recipe=recipe, teacher=arm.teacher and shortened(arm.teacher, epochs))


def keep_apart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records and checkpoints go to `folder`, and the shipped ones are not seen."""
    monkeypatch.setenv("KDLIB_RUNS", str(folder))
    monkeypatch.setattr(ledger, "shipped", lambda: folder / "shipped")
