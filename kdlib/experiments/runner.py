"""Runs what has no record yet, one job after the other: `python -m kdlib run NAME --scale cpu`. Chapter 03.

Killed and started again, nothing finished is redone and an unfinished model goes on from its last epoch. Two
processes never do the same job: each holds a lock that the system frees when the process dies.
"""

import json
import math
import time
from fnmatch import fnmatch
from importlib import import_module
from typing import Any

from kdlib import files, results
from kdlib.data import digest
from kdlib.data.dataset import Dataset
from kdlib.experiments import ledger
from kdlib.experiments.arms import Arm, Experiment, Job, fit, settings
from kdlib.training import devices

CHAPTERS = (
    "loss_bugs", "mnist", "race", "cifar", "caching_cost", "xray", "speed", "clicks", "privileged_resolution",
    "signals", "fidelity", "ship", "up", "language", "language_cost", "language_writing",
)  # fmt: skip
DEFINED = [value for name in CHAPTERS for value in vars(import_module(f"kdlib.experiments.{name}")).values()]
EXPERIMENTS = {value.name: value for value in DEFINED if isinstance(value, Experiment)}
SCALES = ("cpu", "full")


def seeds_of(arm: Arm, scale: str) -> list[int]:
    """The seeds of an arm at a scale; none where it is not run at that scale."""
    return list(arm.seeds if scale == "cpu" else arm.full)


def run(name: str, scale: str, *, only: str = "*", seeds: list[int] | None = None) -> int:
    """Run every job of an experiment that has no record; returns how many were run.

    Args and Raises as for `jobs`.
    """
    return sum(_run(name, arm, scale, seed) for seed, arm in jobs(name, scale, only=only, seeds=seeds))


def jobs(name: str, scale: str, *, only: str = "*", seeds: list[int] | None = None) -> list[tuple[int, Arm]]:
    """The jobs of an experiment, seed and arm of each: all arms of a seed before the next.

    Args:
        name: of the experiment, "mnist".
        scale: cpu or full.
        only: arms whose names match this pattern; those that have no seed at the scale are left out.
        seeds: those to run; None: all of the scale.

    Raises:
        ValueError: an unknown experiment or scale, or a pattern that no arm of the scale matches.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name is {name!r}; the experiments are {', '.join(EXPERIMENTS)}")
    if scale not in SCALES:
        raise ValueError(f"scale is {scale!r}; experiments run at {' and '.join(SCALES)}")
    experiment = EXPERIMENTS[name]
    chosen = [arm for arm in experiment.arms() if fnmatch(arm.name, only)]
    if not chosen:
        raise ValueError(f"only is {only!r}; the arms are {', '.join(a.name for a in experiment.arms())}")
    if seeds == []:
        raise ValueError("seeds is empty; give some, or None for all of the scale")
    if bad := [seed for seed in seeds or () if not 0 <= seed <= 2**40]:
        raise ValueError(f"seeds holds {bad[0]}; a seed is a whole number from 0 to 2**40")
    found = [(seed, arm) for arm in chosen if (own := seeds_of(arm, scale)) for seed in seeds or own]
    if not found:
        raise ValueError(f"only is {only!r}; no arm that it matches is run at scale {scale!r}: give another")
    return sorted(found, key=lambda job: job[0])


def done(name: str, arm: Arm, scale: str, seed: int) -> bool:
    """Whether a job has a record."""
    return ledger.exists(_called(name, arm, scale, seed))


def _run(name: str, arm: Arm, scale: str, seed: int) -> bool:
    """One job, if it has no record and no other process is at it."""
    if done(name, arm, scale, seed):
        return False
    with files.explained(ledger.folder()):  # before hours of training find it out
        files.check_writable(ledger.folder())
    with files.locked(ledger.runs_folder() / "models" / f"{name}.{arm.name}.{seed}", wait=False) as held:
        if held is False:
            print(f"{name}, {arm.name}, seed {seed}: another process is at it")
        elif not done(name, arm, scale, seed):
            keep(record_of(name, arm, scale, seed))
            return True
    return False


def record_of(name: str, arm: Arm, scale: str, seed: int) -> ledger.Record:
    """The record of a job that is done here and now, to be kept; its models lie below `ledger.runs_folder`.

    Raises:
        WriteError: no room is left. Run again, training goes on from the last epoch that was kept.
    """
    start, commit = time.perf_counter(), ledger.commit()  # as it is now, not when the run ends
    with files.explained(ledger.runs_folder(), only_full=True):
        measured = measured_of(EXPERIMENTS[name], Job(arm, seed, ledger.runs_folder() / "models"))
    about = {"settings": settings(arm), "seconds": time.perf_counter() - start, "commit": commit}
    return _called(name, arm, scale, seed) | about | ledger.machine() | measured


def keep(record: ledger.Record) -> None:
    """Append a record to its experiment's file, and say so."""
    written, (metric, caption, _) = ledger.write(record), EXPERIMENTS[record["experiment"]].headline
    print(f"{written}: {record['metrics'][metric]:g} {caption}", flush=True)


