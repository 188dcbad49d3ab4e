"""Other divergences of two models' softened outputs, other heads, and teachers kept in part.

As in `losses.distillation_term`, which is the forward divergence: logits are (..., classes), a mask (...)
says which rows count, and every function multiplies by T^2, so that its gradient keeps its scale as T grows.
Code for language models often leaves this factor out; at T = 1 there is no difference.
"""

import math

import torch
from torch import Tensor

from kdlib import checks
from kdlib.losses import rows
from kdlib.losses.rows import Mask


def reverse_kl(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    *,
    mask: Mask = None,
    reduction: str = "mean",
) -> Tensor:
    """T^2 KL(student || teacher) of the softened outputs, with the whole gradient.

    Where the forward divergence makes a student cover all that its teacher finds likely, this one makes it
    avoid what its teacher finds unlikely: Agarwal et al. (2024), section 2; MiniLLM, Gu et al. (2024).

    Args, Returns and Raises as for `losses.distillation_term`. A class that only the teacher has at minus
    infinity makes it infinite.
    """
    log_q, log_p, mask = rows.softened(student_logits, teacher_logits, temperature, mask)
    return rows.divergence(log_q, log_p, mask, reduction, temperature**2)


def jensen_shannon(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    *,
    beta: float = 0.5,
    mask: Mask = None,
    reduction: str = "mean",
) -> Tensor:
    """T^2 times the generalised Jensen-Shannon divergence of the softened outputs.

    beta KL(p || m) + (1 - beta) KL(q || m) with m = beta p + (1 - beta) q, p the teacher's and q the
    student's: Agarwal et al. (2024), section 2. Without T^2 it lies between 0 and
    -beta ln beta - (1 - beta) ln(1 - beta), which is ln 2 at beta = 1/2, and is finite always. Divided by
    beta it tends to the forward divergence as beta goes to 0, divided by 1 - beta to the reverse one as beta
    goes to 1, so near an end it needs a larger weight. (TRL's GKD puts these divergences at the ends.)

    Args:
        beta: between 0 and 1.

    The other Args, Returns and Raises as for `losses.distillation_term`.
    """
    if not 0 < beta < 1:
        raise ValueError(
            f"beta is {beta!r}; it must lie between 0 and 1. At the ends the divergence is 0; take "
            "losses.distillation_term (forward) or reverse_kl there"
        )
    log_q, log_p, mask = rows.softened(student_logits, teacher_logits, temperature, mask)
    log_p = log_p.clamp_min(torch.finfo(log_p.dtype).min / 2)  # two infinities would have no gradient
    middle = torch.logaddexp(log_p + math.log(beta), log_q + math.log1p(-beta))
    parts = ((log_p, beta * temperature**2), (log_q, (1 - beta) * temperature**2))
    theirs, ours = (rows.divergence(z, middle, mask, reduction, weight) for z, weight in parts)
    return theirs + ours


def binary_kl(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    *,
    mask: Mask = None,
    reduction: str = "mean",
) -> Tensor:
    """T^2 KL(teacher || student) of yes and no for each logit, summed over the labels of an example.

    For heads with one logit, (batch, 1), and for several labels an example, (batch, labels): each logit z
    stands for the probability sigmoid(z / T). One logit gives what the two classes [0, z] give in
    `losses.distillation_term`. The hard term beside it is F.binary_cross_entropy_with_logits, summed alike.

    Args:
        student_logits, teacher_logits: floating-point (..., labels), at least (batch, 1).
        mask: bool (...), the examples that count; None for all.

    The other Args, Returns and Raises as for `losses.distillation_term`.
    """
    checks.same_shape(student_logits, teacher_logits, ("student_logits", "teacher_logits"))
    if student_logits.ndim < 2:
        shape = tuple(student_logits.shape)
        raise ValueError(f"student_logits has shape {shape}; give (batch, labels): logits[:, None] for one")
    mask = rows.counting(mask, student_logits)
    student, teacher = (torch.stack([torch.zeros_like(z), z], -1) for z in (student_logits, teacher_logits))
    each = mask if mask is None else mask[..., None].expand(student_logits.shape)
    log_q, log_p, each = rows.softened(student, teacher, temperature, each)
    found = rows.divergence(log_p, log_q, each, "none", temperature**2)
    return rows.reduced(found, mask, reduction)


