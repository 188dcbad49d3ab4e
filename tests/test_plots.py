"""Figures: what they show, and what they refuse."""

import math
from typing import Any

import matplotlib
import pytest
import torch

matplotlib.use("agg")

import matplotlib.pyplot as plt
from IPython import display as ipython

from kdlib import plots
from kdlib.evaluation.statistics import Interval


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Collects what would be displayed."""
    outputs: list[tuple[dict[str, str], dict[str, Any]]] = []
    monkeypatch.setattr(
        ipython, "display", lambda data, metadata=None, raw=False: outputs.append((data, metadata or {}))
    )
    return outputs


def draw() -> plt.Figure:
    fig, ax = plt.subplots()
    ax.plot([0, 1], [0, 1])
    return fig


ALT = "A straight line from 0 to 1, nothing else."
CAPTION = "A line for the test of figures."


def test_a_figure_carries_alt_and_caption_and_is_closed(shown: list[Any]) -> None:
    plots.show(draw(), alt=ALT, caption=CAPTION + " <b>", name="fig-line")
    (data, metadata), (caption, _) = shown
    assert data["image/svg+xml"].lstrip().startswith("<?xml")
    assert metadata["image/svg+xml"]["alt"] == ALT
    assert metadata["image/svg+xml"]["name"] == "fig-line"
    assert metadata["image/svg+xml"]["photo"] is False
    assert "&lt;b&gt;" in caption["text/html"]
    assert not plt.get_fignums()
    plots.show(draw(), alt=ALT, caption=CAPTION, name="fig-photo", photo=True)
    assert shown[2][1]["image/svg+xml"]["photo"] is True


def test_the_same_figure_gives_the_same_bytes(shown: list[Any]) -> None:
    for _ in range(2):
        plots.show(draw(), alt=ALT, caption=CAPTION, name="fig-line")
    assert shown[0][0]["image/svg+xml"] == shown[2][0]["image/svg+xml"]


@pytest.mark.parametrize(("alt", "caption"), [("", CAPTION), ("a plot", CAPTION), (ALT, "plot")])
def test_a_figure_without_words_is_refused(alt: str, caption: str, shown: list[Any]) -> None:
    with pytest.raises(ValueError, match="say in a sentence what the figure shows"):
        plots.show(draw(), alt=alt, caption=caption, name="fig-line")
    assert shown == []
    plt.close("all")


def test_the_style_is_applied() -> None:
    with plt.rc_context():
        plots.use_style()
        colors = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert colors[:3] == [plots.TEACHER, plots.SCRATCH, plots.DISTILLED]


def test_bars_have_the_lengths_of_the_probabilities() -> None:
    fig, ax = plt.subplots()
    plots.bars(ax, torch.tensor([0.7, 0.2, 0.1]), ["a", "b", "c"])
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.7, 0.2, 0.1])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    tops = [ax.transData.transform((0, y))[1] for y in ax.get_yticks()]  # in pixels from below
    assert tops == sorted(tops, reverse=True), "the first class is not on top"
    plt.close(fig)


def test_images_are_drawn_one_an_axis() -> None:
    fig, axes = plt.subplots(1, 2)
    plots.images(axes, torch.zeros(2, 1, 8, 8), ["one", "two"])
    assert [ax.get_title() for ax in axes] == ["one", "two"]
    assert all(len(ax.get_images()) == 1 for ax in axes)
    paper, ink = (sum(axes[0].get_images()[0].cmap(value)[:3]) for value in (0.0, 1.0))
    assert paper > ink, "larger is not darker"
    plt.close(fig)


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("color", "least"),
    [(plots.TEACHER, 3), (plots.SCRATCH, 3), (plots.DISTILLED, 3), (plots.INK, 4.5), (plots.MUTED, 4.5)],
)
def test_colours_stand_out_from_white(color: str, least: float) -> None:
    assert 1.05 / (luminance(color) + 0.05) >= least


def test_intervals_are_drawn_where_they_were_measured() -> None:
    fig, ax = plt.subplots()
    rows = [
        ("alone", Interval(90, 80, 100, 5), plots.SCRATCH),
        ("one seed", Interval(85, math.nan, math.nan, 1), plots.DISTILLED),
        ("two seeds", Interval(86, 60, 112, 2), plots.DISTILLED),
        ("later", None, plots.TEACHER),
    ]
    plots.intervals(ax, rows)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["alone", "one seed", "two seeds", "later"]
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
    assert drawn == [([80, 100], [0, 0]), ([90], [0]), ([85], [1]), ([86], [2])]
    assert [(text.get_text(), text.get_position()[1]) for text in ax.texts] == [("not run", 3)]
    assert ax.yaxis_inverted()
    plt.close(fig)
