"""What the losses of logits share: which rows count, and how they become one number.

Logits are (..., classes): a row is an example, a token or a pixel. A mask (...) says with True which rows
count. The others may hold anything, NaN too: they add nothing and get no gradient.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import checks

REDUCTIONS = "mean", "sum", "none"


def pair(
    student_logits: Tensor, teacher_logits: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Both logits in float32 or better, the teacher's cut off, and the mask: None where all rows count.

    Raises:
        ValueError: shapes that differ, no row, fewer than two classes, or a mask as for `counting`.
        TypeError: logits that are not floating-point, or a mask as for `counting`.
    """
    checks.same_shape(student_logits, teacher_logits, ("student_logits", "teacher_logits"))
    student = checked(student_logits, "student_logits")
    teacher = checks.at_least_float32(teacher_logits.detach(), "teacher_logits")
    mask = counting(mask, student)
    return blank(student, mask), blank(teacher, mask), mask


def checked(logits: Tensor, name: str) -> Tensor:
    """The logits in float32 or better, if they are rows of at least two classes; else an error."""
    shape = tuple(logits.shape)
    if len(shape) > 1 and shape[-1] == 1:
        raise ValueError(
            f"{name} has shape {shape}, one logit a row, and a softmax needs two classes; take "
            "losses.divergences.binary_kl, or torch.cat([torch.zeros_like(z), z], -1) of both models"
        )
    if len(shape) < 2 or 0 in shape:
        raise ValueError(
            f"{name} has shape {shape}; it must be (batch, classes), or (..., classes), with a row or more. "
            "Of one example give logits[None]; an empty batch has no loss, leave it out"
        )
    return checks.at_least_float32(logits, name)


def counting(mask: Tensor | None, logits: Tensor) -> Tensor | None:
    """The mask, if it fits the rows of the logits; None where all of them are known to count.

    Raises:
        ValueError: another shape, or, on the CPU, no row that counts. On a GPU the loss is NaN then.
        TypeError: no boolean tensor.
    """
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        found = getattr(mask, "dtype", type(mask).__name__)
        raise TypeError(f"mask is {found}; give a boolean tensor, True for the rows that count: mask.bool()")
    if mask.shape != logits.shape[:-1]:
        raise ValueError(f"mask has shape {tuple(mask.shape)}; it must be {tuple(logits.shape[:-1])}")
    if checks.readable(mask):
        if bool(mask.all()):
            return None
        if not bool(mask.any()):
            raise ValueError("by mask or labels no row counts: there is no loss, leave this batch out")
    return mask


def blank(logits: Tensor, mask: Tensor | None) -> Tensor:
    """Zeros in the rows that do not count."""
    return logits if mask is None else torch.where(mask[..., None], logits, 0.0)


def labelled(
    labels: Tensor, logits: Tensor, mask: Tensor | None = None, ignore_index: int = -100
) -> tuple[Tensor, Tensor | None]:
    """The labels, int64 indices or distributions, and the mask without the rows labelled `ignore_index`.

    Raises:
        ValueError: another shape; on the CPU, labels out of range or none that counts.
        TypeError: labels that are neither.
    """
    mask = counting(mask, logits)
    if not isinstance(labels, Tensor) or labels.dtype == torch.bool:
        found = getattr(labels, "dtype", type(labels).__name__)
        raise TypeError(f"labels is {found}; give class indices, one an example: labels.long()")
    if labels.is_floating_point():
        if labels.shape != logits.shape:
            raise TypeError(
                f"labels is {labels.dtype} of shape {tuple(labels.shape)}; give class indices, labels.long() "
                f"if they are whole numbers, or distributions {tuple(logits.shape)}. Numbers to be predicted "
                "(regression) have no classes: write an objective with F.mse_loss"
            )
        labels = blank(checks.at_least_float32(labels.detach(), "labels"), mask)
        if checks.readable(labels):
            checks.probabilities(labels if mask is None else labels[mask], "labels")
        return labels, mask
    if labels.shape != logits.shape[:-1]:
        remedy = "where the classes are the second dimension, give logits.movedim(1, -1)"
        if labels.shape == logits.shape:
            remedy = (
                "of one-hot labels give labels.argmax(-1); for several labels an example there is "
                "losses.divergences.binary_kl"
            )
        raise ValueError(
            f"labels has shape {tuple(labels.shape)}; it must be {tuple(logits.shape[:-1])}, one an example; "
            + remedy
        )
    return _indices(labels.long(), logits, mask, ignore_index)


def _indices(
    labels: Tensor, logits: Tensor, mask: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor | None]:
    """Where values may be looked at: labels in range, and no mask if all count."""
    classes, look = logits.shape[-1], checks.readable(labels)
    if look and mask is None:
        low, high = (int(end) for end in labels.aminmax())
        if low >= 0 and high < classes and not low <= ignore_index <= high:
            return labels, None
    counts = labels != ignore_index
    mask = counting(counts if mask is None else counts & mask, logits)
    if look:
        checks.labels(labels.flatten() if mask is None else labels[mask], classes)
    return labels, mask


def divergence(log_p: Tensor, log_q: Tensor, mask: Tensor | None, reduction: str) -> Tensor:
    """KL(p || q) of log-probabilities (..., classes), reduced. Where p is 0, so is the summand."""
    share, gap = log_p.exp(), log_p - log_q
    if checks.readable(share):  # there a look costs less than the filling below
        found = reduced(share * gap, mask, reduction)
        if not bool(found.isnan().any()):
            return found
    return reduced(share * gap.masked_fill(share == 0, 0.0), mask, reduction)


def reduced(summands: Tensor, mask: Tensor | None, reduction: str) -> Tensor:
    """The sums over the classes: their mean over the rows that count, their sum, or themselves."""
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"reduction is {reduction!r}; it must be {', '.join(REDUCTIONS)}, and mean is over the rows that "
            "count (PyTorch's batchmean)"
        )
    if reduction == "none":
        return summands.sum(-1)
    total = summands.sum()
    if reduction == "sum":
        return total
    return total / (summands.numel() // summands.shape[-1] if mask is None else mask.sum())


def cross_entropy(
    logits: Tensor, labels: Tensor, mask: Tensor | None, label_smoothing: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """With class indices (...) or distributions (..., classes), reduced; the logits are blank already."""
    if mask is not None and not labels.is_floating_point():
        labels = labels.masked_fill(~mask, -100)
    flat, targets = logits.flatten(0, -2), labels.flatten(0, logits.ndim - 2)
    if reduction == "mean" and (mask is None or not labels.is_floating_point()):
        return F.cross_entropy(flat, targets, label_smoothing=label_smoothing)
    each = F.cross_entropy(flat, targets, label_smoothing=label_smoothing, reduction="none")
    each = each.reshape(logits.shape[:-1])
    if mask is not None:
        each = each.where(mask, 0.0)
    return reduced(each[..., None], mask, reduction)
