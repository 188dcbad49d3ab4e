"""The experiments of chapter 08: what an arm learns on, who teaches it, and what its record holds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdlib import data
from kdlib.experiments import fidelity as fidelity_experiments
from kdlib.experiments.fidelity import Arm

ARMS = {arm.name: arm for arm in fidelity_experiments.arms()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = data.load("mnist", "train")
    parts = {"train": whole.subset(range(3000)), "test": whole.subset(range(3000, 4000))}
    monkeypatch.setattr(fidelity_experiments, "digits", parts.__getitem__)
    monkeypatch.setattr(fidelity_experiments, "IMAGES", 3000)
    fidelity_experiments.images.cache_clear()
    yield
    fidelity_experiments.images.cache_clear()


def short(arm: Arm) -> Arm:
    teacher = None if arm.teacher is None else short(arm.teacher)
    return replace(arm, recipe=replace(arm.recipe, epochs=2), teacher=teacher)


def test_the_rows_are_those_of_the_chapter() -> None:
    assert len(ARMS) == len(fidelity_experiments.arms()) == 30
    kept = {json.dumps(fidelity_experiments.settings(arm)) for arm in ARMS.values()}
    assert len(kept) == len(ARMS)  # no row is another's copy
    for arm in ARMS.values():
        many = arm.name in ("teacher", "alone", "T-2.5")
        assert len(fidelity_experiments.seeds(arm, "cpu")) == (30 if many else 5)
        if arm.teacher is not None:
            assert arm.teacher.dropout and not arm.dropout  # a teacher teaches, a student does not


def test_sets_of_other_sizes_are_seen_in_about_as_many_steps() -> None:
    sizes = {"thousand": 1000, "xrays": 4447, "first": 30_000, "other": 30_000}
    for arm in ARMS.values():
        images = sizes.get(arm.transfer, 60_000)
        if arm.widths == fidelity_experiments.SMALL:
            steps = arm.recipe.epochs * -(-images // 128)
            assert 9380 <= steps <= 9600


def test_a_student_is_compared_with_its_own_teacher_and_alone_with_the_usual_one(
    small: None, tmp_path: Path
) -> None:
    found = {}
    for name in ("teacher", "alone", "T-1", "smoothed-T-1"):
        found[name] = fidelity_experiments.run(short(ARMS[name]), 1, tmp_path)["metrics"]
        json.dumps(found[name])
    assert "test_agreement" not in found["teacher"]
    assert found["T-1"]["test_agreement"] > 0.8 and found["T-1"]["test_divergence"] < 0.5
    assert found["alone"]["test_agreement"] != found["T-1"]["test_agreement"]
    again = fidelity_experiments.run(short(ARMS["T-1"]), 1, tmp_path)["metrics"]
    assert again == found["T-1"]
    assert found["smoothed-T-1"]["test_errors"] != found["T-1"]["test_errors"]


def test_students_of_a_seed_begin_alike_and_a_twin_not_as_its_teacher() -> None:
    for arm in ARMS.values():
        if arm.widths == fidelity_experiments.SMALL:
            assert not arm.dropout
    assert ARMS["twin"].widths == ARMS["teacher"].widths


def test_what_a_seed_sees(small: None) -> None:
    first, other = (fidelity_experiments.images(part, 4) for part in ("first", "other"))
    assert len(first) == len(other) == 1500
    seen = {image.numpy().tobytes() for image in first.images}
    assert not any(image.numpy().tobytes() in seen for image in other.images)
    assert len(fidelity_experiments.images("thousand", 4)) == 1000
    a, b = (fidelity_experiments.images("noise", seed).images for seed in (4, 5))
    assert len(a) == 3000 and not torch.equal(a, b)
