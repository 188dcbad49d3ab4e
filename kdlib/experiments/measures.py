"""The figures by which the chapters judge a classifier, under the names that records give them."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib.evaluation import metrics


def cross_entropy(logits: Tensor, labels: Tensor) -> float:
    """The mean cross-entropy in nats of logits (N, C) with labels (N,)."""
    return float(F.cross_entropy(logits, labels))


FIGURES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "errors": metrics.errors,
    "accuracy": metrics.accuracy,
    "macro_f1": metrics.macro_f1,
    "auroc": metrics.auroc,
    "cross_entropy": cross_entropy,
    "logloss": cross_entropy,  # as those who predict clicks call it
    "calibration_error": metrics.expected_calibration_error,
}


def figures(logits: Tensor, labels: Tensor, *names: str, of: str = "test_") -> dict[str, Any]:
    """Some figures of logits (N, C) with labels (N,), each as `of` and its name: {"test_errors": 323}."""
    return {f"{of}{name}": FIGURES[name](logits, labels) for name in names}


def confusion(logits: Tensor, labels: Tensor) -> list[list[int]]:
    """How many of each class (rows) were given which answer (columns)."""
    n = logits.shape[1]
    pairs = torch.bincount(n * labels + logits.argmax(1), minlength=n * n)
    return [row.tolist() for row in pairs.view(n, n)]


def digits(logits: Tensor) -> str:
    """The answer to each example, one digit after the other, from logits (N, at most 10)."""
    return "".join(map(str, logits.argmax(1).tolist()))


def parameters(model: nn.Module) -> int:
    """How many numbers a model has learnt."""
    return sum(p.numel() for p in model.parameters())
