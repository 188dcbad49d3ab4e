"""The picture of the loss explorer, drawn once: `js/loss.js` moves what has a data-kd name.

Nothing else knows where things stand: the module reads the widths and axes from the attributes found here.
Lengths are in units of a drawing 320 wide, which two panels side by side or one below the other both fill.
"""

import math
from collections.abc import Sequence
from html import escape

import torch
from torch import Tensor

from kdlib.losses import Terms
from kdlib.numbers import fixed, percent
from kdlib.sliders.loss_cut import COLDEST, along, ends, lengths, loss_terms, minimum
from kdlib.softening import soften

_HEAD = 24  # bars: where the first begins, below the heading
_BARS_END, _TEACHER_END = 200, 254  # bars: where the longest ends, and the teacher's column of figures
_X, _WIDTH = 34, 270  # plot: the left end of the axis of logits, and its length
_FLOOR, _HEIGHT, _PLOT = 152, 108, 190  # plot: where the loss is 0, the axis up from there, the whole height
_POINTS = 46  # plot: places on each curve, 6 units apart
_RAIL_X, _RAIL, _ROW = 82, 226, 46  # sliders: left end and length of the rail, height of the drawing


def loss_markup(
    student: Tensor, teacher: Tensor, label: int, labels: Sequence[str], temperature: float, alpha: float
) -> str:
    """The whole explorer as HTML: bars, numbers, the cut through the loss, two sliders, a sentence."""
    terms = loss_terms(student, teacher, label, temperature, alpha)
    low, high, most = ends(student, teacher, label)
    least = minimum(student, teacher, label, (temperature, alpha), (low, high))
    t, a, total = f"{temperature:.3g}", fixed(alpha, 2), number(terms.total)
    p, q = soften(teacher, temperature), soften(student, temperature)
    sizes = lengths(student, teacher, label, temperature)
    numbers = "".join(
        f'<span>{name} <b data-kd="{key}">{number(value)}</b></span>'
        for name, key, value in (
            ("KL", "kl", terms.soft / temperature**2),
            ("soft gradient", "softLength", sizes[0]),
            ("T² KL", "soft", terms.soft),
            ("hard gradient", "hardLength", sizes[1]),
            ("cross-entropy", "hard", terms.hard),
            ("loss", "total", terms.total),
        )
    )
    plot = _plot_svg(student, teacher, label, labels[label], (temperature, alpha), (low, high, most), least)
    sliders = _slider("t", "temperature", t, total, (math.log10(COLDEST), 2, math.log10(temperature), 0.001))
    sliders += _slider("a", "alpha", a, total, (0, 1, alpha, 0.01))
    return (
        '<div class="kd-explorer" data-kd="explorer"><form><div class="kd-panels">'
        f'<div>{_bars_svg(p, q, label, labels, t)}<p class="kd-numbers">{numbers}</p></div>'
        f'<div>{plot}{sliders}</div></div><div class="kd-foot"><p data-kd="summary">{_summary(terms, alpha)} '
        f"As the logit of {escape(labels[label])} moves: "
        f'<span data-kd="least">{_least(least, high)}</span>.</p>'
        f'<button type="button" data-kd="reset" data-temperature="{temperature!r}" data-alpha="{alpha!r}" '
        f"data-lm-suppress-shortcuts>Back to T = {t}, α = {a}</button></div></form></div>"
    )


def number(value: Tensor | float) -> str:
    """At least two decimals, and up to five where the number is small."""
    x = max(0.0, float(value))  # rounding may take a divergence of 0 below it
    return fixed(x, 2 if x >= 1 else 3 if x >= 0.1 else 4 if x >= 0.01 else 5 if x else 0)


def _summary(terms: Terms, alpha: float) -> str:
    """How the loss is made up, as HTML."""

    def part(key: str, text: str) -> str:
        return f'<span data-kd="{key}">{text}</span>'

    return (
        f"Loss = {part('alpha', fixed(alpha, 2))} × {part('soft', number(terms.soft))} + "
        f"{part('rest', fixed(1 - alpha, 2))} × {part('hard', number(terms.hard))} = "
        f'<b data-kd="total">{number(terms.total)}</b>.'
    )


def _least(least: float | None, high: float) -> str:
    return f"no minimum up to {high:g}" if least is None else f"minimum at {fixed(least, 2)}"


