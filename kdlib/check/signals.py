"""Checks of chapter 07: the logits of an ensemble, a hint with a mask, mutual learning, angles."""

import torch.nn.functional as F
from torch import Tensor

from kdlib.check.checking import Check
from kdlib.losses import logits


def _masked_hint(ours: Tensor, theirs: Tensor, mask: Tensor) -> Tensor:
    """Maps (N, C, H, W) and a mask (N, H, W), 1 at the real places: half the mean squared gap there."""
    gap = (ours - theirs.detach()).square() * mask[:, None]
    return 0.5 * gap.sum() / (mask.sum() * ours.shape[1])


def _mutual(z1: Tensor, z2: Tensor, y: Tensor) -> Tensor:
    """Logits of two networks (N, C), labels (N,): the first one's loss."""
    return F.cross_entropy(z1, y) + F.kl_div(z1.log_softmax(1), z2.detach().softmax(1), reduction="batchmean")


def _angles(x: Tensor) -> Tensor:
    """Vectors (N, D): cosines (N, N, N), [i, j, k] between the ways from i to j and from i to k."""
    edges = F.normalize(x[None] - x[:, None], dim=2)
    return edges @ edges.mT


ensemble_logits = Check("ex-07-pool", lambda draw: (draw.normal(3, 5, 4, scale=3), draw.number(2, 5)), logits.pooled, "Softmax of z / T, the mean over the members, T times the logarithm.", {
        "You add the members up, and all logits are too large by one number. Take their mean.": lambda z, t: t * (z / t).softmax(-1).sum(0).log(),
        "You average the logits. Average the softened outputs.": lambda z, t: z.mean(0),
        "Those are probabilities. Take T times their logarithm.": lambda z, t: (z / t).softmax(-1).mean(0),
        "Softened at T these do not give the average. Multiply the logarithm by T.": lambda z, t: logits.pooled(z, t) / t,
        "You soften at 1. Divide the logits by T first.": lambda z, t: t * z.softmax(-1).mean(0).log(),
        "You average over the images. The members are dimension 0.": lambda z, t: t * (z / t).softmax(-1).mean(1).log(),
        "You average logarithms. Average the probabilities, then take the logarithm.": lambda z, t: t * (z / t).log_softmax(-1).mean(0)})

masked_hint = Check("ex-07-masked", lambda draw: (draw.normal(5, 3, 2, 4), draw.normal(5, 3, 2, 4), draw.labels(40, 2).view(5, 2, 4)), _masked_hint, "Multiply the squared gap by mask[:, None]; divide its sum by the number of real places times channels.", {
        "The padding counts like the image. Use the mask.": lambda a, b, m: 0.5 * (a - b.detach()).square().mean(),
        "The mean still counts the padding as places. Divide the sum by what is real.": lambda a, b, m: 0.5 * ((a - b.detach()).square() * m[:, None]).mean(),
        "Each real place has all the channels. Divide by places times channels.": lambda a, b, m: 3 * _masked_hint(a, b, m),
        "The half is missing.": lambda a, b, m: 2 * _masked_hint(a, b, m),
        "Both faults are still there: padding counts as places, and the teacher is changed.": lambda a, b, m: 0.5 * ((a - b) * m[:, None]).square().mean(),
        "You average each image first, so a small one counts as much as a large one. Divide once.": lambda a, b, m: sum(_masked_hint(*one) for one in zip(a.split(1), b.split(1), m.split(1), strict=True)) / len(a),
        "Gradients flow into the teacher. Detach its map.": lambda a, b, m: 0.5 * ((a - b).square() * m[:, None]).sum() / (3 * m.sum()),
        "You keep the padding and drop the image. The mask is 1 at the real places.": lambda a, b, m: _masked_hint(a, b, 1 - m)}, learns=2)

mutual = Check("ex-07-mutual", lambda draw: (draw.normal(5, 3, scale=2), draw.normal(5, 3, scale=2), draw.labels(5, 3 - draw.odd)), _mutual, "F.cross_entropy with the labels, plus F.kl_div of your log_softmax and the other's softmax, batchmean.", {
        "Your loss trains the other network too. Detach its output.": lambda a, b, y: F.cross_entropy(a, y) + F.kl_div(a.log_softmax(1), b.softmax(1), reduction="batchmean"),
        "The two are exchanged. The other network's output is the target, in front.": lambda a, b, y: F.cross_entropy(a, y) + F.kl_div(b.detach().log_softmax(1), a.softmax(1), reduction="batchmean"),
        "The divergence is divided by the classes as well. Use batchmean.": lambda a, b, y: F.cross_entropy(a, y) + F.kl_div(a.log_softmax(1), b.detach().softmax(1), reduction="sum") / a.numel(),
        "The labels are missing. Add the cross-entropy.": lambda a, b, y: _mutual(a, b, y) - F.cross_entropy(a, y),
        "F.kl_div got probabilities first. It wants their logarithms: log_softmax.": lambda a, b, y: F.cross_entropy(a, y) + F.kl_div(a.softmax(1), b.detach().softmax(1), reduction="batchmean"),
        "That is a cross-entropy, not 0 where both agree. Subtract the other network's entropy.": lambda a, b, y: F.cross_entropy(a, y) + F.cross_entropy(a, b.detach().softmax(1))}, learns=2)

angles = Check("ex-07-angles", lambda draw: (draw.normal(5, 3, scale=2),), _angles, "F.normalize(x[None] - x[:, None], dim=2), then the products of all pairs that start at the same image.", {
        "These still depend on how far the images lie apart. Bring each difference to length 1.": lambda x: (x[None] - x[:, None]) @ (x[None] - x[:, None]).mT,
        "These are angles seen from zero. Take them at image i: use x[j] - x[i].": lambda x: F.normalize(x) @ F.normalize(x).mT,
        "These are angles. Their cosines are asked for: leave acos out.": lambda x: _angles(x).clamp(-1, 1).acos(),
        "The corner stands in the wrong place. [i, j, k] is the angle at i.": lambda x: _angles(x).transpose(0, 1),
        "You normalise over the images. A length is taken over the last dimension.": lambda x: F.normalize(x[None] - x[:, None], dim=1) @ F.normalize(x[None] - x[:, None], dim=1).mT,
        "You subtract the cosine from 1. Give the cosine itself.": lambda x: 1 - _angles(x)})
