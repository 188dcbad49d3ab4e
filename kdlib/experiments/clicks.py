"""The experiments of chapter 06: clicks with a feature that exists only after the click.

One family asks how much the privileged feature may tell before its teacher stops helping; the other, when a
teacher that is trained beside its student should begin to teach. Every seed has its own clicks, and all
networks of a seed see the same clicks in the same order. The recipe was chosen for the student alone, on
clicks that no table uses. The test clicks are the same for all, and nothing is chosen by them.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from kdlib import models
from kdlib.data.clicks import FEATURES, Clicks, clicks, rows
from kdlib.evaluation import metrics
from kdlib.objectives import distilled, ramps, supervised
from kdlib.objectives.privileged import CoTrained, Leading, together
from kdlib.training import Recipe, train

HEADLINE = ("test_logloss", "test logloss", 4)
TRAINING, TEST, TEST_SEED = 4000, 50_000, 1_000_000
RECIPE = Recipe(10, 0.01, batch_size=128, optimizer="adamw", weight_decay=1.0, schedule="one_cycle")
# (noise, leak) of dwell time, from saying nothing through interest itself to saying who bought
DWELLS = {
    "noise-inf": (math.inf, 0.0),
    "noise-4": (4.0, 0.0),
    "noise-2": (2.0, 0.0),
    "noise-1": (1.0, 0.0),
    "noise-0.5": (0.5, 0.0),
    "noise-0": (0.0, 0.0),
    "leak-0.25": (0.0, 0.25),
    "leak-0.5": (0.0, 0.5),
    "leak-1": (0.0, 1.0),
    "leak-2": (0.0, 2.0),
    "leak-8": (0.0, 8.0),
}
SCHEDULES: dict[str, Callable[[float], float]] = {
    "at-once": ramps.at_once,
    "late": partial(ramps.late, start=0.3),
    "ramp": partial(ramps.ramp, end=0.6),
}


@dataclass(frozen=True)
class Arm:
    """One row of a table. `role` is alone, teacher, after (its teacher was trained before) or beside."""

    name: str
    role: str
    dwell: str = "noise-0.5"
    alpha: float = 1.0
    schedule: str = "at-once"
    detach: bool = True


@dataclass(frozen=True)
class Divergent(Arm):
    """Teacher and student side by side, with the KL divergence where the others have a cross-entropy."""

    term: str = "divergence"


def arms() -> list[Arm]:
    """Every row of chapter 06's tables on clicks."""
    told = [Arm(f"teacher-{dwell}", "teacher", dwell) for dwell in DWELLS]
    for alpha in (0.5, 1.0):
        told += [Arm(f"after-{dwell}-a{alpha:g}", "after", dwell, alpha) for dwell in DWELLS]
    beside = [
        Arm(f"beside-{schedule}-a{alpha:g}", "beside", alpha=alpha, schedule=schedule)
        for schedule in SCHEDULES
        for alpha in (0.5, 1.0)
    ]
    pulled = [Arm(f"pulled-{name}", "beside", schedule=name, detach=False) for name in ("at-once", "ramp")]
    pulled += [
        Divergent(f"pulled-kl-{name}", "beside", schedule=name, detach=False) for name in ("at-once", "ramp")
    ]
    return [Arm("alone", "alone"), *told, *beside, *pulled]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale."""
    return range(10 if scale == "cpu" else 30)


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    noise, leak = DWELLS[arm.dwell]
    kept = {key: value for key, value in asdict(arm).items() if key != "name"}
    return kept | {"noise": str(noise), "leak": leak, "clicks": TRAINING, "recipe": asdict(RECIPE)}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's network, which takes seconds; give what was measured."""
    data, test = drawn(TRAINING, seed, arm.dwell), drawn(TEST, TEST_SEED, arm.dwell)
    model, curve, took = trained(arm, seed, data)
    measured = judged(model, test) | {"train_seconds": took}
    if isinstance(model, CoTrained):
        measured["teacher_logloss"] = judged(model.teacher, test)["test_logloss"]
    return {"metrics": measured, "curve": curve, "data": digest(data)}


@lru_cache(4)
def drawn(n: int, seed: int, dwell: str) -> Clicks:
    """n clicks of a seed, with this dwell time."""
    noise, leak = DWELLS[dwell]
    return clicks(n, seed=seed, noise=noise, leak=leak)


def digest(data: Clicks) -> str:
    """The sha256 of the features, exact on every machine, and of who bought."""
    return hashlib.sha256(data.features.numpy().tobytes() + data.bought.numpy().tobytes()).hexdigest()


def network(sees_dwell: bool, seed: int) -> nn.Module:
    """Two hidden layers of 64; the student's first step leaves out what serving does not have."""
    if sees_dwell:
        return models.mlp((FEATURES + 1, 64, 64, 2), seed=seed)
    return nn.Sequential(Leading(FEATURES), models.mlp((FEATURES, 64, 64, 2), seed=seed))


def batches(data: Clicks, seed: int) -> DataLoader[tuple[Tensor, ...]]:
    """The clicks in a new order each epoch, the same orders for the same seed."""
    table = TensorDataset(rows(data), data.bought)
    order = RandomSampler(table, generator=torch.Generator().manual_seed(seed))
    return DataLoader(table, sampler=BatchSampler(order, RECIPE.batch_size, False), batch_size=None)


def trained(arm: Arm, seed: int, data: Clicks) -> tuple[nn.Module, list[dict[str, float]], float]:
    """The arm's network, its curve, and the seconds that it took, its teacher's with them."""
    student, teacher = network(False, seed), network(True, 1000 + seed)
    model = teacher if arm.role == "teacher" else student
    begin = time.perf_counter()
    if arm.role in ("teacher", "after"):
        curve = fit(teacher, data, supervised, seed)
    if arm.role == "alone":
        curve = fit(student, data, supervised, seed)
    if arm.role == "after":
        curve = fit(student, data, distilled(teacher, temperature=1.0, alpha=arm.alpha), seed)
    if arm.role == "beside":
        model = CoTrained(teacher, student)
        how = {"detach": arm.detach, "divergence": isinstance(arm, Divergent)}
        curve = fit(model, data, together(arm.alpha, SCHEDULES[arm.schedule], **how), seed)
    return model, curve, time.perf_counter() - begin


def fit(model: nn.Module, data: Clicks, objective: Any, seed: int) -> list[dict[str, float]]:
    """Train on the clicks."""
    return train(model, batches(data, seed), objective, RECIPE, seed=seed, device="cpu").curve


@torch.no_grad()
def judged(model: nn.Module, test: Clicks) -> dict[str, float]:
    """Logloss and AUROC on the test clicks, beside those of the best that can be known without dwell."""
    logits = model(rows(test))
    best = test.chance.logit()
    best_logits = torch.stack([torch.zeros_like(best), best], dim=1)
    return {
        "test_logloss": float(F.cross_entropy(logits, test.bought)),
        "test_auroc": metrics.auroc(logits, test.bought),
        "best_logloss": float(F.cross_entropy(best_logits, test.bought)),
        "best_auroc": metrics.auroc(best_logits, test.bought),
    }
