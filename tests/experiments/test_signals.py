"""The experiments of chapter 07: equal budgets, tries, what was chosen, and that each method trains."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kdlib.experiments.chosen_settings import CHOSEN

from kdlib import data, models
from kdlib.experiments import ledger
from kdlib.experiments import signals as signal_experiments
from kdlib.experiments.signals import TRIED, Arm
from kdlib.objectives import signals

ARMS = {arm.name: arm for arm in signal_experiments.arms()}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some bundled pictures, a teacher that was not trained, one epoch."""
    whole, test = data.load("cifar10", "train"), data.load("cifar10", "test")
    parts = {
        "train": whole.subset(range(100)),
        "validation": whole.subset(range(300, 400)),
        "test": test.subset(range(100)),
    }
    monkeypatch.setattr(signal_experiments, "images", parts.__getitem__)
    monkeypatch.setattr(
        signal_experiments, "large", lambda folder: models.vgg(models.VGG_SMALL, seed=7).eval()
    )
    monkeypatch.setattr(signal_experiments, "MEMBERS", 2)
    plain = signal_experiments.trained
    quick = replace(signal_experiments.RECIPE, epochs=1, batch_size=50)

    def trained(arm: Arm, *rest: object) -> object:
        return plain(replace(arm, recipe=quick), *rest)

    monkeypatch.setattr(signal_experiments, "trained", trained)


def test_every_method_has_four_tries_and_a_row() -> None:
    tries = Counter(arm.method for arm in ARMS.values() if arm.tuning)
    assert tries == {method: 4 for method in TRIED} and len(ARMS) == len(TRIED) * 5
    assert [arm.name for arm in ARMS.values() if not arm.tuning] == list(TRIED)
    kept = {json.dumps(signal_experiments.settings(arm)) for arm in ARMS.values()}
    assert len(kept) == len(ARMS)
    for arm in ARMS.values():
        assert arm.setting in TRIED[arm.method]
        assert list(signal_experiments.seeds(arm, "cpu")) == ([100] if arm.tuning else [0, 1, 2])


def test_the_budget_is_equal_and_the_rate_is_that_of_the_student_alone() -> None:
    rows = [arm for arm in ARMS.values() if not arm.tuning]
    assert {arm.recipe for arm in rows} == {signal_experiments.RECIPE}
    assert signal_experiments.RECIPE.learning_rate == CHOSEN["alone"]
    for arm in ARMS.values():
        if arm.tuning:
            assert 2 * arm.recipe.epochs == signal_experiments.RECIPE.epochs
            rate = arm.setting if arm.method == "alone" else CHOSEN["alone"]
            assert arm.recipe.learning_rate == rate


def test_the_best_tries_were_chosen() -> None:
    found = {r["arm"]: r["metrics"]["accuracy"] for r in ledger.records("signals", "cpu")}
    for method, tried in TRIED.items():
        known = {x: found[f"try-{method}-{x:g}"] for x in tried if f"try-{method}-{x:g}" in found}
        if len(known) == len(tried):
            assert CHOSEN[method] == max(known, key=known.__getitem__), method


@pytest.mark.parametrize("method", TRIED)
def test_a_method_trains_the_student_and_judges_it(method: str, few: None, tmp_path: Path) -> None:
    found = signal_experiments.run(ARMS[method], 0, tmp_path)
    json.dumps(found)
    measured = found["metrics"]
    assert measured["judged_on"] == "test" and 0 <= measured["accuracy"] <= 1
    assert 0 <= measured["teacher_agreement"] <= 1 and measured["train_seconds"] > 0
    tried = signal_experiments.run(ARMS[f"try-{method}-{TRIED[method][0]:g}"], 100, tmp_path)
    assert tried["metrics"]["judged_on"] == "validation" and "teacher_agreement" not in tried["metrics"]
    assert tried["data"] != found["data"]


def test_all_students_of_a_seed_begin_alike_and_members_do_not(few: None, tmp_path: Path) -> None:
    first = models.vgg(models.VGG_QUICK, seed=3).state_dict()["conv1.weight"]
    begun: dict[str, torch.Tensor] = {}

    def keep(model: torch.nn.Module, *rest: object, **named: object) -> object:
        found = model
        if isinstance(model, signals.WithRegressor):
            found = model.student
        if isinstance(model, signals.MutualStudents):
            assert not torch.equal(model.students[0].conv1.weight, model.students[1].conv1.weight)
            found = model.students[0]
        begun[str(named["description"])] = found.conv1.weight.detach().clone()
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal_experiments, "train", keep)
        for method in ("alone", "hint", "mutual", "soft"):
            with pytest.raises(KeyboardInterrupt):
                signal_experiments.trained(ARMS[method], 3, tmp_path)
        with pytest.raises(KeyboardInterrupt):
            signal_experiments.trained(ARMS["alone"], 3, tmp_path, 1)
    for method in ("alone", "hint", "mutual", "soft"):
        assert torch.equal(begun[f"{method} seed 3"], first)
    assert not torch.equal(begun["alone seed 1003"], first)


def test_the_pictures_to_judge_by_are_no_training_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = data.load("cifar10", "train")
    monkeypatch.setattr(signal_experiments.cifar_experiments, "images", {"train": whole}.__getitem__)
    monkeypatch.setattr(signal_experiments, "IMAGES", 2000)
    monkeypatch.setattr(signal_experiments, "JUDGED", 500)
    signal_experiments.images.cache_clear()
    train, judge = (signal_experiments.images(part) for part in ("train", "validation"))
    signal_experiments.images.cache_clear()
    assert len(train) == 2000 and len(judge) == 500
    seen = {image.numpy().tobytes() for image in train.images}
    assert not any(image.numpy().tobytes() in seen for image in judge.images)
