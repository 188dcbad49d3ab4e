"""Chapter 04's first race with many seeds: what its records hold."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdlib import data, pretrained, race_experiments
from kdlib.race_experiments import Arm

ALONE, DISTILLED = race_experiments.arms()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """286 images of each split, and the teacher's answers to them."""
    at = range(0, 2000, 7)
    parts, answers = {}, {}
    for split in ("train", "test"):
        whole = data.load("cifar10", split)
        parts[split] = whole.subset(at)
        answers[id(parts[split])] = pretrained.cifar_teacher_logits(whole)[at]
    monkeypatch.setattr(data, "load", lambda name, split, scale: parts[split])
    monkeypatch.setattr(pretrained, "cifar_teacher_logits", lambda dataset: answers[id(dataset)])


def test_both_students_run_and_differ_in_their_objective_alone(few: None, tmp_path: Path) -> None:
    found = {}
    for arm in (ALONE, DISTILLED):
        quick = replace(arm, recipe=replace(arm.recipe, epochs=1))
        found[arm.name] = race_experiments.run(quick, 3, tmp_path)
        json.dumps([found[arm.name], race_experiments.settings(quick)])
        assert found[arm.name]["metrics"]["test_errors"] == round(
            286 * (1 - found[arm.name]["metrics"]["test_accuracy"])
        )
    assert found["alone"]["data"] == found["distilled"]["data"]
    assert found["alone"]["curve"][0]["loss"] != found["distilled"]["curve"][0]["loss"]
    assert set(found["distilled"]["curve"][0]) > {"soft", "hard"} and "soft" not in found["alone"]["curve"][0]
    same = Arm("", 0.0)
    assert replace(ALONE, name="") == same and replace(DISTILLED, name="", alpha=0.0) == same
    assert [len(race_experiments.seeds(ALONE, scale)) for scale in ("cpu", "full")] == [10, 30]


def test_a_student_is_judged_beside_its_teacher() -> None:
    labels = torch.tensor([0, 0, 1, 2])
    teacher = torch.tensor([[8.0, 0, 0], [0, 8, 0], [0, 8, 0], [0, 8, 0]])  # wrong on the second and the last
    student = torch.tensor([[8.0, 0, 0], [0, 8, 0], [0, 0, 8], [8, 0, 0]])
    found = race_experiments.judged(student, teacher, labels)
    assert (found["test_errors"], found["test_answers"]) == (3, "0120")
    assert found["teacher_agreement"] == 0.5
    assert found["same_mistakes"] == 0.5  # both wrong twice, once alike
    top, rest = torch.tensor([2.0, 0, 0]).softmax(0)[:2].tolist()
    apart = (top - rest) * 2  # nats between two such answers, at temperature 4
    assert found["divergence"] == pytest.approx(apart / 2)
    assert found["divergence_where_teacher_errs"] == pytest.approx(apart / 2)
    assert race_experiments.judged(teacher, teacher, labels)["likeness"] == pytest.approx(1)


def test_likeness_compares_the_wrong_classes_only() -> None:
    labels = torch.tensor([0, 1, 2])
    first = torch.tensor([[4.0, 2, 0], [0, 4, 2], [2, 0, 4]])
    surer = first + 10 * torch.eye(3)  # the right classes gain, and all others lose in proportion
    assert race_experiments.likeness(first, surer, labels) == pytest.approx(1)
    turned = first.flip(0).flip(1)  # another order of the same likenesses
    assert race_experiments.likeness(first, turned, labels) < 0
