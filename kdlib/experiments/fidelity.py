"""The experiments of chapter 08 on MNIST: does a student really do what its teacher does?

One small student, of two layers of thirty units, all through: alone, and taught by teachers and on images of
many kinds. All students of a seed share their initial weights and take about as many steps. Nothing is
selected on the test images.
"""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset, cache, transfer_sets
from kdlib.evaluation import fidelity, metrics
from kdlib.experiments.digests import fingerprint
from kdlib.objectives import Objective, distilled, label_smoothed, supervised
from kdlib.training import Recipe, logits_of, train

SMALL, USUAL = (784, 30, 30, 10), (784, 400, 400, 10)
WIDTHS = (60, 150, 1200)  # of the other teachers' two layers
EPOCHS, IMAGES = 20, 60_000  # smaller sets are seen more often, in as many steps
BUDGET: dict[str, Any] = {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "one_cycle"}
BUDGET["half"] = "everywhere"
TEACHER_RECIPE = Recipe(12, 1e-3, **BUDGET)
RECIPE = Recipe(EPOCHS, 3e-3, **BUDGET)
SMOOTHING = 0.1
OTHERS = {"thousand": 1000, "xrays": 4447, "noise": IMAGES, "clouds": IMAGES}


@dataclass(frozen=True)
class Arm:
    """One row of a table. `teacher` is the arm whose model, of the same seed, teaches."""

    name: str
    widths: tuple[int, ...] = SMALL
    recipe: Recipe = RECIPE
    teacher: "Arm | None" = None
    temperature: float = 2.5  # with a teacher alpha is 1: nobody tells the labels
    smoothing: float = 0.0
    dropout: float = 0.0
    transfer: str = "all"  # all, first (half), other (half), thousand, noise, clouds or xrays


def teachers(width: int = 400, **other: Any) -> dict[str, Any]:
    """What teachers share."""
    return {"widths": (784, width, width, 10), "recipe": TEACHER_RECIPE, "dropout": 0.5, **other}


TEACHER = Arm("teacher", **teachers())
SMOOTHED = Arm("smoothed-teacher", **teachers(smoothing=SMOOTHING))
HALF_TAUGHT = Arm("half-teacher", **teachers(transfer="first"))
ALONE = Arm("alone")


