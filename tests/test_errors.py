"""What networks, weights, figures and the notebook's first line refuse: what was wrong and what to do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from kdlib import models, notebook, plots, pretrained

AXES = list(Figure().subplots(1, 2))
THREE = torch.tensor([0.7, 0.2, 0.1])
LENET = models.lenet5(seed=0)

TABLE: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: LENET(torch.zeros(2, 1, 28, 28)),
        ValueError,
        r"images has shape \(2, 1, 28, 28\).*resolution=32",
    ),
    (
        lambda: LENET(torch.zeros(2, 1, 32, 32, dtype=torch.uint8)),
        TypeError,
        r"images has dtype torch.uint8.*images.float\(\) / 255",
    ),
    (lambda: models.vgg((), seed=0), ValueError, r"blocks is \(\); give at least one block"),
    (lambda: models.vgg(((8,), ()), seed=0), ValueError, "blocks is .*each with at least one convolution"),
    (lambda: models.vgg(((8,),) * 3, seed=0, size=7), ValueError, "size is 7; 3 max-pools need at least 8"),
    (lambda: models.resnet18(1, seed=0), ValueError, "classes is 1; a classifier tells at least 2 apart"),
    (lambda: models.resnet18(2, seed=0, channels=2), ValueError, "channels is 2; it must be 1"),
    (lambda: models.xray_student(seed=0, size=28), ValueError, "size is 28.*at least 64"),
    (
        lambda: pretrained.record("resnet"),
        ValueError,
        "name is 'resnet'; the shipped weights are mnist_lenet5",
    ),
    (lambda: pretrained.xray_student("teacher"), ValueError, "name is 'teacher'; .* are alone, distilled"),
    (
        lambda: plots.bars(AXES[0], THREE, ["a", "b"]),
        ValueError,
        r"probabilities has shape \(3,\) .* 2 labels",
    ),
    (lambda: plots.images(AXES, torch.zeros(3, 1, 8, 8), ["a", "b"]), ValueError, "2 axes, 3 pictures"),
    *(
        (
            lambda scale=scale: notebook.start(scale=scale),
            ValueError,
            f"scale is '{scale}'; a notebook runs at quick or gpu",
        )
        for scale in ("Quick", "", "huge")
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), TABLE, ids=[row[2][:40] for row in TABLE])
def test_a_wrong_argument_is_named(
    call: Callable[[], Any], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "FROM_OUTSIDE", None)
    with pytest.raises(error, match=message):
        call()
