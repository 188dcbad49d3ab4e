"""Checks of chapter 06: a mixed target, a ramp, teacher and student side by side."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib.check.checking import Check


def _mixed_target(y: Tensor, p: Tensor, alpha: float) -> Tensor:
    """Labels (N,) and the teacher's probabilities (N, C): the target (N, C)."""
    return (1 - alpha) * F.one_hot(y, p.shape[1]) + alpha * p


def _ramp(progress: Tensor, start: float, end: float) -> Tensor:
    """Shares of training (n,): factors of alpha (n,), half a cosine from 0 to 1."""
    share = ((progress - start) / (end - start)).clamp(0, 1)
    return (1 - torch.cos(math.pi * share)) / 2


def _side_by_side(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    """Logits of student and teacher (N, C), labels (N,): one number to minimise."""
    return F.cross_entropy(s, t.softmax(1).detach()) + F.cross_entropy(t, y)


mixed_target = Check("ex-06-mixed", lambda draw: (draw.labels(5, 3 - draw.odd), draw.normal(5, 3, scale=2).softmax(1), draw.number(0.6, 0.9)), _mixed_target,
    "1 - alpha times the one-hot label plus alpha times the teacher's probabilities.", {
        "alpha is the teacher's weight. You gave it to the labels.": lambda y, p, a: _mixed_target(y, p, 1 - a),
        "That is the teacher alone. Add 1 - alpha times the label.": lambda y, p, a: p,
        "The weights are missing, and your rows add up to 2.": lambda y, p, a: F.one_hot(y, 3) + p,
        "You mix half and half. Let alpha say how much.": lambda y, p, a: _mixed_target(y, p, 0.5),
        "Only the teacher's first choice is left. Keep all its probabilities.": lambda y, p, a: _mixed_target(y, F.one_hot(p.argmax(1), 3).double(), a),
        "The label's weight is missing: it is 1 - alpha.": lambda y, p, a: F.one_hot(y, 3) + a * p,
        "You keep the teacher's probability of the label only. The other classes get theirs too.": lambda y, p, a: F.one_hot(y, 3) * (1 - a + a * p)})

ramp = Check("ex-06-ramp", lambda draw: (torch.linspace(0, 1, 9, dtype=torch.float64), draw.number(0.15, 0.3), draw.number(0.6, 0.9)), _ramp,
    "share = (progress - start) / (end - start), clamped to 0 and 1; then (1 - cos(pi share)) / 2.", {
        "That is a straight line. Half a cosine is asked for.": lambda x, a, b: ((x - a) / (b - a)).clamp(0, 1),
        "Before the start and after the end it comes back. Clamp the share to 0 and 1.": lambda x, a, b: (1 - torch.cos(math.pi * (x - a) / (b - a))) / 2,
        "That is a quarter of a wave. Half a cosine goes to pi: (1 - cos(pi share)) / 2.": lambda x, a, b: 1 - torch.cos(math.pi / 2 * ((x - a) / (b - a)).clamp(0, 1)),
        "It falls. It should rise from 0 to 1.": lambda x, a, b: 1 - _ramp(x, a, b),
        "The start has no effect. Subtract it from the progress.": lambda x, a, b: _ramp(x, 0.0, b),
        "You divide by the end. Divide by end - start.": lambda x, a, b: _ramp(x, a, a + b),
        "That goes up and down again. Take half a cosine, to pi.": lambda x, a, b: (1 - torch.cos(2 * math.pi * ((x - a) / (b - a)).clamp(0, 1))) / 2,
        "It rises to 2, since a cosine goes from 1 to -1. Halve it.": lambda x, a, b: 2 * _ramp(x, a, b)})

side_by_side = Check("ex-06-beside", lambda draw: (draw.normal(5, 2), draw.normal(5, 2), draw.labels(5, 2)), _side_by_side,
    "The student's cross-entropy with the teacher's detached probabilities, plus the teacher's with the labels.", {
        "The teacher is pulled to where its student leans. Detach its answer in the student's term.": lambda s, t, y: F.cross_entropy(s, t.softmax(1)) + F.cross_entropy(t, y),
        "The teacher does not learn. Detach it in the student's term only.": lambda s, t, y: _side_by_side(s, t.detach(), y),
        "The teacher's own loss is missing. Add its cross-entropy with the labels.": lambda s, t, y: F.cross_entropy(s, t.softmax(1).detach()),
        "The student learns from the labels. Its target is the teacher's answer.": lambda s, t, y: F.cross_entropy(s, y) + F.cross_entropy(t, y),
        "No gradient reaches the student. Detach the teacher, not the student.": lambda s, t, y: F.cross_entropy(s.detach(), t.softmax(1).detach()) + F.cross_entropy(t, y),
        "The target is the teacher's logits. F.cross_entropy takes probabilities.": lambda s, t, y: F.cross_entropy(s, t.detach()) + F.cross_entropy(t, y),
        "The student's term is a divergence. The equation has a cross-entropy.": lambda s, t, y: F.kl_div(s.log_softmax(1), t.softmax(1).detach(), reduction="batchmean") + F.cross_entropy(t, y),
        "Only the teacher's first choice counts. Give all its probabilities.": lambda s, t, y: F.cross_entropy(s, t.argmax(1)) + F.cross_entropy(t, y)}, learns=2)
