"""A roulette of seeds: draw a few of the recorded runs, and read what they would have claimed. Chapter 08.

Drawn once; `js/roulette.js` moves what has a data-kd name and reads the axis from the attributes found here.
Lengths are in units of a drawing 320 wide.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from numbers import Real
from typing import Any

import traitlets

from kdlib import checks
from kdlib.evaluation.statistics import T_QUANTILES, interval
from kdlib.numbers import fixed, signed
from kdlib.sliders.explorer import Explorer, module
from kdlib.sliders.rails import END, STYLE, rail, round_values
from kdlib.sliders.seed_draws import (
    ENOUGH,
    RUNS,
    VERBS,
    claim,
    decimals_of,
    direction,
    draws,
    reversed_runs,
    wrong,
)

MOST_RUNS, MOST_DRAWS = 100, 999  # what a phone can show; what is counted again for every picture
_X, _WIDTH = 58, END - 58  # plot: the left end of the axis and its length
_FLOOR, _HEIGHT = 108, 84  # plot: where the lowest run stands on, and the room above
_ALL, _PAPER, _TICKS, _PLOT = 126, 148, 172, 194  # plot: rows of both means, ticks, the whole height
_LARGEST, _SMALLEST = 12, 5  # the diameter of a run: where there is room, and where there is little


def seed_roulette(
    gains: Mapping[int, float], *, unit: str = "test errors fewer", seed: int | None = None
) -> "SeedRoulette":
    """Draw one run, or a few, of those recorded, and see the claim it would have supported. Chapter 08.

    The `runs` in a paper and the number of `draws` can be read and set from Python; `drawn` are the seeds of
    the last draw, `claim` is its sentence, and `wrong` counts the draws with the wrong sign. The draws are
    the same each time, and those of a draw of one run are among those of the same draw of three.

    Args:
        gains: {seed: gain}, 3 to 100 of them; a gain above 0 says that the distilled student is better than
            the same student alone.
        unit: of the gains: what is counted, then "fewer", "less" or "more".
        seed: of the draws, not of a training; None is 0.

    Raises:
        TypeError: gains that are no dict, a seed that is no integer, a gain that is no number.
        ValueError: too few or too many gains, one that is not finite, a unit that ends otherwise, gains
            too small for the one decimal that is shown.
    """
    known, first = _as_gains(gains), checks.seed(0 if seed is None else seed)
    if not isinstance(unit, str) or unit.rpartition(" ")[2] not in VERBS or " " not in unit.strip():
        raise ValueError(f'unit is {unit!r}; say what is counted, then "fewer", "less" or "more"')
    values = list(known.values())
    whole = all(value == int(value) for value in values)
    if not whole and max(map(abs, values)) < 0.05:  # one decimal is shown
        raise ValueError(
            f"the gains are {max(map(abs, values)):g} at most; give a smaller unit, such as thousandths"
        )
    return SeedRoulette(
        markup=_markup(known, unit, 0 if whole else 1, first, 1, 0),
        seeds=list(known),
        gains=values,
        unit=unit,
        digits=0 if whole else 1,
        seed=first,
    )


class SeedRoulette(Explorer):
    """The widget that `seed_roulette` makes, after checking its arguments."""

    _esm = module("roulette")
    _css = STYLE
    _page_traits = ("seeds", "gains", "unit", "digits", "seed", "quantiles", "runs", "draws")
    seeds: traitlets.List[Any] = traitlets.List().tag(sync=True)
    gains: traitlets.List[Any] = traitlets.List().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    digits = traitlets.Int(0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    quantiles: traitlets.List[Any] = traitlets.List(list(T_QUANTILES[: RUNS[-1] - 1])).tag(sync=True)
    runs = traitlets.Int(1).tag(sync=True)
    draws = traitlets.Int(0).tag(sync=True)

    @property
    def drawn(self) -> list[int]:
        """The seeds of the last draw; none before the first."""
        return [self.seeds[i] for i in self._last()]

    @property
    def claim(self) -> str:
        """The sentence of the last draw; empty before the first."""
        return claim([self.gains[i] for i in self._last()], self.unit, self.digits) if self.draws else ""

    @property
    def wrong(self) -> int:
        """How many of the draws so far have the wrong sign, with the present number of runs."""
        return wrong(self.gains, self._papers(), self.runs, self.digits)

    def _papers(self) -> list[list[int]]:
        return draws(len(self.gains), self.seed, self.draws)

    def _last(self) -> list[int]:
        return self._papers()[-1][: self.runs] if self.draws else []

    def _draw(self) -> str:
        known = dict(zip(self.seeds, self.gains, strict=True))
        return _markup(known, self.unit, self.digits, self.seed, self.runs, self.draws)

    @traitlets.validate("runs")
    def _check_runs(self, proposal: Any) -> int:
        choices = _choices(len(self.gains))
        if proposal["value"] not in choices:
            raise ValueError(f"runs is {proposal['value']}; choose one of {', '.join(map(str, choices))}")
        return int(proposal["value"])

    @traitlets.validate("draws")
    def _check_draws(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] <= MOST_DRAWS:
            raise ValueError(f"draws is {proposal['value']}; they are counted from 0 to {MOST_DRAWS}")
        return int(proposal["value"])


def _choices(count: int) -> list[int]:
    """The numbers of runs that a paper can have."""
    return [runs for runs in RUNS if runs <= count]


def _as_gains(value: Any) -> dict[int, float]:
    if not isinstance(value, Mapping):
        raise TypeError(f"gains is a {type(value).__name__}; give a dict {{seed: gain}}")
    if not ENOUGH <= len(value) <= MOST_RUNS:
        raise ValueError(f"gains has {len(value)} seeds; give {ENOUGH} to {MOST_RUNS}")
    for seed, gain in value.items():
        checks.seed(seed)
        if isinstance(gain, bool) or not isinstance(gain, Real):
            raise TypeError(f"gains[{seed}] is {gain!r}; give a plain number")
        if not math.isfinite(gain):
            raise ValueError(f"gains[{seed}] is {gain!r}; leave out the seed, or find the cause")
    return {seed: float(value[seed]) for seed in sorted(value)}


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _markup(gains: Mapping[int, float], unit: str, digits: int, seed: int, runs: int, presses: int) -> str:
    """The whole roulette as HTML: all runs, the number of runs in a paper, two buttons, sentences."""
    seeds, values = list(gains), list(gains.values())
    papers, choices = draws(len(values), seed, presses), _choices(len(values))
    last = papers[-1][:runs] if papers else []
    found, away, n = interval(values), reversed_runs(values, digits), len(values)
    drawn = claimed = tally = ""
    if last:
        which = ", ".join(str(seeds[i]) for i in last)
        drawn = f"Draw {presses}, {'seed' if runs == 1 else 'seeds'} {which}: "
        claimed = claim([values[i] for i in last], unit, digits)
        so_far = f"{_plural(presses, 'paper')} with {_plural(runs, 'run')}"
        tally = f" Of {so_far}, {wrong(values, papers, runs, digits)} had the wrong sign."
    mean, low, high = (signed(x, 1) for x in found[:3])
    slider = rail(
        "runs",
        f'Runs in the paper: <tspan data-kd="runs">{runs}</tspan>',
        _plural(runs, "run"),
        (0, len(choices) - 1, 1, choices.index(runs)),
        [(i, str(choice), "middle") for i, choice in enumerate(choices)],
        label="runs in the paper",
        left=20,
        y=36,
    )
    button = "Draw one run" if runs == 1 else f"Draw {runs} runs"
    return (
        '<div class="kd-explorer kd-roulette" data-kd="explorer"><form><div class="kd-panels">'
        f"<div>{_plot_svg(gains, unit, digits, last)}</div><div>{slider}"
        f'<input data-kd="draws" type="hidden" autocomplete="off" value="{presses}">'
        '<div class="kd-buttons"><button type="button" data-kd="press" data-lm-suppress-shortcuts>'
        f'{button}</button><button type="button" data-kd="reset" data-runs="1" data-draws="0" '
        'data-lm-suppress-shortcuts>Start again</button></div></div></div><div class="kd-foot">'
        f'<p><span data-kd="summary"><span data-kd="drawn">{drawn}</span><b data-kd="claim">'
        f'{escape(claimed)}</b><span data-kd="tally">{tally}</span></span> '
        f"All {n} runs together: {mean} ({low} to {high}) {escape(unit)}; {away} of them "
        f"{'points' if away == 1 else 'point'} the other way.</p></div>"
        '<div data-kd="live" aria-live="polite"></div></form></div>'
    )


def _plot_svg(gains: Mapping[int, float], unit: str, digits: int, last: Sequence[int]) -> str:
    """Every run as a dot, the drawn ones filled; below, the mean of all and that of the paper."""
    values, found = list(gains.values()), interval(list(gains.values()))
    low, high = _ends(values)

    def across(gain: float) -> float:
        return _X + _WIDTH * (gain - low) / (high - low)

    size, spots = _spots([across(value) for value in values], across(0))
    dots = "".join(
        f'<circle class="{_kind(values[i], digits, i in last)}" data-kd="run" cx="{fixed(x, 2)}" '
        f'cy="{fixed(y, 2)}" r="{size / 2 - 0.7:g}"><title>seed {seed}: {signed(values[i], digits)}</title>'
        "</circle>"
        for i, (seed, (x, y)) in enumerate(zip(gains, spots, strict=True))
    )
    ticks = "".join(
        f'<path class="kd-grid" d="M{across(v):.1f},{_FLOOR - _HEIGHT}V{_PAPER + 8}"/>'
        f'<text x="{across(v):.1f}" y="{_TICKS}" text-anchor="middle">{_tick(v)}</text>'
        for v in round_values(low, high)
    )
    zero, mean = f"{across(0):.2f}", signed(found.mean, 1)
    paper = interval([values[i] for i in last]) if last else None
    line = (
        "" if paper is None or paper.seeds < ENOUGH else _span(across(paper.low), across(paper.high), _PAPER)
    )
    at = across(paper.mean) if paper else 0.0
    kind = _kind(paper.mean, decimals_of(len(last), digits), True) if paper else "kd-run"
    said = f"{len(values)} runs, {unit}: mean {mean}, from {signed(min(values), digits)} to "
    said += f"{signed(max(values), digits)}, {reversed_runs(values, digits)} the other way"
    return (
        f'<svg data-kd="plot" data-x="{_X}" data-w="{_WIDTH}" data-low="{low!r}" data-high="{high!r}" '
        f'data-y="{_PAPER}" data-mean="{found.mean!r}" viewBox="0 0 320 {_PLOT}" role="img" '
        f'aria-label="{escape(said)}"><text class="kd-head" y="14">{len(values)} recorded runs</text>{ticks}'
        f'<path class="kd-line" d="M{zero},{_FLOOR - _HEIGHT}V{_PAPER + 8}"/>{dots}'
        f'<text x="0" y="{_ALL + 4}">all {len(values)}</text>'
        f'<path class="kd-curve" d="{_span(across(found.low), across(found.high), _ALL)}"/>'
        f'<circle class="kd-bar" cx="{fixed(across(found.mean), 2)}" cy="{_ALL}" r="5"/>'
        f'<text x="0" y="{_PAPER + 4}">paper</text><path class="kd-line" data-kd="span" d="{line}"/>'
        f'<circle class="{kind}" data-kd="paper" cx="{fixed(at, 2)}" cy="{_PAPER}" r="5" '
        f'display="{"inline" if last else "none"}"/>'
        f'<text x="{_X + _WIDTH / 2:g}" y="{_PLOT - 4}" text-anchor="middle">{escape(unit)} than alone</text>'
        "</svg>"
    )


def _tick(value: float) -> str:
    return ("+" if value > 0 else "") + f"{value:g}".replace("-", "\N{MINUS SIGN}")


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the axis: all runs and zero, with some room."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _kind(gain: float, digits: int, drawn: bool) -> str:
    """The class of a dot: hollow; or filled, and its colour says who is better."""
    colour = ("kd-red", "", "kd-second")[direction(gain, digits) + 1]
    return f"kd-run kd-drawn {colour}".rstrip() if drawn else "kd-run"


def _span(left: float, right: float, y: int) -> str:
    """An interval with its ends; one that lies beyond the picture is an arrowhead at its edge."""
    a, b = max(left, _X), min(right, END)
    marks = [f"M{fixed(x, 2)},{y - 4}v8" for x in (left, right) if _X <= x <= END]
    if left < _X:
        marks.append(f"M{_X + 5},{y - 4}l-5,4l5,4")
    if right > END:
        marks.append(f"M{END - 5},{y - 4}l5,4l-5,4")
    return f"M{fixed(a, 2)},{y}H{fixed(b, 2)}{''.join(marks)}"


def _spots(places: Sequence[float], zero: float) -> tuple[int, list[tuple[float, float]]]:
    """How wide the dots are, as wide as there is room for, and where they stand, stacked in columns.

    The columns are counted from zero, which has one of its own, so that no dot is on the wrong side of it.
    """
    for size in range(_LARGEST, _SMALLEST - 1, -1):
        steps = [(x > zero) - (x < zero) for x in places]
        columns = [step * max(1, round(abs(x - zero) / size)) for step, x in zip(steps, places, strict=True)]
        tallest = max(columns.count(k) for k in columns)
        if tallest * size <= _HEIGHT:
            break
    pitch = min(size, _HEIGHT / tallest)  # where even small ones have no room they overlap
    below = [columns[:i].count(k) for i, k in enumerate(columns)]
    return size, [
        (zero + k * size, _FLOOR - pitch * (under + 0.5)) for k, under in zip(columns, below, strict=True)
    ]