def arms() -> list[Arm]:
    """Every row of chapter 08's tables, teachers before their students."""
    rows = [TEACHER, ALONE, *(Arm(f"T-{t:g}", teacher=TEACHER, temperature=t) for t in (2.5, 1.0, 8.0))]
    rows += [SMOOTHED, Arm("smoothed-alone", smoothing=SMOOTHING)]
    rows += [Arm(f"smoothed-T-{t:g}", teacher=SMOOTHED, temperature=t) for t in (1.0, 2.5, 8.0)]
    for width in WIDTHS:
        guide = Arm(f"wide-{width}-teacher", **teachers(width))
        rows += [guide, *(Arm(f"wide-{width}-T-{t:g}", teacher=guide, temperature=t) for t in (2.5, 8.0))]
    rows.append(HALF_TAUGHT)
    for part, n in (("first", IMAGES // 2), ("other", IMAGES // 2), ("all", IMAGES)):
        rows.append(Arm(f"half-{part}", recipe=longer(n), teacher=HALF_TAUGHT, transfer=part))
    rows.append(Arm("thousand-alone", recipe=longer(1000), transfer="thousand"))
    rows += [
        Arm(f"on-{name}", recipe=longer(n), teacher=TEACHER, transfer=name) for name, n in OTHERS.items()
    ]
    twin: dict[str, Any] = {"widths": USUAL, "recipe": TEACHER_RECIPE}
    rows += [Arm("twin-alone", **twin), Arm("twin", teacher=TEACHER, **twin)]
    return rows


def longer(images: int) -> Recipe:
    """The student's recipe, with more epochs where a set has fewer images."""
    return replace(RECIPE, epochs=EPOCHS * IMAGES // images)


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale: many for the gain whose distribution the chapter shows."""
    return range(30 if arm.name in ("teacher", "alone", "T-2.5") else 5 if scale == "cpu" else 10)


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return {key: value for key, value in asdict(arm).items() if key != "name"}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's network, or go on where it was killed; give what was measured and the data's digest."""
    model, curve = trained(arm, seed, folder)
    test, train_set, transfer = digits("test"), digits("train"), images(arm.transfer, seed)
    logits = logits_of(model, test)
    measured: dict[str, Any] = {
        "test_errors": metrics.errors(logits, test.labels),
        "test_accuracy": metrics.accuracy(logits, test.labels),
        "test_cross_entropy": float(F.cross_entropy(logits, test.labels)),
        "test_calibration_error": metrics.expected_calibration_error(logits, test.labels),
        "train_errors": metrics.errors(logits_of(model, train_set), train_set.labels),
        "within_classes": fidelity.spread_within_classes(logits, test.labels),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    if not arm.dropout:  # a student
        teacher, _ = trained(arm.teacher or TEACHER, seed, folder)
        for name, part in (("test", test), ("transfer", transfer)):
            measured |= compared(name, logits_of(model, part), logits_of(teacher, part))
        says = logits_of(teacher, transfer).argmax(1)
        measured["teacher_chooses"] = torch.bincount(says, minlength=10).tolist()
        measured["same_mistakes"] = fidelity.same_mistakes(logits, logits_of(teacher, test), test.labels)
    return {"metrics": measured, "curve": curve, "data": data.digest(transfer, test)}


def compared(name: str, student: Tensor, teacher: Tensor) -> dict[str, float]:
    """How much alike student and teacher answer on a set of images."""
    return {
        f"{name}_agreement": fidelity.agreement(student, teacher),
        f"{name}_divergence": fidelity.divergence(student, teacher),
    }


def trained(arm: Arm, seed: int, folder: Path) -> tuple[nn.Module, list[dict[str, float]]]:
    """The arm's network after its last epoch and its curve; a finished one is only read."""
    # A twin does not begin with its teacher's weights: it is to find its way by its teacher's answers.
    first = seed + (1000 if arm.dropout else 0)
    model = models.mlp(arm.widths, dropout=(0.0, arm.dropout), seed=first)
    part = images(arm.transfer, seed)
    checkpoint = folder / f"{arm.name}.{seed}.{fingerprint(settings(arm))}.safetensors"
    with cache.locked(checkpoint):
        result = train(
            model,
            part,
            objective(arm, seed, part, folder),
            arm.recipe,
            seed=seed,
            checkpoint=checkpoint,
            description=f"{arm.name} seed {seed}",
        )
    return model.cpu(), result.curve


def objective(arm: Arm, seed: int, part: Dataset, folder: Path) -> Objective:
    """What the arm minimises; its teacher is trained first where that was not yet done."""
    if arm.teacher is None:
        return label_smoothed(arm.smoothing) if arm.smoothing else supervised
    teacher, _ = trained(arm.teacher, seed, folder)
    return distilled(logits_of(teacher, part), temperature=arm.temperature, alpha=1.0)


@lru_cache
def digits(split: str) -> Dataset:
    """MNIST at 28 pixels."""
    return data.load("mnist", split)


@lru_cache
def images(name: str, seed: int) -> Dataset:
    """The set on which an arm learns; a random part, and what is made up, differ from seed to seed."""
    if name == "all":
        return digits("train")
    if name == "xrays":
        return transfer_sets.xrays()
    if name in ("noise", "clouds"):
        return getattr(transfer_sets, name)(IMAGES, seed=seed)  # type: ignore[no-any-return]
    if name == "thousand":
        return data.hold_out(digits("train"), 1000, seed=seed)[1]
    first, other = data.hold_out(digits("train"), 0.5, seed=seed)
    return first if name == "first" else other
