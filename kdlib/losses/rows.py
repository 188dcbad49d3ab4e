"""What the losses of logits share: which rows count, and how they become one number.

Logits are (..., classes): a row is an example, a token or a pixel. A mask (...) says with True which rows
count. The others may hold anything, NaN too: they add nothing and get no gradient.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import checks

Mask = Tensor | None


def pair(student_logits: Tensor, teacher_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Both logits in the better of both types, at least float32, the teacher's cut off.

    Raises:
        ValueError: shapes that differ, no row, or fewer than two classes.
        TypeError: logits that are not floating-point.
    """
    checks.same_shape(student_logits, teacher_logits, ("student_logits", "teacher_logits"))
    student = checked(student_logits, "student_logits")
    teacher = checks.at_least_float32(teacher_logits.detach(), "teacher_logits")
    better = torch.promote_types(student.dtype, teacher.dtype)
    return student.to(better), teacher.to(better)


def softened(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float, mask: Mask
) -> tuple[Tensor, Tensor, Mask]:
    """Both models' log-probabilities at T, student first, and the mask as `counting` gives it."""
    temperature = checks.temperature(temperature)
    student, teacher = pair(student_logits, teacher_logits)
    mask = counting(mask, student)
    return *log_shares(blank(student, mask), blank(teacher, mask), temperature), mask


def log_shares(student: Tensor, teacher: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Both models' log-probabilities at T, of logits that `pair` gave."""
    return F.log_softmax(student / temperature, dim=-1), F.log_softmax(teacher / temperature, dim=-1)


def checked(logits: Tensor, name: str) -> Tensor:
    """The logits in float32 or better, if they are rows of at least two classes; else an error."""
    if logits.ndim < 2 or 0 in logits.shape or logits.shape[-1] < 2:
        raise ValueError(
            f"{name} has shape {tuple(logits.shape)}; it must be (batch, classes) or (..., classes), with a "
            "row or more and at least two classes. One example: logits[None]. One logit z: "
            "losses.divergences.binary_kl, or torch.cat([torch.zeros_like(z), z], -1) of both models"
        )
    return checks.at_least_float32(logits, name)


def counting(mask: Mask, logits: Tensor) -> Mask:
    """The mask, if it fits the rows of the logits; None where all of them are known to count.

    Raises:
        ValueError: no boolean tensor of one value a row; on the CPU, no row that counts. On a GPU, which
            would have to wait for a look, the mean is NaN then, a sum 0.
    """
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != logits.shape[:-1]:
        wanted = f"torch.bool of shape {tuple(logits.shape[:-1])}, True for what counts"
        raise ValueError(f"mask is {checks.what(mask)}; give {wanted}")
    if checks.readable(mask) and not bool(mask.any()):
        raise ValueError("by mask or labels no row counts: there is no loss, leave this batch out")
    return None if checks.readable(mask) and bool(mask.all()) else mask


def blank(logits: Tensor, mask: Mask) -> Tensor:
    """Zeros in the rows that do not count."""
    return logits if mask is None else torch.where(mask[..., None], logits, 0.0)


def labelled(labels: Tensor, logits: Tensor, mask: Mask = None, ignored: int = -100) -> tuple[Tensor, Mask]:
    """The labels, int64 indices or distributions, and the mask without the rows labelled `ignored`.

    Raises:
        ValueError: labels of another shape; on the CPU, labels out of range or none that counts.
        TypeError: labels that are neither whole numbers nor distributions.
    """
    mask, look = counting(mask, logits), isinstance(labels, Tensor) and checks.readable(labels)
    whole = isinstance(labels, Tensor) and not labels.is_floating_point() and labels.dtype != torch.bool
    if whole and labels.shape == logits.shape[:-1]:
        labels = labels.long()
        low, high = checks.ends(labels) if look and mask is None else (-1, 0)
        if low >= 0 and high < logits.shape[-1] and ignored < 0:
            return labels, None
        counts = labels != ignored
        mask = counting(counts if mask is None else counts & mask, logits)
        if look:
            checks.labels(labels.flatten() if mask is None else labels[mask], logits.shape[-1])
        return labels, mask
    if isinstance(labels, Tensor) and labels.is_floating_point() and labels.shape == logits.shape:
        labels = labels.detach()
        if look:
            checks.probabilities(labels if mask is None else labels[mask], "labels")
        return blank(checks.at_least_float32(labels, "labels"), mask), mask
    raise (ValueError if whole else TypeError)(
        f"labels is {checks.what(labels)}; it must be {tuple(logits.shape[:-1])}, class indices as integers, "
        f"or {tuple(logits.shape)}, distributions. One-hot: labels.argmax(-1). Several labels an example: "
        "losses.divergences.binary_kl. Classes in the second dimension: logits.movedim(1, -1). Regression: "
        "an objective of your own, with F.mse_loss"
    )


def divergence(log_p: Tensor, log_q: Tensor, mask: Mask, reduction: str, weight: float = 1.0) -> Tensor:
    """KL(p || q) of log-probabilities (..., classes), reduced. Where p is 0, so is the summand."""
    share, gap = log_p.exp(), log_p - log_q
    if checks.readable(share):  # there a look costs less than the filling below
        found = reduced(share * gap, mask, reduction, weight)
        if not math.isnan(found.item() if found.ndim == 0 else found.sum().item()):
            return found
    return reduced(share * gap.masked_fill(share == 0, 0.0), mask, reduction, weight)


def reduced(summands: Tensor, mask: Mask, reduction: str, weight: float = 1.0) -> Tensor:
    """The sums over the classes, times `weight`: their mean over the rows that count, sum, or themselves."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is {reduction!r}; give mean (PyTorch's batchmean), sum or none")
    if mask is not None:
        summands = summands.sum(-1, keepdim=True).where(mask[..., None], 0.0)
    if reduction == "none":
        return summands.sum(-1) * weight
    if reduction == "sum":
        return summands.sum() * weight
    rows = summands.numel() // summands.shape[-1] if mask is None else mask.sum()
    return summands.sum() * (weight / rows)


def cross_entropy(
    logits: Tensor, labels: Tensor, mask: Mask, label_smoothing: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """With class indices (...) or distributions (..., classes), reduced; the logits are blank already."""
    flat, targets = logits.flatten(0, -2), labels.flatten(0, logits.ndim - 2)
    if labels.is_floating_point():  # where a class at minus infinity has the share 0, 0 is added
        flat = flat.clamp_min(torch.finfo(flat.dtype).min / 2)
    if reduction == "mean" and mask is None:
        return F.cross_entropy(flat, targets, label_smoothing=label_smoothing)
    if mask is not None and not labels.is_floating_point():
        targets = targets.masked_fill(~mask.flatten(), -100)
    each = F.cross_entropy(flat, targets, label_smoothing=label_smoothing, reduction="none")
    return reduced(each.reshape(*logits.shape[:-1], 1), mask, reduction)
