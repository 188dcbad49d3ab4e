"""What is minimised: an objective is a function of the model and a batch. Chapter 03.

It returns {"loss": ..., and any other terms that should have a curve of their own}. `supervised` and
`distilled` make the two usual ones; any function of the same form will do. Those of this room are a named
function with its settings by `functools.partial`, since that tells two settings apart in a checkpoint.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from kdlib import checks, losses
from kdlib.objectives.model_logits import logits_on


class Batch(NamedTuple):
    """What an objective sees.

    images: float (B, C, H, W) in [0, 1], or tokens or features. labels: (B,), of tokens (B, L). positions: of
    the images in the data set, None where they are not known. progress: the share of training that is done,
    for schedules of the loss. views: which of an augmentation's views each image is, (B,), where it says so.
    examples: how many the data set has, None where that is not known. teacher_logits: (B, classes), where a
    loader gives them.
    """

    images: Tensor
    labels: Tensor
    positions: Tensor | None = None
    progress: float = 0.0
    views: Tensor | None = None
    examples: int | None = None
    teacher_logits: Tensor | None = None


class Stored:
    """A teacher's logits for the whole data set that are looked up as in a tensor and lie elsewhere.

    shape: (examples, classes) or (examples, views, classes). made_with: what tells these answers from others,
    by which a checkpoint knows its own run. `caching.shards` keeps them in files.
    """

    shape: torch.Size
    made_with = ""
    dtype = torch.float16
    device = torch.device("cpu")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {tuple(self.shape)} of {self.made_with}"

    def __getitem__(self, at: Any) -> Any:
        raise NotImplementedError


Objective = Callable[[nn.Module, Batch], dict[str, Tensor]]
# A model, its logits for the whole data set, or None where each batch brings them.
Teacher = nn.Module | Tensor | Stored | None


def supervised(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy with the labels: the objective of the teacher and of the student alone. Chapter 03."""
    return {"loss": losses.hard_term(logits_on(model, batch.images), batch.labels)}


def distilled(teacher: Teacher, *, temperature: float, alpha: float) -> Objective:
    """The objective of a distilled student: Hinton's composite loss. Chapter 03.

    Args:
        teacher: a model, which is run on each batch in evaluation mode and without gradients; or its logits
            for the whole training set, shape (examples, classes), in the order of the data set, or (examples,
            views, classes) for an augmentation that says which view it took; or None where each batch of a
            loader brings them: (images, labels, teacher_logits).
        temperature: T, above 0.
        alpha: weight of the teacher's term, 0 to 1.
    """
    checks.temperature(temperature)
    checks.alpha(alpha)
    checked_teacher(teacher)
    return partial(_distilled, teacher=teacher, temperature=temperature, alpha=alpha)


def _distilled(
    model: nn.Module, batch: Batch, *, teacher: Teacher, temperature: float, alpha: float
) -> dict[str, Tensor]:
    two_models(model, teacher)
    student, told = logits_on(model, batch.images), teacher_logits(teacher, batch)
    terms = losses.hinton_loss(student, told, batch.labels, temperature=temperature, alpha=alpha)
    return {"loss": terms.total, "soft": terms.soft, "hard": terms.hard}


def checked_teacher(teacher: object) -> None:
    """Raise TypeError for what cannot teach."""
    if not isinstance(teacher, nn.Module | Tensor | Stored | None):
        raise TypeError(f"teacher is a {type(teacher).__name__}; give a model, a tensor of logits, or None")


def two_models(model: nn.Module, teacher: object) -> None:
    """Raise ValueError where a student is to teach itself."""
    if model is teacher:
        raise ValueError("teacher and student are the same object; copy.deepcopy one of them")


def teacher_logits(teacher: Teacher, batch: Batch) -> Tensor:
    """The teacher's logits on a batch: brought by it, looked up by position, or computed. Chapter 03."""
    if teacher is None:
        if batch.teacher_logits is None:
            raise ValueError("teacher is None; then a loader must give (images, labels, teacher_logits)")
        return batch.teacher_logits
    if isinstance(teacher, Tensor | Stored):
        if batch.positions is None:
            raise ValueError(
                "stored teacher logits need the positions of a batch, which a loader does not tell; give a "
                "kdlib.data.Dataset, or let the loader give (images, labels, teacher_logits) and teacher=None"
            )
        if batch.examples is not None and len(teacher) != batch.examples:
            raise ValueError(
                f"teacher holds the logits of {len(teacher)} examples, but data has {batch.examples}; "
                "take them with logits_of from the same data"
            )
        at = batch.positions.to(teacher.device)
        if teacher.ndim == batch.labels.ndim + 1:
            return teacher[at].to(batch.images.device)
        if batch.views is None:
            raise ValueError(
                f"stored teacher logits have shape {tuple(teacher.shape)}, several views an example; give an "
                "augment that returns images and views, or logits of shape (examples, classes)"
            )
        return teacher[at, batch.views.to(teacher.device)].to(batch.images.device)
    teacher.eval()  # whatever the caller, or a parent module's train(), did to it
    with torch.no_grad():
        return logits_on(teacher, batch.images)


def label_smoothed(epsilon: float) -> Objective:
    """Cross-entropy with smoothed labels: the control that stands beside distillation. Chapter 04.

    The target is (1 - epsilon) for the label plus epsilon / classes for each class: Szegedy et al. (2016),
    section 7. It softens the targets as a teacher does, but without knowing which classes are alike.

    Args:
        epsilon: from 0, which is `supervised`, to below 1.

    Raises:
        ValueError: epsilon outside [0, 1).
    """
    if not 0 <= epsilon < 1:
        raise ValueError(f"epsilon is {epsilon!r}; it is what the label gives away, from 0 to below 1")

    return partial(_smoothed, epsilon=epsilon)


def _smoothed(model: nn.Module, batch: Batch, *, epsilon: float) -> dict[str, Tensor]:
    logits = logits_on(model, batch.images)
    return {"loss": losses.hard_term(logits, batch.labels, label_smoothing=epsilon)}
