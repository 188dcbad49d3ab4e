"""Objectives that teach by other signals than softened logits, for `training.train`. Chapter 07."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from kdlib import checks, losses
from kdlib.losses import features as feature_losses
from kdlib.losses import logits as logit_losses
from kdlib.losses import rows
from kdlib.objectives import Batch, Objective, Teacher, hooks, logits_on, teacher_logits
from kdlib.objectives.classic import checked_teacher, two_models
from kdlib.objectives.networks import MutualStudents, WithRegressor

# From the student's and the teacher's logits and the labels to a term.
LogitTerm = Callable[[Tensor, Tensor, Tensor], Tensor]
# From what the layers of student and teacher gave to a term.
FeatureTerm = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]


def by_logits(term: LogitTerm, teacher: Teacher, *, weight: float, hard_weight: float = 1.0) -> Objective:
    """`hard_weight` times the cross-entropy plus `weight` times a term of both models' logits. Chapter 07.

    An example that a loader labels -100 does not count in the cross-entropy, nor in the terms below; one of
    your own is given the labels, so that it can leave it out.

    Args:
        term: of the student's logits, the teacher's, and the labels.
        teacher: a model, its logits or None, as for `objectives.distilled`.
        weight, hard_weight: 0 or above.

    Raises:
        ValueError: a weight below 0.
    """
    _check(weight, hard_weight)
    checked_teacher(teacher)
    return partial(_by_logits, term=term, teacher=teacher, weight=weight, hard_weight=hard_weight)


def _by_logits(
    model: nn.Module, batch: Batch, *, term: LogitTerm, teacher: Teacher, weight: float, hard_weight: float
) -> dict[str, Tensor]:
    two_models(model, teacher)
    logits = logits_on(model, batch.images)
    hard = losses.hard_term(logits, batch.labels)
    soft = term(logits, teacher_logits(teacher, batch), batch.labels)
    return {"loss": hard_weight * hard + weight * soft, "soft": soft, "hard": hard}


def by_features(
    term: FeatureTerm,
    teacher: nn.Module,
    layers: tuple[Sequence[str], Sequence[str]],
    *,
    weight: float,
    temperature: float = 1.0,
    alpha: float = 0.0,
) -> Objective:
    """The cross-entropy plus `weight` times a term of what both compute on their way. Chapter 07.

    With an alpha above 0 the cross-entropy becomes Hinton's loss, so that soft targets count beside it. The
    teacher runs on each batch, in evaluation mode and without gradients: its maps are too many to keep.
    An example labelled -100 counts in the term alone.

    Args:
        term: of two dictionaries, what the student's and the teacher's layers gave.
        teacher: a model.
        layers: names of the student's layers, and of the teacher's.
        weight: 0 or above.
        temperature, alpha: of the soft targets, as for `objectives.distilled`.

    Raises:
        ValueError: a weight below 0, a temperature or an alpha out of range; in training, a layer that does
            not exist or maps that do not fit.
    """
    known = _known(weight, temperature, alpha)
    return partial(_by_features, term=term, teacher=teacher, layers=layers, **known)


def _by_features(
    model: nn.Module,
    batch: Batch,
    *,
    term: FeatureTerm,
    teacher: nn.Module,
    layers: tuple[Sequence[str], Sequence[str]],
    weight: float,
    temperature: float,
    alpha: float,
) -> dict[str, Tensor]:
    two_models(model, teacher)
    with hooks.features(model, layers[0]) as ours:
        logits = logits_on(model, batch.images)
    with hooks.features(teacher, layers[1]) as theirs:
        told = teacher_logits(teacher, batch)
    soft = term(ours, theirs)
    if alpha == 0:  # then the teacher's classes may be others
        hard = losses.hard_term(logits, batch.labels)
        return {"loss": hard + weight * soft, "soft": soft, "hard": hard}
    both = losses.hinton_loss(logits, told, batch.labels, temperature=temperature, alpha=alpha)
    return {"loss": both.total + weight * soft, "soft": soft, "answers": both.soft, "hard": both.hard}


def hinted(
    teacher: nn.Module,
    layers: tuple[str, str],
    *,
    weight: float,
    temperature: float = 1.0,
    alpha: float = 0.0,
) -> Objective:
    """The objective of a `WithRegressor` student: cross-entropy plus FitNets' hint. Chapter 07.

    The paper trains on the hint first and on the soft targets then; here both terms count from the start, as
    in later comparisons.

    Args:
        teacher: a model.
        layers: the student's, and the teacher's that gives the hint.
        weight: of the hint.
        temperature, alpha: of the soft targets, if there are any.

    Raises:
        TypeError: a model without a regressor, when it is trained.
        ValueError: a weight below 0, a temperature or an alpha out of range; when it is trained, a layer that
            gives no maps, or maps that do not fit.
    """
    return partial(_hinted, teacher=teacher, layers=layers, **_known(weight, temperature, alpha))


def _hinted(
    model: nn.Module, batch: Batch, *, teacher: nn.Module, layers: tuple[str, str], **known: float
) -> dict[str, Tensor]:
    if not isinstance(model, WithRegressor):
        raise TypeError(f"model is a {type(model).__name__}; give WithRegressor(student, channels, seed=0)")
    regressor, (own, other) = model.regressor, layers

    def term(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Tensor:
        if ours[own].ndim != 4:
            raise ValueError(
                f"layer {own!r} gives {checks.what(ours[own])}; the regressor takes maps (B, C, H, W). "
                "For tokens write an objective with losses.features.hint and a linear layer"
            )
        return feature_losses.hint(regressor(ours[own]), theirs[other])

    return _by_features(model.student, batch, term=term, teacher=teacher, layers=((own,), (other,)), **known)


def mutual(weight: float) -> Objective:
    """The objective of `MutualStudents`: each learns from the labels and from the others. Chapter 07.

    Deep mutual learning, Zhang et al. (2018), equations 5 to 7: the cross-entropy of each student plus
    `weight` (1 in the paper) times the mean divergence KL(other || student) over the others, whose answers
    are cut off.

    Raises:
        ValueError: a weight below 0.
        TypeError: a model that is not `MutualStudents`, when it is trained.
    """
    _check(weight)
    return partial(_mutual, weight=weight)


def _mutual(model: nn.Module, batch: Batch, *, weight: float) -> dict[str, Tensor]:
    if not isinstance(model, MutualStudents):
        raise TypeError(f"model is a {type(model).__name__}; give MutualStudents(first, second)")
    answers = [logits_on(student, batch.images) for student in model.students]
    hard = torch.stack([losses.hard_term(logits, batch.labels) for logits in answers])
    pairs = [(own, other) for own in answers for other in answers if other is not own]
    mask = rows.labelled(batch.labels, answers[0])[1]
    soft = [losses.distillation_term(own, other, 1.0, mask=mask) for own, other in pairs]
    told = torch.stack(soft).sum() / (len(answers) - 1)
    return {"loss": hard.sum() + weight * told, "soft": told, "hard": hard[0]}


def dkd_term(temperature: float, others: float) -> LogitTerm:
    """Decoupled: the label's part plus `others` (the paper's beta) times the rest. Chapter 07."""
    return partial(_decoupled, temperature=temperature, others=others)


def _decoupled(
    student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float, others: float
) -> Tensor:
    parts = logit_losses.decoupled(student, teacher, labels, temperature)
    return parts.target + others * parts.others


def dist_term(temperature: float) -> LogitTerm:
    """DIST: within examples and within classes, with equal weights as in the paper. Chapter 07."""
    return partial(_dist, temperature=temperature)


def _dist(student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    mask = rows.labelled(labels, student)[1]
    return torch.stack(logit_losses.dist(student, teacher, temperature, mask=mask)).sum()


def standardised_term(temperature: float) -> LogitTerm:
    """The distillation term of standardised logits. Chapter 07."""
    return partial(_standardised, temperature=temperature)


def _standardised(student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    own, theirs = logit_losses.standardised(student), logit_losses.standardised(teacher)
    return losses.distillation_term(own, theirs, temperature, mask=rows.labelled(labels, student)[1])


def _known(weight: float, temperature: float, alpha: float) -> dict[str, Any]:
    """The settings of a term of features and the soft targets beside it, once they are found to be good."""
    _check(weight)
    checks.temperature(temperature)
    checks.alpha(alpha)
    return {"weight": weight, "temperature": temperature, "alpha": alpha}


def _check(*weights: float) -> None:
    for weight in weights:
        if not weight >= 0:
            raise ValueError(f"weight is {weight!r}; a term counts 0 or more times")
