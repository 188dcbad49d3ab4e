"""Runs what has no record yet, one job after the other: `python -m kdlib run NAME --scale cpu`. Chapter 03.

Killed and started again, nothing finished is redone and an unfinished model goes on from its last epoch. Two
processes never do the same job: each holds a lock that the system frees when the process dies.
"""

import os
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kdlib import cache, digests, ledger, loss_experiments, mnist_experiments, statistics

EXPERIMENTS = {"loss": loss_experiments, "mnist": mnist_experiments}


def runs_folder() -> Path:
    """Where checkpoints lie: $KDLIB_RUNS, or `runs` in the platform's cache folder."""
    given = os.environ.get("KDLIB_RUNS")
    return Path(given).expanduser() if given else cache.folder() / "runs"


def run(name: str, scale: str, *, only: str = "*", seeds: list[int] | None = None) -> int:
    """Run every job of an experiment that has no record; returns how many were run.

    Args:
        name: of the experiment, "mnist".
        scale: cpu or full.
        only: arms whose names match this pattern.
        seeds: those to run; None: all of the scale.

    Raises:
        ValueError: an unknown experiment or scale, or a pattern that no arm matches.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name is {name!r}; the experiments are {', '.join(EXPERIMENTS)}")
    experiment = EXPERIMENTS[name]
    if scale not in experiment.SEEDS:
        raise ValueError(f"scale is {scale!r}; {name} runs at {', '.join(experiment.SEEDS)}")
    chosen = [arm for arm in experiment.arms() if fnmatch(arm.name, only)]
    if not chosen:
        raise ValueError(f"only is {only!r}; the arms are {', '.join(a.name for a in experiment.arms())}")
    done = 0
    for seed in seeds or experiment.SEEDS[scale]:
        for arm in chosen:
            done += _run(experiment, name, arm, scale, seed)
    return done


def _run(experiment: Any, name: str, arm: Any, scale: str, seed: int) -> bool:
    """One job, if it has no record and no other process is at it."""
    folder = runs_folder() / name / scale
    with cache.locked(folder / f"{arm.name}.{seed}", wait=False) as held:
        if held is False or ledger.exists(name, arm.name, scale, seed):
            return False
        start = time.perf_counter()
        measured = experiment.run(arm, seed, folder)
        record = {"experiment": name, "arm": arm.name, "scale": scale, "seed": seed}
        record |= {"settings": experiment.settings(arm), **measured}
        record |= {"seconds": time.perf_counter() - start, **ledger.machine()}
        path = ledger.write(record | {"code": digests.code_digest(experiment.__name__.rsplit(".", 1)[-1])})
        print(f"{path.name}: {measured['metrics']}", flush=True)
        return True


def table(name: str, scale: str) -> list[str]:
    """One line an arm: mean test errors with their 95 % interval, or "not run" where there is no record."""
    experiment = EXPERIMENTS[name]
    code = digests.code_digest(experiment.__name__.rsplit(".", 1)[-1])
    found = ledger.records(name, scale)
    lines = [f"{name}, {scale} scale: test errors, mean and 95 % interval over seeds"]
    for arm in experiment.arms():
        mine = [r for r in found if r["arm"] == arm.name]
        if not mine:
            lines.append(f"  {arm.name:<22} not run")
            continue
        mean, low, high, seeds = statistics.interval([r["metrics"]["test_errors"] for r in mine])
        spread = f"{low:.1f} to {high:.1f}" if seeds > 1 else "one seed"
        older = "  (older code)" if any(r["code"] != code for r in mine) else ""
        lines.append(f"  {arm.name:<22} {mean:8.1f}  {spread:<20} seeds {seeds}{older}")
    return lines
