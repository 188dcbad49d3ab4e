"""Checks of chapter 08: how many runs a gain needs, a score that is not chosen by itself, calibration."""

import math

import torch
from torch import Tensor

from kdlib.check.checking import Check, Draw
from kdlib.evaluation import metrics


def planned(gain: float, deviation: float) -> int:
    """The least number of runs whose interval, 2 s / sqrt(n) to each side, is no wider than the gain."""
    return math.ceil((2 * deviation / gain) ** 2)


def fair(validation: Tensor, test: Tensor) -> Tensor:
    """The mean over the runs of the test accuracy at the epoch that is each run's best on validation."""
    return test[range(len(test)), validation.argmax(1)].mean()


def _sure(draw: Draw) -> tuple[Tensor, Tensor, int]:
    """Logits that are too unsure where they are unsure, and too sure elsewhere; of some the confidence is 1."""
    z = draw.normal(60, 3, scale=2) + 90 * torch.eye(60, 3)
    known = (z.softmax(1).amax(1) < 0.6) & (torch.arange(60) % 3 > 0)
    return z, torch.where(known, z.argmax(1), draw.labels(60, 3)), 5 + 2 * draw.odd


def _bins(z: Tensor, y: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Confidence minus accuracy of each bin, 0 where it is empty, and its share of the examples."""
    confidence, accuracy, examples = metrics.reliability(z, y, n)
    return (confidence - accuracy).nan_to_num(), examples / len(y)


def _plan(draw: Draw) -> tuple[float, float]:
    """A gain and a deviation: in odd rounds 64 runs are enough exactly, else three tenths of a run more than a whole number."""
    gain = 4.0 if draw.odd else draw.number(3, 6)
    return gain, 16.0 if draw.odd else gain / 2 * (int(draw.number(20, 90)) + 0.3) ** 0.5


runs_for = Check("ex-08-runs", _plan, planned,
    "Two standard errors, 2 s / sqrt(n), must be no more than the gain. Solve for n, and round up.", {
        "Take the square: half the gain needs four times the runs.": lambda g, s: math.ceil(2 * s / g),
        "Gain and deviation are exchanged.": lambda g, s: math.ceil((2 * g / s) ** 2),
        "Round up. A part of a run cannot be made.": lambda g, s: (2 * s / g) ** 2,
        "Round up, neither down nor to the nearest.": lambda g, s: math.floor((2 * s / g) ** 2),
        "Where n comes out whole, that many are enough. Round up; do not add 1.": lambda g, s: math.floor((2 * s / g) ** 2) + 1,
        "The factor 2 is missing: an interval is two standard errors to each side.": lambda g, s: math.ceil((s / g) ** 2),
        "The factor 2 is squared too.": lambda g, s: math.ceil(2 * (s / g) ** 2)})

fair_score = Check("ex-08-chosen", lambda draw: (0.8 + draw.normal(3, 7, scale=0.02), 0.8 + draw.normal(3, 7, scale=0.02)), fair,
    "For each run: the epoch with the largest validation accuracy, then the test accuracy of that epoch. Last, the mean over the runs.", {
        "You choose the epoch by the test images. Choose by validation, then look at the test once.": lambda v, t: t.amax(1).mean(),
        "That is the accuracy on validation, where the epoch was chosen. Report that on the test images.": lambda v, t: v.amax(1).mean(),
        "You report the last epoch. Take the one that is best on validation.": lambda v, t: t[:, -1].mean(),
        "You take one epoch for all runs. Each run chooses its own.": lambda v, t: t[:, v.mean(0).argmax()].mean(),
        "You report the best run. Take the mean over the runs.": lambda v, t: t[range(3), v.argmax(1)].max(),
        "You take the epoch that is worst on validation.": lambda v, t: fair(-v, t)})

calibration_error = Check("ex-08-calibration", _sure, metrics.expected_calibration_error,
    "Sort the examples into equally wide bins of confidence; |mean confidence - accuracy| in each; weigh by their sizes.", {
        "Weigh each bin by its share of the examples.": lambda z, y, n: _bins(z, y, n)[0].abs().sum() / (_bins(z, y, n)[1] > 0).sum(),
        "Take the absolute value in each bin; otherwise too sure and too unsure cancel.": lambda z, y, n: (_bins(z, y, n)[0] * _bins(z, y, n)[1]).sum(),
        "That is the largest bin's. Take the weighted mean.": lambda z, y, n: _bins(z, y, n)[0].abs().max(),
        "You square the gaps. Take their absolute values.": lambda z, y, n: (_bins(z, y, n)[0].square() * _bins(z, y, n)[1]).sum(),
        "That is how far the mean confidence is from being right one by one. Average within the bins first.": lambda z, y, n: (z.softmax(1).amax(1) - (z.argmax(1) == y).double()).abs().mean(),
        "A confidence of exactly 1 falls out of your bins. Each bin holds its upper end.": lambda z, y, n: metrics.expected_calibration_error(z[sure := z.softmax(1).amax(1) < 1], y[sure], n) * float(sure.double().mean()),
        "The number of bins has no effect: you have another one.": lambda z, y, n: metrics.expected_calibration_error(z, y, 15)})
