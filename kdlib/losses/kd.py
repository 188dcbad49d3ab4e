"""The loss of distillation, as pure functions of tensors: chapter 02 derives it and writes it in the open."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from kdlib import checks


class Terms(NamedTuple):
    """A loss and the two terms it is made of, scalar tensors; `soft` and `hard` are before weighting."""

    total: Tensor
    soft: Tensor
    hard: Tensor


def distillation_term(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T^2 times the Kullback-Leibler divergence KL(teacher || student) of the softened outputs.

    T^2 KL(p^t(T) || p^s(T)), averaged over the examples: the soft part of the objective of Hinton, Vinyals
    and Dean (2015), section 2. The factor T^2 keeps the gradient's scale as T grows. Chapter 02.

    Args:
        student_logits: floating-point, shape (batch, classes).
        teacher_logits: the same shape. No gradient flows into them.
        temperature: T, a finite number above 0, the same for both.

    Returns:
        A scalar in nats, in float32 or better: half-precision logits are widened first.

    Raises:
        ValueError: shapes that differ, an impossible temperature.
        TypeError: logits that are not floating-point.
    """
    temperature = checks.temperature(temperature)
    checks.same_shape(student_logits, teacher_logits, ("student_logits", "teacher_logits"))
    if student_logits.ndim != 2 or not len(student_logits):
        raise ValueError(
            f"student_logits has shape {tuple(student_logits.shape)}; it must be (batch, classes), "
            "and logits[None] for one example"
        )
    student = checks.at_least_float32(student_logits, "student_logits") / temperature
    teacher = checks.at_least_float32(teacher_logits.detach(), "teacher_logits") / temperature
    student, teacher = F.log_softmax(student, dim=-1), F.log_softmax(teacher, dim=-1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean", log_target=True)


def hinton_loss(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, *, temperature: float, alpha: float
) -> Terms:
    """The composite loss: alpha times the distillation term plus 1 - alpha times the labels' cross-entropy.

    Hinton, Vinyals and Dean (2015), section 2, with alpha the weight of the soft term as in the whole book.
    The cross-entropy is taken at temperature 1. Chapter 02.

    Args:
        student_logits: floating-point, shape (batch, classes).
        teacher_logits: the same shape. No gradient flows into them.
        labels: integers of shape (batch,).
        temperature: T, a finite number above 0.
        alpha: from 0 (labels only) to 1 (teacher only).

    Returns:
        Terms(total, soft, hard), scalars in nats.

    Raises:
        ValueError: alpha outside [0, 1], shapes that differ, an impossible temperature.
    """
    alpha = checks.alpha(alpha)
    soft = distillation_term(student_logits, teacher_logits, temperature)
    checks.student_labels(labels, student_logits)
    hard = F.cross_entropy(checks.at_least_float32(student_logits, "student_logits"), labels)
    return Terms(alpha * soft + (1 - alpha) * hard, soft.detach(), hard.detach())
