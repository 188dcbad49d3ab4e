"""Intervals against values worked out elsewhere."""

import math

import pytest
from scipy import stats

from kdlib.evaluation.statistics import interval, paired, prediction_interval


def test_an_interval_by_hand() -> None:
    # Mean 3, standard deviation sqrt(2.5), t(0.975, 4) = 2.776: 3 -+ 2.776 * sqrt(2.5 / 5).
    found = interval([1, 2, 3, 4, 5])
    assert found.mean == 3
    assert found.low == pytest.approx(3 - 2.776 * math.sqrt(0.5))
    assert found.high == pytest.approx(3 + 2.776 * math.sqrt(0.5))
    assert found.seeds == 5


@pytest.mark.parametrize("n", range(2, 32))
def test_every_number_of_seeds_has_its_quantile(n: int) -> None:
    # 0 and once n: the mean is 1, the standard deviation the square root of n.
    found = interval([0.0] * (n - 1) + [float(n)])
    assert found.high - 1 == pytest.approx(stats.t.ppf(0.975, n - 1), rel=3e-4)  # a table of three decimals
    assert found.seeds == n


def test_one_seed_has_no_interval() -> None:
    found = interval([7.0])
    assert found.mean == 7 and found.seeds == 1
    assert math.isnan(found.low) and math.isnan(found.high)


def test_many_seeds_use_the_normal_quantile() -> None:
    values = [0.0, 1.0] * 50
    half = 1.96 * math.sqrt(25 / 99) / 10
    assert interval(values).high == pytest.approx(0.5 + half)
    assert interval([0.0] * 31 + [32.0]).high == pytest.approx(1 + 1.96)


def test_pairing_takes_away_what_the_seeds_share() -> None:
    first = {0: 10.0, 1: 20.0, 2: 30.0, 9: 99.0}
    second = {0: 9.0, 1: 19.0, 2: 29.0, 8: 0.0}
    assert paired(first, second) == (1.0, 1.0, 1.0, 3)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_values_that_say_nothing_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values is"):
        interval(values)


def test_seeds_must_meet() -> None:
    with pytest.raises(ValueError, match="none in common"):
        paired({0: 1.0}, {1: 1.0})


def test_prediction_interval_value_is_expected_in_a_wider_interval() -> None:
    # n = 3, mean 2, standard deviation 1: 2 plus and minus 4.303 * sqrt(1 + 1/3)
    found = prediction_interval([1, 2, 3])
    assert found.mean == 2 and found.seeds == 3
    assert found.high - 2 == pytest.approx(4.303 * (4 / 3) ** 0.5)
    assert 2 - found.low == pytest.approx(4.303 * (4 / 3) ** 0.5)
    assert math.isnan(prediction_interval([5.0]).low)
