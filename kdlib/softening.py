"""Logits, temperature and what they say: chapter 01 writes each of these functions in the open."""

import torch
from torch import Tensor

from kdlib import checks


def soften(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """The softmax of the logits divided by the temperature.

    p_i = exp(z_i / T) / sum_j exp(z_j / T): equation 1 of Hinton, Vinyals and Dean (2015). Chapter 01.

    Args:
        logits: floating-point tensor of shape (..., classes), finite, in nats as networks give them.
        temperature: T, a finite number above 0. At 1 this is the ordinary softmax; above 1 it is softer.

    Returns:
        Probabilities of the shape and dtype of `logits`; each row sums to 1.

    Raises:
        TypeError: integer logits, or a temperature that is not a number.
        ValueError: NaN or infinity among the logits, or a temperature that is not finite and above 0.
    """
    temperature = checks.temperature(temperature)
    gaps = checks.logits(logits) - logits.amax(dim=-1, keepdim=True)
    # Where the gap is 0 it stays 0, also for a temperature too small for the dtype.
    return torch.softmax(torch.where(gaps == 0, gaps, gaps / temperature), dim=-1)


def entropy(probabilities: Tensor) -> Tensor:
    """The Shannon entropy of each distribution, in nats.

    H(p) = -sum_i p_i ln p_i, with 0 ln 0 = 0 (Shannon, 1948). Chapter 01.

    Args:
        probabilities: shape (..., classes), each row a distribution.

    Returns:
        Shape (...): from 0 (one class has everything) to ln(classes) (all classes alike).

    Raises:
        ValueError: entries outside [0, 1], or rows that do not sum to 1 (logits passed by mistake, say).
    """
    result: Tensor = -torch.special.xlogy(probabilities, checks.probabilities(probabilities)).sum(-1)
    return result


def class_profiles(soft_targets: Tensor, labels: Tensor) -> Tensor:
    """The mean soft target of the examples of each class: which classes a teacher finds alike. Chapter 01.

    Args:
        soft_targets: shape (examples, classes), each row a distribution.
        labels: shape (examples,), the true class indices, integers of any type.

    Returns:
        Shape (classes, classes): row c is the mean distribution over the examples with label c.

    Raises:
        ValueError: a class without an example, labels out of range, or another number of labels than of rows.
    """
    checks.probabilities(soft_targets, "soft_targets")
    classes = checks.answers(soft_targets, labels, "soft_targets").shape[1]
    labels = labels.long()
    counts = torch.bincount(labels, minlength=classes)
    if bool((counts == 0).any()):
        missing = (counts == 0).nonzero().flatten().tolist()
        raise ValueError(f"labels hold no example of class {missing}; a mean needs at least one of each")
    sums = soft_targets.new_zeros(classes, classes).index_add_(0, labels, soft_targets)
    return sums / counts[:, None]
