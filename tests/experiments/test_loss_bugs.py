"""The bug museum's experiment on a handful of images, and its wrong losses against what they claim to be."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdlib import data, losses
from kdlib.experiments import ledger, runner
from kdlib.experiments import loss_bugs as loss_experiments
from kdlib.experiments.loss_bugs import SOFT_TERMS, TEMPERATURE
from kdlib.objectives import Batch


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
    assert records["teacher-twice"]["curve"]["soft"] == pytest.approx([0], abs=1e-6)
    losses_seen = {name: r["curve"]["loss"][0] for name, r in records.items()}
    # In its first epoch the student that an evaluation leaves in eval mode is still the right one.
    assert losses_seen.pop("student-in-eval") == losses_seen["right"]
    assert len(set(losses_seen.values())) == len(losses_seen)


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


def test_the_mixed_cache_has_a_new_order_each_epoch() -> None:
    orders = [loss_experiments.mixed(epoch, seed=0) for epoch in (0, 0, 1)]
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])
    assert sorted(orders[0].tolist()) == list(range(loss_experiments.IMAGES))


@pytest.mark.usefixtures("few")
def test_the_student_stays_in_eval_after_its_first_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_experiments, "RECIPE", replace(loss_experiments.RECIPE, epochs=4))
    arm = loss_experiments.Arm("student-in-eval")
    minimised = loss_experiments.objective(arm, loss_experiments.teacher(tmp_path), 0)
    student = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1024, 10))
    modes = []
    for step in range(8):
        student.train()
        batch = Batch(torch.rand(2, 1, 32, 32), torch.tensor([0, 1]), torch.tensor([0, 1]), step / 8)
        minimised(student, batch)
        modes.append(student.training)
    assert modes == [True, True, False, False, False, False, False, False]
