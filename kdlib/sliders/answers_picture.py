"""The picture of the answers explorer, drawn once: `js/answers.js` moves what has a data-kd name.

Nothing else knows where things stand: the module reads the widths and rails from the attributes found here.
Lengths are in units of a drawing 320 wide, which two panels side by side or one below the other both fill.
"""

import math
from collections.abc import Sequence
from html import escape

import torch
from torch import Tensor

from kdlib.losses import distillation_term
from kdlib.numbers import fixed, percent
from kdlib.sliders.loss_picture import number
from kdlib.sliders.temperature_picture import chooser_markup
from kdlib.softening import soften

_COLOURS = ("kd-bar", "kd-red", "kd-second")  # teacher, student alone, distilled student
_HEAD = 20  # bars: where the first begins, below the scale
_END = 306  # bars: where a share of 100 % ends
_RAIL_X, _RAIL, _ROW = 82, 220, 44  # slider: left end and length of the rail, height of the drawing


def compare(logits: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """What the models answer to one example, and how far the others are from the first.

    Args:
        logits: shape (models, classes), the teacher first.
        temperature: T, a finite number above 0.

    Returns:
        softmax(z / T), shape (models, classes), and KL(teacher || model) in nats, shape (models - 1,).
    """
    teacher = logits[:1]
    scaled = [distillation_term(student[None], teacher, temperature) for student in logits[1:]]
    # Rounding may take the divergence of equal distributions below 0.
    return soften(logits, temperature), (torch.stack(scaled) / temperature**2).clamp(min=0)


def answers_markup(
    logits: Tensor,
    models: Sequence[str],
    labels: Sequence[str],
    names: Sequence[str],
    truths: Sequence[int],
    pictures: Sequence[str],
    index: int,
    temperature: float,
) -> str:
    """The whole explorer as HTML: images to choose from, bars, slider, a sentence; logits of all examples."""
    p, distances = compare(logits[:, index], temperature)
    truth = truths[index]
    shown = f"{temperature:.3g}"
    legend = "".join(
        f'<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="{colour}" width="10" height="10"/>'
        f"</svg>{escape(model)}</span>"
        for colour, model in zip(_COLOURS, models, strict=False)
    )
    chooser = chooser_markup(names, pictures, index)
    return (
        f'<div class="kd-explorer kd-answers" data-kd="explorer"><form>{chooser}<div class="kd-panels">'
        f'<div><p class="kd-legend">{legend}</p>'
        f"{_bars_svg(p, models, labels, truth, shown)}</div>"
        f"<div>{_slider(models, temperature, distances)}"
        f'<div class="kd-foot"><p data-kd="summary">'
        f"{_summary(p, distances, models, labels, truth, shown)}</p>"
        f'<button type="button" data-kd="reset" data-temperature="{temperature!r}" '
        f"data-lm-suppress-shortcuts>Back to T = {shown}</button></div></div></div>"
        '<div data-kd="live" aria-live="polite"></div></form></div>'
    )


def _bars_svg(p: Tensor, models: Sequence[str], labels: Sequence[str], truth: int, temperature: str) -> str:
    """One bar for each model in each class, the teacher's on top; the truth is ticked and bold."""
    shorts = [label if len(label) <= 12 else label[:11] + "…" for label in labels]
    x = 24 + max(8, *(round(7.4 * len(short)) for short in shorts))  # wide enough for most fonts, in bold
    full = _END - x
    high = max(5, min(12, 150 // p.numel()))  # low enough for a phone to show ten classes and the slider
    row = (high + 1) * len(models) - 1
    pitch = row + 5
    floor = _HEAD + pitch * len(labels) - 2
    scale = "".join(
        f'<path class="kd-grid" d="M{x + full * k / 4:g},{_HEAD - 4}V{floor}"/>' for k in range(5)
    )
    for at, anchor, share in ((x, "middle", "0"), (x + full / 2, "middle", "50 %"), (320, "end", "100 %")):
        scale += f'<text x="{at:g}" y="11" text-anchor="{anchor}">{share}</text>'
    rows, said = [], []
    for i, short in enumerate(shorts):
        top, base = _HEAD + pitch * i, _HEAD + pitch * i + row // 2 + 5
        rows.append(
            f'<text data-kd="label" x="{x - 8}" y="{base}" text-anchor="end" '
            f'font-weight="{700 if i == truth else 400}">{escape(short)}</text>'
            f'<rect class="kd-track" x="{x}" y="{top}" width="{full}" height="{row}"/>'
        )
        for m, colour in enumerate(_COLOURS[: len(models)]):
            rows.append(
                f'<rect class="{colour}" data-kd="bar" x="{x}" y="{top + (high + 1) * m}" '
                f'width="{fixed(full * float(p[m, i]), 2)}" height="{high}"/>'
            )
        shares = (f"{model} {percent(float(p[m, i]))}" for m, model in enumerate(models))
        said.append(f"{labels[i]}: {', '.join(shares)}")
    mark = _HEAD + pitch * truth + row // 2 + 1
    words = f"Shares at temperature {temperature}. {'; '.join(said)}. True class: {labels[truth]}"
    return (
        f'<svg data-kd="bars" data-full="{full}" viewBox="0 0 320 {floor + 1}" role="img" '
        f'aria-label="{escape(words)}">{scale}{"".join(rows)}'
        f'<path class="kd-tick" data-kd="tick" d="M1,{mark}l4,4l6,-9"/></svg>'
    )


def _slider(models: Sequence[str], temperature: float, distances: Tensor) -> str:
    """One rail with its knob, and over it an input that cannot be seen but does the work."""
    at, shown = math.log10(temperature), f"{temperature:.3g}"
    far = ", ".join(f"{model} {number(nats)}" for model, nats in zip(models[1:], distances, strict=True))
    marks = "".join(
        f'<text x="{_RAIL_X + _RAIL * k / 3:g}" y="40" text-anchor="middle">{10.0 ** (k - 1):g}</text>'
        for k in range(4)
    )
    return (
        f'<div class="kd-slider"><input data-kd="slider" data-lm-suppress-shortcuts type="range" '
        f'data-x="{_RAIL_X}" data-w="{_RAIL}" min="-1" max="2" step="0.01" autocomplete="off" '
        f'value="{fixed(at, 2)}" aria-label="temperature" '
        f'aria-valuetext="{escape(f"temperature {shown}, distance from the teacher: {far} nats")}" '
        f'style="top:calc({15 / _ROW:.3%} - 22px);left:calc({_RAIL_X / 320:.3%} - 12px);'
        f'width:calc({_RAIL / 320:.3%} + 24px)"><svg viewBox="0 0 320 {_ROW}" aria-hidden="true">'
        f'<text class="kd-head" y="20">T = <tspan data-kd="temperature">{shown}</tspan></text>'
        f'<path class="kd-rail" d="M{_RAIL_X},15H{_RAIL_X + _RAIL}"/>{marks}<circle class="kd-knob" '
        f'data-kd="knob" cx="{fixed(_RAIL_X + _RAIL * (at + 1) / 3, 2)}" cy="15" r="11"/></svg></div>'
    )


def _summary(
    p: Tensor,
    distances: Tensor,
    models: Sequence[str],
    labels: Sequence[str],
    truth: int,
    temperature: str,
) -> str:
    """The largest share of each model and the distances, as HTML."""
    tops = "; ".join(
        f'{escape(model)}: <b data-kd="top">{escape(labels[int(shares.argmax())])}</b> '
        f'<span data-kd="share">{percent(float(shares.max()))}</span>'
        for model, shares in zip(models, p, strict=True)
    )
    far = ", ".join(
        f'{escape(model)} <span data-kd="distance">{number(nats)}</span>'
        for model, nats in zip(models[1:], distances, strict=True)
    )
    return (
        f'True class: <b data-kd="truth">{escape(labels[truth])}</b>. '
        f'At temperature <span data-kd="temperature">{temperature}</span>, {tops}. '
        f"Distance from the teacher, in nats: {far}."
    )
