"""The experiments of chapter 06: clicks with a feature that exists only after the click.

One family asks how much the privileged feature may tell before its teacher stops helping; the other, when a
teacher that is trained beside its student should begin to teach. Every seed has its own clicks, and all
networks of a seed see the same clicks in the same order. The recipe was chosen for the student alone, on
clicks that no table uses. The test clicks are the same for all, and nothing is chosen by them.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from kdlib import models
from kdlib.data.clicks import FEATURES, Clicks, clicks, rows
from kdlib.experiments.arms import Arm, Experiment, Fitted, Job, taught
from kdlib.experiments.measures import figures
from kdlib.objectives import Objective, ramps
from kdlib.objectives.privileged import CoTrained, Leading, together
from kdlib.training import Recipe

TRAINING, TEST, TEST_SEED = 4000, 50_000, 1_000_000
RECIPE = Recipe(10, 0.01, batch_size=128, optimizer="adamw", weight_decay=1.0, schedule="one_cycle")
# (noise, leak) of dwell time, from saying nothing through interest itself to saying who bought
DWELLS = {"noise-inf": (math.inf, 0.0)}
DWELLS |= {f"noise-{noise:g}": (noise, 0.0) for noise in (4.0, 2.0, 1.0, 0.5, 0.0)}
DWELLS |= {f"leak-{leak:g}": (0.0, leak) for leak in (0.25, 0.5, 1.0, 2.0, 8.0)}
SCHEDULES: dict[str, Callable[[float], float]] = {
    "at-once": ramps.at_once,
    "late": partial(ramps.late, start=0.3),
    "ramp": partial(ramps.ramp, end=0.6),
}
ALONE = Arm("alone", "student", RECIPE, options={"dwell": "noise-0.5"}, seeds=range(10), full=range(30))


def arms() -> list[Arm]:
    """Every row of chapter 06's tables on clicks."""
    teachers, after = [], []
    for dwell in DWELLS:
        alone = replace(ALONE, options={"dwell": dwell})
        teachers.append(replace(alone, name=f"teacher-{dwell}", network="teacher"))
        after += [taught(alone, f"after-{dwell}-a{a:g}", teachers[-1], 1.0, a) for a in (0.5, 1.0)]
    beside = [together_arm(f"beside-{name}-a{a:g}", name, alpha=a) for name in SCHEDULES for a in (0.5, 1.0)]
    pairs = product(("", "kl-"), ("at-once", "ramp"))
    pulled = [together_arm(f"pulled-{kl}{s}", s, detach=False, divergence=bool(kl)) for kl, s in pairs]
    return [ALONE, *teachers, *after, *beside, *pulled]


def together_arm(name: str, schedule: str, *, alpha: float = 1.0, **how: bool) -> Arm:
    """Teacher and student side by side."""
    options = {**ALONE.options, "schedule": schedule, "detach": True, "divergence": False, **how}
    return replace(ALONE, name=name, network="both", loss="together", alpha=alpha, options=options)


def network(arm: Arm, seed: int) -> nn.Module:
    """Two hidden layers of 64; the student's first step leaves out what serving does not have."""
    teacher = models.mlp((FEATURES + 1, 64, 64, 2), seed=1000 + seed)
    student = nn.Sequential(Leading(FEATURES), models.mlp((FEATURES, 64, 64, 2), seed=seed))
    return {"teacher": teacher, "student": student, "both": CoTrained(teacher, student)}[arm.network]


def objective(job: Job, part: Any) -> Objective:
    """Teacher and student at once."""
    how = job.arm.options
    schedule = SCHEDULES[how["schedule"]]
    return together(job.arm.alpha, schedule, detach=how["detach"], divergence=how["divergence"])


@lru_cache(4)
def drawn(n: int, seed: int, dwell: str) -> Clicks:
    """n clicks of a seed, with this dwell time."""
    noise, leak = DWELLS[dwell]
    return clicks(n, seed=seed, noise=noise, leak=leak)


def train_set(job: Job) -> DataLoader[tuple[Tensor, ...]]:
    """The clicks of a seed, in a new order each epoch: the same orders for the same seed."""
    data = drawn(TRAINING, job.seed, job.arm.options["dwell"])
    table = TensorDataset(rows(data)[: job.few], data.bought[: job.few])
    order = RandomSampler(table, generator=torch.Generator().manual_seed(job.seed))
    return DataLoader(table, sampler=BatchSampler(order, RECIPE.batch_size, False), batch_size=None)


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """Logloss and AUROC on the test clicks, of a pair's teacher too."""
    test, model = drawn(TEST, TEST_SEED, job.arm.options["dwell"]), fitted.model
    measured = judged(model, test)
    if isinstance(model, CoTrained):
        measured["teacher_logloss"] = judged(model.teacher, test)["test_logloss"]
    return measured


@torch.no_grad()
def judged(model: nn.Module, test: Clicks) -> dict[str, float]:
    """Logloss and AUROC on the test clicks, beside those of the best that can be known without dwell."""
    logits = model(rows(test).to(next(model.parameters()).dtype))
    best = test.chance.logit()
    best_logits = torch.stack([torch.zeros_like(best), best], dim=1)
    known = figures(best_logits, test.bought, "logloss", "auroc", of="best_")
    return figures(logits, test.bought, "logloss", "auroc") | known


HEADLINE = ("test_logloss", "test logloss", 4)
EXPERIMENT = Experiment("clicks", arms, network, train_set, None, measure, objective, HEADLINE)
