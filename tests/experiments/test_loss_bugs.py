"""The bug museum of chapter 02: its wrong losses against what they claim to be."""

from pathlib import Path

import pytest
import torch
from small import Constant

from kdlib import losses
from kdlib.experiments import ledger, loss_bugs, runner
from kdlib.experiments.arms import Job
from kdlib.experiments.loss_bugs import SOFT_TERMS, TEMPERATURE
from kdlib.objectives import Batch

ARMS = {arm.name: arm for arm in loss_bugs.arms()}


def test_what_two_of_the_bugs_do_to_the_curves(small: Path) -> None:
    assert len(ARMS) == 11
    for arm in ("right", "teacher-twice", "student-in-eval"):
        runner.run("loss_bugs", "cpu", only=arm, seeds=[3])
    curves = {record["arm"]: record["curve"] for record in ledger.records("loss_bugs", "cpu")}
    # A student whose soft term is built from the teacher alone gets nothing from it.
    assert curves["teacher-twice"]["soft"] == pytest.approx([0, 0], abs=1e-6)
    # In its first epoch the student that an evaluation leaves in eval mode is still the right one.
    first, second = zip(curves["student-in-eval"]["loss"], curves["right"]["loss"], strict=True)
    assert first[0] == first[1] and second[0] != second[1]


def test_students_of_a_seed_see_3000_images_of_its_own() -> None:
    sets = [loss_bugs.train_set(Job(ARMS["right"], seed, Path())) for seed in (0, 0, 1)]
    assert [len(part) for part in sets] == [3000] * 3 and torch.equal(sets[0].images, sets[1].images)
    assert not torch.equal(sets[0].images, sets[2].images)
    assert len(loss_bugs.train_set(Job(loss_bugs.TEACHER, 0, Path()))) == 60_000


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


def test_the_mixed_cache_has_a_new_order_each_epoch(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = runner.Job(ARMS["shuffled"], 0, small)
    part, teacher = loss_bugs.train_set(job), loss_bugs.network(loss_bugs.TEACHER, 0).eval()
    monkeypatch.setattr(loss_bugs, "taught_by", lambda *of: teacher)
    at, student = torch.arange(8), Constant(torch.zeros(8, 10))
    terms = {
        name: [
            float(loss_bugs.objective(job.of(ARMS[name]), part)(student, batch)["soft"])
            for progress in (0.0, 0.4, 0.6)  # of two epochs
            for batch in [Batch(part.images[at], part.labels[at], at, progress)]
        ]
        for name in ("right", "shuffled")
    }
    assert len({*terms["right"]}) == 1
    first, again, second = terms["shuffled"]
    assert first == again != second and terms["right"][0] not in (first, second)


def test_modes_of_the_networks_are_those_of_the_bugs(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = runner.Job(ARMS["right"], 0, small)
    part, teacher = loss_bugs.train_set(job), loss_bugs.network(loss_bugs.TEACHER, 0).double().eval()
    asked: list[bool] = []
    teacher.register_forward_pre_hook(lambda *_: asked.append(teacher.training))
    monkeypatch.setattr(loss_bugs, "taught_by", lambda *of: teacher)
    at = torch.arange(8)
    for name, progress, student_trains, teacher_trains in (
        ("right", 0.9, True, False),
        ("student-in-eval", 0.4, True, False),  # the first evaluation, after an epoch of two, leaves it there
        ("student-in-eval", 0.5, False, False),
        ("student-in-eval", 0.9, False, False),
        ("teacher-in-train", 0.9, True, True),
    ):
        student = loss_bugs.network(ARMS[name], 0).double().train()
        asked.clear()
        objective = loss_bugs.objective(job.of(ARMS[name]), part)
        objective(student, Batch(part.images[at].double() / 255, part.labels[at], at, progress, examples=24))
        assert student.training is student_trains and asked[-1] is teacher_trains and not teacher.training
