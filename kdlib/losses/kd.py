"""The loss of distillation, as pure functions of tensors: chapter 02 derives it and writes it in the open.

Logits are (batch, classes), or (..., classes) for tokens and pixels; where the classes are the second
dimension, `logits.movedim(1, -1)` makes them the last. A mask (...) says with True which rows count.
"""

from typing import NamedTuple

from torch import Tensor

from kdlib import checks
from kdlib.losses import rows
from kdlib.losses.rows import Mask


class Terms(NamedTuple):
    """A loss and the two terms it is made of, all with gradients; `soft` and `hard` are before weighting."""

    total: Tensor
    soft: Tensor
    hard: Tensor


def distillation_term(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    *,
    mask: Mask = None,
    reduction: str = "mean",
) -> Tensor:
    """T^2 times the Kullback-Leibler divergence KL(teacher || student) of the softened outputs.

    T^2 KL(p^t(T) || p^s(T)), averaged over the examples: the soft part of the objective of Hinton, Vinyals
    and Dean (2015), section 2. The factor T^2 keeps the gradient's scale as T grows. Chapter 02.

    This is the forward divergence; `losses.divergences` has the reverse one and those between. A class at
    minus infinity in the teacher, a masked one, adds nothing; if only the student has it there, the term is
    infinite.

    Args:
        student_logits: floating-point, shape (..., classes), at least (batch, classes).
        teacher_logits: the same shape. No gradient flows into them.
        temperature: T, a finite number above 0, the same for both. Above some hundreds the value, not the
            gradient, drowns in float32's rounding: give float64 there.
        mask: bool (...), the rows that count; None for all.
        reduction: "mean" over the rows that count, "sum" over them, or "none": (...), 0 for the others.

    Returns:
        In nats, in float32 or better: half-precision logits are widened first.

    Raises:
        ValueError: shapes that differ, fewer than two classes, no row that counts, an impossible temperature.
        TypeError: logits that are not floating-point.
    """
    log_q, log_p, mask = rows.softened(student_logits, teacher_logits, temperature, mask)
    return rows.divergence(log_p, log_q, mask, reduction, temperature**2)


def hard_term(
    logits: Tensor,
    labels: Tensor,
    *,
    mask: Mask = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """The cross-entropy with the labels, at temperature 1. Chapter 02.

    Args:
        logits: floating-point, shape (..., classes).
        labels: class indices (...), of which `ignore_index` counts nowhere, or distributions (..., classes).
        mask, reduction: as for `distillation_term`.
        label_smoothing: what smoothing takes from the label and shares evenly, 0 to 1.

    Returns:
        In nats, in float32 or better.

    Raises:
        ValueError: labels of another shape or out of range, no row that counts.
        TypeError: labels that are neither integers nor distributions of this shape.
    """
    logits = rows.checked(logits, "logits")
    labels, mask = rows.labelled(labels, logits, mask, ignore_index)
    return rows.cross_entropy(rows.blank(logits, mask), labels, mask, label_smoothing, reduction)


def hinton_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    alpha: float,
    mask: Mask = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Terms:
    """The composite loss: alpha times the distillation term plus 1 - alpha times the labels' cross-entropy.

    Hinton, Vinyals and Dean (2015), section 2, with alpha the weight of the soft term as in the whole book.
    The cross-entropy is taken at temperature 1. Chapter 02.

    Args:
        student_logits: floating-point, shape (..., classes), at least (batch, classes).
        teacher_logits: the same shape. No gradient flows into them.
        labels: class indices of shape (...), or distributions of shape (..., classes).
        temperature: T, a finite number above 0.
        alpha: from 0 (labels only) to 1 (teacher only).
        mask: bool (...), the rows that count; None for all.
        ignore_index: a label that takes its row out of both terms.
        reduction: "mean" over the rows that count, "sum" over them, or "none": (...), 0 for the others.

    Returns:
        Terms(total, soft, hard), in nats.

    Raises:
        ValueError: alpha outside [0, 1], shapes that differ, no row that counts, an impossible temperature.
        TypeError: labels that are neither integers nor distributions.
    """
    alpha, temperature = checks.alpha(alpha), checks.temperature(temperature)
    student, teacher = rows.pair(student_logits, teacher_logits)
    labels, mask = rows.labelled(labels, student, mask, ignore_index)
    student, teacher = rows.blank(student, mask), rows.blank(teacher, mask)
    log_q, log_p = rows.log_shares(student, teacher, temperature)
    soft = rows.divergence(log_p, log_q, mask, reduction, temperature**2)
    hard = rows.cross_entropy(student, labels, mask, 0.0, reduction)
    # At the ends the other term is left out, since it may be infinite.
    total = alpha * soft + (1 - alpha) * hard if 0 < alpha < 1 else soft if alpha else hard
    return Terms(total, soft, hard)
