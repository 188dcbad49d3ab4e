"""The benchmark of training compares like with like: its plain loop does the very steps of kdlib's own."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kdlib import data
from kdlib.objectives import distilled
from kdlib.training import logits_of, train

FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "bench_training.py"


@pytest.fixture(scope="module")
def bench() -> Any:
    spec = importlib.util.spec_from_file_location("bench_training", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_the_plain_loop_and_the_complete_one_leave_the_bits_of_train(bench: Any, tmp_path: Path) -> None:
    part = data.load("mnist", "train", resolution=32).subset(range(300))
    soft = distilled(logits_of(bench.student(), part), temperature=4, alpha=0.9)
    recipe = replace(bench.RECIPE, epochs=2, schedule="one_cycle")
    plain, complete, trained = (bench.student() for _ in range(3))
    bench.plain(plain, part, soft, recipe)
    shown = bench.complete(complete, part, soft, recipe, tmp_path / "run.safetensors")
    train(trained, part, soft, recipe, seed=0, device="cpu")
    assert torch.equal(weights(plain), weights(trained))
    assert torch.equal(weights(complete), weights(trained))
    assert "6/6" in shown and "soft=" in shown  # the bar was drawn, with the terms
    assert (tmp_path / "run.safetensors").is_file()


def test_nothing_of_the_bar_reaches_the_screen(bench: Any, tmp_path: Path, capfd: Any) -> None:
    part = data.load("mnist", "train", resolution=32).subset(range(128))
    soft = distilled(torch.zeros(128, 10), temperature=4, alpha=0.9)
    bench.complete(bench.student(), part, soft, bench.RECIPE, tmp_path / "run.safetensors")
    assert capfd.readouterr() == ("", "")
