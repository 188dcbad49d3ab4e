"""The wording of results, against sentences written by hand."""

from kdlib import results

VALUES = {
    "alone": {0: 10.0, 1: 12.0, 2: 14.0},
    "taught": {0: 8.0, 1: 9.0, 2: 13.0, 3: 50.0},
    "clear": {0: 1.0, 1: 3.0, 2: 5.1},
    "once": {1: 7.25},
    "elsewhere": {7: 1.0},
}


def test_means_are_over_an_arms_own_seeds() -> None:
    # 12 -+ 4.303 * 2 / sqrt(3)
    assert results.format_interval(results.mean(VALUES, "alone")) == "12 (7 to 17)"
    assert results.format_interval(results.mean(VALUES, "alone"), 2) == "12.00 (7.03 to 16.97)"
    assert results.format_interval(results.mean(VALUES, "once"), 1) == "7.3 (one seed)"
    assert results.format_interval(results.mean(VALUES, "nothing")) == "not run"


def test_differences_are_within_the_seeds_that_both_have() -> None:
    # -2, -3 and -1; the fourth seed has no partner.
    assert results.compared(VALUES, "taught", "alone") == "−2.0 (−4.5 to +0.5), no difference detected"
    assert results.compared(VALUES, "clear", "alone", 2) == "−8.97 (−9.11 to −8.82), fewer"
    assert results.compared(VALUES, "alone", "clear", 0) == "+9 (+9 to +9), more"
    assert results.compared(VALUES, "once", "alone") == "−4.8 (one seed)"
    assert results.difference(VALUES, "once", "elsewhere") is None
    assert results.compared(VALUES, "once", "elsewhere") == "not run"
    assert results.compared(VALUES, "nothing", "alone") == "not run"


def test_an_interval_that_ends_at_zero_detects_nothing() -> None:
    values = {"a": {0: 1.0, 1: 2.0, 2: 4.0}, "b": {0: 1.0, 1: 2.0, 2: 4.0}}
    assert results.compared(values, "a", "b") == "0.0 (0.0 to 0.0), no difference detected"


def test_negative_numbers_have_a_real_minus() -> None:
    values = {"a": {0: -1.0, 1: 0.0, 2: 1.0}}
    assert results.format_interval(results.mean(values, "a")) == "0 (−2 to 2)"
    assert results.format_interval(results.mean(values, "a"), sign=True) == "0 (−2 to +2)"


def test_two_seeds_get_no_interval() -> None:
    values = {"a": {0: 75.0, 1: 75.0}, "b": {0: 70.0, 1: 71.0}}
    assert results.format_interval(results.mean(values, "a"), 1) == "75.0 (two seeds)"
    assert results.compared(values, "b", "a") == "−4.5 (two seeds)"


def test_how_many_seeds() -> None:
    assert results.seeds(VALUES, "alone", "clear") == "3 seeds"
    assert results.seeds(VALUES, "alone", "taught", "once") == "1 to 4 seeds"
    assert results.seeds(VALUES, "once") == "1 seed"
    assert results.seeds(VALUES, "nothing") == results.seeds(VALUES) == "not run"


def test_one_line_for_a_mean_and_for_a_gain() -> None:
    assert results.format_mean(VALUES, "alone") == "12.0 (7.0 to 17.0)"
    assert results.format_mean(VALUES, "nothing") == "not run"
    assert results.format_difference(VALUES, "taught", "alone") == "−2.0 (−4.5 to +0.5)"
    assert results.format_difference(VALUES, "alone", "taught", 0) == "+2 (0 to +4)"
    assert results.format_difference(VALUES, "taught", "nothing") == "not run"


def test_whether_a_published_figure_fits() -> None:
    # One more run: 12 -+ 4.303 * 2 * sqrt(1 + 1 / 3), that is 2.06 to 21.94.
    assert results.compare_published(VALUES, "alone", 2.1) == "inside 2 to 22"
    assert results.compare_published(VALUES, "alone", 2.0) == "outside 2 to 22"
    assert results.compare_published(VALUES, "alone", 2.0, 1) == "outside 2.1 to 21.9"
    assert results.compare_published(VALUES, "alone", 22.5) == "outside 2 to 22"
    # Two seeds at 0 and 2: 1 -+ 12.706 * sqrt(2) * sqrt(1 + 1 / 2), a range that says little.
    assert results.compare_published({"a": {0: 0.0, 1: 2.0}}, "a", 5) == "inside −21 to 23"
    assert results.compare_published(VALUES, "once", 7.25) == "not known"
    assert results.compare_published(VALUES, "nothing", 7) == "not known"
