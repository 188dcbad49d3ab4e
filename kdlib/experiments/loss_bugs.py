"""The bug museum of chapter 02: the same student trained with the right loss and with each public mistake.

Every arm trains the same student from the same weights on the same 3,000 images, taught by one teacher; only
the loss, or the mode of a network, differs. Nothing is selected on the test images: they are looked at once.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import data, losses, models
from kdlib.data import Dataset
from kdlib.experiments.arms import ADAMW, Arm, Experiment, Fitted, Job, order, taught, taught_by
from kdlib.experiments.measures import figures
from kdlib.losses import divergences
from kdlib.objectives import Batch, Objective
from kdlib.training import Recipe, logits_of

IMAGES, TEMPERATURE, ALPHA = 3000, 4.0, 0.9
RECIPE = Recipe(60, 3e-3, **ADAMW)
# One teacher of all arms and seeds: a LeNet-5 with dropout, trained on all images with jitter.
TEACHER = Arm("teacher", "lenet_teacher", replace(RECIPE, epochs=15), augment="shift")
images = cache(partial(data.load, "mnist", resolution=32))  # by split


def arms() -> list[Arm]:
    """The rows of chapter 02's table."""
    bugs = ("right", *SOFT_TERMS, "teacher-in-train", "student-in-eval", "shuffled")
    alone = Arm("alone", "lenet_student", RECIPE, options={"images": IMAGES}, seeds=range(10))
    twin = taught(alone, "right", TEACHER, TEMPERATURE, ALPHA, teacher_seed=0)
    return [alone, *(replace(twin, name=bug, loss=bug) for bug in bugs)]


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


SOFT_TERMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "teacher-twice": lambda student, teacher: right(teacher, teacher),
    "swapped": lambda student, teacher: divergences.reverse_kl(student, teacher, TEMPERATURE),
    "probabilities": probabilities,
    "mean": lambda student, teacher: right(student, teacher) / student.shape[1],
    "no-t-squared": lambda student, teacher: right(student, teacher) / TEMPERATURE**2,
    "softmax-twice": softmax_twice,
}


def objective(job: Job, part: Dataset) -> Objective:
    """What an arm minimises: Hinton's composite loss, with one mistake in it."""
    bug, teacher = job.arm.loss, taught_by(EXPERIMENT, job)
    soft, stored = SOFT_TERMS.get(bug, right), logits_of(teacher, part)
    epochs = 2 if job.few else RECIPE.epochs

    def minimised(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.positions is not None
        epoch = int(batch.progress * epochs + 1e-6)
        if bug == "student-in-eval":  # the first evaluation, after an epoch, leaves it there
            model.train(epoch == 0)
        if bug == "teacher-in-train":
            with torch.no_grad():
                target = teacher.train()(batch.images)
            teacher.eval()
        elif bug == "shuffled":  # a loader shuffles anew each epoch; the cache was filled in another order
            target = stored[order(len(part), 1000 * job.seed + epoch)[batch.positions]]
        else:
            target = stored[batch.positions]
        logits = model(batch.images)
        hard, term = F.cross_entropy(logits, batch.labels), soft(logits, target)
        return {"loss": ALPHA * term + (1 - ALPHA) * hard, "soft": term, "hard": hard}

    return minimised


def network(arm: Arm, seed: int) -> nn.Module:
    """The teacher or the student."""
    if arm.network == "lenet_teacher":
        return models.lenet5(dropout=0.3, seed=seed)
    return models.lenet5((6, 12), (90, 64), dropout=0.2, seed=seed)


def train_set(job: Job) -> Dataset:
    """All images for the teacher, some for the students of a seed."""
    whole = images("train")
    if job.arm.name == TEACHER.name:
        return whole
    return whole.subset(order(len(whole), job.seed)[: job.few or IMAGES])


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """Test errors and cross-entropy."""
    test = images("test")
    return figures(logits_of(fitted.model, test), test.labels, "errors", "cross_entropy")


EXPERIMENT = Experiment("loss_bugs", arms, network, train_set, lambda job: images("test"), measure, objective)
