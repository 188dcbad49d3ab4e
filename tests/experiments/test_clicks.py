"""The experiments on clicks: who sees what, in which order, and what is judged."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from kdlib.data.clicks import clicks, rows
from kdlib.experiments import clicks as experiment
from kdlib.experiments import ledger, runner
from kdlib.experiments.arms import Job, fit
from kdlib.objectives.privileged import CoTrained

ARMS = {arm.name: arm for arm in experiment.arms()}


def test_the_rows_are_those_of_the_chapter() -> None:
    assert len(ARMS) == 44 and all(len(arm.seeds) == 10 and len(arm.full) == 30 for arm in ARMS.values())
    assert sum(arm.name.startswith("teacher-") for arm in ARMS.values()) == 11
    for arm in ARMS.values():
        if arm.teacher:
            assert arm.teacher.options == arm.options and arm.temperature == 1.0


def test_every_kind_of_arm_runs_twice_alike_and_is_judged_beside_the_best(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("alone", "teacher-leak-8", "after-noise-0-a1", "beside-ramp-a0.5", "pulled-kl-ramp")
    found: list[dict[str, ledger.Record]] = []
    for place in ("one", "two"):
        monkeypatch.setenv("KDLIB_RUNS", str(small / place))
        for name in names:
            runner.run("clicks", "cpu", only=name, seeds=[1])
        found.append({record["arm"]: record for record in ledger.records("clicks", "cpu")})
    assert all("seconds" in found[0][name]["curve"] for name in names)
    for name in names:
        metrics = found[0][name]["metrics"]
        assert metrics == found[1][name]["metrics"]
        assert metrics["best_logloss"] < 0.5 and 0.75 < metrics["best_auroc"] < 0.9
        assert ("teacher_logloss" in metrics) == ("beside" in name or "pulled" in name)
        assert name.startswith("teacher") or metrics["test_logloss"] > metrics["best_logloss"]


def test_a_student_never_sees_dwell() -> None:
    data = clicks(300, seed=5)
    other = data._replace(dwell=data.dwell + 3)
    for name, same in (("alone", True), ("teacher-noise-1", False), ("beside-late-a1", True)):
        model = experiment.network(ARMS[name], 0)
        assert torch.equal(model(rows(data)), model(rows(other))) == same
    pair = experiment.network(ARMS["beside-late-a1"], 0)
    assert isinstance(pair, CoTrained)
    assert not torch.equal(pair.teacher(rows(data)), pair.teacher(rows(other)))


def test_a_seed_has_its_own_clicks_and_the_same_orders_again(small: Path) -> None:
    def epochs(seed: int, name: str = "alone") -> list[torch.Tensor]:
        loader = experiment.train_set(Job(ARMS[name], seed, Path()))
        return [torch.cat([features for features, _ in loader]) for _ in range(2)]

    first, again, other = epochs(3), epochs(3), epochs(4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True)) and len(first[0]) == 600
    assert not torch.equal(first[0], first[1])  # a new order each epoch
    assert torch.equal(first[0].sort(0).values, first[1].sort(0).values)
    assert not torch.equal(first[0].sort(0).values, other[0].sort(0).values)
    visitors = [epochs(3, name)[0][:, :16] for name in ("teacher-noise-0", "after-leak-8-a1")]
    assert torch.equal(visitors[0], visitors[1]) and torch.equal(visitors[0], first[0][:, :16])


def test_the_figures_are_those_of_the_student(small: Path) -> None:
    test = clicks(2000, seed=9)
    model = fit(experiment.EXPERIMENT, runner.Job(ARMS["beside-ramp-a0.5"], 0, small)).model
    assert isinstance(model, CoTrained)
    with torch.no_grad():
        by_hand = float(F.cross_entropy(model.student(rows(test).double()), test.bought))
    found = experiment.judged(model, test)
    assert found["test_logloss"] == pytest.approx(by_hand)
    p, y = test.chance, test.bought
    expected = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    assert found["best_logloss"] == pytest.approx(float(expected), rel=1e-6)