def _slider(key: str, name: str, value: str, total: str, scale: tuple[float, float, float, float]) -> str:
    """One rail with its knob, and over it an input that cannot be seen but does the work."""
    first, last, at, step = scale
    x = fixed(_RAIL_X + _RAIL * (at - first) / (last - first), 2)
    marks = {"t": (0.5, 1, 4, 20, 100), "a": (0, 0.5, 1)}[key]
    ticks = ""
    for mark in marks:
        place = _RAIL_X + _RAIL * ((math.log10(mark) if key == "t" else mark) - first) / (last - first)
        ticks += f'<text x="{place:.1f}" y="40" text-anchor="middle">{mark:g}</text>'
    return (
        f'<div class="kd-slider"><input data-kd="slider-{name}" data-lm-suppress-shortcuts type="range" '
        f'data-x="{_RAIL_X}" data-w="{_RAIL}" min="{first:.3f}" max="{last:g}" step="{step}" '
        f'autocomplete="off" value="{fixed(at, 3)}" '
        f'aria-label="{name}" aria-valuetext="{name} {value}, loss {total}" '
        f'style="top:calc({15 / _ROW:.3%} - 22px);left:calc({_RAIL_X / 320:.3%} - 12px);'
        f'width:calc({_RAIL / 320:.3%} + 24px)">'
        f'<svg viewBox="0 0 320 {_ROW}" aria-hidden="true"><text class="kd-head" y="20">'
        f"{'T' if key == 't' else 'α'} = "
        f'<tspan data-kd="{name}">{value}</tspan></text>'
        f'<path class="kd-rail" d="M{_RAIL_X},15H{_RAIL_X + _RAIL}"/>{ticks}'
        f'<circle class="kd-knob" data-kd="knob-{name}" cx="{x}" cy="15" r="11"/></svg></div>'
    )


def _bars_svg(p: Tensor, q: Tensor, label: int, labels: Sequence[str], temperature: str) -> str:
    """Two bars a class, the teacher's above the student's, and both in figures; the truth is ticked."""
    shorts = [name if len(name) <= 12 else name[:11] + "…" for name in labels]
    x = 24 + max(8, *(round(7.4 * len(short)) for short in shorts))  # wide enough for most fonts, in bold
    full, pitch = _BARS_END - x, 28 if len(labels) <= 5 else 20
    high, bold = (pitch - 6) // 2, ' font-weight="700"'
    rows = []
    for i, short in enumerate(shorts):
        top = _HEAD + pitch * i + 2
        mid = top + high
        true = i == label
        rows.append(
            (f'<path class="kd-tick" d="M1,{mid + 1}l4,4l6,-9"/>' if true else "")
            + f'<text data-kd="label" x="{x - 8}" y="{mid + 5}"{bold if true else ""}>{escape(short)}</text>'
            f'<rect class="kd-track" x="{x}" y="{top}" width="{full}" '
            f'height="{2 * high + 1}"/>'
            f'<rect class="kd-bar" data-kd="p" x="{x}" y="{top}" width="{fixed(full * float(p[i]), 2)}" '
            f'height="{high}"/><rect class="kd-second" data-kd="q" x="{x}" y="{mid + 1}" '
            f'width="{fixed(full * float(q[i]), 2)}" height="{high}"/>'
            f'<text data-kd="p%" x="{_TEACHER_END}" y="{mid + 5}">{percent(float(p[i]))}</text>'
            f'<text data-kd="q%" x="320" y="{mid + 5}">{percent(float(q[i]))}</text>'
        )
    shares = ", ".join(
        f"{name} {percent(float(a))} and {percent(float(b))}" for name, a, b in zip(labels, p, q, strict=True)
    )
    said = f"Teacher and student at temperature {temperature}: {shares}. True class: {labels[label]}"
    return (
        f'<svg data-kd="bars" data-full="{full}" viewBox="0 0 320 {_HEAD + pitch * len(labels)}" role="img" '
        f'aria-label="{escape(said)}"><text class="kd-head" y="14">Shares at T = '
        f'<tspan data-kd="temperature">{temperature}</tspan></text>'
        f'<rect class="kd-bar" x="{_TEACHER_END - 63}" y="5" width="9" height="9"/>'
        '<rect class="kd-second" x="258" y="5" width="9" height="9"/><g text-anchor="end">'
        f'<text x="{_TEACHER_END}" y="14">teacher</text><text x="320" y="14">student</text>'
        f"{''.join(rows)}</g></svg>"
    )


