"""Checks of chapter 03: a batch with its stored logits, a paired interval, how many seeds, a bias without labels."""

import math

from torch import Tensor

from kdlib.check.checking import Check, Draw


def batch_of(images: Tensor, labels: Tensor, told: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One index for all three."""
    return images[rows], labels[rows], told[rows]


def interval_of(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean difference and the ends of its 95 % interval, five seeds."""
    gaps = first - second
    half = 2.776 * gaps.std() / len(gaps) ** 0.5
    return gaps.mean(), gaps.mean() - half, gaps.mean() + half


def enough_seeds(s: float, half: float) -> int:
    """1.96 s / sqrt(n) = half, solved for n and rounded up."""
    return math.ceil((1.96 * s / half) ** 2)


def bias_that_counts(logits: Tensor, digit: int, share: float) -> Tensor:
    """An image becomes this digit as soon as the bias closes the gap to the best other logit."""
    others = logits.clone()
    others[:, digit] = -math.inf
    return (others.amax(1) - logits[:, digit]).quantile(share)


def _runs(draw: Draw) -> tuple[Tensor, Tensor]:
    shared = 100 + draw.normal(5, scale=20)  # what a seed does to both students
    return (shared + draw.normal(5, scale=4)).round(), (shared + 9 + draw.normal(5, scale=4)).round()


def _around(gaps: Tensor, half: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return gaps.mean(), gaps.mean() - half, gaps.mean() + half


stored_batch = Check("ex-03-order", lambda draw: (draw.normal(11, 2), draw.labels(11, 3), draw.normal(11, 3), draw.labels(11, 11)[:4]), batch_of, "All three need the same index.", {
    "The stored logits are the first ones, whatever the images are. Look them up by position: told[rows].": lambda x, y, t, r: (x[r], y[r], t[: len(r)]),
    "You look the logits up by class. Look them up by position: told[rows].": lambda x, y, t, r: (x[r], y[r], t[y[r]]),
    "You sort the positions for the logits only. All three need one order.": lambda x, y, t, r: (x[r], y[r], t[r.sort().values]),
    "The labels are the first ones, whatever the images are. Take labels[rows].": lambda x, y, t, r: (x[r], y[: len(r)], t[r]),
    "The images are not those of the batch. Take images[rows].": lambda x, y, t, r: (x[: len(r)], y[r], t[r]),
    "The logits come one position too early. Take told[rows].": lambda x, y, t, r: (x[r], y[r], t[r - 1])})

paired_interval = Check("ex-03-paired", _runs, interval_of, "Take the differences first. Then their mean, and t times their standard deviation over sqrt(n) to each side.", {
    "You did not pair. Take the difference within each seed first, then its standard deviation.": lambda a, b: _around(a - b, 2.776 * ((a.var() + b.var()) / 5).sqrt()),
    "The sign is turned. Take first minus second.": lambda a, b: interval_of(b, a),
    "1.96 is for many seeds. With five take t = 2.776.": lambda a, b: _around(a - b, 1.96 * (a - b).std() / 5**0.5),
    "That is where single seeds lie. Divide by sqrt(n) for their mean.": lambda a, b: _around(a - b, 2.776 * (a - b).std()),
    "You divide by n. Divide the standard deviation by sqrt(n).": lambda a, b: _around(a - b, 2.776 * (a - b).std() / 5),
    "Your standard deviation divides by n. From a sample, divide by n - 1.": lambda a, b: _around(a - b, 2.776 * (a - b).std(correction=0) / 5**0.5)}, tolerance=5e-3)

def _wanted(draw: Draw) -> tuple[float, float]:
    """A deviation and a half width: in odd rounds 1,024 seeds exactly, else three tenths more than a whole number."""
    half = 1.96 if draw.odd else draw.number(4, 9)  # so that no order of operations rounds
    return 32.0 if draw.odd else half / 1.96 * (int(draw.number(20, 90)) + 0.3) ** 0.5, half


seeds_for = Check("ex-03-seeds", _wanted, enough_seeds, "Solve 1.96 s / sqrt(n) = half for n, and round up.", {
    "The square is missing. Half the interval needs four times the seeds.": lambda s, half: math.ceil(1.96 * s / half),
    "A part of a seed cannot be run. Round up.": lambda s, half: (1.96 * s / half) ** 2,
    "The interval stays too wide. Round up, neither down nor to the nearest.": lambda s, half: math.floor((1.96 * s / half) ** 2),
    "Where n comes out whole, that many are enough. Round up; do not add 1.": lambda s, half: math.floor((1.96 * s / half) ** 2) + 1,
    "The factor 1.96 is missing. Put it before s.": lambda s, half: math.ceil((s / half) ** 2),
    "You took the whole width. Plus or minus is half of it.": lambda s, half: math.ceil((3.92 * s / half) ** 2),
    "You square a part only. Square 1.96 s / half as a whole.": lambda s, half: math.ceil((1.96 * s) ** 2 / half)})

def _often(draw: Draw) -> tuple[Tensor, int, float]:
    """In odd rounds the digit is the answer more often than it should be, so that its bias is negative."""
    digit, logits = int(draw.number(0, 4)), draw.normal(3000, 5, scale=2)
    logits[:, digit] += 2 * draw.odd
    return logits, digit, draw.number(0.25, 0.4)


bias_for = Check("ex-03-count", _often, bias_that_counts, "How much does an image's logit lack to be the largest? Sort these gaps.", {
    "All but that share get the digit. Take the quantile from the other end.": lambda z, k, share: bias_that_counts(z, k, 1 - share),
    "The sign is turned. The bias is added to the logit.": lambda z, k, share: -bias_that_counts(z, k, share),
    "A bias may be negative, where the digit is the answer too often. Compare with the largest other logit.": lambda z, k, share: bias_that_counts(z, k, share).clamp(min=0),
    "You compare with the mean of the other logits. Compare with the largest of them.": lambda z, k, share: ((z.sum(1) - z[:, k]) / 4 - z[:, k]).quantile(share),
    "You rank the digit's logit alone. What counts is how far it lies below the best other one.": lambda z, k, share: -z[:, k].quantile(1 - share),
    "A ratio of shares moves probabilities. Count how many images have this answer.": lambda z, k, share: (share / (z.argmax(1) == k).double().mean()).log(),
    "That share comes on top of those that have the digit already. Count all that have it.": lambda z, k, share: bias_that_counts(z, k, share + float((z.argmax(1) == k).double().mean()))}, tolerance=0.02)
