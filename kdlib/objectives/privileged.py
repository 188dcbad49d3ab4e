"""A teacher that sees more than its student, trained before it or beside it. Chapter 06.

Rows hold the student's features first, the privileged ones after them: a student begins with `Leading`, which
leaves the others out, so that both networks take the same rows and every objective fits.
"""

from functools import partial

from torch import Tensor, nn

from kdlib import checks
from kdlib.losses import rows
from kdlib.objectives import Batch, Objective, logits_on, ramps


class Leading(nn.Module):
    """Passes on the first columns of its rows: (N, any) to (N, columns). Chapter 06."""

    def __init__(self, columns: int):
        super().__init__()
        self.columns = columns

    def forward(self, table: Tensor) -> Tensor:
        """Raises ValueError where a row is shorter."""
        if table.shape[1] < self.columns:
            found = table.shape[1]
            raise ValueError(f"rows have {found} columns; the student takes the first {self.columns}")
        return table[:, : self.columns]


class CoTrained(nn.Module):
    """A teacher and a student that are trained together; called, it is the student. Chapter 06."""

    def __init__(self, teacher: nn.Module, student: nn.Module):
        super().__init__()
        if teacher is student:
            raise ValueError("teacher and student are the same object; copy.deepcopy one of them")
        self.teacher = teacher
        self.student = student

    def forward(self, table: Tensor) -> Tensor:
        """The student's logits: what serving gets."""
        return self.student(table)  # type: ignore[no-any-return]


def together(
    alpha: float, schedule: ramps.Schedule = ramps.at_once, *, detach: bool = True, divergence: bool = False
) -> Objective:
    """The objective of `CoTrained`, teacher and student at once, with a schedule of alpha. Chapter 06.

    After Xu et al. (2020), Privileged Features Distillation at Taobao, the chapter's second formula:
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
        TypeError: a model that is not `CoTrained`, when it is trained.
    """
    checks.alpha(alpha)
    return partial(_together, alpha=alpha, schedule=schedule, detach=detach, divergence=divergence)


def _together(
    model: nn.Module, batch: Batch, *, alpha: float, schedule: ramps.Schedule, detach: bool, divergence: bool
) -> dict[str, Tensor]:
    if not isinstance(model, CoTrained):
        raise TypeError(f"model is a {type(model).__name__}; give CoTrained(teacher, student)")
    student = logits_on(model.student, batch.images)
    teacher = logits_on(model.teacher, batch.images)
    labels, mask = rows.labelled(batch.labels, student)
    student, teacher = rows.blank(student, mask), rows.blank(teacher, mask)
    targets = teacher.detach() if detach else teacher
    soft = rows.cross_entropy(student, targets.softmax(dim=-1), mask)
    if divergence:
        soft = soft - rows.cross_entropy(targets, targets.softmax(dim=-1), mask)
    hard, own = (rows.cross_entropy(logits, labels, mask) for logits in (student, teacher))
    a = alpha * schedule(batch.progress)
    return {"loss": (1 - a) * hard + a * soft + own, "soft": soft, "hard": hard, "teacher": own}
