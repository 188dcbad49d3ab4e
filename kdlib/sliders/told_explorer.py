"""A slider over what the teacher is told: its logloss, and what the student gains. Chapter 06.

Drawn once; `js/told.js` moves what has a data-kd name and reads the axes from the attributes found here.
Lengths are in units of a drawing 320 wide.
"""

import math
from collections.abc import Sequence
from html import escape
from numbers import Real
from typing import Any, NamedTuple

import traitlets

from kdlib.numbers import fixed, signed
from kdlib.sliders.explorer import Explorer, module
from kdlib.sliders.rails import END, STYLE, rail, round_values

MOST_PLACES = 20
_X, _WIDTH = 34, END - 34  # both panels and the rail: the left end of the axis and its length
_TOP, _HEIGHT = 26, 80  # panels: where the axis ends above, and its length


class Place(NamedTuple):
    """What dwell time tells, and what came of it; a gain of None was not run.

    Attributes:
        name: how much dwell time tells: "nothing", "noise 2", "who bought".
        teacher: the teacher's logloss, in nats.
        gain: by how much the student is better than the student alone, in thousandths of a nat.
        low: the lower end of the gain's 95 % interval.
        high: its upper end.
    """

    name: str
    teacher: float
    gain: float | None = None
    low: float | None = None
    high: float | None = None


def told_explorer(places: Sequence[Place], *, index: int = 0) -> "ToldExplorer":
    """A slider over what dwell time tells: the teacher's logloss and the student's gain. Chapter 06.

    The `index` of the result can be read and set from Python; `place` is where it stands.

    Args:
        places: 2 to 20, in order, from telling nothing to telling all.
        index: where the slider starts.

    Raises:
        TypeError: places that are no list, a number that is none, an index that is no integer.
        ValueError: too few or too many places, a number that is not finite, a negative logloss, a gain
            outside its interval or without one, an index out of range.
    """
    if isinstance(places, str) or not isinstance(places, Sequence):
        raise TypeError(f"places is {places!r}; give a list of Place(name, teacher, gain, low, high)")
    if not 2 <= len(places) <= MOST_PLACES:
        raise ValueError(f"places has {len(places)} entries; give 2 to {MOST_PLACES}")
    known = [_as_place(place, f"places[{i}]") for i, place in enumerate(places)]
    start = _as_index(index, len(known))
    return ToldExplorer(markup=_markup(known, start), places=[list(place) for place in known], index=start)


class ToldExplorer(Explorer):
    """The widget that `told_explorer` makes, after checking its arguments."""

    _esm = module("told")
    _css = STYLE
    _page_traits = ("places", "index")
    places: traitlets.List[Any] = traitlets.List().tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)

    @property
    def place(self) -> Place:
        """The place where the slider stands."""
        return Place(*self.places[self.index])

    def _draw(self) -> str:
        return _markup([Place(*place) for place in self.places], self.index)

    @traitlets.validate("index")
    def _check_index(self, proposal: Any) -> int:
        return _as_index(proposal["value"], len(self.places))


def verdict(place: Place) -> str:
    """What the interval of a gain says."""
    if place.gain is None or place.low is None or place.high is None:
        return "not run"
    return (
        "more than nothing"
        if place.low > 0
        else "less than nothing"
        if place.high < 0
        else "no gain detected"
    )


def _as_place(value: Any, name: str) -> Place:
    try:
        place = Place(*value)
    except TypeError as error:
        raise TypeError(f"{name} is {value!r}; give Place(name, teacher, gain, low, high)") from error
    if not isinstance(place.name, str):
        raise TypeError(f"{name}.name is {place.name!r}; give what dwell time tells, a string")
    teacher = _as_number(place.teacher, f"{name}.teacher")
    if teacher < 0:
        raise ValueError(f"{name}.teacher is {teacher}; a logloss in nats is not negative")
    if place.gain is None:
        return Place(place.name, teacher)
    gain, low, high = (_as_number(getattr(place, key), f"{name}.{key}") for key in ("gain", "low", "high"))
    if not low <= gain <= high:
        raise ValueError(
            f"{name} has the gain {gain} outside its interval, {low} to {high}; give low, then high"
        )
    return Place(place.name, teacher, gain, low, high)


def _as_number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; give a plain number, or gain=None for what was not run")
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; give a finite number, or gain=None for what was not run")
    return float(value)


def _as_index(value: Any, count: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"index is {value!r}; give the number of a place, 0 to {count - 1}")
    if not 0 <= value < count:
        raise ValueError(f"index is {value}; choose one of the places 0 to {count - 1}")
    return value


def _gain(place: Place) -> str:
    """The gain in words: "+7.9 (+6.2 to +9.6)" or "not run"."""
    if place.gain is None or place.low is None or place.high is None:
        return "not run"
    return f"{signed(place.gain, 1)} ({signed(place.low, 1)} to {signed(place.high, 1)})"


def _said(place: Place) -> str:
    """The student's half of the sentence."""
    return _gain(place) if place.gain is None else f"{_gain(place)} thousandths: {verdict(place)}"


