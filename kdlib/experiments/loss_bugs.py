"""The bug museum of chapter 02: the same student trained with the right loss and with each public mistake.

Every arm trains the same student from the same weights on the same 3,000 images, taught by one teacher; only
the loss, or the mode of a network, differs. Nothing is selected on the test images: they are looked at once.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import data, losses, models
from kdlib.data import Dataset, augment, cache
from kdlib.evaluation import metrics
from kdlib.objectives import Batch, Objective, supervised
from kdlib.training import Recipe, logits_of, train

IMAGES, TEMPERATURE, ALPHA = 3000, 4.0, 0.9
RECIPE = Recipe(60, 3e-3, optimizer="adamw", weight_decay=0.01, schedule="one_cycle")
TEACHER = Recipe(15, 3e-3, optimizer="adamw", weight_decay=0.01, schedule="one_cycle")

Soft = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Arm:
    """One row of the table. The alone arm has no teacher; `right` has the right loss."""

    name: str


def arms() -> list[Arm]:
    """The rows of chapter 02's table."""
    modes = ("teacher-in-train", "student-in-eval", "shuffled")
    return [Arm(name) for name in ("alone", "right", *SOFT_TERMS, *modes)]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale."""
    return range(10)


def swapped(student: Tensor, teacher: Tensor) -> Tensor:
    """Teacher and student in each other's place: KL(student || teacher)."""
    s, t = (F.log_softmax(z / TEMPERATURE, 1) for z in (student, teacher))
    return TEMPERATURE**2 * F.kl_div(t, s, reduction="batchmean", log_target=True)


def probabilities(student: Tensor, teacher: Tensor) -> Tensor:
    """Probabilities where kl_div wants log-probabilities."""
    s, t = (F.softmax(z / TEMPERATURE, 1) for z in (student, teacher))
    return TEMPERATURE**2 * F.kl_div(s, t, reduction="batchmean")


def softmax_twice(student: Tensor, teacher: Tensor) -> Tensor:
    """The softmax of a softmax, for the student."""
    s = F.log_softmax(F.softmax(student / TEMPERATURE, 1), 1)
    return TEMPERATURE**2 * F.kl_div(s, F.softmax(teacher / TEMPERATURE, 1), reduction="batchmean")


def right(student: Tensor, teacher: Tensor) -> Tensor:
    """The distillation term as it should be."""
    return losses.distillation_term(student, teacher, TEMPERATURE)


SOFT_TERMS: dict[str, Soft] = {
    "teacher-twice": lambda student, teacher: right(teacher, teacher),
    "swapped": swapped,
    "probabilities": probabilities,
    "mean": lambda student, teacher: right(student, teacher) / student.shape[1],
    "no-t-squared": lambda student, teacher: right(student, teacher) / TEMPERATURE**2,
    "softmax-twice": softmax_twice,
}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's student; give what was measured and the data's digest."""
    part, test = images("train").subset(chosen(seed)), images("test")
    student = models.lenet5((6, 12), (90, 64), dropout=0.2, seed=seed)
    result = train(
        student,
        part,
        objective(arm, teacher(folder), seed),
        RECIPE,
        seed=seed,
        checkpoint=folder / f"{arm.name}.{seed}.safetensors",
        description=f"{arm.name} seed {seed}",
    )
    logits = logits_of(student.cpu(), test)
    measured = {
        "test_errors": metrics.errors(logits, test.labels),
        "test_cross_entropy": float(F.cross_entropy(logits, test.labels)),
    }
    return {"metrics": measured, "curve": result.curve, "data": data.digest(part, test)}


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    shared = {"images": IMAGES, "temperature": TEMPERATURE, "alpha": ALPHA, "teacher": asdict(TEACHER)}
    student = "lenet5 (6, 12), (90, 64), dropout 0.2"
    return {"bug": arm.name, "recipe": asdict(RECIPE), "student": student, **shared}


def objective(arm: Arm, taught_by: nn.Module, seed: int) -> Objective:
    """What the arm minimises: Hinton's composite loss, with one mistake in it."""
    if arm.name == "alone":
        return supervised
    soft = SOFT_TERMS.get(arm.name, right)
    stored = logits_of(taught_by, images("train").subset(chosen(seed)))

    def minimised(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.positions is not None
        epoch = int(batch.progress * RECIPE.epochs + 1e-6)
        if arm.name == "student-in-eval":  # the first evaluation, after an epoch, leaves it there
            model.train(epoch == 0)
        if arm.name == "teacher-in-train":
            taught_by.train()
            with torch.no_grad():
                target = taught_by(batch.images)
            taught_by.eval()
        else:
            order = mixed(epoch, seed) if arm.name == "shuffled" else torch.arange(IMAGES)
            target = stored[order[batch.positions]]
        logits = model(batch.images)
        hard, term = F.cross_entropy(logits, batch.labels), soft(logits, target)
        return {"loss": ALPHA * term + (1 - ALPHA) * hard, "soft": term, "hard": hard}

    return minimised


def mixed(epoch: int, seed: int) -> Tensor:
    """The order of a loader that shuffles anew each epoch, while the cache was filled in another."""
    return torch.randperm(IMAGES, generator=torch.Generator().manual_seed(1000 * seed + epoch))


@lru_cache
def images(split: str) -> Dataset:
    """MNIST at 32 pixels."""
    return data.load("mnist", split, resolution=32)


def chosen(seed: int) -> Tensor:
    """The training images of a seed."""
    return torch.randperm(60_000, generator=torch.Generator().manual_seed(seed))[:IMAGES]


def teacher(folder: Path) -> nn.Module:
    """The one teacher of all arms and seeds: a LeNet-5 with dropout, trained on all images with jitter."""
    model = models.lenet5(dropout=0.3, seed=0)
    checkpoint = folder / "teacher.safetensors"
    with cache.locked(checkpoint):
        train(
            model,
            images("train"),
            supervised,
            TEACHER,
            seed=0,
            augment=augment.shift,
            checkpoint=checkpoint,
            description="teacher",
        )
    return model.cpu()
