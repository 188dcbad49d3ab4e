"""Chapter 04's fair race beside its teachers: the students of its own records, and two taught by less."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_cifar
import torch

from kdlib import data
from kdlib.experiments import (
    cifar as cifar_experiments,
)
from kdlib.experiments import (
    class_similarity as likeness_experiments,
)
from kdlib.experiments import (
    ledger,
    runner,
)
from kdlib.experiments.cifar import Arm
from kdlib.training import logits_of

LESS = ("fair-flattened", "fair-equally-sure")
SHARED = ("fair-alone", "fair-smoothed", "fair-fixed", "fair-distilled")


def arm_of(name: str, among: list[Arm]) -> Arm:
    return next(arm for arm in among if arm.name == name)


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Arm]:
    """Every arm with tiny networks, a few images and two epochs, and records apart from everyone's."""
    found = {split: data.load("cifar10", split).subset(range(0, 2000, 7)) for split in ("train", "test")}
    fair = [tiny_cifar.shortened(arm, 2) for arm in cifar_experiments.fair()]
    tiny_cifar.keep_apart(tmp_path, monkeypatch)
    monkeypatch.setattr(cifar_experiments, "images", found.__getitem__)
    monkeypatch.setattr(cifar_experiments, "fair", lambda: fair)
    monkeypatch.setattr(cifar_experiments, "arms", lambda: fair)
    for module in (cifar_experiments, likeness_experiments):
        monkeypatch.setattr(module, "NETWORKS", tiny_cifar.networks())
        monkeypatch.setattr(module, "TEACHER", arm_of("fair-teacher", fair))
    return fair


def test_the_students_are_those_of_the_fair_race(few: list[Arm]) -> None:
    runner.run("cifar", "cpu", only="fair-*", seeds=[1])
    assert runner.run("likeness", "cpu", seeds=[1]) == len(SHARED) + len(LESS)
    race = {r["arm"]: r for r in ledger.records("cifar", "cpu")}
    records = {r["arm"]: r for r in ledger.records("likeness", "cpu")}
    assert set(records) == {*SHARED, *LESS}
    for name in SHARED:
        mine, theirs = records[name], race[name]
        assert mine["metrics"]["test_answers"] == theirs["metrics"]["test_answers"]
        assert mine["metrics"]["test_errors"] == theirs["metrics"]["test_errors"]
        assert (mine["settings"], mine["data"]) == (theirs["settings"], theirs["data"])
        assert mine["curve"]["loss"] == theirs["curve"]["loss"]
    assert len({tuple(records[name]["curve"]["loss"]) for name in records}) == len(records)


def test_each_student_is_judged_beside_the_teacher_of_its_own_seed(few: list[Arm], tmp_path: Path) -> None:
    alone, teacher = (arm_of(name, few) for name in ("fair-alone", "fair-teacher"))
    found = {seed: likeness_experiments.run(alone, seed, tmp_path)["metrics"] for seed in (0, 1)}
    teachers = [cifar_experiments.trained(teacher, seed, tmp_path)[0] for seed in (0, 1)]
    test = cifar_experiments.images("test")
    for seed, metrics in found.items():
        said = logits_of(teachers[seed], test).argmax(1)
        mine = torch.tensor([int(answer) for answer in metrics["test_answers"]])
        assert metrics["teacher_agreement"] == pytest.approx(float((said == mine).double().mean()))


def test_lesser_teachers_differ_from_the_distilled_students_in_the_objective_alone() -> None:
    arms = {arm.name: arm for arm in likeness_experiments.arms()}
    for name in LESS:
        assert replace(arms[name], name="fair-distilled", objective="hinton") == arms["fair-distilled"]
        for scale in runner.SCALES:
            told = arms["fair-distilled"]
            assert likeness_experiments.seeds(arms[name], scale) == cifar_experiments.seeds(told, scale)
    settings = [str(likeness_experiments.settings(arm)) for arm in arms.values()]
    assert len(set(settings)) == len(settings)  # else one's checkpoint could be taken for another's
