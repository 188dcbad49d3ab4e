"""How good a model's answers are: functions of logits and labels. Chapter 03.

All of them take logits (N, classes), finite and of one example or more, and labels (N,) from 0 to
classes - 1, and raise ValueError or TypeError for anything else.
"""

from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kdlib import checks


def errors(logits: Tensor, labels: Tensor) -> int:
    """How many examples the largest logit gets wrong. logits (N, classes), labels (N,). Chapter 03."""
    return int((checks.answers(logits, labels).argmax(1) != labels).sum())


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of examples that the largest logit gets right. Chapter 03."""
    return 1 - errors(logits, labels) / len(labels)


def macro_f1(logits: Tensor, labels: Tensor) -> float:
    """The F1 score of each class, averaged with equal weights (torchmetrics). Chapter 03.

    A class that is neither a label nor an answer is left out.
    """
    answers, classes = checks.answers(logits, labels).argmax(1), logits.shape[1]
    return float(_torchmetrics("multiclass_f1_score")(answers, labels, num_classes=classes, average="macro"))


def auroc(logits: Tensor, labels: Tensor) -> float:
    """The area under the ROC curve of class 1 (torchmetrics). Chapter 05.

    The chance that an example of class 1 gets a higher probability of class 1 than one of class 0, a tie
    counted as half (Hanley and McNeil, 1982). It needs no threshold.

    Args:
        logits: (N, 2), finite. The logarithms of probabilities are logits too, here and below.
        labels: (N,), 0 or 1.

    Raises:
        ValueError: a class without an example, logits that are not (N, 2), labels of another length.
    """
    odds = _log_odds(logits, labels, "the AUROC", needs=(0, 1))
    # torchmetrics takes log-odds through a sigmoid, where large ones would tie. Only their order counts.
    ranks = torch.unique(odds, return_inverse=True)[1].double() / len(odds)
    return float(_torchmetrics("binary_auroc")(ranks, labels))


def sensitivity(logits: Tensor, labels: Tensor, threshold: float = 0.5) -> float:
    """The share of class 1, the ill, whose probability of class 1 is above the threshold. Chapter 05.

    From torchmetrics, where it is called recall. At the threshold 0.5 the larger logit decides.

    Args:
        logits: (N, 2), finite.
        labels: (N,), 0 or 1.
        threshold: on the probability of class 1, from 0 to 1; a probability equal to it is not above it.

    Raises:
        ValueError: no example of class 1, a threshold outside [0, 1], shapes as for `auroc`.
    """
    return _share("sensitivity", "binary_recall", 1, logits, labels, threshold)


def specificity(logits: Tensor, labels: Tensor, threshold: float = 0.5) -> float:
    """The share of class 0, the well, whose probability of class 1 is not above the threshold. Chapter 05.

    From torchmetrics. Arguments as for `sensitivity`.

    Raises:
        ValueError: no example of class 0, a threshold outside [0, 1], shapes as for `auroc`.
    """
    return _share("specificity", "binary_specificity", 0, logits, labels, threshold)


def balanced_accuracy(logits: Tensor, labels: Tensor, threshold: float = 0.5) -> float:
    """The mean of sensitivity and specificity: 0.5 for a guess, however many are ill. Chapter 05.

    Brodersen et al. (2010). Arguments as for `sensitivity`.

    Raises:
        ValueError: a class without an example, a threshold outside [0, 1], shapes as for `auroc`.
    """
    return (sensitivity(logits, labels, threshold) + specificity(logits, labels, threshold)) / 2


def best_threshold(logits: Tensor, labels: Tensor) -> float:
    """The threshold on the probability of class 1 with the highest balanced accuracy. Chapter 05.

    That is where Youden's (1950) J = sensitivity + specificity - 1 is highest. Choose it on validation data
    and use it on the test data. Tried are 0 and the middle between each two neighbouring probabilities;
    among equally good ones that nearest to 0.5 is taken, of two equally near the lower.

    Args:
        logits: (N, 2), finite.
        labels: (N,), 0 or 1.

    Raises:
        ValueError: a class without an example, shapes as for `auroc`.
    """
    found = _log_odds(logits, labels, "the best threshold", needs=(0, 1)).sigmoid()
    distinct = torch.unique(found)
    low, high = distinct[:-1], distinct[1:]
    middle = (low + high) / 2
    middle = torch.where(middle < high, middle, low)  # neighbouring floats have no middle
    tried = torch.cat([middle.new_zeros(1), middle])  # at 0 all are class 1
    ill, well = found[labels == 1].sort().values, found[labels == 0].sort().values
    hits = len(ill) - torch.searchsorted(ill, tried, right=True)
    passes = torch.searchsorted(well, tried, right=True)
    score = hits * len(well) + passes * len(ill)  # balanced accuracy in whole numbers, so that ties are ties
    equals: list[float] = tried[score == score.max()].tolist()
    return min(equals, key=lambda t: (abs(t - 0.5), t))


class Reliability(NamedTuple):
    """A value for each bin, (bins,): mean confidence and accuracy, NaN where it is empty; examples in it."""

    confidence: Tensor
    accuracy: Tensor
    examples: Tensor


def reliability(logits: Tensor, labels: Tensor, bins: int = 15) -> Reliability:
    """How often a model is right where it is so and so sure: what a reliability diagram draws. Chapter 05.

    Guo et al. (2017), section 2. The confidence is the largest probability; bin m of M, counted from 1, holds
    those above (m - 1) / M and up to m / M.

    Args:
        logits: (N, classes), finite.
        labels: (N,), 0 to classes - 1.
        bins: how many, 1 or more, equally wide.

    Raises:
        ValueError: no example, no bin, logits that are not (N, classes), labels of another length.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}; give at least 1")
    confidence, answer = checks.answers(logits, labels).double().softmax(-1).max(-1)
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64, device=confidence.device)
    number = torch.bucketize(confidence, edges[1:-1])
    examples = torch.bincount(number, minlength=bins)
    right = torch.bincount(number, weights=(answer == labels).double(), minlength=bins)
    sure = torch.bincount(number, weights=confidence, minlength=bins)
    return Reliability(sure / examples, right / examples, examples)


