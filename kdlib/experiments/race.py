"""Chapter 04's first race with many seeds: the page's small student on the bundled CIFAR-10 images.

On the page it is run with one seed. Here alone and distilled students of a seed share their initial weights,
images, views and steps, and are judged by the bundled test images, which select nothing. Around the two lie
longer races (Beyer et al. 2022: a good teacher is patient), other alphas and other temperatures.

Two controls have teachers that say less. The flattened one keeps the teacher's first choice and how sure it
is of it, picture by picture, and says of no class which others are like it; the equally sure one keeps the
choice alone. Furlanello et al. (2018) permute the wrong classes to that end.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from kdlib import data, models, pretrained
from kdlib.data import Dataset
from kdlib.data.augment import View
from kdlib.evaluation import fidelity
from kdlib.experiments.arms import Arm, Experiment, Fitted, Job
from kdlib.experiments.measures import digits, figures
from kdlib.objectives import Objective, distilled
from kdlib.softening import class_profiles, soften
from kdlib.training import Recipe, logits_of

# Mirrored or not, in eight places: few enough for a teacher to be asked for all its answers once.
MOVES = ((0, 0), (-3, -2), (-2, 3), (2, -3), (3, 2), (-4, 1), (4, -1), (0, 4))
VIEWS = tuple(View(flip, dy, dx) for flip in (False, True) for dy, dx in MOVES)
RECIPE = Recipe(4, 0.1, weight_decay=5e-4, schedule="one_cycle")  # the page's
TEMPERATURE = 4.0
images = cache(partial(data.load, "cifar10", scale="quick"))  # by split: the bundled part of CIFAR-10


def arms() -> list[Arm]:
    """Both students of the race, and what lies around them."""
    alone = Arm("alone", "quick", RECIPE, views=VIEWS, seeds=range(10), full=range(30))
    taught = replace(alone, name="distilled", loss="told", temperature=TEMPERATURE, alpha=0.9)
    rows = [alone, taught]
    for epochs in (16, 64):  # one cycle over all of them
        for arm in (alone, taught):
            longer = replace(arm, name=f"{arm.name}-{epochs}", recipe=replace(RECIPE, epochs=epochs))
            rows.append(replace(longer, seeds=range(5), full=range(10)))
    rows += [replace(taught, name=f"alpha-{a:g}", alpha=a, full=range(10)) for a in (0.25, 0.5, 0.75, 1.0)]
    rows += [replace(taught, name=f"T-{t:g}", temperature=t, full=range(10)) for t in (1.0, 2.0, 8.0)]
    rows += [replace(taught, name=kind, loss=kind) for kind in LESS]
    return [*rows, replace(alone, name="smoothed", loss="smoothed")]


def network(arm: Arm, seed: int) -> nn.Module:
    """The page's student."""
    return models.vgg(models.VGG_QUICK, seed=seed)


def objective(job: Job, part: Dataset) -> Objective:
    """Hinton's loss with the answers that travel with kdlib, or with less of them."""
    arm, logits = job.arm, pretrained.cifar_teacher_logits(images("train"))
    if job.few:
        logits = logits[[i * len(logits) // job.few for i in range(job.few)]]
    if arm.loss in LESS:
        logits = LESS[arm.loss](logits, arm.temperature)
    return distilled(logits, temperature=arm.temperature, alpha=arm.alpha)


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """How often the student is right, and how much it is like its teacher."""
    test = images("test")
    return judged(logits_of(fitted.model, test), pretrained.cifar_teacher_logits(test), test.labels)


def flattened(logits: Tensor, temperature: float) -> Tensor:
    """Logits whose softened answer keeps its largest probability and shares the rest evenly. Chapter 04.

    Args:
        logits: (..., C), of C classes; where two are largest, the first of them keeps its probability.
        temperature: at which the probabilities are kept, above 0.
    """
    return evened(logits, temperature, lambda top: top)


def equally_sure(logits: Tensor, temperature: float) -> Tensor:
    """Logits whose softened answer has the same largest probability everywhere: the mean one. Chapter 04.

    The rest is shared evenly: with the labels in place of its first choices these were smoothed labels.

    Args:
        logits: (..., C), of C classes; where two are largest, the first of them is chosen.
        temperature: at which the probabilities are taken, above 0.
    """
    return evened(logits, temperature, lambda top: top.mean().expand_as(top))


def evened(logits: Tensor, temperature: float, sure: Callable[[Tensor], Tensor]) -> Tensor:
    """Logits (..., C) whose first choice is as probable as `sure` makes it; the rest is shared evenly."""
    top, first = (logits / temperature).softmax(-1).max(-1, keepdim=True)
    rest = ((1 - sure(top)) / (logits.shape[-1] - 1)).expand_as(logits)
    return temperature * torch.scatter(rest, -1, first, sure(top)).log()


LESS: dict[str, Callable[[Tensor, float], Tensor]] = {"flattened": flattened, "equally-sure": equally_sure}


def judged(logits: Tensor, teacher: Tensor, labels: Tensor) -> dict[str, Any]:
    """How often a student (N, C) is right, and how much it is like its teacher (N, C)."""
    fooled = teacher.argmax(1) != labels
    soft, target = logits / TEMPERATURE, teacher / TEMPERATURE
    return figures(logits, labels, "errors", "accuracy") | {
        "test_answers": digits(logits),
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
    off = ~torch.eye(first.shape[1], dtype=torch.bool)
    tables = [class_profiles(soften(z, TEMPERATURE), labels) for z in (first, second)]
    return float(torch.corrcoef(torch.stack([table[off] for table in tables]))[0, 1])


EXPERIMENT = Experiment(
    "race", arms, network, lambda job: images("train"), lambda job: images("test"), measure, objective
)
