"""Checks of chapter 02: divergence, the term with T^2, the same term where part of a batch is padding."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib.check.checking import Check


def mean_kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q), averaged over the examples; where p is 0, nothing is added."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1).mean()


def term(student: Tensor, teacher: Tensor, T: float) -> Tensor:
    """T^2 KL(teacher || student) of the softened outputs, averaged over the examples."""
    log_p, log_q = (teacher.detach() / T).log_softmax(-1), (student / T).log_softmax(-1)
    return T**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def masked(student: Tensor, teacher: Tensor, mask: Tensor, T: float) -> Tensor:
    """T^2 KL(teacher || student), averaged over the tokens whose mask is 1, of all sentences together."""
    log_p, log_q = (teacher.detach() / T).log_softmax(-1), (student / T).log_softmax(-1)
    tokens = F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)
    return T**2 * tokens[mask == 1].mean()


kl = Check("ex-02-kl", lambda draw: (torch.cat([torch.eye(3)[:1], draw.normal(4, 3, scale=2).softmax(1)]), draw.normal(5, 3, scale=2).softmax(1)), mean_kl,
    "Per example: the sum over the classes of p ln p - p ln q. torch.xlogy(p, q) is p ln q, and 0 where p is 0.", {
        "You get NaN where p is 0. There 0 ln 0 counts 0: torch.xlogy(p, p).": lambda p, q: (p * (p / q).log()).sum(-1).mean(),
        "You have KL(q || p). The divergence is not symmetric: p is what weighs.": lambda p, q: mean_kl(q, p),
        "You divide by the number of classes too. Add up over the classes, then average over the examples.": lambda p, q: mean_kl(p, q) / 3,
        "You add up the batch. Average over the examples.": lambda p, q: mean_kl(p, q) * len(p),
        "That is the cross-entropy. Subtract the entropy of p.": lambda p, q: -torch.xlogy(p, q).sum(-1).mean(),
        "F.kl_div wants logarithms as its first argument.": lambda p, q: F.kl_div(q, p, reduction="batchmean")})

kd_term = Check("ex-02-bugs", lambda draw: (draw.normal(5, 3, scale=2), draw.normal(5, 3, scale=2), draw.number(2, 5)), term,
    "Try it with student and teacher equal, then with T = 4 in place of 1, then ask both for gradients. The chapter has the whole line.", {
        "Your loss shrinks as T grows. Is T^2 missing?": lambda s, t, T: term(s, t, T) / T**2,
        "Multiply by T squared, not by T.": lambda s, t, T: term(s, t, T) / T,
        "You divide by the classes too. reduction='mean' does that; take 'batchmean'.": lambda s, t, T: term(s, t, T) / 3,
        "The direction is swapped. The teacher's probabilities are what weighs: KL(teacher || student).": lambda s, t, T: T**2 * mean_kl((s / T).softmax(-1), (t.detach() / T).softmax(-1)),
        "T does not reach the teacher. Both logits are divided by it.": lambda s, t, T: T**2 * mean_kl(t.detach().softmax(-1), (s / T).softmax(-1)),
        "It is not 0 where both agree: that is the cross-entropy. Subtract the teacher's entropy.": lambda s, t, T: T**2 * F.cross_entropy(s / T, (t.detach() / T).softmax(-1)),
        "F.kl_div wants log-probabilities of the student; you gave probabilities.": lambda s, t, T: T**2 * F.kl_div((s / T).softmax(-1), (t.detach() / T).softmax(-1), reduction="batchmean"),
        "Gradients flow into the teacher. Detach its logits.": lambda s, t, T: T**2 * mean_kl((t / T).softmax(-1), (s / T).softmax(-1))}, learns=2)

masked_term = Check("ex-02-padding", lambda draw: (draw.normal(4, 6, 3, scale=2), draw.normal(4, 6, 3, scale=2), (torch.arange(6) < torch.tensor([[2], [6], [3], [5]])).long(), draw.number(2, 5)), masked,
    "First one value a token: the sum over the classes. Then keep those whose mask is 1, and take their mean.", {
        "An index of whole numbers picks the sentences 0 and 1, again and again. Use mask.bool().": lambda s, t, m, T: term(s[m].flatten(0, -2), t[m].flatten(0, -2), T),
        "Padding counts too. Average over the tokens whose mask is 1.": lambda s, t, m, T: masked(s, t, torch.ones_like(m), T),
        "Padding adds nothing to the sum, yet you divide by it. Divide by mask.sum().": lambda s, t, m, T: masked(s, t, m, T) * m.double().mean(),
        "You divide by the number of sentences. Divide by that of the real tokens.": lambda s, t, m, T: masked(s, t, m, T) * m.sum() / len(m),
        "You average each sentence first: tokens of short ones weigh more. Average over all tokens at once.": lambda s, t, m, T: sum(masked(*row, T) for row in zip(s, t, m, strict=True)) / len(m),
        "You keep the padding and drop the words. The mask is 1 where a token is real.": lambda s, t, m, T: masked(s, t, 1 - m, T),
        "Your loss shrinks as T grows. Is T^2 missing?": lambda s, t, m, T: masked(s, t, m, T) / T**2,
        "Gradients flow into the teacher. Detach its logits.": lambda s, t, m, T: T**2 * mean_kl((t / T).softmax(-1)[m == 1], (s / T).softmax(-1)[m == 1])}, learns=2)
