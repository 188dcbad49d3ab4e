"""Checks of chapter 01: softening that does not overflow, a temperature for a certainty, how alike classes are."""

import torch

from kdlib import softening
from kdlib.check.checking import Check, Draw


def hottest(logits: torch.Tensor, share: float) -> float:
    """The temperature at which the most probable class has the given share: by bisection."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if softening.soften(logits, middle).max() > share else (low, middle)
    return low


def _of_first(logits: torch.Tensor, share: float) -> float:
    """As `hottest`, of the first class whatever it has."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if softening.soften(logits, middle)[0] > share else (low, middle)
    return low


def _ahead(draw: Draw) -> torch.Tensor:
    """The largest logit well ahead, so that T is an ordinary one; in odd rounds it is far below 1."""
    logits = draw.normal(6, scale=3)
    ahead = logits + 2 * torch.nn.functional.one_hot(logits.argmax(), len(logits))
    return ahead / 10 if draw.odd else ahead


def both_ways(soft_targets: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """What the teacher sees of b in a and of a in b, together: a table of classes by classes."""
    profiles = softening.class_profiles(soft_targets, labels)
    return (profiles + profiles.T).fill_diagonal_(0)


def _added(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    sums = torch.eye(4).double()[y].T @ p
    return (sums + sums.T).fill_diagonal_(0)


def _large(draw: Draw) -> tuple[torch.Tensor, float]:
    """Rows with one very large logit, in odd rounds with two."""
    one = torch.eye(5, 3)
    return draw.normal(5, 3, scale=2) + 24_000 * (one + draw.odd * one.roll(1, 1)), draw.number(2, 6)


soften = Check("ex-01-soften", _large, softening.soften,
    "Divide by T. Then subtract from each row its largest logit, so that no exponential is above 1.", {
        "You get NaN where logits are large: e^800 is no number any more. Subtract each row's largest logit first.": lambda z, t: (z / t).exp() / (z / t).exp().sum(-1, keepdim=True),
        "You divide by a sum over several rows. Each row has a sum of its own: dim=-1.": lambda z, t: (z / t).exp() / (z / t).exp().sum(),
        "You subtract the largest logit of the whole batch, and other rows vanish. Each row has a largest of its own.": lambda z, t: ((z - z.max()) / t).exp() / ((z - z.max()) / t).exp().sum(-1, keepdim=True),
        "You subtract the first logit of each row, and another may be far above it. Subtract the row's largest.": lambda z, t: ((z - z[:, :1]) / t).exp() / ((z - z[:, :1]) / t).exp().sum(-1, keepdim=True),
        "You multiply by T. A high temperature must flatten the output, so divide.": lambda z, t: (z * t).softmax(-1),
        "Your rows do not add up to 1. Take the sum over the classes, dim=-1.": lambda z, t: (z / t).softmax(0),
        "T has no effect. Divide the logits by it.": lambda z, t: z.softmax(-1),
        "You soften a softmax. Its input are the logits.": lambda z, t: (z.softmax(-1) / t).softmax(-1)})

temperature_for = Check("ex-01-bisect", lambda draw: (_ahead(draw), draw.number(0.55, 0.8)), hottest,
    "The largest probability falls as T grows. So halve an interval of T until it is short.", {
        "You follow the first class. The most probable one need not be the first.": lambda z, share: _of_first(z, share),
        "That is 1 / T.": lambda z, share: 1 / hottest(z, share),
        "You have met the share of all other classes.": lambda z, share: hottest(z, 1 - share),
        "That is the share at T = 1, not a temperature.": lambda z, share: float(z.softmax(0).max()),
        "You stopped at a whole number. Go on halving.": lambda z, share: round(hottest(z, share)),
        "That is the formula of two classes. Here there are more.": lambda z, share: float(z.max() - z.min()) / torch.tensor(share / (1 - share)).log().item(),
        "You search above 1 only. Where the output is flat, T lies below.": lambda z, share: max(1.0, hottest(z, share)),
        "You raise T to make the output surer. A higher T makes it less sure.": lambda z, share: 1e3}, tolerance=1e-3)

likeness = Check("ex-01-likeness", lambda draw: ((draw.normal(11, 4, scale=2) + 20 * torch.eye(11, 4)).softmax(1), draw.labels(11, 4)), both_ways,
    "Row a: the mean soft target of the images with label a. Add the transposed table; the diagonal is 0.", {
        "One direction is missing: b seen in images of a, and a seen in images of b.": lambda p, y: softening.class_profiles(p, y).fill_diagonal_(0),
        "How like itself a class is nobody asks. Put 0 on the diagonal.": lambda p, y: softening.class_profiles(p, y) + softening.class_profiles(p, y).T,
        "You add up images. Take the mean of each class; otherwise frequent classes look alike.": lambda p, y: _added(p, y),
        "You divide by the number of all images. Divide by that of the class.": lambda p, y: _added(p, y) / len(y),
        "You group by what the teacher answers. Group by the labels.": lambda p, y: both_ways(p, p.argmax(1)),
        "You count first choices. Average the whole soft targets.": lambda p, y: both_ways(torch.eye(4).double()[p.argmax(1)], y)})
