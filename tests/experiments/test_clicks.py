"""The experiments on clicks: what an arm trains, what its record holds, and what is judged."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from kdlib import cli
from kdlib.data.clicks import clicks
from kdlib.experiments import clicks as click_experiments
from kdlib.experiments import ledger, runner
from kdlib.experiments.clicks import Arm
from kdlib.objectives.privileged import CoTrained


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click_experiments, "TRAINING", 600)
    monkeypatch.setattr(click_experiments, "TEST", 3000)
    click_experiments.drawn.cache_clear()
    yield
    click_experiments.drawn.cache_clear()


ARMS = {arm.name: arm for arm in click_experiments.arms()}


def test_the_rows_are_those_of_the_chapter() -> None:
    assert len(ARMS) == len(click_experiments.arms()) == 44
    for arm in ARMS.values():
        assert len(click_experiments.seeds(arm, "cpu")) == 10
        assert arm.role in ("alone", "teacher", "after", "beside")
        json.dumps(click_experiments.settings(arm))
    kept = {json.dumps(click_experiments.settings(arm)) for arm in ARMS.values()}
    assert len(kept) == len(ARMS)  # no row is another's copy


def test_every_kind_of_arm_runs_twice_alike_and_is_judged_beside_the_best(small: None) -> None:
    some = ("alone", "teacher-leak-8", "after-noise-0-a1", "beside-ramp-a0.5", "pulled-at-once")
    for name in (*some, "pulled-kl-ramp"):
        measured, again = (click_experiments.run(ARMS[name], 1, Path()) for _ in range(2))
        for record in (measured, again):
            assert record["metrics"].pop("train_seconds") > 0
            for entry in record["curve"]:
                entry.pop("seconds")
        assert measured == again
        found = measured["metrics"]
        assert found["best_logloss"] < 0.45 and 0.8 < found["best_auroc"] < 0.86
        assert (found["test_logloss"] < 0.05) == (name == "teacher-leak-8")
        assert ("teacher_logloss" in found) == (ARMS[name].role == "beside")
        if ARMS[name].role != "teacher":
            assert found["test_logloss"] > found["best_logloss"]


def test_a_student_never_sees_dwell_and_a_seed_has_its_own_clicks() -> None:
    data = clicks(300, seed=5)
    student, teacher = click_experiments.network(False, 0), click_experiments.network(True, 0)
    other = data._replace(dwell=data.dwell + 3)
    for model, same in ((student, True), (teacher, False)):
        a, b = (model(click_experiments.rows(d)) for d in (data, other))
        assert torch.equal(a, b) == same
    digests = {click_experiments.digest(clicks(300, seed=s)) for s in (1, 2, 2)}
    assert len(digests) == 2


def test_students_of_a_seed_begin_alike_and_see_the_same_order() -> None:
    data = clicks(500, seed=0)
    first, second = (
        [labels for epoch in range(2) for _, labels in click_experiments.batches(data, 3)] for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    loader = click_experiments.batches(data, 3)
    one, two = (torch.cat([rows for rows, _ in loader]) for _ in range(2))
    assert not torch.equal(one, two)  # a new order each epoch
    assert torch.equal(one.sort(0).values, two.sort(0).values)
    states = [click_experiments.network(False, 7).state_dict() for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))


def test_the_figures_are_those_of_the_student(small: None) -> None:
    arm = Arm("beside", "beside", alpha=0.5)
    data, test = click_experiments.drawn(600, 0, arm.dwell), clicks(2000, seed=9)
    model, curve, _ = click_experiments.trained(arm, 0, data)
    assert isinstance(model, CoTrained) and len(curve) == click_experiments.RECIPE.epochs
    with torch.no_grad():
        by_hand = float(F.cross_entropy(model.student(click_experiments.rows(test)), test.bought))
    found = click_experiments.judged(model, test)
    assert found["test_logloss"] == pytest.approx(by_hand)
    p, y = test.chance, test.bought
    expected = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    assert found["best_logloss"] == pytest.approx(float(expected), rel=1e-6)


def test_from_the_command_line(small: None, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    monkeypatch.setattr(ledger, "shipped", lambda: tmp_path / "none")
    assert cli.main(["run", "clicks", "--scale", "cpu", "--only", "beside-late-a1", "--seeds", "0"]) == 0
    assert "test logloss" in capsys.readouterr().out
    (record,) = ledger.records("clicks", "cpu")
    assert record["arm"] == "beside-late-a1" and record["settings"]["schedule"] == "late"
    assert record["code"] == runner.code(click_experiments)
