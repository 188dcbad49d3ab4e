"""What several seeds say together: means with intervals, paired differences. Chapter 03."""

import math
from collections.abc import Sequence
from typing import NamedTuple

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


def paired(first: dict[int, float], second: dict[int, float]) -> Interval:
    """The mean difference first - second over the seeds that both have, and its interval. Chapter 03.

    Raises:
        ValueError: no seed in common.
    """
    common = sorted(first.keys() & second.keys())
    if not common:
        raise ValueError(f"seeds {sorted(first)} and {sorted(second)} have none in common; run the same ones")
    return interval([first[seed] - second[seed] for seed in common])
