"""A teacher that sees more than its student, trained before it or beside it. Chapter 06.

Rows hold the student's features first, the privileged ones after them: a student begins with `Leading`, which
leaves the others out, so that both networks take the same rows and every objective fits.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import checks
from kdlib.objectives import Batch, Objective, logits_on, ramps


class Leading(nn.Module):
    """Passes on the first columns of its rows: (N, any) to (N, columns). Chapter 06."""

    def __init__(self, columns: int):
        super().__init__()
        self.columns = columns

    def forward(self, rows: Tensor) -> Tensor:
        """Raises ValueError where a row is shorter."""
        if rows.shape[1] < self.columns:
            raise ValueError(f"rows have {rows.shape[1]} columns; the student takes the first {self.columns}")
        return rows[:, : self.columns]


class Pair(nn.Module):
    """A teacher and a student that are trained together; called, it is the student. Chapter 06."""

    def __init__(self, teacher: nn.Module, student: nn.Module):
        super().__init__()
        if teacher is student:
            raise ValueError("teacher and student are the same object; copy.deepcopy one of them")
        self.teacher = teacher
        self.student = student

    def forward(self, rows: Tensor) -> Tensor:
        """The student's logits: what serving gets."""
        return self.student(rows)  # type: ignore[no-any-return]


def together(
    alpha: float,
    schedule: Callable[[float], float] = ramps.at_once,
    *,
    detach: bool = True,
    divergence: bool = False,
) -> Objective:
    """The objective of a `Pair`, teacher and student at once, with a schedule of alpha. Chapter 06.

    After Xu et al. (2020), Privileged Features Distillation at Taobao, and formula 6.3 of the chapter:
    (1 - a) CE(y, student) + a CE(teacher, student) + CE(y, teacher), with a = alpha * schedule(progress). The
    temperature is 1, and CE(teacher, student) is the cross-entropy with the teacher's probabilities.

    Args:
        alpha: the largest weight of the teacher's term, 0 to 1; the lambda of the paper.
        schedule: one of `kdlib.objectives.ramps`, with functools.partial where it has settings.
        detach: False lets the teacher's term train the teacher too, as the formula reads.
        divergence: KL(teacher || student) in place of CE(teacher, student). They differ by the teacher's
            entropy, which has a gradient only where nothing is detached.

    Raises:
        ValueError: alpha outside [0, 1].
        TypeError: a model that is no Pair, when it is trained.
    """
    checks.alpha(alpha)

    def objective(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        if not isinstance(model, Pair):
            raise TypeError(f"model is a {type(model).__name__}; train a Pair(teacher, student) together")
        student = logits_on(model.student, batch.images)
        teacher = logits_on(model.teacher, batch.images)
        checks.student_labels(batch.labels, student)
        targets = teacher.detach() if detach else teacher
        soft = F.cross_entropy(student, targets.softmax(dim=1))
        if divergence:
            soft = soft - F.cross_entropy(targets, targets.softmax(dim=1))
        hard = F.cross_entropy(student, batch.labels)
        own = F.cross_entropy(teacher, batch.labels)
        a = alpha * schedule(batch.progress)
        return {"loss": (1 - a) * hard + a * soft + own, "soft": soft, "hard": hard, "teacher": own}

    return objective
