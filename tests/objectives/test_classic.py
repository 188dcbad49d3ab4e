"""The control beside distillation, against values worked out by hand, and settings out of range."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from kdlib.objectives import Batch, Objective, distilled, label_smoothed, supervised


def at(temperature: Any) -> Objective:
    return distilled(torch.zeros(4, 3), temperature=temperature, alpha=0.5)


def weighing(alpha: Any) -> Objective:
    return distilled(torch.zeros(4, 3), temperature=2, alpha=alpha)


class Fixed(nn.Module):
    """Gives the same logits for any images."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([logits]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(images), -1)


def test_smoothed_labels_by_hand() -> None:
    # The model says 1/4 and 3/4; the smoothed label is 0.1 and 0.9.
    model, batch = Fixed(0.0, math.log(3)), Batch(torch.zeros(2, 1), torch.tensor([1, 1]))
    terms = label_smoothed(0.2)(model, batch)
    assert terms["loss"].item() == pytest.approx(-(0.1 * math.log(1 / 4) + 0.9 * math.log(3 / 4)))


def test_no_smoothing_is_the_labels_cross_entropy() -> None:
    model, batch = Fixed(0.3, -1.0, 2.0), Batch(torch.zeros(3, 1), torch.tensor([0, 1, 2]))
    assert torch.equal(label_smoothed(0.0)(model, batch)["loss"], supervised(model, batch)["loss"])


@pytest.mark.parametrize(
    ("make", "value", "error", "message"),
    [
        *(
            (label_smoothed, x, ValueError, f"epsilon is {x}; .*from 0 to below 1")
            for x in (-0.1, 1.0, math.nan)
        ),
        *((at, x, ValueError, f"temperature is {x}; .* above 0") for x in (0, -1.0, math.nan, math.inf)),
        *(
            (at, x, TypeError, r"temperature is .*; give a plain number")
            for x in ("4", None, torch.tensor(4.0))
        ),
        *((weighing, x, ValueError, f"alpha is {x}; .* from 0 to 1") for x in (-0.1, 1.1, math.nan)),
        *((weighing, x, TypeError, r"alpha is .*; give a plain number") for x in ("0.5", None)),
    ],
)
def test_a_setting_out_of_range_is_named(
    make: Callable[[object], object], value: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(value)
