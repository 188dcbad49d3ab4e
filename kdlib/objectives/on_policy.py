"""Distillation on what the student writes itself: on-policy. Chapter 11."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from kdlib import checks, models
from kdlib.objectives.classic import Batch, Objective, teacher_logits, two_models
from kdlib.objectives.model_logits import logits_on

Divergence = Callable[[Tensor, Tensor, float], Tensor]  # of student's and teacher's logits, at T


def on_policy(
    teacher: models.Decoder, divergence: Divergence, *, temperature: float, prompt: int
) -> Objective:
    """The student goes on from the beginning of each text, and the teacher says what it should have written.

    Agarwal et al. (2024), with all texts the student's own: it writes at a sampling temperature of 1, without
    a gradient through the drawing. The divergence counts at all positions, those of the prompt too.

    Args:
        teacher: reads what the student wrote.
        divergence: `losses.divergences.reverse_kl` for instance.
        temperature: T of the divergence.
        prompt: how many tokens of each text are given, from 1 to all.

    Raises:
        ValueError: an impossible temperature, no token; when it is trained, more tokens than a text has.
        TypeError: a teacher that is no model, and so cannot read what is new; when it is trained, a student
            that is no `Decoder`.
    """
    checks.temperature(temperature)
    if prompt < 1:
        raise ValueError(f"prompt is {prompt}; the student goes on from one token or more")
    if not isinstance(teacher, nn.Module):
        raise TypeError(f"teacher is a {type(teacher).__name__}; it must read new texts: give a model")
    return partial(_on_policy, teacher=teacher, divergence=divergence, temperature=temperature, prompt=prompt)


def _on_policy(
    model: nn.Module,
    batch: Batch,
    *,
    teacher: models.Decoder,
    divergence: Divergence,
    temperature: float,
    prompt: int,
) -> dict[str, Tensor]:
    if not isinstance(model, models.Decoder):
        raise TypeError(f"the student is a {type(model).__name__}; only a kdlib.models.Decoder writes")
    two_models(model, teacher)
    if prompt > (length := batch.images.shape[1]):
        raise ValueError(f"prompt is {prompt}, but the texts have {length} tokens")
    text = models.write(model, batch.images[:, :prompt], length - prompt)
    told = teacher_logits(teacher, batch._replace(images=text))
    return {"loss": divergence(logits_on(model, text), told, temperature)}