def expected_calibration_error(logits: Tensor, labels: Tensor, bins: int = 15) -> float:
    """The mean distance of confidence and accuracy over the bins, weighted by their examples. Chapter 05.

    ECE: Naeini, Cooper and Hauskrecht (2015); Guo et al. (2017), equation 3. It is taken from `reliability`,
    so that it belongs to the diagram: torchmetrics gives a confidence of exactly 1 a bin of its own.
    Arguments and errors as for `reliability`.

    Returns:
        From 0 (as often right as it is sure) to 1.
    """
    confidence, accuracy, examples = reliability(logits, labels, bins)
    return float(((confidence - accuracy).abs() * examples).nansum() / examples.sum())


def _log_odds(logits: Tensor, labels: Tensor, what: str, needs: tuple[int, ...]) -> Tensor:
    """The logit of class 1 minus that of class 0, (N,) in float64; `what` needs examples of these classes."""
    if checks.answers(logits, labels).shape[1] != 2:
        raise ValueError(f"logits has shape {tuple(logits.shape)}; {what} is one of two classes: give (N, 2)")
    for label in needs:
        if not bool((labels == label).any()):
            raise ValueError(f"labels hold no example of class {label} in this split; {what} needs one")
    return logits[:, 1].double() - logits[:, 0].double()


def _share(name: str, function: str, of: int, logits: Tensor, labels: Tensor, threshold: float) -> float:
    """What a function of torchmetrics says of class `of` at a threshold."""
    odds = _log_odds(logits, labels, f"the {name}", needs=(of,))
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold!r}; it is a probability of class 1, from 0 to 1")
    return float(_torchmetrics(function)(odds.sigmoid(), labels, threshold=float(threshold)))


def _torchmetrics(name: str) -> Any:
    """A function of torchmetrics, imported when it is called: that takes longer than all of kdlib."""
    return getattr(import_module("torchmetrics.functional.classification"), name)
