"""What the data room refuses: each call is answered with what was wrong and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdlib import data
from kdlib.data import Dataset, chest_xray, cifar10, clicks, full
from kdlib.data.augment import View, take_views, viewed

IMAGE = torch.zeros(1, 1, 3, 3, dtype=torch.uint8)
NOWHERE = Path("nowhere")


def toy(labels: list[int], patients: tuple[str, ...] | None = None) -> Dataset:
    images = torch.zeros(len(labels), 1, 1, 1, dtype=torch.uint8)
    return Dataset("toy", "train", images, torch.tensor(labels), ("a", "b"), patients, patients)


def load(name: str, split: str = "train", **more: Any) -> Callable[[], Dataset]:
    return lambda: data.load(name, split, **more)


def subset(indices: Any) -> Callable[[], Dataset]:
    return lambda: toy([0, 1, 0, 1]).subset(indices)


def hold_out(size: Any, seed: Any = 0, of: Dataset | None = None) -> Callable[[], Any]:
    return lambda: data.hold_out(of or toy([0, 1, 0, 1]), size, seed)


SIZE = r"size_or_fraction is {}; pass 1 to 3 images or a share"
TABLE: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (load("MNIST"), ValueError, "name is 'MNIST'; the data sets are mnist, cifar10, chest_xray"),
    (load("cifar10", "val"), ValueError, "split is 'val'; cifar10 has train, test"),
    (load("mnist", scale="big"), ValueError, "scale .*is 'big'; the scales are quick, gpu, cpu, full"),
    (load("mnist", scale=""), ValueError, "scale .*is ''"),
    (load("mnist", scale="full", resolution=64), ValueError, "resolution is 64; mnist .* 28 or 32 pixels"),
    (load("cifar10", resolution=28), ValueError, "resolution is 28; cifar10 can be had at 32 pixels"),
    (
        load("chest_xray", resolution=224),
        ValueError,
        r"resolution is 224; chest_xray .* 8 to 64 pixels \(to 224 at scale 'gpu', 'cpu' or 'full'\)",
    ),
    (load("chest_xray", scale="full", resolution=225), ValueError, "resolution is 225; .* 8 to 224 pixels"),
    (load("chest_xray", resolution=7), ValueError, "resolution is 7; .* 8 to 64"),
    (load("mnist", resolution=True), ValueError, "resolution is True; .* 28 or 32"),
    (load("mnist", resolution="28"), ValueError, "resolution is '28'; .* 28 or 32"),
    (subset([4]), IndexError, "index 4 is out of bounds for dimension 0 with size 4"),
    (subset([-5]), IndexError, "index -5 is out of bounds"),
    (subset([0.5]), IndexError, "tensors used as indices must be"),
    (subset(torch.zeros(2, 2, dtype=torch.int64)), IndexError, r"indices has shape \(2, 2\); pass a row of"),
    (subset(torch.ones(3, dtype=torch.bool)), IndexError, r"mask \[3\] .*does not match .*\[4\]"),
    *(
        (hold_out(size), ValueError, SIZE.format(repr(size)))
        for size in (0, 4, -1, 1.0, 0.0, 1.5, float("nan"), 0.01, True, None, "0.1")
    ),
    *(
        (hold_out(2, seed), TypeError, f"seed is {seed!r}; pass an integer")
        for seed in (None, 1.0, "1", True)
    ),
    *((hold_out(2, seed), ValueError, rf"seed is {seed}; pass an integer from 0") for seed in (-1, 2**41)),
    (
        hold_out(1, of=toy([0, 0, 1, 1], ("p", "p", "q", "q"))),
        ValueError,
        "size_or_fraction is 1: no a is in the held-out part; hold out more",
    ),
    (
        hold_out(2, of=toy([0, 0, 0, 1, 1, 1], ("p", "q", "r", "s", "s", "s"))),
        ValueError,
        "size_or_fraction is 2: no b is in the held-out part; hold out more",
    ),
    (hold_out(1, of=toy([0] * 7 + [1] * 3)), ValueError, "no b is in the held-out part; hold out more"),
    (hold_out(9, of=toy([0] * 7 + [1] * 3)), ValueError, "is 9: no b is in the rest; hold out fewer"),
    (
        lambda: chest_xray.parse("train/NORMAL/chest.jpeg"),
        ValueError,
        "train/NORMAL/chest.jpeg: the name carries no",
    ),
    (
        lambda: chest_xray.parse("test/PNEUMONIA/IM-0001-0001.jpeg"),
        ValueError,
        "IM-0001-0001.jpeg: the name carries no",
    ),
    (lambda: full.fetch("mnist"), ValueError, "name is 'mnist'; cifar10 and chest_xray can be fetched"),
    (lambda: full.fetch("chest_xray", resolution=300), ValueError, "resolution is 300; .*at 8 to 224"),
    (lambda: cifar10.read(NOWHERE), FileNotFoundError, "nowhere does not exist.*fetch cifar10 --from PATH"),
    (lambda: viewed([]), ValueError, r"views is empty; .*\[View\(\)\]"),
    (lambda: viewed([View(False, 1.5, 0)]), TypeError, r"views holds .*1.5.*View\(flip, dy, dx\)"),
    (lambda: viewed([View(2, 0, 0)]), TypeError, "views holds .*a bool and two integers"),
    (lambda: take_views(IMAGE, [View(dx=-3)], torch.tensor([0])), ValueError, "views moves by 3 pixels"),
    *(
        (lambda bad=bad: clicks.clicks(*bad[0], seed=0, **bad[1]), ValueError, bad[2])
        for bad in (
            ((0,), {}, "n is 0; give the number of clicks"),
            ((True,), {}, "n is True"),
            ((5,), {"noise": -1.0}, r"noise is -1\.0; it is a standard deviation"),
            ((5,), {"noise": float("nan")}, "noise is nan"),
            ((5,), {"leak": float("inf")}, "leak is inf; it is how much longer"),
        )
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), TABLE, ids=[row[2][:40] for row in TABLE])
def test_a_wrong_argument_is_named(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_the_scale_of_the_environment_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KDLIB_SCALE", "huge")
    with pytest.raises(ValueError, match=r"KDLIB_SCALE.* is 'huge'"):
        data.load("mnist", "test")


def test_a_numpy_resolution_is_a_number() -> None:
    assert data.load("mnist", "test", resolution=np.int64(28)).images.shape[-1] == 28
