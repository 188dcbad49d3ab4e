"""The benchmark of training counts what it says: every call of the bar, the curves and the checkpoints."""

import contextlib
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from kdlib import data
from kdlib.objectives import distilled
from kdlib.training import logits_of

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_training.py"


@pytest.fixture(scope="module")
def bench() -> Any:
    spec = importlib.util.spec_from_file_location("bench_training", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_bar_curves_and_checkpoints_are_all_timed(bench: Any, tmp_path: Path) -> None:
    part = data.load("mnist", "train", resolution=32).subset(range(300))
    soft = distilled(logits_of(bench.student(), part), temperature=4, alpha=0.9)
    with contextlib.ExitStack() as stack:
        spent = {name: stack.enter_context(bench.timed(owner, name)) for owner, name in bench.THREE}
        shown = bench.complete(bench.student(), part, soft, bench.SHORT, tmp_path / "run.safetensors")
    assert "9/9" in shown and "soft=" in shown  # the bar was drawn, with the terms
    assert (tmp_path / "run.safetensors").is_file()
    steps, epochs = 9, 3
    assert {name: len(calls) for name, calls in spent.items()} == {
        "update": steps,
        "set_postfix": epochs,
        "close": 2,  # once more when it is forgotten
        "_means": epochs,
        "digest": 1,
        "save": epochs,
    }
    assert all(second > 0 for calls in spent.values() for second in calls)


def test_the_share_is_of_all_else(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that moves by one second a look: three timed calls and four seconds else."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: float(next(ticks)))
    owner = SimpleNamespace(work=lambda: None)
    monkeypatch.setattr(bench, "THREE", [(owner, "work")])
    monkeypatch.setattr(bench, "complete", lambda *_: [owner.work() for _ in range(3)])
    # The clock is looked at eight times, so seven seconds pass; each call is between two looks.
    assert bench.added(None, None, 2) == pytest.approx(100 * 3 / 4)


def test_nothing_of_the_bar_reaches_the_screen(bench: Any, tmp_path: Path, capfd: Any) -> None:
    part = data.load("mnist", "train", resolution=32).subset(range(128))
    soft = distilled(torch.zeros(128, 10), temperature=4, alpha=0.9)
    bench.complete(bench.student(), part, soft, bench.RECIPE, tmp_path / "run.safetensors")
    assert capfd.readouterr() == ("", "")
