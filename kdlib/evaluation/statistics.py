"""What several seeds say together: means with intervals, paired differences. Chapter 03."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

ENOUGH = 3  # seeds for an interval to be shown
# 0.975 quantiles of Student's t distribution for 1 to 30 degrees of freedom; beyond, the normal's.
T_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class Interval(NamedTuple):
    """A mean and the ends of its 95 % interval (NaN for a single value), over `seeds` seeds."""

    mean: float
    low: float
    high: float
    seeds: int


def interval(values: Sequence[float]) -> Interval:
    """The mean over seeds and its 95 % interval by Student's t (Gosset, 1908). Chapter 03.

    From 32 values on by the normal distribution: 4 % short there, and ever less with more.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    n = len(values)
    if n == 0 or not all(math.isfinite(v) for v in values):
        raise ValueError(f"values is {list(values)}; give at least one finite number, one a seed")
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1)
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    quantile = T_QUANTILES[n - 2] if n - 2 < len(T_QUANTILES) else 1.96
    half = quantile * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def prediction_interval(values: Sequence[float]) -> Interval:
    """Where one more value of the same kind would lie, with 95 % confidence, by Student's t. Chapter 03.

    It is wider than `interval`, by the factor sqrt(n + 1), and what a single published figure is compared
    with.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    mean, low, high, n = interval(values)
    half = (high - low) / 2 * math.sqrt(n + 1)
    return Interval(mean, mean - half, mean + half, n)


def paired(first: dict[int, float], second: dict[int, float]) -> Interval:
    """The mean difference first - second over the seeds that both have, and its interval. Chapter 03.

    Raises:
        ValueError: no seed in common.
    """
    common = sorted(first.keys() & second.keys())
    if not common:
        raise ValueError(f"seeds {sorted(first)} and {sorted(second)} have none in common; run the same ones")
    return interval([first[seed] - second[seed] for seed in common])


class Resampled(NamedTuple):
    """A statistic of the test examples and the ends of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def bootstrap(
    statistic: Callable[[Tensor], Tensor | float], n: int, *, samples: int = 2000, seed: int
) -> Resampled:
    """How far a statistic would move with other test examples: the percentile bootstrap. Chapters 04 and 05.

    Efron and Tibshirani (1993), section 13.3: `samples` times, n of the n examples are drawn with
    replacement and the statistic is taken; the interval runs from the 2.5 % to the 97.5 % quantile. It says
    nothing about other seeds of the training: see `interval`.

        right = logits.argmax(1) == labels
        bootstrap(lambda at: right[at].double().mean(), len(labels), seed=0)

    Args:
        statistic: takes positions of examples, int64 (n,) on the CPU, some of them more than once, and gives
            one number. For a difference of two models it looks both up at the same positions.
        n: how many examples there are, 1 or more.
        samples: how many times is drawn, 1 or more.
        seed: fixes the draws; the global random state is neither used nor changed.

    Returns:
        Resampled(value, low, high); `value` is the statistic of all the examples, each once.

    Raises:
        ValueError: no example, no sample, or a statistic that is not finite.
    """
    if n < 1 or samples < 1:
        raise ValueError(f"n is {n} and samples {samples}; both must be at least 1")
    generator = torch.Generator().manual_seed(seed)
    value = float(statistic(torch.arange(n)))
    draws = (torch.randint(n, (n,), generator=generator) for _ in range(samples))
    found = torch.tensor([float(statistic(positions)) for positions in draws], dtype=torch.float64)
    if not math.isfinite(value) or not bool(found.isfinite().all()):
        raise ValueError(
            f"statistic is {value} of all examples, and of {int((~found.isfinite()).sum())} of {samples} "
            "samples not finite; it must be a finite number of any n examples"
        )
    low, high = found.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Resampled(value, low, high)