def _markup(places: Sequence[Place], index: int) -> str:
    """The whole explorer as HTML: two panels, one slider, a sentence."""
    place, last = places[index], len(places) - 1
    name, teacher = escape(place.name), fixed(place.teacher, 3)
    slider = rail(
        "index",
        f'Dwell time: <tspan data-kd="name">{name}</tspan>',
        f"{place.name}: teacher {teacher}, gain {_said(place)}",
        (0, last, 1, index),
        [(0, _short(places[0].name), "start"), (last, _short(places[-1].name), "end")],
        label="what dwell time tells",
        left=_X,
        y=36,
    )
    return (
        '<div class="kd-explorer kd-told" data-kd="explorer"><form><div class="kd-panels">'
        f"<div>{_teacher_svg(places, index)}</div><div>{_gain_svg(places, index)}</div><div>{slider}</div>"
        f'<div><div class="kd-foot"><p data-kd="summary">Dwell time: <b data-kd="name">{name}</b>. '
        f'Teacher’s logloss <span data-kd="teacher">{teacher}</span>; the student’s gain '
        f'<span data-kd="said">{_said(place)}</span>.</p>'
        f'<button type="button" data-kd="reset" data-index="{index}" data-lm-suppress-shortcuts>'
        f"Back to {name}</button></div></div></div></form></div>"
    )


def _short(name: str) -> str:
    return name if len(name) <= 18 else name[:17] + "…"


def _across(i: int, places: Sequence[Place]) -> float:
    return _X + _WIDTH * i / (len(places) - 1)


def _panel(
    name: str,
    places: Sequence[Place],
    index: int,
    ends: tuple[float, float],
    title: str,
    said: str,
    marks: str,
) -> str:
    """A panel with its vertical axis, the guide of the slider, and what is drawn in it."""
    low, high = ends
    floor, x = _TOP + _HEIGHT, fixed(_across(index, places), 2)
    ticks = "".join(
        f'<path class="kd-grid" d="M{_X},{_up(v, ends):.1f}H{END}"/>'
        f'<text x="{_X - 8}" y="{_up(v, ends) + 4:.1f}" text-anchor="end">{_tick(v)}</text>'
        for v in round_values(low, high)
    )
    return (
        f'<svg data-kd="{name}" data-x="{_X}" data-w="{_WIDTH}" data-y="{floor}" data-h="{_HEIGHT}" '
        f'data-low="{low!r}" data-high="{high!r}" viewBox="0 0 320 {floor + 8}" role="img" '
        f'aria-label="{escape(said)}"><text class="kd-head" y="13">{title}</text>{ticks}'
        f'<path class="kd-guide kd-faint" data-kd="guide" d="M{x},{_TOP - 4}V{floor + 8}"/>{marks}</svg>'
    )


def _up(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return _TOP + _HEIGHT * (high - value) / (high - low)


def _tick(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def _teacher_svg(places: Sequence[Place], index: int) -> str:
    """The teacher's logloss at every place."""
    ends = (0.0, 1.05 * max(place.teacher for place in places) or 1.0)
    spots = [(fixed(_across(i, places), 2), fixed(_up(p.teacher, ends), 2)) for i, p in enumerate(places)]
    dots = "".join(f'<circle class="kd-bar" cx="{x}" cy="{y}" r="3"/>' for x, y in spots)
    (x, y), place = spots[index], places[index]
    return _panel(
        "teachers",
        places,
        index,
        ends,
        f'Teacher’s logloss <tspan data-kd="teacher">{fixed(place.teacher, 3)}</tspan>',
        f"Teacher’s logloss at {place.name}: {fixed(place.teacher, 3)}",
        f'<polyline class="kd-curve" points="{" ".join(map(",".join, spots))}"/>{dots}'
        f'<circle class="kd-bar" data-kd="teacher-dot" cx="{x}" cy="{y}" r="7"/>',
    )


def _gain_svg(places: Sequence[Place], index: int) -> str:
    """The student's gain with its interval at every place where it was run."""
    low = min([0.0, *(p.low for p in places if p.low is not None)])
    high = max([0.0, *(p.high for p in places if p.high is not None)])
    room = 0.05 * (high - low) or 1.0
    ends, place = (low - room, high + room), places[index]
    bars, zero = [], fixed(_up(0, ends), 2)
    for i, p in enumerate(places):
        x = fixed(_across(i, places), 2)
        if p.gain is None or p.low is None or p.high is None:
            bars.append(f'<text x="{x}" y="{float(zero) + 4:g}" text-anchor="middle">×</text>')
            continue
        top, bottom = fixed(_up(p.high, ends), 2), fixed(_up(p.low, ends), 2)
        bars.append(
            f'<path class="kd-span" d="M{x},{top}V{bottom}"/>'
            f'<circle class="kd-second" cx="{x}" cy="{fixed(_up(p.gain, ends), 2)}" r="3.5"/>'
        )
    x, y = fixed(_across(index, places), 2), fixed(_up(place.gain or 0, ends), 2)
    top, bottom = (fixed(_up(value or 0, ends), 2) for value in (place.high, place.low))
    shown = "none" if place.gain is None else "inline"
    return _panel(
        "gains",
        places,
        index,
        ends,
        f'Student’s gain <tspan data-kd="gain">{_gain(place)}</tspan>',
        f"Student’s gain in thousandths of a nat at {place.name}: {_said(place)}",
        f'<path class="kd-line" d="M{_X},{zero}H{END}"/><path class="kd-span kd-here" data-kd="gain-span" '
        f'd="M{x},{top}V{bottom}" display="{shown}"/>{"".join(bars)}'
        f'<circle class="kd-second" data-kd="gain-dot" cx="{x}" cy="{y}" r="6" display="{shown}"/>',
    )
