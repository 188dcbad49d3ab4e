"""The picture of the temperature explorer, drawn once: `js/temperature.js` moves what has a data-kd name.

Nothing else knows where things stand: the module reads the widths and axes from the attributes found here.
Lengths are in units of a drawing 320 wide, which two panels side by side or one below the other both fill.
"""

import math
from collections.abc import Sequence
from html import escape

import torch
from torch import Tensor

from kdlib.numbers import fixed, percent
from kdlib.sliders import png
from kdlib.softening import entropy, soften

# Both panels together are low enough for a phone: who moves the slider has to see the bars.
_HEAD = 26  # bars: where the first begins, below the heading
_VALUE_WIDTH = 72  # bars: the room on their right for the figures
_X = 30  # plot: the left end of the axis, T = 0.1
_WIDTH = 276  # plot: the length of the axis, to T = 100
_FLOOR = 94  # plot: where the entropy is 0, seen from above
_HEIGHT = 72  # plot: from there up to the largest entropy
_SLIDER = 120  # plot: where the slider's rail lies
_PLOT = 166  # plot: its whole height, with the figures below the rail


def temperature_markup(
    logits: Tensor,
    labels: Sequence[str],
    names: Sequence[str],
    pictures: Sequence[str] | None,
    index: int,
    temperature: float,
) -> str:
    """The whole explorer as HTML: buttons of the examples, bars, plot, slider, a sentence of numbers."""
    z = logits[index]
    p = soften(z, temperature)
    top = int(p.argmax())
    shown = f"{temperature:.3g}"
    nats, most, share = _nats(p), fixed(math.log(len(labels)), 2), percent(float(p[top]))
    chooser = chooser_markup(names, pictures, index) if len(names) > 1 else ""
    slider = (
        '<input data-kd="slider" data-lm-suppress-shortcuts type="range" min="-1" max="2" step="0.01" '
        f'autocomplete="off" value="{fixed(math.log10(temperature), 2)}" aria-label="temperature" '
        f'aria-valuetext="temperature {shown}, entropy {nats} nats" '
        f'style="top:calc({_SLIDER / _PLOT:.3%} - 22px);'
        f'left:calc({_X / 320:.3%} - 12px);width:calc({_WIDTH / 320:.3%} + 24px)">'
    )
    summary = (
        f'At temperature <span data-kd="temperature">{shown}</span> the largest share is '
        f'<b data-kd="top">{escape(labels[top])}</b> with <span data-kd="share">{share}</span>, '
        f'and the entropy is <span data-kd="entropy">{nats}</span> of at most {most} nats.'
    )
    return (
        f'<div class="kd-explorer" data-kd="explorer"><form>{chooser}<div class="kd-panels">'
        f"<div>{_bars_svg(p, soften(z), labels, shown)}</div>"
        f"<div>{slider}{_entropy_svg(z, temperature)}</div></div>"
        f'<div class="kd-foot"><p data-kd="summary">{summary}</p>'
        '<button type="button" data-kd="reset" data-lm-suppress-shortcuts>Back to T = 1</button></div>'
        '<div data-kd="live" aria-live="polite"></div></form></div>'
    )


def chooser_markup(names: Sequence[str], pictures: Sequence[str] | None, index: int) -> str:
    """A group of radio buttons, one an example; the form around them keeps them apart from other sliders'."""
    choices = "".join(
        f'<label title="{escape(name)}"><input type="radio" name="example" data-kd="choice" '
        f'autocomplete="off" data-lm-suppress-shortcuts{" checked" if i == index else ""} '
        f'aria-label="{escape(name)}">'
        + (f'<img src="{pictures[i]}" alt="">' if pictures else f"<span>{escape(name)}</span>")
        + "</label>"
        for i, name in enumerate(names)
    )
    caption = f'<span data-kd="name">{escape(names[index])}</span>' if pictures else ""
    return f"<fieldset><legend>Example</legend>{choices}{caption}</fieldset>"


