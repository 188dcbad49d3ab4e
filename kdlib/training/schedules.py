"""Learning-rate schedules: pure functions from progress, 0 to 1, to a factor of the peak rate. Chapter 03."""

import math


def constant(progress: float) -> float:
    """The peak rate all the time."""
    return 1.0


def cosine(progress: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov and Hutter, 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def one_cycle(progress: float, rise: float = 0.3, start: float = 0.04) -> float:
    """From `start` up to 1 over the share `rise` of training, then down to 0, both along half a cosine.

    After Smith and Topin (2018). The momentum stays as it is.
    """
    if progress < rise:
        return start + (1 - start) * 0.5 * (1 - math.cos(math.pi * progress / rise))
    return cosine((progress - rise) / (1 - rise))
