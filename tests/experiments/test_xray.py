"""Chapter 05's runs on X-rays: how patients are parted, kinds and classes, and what its records keep."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix
from small import Constant

from kdlib import data, losses
from kdlib.experiments import ledger, runner, xray
from kdlib.experiments.arms import Job, settings
from kdlib.experiments.xray import VIEWS
from kdlib.objectives import Batch

ARMS = {arm.name: arm for arm in xray.arms()}


def test_arms_keep_what_the_chapter_draws(small: Path) -> None:
    for name in ("alone", "hinton-a0.25-T4", "kinds-teacher"):
        runner.run("xray", "cpu", only=name, seeds=[0])
    test = xray.folder_of("test")
    for record in ledger.records("xray", "cpu"):
        found = record["metrics"]
        for when in ("last", "best"):
            odds = torch.tensor(found[when]["test_log_odds"], dtype=torch.float64)
            apart = odds[test.labels == 1][:, None] - odds[test.labels == 0]  # of each ill and healthy pair
            least, most = ((apart > gap).double().mean() - 1e-6 for gap in (0.0015, -0.0015))
            assert least <= found[when]["test"]["auroc"] <= most + 2e-6  # the odds are rounded to 0.001
            assert 0 <= found[when]["threshold"] <= 1
        assert found["test_errors"] == round((1 - found["last"]["test"]["accuracy"]) * len(test))
        assert len(record["curve"]["validation_loss"]) == 2
    kinds = torch.tensor(found["test_kinds"])
    assert record["arm"] == "kinds-teacher" and kinds.shape == (3, 3) and int(kinds.sum()) == len(test)


def test_the_best_epoch_is_judged_with_its_own_weights(small: Path) -> None:
    from kdlib.experiments.arms import Fitted

    job = runner.Job(ARMS["alone"], 0, small)
    last, best = (xray.network(ARMS["alone"], seed).eval() for seed in (1, 2))
    found = xray.measure(job, Fitted(last, [], best.state_dict()))
    again = xray.measure(job, Fitted(best, [], best.state_dict()))
    assert found["best"] == again["best"] == again["last"] != found["last"]


def test_patients_are_in_one_part_only_unless_it_is_on_purpose() -> None:
    both = data.load("chest_xray", "kaggle_train")
    assert both.patients is not None
    who = {image.numpy().tobytes(): p for image, p in zip(both.images, both.patients, strict=True)}
    for name, shared in (("alone", False), ("parted-by-patient", False), ("parted-by-image", True)):
        rest, held_out = xray.parts(Job(ARMS[name], 0, Path()))
        assert len(rest) + len(held_out) == len(both)
        assert abs(len(held_out) / len(both) - 0.15) < 0.005
        people = [{who[image.numpy().tobytes()] for image in part.images} for part in (rest, held_out)]
        assert bool(people[0] & people[1]) is shared


def test_three_kinds_become_two_classes_at_any_temperature() -> None:
    logits = torch.tensor([[2.0, 1.0, -1.0], [0.5, -3.0, 4.0]])
    for t in (1.0, 4.0):
        of_three = (logits / t).softmax(1)
        of_two = (xray.two_classes(logits, t) / t).softmax(1)
        torch.testing.assert_close(of_two[:, 0], of_three[:, 0])
        torch.testing.assert_close(of_two[:, 1], of_three[:, 1] + of_three[:, 2])
    torch.testing.assert_close(xray.two_classes(logits[:, :2], 4.0), logits[:, :2])


def test_kinds_are_labels_too() -> None:
    test = data.load("chest_xray", "test")
    three = xray.labelled(Job(ARMS["kinds-teacher"], 0, Path()), test)
    assert torch.bincount(three.labels).tolist() == [234, 242, 148]  # Kaggle's counts
    assert torch.equal(three.labels > 0, test.labels > 0)


def test_the_grid_is_the_articles() -> None:
    grid = xray.grid()
    assert len(grid) == len(ARMS) - 19 == 2 + 2 * 16
    students = [settings(arm) for arm in grid if arm.network == "student"]
    assert all(kept["recipe"] == students[0]["recipe"] for kept in students)
    assert {(a.temperature, a.alpha) for a in grid if a.loss == "mage"} == {
        (t, alpha) for t in (1, 2, 4, 8) for alpha in (0.25, 0.5, 0.75, 1)
    }


def test_seeds_are_those_of_the_scale() -> None:
    for arm in ARMS.values():
        few = arm.name.startswith(("source", "moved"))
        assert (len(arm.seeds), len(arm.full)) == (3 if few else 5, 10)


def test_moved_pictures_are_shown_to_teacher_and_student_alike() -> None:
    assert VIEWS[0] == (False, 0, 0) and len(set(VIEWS)) == 8
    assert all(not flip and max(abs(dy), abs(dx)) <= 4 for flip, dy, dx in VIEWS)
    for arm in ARMS.values():
        assert arm.views == (VIEWS if arm.name.startswith("moved") else ())
        assert arm.teacher is None or arm.teacher.views == arm.views
    for name in ("teacher", "alone"):
        assert replace(ARMS[f"moved-{name}"], name=name, views=(), seeds=range(5)) == ARMS[name]


def test_pictures_are_the_bundles_whatever_the_environment_says(scale_cpu_without_data: None) -> None:
    bundled = data.load("chest_xray", "val", scale="quick")
    assert torch.equal(xray.folder_of.__wrapped__("val").images, bundled.images)


def test_the_table_of_answers_is_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 3, generator=generator)
    labels = torch.randint(0, 3, (200,), generator=generator)
    expected = confusion_matrix(labels, logits.argmax(1), labels=range(3))
    assert xray.confusion(logits, labels) == expected.tolist()
    assert not np.array_equal(expected, expected.T)  # else rows could be columns


def test_the_articles_loss_is_half_of_the_divergence_without_t_squared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 2, generator=generator)
    batch = Batch(torch.zeros(6), torch.tensor([0, 1] * 3), torch.arange(6))
    monkeypatch.setattr(xray, "answers", lambda *of: teacher)
    job = Job(ARMS["mage-a0.25-T4"], 0, Path())
    terms = xray.objective(job, xray.folder_of("val"))(Constant(student), batch)
    right = losses.distillation_term(student, teacher, 4)
    torch.testing.assert_close(terms["soft"], right / 16 / 2)
    torch.testing.assert_close(terms["loss"], 0.75 * terms["hard"] + 0.25 * terms["soft"])


def test_an_answer_comes_from_the_teacher_that_has_not_seen_the_patient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job(ARMS["unseen-T1"], 3, Path())
    halves = [xray.train_set(job.of(ARMS[f"half-teacher-{k}"])) for k in (0, 1)]
    people = [set(half.patients or ()) for half in halves]
    assert not people[0] & people[1] and sum(map(len, halves)) == len(xray.folder_of("train"))
    assert people != [set(xray.half(job.of(job.arm, 4), k).patients or ()) for k in (0, 1)]

    def told(experiment: object, job: Job, part: data.Dataset) -> torch.Tensor:
        assert job.arm.teacher
        return torch.full((len(part), 2), float(job.arm.teacher.options["half"]))

    given: list[torch.Tensor] = []
    monkeypatch.setattr(xray, "answers", told)
    monkeypatch.setattr(xray, "distilled", lambda logits, **settings: given.append(logits))
    part = xray.train_set(job).subset(range(0, 4447, 50))
    xray.objective(job, part)
    asked = given[0][:, 0].int().tolist()
    assert set(asked) == {0, 1} and part.patients
    assert all(patient not in people[k] for patient, k in zip(part.patients, asked, strict=True))
