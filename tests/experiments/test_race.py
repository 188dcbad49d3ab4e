"""Chapter 04's first race with many seeds: what its records hold."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kdlib import data, models, pretrained
from kdlib.experiments import ledger, runner
from kdlib.experiments import race as race_experiments

ARMS = {arm.name: arm for arm in race_experiments.arms()}
ALONE, DISTILLED = ARMS["alone"], ARMS["distilled"]


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


def test_every_student_of_a_seed_starts_from_the_same_weights_and_sees_the_same(
    few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    plain = race_experiments.train

    def watched(student: Any, pictures: Any, objective: Any, recipe: Any, **rest: Any) -> Any:
        weights = torch.cat([p.detach().flatten().clone() for p in student.parameters()])
        steps: list[Any] = []
        seen[rest["description"]] = (weights, steps, recipe)

        def noted(model: Any, batch: Any) -> Any:
            steps.append(batch)
            return objective(model, batch)

        return plain(student, pictures, noted, replace(recipe, epochs=2), **rest)

    monkeypatch.setattr(race_experiments, "train", watched)
    for arm in ARMS.values():
        race_experiments.run(arm, 3, tmp_path)
        json.dumps(race_experiments.settings(arm))
    assert list(seen) == [f"{name} seed 3" for name in ARMS]
    first, shown, _ = seen["alone seed 3"]
    assert len(shown) == 2 * 3 and first.numel() == 63_434
    for name, arm in ARMS.items():
        weights, steps, recipe = seen[f"{name} seed 3"]
        assert torch.equal(weights, first) and recipe == arm.recipe
        for mine, its in zip(steps, shown, strict=True):
            for part in ("positions", "views", "images", "labels"):
                assert torch.equal(getattr(mine, part), getattr(its, part))
    other = models.vgg(models.VGG_QUICK, seed=4)
    assert not torch.equal(torch.cat([p.detach().flatten() for p in other.parameters()]), first)


def test_distilled_arms_train_differently_from_one_another(few: None, tmp_path: Path) -> None:
    losses = {}
    for name, arm in ARMS.items():
        if arm.recipe == race_experiments.RECIPE:
            quick = replace(arm, recipe=replace(arm.recipe, epochs=1))
            losses[name] = race_experiments.run(quick, 3, tmp_path)["curve"][0]["loss"]
    assert len(losses) == len(set(losses.values())) == 9


def test_each_arm_differs_in_one_thing_from_the_one_that_it_is_compared_with() -> None:
    beside = {"distilled": ("alone", {"alpha": 0.9})}
    for epochs in (16, 64):
        longer = {"epochs": epochs}
        beside[f"alone-{epochs}"] = ("alone", longer)
        beside[f"distilled-{epochs}"] = ("distilled", longer)
    beside |= {f"alpha-{alpha:g}": ("distilled", {"alpha": alpha}) for alpha in (0.25, 0.5, 0.75, 1)}
    beside |= {f"T-{t}": ("distilled", {"temperature": t}) for t in (1, 2, 8)}
    assert {*beside, "alone"} == set(ARMS) and len(race_experiments.arms()) == 13
    flat = {}
    for name, arm in ARMS.items():
        kept = race_experiments.settings(arm)
        flat[name] = kept | kept.pop("recipe")  # the recipe's own settings beside the arm's
    for name, (other, difference) in beside.items():
        assert {key: value for key, value in flat[name].items() if value != flat[other][key]} == difference
    for epochs in (16, 64):
        assert flat[f"distilled-{epochs}"] == flat[f"alone-{epochs}"] | {"alpha": 0.9}
    assert flat["alone"]["alpha"] == 0 and flat["alone"]["epochs"] == 4


def test_seeds_are_those_of_the_scale() -> None:
    counts = {
        name: tuple(len(race_experiments.seeds(arm, scale)) for scale in ("cpu", "full"))
        for name, arm in ARMS.items()
    }
    assert counts.pop("alone") == counts.pop("distilled") == (10, 30)
    for name in ("alone-16", "distilled-16", "alone-64", "distilled-64"):
        assert counts.pop(name) == (5, 10)
    assert len(counts) == 7 and set(counts.values()) == {(10, 10)}


def test_the_arms_around_the_race_age_none_of_its_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDLIB_RUNS", raising=False)
    found = ledger.records("race", "cpu")
    assert {("alone", 9), ("distilled", 9)} <= {(record["arm"], record["seed"]) for record in found}
    assert runner.older("race", "cpu") == []


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
