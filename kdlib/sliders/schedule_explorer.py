"""Sliders over the schedules of the teacher's weight: at once, late, ramp. Chapter 06.

Drawn once; `js/schedules.js` moves what has a data-kd name and reads the axis from the attributes found here.
Lengths are in units of a drawing 320 wide.
"""

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any

import traitlets

from kdlib.numbers import fixed
from kdlib.objectives import ramps
from kdlib.sliders.explorer import Explorer, module
from kdlib.sliders.rails import STYLE, rail, share
from kdlib.sliders.widget_inputs import as_alpha

KINDS = {"at-once": "at once", "late": "late", "ramp": "ramp"}  # as the tables name them
STEP = 0.01  # of start and end, and the least that lies between them
_STEPS = 40  # places between the start and the end of a ramp
_X, _WIDTH = 30, 244  # plot: the left end of the axis and its length
_FLOOR, _HEIGHT, _PLOT = 142, 112, 178  # plot: where the weight is 0, from there to 1, the whole height


def schedule_explorer(
    kind: str = "ramp", start: float = 0.0, end: float = 0.6, alpha: float = 1.0
) -> "ScheduleExplorer":
    """Sliders over when the teacher's term counts: its weight and the labels' over training. Chapter 06.

    The schedules of `objectives.ramps` times alpha, as `objectives.privileged` uses them. `kind`, `start`,
    `end` and `alpha` of the result can be read and set from Python; `mean` is the weight over training. Where
    the start is moved to the end or past it, it pushes the end on, and the other way round.

    Args:
        kind: "at-once", "late" or "ramp".
        start: the share of training before which the teacher does not count, from 0 to 0.99.
        end: the share of training from which a ramp has its whole weight, from 0.01 to 1.
        alpha: the whole weight of the teacher's term, from 0 to 1.

    Raises:
        TypeError: a kind that is no string, a share or an alpha that is no number.
        ValueError: an unknown kind, a share or an alpha out of range, a ramp that ends before it starts.
    """
    kind, alpha = _as_kind(kind), as_alpha(alpha)
    start, end = _as_share(start, "start", 0, 1 - STEP), _as_share(end, "end", STEP, 1)
    if kind != "ramp" and end <= start:  # it does not count yet, but "ramp" is one press away
        end = _after(start)
    return ScheduleExplorer(
        markup=_markup(kind, start, end, alpha), kind=kind, start=start, end=end, alpha=alpha
    )


class ScheduleExplorer(Explorer):
    """The widget that `schedule_explorer` makes, after checking its arguments."""

    _esm = module("schedules")
    _css = STYLE
    _page_traits = ("kind", "start", "end", "alpha")
    kind = traitlets.Unicode("ramp").tag(sync=True)
    start = traitlets.Float(0.0).tag(sync=True)
    end = traitlets.Float(0.6).tag(sync=True)
    alpha = traitlets.Float(1.0).tag(sync=True)

    @property
    def mean(self) -> float:
        """The weight of the teacher's term, its mean over training."""
        return mean_weight(self.kind, self.start, self.end, self.alpha)

    def _draw(self) -> str:
        return _markup(self.kind, self.start, self.end, self.alpha)

    @traitlets.validate("kind")
    def _check_kind(self, proposal: Any) -> str:
        return _as_kind(proposal["value"])

    @traitlets.validate("start")
    def _check_start(self, proposal: Any) -> float:
        return _as_share(proposal["value"], "start", 0, 1 - STEP)

    @traitlets.validate("end")
    def _check_end(self, proposal: Any) -> float:
        return _as_share(proposal["value"], "end", STEP, 1)

    @traitlets.validate("alpha")
    def _check_alpha(self, proposal: Any) -> float:
        return as_alpha(proposal["value"])

    @traitlets.observe("start")
    def _push_end(self, change: Any) -> None:
        if self.end <= self.start:
            self.end = _after(self.start)

    @traitlets.observe("end")
    def _push_start(self, change: Any) -> None:
        if self.end <= self.start:
            self.start = round(self.end - STEP, 2)


def schedule(kind: str, start: float, end: float) -> Callable[[float], float]:
    """The function of `kdlib.objectives.ramps` with its settings."""
    if kind == "ramp":
        return partial(ramps.ramp, start=start, end=end)
    return ramps.at_once if kind == "at-once" else partial(ramps.late, start=start)


def curve(kind: str, start: float, end: float, alpha: float) -> list[tuple[float, float]]:
    """Progress and weight of the teacher's term at the corners of its curve."""
    factor = schedule(kind, start, end)
    if kind == "late":  # a step: both of its ends
        return [(0.0, 0.0), (start, 0.0), (start, alpha * factor(start)), (1.0, alpha * factor(1))]
    middle = [start + (end - start) * k / _STEPS for k in range(_STEPS + 1)] if kind == "ramp" else []
    return [(progress, alpha * factor(progress)) for progress in (0.0, *middle, 1.0)]


def mean_weight(kind: str, start: float, end: float, alpha: float) -> float:
    """The area below the curve. Half a cosine has half of its box."""
    if kind == "at-once":
        return alpha
    return alpha * (1 - (start if kind == "late" else (start + end) / 2))


def _after(start: float) -> float:
    return round(start + STEP, 2)


def _as_kind(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"kind is {value!r}; give one of {', '.join(map(repr, KINDS))}")
    if value not in KINDS:
        raise ValueError(f"kind is {value!r}; choose one of {', '.join(map(repr, KINDS))}")
    return value


