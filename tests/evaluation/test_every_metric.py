"""What must hold of every metric: it computes where its tensors are, on a GPU as well."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kdlib.evaluation import fidelity, metrics
from kdlib.experiments import measures

CHANCE = torch.Generator().manual_seed(0)
LOGITS, OTHERS = torch.randn(2, 40, 5, generator=CHANCE)
PAIR, LABELS = torch.randn(40, 2, generator=CHANCE), torch.arange(40)
OF_CLASSES: list[Callable[[Tensor, Tensor], Any]] = [
    metrics.errors, metrics.accuracy, metrics.macro_f1, metrics.reliability,
    metrics.expected_calibration_error, fidelity.spread_within_classes, measures.confusion,
]  # fmt: skip
OF_TWO: list[Callable[[Tensor, Tensor], float]] = [
    metrics.auroc, metrics.best_threshold,
    metrics.sensitivity, metrics.specificity, metrics.balanced_accuracy,
]  # fmt: skip
CASES: dict[str, Callable[[], Any]] = {
    **{f.__name__: lambda f=f: f(LOGITS, LABELS % 5) for f in OF_CLASSES},
    **{f.__name__: lambda f=f: f(PAIR, LABELS % 2) for f in OF_TWO},
    **{f.__name__: lambda f=f: f(LOGITS, OTHERS) for f in (fidelity.agreement, fidelity.divergence)},
    "same_mistakes": lambda: fidelity.same_mistakes(LOGITS, OTHERS, LABELS % 5),
}


@pytest.mark.parametrize("name", CASES)
def test_it_makes_nothing_on_another_device(name: str) -> None:
    # A metric gives plain numbers, so it must look at values, and fake tensors have none. But whatever it
    # makes without naming a device now lies on "meta", where the logits cannot meet it: on a GPU it would lie
    # on the CPU, and could not meet them either.
    expected = CASES[name]()
    with torch.device("meta"):
        found = CASES[name]()
    torch.testing.assert_close(found, expected, equal_nan=True)


def test_no_metric_is_left_out() -> None:
    public = {
        name
        for module in (metrics, fidelity)
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and callable(value) and name[0].islower()
    }
    assert public - {"_check"} == CASES.keys() - {"confusion"}
