"""A slider over what the teacher is told: its logloss, and what the student gains. Chapter 06."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from kdlib.numbers import fixed, signed
from kdlib.sliders.inputs import as_index, as_list, as_number, setting
from kdlib.sliders.slider import Slider, table

MOST = 20  # what a phone can show


class Told(NamedTuple):
    """What the teacher is told, and what came of it; a gain of None was not run.

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


def information_slider(told: Sequence[Told], *, index: int = 0) -> Slider:
    """The teacher's logloss and its student's gain, the more the teacher is told. Chapter 06.

    The `index` of the result can be read and set from Python.

    Args:
        told: 2 to 20, in order, from nothing to all.
        index: where the slider starts.

    Raises:
        TypeError: an entry that is no `Told`, a number that is none, an index that is no integer.
        ValueError: too few or too many entries, a number that is not finite, a negative logloss, a gain
            outside its interval or without one, an index out of range.
    """
    known = [_as_told(each, f"told[{i}]") for i, each in enumerate(as_list(told, "told", 2, MOST))]
    rows = []
    for each in known:
        measured = [signed(x, 1) for x in (each.gain, each.low, each.high) if x is not None]
        gain, *ends = measured or ["not run"]
        rows.append([each.name, fixed(each.teacher, 3), gain, " to ".join(ends)])
    return Slider(
        "information",
        data={"told": [each._asdict() for each in known]},
        settings={"index": setting(as_index, index, "index", len(known))},
        instead=table(
            "The teacher's logloss in nats, and its student's gain in thousandths of a nat.",
            ["dwell time tells", "teacher's logloss", "student's gain", "95 % interval"],
            rows,
        ),
    )


def _as_told(value: Any, name: str) -> Told:
    if not isinstance(value, Told) or not isinstance(value.name, str):
        raise TypeError(f"{name} is {value!r}; give Told(name, teacher, gain, low, high)")
    teacher = as_number(value.teacher, f"{name}.teacher", 0, 1e6)
    if value.gain is None:
        return Told(value.name, teacher)
    gain, low, high = (as_number(getattr(value, key), f"{name}.{key}") for key in ("gain", "low", "high"))
    if not low <= gain <= high:
        raise ValueError(f"{name} has the gain {gain} outside its interval, {low} to {high}")
    return Told(value.name, teacher, gain, low, high)
