"""A cut through the loss of one example: only the student's logit of the true class moves. Chapter 02."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib.losses import Terms, hinton_loss
from kdlib.softening import soften

COLDEST, HOTTEST = 0.5, 100.0  # the temperatures of the loss explorer


def along(student: Tensor, teacher: Tensor, label: int, places: Tensor, temperature: float) -> list[Tensor]:
    """T^2 KL and the cross-entropy, each of shape (places,), as the student's logit of `label` moves."""
    rows = student.repeat(len(places), 1)
    rows[:, label] = places
    p = F.log_softmax(teacher / temperature, dim=-1)
    q = F.log_softmax(rows / temperature, dim=-1)
    return [temperature**2 * (p.exp() * (p - q)).sum(-1), -F.log_softmax(rows, dim=-1)[:, label]]


def ends(student: Tensor, teacher: Tensor, label: int) -> tuple[float, float, float]:
    """The axes of the cut, the same for all settings: its first and last logit, and the largest loss.

    The cut holds the student and, for each temperature, the place where T^2 KL is least: there the student's
    share of the true class is the teacher's. Both terms are convex in a logit, so they are largest at an end.
    """
    kept = [i for i in range(len(student)) if i != label]
    temperatures = [COLDEST * (HOTTEST / COLDEST) ** (k / 60) for k in range(61)]
    marks = [float(student[label])]
    for t in temperatures:
        gap = torch.logsumexp(student[kept] / t, 0) - torch.logsumexp(teacher[kept] / t, 0)
        marks.append(float(teacher[label] + t * gap))
    room = max(3.0, 0.4 * (max(marks) - min(marks)))
    low, high = float(math.floor(min(marks) - room)), float(math.ceil(max(marks) + room))
    places = torch.tensor([low, high], dtype=torch.float64)
    most = max(float(x.max()) for t in temperatures for x in along(student, teacher, label, places, t))
    return low, high, 1.03 * most


def minimum(
    student: Tensor, teacher: Tensor, label: int, setting: tuple[float, float], cut: tuple[float, float]
) -> float | None:
    """The logit in the cut where the loss at (temperature, alpha) is least; None where it falls to the end.

    By bisection of the derivative, alpha T (p_s - p_t) - (1 - alpha) (1 - p_s(1)). The difference of two
    shares that are almost 1 is taken in what they leave to 1, which is exact.
    """
    (temperature, alpha), (low, high) = setting, cut
    others = [i for i in range(len(student)) if i != label]
    p = soften(teacher, temperature)

    def slope(place: float) -> float:
        z = student.clone()
        z[label] = place
        q = soften(z, temperature)
        gap = q[label] - p[label] if p[label] < 0.5 else p[others].sum() - q[others].sum()
        return float(alpha * temperature * gap - (1 - alpha) * soften(z)[others].sum())

    if slope(high) <= 0:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (low + high) / 2


def lengths(student: Tensor, teacher: Tensor, label: int, temperature: float) -> tuple[float, float]:
    """Lengths of the gradients in the student's logits: T (p_s - p_t) of T^2 KL, p_s - y at T = 1."""
    soft = temperature * (soften(student, temperature) - soften(teacher, temperature))
    hard = soften(student).clone()
    hard[label] -= 1
    return float(soft.norm()), float(hard.norm())


def loss_terms(student: Tensor, teacher: Tensor, label: int, temperature: float, alpha: float) -> Terms:
    """`kdlib.losses.hinton_loss` of one example; logits of shape (classes,)."""
    return hinton_loss(
        student[None], teacher[None], torch.tensor([label]), temperature=temperature, alpha=alpha
    )
