"""Checks of chapter 05: what an alarm is worth, a threshold, the area under the ROC curve."""

import torch
from torch import Tensor

from kdlib.check.checking import Check, Draw


def right_alarms(sensitivity: float, specificity: float, share: float) -> float:
    """Of those who are called ill, the share who are."""
    found, false = sensitivity * share, (1 - specificity) * (1 - share)
    return found / (found + false)


def balanced_threshold(odds: Tensor, labels: Tensor) -> float:
    """The log-odds with the largest mean of sensitivity and specificity; the lowest of several."""
    def both(t: float) -> float:
        return float((odds > t)[labels == 1].double().mean() + (odds <= t)[labels == 0].double().mean())
    return float(max(sorted(odds.tolist()), key=both))


def area(odds: Tensor, labels: Tensor) -> Tensor:
    """For each ill one, the share of the normal ones below; an equal one counts half."""
    ill, normal = odds[labels == 1], odds[labels == 0].sort().values
    below, up_to = torch.searchsorted(normal, ill), torch.searchsorted(normal, ill, right=True)
    return (below + up_to).double().mean() / (2 * len(normal))


def _middle(odds: Tensor, threshold: float) -> Tensor:
    """Between a threshold and the next larger of the log-odds, where there is one."""
    above = odds[odds > threshold]
    return (threshold + above.min()) / 2 if len(above) else odds.max() + 1


def _scores(draw: Draw) -> tuple[Tensor, Tensor]:
    labels = (draw.labels(41, 5) == 0).long()
    return (1.5 * draw.normal(41) + labels).mul(4).round() / 4, labels


def _ranked(odds: Tensor, labels: Tensor) -> Tensor:
    """The area by ranks that equal log-odds do not share."""
    ranks, ill = odds.argsort().argsort().double(), labels == 1
    return (ranks[ill].mean() - (ill.sum() - 1) / 2) / (~ill).sum()


def _tied(draw: Draw) -> tuple[Tensor, Tensor]:
    """Falling log-odds of 4 ill and 16 normal ones: a threshold above 9 normal ones is as good as one above 1 ill, 13."""
    return draw.normal(20).sort(descending=True).values, torch.tensor([1, 1, *3 * [0], 1, *4 * [0], 1, *9 * [0]])


predictive_value = Check("ex-05-rare", lambda draw: (draw.number(0.8, 0.99), draw.number(0.4, 0.7), draw.number(0.02, 0.2)), right_alarms, "Take 1,000 people. How many are ill and called ill? How many are well and called ill?", {
    "How rare the illness is does not matter in yours. Weigh the ill by share, the well by 1 - share.": lambda a, b, s: a / (a + 1 - b),
    "Those who are well and raise no alarm are counted as alarms. Take 1 - specificity.": lambda a, b, s: a * s / (a * s + b * (1 - s)),
    "False alarms come from the well. Weigh them by 1 - share.": lambda a, b, s: a * s / (a * s + 1 - b),
    "That is how many alarms are false. Take those that are right.": lambda a, b, s: 1 - right_alarms(a, b, s),
    "That is the share of all who are ill and called ill. Divide by all alarms.": lambda a, b, s: a * s,
    "Sensitivity and specificity are exchanged. Sensitivity belongs to the ill.": lambda a, b, s: right_alarms(b, a, s)})

best_threshold = Check("ex-05-cheat", lambda draw: _tied(draw) if draw.odd else _scores(draw), balanced_threshold, "Try each of the log-odds as the threshold, and keep the best.", {
    "That has the best accuracy, where the larger class counts more. Take the mean of the two rates.": lambda o, y: max(sorted(o.tolist()), key=lambda t: float(((o > t) == (y == 1)).double().mean())),
    "You count an image at the threshold itself as an alarm. Use greater, not greater or equal.": lambda o, y: max(sorted(o.tolist()), key=lambda t: float((o >= t)[y == 1].double().mean() + (o < t)[y == 0].double().mean())),
    "Several thresholds are equally good. Of these take the lowest.": lambda o, y: max(sorted(o.tolist(), reverse=True), key=lambda t: float((o > t)[y == 1].double().mean() + (o <= t)[y == 0].double().mean())),
    "That is the worst threshold. Take the largest mean.": lambda o, y: balanced_threshold(o, 1 - y),
    "That is a probability. Give the log-odds.": lambda o, y: float(torch.tensor(balanced_threshold(o, y)).sigmoid()),
    "That is none of the log-odds given. Try these, not a grid or the middles between them.": lambda o, y: float(_middle(o, balanced_threshold(o, y))),
    "That is a position. Give the log-odds there.": lambda o, y: o.tolist().index(balanced_threshold(o, y)),
    "That is how good the threshold is. Give the threshold itself.": lambda o, y: (float((o > balanced_threshold(o, y))[y == 1].double().mean()) + float((o <= balanced_threshold(o, y))[y == 0].double().mean())) / 2})

sorted_auroc = Check("ex-05-auroc", _scores, area, "For each ill one: how many of the sorted normal ones lie below it? searchsorted tells.", {
    "An equal pair counts as wrong in yours. It counts half.": lambda o, y: (o[y == 1][:, None] > o[y == 0]).double().mean(),
    "An equal pair counts as right in yours. It counts half.": lambda o, y: (o[y == 1][:, None] >= o[y == 0]).double().mean(),
    "Of equal log-odds the order in the sort counts in yours. An equal pair counts half, whatever the order.": lambda o, y: _ranked(o, y),
    "The pairs are the wrong way round. The ill one should have the larger log-odds.": lambda o, y: area(-o, y),
    "You rank answers, not log-odds: after a threshold most pairs are equal. Give the log-odds themselves.": lambda o, y: area((o > 0).double(), y),
    "You divide by all pairs. Divide by pairs of an ill and a normal one.": lambda o, y: area(o, y) * (y == 1).sum() * (y == 0).sum() / len(y) ** 2,
    "That is a number of pairs. Divide by how many there are.": lambda o, y: area(o, y) * (y == 1).sum() * (y == 0).sum(),
    "You average over batches. Images of different batches are pairs too.": lambda o, y: (area(o[:20], y[:20]) + area(o[20:], y[20:])) / 2})
