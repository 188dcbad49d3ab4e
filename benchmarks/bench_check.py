"""Time that a check takes to answer a learner: the slowest, for a right function and an unknown mistake."""

import time
from typing import Any

import torch

from kdlib import check
from kdlib.check import Check

TARGET, REPEATS = 0.2, 5


def measure() -> list[dict[str, Any]]:
    """One figure, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    every = [found for found in vars(check).values() if isinstance(found, Check)]
    tries = [(one, right) for one in every for right in (True, False)]
    slowest = max(min(answer_time(*one) for _ in range(REPEATS)) for one in tries)
    torch.set_num_threads(threads)
    return [
        {"name": "slowest check", "value": slowest, "unit": "s", "target": TARGET, "better": "lower"},
    ]


def answer_time(one: Check, right: bool) -> float:
    """Seconds; a mistake that nobody knows is compared with all that are known."""
    start = time.perf_counter()
    one(one.right if right else lambda *given: torch.tensor(123.456))
    return time.perf_counter() - start
