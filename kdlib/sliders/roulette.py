"""A roulette of seeds: draw a few of the recorded runs, and read what they would have claimed. Chapter 08."""

from collections.abc import Mapping

from kdlib import checks
from kdlib.evaluation.statistics import ENOUGH, T_QUANTILES, interval
from kdlib.numbers import signed
from kdlib.sliders.inputs import as_choice, as_index, as_number, setting
from kdlib.sliders.slider import Slider, table

RUNS = (1, 2, 3, 5, 10)  # runs in a paper
MOST_RUNS, MOST_DRAWS = 100, 999  # what a phone can show; what is counted again for every picture
UNIT = "test errors fewer"


def seed_roulette(gains: Mapping[int, float]) -> Slider:
    """Draw one run, or a few, of those recorded, and see the claim it would have supported. Chapter 08.

    The `runs` in a paper and the number of `draws` can be read and set from Python. The draws are the same
    each time, and those of a draw of one run are among those of the same draw of three.

    Args:
        gains: {seed: gain}, 3 to 100 of them: how many test errors fewer the distilled student makes than the
            same student alone.

    Raises:
        TypeError: gains that are no dict of 3 to 100 seeds, a seed that is no integer, a gain that is no
            number.
        ValueError: a gain that is not finite, gains too small for the one decimal that is shown.
    """
    if not isinstance(gains, Mapping) or not ENOUGH <= len(gains) <= MOST_RUNS:
        raise TypeError(f"gains is {gains!r}; give a dict {{seed: gain}} of {ENOUGH} to {MOST_RUNS} seeds")
    known = {checks.seed(k): as_number(gains[k], f"gains[{k}]") for k in sorted(gains)}
    values = list(known.values())
    digits = 0 if all(value == int(value) for value in values) else 1
    if digits and max(map(abs, values)) < 0.05:
        raise ValueError(f"gains are {max(map(abs, values)):g} at most; one decimal is shown")
    mean, low, high, _ = interval(values)
    rows = [
        ["all runs", ", ".join(signed(value, digits) for value in sorted(values))],
        ["mean", signed(mean, 1)],
        ["95 % interval", f"{signed(low, 1)} to {signed(high, 1)}"],
    ]
    return Slider(
        "roulette",
        data={
            "seeds": list(known),
            "gains": values,
            "unit": UNIT,
            "digits": digits,
            "seed": 0,  # of the draws, not of a training
            "quantiles": T_QUANTILES,
        },
        settings={
            "runs": setting(as_choice, 1, "runs", [runs for runs in RUNS if runs <= len(values)]),
            "draws": setting(as_index, 0, "draws", MOST_DRAWS + 1),
        },
        instead=table(f"{len(values)} recorded runs: {UNIT} than alone.", ["over", UNIT], rows),
    )
