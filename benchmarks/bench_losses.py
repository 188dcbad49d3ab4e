"""What kdlib's losses cost beside the few lines of PyTorch that they stand for, forward and backward: ratios.

The lines check nothing, know no mask and give nan where a class is at minus infinity. One thread; the least
of alternating runs, which is the one that other work disturbed least.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import losses
from kdlib.losses import divergences

T, ALPHA = 4.0, 0.9
# For each shape the steps of a run and the number of runs.
SHAPES = {(128, 10): (50, 60), (128, 1000): (10, 40), (4096, 32000): (1, 3)}
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def forward_lines(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    log_q, p = F.log_softmax(s / T, 1), F.softmax(t / T, 1)
    return T**2 * F.kl_div(log_q, p, reduction="batchmean")


def hinton_lines(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    return ALPHA * forward_lines(s, t, y) + (1 - ALPHA) * F.cross_entropy(s, y)


def reverse_lines(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    q, log_p = F.softmax(s / T, 1), F.log_softmax(t / T, 1)
    return T**2 * F.kl_div(log_p, q, reduction="batchmean")


def middle_lines(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    q, p = F.softmax(s / T, 1), F.softmax(t / T, 1)
    log_m = ((p + q) / 2).log()
    both = F.kl_div(log_m, p, reduction="batchmean") + F.kl_div(log_m, q, reduction="batchmean")
    return T**2 * both / 2


PAIRS: dict[str, tuple[Loss, Loss]] = {
    "distillation term": (lambda s, t, y: losses.distillation_term(s, t, T), forward_lines),
    "Hinton's loss": (
        lambda s, t, y: losses.hinton_loss(s, t, y, temperature=T, alpha=ALPHA).total,
        hinton_lines,
    ),
    "reverse divergence": (lambda s, t, y: divergences.reverse_kl(s, t, T), reverse_lines),
    "Jensen-Shannon": (lambda s, t, y: divergences.jensen_shannon(s, t, T), middle_lines),
}


def seconds(loss: Loss, s: Tensor, t: Tensor, y: Tensor, steps: int) -> float:
    """The processor's seconds for a step: the loss and its gradient."""
    start = time.process_time()
    for _ in range(steps):
        torch.autograd.grad(loss(s, t, y), s)
    return (time.process_time() - start) / steps


def measure() -> list[dict[str, Any]]:
    """The whole costs minutes, most of them in the vocabulary of 32,000."""
    torch.set_num_threads(1)
    figures = []
    for (n, classes), (steps, runs) in SHAPES.items():
        chance = torch.Generator().manual_seed(0)
        s, t = (3 * torch.randn(n, classes, generator=chance) for _ in range(2))
        y = torch.randint(classes, (n,), generator=chance)
        s.requires_grad_()
        for name, pair in PAIRS.items():
            times = [[seconds(loss, s, t, y, steps) for loss in pair] for _ in range(runs)]
            ours, lines = (min(column) for column in zip(*times, strict=True))
            figures.append(
                {
                    "name": f"{name} of ({n}, {classes}), times the cost of its lines",
                    "value": round(ours / lines, 3),
                    "unit": "",
                    "target": 1.1,
                    "better": "lower",
                }
            )
    return figures
