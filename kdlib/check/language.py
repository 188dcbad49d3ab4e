"""Checks of chapter 11: the reverse divergence, surprise by position, what counts in a text, the k largest."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib.check.checking import Check, Draw
from kdlib.losses.divergences import kept_kl


def picking(s: Tensor, t: Tensor) -> Tensor:
    """Logits (B, L, V) of student and teacher: KL(student || teacher), the mean over the positions."""
    log_q, log_p = s.log_softmax(-1), t.detach().log_softmax(-1)
    return (log_q.exp() * (log_q - log_p)).sum(-1).mean()


def surprise(z: Tensor, tokens: Tensor) -> Tensor:
    """Logits (B, L, V) and tokens (B, L): mean bits at each position (L - 1,), from the second token on."""
    nats = -z.log_softmax(-1)[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]
    return nats.mean(0) / math.log(2)


def counted(tokens: Tensor, end: int) -> Tensor:
    """Tokens (B, L): True up to the first end mark of a text, and there."""
    ends = tokens == end
    return ends.cumsum(1) - ends.long() == 0


def _texts(draw: Draw) -> tuple[Tensor, int]:
    """Texts of nine tokens; in some the end mark, token 2 or 3, stands twice, in one nowhere."""
    tokens, end = draw.labels(36, 6).view(4, 9), 2 + draw.odd
    tokens[0, [3, 5]], tokens[1] = end, torch.where(tokens[1] == end, 1, tokens[1])
    return tokens, end


def _largest(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """In odd rounds the teacher is so sure that nothing is left over, once its shares are added up."""
    return draw.normal(5, 7), *draw.normal(5, 7, scale=200 if draw.odd else 2).log_softmax(-1).topk(3)


reverse_kl = Check("ex-11-reverse", lambda draw: (draw.normal(2, 3, 5, scale=2), draw.normal(2, 3, 5, scale=2)), picking, "Whose probabilities stand in front of the difference of the logarithms?", {
    "This is the forward divergence. The student's probabilities weigh the sum.": lambda s, t: (t.detach().softmax(-1) * (t.detach().log_softmax(-1) - s.log_softmax(-1))).sum(-1).mean(),
    "The student's probabilities are cut off from the gradient. They must learn, too.": lambda s, t: (s.detach().softmax(-1) * (s.log_softmax(-1) - t.detach().log_softmax(-1))).sum(-1).mean(),
    "The mean is over the vocabulary as well. Sum over it first.": lambda s, t: picking(s, t) / s.shape[-1],
    "You add the positions up. Take their mean.": lambda s, t: picking(s, t) * s.shape[0] * s.shape[1],
    "You divide by the texts alone. Divide by texts times positions.": lambda s, t: picking(s, t) * s.shape[1],
    "The student's entropy is missing: two equal outputs do not give 0.": lambda s, t: -(s.softmax(-1) * t.detach().log_softmax(-1)).sum(-1).mean(),
    "The sign is turned round. A divergence is never negative.": lambda s, t: -picking(s, t),
    "Gradients flow into the teacher. Detach its logits.": lambda s, t: (s.softmax(-1) * (s.log_softmax(-1) - t.log_softmax(-1))).sum(-1).mean()}, learns=2)

surprise_by_position = Check("ex-11-position", lambda draw: (draw.normal(4, 6, 5, scale=2), draw.labels(24, 5).view(4, 6)), surprise, "The logits at position i speak of token i + 1.", {
    "The logits at a position speak of the *next* token. Shift one against the other.": lambda z, x: -z.log_softmax(-1).gather(-1, x[..., None])[..., 0].mean(0) / math.log(2),
    "You leave the first place out, and still ask each position about the token it just read. Cut the last logits and the first token.": lambda z, x: -z.log_softmax(-1).gather(-1, x[..., None])[:, 1:, 0].mean(0) / math.log(2),
    "You shift the wrong way: the last logits speak of a token that is not there.": lambda z, x: -z.log_softmax(-1)[:, 1:].gather(-1, x[:, :-1, None])[..., 0].mean(0) / math.log(2),
    "Those are nats. Divide by ln 2 for bits.": lambda z, x: surprise(z, x) * math.log(2),
    "This is one number. Take the mean over the texts only.": lambda z, x: surprise(z, x).mean(),
    "You average over the positions. Average over the texts.": lambda z, x: -z.log_softmax(-1)[:, :-1].gather(-1, x[:, 1:, None])[..., 0].mean(1) / math.log(2),
    "The sign is turned round. Surprise is minus a logarithm.": lambda z, x: -surprise(z, x),
    "You average probabilities. Take the logarithm first, then the mean.": lambda z, x: -z.softmax(-1)[:, :-1].gather(-1, x[:, 1:, None])[..., 0].mean(0).log2()})

until_end = Check("ex-11-end", _texts, counted, "How many end marks stand before a token? cumsum counts them.", {
    "The end mark itself must count, or the student never learns to stop.": lambda x, e: (x == e).cumsum(1) == 0,
    "Only end marks are left out. What follows the first one is no text, either.": lambda x, e: x != e,
    "Everything counts in yours.": lambda x, e: x == x,
    "You keep what stands between the first end mark and the second.": lambda x, e: (x == e).cumsum(1) <= 1,
    "You keep what follows the end, and drop the text.": lambda x, e: ~counted(x, e),
    "You stop at the last end mark. The first one ends the text.": lambda x, e: ((x == e).flip(1).cumsum(1).flip(1) > 0) | ~(x == e).any(1, keepdim=True),
    "A text without an end mark counts whole; argmax gives 0 there.": lambda x, e: torch.arange(x.shape[1]) <= (x == e).long().argmax(1, keepdim=True),
    "A text without an end mark counts whole.": lambda x, e: counted(x, e) & (x == e).any(1, keepdim=True)})

kept_term = Check("ex-11-kept", _largest, kept_kl, "Of both models: k shares and what is left of 1. That makes k + 1 outcomes.", {
    "The rest is missing. What the teacher gives to all other tokens is one outcome more.": lambda s, p, i: (p.exp() * (p - s.log_softmax(-1).gather(-1, i))).sum(-1).mean(),
    "You rescale both to the k tokens. What the student gives to the others is not seen then.": lambda s, p, i: F.kl_div(s.gather(-1, i).log_softmax(-1), p.log_softmax(-1), reduction="batchmean", log_target=True),
    "You rescale the teacher to the k tokens. Keep its rest as an outcome.": lambda s, p, i: F.kl_div(s.log_softmax(-1).gather(-1, i), p.log_softmax(-1), reduction="batchmean", log_target=True),
    "You spread the rest over the other tokens. Add the student's shares of them up instead.": lambda s, p, i: F.kl_div(s.log_softmax(-1), _spread(p, i, s.shape[-1]), reduction="batchmean", log_target=True),
    "The two are exchanged. The teacher's shares weigh the sum.": lambda s, p, i: _turned(s, p, i),
    "You add up the rows. Take their mean.": lambda s, p, i: kept_kl(s, p, i) * len(s),
    "The student's logits are cut off from the gradient. Do not detach them.": lambda s, p, i: kept_kl(s.detach(), p, i)}, learns=1)


def _spread(log_p: Tensor, places: Tensor, tokens: int) -> Tensor:
    """Logarithms of shares (N, tokens): those that were kept, and the rest in equal parts."""
    each = ((1 - log_p.exp().sum(-1, keepdim=True)) / (tokens - places.shape[-1])).log()
    return each.repeat(1, tokens).scatter(-1, places, log_p)


def _turned(s: Tensor, log_p: Tensor, places: Tensor) -> Tensor:
    """As `kept_kl`, the other way round."""
    p, q = log_p.exp(), s.softmax(-1).gather(-1, places)
    rest, others = 1 - p.sum(-1), 1 - q.sum(-1)
    return ((q * (q.log() - log_p)).sum(-1) + others * (others / rest).log()).mean()
