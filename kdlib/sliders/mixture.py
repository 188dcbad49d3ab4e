"""Forward, reverse and Jensen-Shannon divergence on a mixture that one can see. Chapter 11."""

from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch import Tensor

from kdlib.losses import distillation_term, divergences
from kdlib.numbers import fixed, signed
from kdlib.sliders.inputs import as_choice, as_number, setting
from kdlib.sliders.slider import Slider, table

PLACES = torch.arange(-60, 61, dtype=torch.float64) / 10
NARROW, WIDE, FAR = 0.3, 3.0, 4.0
BELLS = ((0.6, -2.0, 0.5), (0.4, 2.0, 0.5))  # weight, mean and width of each of the teacher's
DIVERGENCES: dict[str, Callable[..., Tensor]] = {
    "forward": distillation_term,
    "reverse": divergences.reverse_kl,
    "Jensen-Shannon": divergences.jensen_shannon,
}


def mixture_slider(*, divergence: str = "forward", mean: float = 0.5, width: float = 0.8) -> Slider:
    """A student of one bell beside a teacher of two: drag it, or let it descend on a divergence.

    `divergence`, `mean` and `width` of the result can be read and set from Python. Chapter 11.

    Args:
        divergence: "forward" (KL(teacher || student)), "reverse" or "Jensen-Shannon".
        mean: where the student's bell stands, from -4 to 4.
        width: its standard deviation, from 0.3 to 3.

    Raises:
        TypeError, ValueError: an argument of another form.
    """
    return Slider(
        "mixture",
        data={"bells": BELLS, "low": NARROW, "high": WIDE},
        settings={
            "divergence": setting(as_choice, divergence, "divergence", list(DIVERGENCES)),
            "mean": setting(as_number, mean, "mean", -FAR, FAR),
            "width": setting(as_number, width, "width", NARROW, WIDE),
        },
        instead=_table(shares(BELLS)),
    )


def shares(bells: Sequence[Sequence[float]]) -> Tensor:
    """Logarithms of shares at 121 places from -6 to 6: of bells (weight, mean, width), added up; (121,)."""
    weight, mean, width = torch.tensor(bells, dtype=torch.float64).T[:, :, None]
    each: Tensor = (weight / width).log() - ((PLACES - mean) / width) ** 2 / 2
    return each.logsumexp(0).log_softmax(0)


def _table(teacher: Tensor) -> str:
    """Where each divergence is smallest, on a grid of a tenth."""
    grid = list(product([i / 10 for i in range(-40, 41)], [i / 10 for i in range(3, 31)]))
    students = torch.stack([shares([[1.0, mean, width]]) for mean, width in grid])
    rows = []
    for name, divergence in DIVERGENCES.items():
        found = divergence(students, teacher.expand_as(students), 1.0, reduction="none")
        (mean, width), best = grid[int(found.argmin())], students[int(found.argmin())][None]
        both = [of(best, teacher[None], 1.0) for of in list(DIVERGENCES.values())[:2]]
        rows.append([name, signed(mean, 1), fixed(width, 1), *(fixed(float(x), 2) for x in both)])
    caption = "The student that each divergence likes best, and its forward and reverse divergence in nats."
    return table(caption, ["divergence", "place", "width", "forward", "reverse"], rows)
