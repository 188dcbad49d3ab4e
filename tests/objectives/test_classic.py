"""The control beside distillation, against values worked out by hand."""

import math

import pytest
import torch
from torch import nn

from kdlib.objectives import Batch, label_smoothed, supervised


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


@pytest.mark.parametrize("epsilon", [-0.1, 1.0, math.nan])
def test_what_the_label_gives_away_is_a_share(epsilon: float) -> None:
    with pytest.raises(ValueError, match=r"epsilon is .*from 0 to below 1"):
        label_smoothed(epsilon)
