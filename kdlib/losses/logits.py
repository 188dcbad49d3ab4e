"""Other ways to compare two models' logits: pure functions of tensors. Chapter 07 writes them in the open."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from kdlib import checks
from kdlib.losses import rows


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
        student_logits, teacher_logits: floating-point, (..., classes), three classes or more. No gradient
            flows into the teacher's.
        labels: integers (...); a label of -100 takes its example out.
        temperature: T, above 0.

    Returns:
        Decoupled(target, others), averaged over the examples, in nats.

    Raises:
        ValueError: shapes that differ, fewer than three classes, an impossible temperature.
    """
    student, teacher = rows.pair(student_logits, teacher_logits)
    labels, mask = rows.labelled(labels, student)
    temperature, classes = checks.temperature(temperature), student.shape[-1]
    if classes < 3:
        raise ValueError(f"logits have {classes} classes; beside the label there must be two others")
    if labels.is_floating_point():
        raise TypeError("labels are distributions; decoupled distillation needs a class: labels.argmax(-1)")
    label = labels.where(labels >= 0, 0)[..., None]
    rest = torch.arange(classes - 1, device=labels.device).expand(*labels.shape, -1)
    rest = rest + (rest >= label)

    def parts(logits: Tensor) -> tuple[Tensor, Tensor]:
        cooled = rows.blank(logits, mask) / temperature
        own, others = cooled.gather(-1, label), cooled.gather(-1, rest)
        two = torch.cat([own, others.logsumexp(-1, keepdim=True)], dim=-1)
        return two.log_softmax(-1), others.log_softmax(-1)

    pairs = zip(parts(student), parts(teacher), strict=True)
    return Decoupled(*(rows.divergence(p, q, mask, "mean", temperature**2) for q, p in pairs))


class Relations(NamedTuple):
    """What `dist` compares, scalar tensors: `inter` within each example, `intra` within each class."""

    inter: Tensor
    intra: Tensor


def dist(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float, *, mask: rows.Mask = None
) -> Relations:
    """The relations of DIST, times T^2: Huang et al. (2022), equations 8 to 10. Chapter 07.

    1 minus Pearson's correlation of the softened probabilities, of student and teacher: over the classes of
    each example (inter), and over the batch for each class (intra). A student need not say the same numbers;
    any that rise and fall with its teacher's on one line will do. A head that starts at zero has nothing that
    rises or falls, and its first gradient is tens of thousands of times an ordinary one (`correlation`
    bounds it): clip it, or start with small random weights.

    Args:
        student_logits, teacher_logits: floating-point, (..., classes), two examples or more, which are taken
            as one batch. No gradient flows into the teacher's.
        temperature: T, above 0. The factor T^2 is that of the authors' code.
        mask: boolean, (...), True for examples that count; None: all.

    Returns:
        Relations(inter, intra), means over examples and classes, each from 0 to 2 T^2.

    Raises:
        ValueError: shapes that differ, an impossible temperature; on the CPU, fewer than two examples that
            count.
    """
    log_q, log_p, mask = rows.softened(student_logits, teacher_logits, temperature, mask)
    q, p = log_q.exp().flatten(0, -2), log_p.exp().flatten(0, -2)
    counts = q.new_ones(len(q)) if mask is None else mask.flatten().to(q.dtype)
    if checks.readable(counts) and counts.sum() < 2:
        raise ValueError("one example counts in the batch; the correlation over a batch needs two or more")
    inter = 1 - (correlation(q, p) * counts).sum() / counts.sum()
    if mask is not None:  # an example at the mean of the others adds nothing to a correlation
        q, p = (torch.where(counts[:, None] > 0, x, counts @ x / counts.sum()) for x in (q, p))
    intra = 1 - correlation(q.T, p.T).mean()
    return Relations(temperature**2 * inter, temperature**2 * intra)


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation of each row of two matrices (n, m): (n,).

    A row that varies by less than 1e-5 of its size, which float32 hardly tells from rounding, counts as if it
    varied by that much: one without variation gives 0, and a gradient that has a bound.
    """

    def turned(matrix: Tensor) -> Tensor:
        centred = matrix - matrix.mean(1, keepdim=True)
        least = 1e-5 * torch.linalg.vector_norm(matrix.detach(), dim=1, keepdim=True)
        length: Tensor = torch.linalg.vector_norm(centred, dim=1, keepdim=True)
        return centred / torch.maximum(length, least).clamp_min(torch.finfo(length.dtype).tiny)

    return (turned(first) * turned(second)).sum(1)


def standardised(logits: Tensor) -> Tensor:
    """Each row of logits (..., classes) less its mean, divided by its standard deviation. Chapter 07.

    Logit standardisation: Sun et al. (2024), equation 12 without the temperature. Given to
    `losses.distillation_term` for student and teacher, it lets the student keep a scale of its own: all that
    is compared is which classes lie how far apart, measured in deviations of the model itself.

    The deviation is the population's, over C. The authors' code takes the sample's, over C - 1: its result
    is sqrt((C - 1) / C) of this one, so that its weight w and temperature T are w (C - 1) / C and
    T sqrt(C / (C - 1)) here. Classes at minus infinity stay there and do not count.

    A deviation below 0.01 counts as 0.01. A head that starts at zero has none, and its first gradient, which
    is divided by it, would have no bound.

    Raises:
        TypeError: logits that are not floating-point.
    """
    logits = checks.at_least_float32(logits, "logits")
    absent = logits == -math.inf
    known = logits.masked_fill(absent, 0.0)
    count = (~absent).sum(-1, keepdim=True)
    centred = (known - known.sum(-1, keepdim=True) / count).masked_fill(absent, 0.0)
    variance = centred.square().sum(-1, keepdim=True) / count
    return (centred / variance.clamp_min(1e-4).sqrt()).masked_fill(absent, -math.inf)


def pooled(logits: Tensor, temperature: float) -> Tensor:
    """The logits of an ensemble: those whose softened output is the mean of the members'. Chapter 07.

    Hinton, Vinyals and Dean (2015), section 1, average the members' probabilities. Given as the teacher of a
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
