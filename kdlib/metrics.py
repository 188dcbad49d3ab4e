"""How good a model's answers are: functions of logits and labels. Chapter 03."""

from typing import Any

from torch import Tensor
from torchmetrics.functional.classification import multiclass_f1_score

from kdlib import checks


def errors(logits: Tensor, labels: Tensor) -> int:
    """How many examples the largest logit gets wrong. logits (N, classes), labels (N,). Chapter 03."""
    return int((checks.logits(logits).argmax(-1) != checks.labels(labels, logits.shape[-1])).sum())


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of examples that the largest logit gets right. Chapter 03."""
    return 1 - errors(logits, labels) / len(labels)


def macro_f1(logits: Tensor, labels: Tensor) -> float:
    """The F1 score of each class, averaged with equal weights (torchmetrics). Chapter 03."""
    score: Any = multiclass_f1_score
    return float(score(logits.argmax(-1), labels, num_classes=logits.shape[-1], average="macro"))
