"""Checks of chapter 04: label smoothing, batch norm in evaluation, a teacher's largest answers."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib.check.checking import Check, Draw


def smoothed_labels(labels: Tensor, classes: int, epsilon: float) -> Tensor:
    """One-hot labels that give a share epsilon to all classes alike, (N, classes)."""
    return (1 - epsilon) * F.one_hot(labels, classes) + epsilon / classes


def norm_in_evaluation(x: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Each channel of x (N, C, H, W) by its running statistics."""
    mean, variance, scale, shift = (v[:, None, None] for v in (mean, variance, scale, shift))
    return scale * (x - mean) / (variance + 1e-5).sqrt() + shift


def largest_few(logits: Tensor, T: float, k: int) -> Tensor:
    """The k largest probabilities at T; the other classes share the rest evenly."""
    p = (logits / T).softmax(1)
    kept, classes = p.topk(k, dim=1)
    rest = (1 - kept.sum(1, keepdim=True)) / (p.shape[1] - k)
    return rest.expand_as(p).scatter(1, classes, kept)


def _channels(draw: Draw) -> tuple[Tensor, ...]:
    return draw.normal(3, 4, 5, 4) + 1, draw.normal(4), 0.01 * draw.normal(4) ** 2 + 1e-3, draw.normal(4), draw.normal(4)


smoothed = Check("ex-04-smoothed", lambda draw: (draw.labels(5, 3 - draw.odd), 3, draw.number(0.1, 0.3)), smoothed_labels, "1 - epsilon times the one-hot label, plus epsilon / classes everywhere.", {
    "You share epsilon among the wrong classes only. The label's class gets epsilon / classes as well.": lambda y, n, e: torch.where(F.one_hot(y, n) > 0, 1 - e, e / (n - 1)),
    "The rows do not add up to 1. The label's class gets epsilon / classes too.": lambda y, n, e: torch.where(F.one_hot(y, n) > 0, 1 - e, e / n),
    "A class that no label has gets no column. Tell F.one_hot the number of classes.": lambda y, n, e: (1 - e) * F.one_hot(y) + e / n,
    "1 - epsilon and epsilon are exchanged. The label keeps most.": lambda y, n, e: smoothed_labels(y, n, 1 - e),
    "The label keeps all of its 1. Multiply it by 1 - epsilon.": lambda y, n, e: F.one_hot(y, n) + e / n,
    "The other classes get nothing. Add epsilon / classes everywhere.": lambda y, n, e: (1 - e) * F.one_hot(y, n),
    "Every class gets the whole epsilon. Divide it by the number of classes.": lambda y, n, e: (1 - e) * F.one_hot(y, n) + e})

batch_norm = Check("ex-04-company", _channels, norm_in_evaluation, "Put each number of a channel where the channels are: mean[:, None, None].", {
    "You take mean and variance from this batch, so the answer depends on its company. Use those that are given.": lambda x, m, v, g, b: F.batch_norm(x, None, None, g, b, training=True),
    "You divide by the variance. Divide by its square root.": lambda x, m, v, g, b: norm_in_evaluation(x, m, (v + 1e-5) ** 2 - 1e-5, g, b),
    "The small number is added after the root. Add it to the variance.": lambda x, m, v, g, b: norm_in_evaluation(x, m, (v.sqrt() + 1e-5) ** 2 - 1e-5, g, b),
    "The small number is missing. Add 1e-5 to the variance.": lambda x, m, v, g, b: norm_in_evaluation(x, m, v - 1e-5, g, b),
    "Scale and shift are missing. Multiply by scale, then add shift.": lambda x, m, v, g, b: norm_in_evaluation(x, m, v, torch.ones_like(g), torch.zeros_like(b)),
    "Your numbers meet the last axis, the width. Channels are the second axis: use mean[:, None, None].": lambda x, m, v, g, b: g * (x - m) / (v + 1e-5).sqrt() + b})

top_k = Check("ex-04-top", lambda draw: (draw.normal(7, 6, scale=3), draw.number(2, 5), int(draw.number(2, 4))), largest_few, "Take topk of the probabilities at T. What do they leave, and for how many classes?", {
    "The other classes get nothing, and a row no longer adds up to 1. Share what is left among them.": lambda z, T, k: largest_few(z, T, k) * (z >= z.topk(k).values[:, -1:]),
    "You blow up what is kept to a sum of 1, and the teacher looks surer than it is. Share what is left among the others.": lambda z, T, k: (z / T).masked_fill(z < z.topk(k).values[:, -1:], -torch.inf).softmax(1),
    "You share the rest among all classes. Only those that are not kept get some.": lambda z, T, k: torch.where(z >= z.topk(k).values[:, -1:], largest_few(z, T, k), largest_few(z, T, k) * (6 - k) / 6),
    "T is missing. Divide the logits by T first.": lambda z, T, k: largest_few(z, 1.0, k),
    "You multiply by T. Divide the logits by it.": lambda z, T, k: largest_few(z, 1 / T, k),
    "You keep the first choice only. Keep k of them.": lambda z, T, k: largest_few(z, T, 1),
    "Nothing is left out: these are all probabilities at T. Keep k of them.": lambda z, T, k: (z / T).softmax(1)})
