"""Numbers as people read them."""

import pytest

from kdlib.numbers import fixed, percent, signed


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100 %"),
        (0.99951, ">99.9 %"),
        (0.99949, "99.9 %"),
        (0.125, "12.5 %"),
        (0.0099, "0.99 %"),
        (0.0001, "0.01 %"),
        (3e-6, "<0.01 %"),
        (0.995, "99.5 %"),
        (0.0, "0 %"),
    ],
)
def test_small_shares_are_not_rounded_to_nothing(share, text):
    assert percent(share) == text.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("x", "digits", "text"),
    [
        (0.125, 2, "0.13"),
        (2.5, 0, "3"),
        (-0.001, 2, "0.00"),
        (1.005, 2, "1.00"),
        (3, 1, "3.0"),
        (-1.25, 1, "-1.3"),
        (3e-8, 8, "0.00000003"),  # no power of ten, however small
        (0, 7, "0.0000000"),
    ],
)
def test_halves_are_rounded_away_from_zero(x, digits, text):
    assert fixed(x, digits) == text  # 1.005 is a little less in binary


@pytest.mark.parametrize(
    ("x", "digits", "text"),
    [
        (62.6, 0, "+63"),
        (-2.3, 0, "\N{MINUS SIGN}2"),
        (-0.4, 0, "0"),
        (0.04, 1, "0.0"),
        (-0.05, 1, "\N{MINUS SIGN}0.1"),
    ],
)
def test_a_signed_number_has_a_real_minus_and_no_minus_zero(x, digits, text):
    assert signed(x, digits) == text
