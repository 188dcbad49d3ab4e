"""How numbers are written for people."""

from decimal import ROUND_HALF_UP, Decimal


def fixed(x: float, digits: int) -> str:
    """`x` with a number of decimals, halves up and no minus zero, as JavaScript's toFixed writes it."""
    return f"{Decimal(x).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) + 0:f}"


def signed(x: float, digits: int = 0) -> str:
    """`x` with its sign, a real minus, and none for zero: "+63", "−2", "0". Chapter 02."""
    text = fixed(abs(x), digits)
    zero = not float(text)
    return text if zero else ("+" if x > 0 else "\N{MINUS SIGN}") + text


def percent(share: float) -> str:
    """A share as a percentage with two or three digits, as the sliders write it. Chapter 01.

    percent(0.854) is "85.4 %", percent(0.0037) "0.37 %", percent(1e-6) "<0.01 %", percent(0.9999) ">99.9 %".
    The space does not break.
    """
    x = 100 * float(share)
    if 0 < x < 0.01:
        return "<0.01\N{NO-BREAK SPACE}%"
    if 99.95 <= x < 100:
        return ">99.9\N{NO-BREAK SPACE}%"
    return f"{fixed(x, 0 if x in (0, 100) else 2 if x < 1 else 1)}\N{NO-BREAK SPACE}%"
