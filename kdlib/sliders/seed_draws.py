"""Papers with few runs, drawn from the runs that are recorded, and what they would have claimed. Chapter 08.

Pure functions; `js/roulette.js` has the same, number for number.
"""

from collections.abc import Sequence

from kdlib.evaluation.statistics import interval
from kdlib.numbers import fixed, signed

RUNS = (1, 2, 3, 5, 10)  # runs in a paper
ENOUGH = 3  # runs for an interval to be shown, as in kdlib.evaluation.results
VERBS = {"fewer": ("saves", "costs"), "less": ("saves", "costs"), "more": ("gains", "loses")}
# Park and Miller (1988), with the multiplier of 1993: small enough that JavaScript's numbers hold it exactly.
_MULTIPLIER, _MODULUS, _WARM = 48271, 2**31 - 1, 10


def step(state: int) -> int:
    """The next state of the generator; both lie in 1 to 2**31 - 2."""
    return state * _MULTIPLIER % _MODULUS


def draws(count: int, seed: int, presses: int) -> list[list[int]]:
    """The first `presses` draws from `count` runs: each up to ten positions, without putting back.

    A paper with fewer runs has the first of them, so that one with three is one with one, continued.

    Args:
        count: how many runs there are.
        seed: fixes all draws; 0 or more.
        presses: how many draws.
    """
    state, size = 1 + seed % (_MODULUS - 1), min(count, RUNS[-1])
    for _ in range(_WARM):  # neighbouring seeds begin alike
        state = step(state)
    found = []
    for _ in range(presses):
        deck = list(range(count))
        for i in range(size):
            state = step(state)
            j = i + state * (count - i) // _MODULUS
            deck[i], deck[j] = deck[j], deck[i]
        found.append(deck[:size])
    return found


def decimals_of(runs: int, digits: int) -> int:
    """How many decimals the mean of so many runs is written with."""
    return digits if runs == 1 else 1


def direction(value: float, digits: int) -> int:
    """1, 0 or -1: the sign of a number as it is written, so that what reads as zero counts as zero."""
    return 0 if not float(fixed(abs(value), digits)) else 1 if value > 0 else -1


def amount(value: float, digits: int, noun: str) -> str:
    """How much, without a sign: "16 test errors", "1 test error"."""
    text = fixed(abs(value), digits)
    return f"{text} {noun.removesuffix('s') if text == '1' else noun}"


def claim(values: Sequence[float], unit: str, digits: int) -> str:
    """What a paper with these runs would say, as one sentence.

    Args:
        values: the gain of each of its runs.
        unit: of the gains: what is counted, then "fewer", "less" or "more".
        digits: decimals of a single run, 0 or 1; a mean of several has one.
    """
    noun, _, way = unit.rpartition(" ")
    found, decimals = interval(values), decimals_of(len(values), digits)
    sign = direction(found.mean, decimals)
    said = "makes no difference"
    if sign:
        said = f"{VERBS[way][sign < 0]} {amount(found.mean, decimals, noun)}"
    if len(values) == 1:
        return f"Distillation {said}."
    said = f"Distillation {said} on average"
    if len(values) < ENOUGH:
        return f"{said}."
    surely = "excludes" if found.low > 0 or found.high < 0 else "includes"
    low, high = signed(found.low, decimals), signed(found.high, decimals)
    return f"{said}; the 95\N{NO-BREAK SPACE}% interval, {low} to {high}, {surely} zero."


def reversed_runs(gains: Sequence[float], digits: int) -> int:
    """How many runs point the other way than the mean of all."""
    whole = direction(interval(gains).mean, decimals_of(len(gains), digits))
    return sum(direction(gain, digits) * whole < 0 for gain in gains)


def wrong(gains: Sequence[float], papers: Sequence[Sequence[int]], runs: int, digits: int) -> int:
    """How many papers, each of the first `runs` of its positions, have not the sign of the mean of all."""
    whole, decimals = (
        direction(interval(gains).mean, decimals_of(len(gains), digits)),
        decimals_of(runs, digits),
    )
    means = (interval([gains[i] for i in paper[:runs]]).mean for paper in papers)
    return sum(direction(mean, decimals) * whole < 0 for mean in means)
