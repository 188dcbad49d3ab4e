"""A long run tries both precisions at its start and keeps one to its end."""

from pathlib import Path

import pytest
import torch
from torch import nn

from kdlib import data
from kdlib.data import Dataset
from kdlib.experiments import arms
from kdlib.objectives import supervised
from kdlib.training import Recipe, devices, train

RECIPE = Recipe(2, 0.01, batch_size=8, half="everywhere")


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Few images, of which any run is a long one, on a processor that has bfloat16."""
    monkeypatch.setattr(arms, "LONG", 1)
    monkeypatch.setattr(devices, "half_precision", lambda device: torch.bfloat16)
    return data.load("mnist", "train").subset(range(64))


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


@pytest.mark.parametrize(("slow", "kept"), [("bfloat16", "nowhere"), ("float32", "everywhere")])
def test_the_quicker_one_is_kept_and_told(
    images: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    slow: str,
    kept: str,
) -> None:
    clock, trains = [0.0], arms.train

    def slowly(net: nn.Module, part: Dataset, objective: object, recipe: Recipe, **how: object) -> object:
        clock[0] += 9 if (recipe.half == "everywhere") == (slow == "bfloat16") else 1
        return trains(net, part, objective, recipe, **how)

    monkeypatch.setattr(arms, "train", slowly)
    monkeypatch.setattr(arms, "perf_counter", lambda: clock[0])
    net = model()
    before = net[1].weight.clone()
    assert arms.precision(net, images, RECIPE, tmp_path / "new").half == kept
    assert torch.equal(net[1].weight, before)  # the steps that were tried left no trace
    assert f"kept: {kept}" in capsys.readouterr().out


def test_a_run_that_is_gone_on_with_keeps_what_it_has(images: Dataset, tmp_path: Path) -> None:
    began = Recipe(2, 0.01, batch_size=8, half="nowhere")
    train(model(), images, supervised, began, seed=0, checkpoint=tmp_path / "a")
    assert arms.precision(model(), images, RECIPE, tmp_path / "a").half == "nowhere"


def test_short_runs_and_other_recipes_stay(images: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Recipe(2, 0.01, batch_size=8)
    assert arms.precision(model(), images, plain, Path("none")) == plain
    monkeypatch.setattr(arms, "LONG", 1000)
    assert arms.precision(model(), images, RECIPE, Path("none")) == RECIPE
