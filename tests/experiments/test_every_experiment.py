"""What holds for every experiment: its arms and records fit, and each arm runs and is recorded once."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kdlib.experiments import ledger, runner
from kdlib.experiments.arms import Arm, fingerprint, settings

ALL = pytest.mark.parametrize("name", runner.EXPERIMENTS)


def arms_of(name: str) -> dict[str, Arm]:
    found = runner.EXPERIMENTS[name].arms()
    assert len({arm.name for arm in found}) == len(found)
    return {arm.name: arm for arm in found}


def recorded(name: str) -> list[ledger.Record]:
    return [record for scale in runner.SCALES for record in ledger.records(name, scale)]


@ALL
def test_teachers_stand_before_their_students_and_no_row_is_anothers_copy(name: str) -> None:
    arms = arms_of(name)
    kept = {json.dumps(settings(arm), sort_keys=True) for arm in arms.values()}
    assert len(kept) == len(arms)
    own = {arm.teacher.name for arm in arms.values() if arm.teacher} & arms.keys()
    for arm in arms.values():
        if arm.teacher and arm.teacher.name in own:
            assert list(arms).index(arm.teacher.name) < list(arms).index(arm.name)
            assert settings(arm.teacher) == settings(arms[arm.teacher.name])
            for scale in runner.SCALES:
                assert {*runner.seeds_of(arm, scale)} <= {*runner.seeds_of(arms[arm.teacher.name], scale)}


@ALL
def test_shipped_records_have_the_settings_of_their_arms_and_each_arm_has_some(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KDLIB_RUNS", raising=False)
    arms, found = arms_of(name), recorded(name)
    assert {record["arm"] for record in found} <= arms.keys()
    for record in found:
        assert record["settings"] == settings(arms[record["arm"]]), record["arm"]
        assert math.isfinite(record["metrics"][runner.EXPERIMENTS[name].headline[0]])
    without = arms.keys() - {record["arm"] for record in found}
    # The one race that nobody has run yet, because it wants a GPU.
    assert without == {arm for arm in arms if name == "cifar" and arm.startswith("full-")}


@ALL
def test_every_arm_has_seeds_for_a_processor_or_is_the_race_for_a_gpu(name: str) -> None:
    for arm in arms_of(name).values():
        assert len(arm.seeds) or (name, arm.name.split("-")[0], len(arm.full)) == ("cifar", "full", 5)


def test_no_checkpoint_can_be_taken_for_another_arms() -> None:
    """Checkpoints of all experiments lie in one folder, by arm, seed and settings."""
    owners: dict[str, set[str]] = {}
    for name in runner.EXPERIMENTS:
        for arm in arms_of(name).values():
            if arm.recipe:
                owners.setdefault(f"{arm.name} {fingerprint(settings(arm))}", set()).add(name)
    shared = {frozenset(names) for names in owners.values() if len(names) > 1}
    assert shared == {frozenset({"cifar", "class_similarity"})}  # which train the same students


@ALL
def test_every_arm_runs_and_is_recorded_once(
    name: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment, arms = runner.EXPERIMENTS[name], arms_of(name)
    now = {arm for arm in arms if len(arms[arm].seeds)}
    assert runner.run(name, "cpu", seeds=[0]) == len(now)
    if later := arms.keys() - now:
        assert runner.run(name, "full", only="full-*", seeds=[0]) == len(later)
    records = {record["arm"]: record for record in recorded(name)}
    assert records.keys() == arms.keys()
    for record in records.values():
        assert record["settings"] == settings(arms[record["arm"]]) and record["seed"] == 0
        assert math.isfinite(record["metrics"][experiment.headline[0]])
        assert record["seconds"] > 0 and record["threads"] >= 1 and record["commit"]
        assert experiment.time or len(record["curve"]["loss"]) == 2
        assert len(record["data"] or "") == (0 if name in ("speed", "clicks") else 64)
    assert runner.run(name, "cpu", seeds=[0]) == 0
    assert Counter(record["arm"] for record in recorded(name)) == Counter(arms.keys())
    capsys.readouterr()
    lines = runner.table(name, "cpu")
    assert experiment.headline[1] in lines[0] and [line.split()[0] for line in lines[1:]] == list(arms)
    assert all(line.endswith("seeds 1") for line in lines[1:] if line.split()[0] in now)
    if not experiment.time:
        differ_by_their_settings(arms, records)


def differ_by_their_settings(arms: dict[str, Arm], records: dict[str, Any]) -> None:
    """Arms that differ in what these short runs leave of their settings learn otherwise, and no others."""
    seen: dict[str, set[str]] = {}
    for name, record in records.items():
        losses = json.dumps([record["curve"]["loss"], record["curve"].get("validation_loss")])
        seen.setdefault(json.dumps(what_is_left(settings(arms[name])), sort_keys=True), set()).add(losses)
    assert all(len(losses) == 1 for losses in seen.values())
    assert len(set.union(*seen.values())) == len(seen)


def what_is_left(kept: dict[str, Any]) -> dict[str, Any]:
    """An arm's settings but epochs and batch size, which are alike for so few examples, and its judges."""
    rest = kept | {"recipe": kept["recipe"] | {"epochs": 2, "batch_size": 24}}
    rest["options"] = {key: value for key, value in kept.get("options", {}).items() if key != "tuning"}
    return rest | ({"teacher": what_is_left(kept["teacher"])} if "teacher" in kept else {})
