"""Draw book/assets/distillation.svg: the picture of the introduction, with the shipped teacher's real output.

    python book/_tools/draw_intro.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from kdlib import data, plots, pretrained
from kdlib.softening import soften
from kdlib.training import logits_of

TARGET = Path(__file__).resolve().parents[1] / "assets" / "distillation.svg"
TEMPERATURE = 4


def box(ax: Axes, x: float, y: float, width: float, height: float, text: str, color: str) -> None:
    """A rounded box with its name inside."""
    shape = FancyBboxPatch(
        (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.12", facecolor=color, edgecolor="none"
    )
    ax.add_patch(shape)
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", color="white", weight="bold")


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arrow from start to end."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": plots.MUTED, "lw": 1.4})


def distribution(ax: Axes, heights: torch.Tensor, title: str, color: str) -> None:
    """Ten small bars under a title."""
    ax.bar(range(10), heights.tolist(), color=color, width=0.75)
    ax.set_title(title, fontsize=10, loc="center")
    ax.set_xticks(range(10))
    ax.tick_params(length=0, labelsize=10)
    ax.set_yticks([])
    ax.set_ylim(0, 1)
    ax.spines["left"].set_visible(False)


def main() -> None:
    plots.use_style()
    test = data.load("mnist", "test", resolution=32)
    logits = logits_of(pretrained.mnist_teacher(), test)
    p = soften(logits, TEMPERATURE)
    sure = (test.labels == 7) & (soften(logits)[:, 7] > 0.999)  # as in chapter 1: this one is no extreme
    chosen = int(torch.where(sure, p[:, 2], 0.0).argmax())

    fig, ax = plt.subplots(figsize=(plots.WIDTH, 4.1), constrained_layout=False)
    ax.set(xlim=(0, 10), ylim=(0, 8))
    ax.axis("off")
    ax.set_position((0, 0, 1, 1))
    box(ax, 3.1, 4.7, 2.3, 2.6, "teacher", plots.TEACHER)
    box(ax, 3.45, 1.0, 1.7, 1.3, "student", plots.DISTILLED)
    arrow(ax, (2.2, 4.6), (3.0, 5.7))
    arrow(ax, (2.2, 3.3), (3.35, 1.9))
    arrow(ax, (5.5, 6.0), (6.3, 6.0))
    arrow(ax, (6.3, 4.6), (5.25, 2.2))
    arrow(ax, (6.3, 1.6), (5.25, 1.6))
    ax.text(4.85, 3.75, "learns from", color=plots.MUTED, fontsize=9.5, ha="center", va="center")

    picture = fig.add_axes((0.02, 0.36, 0.2, 0.26))
    plots.images([picture], test.images[chosen][None], ["image"])
    one_hot = torch.nn.functional.one_hot(test.labels[chosen], 10)
    title = f"softened output, T = {TEMPERATURE}"
    distribution(fig.add_axes((0.65, 0.60, 0.33, 0.28)), p[chosen], title, plots.TEACHER)
    distribution(fig.add_axes((0.65, 0.12, 0.33, 0.22)), one_hot, "label", plots.INK)
    with plt.rc_context(plots.STYLE):
        fig.savefig(TARGET, metadata={"Date": None, "Creator": None})
    print(f"{TARGET.name}: test image {chosen}, {p[chosen, 7]:.0%} a 7, {p[chosen, 2]:.0%} a 2")


if __name__ == "__main__":
    main()
