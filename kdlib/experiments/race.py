"""Chapter 04's first race with many seeds: the page's small student on the bundled CIFAR-10 images.

On the page it is run with one seed. Here alone and distilled students of a seed share their initial weights,
images, views and steps, and are judged by the bundled test images, which select nothing. Around the two lie
longer races (Beyer et al. 2022: a good teacher is patient), other alphas and other temperatures.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import data, models, pretrained
from kdlib.data import augment, cache
from kdlib.evaluation import fidelity, metrics
from kdlib.experiments.cifar import VIEWS
from kdlib.experiments.digests import fingerprint
from kdlib.objectives import Objective, distilled, supervised
from kdlib.training import Recipe, logits_of, train

RECIPE = Recipe(4, 0.1, weight_decay=5e-4, schedule="one_cycle")  # the page's
TEMPERATURE = 4.0


@dataclass(frozen=True)
class Arm:
    """One student: alone where alpha is 0, else distilled."""

    name: str
    alpha: float
    temperature: float = TEMPERATURE
    recipe: Recipe = RECIPE


def arms() -> list[Arm]:
    """Both students of the race, and what lies around them."""
    return [*pair(), *longer(), *other_alphas(), *other_temperatures()]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale."""
    if scale == "cpu":
        return range(5 if arm.recipe.epochs > RECIPE.epochs else 10)
    return range(30 if arm in pair() else 10)


def pair() -> list[Arm]:
    """The race itself: four epochs, T = 4, alpha 0.9."""
    return [Arm("alone", 0.0), Arm("distilled", 0.9)]


def longer() -> list[Arm]:
    """The same two students with four and sixteen times the epochs, one cycle over all of them."""
    rows = []
    for epochs in (16, 64):
        # `dataclasses.replace` would be shorter, but its import would count for the digest of `run`.
        recipe = Recipe(**(asdict(RECIPE) | {"epochs": epochs}))
        rows += [Arm(f"{arm.name}-{epochs}", arm.alpha, recipe=recipe) for arm in pair()]
    return rows


def other_alphas() -> list[Arm]:
    """The distilled student with other weights of the teacher's term."""
    return [Arm(f"alpha-{alpha:g}", alpha) for alpha in (0.25, 0.5, 0.75, 1.0)]


def other_temperatures() -> list[Arm]:
    """The distilled student with other temperatures."""
    return [Arm(f"T-{t:g}", 0.9, temperature=t) for t in (1.0, 2.0, 8.0)]


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return {key: value for key, value in asdict(arm).items() if key != "name"} | {"list_of_views": VIEWS}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one student, or go on where it was killed; give what was measured and the data's digest."""
    train_set, test = (data.load("cifar10", split, scale="quick") for split in ("train", "test"))
    student = models.vgg(models.VGG_QUICK, seed=seed)
    objective: Objective = supervised
    if arm.alpha:
        answers = pretrained.cifar_teacher_logits(train_set)
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
    logits = logits_of(student.cpu(), test)
    measured = judged(logits, pretrained.cifar_teacher_logits(test), test.labels)
    return {"metrics": measured, "curve": result.curve, "data": data.digest(train_set, test)}


def judged(logits: Tensor, teacher: Tensor, labels: Tensor) -> dict[str, Any]:
    """How often a student (N, C) is right, and how much it is like its teacher (N, C)."""
    fooled = teacher.argmax(1) != labels
    soft, target = logits / TEMPERATURE, teacher / TEMPERATURE
    return {
        "test_errors": metrics.errors(logits, labels),
        "test_accuracy": metrics.accuracy(logits, labels),
        "test_answers": "".join(str(int(answer)) for answer in logits.argmax(1)),
        "teacher_agreement": fidelity.agreement(logits, teacher),
        "same_mistakes": fidelity.same_mistakes(logits, teacher, labels),
        "divergence": fidelity.divergence(soft, target),
        "divergence_where_teacher_errs": fidelity.divergence(soft[fooled], target[fooled]),
        "likeness": likeness(logits, teacher, labels),
    }


def likeness(first: Tensor, second: Tensor, labels: Tensor) -> float:
    """Correlation of which classes two networks find alike, over all pairs of classes. Chapter 04.

    How much alike two classes are to a network is the mean of its softened answer for the one over the
    examples of the other.

    Args:
        first, second: logits of the same examples, (N, C).
        labels: (N,); each of the C classes has an example.
    """
    classes = first.shape[1]
    members = F.one_hot(labels, classes).to(first.dtype)
    off = ~torch.eye(classes, dtype=torch.bool)
    tables = [members.T @ (z / TEMPERATURE).softmax(1) / members.sum(0)[:, None] for z in (first, second)]
    return float(torch.corrcoef(torch.stack([table[off] for table in tables]))[0, 1])