def _bars_svg(p: Tensor, ghost: Tensor, labels: Sequence[str], temperature: str) -> str:
    """One bar a class; an outline of the bar at T = 1; on the right the share in figures."""
    shorts = [label if len(label) <= 14 else label[:13] + "…" for label in labels]
    x = 14 + max(8, *(round(7.4 * len(short)) for short in shorts))  # wide enough for most fonts, in bold
    full = 320 - _VALUE_WIDTH - x
    pitch = max(18, min(44, (_PLOT - _HEAD) // len(labels)))
    top = int(ghost.argmax())
    rows = []
    for i, short in enumerate(shorts):
        y, height, middle = _HEAD + pitch * i, pitch - 6, _HEAD + pitch * i + pitch // 2 - 3
        box = f'x="{x}" y="{y}" height="{height}"'
        rows.append(
            f'<text data-kd="label" x="{x - 8}" y="{middle + 5}" text-anchor="end" '
            f'font-weight="{700 if i == top else 400}">{escape(short)}</text>'
            f'<rect class="kd-track" data-kd="track" {box} width="{full}"/>'
            f'<rect class="kd-bar" data-kd="bar" {box} width="{fixed(full * float(p[i]), 2)}"/>'
            f'<rect class="kd-ghost" data-kd="ghost" {box} width="{fixed(full * float(ghost[i]), 2)}"/>'
            f'<text data-kd="value" x="320" y="{middle + 5}" text-anchor="end">{percent(float(p[i]))}</text>'
        )
    list_ = ", ".join(f"{label} {percent(float(share))}" for label, share in zip(labels, p, strict=True))
    return (
        f'<svg data-kd="bars" viewBox="0 0 320 {_HEAD + pitch * len(labels)}" role="img" '
        f'aria-label="{escape(f"Probabilities at temperature {temperature}: {list_}")}">'
        f'<text class="kd-head" y="14">Probabilities at T = '
        f'<tspan data-kd="temperature">{temperature}</tspan></text>'
        '<rect class="kd-ghost" x="245" y="3.5" width="16" height="11"/>'
        f'<text x="320" y="14" text-anchor="end">at T = 1</text>{"".join(rows)}</svg>'
    )


def _entropy_svg(z: Tensor, temperature: float) -> str:
    """The entropy against the temperature, both limits, and the place where the slider stands."""
    most = math.log(len(z))

    def across(t: float) -> float:
        return _X + _WIDTH * (math.log10(t) + 1) / 3

    def up(t: float) -> float:
        return _FLOOR - _HEIGHT * float(entropy(soften(z, t))) / most

    grid = [10 ** (k / 20 - 1) for k in range(61)]
    curve = " ".join(f"{fixed(across(t), 1)},{fixed(up(t), 1)}" for t in grid)
    ticks = "".join(
        f'<path class="kd-grid" d="M{across(t):.1f},{_FLOOR - _HEIGHT}V{_SLIDER}"/>'
        f'<text x="{across(t):.1f}" y="{_SLIDER + 26}" text-anchor="middle">{t:g}</text>'
        for t in (0.1, 1, 10, 100)
    )
    x, y = fixed(across(temperature), 2), fixed(up(temperature), 2)
    nats, end = _nats(soften(z, temperature)), _X + _WIDTH
    return (
        f'<svg data-kd="plot" data-x="{_X}" data-w="{_WIDTH}" data-y="{_FLOOR}" data-h="{_HEIGHT}" '
        f'viewBox="0 0 320 {_PLOT}" role="img" aria-label="Entropy against temperature: temperature '
        f'{temperature:.3g}, entropy {nats} nats, at most {fixed(most, 2)}">'
        f'<text class="kd-head" y="14">Entropy <tspan data-kd="entropy">{nats}</tspan> nats</text>{ticks}'
        f'<path class="kd-line" stroke-dasharray="4 4" d="M{_X},{_FLOOR - _HEIGHT}H{end}"/>'
        f'<text x="{end}" y="14" text-anchor="end">ln {len(z)} = {fixed(most, 2)}</text>'
        f'<path class="kd-line" d="M{_X},{_FLOOR}H{end}"/>'
        f'<text x="{_X - 8}" y="{_FLOOR + 4}" text-anchor="end">0</text>'
        f'<polyline class="kd-curve" data-kd="curve" points="{curve}"/>'
        f'<path class="kd-guide" data-kd="guide" d="M{x},{y}V{_SLIDER}"/>'
        f'<circle class="kd-bar" data-kd="dot" cx="{x}" cy="{y}" r="6"/>'
        f'<path class="kd-rail" d="M{_X},{_SLIDER}H{end}"/>'
        f'<circle class="kd-knob" data-kd="knob" cx="{x}" cy="{_SLIDER}" r="11"/>'
        f'<text x="{_X + _WIDTH / 2:g}" y="{_SLIDER + 42}" text-anchor="middle">temperature T</text></svg>'
    )


def _nats(p: Tensor) -> str:
    return fixed(float(entropy(p)), 2)


def png_uri(image: Tensor) -> str:
    """Ink (0 to 255) on white as a PNG of 16 greys in a data URI: small, and the same on every machine."""
    height, width = image.shape
    grey = (255 - image.int() + 8) // 17  # 15 is white
    padded = torch.nn.functional.pad(grey, (0, width % 2)).reshape(height, -1, 2)
    rows = (padded[..., 0] * 16 + padded[..., 1]).tolist()
    return png.data_uri(map(bytes, rows), width, height, 4, png.GREY)  # 4 bits of grey a pixel
