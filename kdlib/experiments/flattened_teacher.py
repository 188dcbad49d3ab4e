"""Chapter 04's controls for likeness: the first race, with teachers that say less and less.

The flattened one keeps the teacher's first choice and how sure it is of it, picture by picture, and says of
no class which others are like it. The equally sure one keeps the choice alone. A student with smoothed labels
stands beside. All else is as in `race_experiments`, with whose students of the same seeds these are compared.
Furlanello et al. (2018) permute the wrong classes to that end.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdlib import data, models, pretrained
from kdlib.data import augment, cache
from kdlib.experiments.cifar import VIEWS
from kdlib.experiments.digests import fingerprint
from kdlib.experiments.race import RECIPE, TEMPERATURE, judged
from kdlib.objectives import distilled, label_smoothed
from kdlib.training import Recipe, logits_of, train


def flattened(logits: Tensor, temperature: float) -> Tensor:
    """Logits whose softened answer keeps its largest probability and shares the rest evenly. Chapter 04.

    Args:
        logits: (..., C), of C classes; where two are largest, the first of them keeps its probability.
        temperature: at which the probabilities are kept, above 0.
    """
    p = (logits / temperature).softmax(-1)
    top, first = p.max(-1, keepdim=True)
    return temperature * shared_out(top, first, p).log()


def equally_sure(logits: Tensor, temperature: float) -> Tensor:
    """Logits whose softened answer has the same largest probability everywhere: the mean one. Chapter 04.

    The rest is shared evenly: with the labels in place of its first choices these were smoothed labels.

    Args:
        logits: (..., C), of C classes; where two are largest, the first of them is chosen.
        temperature: at which the probabilities are taken, above 0.
    """
    p = (logits / temperature).softmax(-1)
    top, first = p.max(-1, keepdim=True)
    return temperature * shared_out(top.mean().expand_as(top), first, p).log()


def shared_out(top: Tensor, first: Tensor, like: Tensor) -> Tensor:
    """Probabilities (..., C), in the shape of `like`: `top` for the class `first`, the rest shared evenly."""
    rest = ((1 - top) / (like.shape[-1] - 1)).expand_as(like)
    return torch.scatter(rest, -1, first, top)


LESS: dict[str, Callable[[Tensor, float], Tensor]] = {"flattened": flattened, "equally-sure": equally_sure}


@dataclass(frozen=True)
class Arm:
    """One student; its teacher is one of LESS where alpha is above 0, and else its labels are smoothed."""

    name: str
    alpha: float = 0.0
    smoothing: float = 0.0
    temperature: float = TEMPERATURE
    recipe: Recipe = RECIPE


def arms() -> list[Arm]:
    """The controls of the race's distilled student."""
    return [*(Arm(name, alpha=0.9) for name in LESS), Arm("smoothed", smoothing=0.1)]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale: those of the race."""
    return range(10 if scale == "cpu" else 30)


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return {key: value for key, value in asdict(arm).items() if key != "name"} | {"list_of_views": VIEWS}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one student, or go on where it was killed; give what was measured and the data's digest."""
    train_set, test = (data.load("cifar10", split, scale="quick") for split in ("train", "test"))
    student = models.vgg(models.VGG_QUICK, seed=seed)
    objective = label_smoothed(arm.smoothing)
    if arm.alpha:
        answers = LESS[arm.name](pretrained.cifar_teacher_logits(train_set), arm.temperature)
        objective = distilled(answers, temperature=arm.temperature, alpha=arm.alpha)
    checkpoint = folder / f"{arm.name}.{seed}.{fingerprint(settings(arm))}.safetensors"
    with cache.locked(checkpoint):
        result = train(
            student,
            train_set,
            objective,
            arm.recipe,
            seed=seed,
            augment=augment.viewed(VIEWS),
            checkpoint=checkpoint,
            description=f"{arm.name} seed {seed}",
        )
    measured = judged(logits_of(student.cpu(), test), pretrained.cifar_teacher_logits(test), test.labels)
    return {"metrics": measured, "curve": result.curve, "data": data.digest(train_set, test)}
