"""Runs what has no record yet, one job after the other: `python -m kdlib run NAME --scale cpu`. Chapter 03.

Killed and started again, nothing finished is redone and an unfinished model goes on from its last epoch. Two
processes never do the same job: each holds a lock that the system frees when the process dies.
"""

import errno
import json
import math
import os
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kdlib.data import cache
from kdlib.evaluation import statistics
from kdlib.experiments import (
    caching_cost as asking_experiments,
)
from kdlib.experiments import (
    cifar as cifar_experiments,
)
from kdlib.experiments import (
    class_similarity as likeness_experiments,
)
from kdlib.experiments import (
    clicks as click_experiments,
)
from kdlib.experiments import (
    digests,
    ledger,
)
from kdlib.experiments import (
    fidelity as fidelity_experiments,
)
from kdlib.experiments import (
    flattened_teacher as flat_experiments,
)
from kdlib.experiments import (
    loss_bugs as loss_experiments,
)
from kdlib.experiments import (
    mnist as mnist_experiments,
)
from kdlib.experiments import (
    privileged_resolution as sharpness_experiments,
)
from kdlib.experiments import (
    race as race_experiments,
)
from kdlib.experiments import (
    signals as signal_experiments,
)
from kdlib.experiments import (
    speed as speed_experiments,
)
from kdlib.experiments import (
    xray as xray_experiments,
)
from kdlib.training import devices

# What `data` does to a run is in its record as a digest of the images, what `chosen_settings` does in its
# settings; the others change no number.
APART = ("cache", "chosen_settings", "data", "files", "ledger", "progress")
EXPERIMENTS = {
    "loss": loss_experiments,
    "mnist": mnist_experiments,
    "race": race_experiments,
    "cifar": cifar_experiments,
    "xray": xray_experiments,
    "clicks": click_experiments,
    "sharpness": sharpness_experiments,
    "signals": signal_experiments,
    "fidelity": fidelity_experiments,
    "speed": speed_experiments,
    "asking": asking_experiments,
    "flat": flat_experiments,
    "likeness": likeness_experiments,
}
SCALES = ("cpu", "full")


def runs_folder() -> Path:
    """Where checkpoints lie: $KDLIB_RUNS, or `runs` in the platform's cache folder."""
    given = os.environ.get("KDLIB_RUNS")
    return Path(given).expanduser() if given else cache.folder() / "runs"


