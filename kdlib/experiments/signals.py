"""The experiments of chapter 07: one student on CIFAR-10, taught by many signals at an equal budget.

All methods train the same student, with the same initial weights in a seed, on the same 20,000 images for
as many steps. The learning rate is the best of four for the student alone. Then each method has one setting,
the best of four, by 5,000 other images, after half of the epochs and with a seed of its own. One teacher
serves all: chapter 04's of seed 0, trained on all 50,000 images. The test images choose nothing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset, augment, cache
from kdlib.evaluation import fidelity, metrics
from kdlib.experiments import cifar as cifar_experiments
from kdlib.experiments.chosen_settings import CHOSEN
from kdlib.experiments.cifar import VIEWS
from kdlib.experiments.digests import fingerprint
from kdlib.losses import features as feature_losses
from kdlib.objectives import Objective, distilled, label_smoothed, signals, supervised
from kdlib.training import Recipe, devices, logits_of, teacher_cache, train

HEADLINE = ("accuracy", "accuracy", 4)
IMAGES, JUDGED, TUNING_SEED, MEMBERS = 20_000, 5_000, 100, 5
# What is tried for each method: the learning rate of the student alone, epsilon of smoothed labels, alpha
# where there are soft targets, the weight of the term elsewhere. `chosen_settings` says which was best.
TRIED: dict[str, tuple[float, ...]] = {
    "alone": (0.001, 0.003, 0.01, 0.03),
    "smoothed": (0.02, 0.05, 0.1, 0.2),
    "soft": (0.2, 0.5, 0.9, 1.0),
    "decoupled": (0.5, 1.0, 2.0, 8.0),
    "dist": (0.25, 0.5, 1.0, 2.0),
    "standardised": (0.3, 1.0, 3.0, 9.0),
    "hint": (0.1, 1.0, 10.0, 100.0),
    "attention": (0.1, 1.0, 10.0, 100.0),
    "relational": (0.2, 1.0, 5.0, 25.0),
    "mutual": (0.2, 0.5, 1.0, 2.0),
    "self": (0.2, 0.5, 0.9, 1.0),
    "ensemble": (0.2, 0.5, 0.9, 1.0),
}
# AdamW, because its steps do not grow with the size of a loss, which differs from method to method: with SGD,
# at the rate that suited the student alone, decoupled distillation of beta = 8 stayed at chance.
BUDGET: dict[str, Any] = {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "one_cycle"}
RECIPE = Recipe(8, CHOSEN["alone"], half="everywhere", **BUDGET)
# Where both networks have maps of 8x8, 4x4 and 2x2 pixels, and what each gives to its last layer.
MAPS, LAST = ("pool2", "pool3", "pool4"), ("flatten",)
GUIDE = "pool3"
CHANNELS = (64, 128)  # of the student's and the teacher's map there


@dataclass(frozen=True)
class Arm:
    """One row of the table, or one try on the way to it."""

    name: str
    method: str
    setting: float
    recipe: Recipe = RECIPE
    tuning: bool = False


def arms() -> list[Arm]:
    """What is tried, and then every row of chapter 07's table."""
    rows = []
    for method, tried in TRIED.items():
        for setting in tried:
            rate = setting if method == "alone" else RECIPE.learning_rate
            recipe = replace(RECIPE, epochs=RECIPE.epochs // 2, learning_rate=rate)
            rows.append(Arm(f"try-{method}-{setting:g}", method, setting, recipe, tuning=True))
    return rows + [Arm(method, method, CHOSEN[method]) for method in TRIED]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale: one for a try, which no row of the table shares."""
    if arm.tuning:
        return range(TUNING_SEED, TUNING_SEED + 1)
    return range(3 if scale == "cpu" else 5)


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return {key: value for key, value in asdict(arm).items() if key != "name"}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's student, or go on where it was killed; give what was measured and the data's digest."""
    model, curve = trained(arm, seed, folder)
    judge = images("validation" if arm.tuning else "test")
    logits = logits_of(model, judge)
    measured: dict[str, Any] = {
        "judged_on": "validation" if arm.tuning else "test",
        "accuracy": metrics.accuracy(logits, judge.labels),
        "cross_entropy": float(F.cross_entropy(logits, judge.labels)),
        "calibration_error": metrics.expected_calibration_error(logits, judge.labels),
        "train_seconds": sum(entry["seconds"] for entry in curve),
    }
    if not arm.tuning:
        teacher = logits_of(large(folder), judge)
        measured["teacher_agreement"] = fidelity.agreement(logits, teacher)
        measured["teacher_accuracy"] = metrics.accuracy(teacher, judge.labels)
    return {"metrics": measured, "curve": curve, "data": data.digest(images("train"), judge)}


def trained(arm: Arm, seed: int, folder: Path, member: int = 0) -> tuple[nn.Module, list[dict[str, float]]]:
    """The arm's student after its last epoch and its curve; a finished one is only read.

    `member` counts the others of an ensemble: their initial weights and order of images are their own.
    """
    own = seed + 1000 * member
    model: nn.Module = models.vgg(models.VGG_QUICK, seed=own)
    if arm.method == "hint":
        model = signals.WithRegressor(model, CHANNELS, seed=own)
    if arm.method == "mutual":
        model = signals.MutualStudents(model, models.vgg(models.VGG_QUICK, seed=seed + 1000))
    checkpoint = folder / f"{arm.name}.{own}.{fingerprint(settings(arm))}.safetensors"
    with cache.locked(checkpoint):
        result = train(
            model,
            images("train"),
            objective(arm, seed, folder),
            arm.recipe,
            seed=own,
            augment=augment.viewed(VIEWS),
            checkpoint=checkpoint,
            description=f"{arm.name} seed {own}",
        )
    return model.cpu(), result.curve


def objective(arm: Arm, seed: int, folder: Path) -> Objective:
    """What the arm minimises; its teachers are trained first where that was not yet done."""
    method, setting = arm.method, arm.setting
    if method == "alone":
        return supervised
    if method == "smoothed":
        return label_smoothed(setting)
    if method == "mutual":
        return signals.mutual(setting)
    if method in ("self", "ensemble"):
        crowd = range(1, 2 if method == "self" else MEMBERS + 1)
        alone = Arm("member", "alone", CHOSEN["alone"])
        peers = [trained(alone, seed, folder, member)[0] for member in crowd]
        pool = signals.Ensemble(peers, 4.0).to(devices.pick())
        return distilled(pool, temperature=4.0, alpha=setting)
    if method in ("hint", "attention", "relational"):
        return by_features(method, large(folder).to(devices.pick()), setting)
    answers = folder / f"{cifar_experiments.TEACHER.name}.0.part.answers.safetensors"
    logits = teacher_cache.fill(large(folder), images("train"), VIEWS, answers, half=RECIPE.half)
    if method == "soft":
        return distilled(logits, temperature=4.0, alpha=setting)
    if method == "standardised":
        return signals.by_logits(signals.standardised_term(2.0), logits, weight=setting, labels=0.1)
    if method == "dist":
        return signals.by_logits(signals.dist_term(4.0), logits, weight=setting)
    return signals.by_logits(signals.dkd_term(4.0, setting), logits, weight=1.0)


def by_features(method: str, teacher: nn.Module, weight: float) -> Objective:
    """The objectives of the three methods that look at feature maps."""
    if method == "hint":
        return signals.hinted(teacher, (GUIDE, GUIDE), weight=weight)
    if method == "attention":
        return signals.by_features(attention, teacher, (MAPS, MAPS), weight=weight)
    return signals.by_features(relations, teacher, (LAST, LAST), weight=weight)


def attention(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Tensor:
    """Attention transfer, summed over the three places."""
    first, *rest = (feature_losses.attention_transfer(ours[name], theirs[name]) for name in MAPS)
    return sum(rest, first)


def relations(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Tensor:
    """Distances plus twice the angles, as Park et al. (2019) weigh them, of what the last layer is given."""
    own, other = ours[LAST[0]], theirs[LAST[0]]
    angle = feature_losses.relational_angle(own, other)
    return feature_losses.relational_distance(own, other) + 2 * angle


def large(folder: Path) -> nn.Module:
    """The teacher: chapter 04's of seed 0."""
    return cifar_experiments.trained(cifar_experiments.TEACHER, 0, folder)[0]


@lru_cache
def images(part: str) -> Dataset:
    """CIFAR-10: 20,000 images to train on, 5,000 others to choose settings by, and the test images."""
    if part == "test":
        return cifar_experiments.images("test")
    rest, mine = data.hold_out(cifar_experiments.images("train"), IMAGES, seed=0)
    return mine if part == "train" else data.hold_out(rest, JUDGED, seed=0)[1]
