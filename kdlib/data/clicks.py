"""Clicks that may lead to a purchase, from a documented generator with a seed. Chapter 06.

In the manner of the conversion task of Xu et al. (2020), Privileged Features Distillation at Taobao: the shop
wants to know beforehand who will buy if shown an item. Of the past it knows more: how long each visitor
stayed on the item's page. That is a privileged feature, there in training and not in serving.

    interest = 1.5 (a.x + x.Bx) + mood + BASE      x: 16 features; mood: a standard normal, never seen
    bought   = 1 with chance sigmoid(interest)
    dwell    = (interest - BASE + noise e) / sqrt(1 + noise^2) + leak bought      e: a standard normal

The vector a and the matrix B are the same for all seeds. `dwell` stands for the logarithm of a time.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from kdlib import checks

FEATURES = 16
BASE = -2.0  # makes about a quarter of the visitors buy
WORLD = 2020  # the seed of a and B


class Clicks(NamedTuple):
    """One row a click.

    features: float32 (n, 16), known before the click. dwell: float32 (n, 1), known only after it. bought:
    int64 (n,), 0 or 1. chance: float64 (n,), the probability of 1 given the features: no model without dwell
    can know more.
    """

    features: Tensor
    dwell: Tensor
    bought: Tensor
    chance: Tensor


def clicks(n: int, *, seed: int, noise: float = 0.5, leak: float = 0.0) -> Clicks:
    """Draw n clicks. Chapter 06.

    Args:
        n: how many, 1 or more.
        seed: fixes every row; the same seed gives the same visitors at every noise and leak.
        noise: how far dwell time strays from interest, 0 or more. With math.inf it says nothing of interest.
        leak: how much longer those stay who buy, 0 or more: paying takes time. Interest does not explain it,
            so with a large leak dwell time is the label in disguise.

    Raises:
        ValueError: n below 1, negative or undefined noise or leak, an infinite leak.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n is {n!r}; give the number of clicks, 1 or more")
    if not noise >= 0:
        raise ValueError(f"noise is {noise!r}; it is a standard deviation: 0 or more, or math.inf")
    if not 0 <= leak < math.inf:
        raise ValueError(f"leak is {leak!r}; it is how much longer buyers stay: a finite number, 0 or more")
    generator = torch.Generator().manual_seed(checks.seed(seed))
    features, mood, stray = (torch.randn(shape, generator=generator) for shape in ((n, FEATURES), n, n))
    seen = _interest(features)
    interest = seen + mood
    bought = (torch.rand(n, generator=generator) < torch.sigmoid(interest + BASE)).long()
    told = stray if math.isinf(noise) else (interest + noise * stray) / math.hypot(1, noise)
    return Clicks(features, (told + leak * bought)[:, None], bought, _chance(seen.double()))


def rows(data: Clicks) -> Tensor:
    """What a teacher sees: the features, then dwell, float32 (n, 17). Chapter 06."""
    return torch.cat([data.features, data.dwell], dim=1)


def _interest(features: Tensor) -> Tensor:
    """The part of a visitor's interest that the features tell."""
    world = torch.Generator().manual_seed(WORLD)
    a = torch.randn(FEATURES, generator=world) / FEATURES**0.5
    b = torch.randn(FEATURES, FEATURES, generator=world) / FEATURES
    told: Tensor = 1.5 * (features @ a + ((features @ b) * features).sum(1))
    return told


def _chance(seen: Tensor) -> Tensor:
    """The mean of sigmoid(seen + mood + BASE) over the mood, on a grid fine enough for six digits."""
    moods = torch.linspace(-8, 8, 321, dtype=torch.float64)
    weights = torch.softmax(-(moods**2) / 2, dim=0)
    parts = (torch.sigmoid(part[:, None] + moods + BASE) @ weights for part in torch.split(seen, 10_000))
    return torch.cat(list(parts))