def from_top_k(values: Tensor, indices: Tensor, classes: int, rest: float = -math.inf) -> Tensor:
    """Teacher logits (..., classes) of the k largest, which are all that was kept.

    What is not known of the rest must be made up. With `rest` at minus infinity the other classes have no
    share: the k shares add up to 1 at every temperature, and the forward divergence drives the student's
    other shares towards 0. (The reverse divergence is infinite then.) A finite `rest` is the logit of each
    other class; the smallest kept one is the most that it can be.

    Args:
        values: floating-point (..., k). Logarithms of probabilities are logits too.
        indices: integers (..., k), the class of each value.
        classes: how many the student has.
        rest: the logit of every other class.

    Raises:
        ValueError: values and indices of different shape, more of them than classes, or a class that there
            is not.
    """
    _check_kept(values, indices, classes, "values")
    whole = values.new_full((*values.shape[:-1], classes), rest)
    return whole.scatter(-1, indices.long(), values)


def kept_kl(
    student_logits: Tensor, log_p: Tensor, indices: Tensor, *, mask: Mask = None, reduction: str = "mean"
) -> Tensor:
    """KL(teacher || student) where the teacher hands out k probabilities: k outcomes and "another one".

    What the teacher left over is one outcome more, so that the student is not taught that there is nothing
    else; which class of the rest it is, stays open. At T = 1: at another temperature the rest is not known.
    Chapter 11.

    Args:
        student_logits: floating-point (..., classes).
        log_p: logarithms of probabilities, (..., k), k below classes; their sum at most 1.
        indices: integers (..., k), the class of each.
        mask, reduction: as for `losses.distillation_term`.

    Raises:
        ValueError: as `from_top_k`, k that is not below classes, or probabilities that add up to more than 1.
    """
    classes = student_logits.shape[-1]
    if log_p.shape[-1] >= classes:
        raise ValueError(f"log_p has {log_p.shape[-1]} of {classes} classes; with all, use distillation_term")
    mask = rows.counting(mask, student_logits)
    log_p = checks.at_least_float32(log_p.detach(), "log_p")
    if log_p.shape[:-1] != student_logits.shape[:-1]:
        ours, theirs = tuple(student_logits.shape), tuple(log_p.shape)
        raise ValueError(f"student_logits has shape {ours} and log_p {theirs}; all but the last must agree")
    if mask is not None and log_p.shape == indices.shape:  # what does not count may hold anything
        log_p = torch.where(mask[..., None], log_p, -math.log(classes))
        indices = indices.masked_fill(~mask[..., None], 0)
    _check_kept(log_p, indices, classes, "log_p")
    sums = log_p.logsumexp(-1, keepdim=True)
    if checks.readable(sums) and bool((sums > 1e-3).any()):
        raise ValueError(f"log_p adds up to {float(sums.max().exp()):.4g}; give logarithms of probabilities")
    log_rest = torch.log(-torch.expm1(sums.clamp_max(-1e-6)))
    log_q = torch.log_softmax(rows.blank(rows.checked(student_logits, "student_logits"), mask), -1)
    others = log_q.scatter(-1, indices.long(), -math.inf).logsumexp(-1, keepdim=True)
    p, q = torch.cat([log_p, log_rest], -1), torch.cat([log_q.gather(-1, indices.long()), others], -1)
    return rows.divergence(p, q, mask, reduction)


def _check_kept(values: Tensor, indices: Tensor, classes: int, name: str) -> None:
    """Raise ValueError unless these are k of so many classes' logits, and their classes."""
    checks.same_shape(values, indices, (name, "indices"))
    if (k := values.shape[-1]) > classes:
        raise ValueError(f"{name} has {k} logits a row and classes is {classes}; k is at most classes")
    low, high = checks.ends(indices) if checks.readable(indices) else (0, 0)
    if low < 0 or high >= classes:
        remedy = "teacher and student must have the same classes"
        raise ValueError(f"indices runs from {low} to {high} and classes is {classes}; {remedy}")
