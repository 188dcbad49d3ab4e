"""The bug museum's experiment on a handful of images, and its wrong losses against what they claim to be."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdlib import data, ledger, loss_experiments, losses, runner
from kdlib.loss_experiments import SOFT_TERMS, TEMPERATURE


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred images and one epoch, with records and checkpoints apart from everyone's."""
    found = {s: data.load("mnist", s, resolution=32).subset(range(200)) for s in ("train", "test")}
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    monkeypatch.setattr(ledger, "shipped", lambda: tmp_path / "shipped")
    monkeypatch.setattr(loss_experiments, "images", found.__getitem__)
    monkeypatch.setattr(loss_experiments, "chosen", lambda seed: torch.arange(200))
    monkeypatch.setattr(loss_experiments, "IMAGES", 200)
    for name in ("RECIPE", "TEACHER"):
        monkeypatch.setattr(loss_experiments, name, replace(getattr(loss_experiments, name), epochs=1))


@pytest.mark.usefixtures("few")
def test_every_bug_trains_and_is_recorded() -> None:
    arms = loss_experiments.arms()
    assert runner.run("loss", "cpu", seeds=[3]) == len(arms) == 11
    records = {r["arm"]: r for r in ledger.records("loss", "cpu")}
    assert set(records) == {arm.name for arm in arms}
    # A student whose soft term is built from the teacher alone gets nothing from it.
    assert records["teacher-twice"]["curve"][0]["soft"] == pytest.approx(0, abs=1e-6)
    curves = [r["curve"][0]["loss"] for r in records.values()]
    assert len(set(curves)) == len(curves)


def gradient(name: str, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    z = student.clone().requires_grad_()
    term = SOFT_TERMS[name](z, teacher)
    if not term.requires_grad:
        return torch.zeros_like(z)
    (found,) = torch.autograd.grad(term, z)
    return found


def test_what_each_wrong_loss_does_to_the_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(6, 10, generator=generator, dtype=torch.float64) for _ in range(2))
    z = student.clone().requires_grad_()
    (good,) = torch.autograd.grad(losses.distillation_term(z, teacher, TEMPERATURE), z)
    assert not gradient("teacher-twice", student, teacher).any()
    torch.testing.assert_close(gradient("mean", student, teacher), good / 10)
    torch.testing.assert_close(gradient("no-t-squared", student, teacher), good / TEMPERATURE**2)
    for name in ("swapped", "probabilities", "softmax-twice"):
        wrong = gradient(name, student, teacher)
        cosine = float((wrong * good).sum() / wrong.norm() / good.norm())
        assert cosine < 0.999
    # At the teacher's own logits the right loss has nothing to say; the wrong ones still push.
    assert float(gradient("swapped", teacher, teacher).norm()) == pytest.approx(0, abs=1e-12)
    assert float(gradient("probabilities", teacher, teacher).norm()) > 0.01
    assert float(gradient("softmax-twice", teacher, teacher).norm()) > 0.01
