"""One style for every figure of the book: white ground, dark ink, three colours with a fixed meaning.

A figure is shown by `show`, which asks for a text alternative and a caption and draws it as SVG. The site
inverts plots in dark mode (book/assets/kd.css); photographs it leaves alone.
"""

import html
import io
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from IPython import display as ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from kdlib.evaluation.statistics import ENOUGH, Interval

# Okabe and Ito's palette: told apart by readers with any of the common colour deficiencies.
TEACHER = "#0072B2"
SCRATCH = "#D55E00"
DISTILLED = "#009E73"
INK = "#222222"
MUTED = "#6b6b6b"
WIDTH = 4.6  # inches: small enough for text to stay readable on a phone

STYLE: Any = {
    "figure.figsize": (WIDTH, 3.0),
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.prop_cycle": f"cycler(color={[TEACHER, SCRATCH, DISTILLED, MUTED, '#CC79A7', '#56B4E9']})",
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "image.cmap": "Greys",
    "svg.hashsalt": "kdlib",  # the same figure gives the same file
    "svg.fonttype": "path",
}


def use_style() -> None:
    """Give matplotlib the book's style. `kdlib.notebook.start` calls this. Chapter 01."""
    plt.rcParams.update(STYLE)


def show(fig: Figure, *, alt: str, caption: str, name: str, photo: bool = False) -> None:
    """Display a figure with its text alternative and caption, and close it. Chapter 01.

    Args:
        fig: the figure.
        alt: what a reader who cannot see it must know: the finding, with its numbers.
        caption: the sentence under the figure.
        name: the figure's label in the book, for example "fig-entropy".
        photo: True where the figure holds photographs, which must not be inverted in dark mode.

    Raises:
        ValueError: an alt or a caption too short to say anything.
    """
    for argument, text in (("alt", alt), ("caption", caption)):
        if len(text.strip()) < 20:
            raise ValueError(f"{argument} is {text!r}; say in a sentence what the figure shows")
    drawing = io.StringIO()
    with plt.rc_context(STYLE):
        fig.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    publish: Any = ipython.display  # untyped in IPython
    described = {"alt": alt, "caption": caption, "name": name, "photo": photo, "needs_background": "light"}
    publish(
        {"image/svg+xml": drawing.getvalue(), "text/plain": f"<figure: {alt}>"},
        metadata={"image/svg+xml": described},
        raw=True,
    )
    publish({"text/html": f'<p class="kd-caption"><em>{html.escape(caption)}</em></p>'}, raw=True)


def bars(ax: Axes, probabilities: Tensor, labels: Sequence[str], *, color: str = TEACHER) -> None:
    """Draw one distribution as labelled horizontal bars, the first class on top. Chapter 01.

    Args:
        ax: where to draw.
        probabilities: shape (classes,).
        labels: one name a class.
        color: of the bars.

    Raises:
        ValueError: another number of labels than of probabilities.
    """
    if probabilities.ndim != 1 or len(probabilities) != len(labels):
        raise ValueError(
            f"probabilities has shape {tuple(probabilities.shape)} and there are {len(labels)} labels; "
            "give one distribution and a label for each class"
        )
    positions = range(len(labels))
    ax.barh(positions, probabilities.tolist(), color=color, height=0.7)
    ax.set_yticks(positions, labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0, 1)


def intervals(ax: Axes, rows: Sequence[tuple[str, Interval | None, str]], *, words: str = "not run") -> None:
    """Draw one mean with its 95 % interval a row, the first row on top. Chapter 03.

    Args:
        ax: where to draw.
        rows: name, interval and colour of each; an interval that is None is drawn as `words`, one of
            fewer than three seeds as its mean.
        words: what stands where nothing was measured.
    """
    for y, (_, found, color) in enumerate(rows):
        if found is None:
            ax.text(0.02, y, words, transform=ax.get_yaxis_transform(), va="center", color=MUTED)
            continue
        if found.seeds >= ENOUGH:  # one of two seeds is thirteen times as wide as their spread
            ax.plot(
                [found.low, found.high], [y, y], color=color, linewidth=5, alpha=0.35, solid_capstyle="butt"
            )
        ax.plot(found.mean, y, "o", color=color)
    ax.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)


def images(axes: Sequence[Axes], pictures: Tensor, titles: Sequence[str]) -> None:
    """Draw one grey image an axis, ink on paper, with a short title each. Chapter 01.

    Args:
        axes: where to draw, one an image.
        pictures: uint8 or float tensor of shape (N, 1, H, W) or (N, H, W), larger is darker.
        titles: N short texts.

    Raises:
        ValueError: the numbers of axes, pictures and titles differ.
    """
    if not len(axes) == len(pictures) == len(titles):
        raise ValueError(
            f"there are {len(axes)} axes, {len(pictures)} pictures and {len(titles)} titles; "
            "give as many of each"
        )
    for ax, picture, title in zip(axes, pictures, titles, strict=True):
        ax.imshow(picture.squeeze().numpy(), cmap="Greys", interpolation="nearest")
        ax.set_title(title, fontsize=10, loc="center")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
