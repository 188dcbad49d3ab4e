"""Chapter 04's fair race beside its teachers: the students of its own records, and two taught by less."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdlib import cifar_experiments, data, ledger, likeness_experiments, runner
from kdlib.cifar_experiments import NETWORKS, Arm

LESS = ("fair-flattened", "fair-equally-sure")
SHARED = ("fair-alone", "fair-smoothed", "fair-fixed", "fair-distilled")


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Arm]:
    """Every arm with tiny networks, a few images and two epochs, and records apart from everyone's."""
    found = {split: data.load("cifar10", split).subset(range(0, 2000, 7)) for split in ("train", "test")}
    tiny = {name: about | {"blocks": ((4,), (4,))} for name, about in NETWORKS.items()}

    def short(arm: Arm) -> Arm:
        recipe = replace(arm.recipe, epochs=2)
        return replace(arm, recipe=recipe, teacher=arm.teacher and short(arm.teacher))

    fair = [short(arm) for arm in cifar_experiments.fair()]
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    monkeypatch.setattr(ledger, "shipped", lambda: tmp_path / "shipped")
    monkeypatch.setattr(cifar_experiments, "images", found.__getitem__)
    monkeypatch.setattr(cifar_experiments, "fair", lambda: fair)
    monkeypatch.setattr(cifar_experiments, "arms", lambda: fair)
    for module in (cifar_experiments, likeness_experiments):
        monkeypatch.setattr(module, "NETWORKS", tiny)
        monkeypatch.setattr(module, "TEACHER", short(cifar_experiments.TEACHER))
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
    arm = next(arm for arm in few if arm.name == "fair-alone")
    found = {seed: likeness_experiments.run(arm, seed, tmp_path)["metrics"] for seed in (0, 1)}
    teachers = [cifar_experiments.trained(arm_of("fair-teacher", few), seed, tmp_path)[0] for seed in (0, 1)]
    test = cifar_experiments.images("test")
    for seed, metrics in found.items():
        said = likeness_experiments.logits_of(teachers[seed], test).argmax(1)
        mine = torch.tensor([int(answer) for answer in metrics["test_answers"]])
        assert metrics["teacher_agreement"] == pytest.approx(float((said == mine).double().mean()))


def arm_of(name: str, among: list[Arm]) -> Arm:
    return next(arm for arm in among if arm.name == name)


def test_lesser_teachers_differ_from_the_distilled_students_in_the_objective_alone() -> None:
    arms = {arm.name: arm for arm in likeness_experiments.arms()}
    for name in LESS:
        assert replace(arms[name], name="fair-distilled", objective="hinton") == arms["fair-distilled"]
        for scale in runner.SCALES:
            told = arms["fair-distilled"]
            assert likeness_experiments.seeds(arms[name], scale) == cifar_experiments.seeds(told, scale)
    settings = [str(likeness_experiments.settings(arm)) for arm in arms.values()]
    assert len(set(settings)) == len(settings)  # else one's checkpoint could be taken for another's
