"""What is minimised: an objective is a function of the model and a batch. Chapter 03.

It returns {"loss": ..., and any other terms that should have a curve of their own}. `supervised` and
`distilled` make the two usual ones; any function of the same form will do.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import checks, losses


class Batch(NamedTuple):
    """What an objective sees.

    images: float (B, C, H, W) in [0, 1]. labels: (B,). positions: of the images in the data set, None where
    they are not known. progress: the share of training that is done, for schedules of the loss.
    """

    images: Tensor
    labels: Tensor
    positions: Tensor | None = None
    progress: float = 0.0


Objective = Callable[[nn.Module, Batch], dict[str, Tensor]]


def supervised(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy with the labels: the objective of the teacher and of the student alone. Chapter 03."""
    return {"loss": F.cross_entropy(model(batch.images).float(), batch.labels)}


def distilled(teacher: nn.Module | Tensor, *, temperature: float, alpha: float) -> Objective:
    """The objective of a distilled student: Hinton's composite loss. Chapter 03.

    Args:
        teacher: a model, which is run on each batch in evaluation mode and without gradients; or its logits
            for the whole training set, shape (examples, classes), in the order of the data set.
        temperature: T, above 0.
        alpha: weight of the teacher's term, 0 to 1.
    """
    checks.temperature(temperature)
    checks.alpha(alpha)

    def objective(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        if model is teacher:
            raise ValueError("teacher and student are the same object; copy.deepcopy one of them")
        terms = losses.hinton_loss(
            model(batch.images),
            teacher_logits(teacher, batch),
            batch.labels,
            temperature=temperature,
            alpha=alpha,
        )
        return {"loss": terms.total, "soft": terms.soft, "hard": terms.hard}

    return objective


def teacher_logits(teacher: nn.Module | Tensor, batch: Batch) -> Tensor:
    """The teacher's logits on a batch: looked up by position in the data set, or computed. Chapter 03."""
    if isinstance(teacher, Tensor):
        if batch.positions is None:
            raise ValueError(
                "stored teacher logits need the positions of a batch; give a Dataset, not a loader"
            )
        return teacher[batch.positions.to(teacher.device)].to(batch.images.device)
    teacher.eval()  # whatever the caller, or a parent module's train(), did to it
    with torch.no_grad():
        return teacher(batch.images)  # type: ignore[no-any-return]
