"""The experiments of chapter 07: equal budgets, tries, what was chosen, and who teaches."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from kdlib import models
from kdlib.experiments import cifar, ledger, runner, signals
from kdlib.experiments.arms import Job, settings
from kdlib.experiments.signals import RECIPE, TRIED
from kdlib.objectives.networks import MutualStudents, WithRegressor

ARMS = {arm.name: arm for arm in signals.arms()}
TRIES = {name: arm for name, arm in ARMS.items() if name.startswith("try-")}


def test_every_method_has_four_tries_and_a_row_with_the_best() -> None:
    assert Counter(name.split("-")[1] for name in TRIES) == {method: 4 for method in TRIED}
    assert [name for name in ARMS if name not in TRIES] == list(TRIED) and len(ARMS) == 75
    for name, arm in ARMS.items():
        tuning = name in TRIES
        later = name.endswith("_soft")
        own = [3, 4, 5] if later else [0, 1, 2, 3, 4, 5, 6]
        assert list(arm.seeds) == ([100] if tuning else own)
        assert arm.options.get("tuning", False) is tuning
    for method, (tried, best) in TRIED.items():
        kept, row = settings(ARMS[f"try-{method}-{best:g}"]), settings(ARMS[method])
        assert best in tried and kept["options"].pop("tuning")
        kept["recipe"] |= {"epochs": RECIPE.epochs}
        assert {key: value for key, value in kept.items() if value != {}} == row


def test_the_budget_is_equal_and_the_rate_is_that_of_the_student_alone() -> None:
    assert {ARMS[method].recipe for method in TRIED} == {RECIPE}
    assert RECIPE.learning_rate == TRIED["alone"][1]
    for name, arm in TRIES.items():
        assert arm.recipe and 2 * arm.recipe.epochs == RECIPE.epochs
        rate = float(name.split("-", 2)[2]) if "alone" in name else RECIPE.learning_rate
        assert arm.recipe.learning_rate == rate


def test_the_best_tries_were_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDLIB_RUNS", raising=False)
    found = {r["arm"]: r["metrics"] for r in ledger.records("signals", "cpu")}
    for method, (tried, best) in TRIED.items():
        known = {x: found[f"try-{method}-{x:g}"]["accuracy"] for x in tried}
        assert best == max(known, key=known.__getitem__), method
        assert {found[f"try-{method}-{x:g}"]["judged_on"] for x in tried} == {"validation"}
        assert found[method]["judged_on"] == "test"


def test_tries_are_judged_on_other_pictures_than_rows(small: Path) -> None:
    for name in ("alone", "try-alone-0.001"):
        runner.run("signals", "cpu", only=name, seeds=[0])
    tried, row = (ledger.records("signals", "cpu")[at] for at in (1, 0))
    assert tried["metrics"]["judged_on"] == "validation" and "teacher_agreement" not in tried["metrics"]
    assert row["metrics"]["judged_on"] == "test" and 0 <= row["metrics"]["teacher_agreement"] <= 1
    assert row["metrics"]["train_seconds"] > 0


def test_the_pictures_to_judge_by_are_no_training_pictures(small: Path) -> None:
    job, tuning = (Job(ARMS[name], 0, small) for name in ("soft", "try-soft-1"))
    train, judge = signals.train_set(job), signals.judged_on(tuning)
    assert len(train) == 200 and len(judge) == 50 and signals.judged_on(job).split == "test"
    seen = {image.numpy().tobytes() for image in train.images}
    assert not any(image.numpy().tobytes() in seen for image in judge.images)
    assert len(signals.train_set(job.of(cifar.TEACHER))) == 2000  # the teacher knows them all


def test_all_students_of_a_seed_begin_alike_and_members_do_not() -> None:
    first = models.vgg(models.VGG_QUICK, seed=3).conv1.weight
    for method in TRIED:
        model = signals.network(ARMS[method], 3)
        if isinstance(model, MutualStudents):
            assert not torch.equal(model.students[0].conv1.weight, model.students[1].conv1.weight)
            model = model.students[0]
        student = model.student if isinstance(model, WithRegressor) else model
        assert torch.equal(student.conv1.weight, first)


def test_the_maps_are_of_equal_sides_and_a_regressor_has_the_teachers_channels() -> None:
    image = torch.rand(2, 3, 32, 32)
    sides = []
    for network in (signals.network(ARMS["alone"], 0), cifar.network(cifar.TEACHER, 0)):
        shapes, features = [], image
        for name, layer in network.named_children():
            features = layer(features)
            if name in signals.MAPS:
                shapes.append(tuple(features.shape[1:]))
        sides.append(shapes)
    assert [[side for _, *side in shapes] for shapes in sides] == [[[8, 8], [4, 4], [2, 2]]] * 2
    at = signals.MAPS.index(signals.GUIDE)
    assert (sides[0][at][0], sides[1][at][0]) == signals.CHANNELS
    guided = signals.network(ARMS["hint"], 0)
    assert isinstance(guided, WithRegressor)
    regressor = guided.regressor
    assert (regressor.in_channels, regressor.out_channels) == signals.CHANNELS


@pytest.mark.parametrize(
    ("method", "seeds"), [("self", [1003]), ("ensemble", [1003, 2003, 3003, 4003, 5003])]
)
def test_peers_are_students_alone_of_seeds_of_their_own(
    method: str, seeds: list[int], small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    fit = signals.fit
    monkeypatch.setattr(
        signals, "fit", lambda of, job: asked.append((job.arm.name, job.seed)) or fit(of, job)
    )
    signals.objective(runner.Job(ARMS[method], 3, small), signals.images("train"))
    assert asked == [("alone", seed) for seed in seeds]
