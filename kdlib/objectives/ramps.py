"""When the teacher's term counts: pure functions from progress, 0 to 1, to a factor of alpha. Chapter 06.

A teacher that is trained beside its student knows nothing at first. `at_once` lets it teach all the same,
`late` is the rule of Xu et al. (2020), no teaching in the first k steps, and `ramp` lets it in by and by.
"""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def at_once(progress: float) -> float:
    """The whole weight from the first step."""
    return 1.0


def late(progress: float, *, start: float) -> float:
    """Nothing before the share `start` of training, then the whole weight (Xu et al., 2020).

    Raises:
        ValueError: a start outside [0, 1].
    """
    if not 0 <= start <= 1:
        raise ValueError(f"start is {start!r}; it is a share of training, from 0 to 1")
    return float(progress >= start)


def ramp(progress: float, *, start: float = 0.0, end: float) -> float:
    """Nothing before `start`, the whole weight after `end`, and half a cosine between them.

    Raises:
        ValueError: a start or end outside [0, 1], or an end that is not after the start.
    """
    if not 0 <= start < end <= 1:
        raise ValueError(
            f"start is {start!r} and end {end!r}; they are shares of training, from 0 to 1, and it must end "
            "after it starts"
        )
    share = min(1.0, max(0.0, (progress - start) / (end - start)))
    return 0.5 * (1 - math.cos(math.pi * share))
