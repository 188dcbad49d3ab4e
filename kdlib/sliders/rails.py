"""A slider's rail with its knob, and the numbers of an axis, as the sliders over schedules and records draw.

Lengths are in units of a drawing 320 wide. The modules in `js` read where a rail lies from its attributes.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from kdlib.numbers import fixed
from kdlib.sliders.explorer import JS

# anywidget takes the text of a style sheet as well as its path
STYLE: Any = "".join((JS / f"{part}.css").read_text(encoding="utf-8") for part in ("explorer", "rails"))
END = 308  # the right end of every rail
BELOW = 31  # from the rail to the lower edge of its drawing


def rail(
    trait: str,
    head: str,
    said: str,
    scale: tuple[float, float, float, float],
    marks: Sequence[tuple[float, str, str]],
    *,
    label: str,
    limits: tuple[float, float] | None = None,
    left: int = 106,
    y: int = 15,
    disabled: bool = False,
) -> str:
    """One rail with its knob, and over it an input that cannot be seen but does the work.

    Args:
        trait: what it moves; the input is "slider-" and the knob "knob-" before this name.
        head: HTML beside the rail, or above it where y is 36 or more.
        said: what a screen reader says of the value.
        scale: the first and the last value, the step, and where the knob stands.
        marks: value, text and text-anchor of what stands below the rail.
        label: the name of the control.
        limits: where the knob stops, if before the ends of the rail.
        left: where the rail begins.
        y: where the rail lies, from the top.
        disabled: whether it can be moved.
    """
    (first, last, step, at), width, height = scale, END - left, y + BELOW
    least, most = limits or (first, last)

    def across(value: float) -> float:
        return left + width * (value - first) / (last - first)

    ticks = "".join(
        f'<text x="{across(value):.1f}" y="{y + 25}" text-anchor="{anchor}">{escape(text)}</text>'
        for value, text, anchor in marks
    )
    return (
        f'<div class="kd-slider"><input data-kd="slider-{trait}" data-lm-suppress-shortcuts type="range" '
        f'data-x="{left}" data-w="{width}" min="{least:g}" max="{most:g}" step="{step:g}" '
        f'autocomplete="off" value="{at:g}" aria-label="{label}" aria-valuetext="{escape(said)}"'
        f"{' disabled' if disabled else ''} "
        f'style="top:calc({y / height:.3%} - 22px);left:calc({across(least) / 320:.3%} - 12px);'
        f'width:calc({(across(most) - across(least)) / 320:.3%} + 24px)">'
        f'<svg viewBox="0 0 320 {height}" aria-hidden="true"><text class="kd-head" '
        f'y="{y + 5 if y < 36 else 13}">{head}</text><path class="kd-rail" d="M{left},{y}H{END}"/>{ticks}'
        f'<circle class="kd-knob" data-kd="knob-{trait}" cx="{fixed(across(at), 2)}" cy="{y}" r="11"/>'
        "</svg></div>"
    )


def round_values(low: float, high: float) -> list[float]:
    """Three to seven round numbers from low to high, for an axis."""
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step *= max(m for m in (1, 2, 5) if m * step * 3 <= high - low or m == 1)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def share(x: float) -> str:
    """A share as a percentage without needless digits: "70 %", "69.5 %". The space does not break."""
    return f"{100 * float(fixed(x, 3)):.3g}\N{NO-BREAK SPACE}%"
