"""Temperature, entropy and class profiles against values worked out by hand."""

import math

import numpy as np
import pytest
import torch

from kdlib.softening import class_profiles, entropy, soften

LOGITS = torch.tensor([math.log(16), math.log(4), 0.0], dtype=torch.float64)


@pytest.mark.parametrize(("temperature", "odds"), [(1, [16, 4, 1]), (2, [4, 2, 1]), (0.5, [256, 16, 1])])
def test_odds_are_raised_to_one_over_the_temperature(temperature: float, odds: list[int]) -> None:
    expected = torch.tensor(odds, dtype=torch.float64) / sum(odds)
    torch.testing.assert_close(soften(LOGITS, temperature), expected)


def test_the_limits_are_argmax_and_uniform() -> None:
    tied = torch.tensor([3.0, 3.0, 1.0])
    torch.testing.assert_close(soften(tied, 1e-3), torch.tensor([0.5, 0.5, 0.0]))
    torch.testing.assert_close(soften(tied, 1e6), torch.full((3,), 1 / 3), rtol=0, atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    assert soften(torch.tensor([1e4, 0.0, -1e4]), 1).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("temperature", [1e-40, 1e-300, 5e-324])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_the_smallest_temperatures_give_the_argmax(temperature: float, dtype: torch.dtype) -> None:
    assert soften(torch.tensor([3.0, 3.0, 1.0], dtype=dtype), temperature).tolist() == [0.5, 0.5, 0.0]


def test_numbers_of_numpy_are_temperatures() -> None:
    torch.testing.assert_close(soften(LOGITS, np.float32(2)), soften(LOGITS, 2))


def test_softening_keeps_shape_and_works_on_the_last_dimension() -> None:
    p = soften(torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0)), 4)
    assert p.shape == (2, 3, 5)
    torch.testing.assert_close(p.sum(-1), torch.ones(2, 3))


@pytest.mark.parametrize("bad", [0, 0.0, -1, math.nan, math.inf, -math.inf])
def test_an_impossible_temperature_is_named(bad: float) -> None:
    with pytest.raises(ValueError, match=r"temperature is .*finite number above 0"):
        soften(LOGITS, bad)


@pytest.mark.parametrize("bad", ["4", None, True, [1, 2]])
def test_a_temperature_that_is_no_number_is_named(bad: object) -> None:
    with pytest.raises(TypeError, match="temperature is"):
        soften(LOGITS, bad)  # type: ignore[arg-type]


def test_integer_logits_are_refused_with_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"logits has dtype torch.int64; convert it first: logits.float\(\)"):
        soften(torch.tensor([1, 2, 3]), 2)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_are_counted(bad: float) -> None:
    with pytest.raises(ValueError, match="logits: 2 of 3 values are NaN or infinite"):
        soften(torch.tensor([bad, 1.0, bad]), 2)


@pytest.mark.parametrize("bad", [torch.tensor(1.0), torch.ones(3, 1)])
def test_logits_need_two_classes(bad: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="at least 2 classes"):
        soften(bad, 2)


def test_logits_must_be_a_tensor() -> None:
    with pytest.raises(TypeError, match="logits is a list"):
        soften([1.0, 2.0], 2)  # type: ignore[arg-type]


def test_entropy_by_hand() -> None:
    p = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], dtype=torch.float64)
    expected = torch.tensor([math.log(2), 0.0, math.log(3)], dtype=torch.float64)
    torch.testing.assert_close(entropy(p), expected)


def test_entropy_rises_with_the_variance_of_the_logits_over_the_cubed_temperature() -> None:
    step = 1e-4
    slope = (entropy(soften(LOGITS, 3 + step)) - entropy(soften(LOGITS, 3 - step))) / (2 * step)
    p = soften(LOGITS, 3)
    variance = (p * LOGITS**2).sum() - (p * LOGITS).sum() ** 2
    torch.testing.assert_close(slope, variance / 27, rtol=1e-6, atol=0)


def test_entropy_refuses_logits() -> None:
    with pytest.raises(ValueError, match="did you pass logits"):
        entropy(LOGITS)
    with pytest.raises(ValueError, match="must be a distribution"):
        entropy(torch.tensor([0.5, 0.2]))


def test_class_profiles_by_hand() -> None:
    soft_targets = torch.tensor([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    profiles = class_profiles(soft_targets, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(profiles, torch.tensor([[0.7, 0.3], [0.1, 0.9]]))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_class_profiles_take_integers_of_any_type(dtype: torch.dtype) -> None:
    soft_targets, labels = torch.tensor([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]]), torch.tensor([0, 0, 1])
    assert torch.equal(class_profiles(soft_targets, labels.to(dtype)), class_profiles(soft_targets, labels))


def test_class_profiles_compute_where_the_soft_targets_are() -> None:
    soft_targets = torch.tensor([[0.8, 0.2], [0.1, 0.9]])
    with torch.device("meta"):  # what is made without a device lands there, and fits no other tensor
        assert torch.equal(class_profiles(soft_targets, torch.tensor([0, 1], device="cpu")), soft_targets)


P = torch.tensor([[0.8, 0.2], [0.6, 0.4]])


@pytest.mark.parametrize(
    ("soft_targets", "labels", "error", "message"),
    [
        (P, [0, 0], ValueError, r"no example of class \[1\]"),
        (P, [0, 0, 1], ValueError, "3 labels for 2 rows of soft_targets"),
        (P, [0, 2], ValueError, "labels runs from 0 to 2"),
        (P, [0.0, 1.0], TypeError, r"labels is torch.float32 of shape .*1-D tensor of integers"),
        (P[0], [0, 1], ValueError, r"soft_targets has shape \(2,\); give \(N, classes\)"),
    ],
)
def test_class_profiles_name_what_is_wrong(
    soft_targets: torch.Tensor, labels: list[float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        class_profiles(soft_targets, torch.tensor(labels))