def _as_share(value: Any, name: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; give a share of training, a plain number from 0 to 1")
    if not low <= float(value) <= high:
        raise ValueError(f"{name} is {value!r}; the slider goes from {low:g} to {high:g} of training")
    return float(value)


def _first(kind: str, start: float, end: float, alpha: float) -> str:
    """When the teacher counts, in words."""
    whole = f"all of its weight, α = {fixed(alpha, 2)}"
    if alpha == 0:
        return "It never counts, as α = 0"
    if kind == "at-once" or (kind == "late" and start == 0):
        return f"It counts from the first step, with {whole}"
    if kind == "late":
        return f"It first counts after {share(start)} of training, with {whole}"
    begins = f"after {share(start)} of training" if start else "with the first steps"
    ends = "at the end" if end == 1 else f"from {share(end)} on"
    return f"It begins to count {begins} and has {whole}, {ends}"


def _markup(kind: str, start: float, end: float, alpha: float) -> str:
    """The whole explorer as HTML: the choice of the schedule, curves, three sliders, two sentences."""
    mean = mean_weight(kind, start, end, alpha)
    choices = "".join(
        f'<label><input type="radio" name="schedule" data-kd="option" value="{value}" autocomplete="off" '
        f"data-lm-suppress-shortcuts{' checked' if value == kind else ''}><span>{name}</span></label>"
        for value, name in KINDS.items()
    )
    sliders = "".join(
        rail(
            trait,
            f'{sign} = <tspan data-kd="{trait}">{fixed(value, 2)}</tspan>',
            f"{trait} {fixed(value, 2)}, teacher {share(mean)} of the weight",
            (0, 1, STEP, value),
            [(at, f"{at:g}", "middle") for at in (0, 0.5, 1)],
            label=trait,
            limits=limits,
            disabled=kind in without,
        )
        for trait, sign, value, limits, without in (
            ("start", "start", start, (0, 1 - STEP), ("at-once",)),
            ("end", "end", end, (STEP, 1), ("at-once", "late")),
            ("alpha", "α", alpha, (0, 1), ()),
        )
    )
    return (
        '<div class="kd-explorer kd-schedules" data-kd="explorer"><form><fieldset data-kd="kinds">'
        f'<legend>Schedule</legend>{choices}</fieldset><div class="kd-panels">'
        f"<div>{_plot_svg(kind, start, end, alpha)}</div><div>{sliders}</div></div>"
        '<div class="kd-foot"><p data-kd="summary">Averaged over training, the teacher has '
        f'<b data-kd="mean">{share(mean)}</b> of the weight, the labels '
        f'<span data-kd="rest">{share(1 - float(fixed(mean, 3)))}</span>. '
        f'<span data-kd="first">{_first(kind, start, end, alpha)}</span>.</p>'
        f'<button type="button" data-kd="reset" data-kind="{kind}" data-start="{start!r}" data-end="{end!r}" '
        f'data-alpha="{alpha!r}" data-lm-suppress-shortcuts>Back to the first schedule</button></div>'
        '<div data-kd="live" aria-live="polite"></div></form></div>'
    )


def _plot_svg(kind: str, start: float, end: float, alpha: float) -> str:
    """The weights of both terms against progress, and the mean of the teacher's."""

    def across(progress: float) -> float:
        return _X + _WIDTH * progress

    def up(weight: float) -> float:
        return _FLOOR - _HEIGHT * weight

    def points(line: list[tuple[float, float]]) -> str:
        return " ".join(f"{fixed(across(x), 1)},{fixed(up(w), 1)}" for x, w in line)

    line, right = curve(kind, start, end, alpha), _X + _WIDTH
    mean = mean_weight(kind, start, end, alpha)
    ticks = "".join(
        f'<path class="kd-grid" d="M{across(at):g},{_FLOOR - _HEIGHT}V{_FLOOR}"/>'
        f'<text x="{across(at):g}" y="{_FLOOR + 16}" text-anchor="middle">{name}</text>'
        for at, name in ((0, "0"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1, "100 %"))
    ) + "".join(
        f'<path class="kd-grid" d="M{_X},{up(at):g}H{right}"/>'
        f'<text x="{_X - 6}" y="{up(at) + 4:g}" text-anchor="end">{at:g}</text>'
        for at in (0, 0.5, 1)
    )
    said = f"Weights over training: the teacher’s {share(mean)} on average. {_first(kind, start, end, alpha)}"
    return (
        f'<svg data-kd="plot" data-x="{_X}" data-w="{_WIDTH}" data-y="{_FLOOR}" data-h="{_HEIGHT}" '
        f'viewBox="0 0 320 {_PLOT}" role="img" aria-label="{said}"><text class="kd-head" y="14">Weight</text>'
        '<path class="kd-curve" d="M112,10h22"/><text x="140" y="14">teacher</text>'
        '<path class="kd-curve kd-hard" d="M204,10h22"/><text x="232" y="14">labels</text>'
        f'{ticks}<polygon class="kd-area" data-kd="area" '
        f'points="{points([(0, 0), *line, (1, 0)])}"/><path class="kd-line" d="M{_X},{_FLOOR}H{right}"/>'
        f'<polyline class="kd-curve kd-hard" data-kd="labels-curve" '
        f'points="{points([(x, 1 - w) for x, w in line])}"/>'
        f'<polyline class="kd-curve" data-kd="teacher-curve" points="{points(line)}"/>'
        f'<path class="kd-least" data-kd="mean-line" d="M{_X},{fixed(up(mean), 2)}H{right + 4}"/>'
        f'<text data-kd="mean-name" x="{right + 9}" y="{fixed(up(mean) - 2, 2)}">mean</text>'
        f'<text class="kd-head" data-kd="mean-value" x="{right + 9}" y="{fixed(up(mean) + 12, 2)}">'
        f"{fixed(mean, 2)}</text>"
        f'<text x="{_X + _WIDTH / 2:g}" y="{_FLOOR + 33}" text-anchor="middle">share of training done</text>'
        "</svg>"
    )
