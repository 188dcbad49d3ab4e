"""Does the code still make these numbers? Every arm's canary beside the one that was stored."""

import pytest
from canaries import canaries
from small import toy

from kdlib.experiments import runner

TRAINED = [name for name, experiment in runner.EXPERIMENTS.items() if not experiment.time]
REMEDY = "run these arms again, or name them under 'older' in records/canaries.json"


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_the_canaries_sing_as_they_did_when_the_records_were_made(name: str) -> None:
    """A change of a processor is no cause: they are sung in float64, on one thread."""
    stored = runner.stored_canaries()
    figures, older = stored["figures"], stored["older"]
    sung = canaries(runner.EXPERIMENTS[name])
    known = {arm: found for arm, found in figures.items() if arm.startswith(f"{name}.")}
    missing = sorted(sung.keys() - known.keys() - {*older})
    assert not missing, (
        f"no canary is stored for {', '.join(missing)}: store it with the records, or {REMEDY}"
    )
    changed = [
        arm
        for arm, now in sung.items()
        if arm not in older and known[arm] != pytest.approx(now, rel=1e-5, abs=0)
    ]
    assert not changed, f"other code made the records of {', '.join(changed)}: {REMEDY}"
    assert not (gone := sorted(known.keys() - sung.keys())), (
        f"canaries of no arm are stored: {', '.join(gone)}"
    )


def test_only_arms_of_which_there_are_records_are_older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDLIB_RUNS", raising=False)
    arms = {f"{name}.{arm.name}" for name, found in runner.EXPERIMENTS.items() for arm in found.arms()}
    stored = runner.stored_canaries()
    assert {*stored["older"]} <= arms and stored.keys() == {"figures", "older"}
    for name in runner.EXPERIMENTS:
        marked = [arm.removeprefix(f"{name}.") for arm in stored["older"] if arm.startswith(f"{name}.")]
        assert sorted(runner.older(name, "cpu")) == sorted(marked)


def test_a_canary_is_the_same_twice_and_another_when_the_code_changes() -> None:
    sung = canaries(toy())
    assert sung == canaries(toy()) and sung.keys() == {"toy.teacher", "toy.alone", "toy.taught"}
    assert all(len(figures) == 2 for figures in sung.values())
    assert len({tuple(figures) for figures in sung.values()}) == 3
    build = toy().network
    assert build
    other = canaries(toy(network=lambda arm, seed: build(arm, seed + (arm.network == "large"))))
    assert other["toy.alone"] == sung["toy.alone"]  # and a changed teacher changes its students
    for arm in ("toy.teacher", "toy.taught"):
        assert other[arm][0] != pytest.approx(sung[arm][0], rel=1e-5)


def test_without_test_images_a_canary_is_judged_by_the_headline() -> None:
    sung = canaries(toy(test_set=None, measure=lambda job, fitted: {"test_errors": 7}))
    assert {figures[1] for figures in sung.values()} == {7}
