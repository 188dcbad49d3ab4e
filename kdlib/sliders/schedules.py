"""Sliders over the schedules of the teacher's weight: at once, late, ramp. Chapter 06."""

from collections.abc import Callable
from functools import partial
from statistics import fmean

from kdlib.numbers import fixed
from kdlib.objectives import ramps
from kdlib.sliders.inputs import as_choice, as_number, setting
from kdlib.sliders.slider import Slider, table

# As chapter 06 ran them: the shares of training where each starts, and where it has its whole weight.
RUN = {"at-once": (0.0, 0.6), "late": (0.3, 0.6), "ramp": (0.0, 0.6)}
STEP = 0.01  # of start and end, and the least that lies between them


def schedule_slider(kind: str = "ramp", start: float = 0.0, end: float = 0.6, alpha: float = 1.0) -> Slider:
    """When the teacher's term counts: its weight and the labels' over training. Chapter 06.

    The schedules of `objectives.ramps` times alpha, as `objectives.privileged` uses them. `kind`, `start`,
    `end` and `alpha` of the result can be read and set from Python. Where the start is moved to the end or
    past it, it pushes the end on, and the other way round.

    Args:
        kind: "at-once", "late" or "ramp".
        start: the share of training before which the teacher does not count, from 0 to 0.99.
        end: the share of training from which a ramp has its whole weight, from 0.01 to 1.
        alpha: the whole weight of the teacher's term, from 0 to 1.

    Raises:
        TypeError: a share or an alpha that is no number.
        ValueError: an unknown kind, a share or an alpha out of range, a ramp that ends before it starts.
    """
    settings = {
        "kind": setting(as_choice, kind, "kind", list(RUN)),
        "start": setting(as_number, start, "start", 0, 1 - STEP),
        "end": setting(as_number, end, "end", STEP, 1),
        "alpha": setting(as_number, alpha, "alpha", 0, 1),
    }
    if end <= start:
        raise ValueError(f"start is {start!r} and end {end!r}; give an end after the start")
    places = (0.0, 0.15, 0.3, 0.45, 0.6, 1.0)
    rows = []
    for name, ends in RUN.items():
        factor = _schedule(name, *((start, end) if name == kind else ends))
        mean = fmean(factor((k + 0.5) / 1000) for k in range(1000))
        rows.append([name.replace("-", " "), *(fixed(alpha * x, 2) for x in (*map(factor, places), mean))])
    return Slider(
        "schedules",
        data={"run": {name: {"start": low, "end": high} for name, (low, high) in RUN.items()}},
        settings=settings,
        instead=table(
            "The weight of the teacher's term at shares of training; the labels have the rest.",
            ["schedule", *(f"{100 * place:.0f} %" for place in places), "mean"],
            rows,
        ),
    )


def _schedule(kind: str, start: float, end: float) -> Callable[[float], float]:
    if kind == "ramp":
        return partial(ramps.ramp, start=start, end=end)
    return ramps.at_once if kind == "at-once" else partial(ramps.late, start=start)