def _called(name: str, arm: Arm, scale: str, seed: int) -> ledger.Record:
    """What a record is known by."""
    return {"experiment": name, "arm": arm.name, "scale": scale, "seed": seed}


def measured_of(experiment: Experiment, job: Job) -> dict[str, Any]:
    """Train the job's model, or go on where it was killed; metrics, curve and the data's digest.

    Raises:
        ValueError: what was measured could not be shown, said before a record is written.
    """
    if experiment.time:
        measured = {"curve": {}, **experiment.time(job)}
        measured |= measured.pop("machine", {})  # what it chose itself, such as its threads
        half = job.arm.recipe.half if job.arm.recipe else "nowhere"
    else:
        fitted = fit(experiment, job)
        test = experiment.test_set(job) if experiment.test_set else None
        sets = (experiment.train_set(job), experiment.validation(job), test)
        known = [part for part in sets if isinstance(part, Dataset)]
        measured = {"metrics": experiment.measure(job, fitted), "curve": ledger.columns(fitted.curve)}
        measured["data"], half = digest(*known) if known else None, fitted.half
    kept = devices.chosen_half(devices.pick(), half)
    measured["half"] = kept and str(kept)
    needed, metric = f"what {experiment.name} measures", experiment.headline[0]
    value = measured["metrics"].get(metric)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{needed} has {metric} {value!r}; it must be a finite number: see headline")
    try:
        json.dumps(measured)
    except TypeError as error:
        raise ValueError(f"{needed} cannot be written as JSON ({error}); give plain numbers") from error
    return measured


def stored_canaries() -> dict[str, Any]:
    """What canaries sang when the records were made: "figures" by arm, and the arms that are "older".

    `book/_tools/canaries.py` makes them; a slow test compares.
    """
    path = ledger.shipped() / "canaries.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ledger.RecordError(f"{path} cannot be read ({error}); install kdlib again") from error
    return found


def older(name: str, scale: str) -> list[str]:
    """The arms whose records other code or other settings made than there are now."""
    marked = stored_canaries()["older"]
    arms = {arm.name: settings(arm) for arm in EXPERIMENTS[name].arms()}
    found = ledger.records(name, scale)
    aged = {r["arm"] for r in found if r["arm"] in arms and r["settings"] != arms[r["arm"]]}
    return [arm for arm in arms if arm in aged or f"{name}.{arm}" in marked]


def table(name: str, scale: str) -> list[str]:
    """One line an arm: its headline's mean and 95 % interval, or "not run" where there is no record.

    "not run at this scale" where there will be none.
    """
    experiment, aged = EXPERIMENTS[name], older(name, scale)
    metric, caption, digits = experiment.headline
    found = ledger.by_arm(ledger.records(name, scale), metric)
    lines = [f"{name}, {scale} scale: {caption}, mean and 95 % interval over seeds"]
    for arm in experiment.arms():
        if arm.name not in found:
            lines.append(f"  {arm.name:<22} not run" + " at this scale" * (not seeds_of(arm, scale)))
            continue
        mean, _, interval = results.format_mean(found, arm.name, digits).partition(" ")
        mark = "  (older code)" if arm.name in aged else ""
        lines.append(f"  {arm.name:<22} {mean:>8} {interval:<22} seeds {len(found[arm.name])}{mark}")
    return lines
