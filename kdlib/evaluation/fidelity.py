"""How much alike two models answer, and what an answer tells beyond its first choice. Chapter 08."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import checks


def agreement(first: Tensor, second: Tensor) -> float:
    """The share of examples for which two models choose the same class. Chapter 08.

    Top-1 agreement: Stanton et al. (2021), section 3. It needs no labels.

    Args:
        first, second: logits of the same examples, (N, classes), finite.

    Raises:
        ValueError: shapes that differ, no example, or logits that are not finite.
    """
    _check(first, second)
    return float((first.argmax(1) == second.argmax(1)).double().mean())


def divergence(student_logits: Tensor, teacher_logits: Tensor) -> float:
    """KL(teacher || student) at temperature 1, in nats, averaged over the examples. Chapter 08.

    The predictive KL of Stanton et al. (2021), section 3: 0 where the student says what its teacher says.

    Args:
        student_logits, teacher_logits: of the same examples, (N, classes), finite.

    Raises:
        ValueError: shapes that differ, no example, or logits that are not finite.
    """
    _check(student_logits, teacher_logits, ("student_logits", "teacher_logits"))
    student, teacher = (x.double().log_softmax(1) for x in (student_logits, teacher_logits))
    return float(F.kl_div(student, teacher, reduction="batchmean", log_target=True))


def same_mistakes(first: Tensor, second: Tensor, labels: Tensor) -> float:
    """Where both models are wrong, how often they choose the same wrong class. Chapter 08.

    NaN where they are never wrong together.

    Args:
        first, second: logits of the same examples, (N, classes), finite.
        labels: (N,).

    Raises:
        ValueError: as for `agreement`, or labels that do not fit.
    """
    _check(first, second)
    checks.answers(first, labels)
    a, b = first.argmax(1), second.argmax(1)
    both = (a != labels) & (b != labels)
    return float((a[both] == b[both]).double().mean())


def spread_within_classes(logits: Tensor, labels: Tensor) -> float:
    """How much a model's words on the wrong classes differ between images of one class. Chapter 08.

    In nats: for each true class, the standard deviation over its images of each wrong class's logit, less the
    mean of the image's wrong logits, averaged over wrong and true classes. Where it is 0, all images of a
    class get the same answer: Mueller, Kornblith and Hinton (2019), section 4, find that label smoothing
    erases what differs.

    Args:
        logits: (N, classes), three classes or more.
        labels: (N,), two examples or more of each class that is there.

    Raises:
        ValueError: fewer than three classes, a class with a single example, logits that are not finite, or
            labels that do not fit.
    """
    classes = checks.answers(logits, labels).shape[1]
    if classes < 3:
        raise ValueError(f"logits have {classes} classes; beside the true one there must be two to compare")
    found = []
    for label in sorted(set(labels.tolist())):
        mine = logits[labels == label].double()
        if len(mine) < 2:
            raise ValueError(f"labels hold class {label} once; give at least two examples of each class")
        wrong = mine[:, torch.arange(classes, device=mine.device) != label]
        found.append((wrong - wrong.mean(1, keepdim=True)).std(0).mean())
    return float(torch.stack(found).mean())


def _check(first: Tensor, second: Tensor, names: tuple[str, str] = ("first", "second")) -> None:
    checks.same_shape(first, second, names)
    checks.answers(first, name=names[0])
    checks.answers(second, name=names[1])