def run(name: str, scale: str, *, only: str = "*", seeds: list[int] | None = None) -> int:
    """Run every job of an experiment that has no record; returns how many were run.

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
    experiment = EXPERIMENTS[name]
    if scale not in SCALES:
        raise ValueError(f"scale is {scale!r}; experiments run at {' and '.join(SCALES)}")
    chosen = [arm for arm in experiment.arms() if fnmatch(arm.name, only)]
    if not chosen:
        raise ValueError(f"only is {only!r}; the arms are {', '.join(a.name for a in experiment.arms())}")
    runnable = [arm for arm in chosen if experiment.seeds(arm, scale)]
    if not runnable:
        raise ValueError(f"only is {only!r}; no arm that it matches is run at scale {scale!r}: give another")
    if bad := [seed for seed in seeds or () if not 0 <= seed <= 2**40]:
        raise ValueError(f"seeds holds {bad[0]}; a seed is a whole number from 0 to 2**40")
    done, digest = 0, code(experiment)  # of the code as it is now, not when a run ends
    jobs = [(seed, arm) for arm in runnable for seed in seeds or experiment.seeds(arm, scale)]
    for seed, arm in sorted(jobs, key=lambda job: job[0]):  # all arms of a seed before the next
        done += _run(experiment, name, arm, scale, seed, digest)
    return done


def _run(experiment: Any, name: str, arm: Any, scale: str, seed: int, digest: str) -> bool:
    """One job, if it has no record and no other process is at it."""
    if ledger.exists(name, arm.name, scale, seed):
        return False
    ledger.check_writable()
    folder = runs_folder() / name / scale / digest[:16]  # a model of other code is not gone on with
    with cache.locked(folder / f"{arm.name}.{seed}", wait=False) as held:
        if held is False:
            print(f"{name}, {arm.name}, seed {seed}: another process is at it")
            return False
        if ledger.exists(name, arm.name, scale, seed):
            return False
        start = time.perf_counter()
        try:
            measured = experiment.run(arm, seed, folder)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise OSError(
                f"no room is left below {runs_folder()}; free some, or set KDLIB_RUNS to another folder, and "
                "run again: training goes on from the last epoch that was kept"
            ) from error
        _check_measured(experiment, measured)
        machine = measured.pop("machine", {})  # what an experiment chose itself, such as its threads
        record = {"experiment": name, "arm": arm.name, "scale": scale, "seed": seed}
        record |= {"settings": experiment.settings(arm), **measured}
        record["curve"] = ledger.columns(measured["curve"])
        record |= {"seconds": time.perf_counter() - start, **ledger.machine(), **machine}
        recipe = record["settings"].get("recipe", {"half": "nowhere"})  # without one nothing is trained
        half = devices.chosen_half(devices.pick(), recipe["half"])
        record["half"] = None if half is None else str(half)
        path = ledger.write(record | {"code": digest})
        metric, caption, _ = headline(experiment)
        print(f"{path.name}: {measured['metrics'][metric]:g} {caption}", flush=True)
        return True


def _check_measured(experiment: Any, measured: Any) -> None:
    """Raise ValueError before a record is written that could not be shown."""
    needed = f"what `run` of {experiment.__name__} gives"
    if not isinstance(measured, dict) or not {"metrics", "curve", "data"} <= measured.keys():
        raise ValueError(f"{needed} lacks one of metrics, curve and data: a dict with these three is wanted")
    metric, _, _ = headline(experiment)
    value = measured["metrics"].get(metric)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{needed} has {metric} {value!r}; it must be a finite number (see HEADLINE)")
    try:
        json.dumps(measured)
    except TypeError as error:
        raise ValueError(
            f"{needed} cannot be written as JSON ({error}); give plain numbers and lists"
        ) from error


def headline(experiment: Any) -> tuple[str, str, int]:
    """The metric that messages and tables show, its caption and its decimals: HEADLINE of the experiment."""
    shown: tuple[str, str, int] = getattr(experiment, "HEADLINE", ("test_errors", "test errors", 1))
    return shown


def code(experiment: Any) -> str:
    """The digest of the code that makes an experiment's numbers."""
    return digests.run_digest(experiment.__name__.rsplit(".", 1)[-1], apart=APART)


def older(name: str, scale: str) -> list[str]:
    """The arms that have a record which other code or other settings made than there are now."""
    experiment, present = EXPERIMENTS[name], code(EXPERIMENTS[name])
    arms = {arm.name: arm for arm in experiment.arms()}
    known = [r for r in ledger.records(name, scale) if r["arm"] in arms]
    aged = {r["arm"] for r in known if _older(r, present, experiment.settings(arms[r["arm"]]))}
    return [arm for arm in arms if arm in aged]


def table(name: str, scale: str) -> list[str]:
    """One line an arm: its headline's mean and 95 % interval, or "not run" where there is no record.

    "not run at this scale" where there will be none.
    """
    experiment, aged = EXPERIMENTS[name], older(name, scale)
    metric, caption, digits = headline(experiment)
    found = ledger.records(name, scale)
    lines = [f"{name}, {scale} scale: {caption}, mean and 95 % interval over seeds"]
    for arm in experiment.arms():
        mine = [r for r in found if r["arm"] == arm.name]
        if not mine:
            never = "" if experiment.seeds(arm, scale) else " at this scale"
            lines.append(f"  {arm.name:<22} not run{never}")
            continue
        mean, low, high, seeds = statistics.interval([r["metrics"][metric] for r in mine])
        few = "one seed" if seeds == 1 else "two seeds"
        spread = few if seeds < statistics.ENOUGH else f"{low:.{digits}f} to {high:.{digits}f}"
        mark = "  (older code)" if arm.name in aged else ""
        lines.append(f"  {arm.name:<22} {mean:8.{digits}f}  {spread:<20} seeds {seeds}{mark}")
    return lines


def _older(record: dict[str, Any], code_now: str, settings_now: dict[str, Any]) -> bool:
    """Whether a record was made by other code or with other settings than its arm has now."""
    as_recorded = json.loads(json.dumps(settings_now))  # tuples as lists
    return bool(record["code"] != code_now or record["settings"] != as_recorded)