def _plot_svg(
    student: Tensor,
    teacher: Tensor,
    label: int,
    name: str,
    setting: tuple[float, float],
    box: tuple[float, float, float],
    least: float | None,
) -> str:
    """The loss and its two weighted terms against the student's logit of the true class."""
    (temperature, alpha), (low, high, most) = setting, box
    places = torch.linspace(low, high, _POINTS, dtype=torch.float64)
    soft, hard = along(student, teacher, label, places, temperature)

    def across(logit: float) -> float:
        return _X + _WIDTH * (logit - low) / (high - low)

    def up(loss: float) -> float:
        return _FLOOR - _HEIGHT * loss / most

    def line(kind: str, key: str, values: Tensor) -> str:
        points = " ".join(
            f"{fixed(across(z), 0)},{fixed(up(v), 1)}"
            for z, v in zip(places.tolist(), values.tolist(), strict=True)
        )
        return f'<polyline class="kd-curve {kind}" data-kd="{key}" points="{points}"/>'

    curves = line("kd-hard", "hard-curve", (1 - alpha) * hard) + line("kd-soft", "soft-curve", alpha * soft)
    curves += line("kd-loss", "loss-curve", alpha * soft + (1 - alpha) * hard)
    total = float(loss_terms(student, teacher, label, temperature, alpha).total)
    x, y = fixed(across(float(student[label])), 2), fixed(up(total), 2)
    mark = "" if least is None else f"M{fixed(across(least), 2)},{_FLOOR - _HEIGHT}V{_FLOOR}"
    said, end = _least(least, high), _X + _WIDTH
    ticks = "".join(
        f'<path class="kd-grid" d="M{across(v):.1f},{_FLOOR - _HEIGHT}V{_FLOOR}"/>'
        f'<text x="{across(v):.1f}" y="{_FLOOR + 16}" text-anchor="middle">{v:g}</text>'
        for v in _round_values(low, high)
    ) + "".join(
        f'<path class="kd-grid" d="M{_X},{up(v):.1f}H{_X + _WIDTH}"/>'
        f'<text x="{_X - 6}" y="{up(v) + 4:.1f}" text-anchor="end">{v:g}</text>'
        for v in _round_values(0, most)
    )
    legend = "".join(
        f'<path class="kd-curve {kind}" d="M{start},30h16"/><text x="{start + 21}" y="34">{words}</text>'
        for start, kind, words in (
            (0, "kd-loss", "loss"),
            (64, "kd-soft", "α T² KL"),
            (152, "kd-hard", "(1 − α) cross-entropy"),
        )
    )
    short = name if len(name) <= 20 else name[:19] + "…"
    return (
        f'<svg data-kd="plot" data-x="{_X}" data-w="{_WIDTH}" data-y="{_FLOOR}" data-h="{_HEIGHT}" '
        f'data-low="{low!r}" data-high="{high!r}" data-most="{most!r}" viewBox="0 0 320 {_PLOT}" role="img" '
        f'aria-label="Loss against the logit of {escape(name)}: {number(total)} at '
        f'{fixed(float(student[label]), 2)}, {said}"><text class="kd-head" y="14">Loss '
        f'<tspan data-kd="total">{number(total)}</tspan></text>'
        f'<text data-kd="least" x="{end}" y="14" text-anchor="end">{said}</text>'
        f'{legend}{ticks}<path class="kd-line" d="M{_X},{_FLOOR}H{end}"/>'
        f'{curves}<path class="kd-least" data-kd="mark" d="{mark}"/>'
        f'<circle class="kd-second" data-kd="dot" cx="{x}" cy="{y}" r="6"/>'
        f'<text x="{_X + _WIDTH / 2:g}" y="{_FLOOR + 34}" text-anchor="middle">student’s logit of '
        f"{escape(short)}, the true class</text></svg>"
    )


def _round_values(low: float, high: float) -> list[float]:
    """Four to eight round numbers from low to high."""
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= max(m for m in (1, 2, 5) if m * step * 4 <= high - low or m == 1)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
