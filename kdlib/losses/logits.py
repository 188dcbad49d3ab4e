"""Other ways to compare two models' logits: pure functions of tensors. Chapter 07 writes them in the open."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import checks


class Decoupled(NamedTuple):
    """The two parts of the divergence, scalar tensors: `target` of the label or not, `others` of the rest."""

    target: Tensor
    others: Tensor


def decoupled(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float
) -> Decoupled:
    """The parts of decoupled distillation, times T^2: Zhao et al. (2022), section 3. Chapter 07.

    `target` is the divergence of "the label or another class", two numbers for each model; `others` is that
    of the shares of the other classes among themselves. For each example T^2 KL(teacher || student) is
    target + (1 - p) others, with p the teacher's share of the label: the paper's equation 7. The paper
    minimises target + beta others instead, so that a sure teacher's words on the others count.

    Args:
        student_logits, teacher_logits: floating-point, (batch, classes), three classes or more. No gradient
            flows into the teacher's.
        labels: integers (batch,).
        temperature: T, above 0.

    Returns:
        Decoupled(target, others), averaged over the examples, in nats.

    Raises:
        ValueError: shapes that differ, fewer than three classes, an impossible temperature.
    """
    student, teacher = _pair(student_logits, teacher_logits)
    checks.student_labels(labels, student)
    temperature = checks.temperature(temperature)
    if student.shape[1] < 3:
        raise ValueError(f"logits have {student.shape[1]} classes; beside the label there must be two others")
    rest = ~F.one_hot(labels.long(), student.shape[1]).bool()

    def parts(logits: Tensor) -> tuple[Tensor, Tensor]:
        cooled = logits / temperature
        other = cooled[rest].reshape(len(logits), -1)
        two = torch.stack([cooled[~rest], other.logsumexp(1)], dim=1)
        return two.log_softmax(1), other.log_softmax(1)

    found = [
        temperature**2 * F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
        for ours, theirs in zip(parts(student), parts(teacher), strict=True)
    ]
    return Decoupled(*found)


class Relations(NamedTuple):
    """What `dist` compares, scalar tensors: `inter` within each example, `intra` within each class."""

    inter: Tensor
    intra: Tensor


def dist(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Relations:
    """The relations of DIST, times T^2: Huang et al. (2022), equations 8 to 10. Chapter 07.

    1 minus Pearson's correlation of the softened probabilities, of student and teacher: over the classes of
    each example (inter), and over the batch for each class (intra). A student need not say the same numbers;
    any that rise and fall with its teacher's on one line will do.

    Args:
        student_logits, teacher_logits: floating-point, (batch, classes), two examples or more. No gradient
            flows into the teacher's.
        temperature: T, above 0. The factor T^2 is that of the authors' code.

    Returns:
        Relations(inter, intra), means over examples and classes, each from 0 to 2 T^2.

    Raises:
        ValueError: shapes that differ, a single example, an impossible temperature.
    """
    student, teacher = _pair(student_logits, teacher_logits)
    temperature = checks.temperature(temperature)
    if len(student) < 2:
        raise ValueError("the batch holds one example; the correlation over a batch needs two or more")
    p, q = ((logits / temperature).softmax(1) for logits in (student, teacher))
    inter = 1 - correlation(p, q).mean()
    intra = 1 - correlation(p.T, q.T).mean()
    return Relations(temperature**2 * inter, temperature**2 * intra)


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation of each row of two matrices (n, m): (n,). Rows without variation give 0."""
    a, b = first - first.mean(1, keepdim=True), second - second.mean(1, keepdim=True)
    return F.cosine_similarity(a, b, dim=1)


def standardised(logits: Tensor) -> Tensor:
    """Each row of logits (N, classes) less its mean, divided by its standard deviation. Chapter 07.

    Logit standardisation: Sun et al. (2024), equation 12 without the temperature. Given to
    `losses.distillation_term` for student and teacher, it lets the student keep a scale of its own: all that
    is compared is which classes lie how far apart, measured in deviations of the model itself.

    Raises:
        TypeError: logits that are not floating-point.
    """
    logits = checks.at_least_float32(logits, "logits")
    centred = logits - logits.mean(-1, keepdim=True)
    return centred / (logits.std(-1, correction=0, keepdim=True) + 1e-7)


def pooled(logits: Tensor, temperature: float) -> Tensor:
    """The logits of an ensemble: those whose softened output is the mean of the members'. Chapter 07.

    Hinton, Vinyals and Dean (2015), section 5, average the members' probabilities. Given as the teacher of a
    distillation at the same temperature, the result teaches just that mean.

    Args:
        logits: (members, ..., classes).
        temperature: T at which the members are averaged.

    Returns:
        (..., classes): T log(mean of softmax(logits / T)).
    """
    temperature = checks.temperature(temperature)
    shares = (checks.at_least_float32(logits, "logits") / temperature).log_softmax(-1)
    return temperature * (shares.logsumexp(0) - math.log(len(logits)))


def _pair(student_logits: Tensor, teacher_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float32 or better, the teacher's cut off."""
    checks.same_shape(student_logits, teacher_logits, ("student_logits", "teacher_logits"))
    if student_logits.ndim != 2 or not len(student_logits):
        raise ValueError(f"student_logits has shape {tuple(student_logits.shape)}; give (batch, classes)")
    student = checks.at_least_float32(student_logits, "student_logits")
    return student, checks.at_least_float32(teacher_logits.detach(), "teacher_logits")
