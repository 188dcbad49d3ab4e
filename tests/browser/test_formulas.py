"""The formulas of the built site in Chromium: all of them MathML, in the book's font, whole, and in reach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import formulas
import kd_math
import pytest

pytestmark = pytest.mark.browser

NUMBER = re.compile(r"[−+]?[\d.]+%?")  # as formulas.NUMBER
VERBATIM = re.compile(r"<(script|style|pre|code)\b.*?</\1>", re.DOTALL)
RAW = re.compile(r"\\[a-zA-Z()\[\]{},]|\$[^$\n]+\$")


def test_every_formula_of_a_page_was_compared_with_temml(site: Path, name: str) -> None:
    made = re.findall(r"<math\b.*?</math>", (site / name).read_text("utf-8"), re.DOTALL)
    texts = {formulas.as_text(formula) for formula in made} - set(formulas.stored().values())
    assert not [text for text in texts if not NUMBER.fullmatch(text)]


def test_no_formula_stays_raw_and_no_script_draws_one(site: Path) -> None:
    for file in site.rglob("*.html"):
        page = file.read_text("utf-8")
        assert not RAW.findall(VERBATIM.sub("", page)), file.name
        assert "mathjax" not in page.lower() and "katex" not in page.lower(), file.name


def show(page: Any, tex: str) -> Any:
    """A numbered display in place of the page's text."""
    number = '<span class="eqno">(1)</span>'
    made = f'<div class="math">{number}{kd_math.mathml(tex, True)}</div>'
    page.evaluate("(made) => document.querySelector('article').innerHTML = made", made)
    page.evaluate("document.fonts.ready.then(() => dispatchEvent(new Event('resize')))")
    return page.locator("div.math")


def test_a_display_wider_than_the_screen_scrolls_by_the_keyboard(visit: Any) -> None:
    page = visit("book/notation.html", width=390).page
    display = show(page, " + ".join("abcdefghijklmnopqrstuvwxyz"))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    left = (
        "(box) => box.querySelector('math').getBoundingClientRect().left - box.getBoundingClientRect().left"
    )
    assert display.evaluate(left) >= 0, "its beginning is out of reach"
    assert display.get_attribute("tabindex") == "0"
    display.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('div.math').scrollLeft > 0")


def test_a_short_display_stands_in_the_middle_with_its_number_at_the_right(visit: Any) -> None:
    display = show(visit("book/notation.html", width=390).page, "a = b")
    place = "(one) => one.getBoundingClientRect()"
    box, number = display.evaluate(place), display.locator(".eqno").evaluate(place)
    first, last = display.locator("mi").first.evaluate(place), display.locator("mi").last.evaluate(place)
    assert abs(number["right"] - box["right"]) < 1
    assert first["left"] - box["left"] > 80 and box["right"] - last["right"] > 80
    assert display.get_attribute("tabindex") is None


def test_brackets_grow_with_what_they_hold(visit: Any) -> None:
    display = show(visit("book/notation.html").page, r"\left( \frac{a}{\frac{b}{c}} \right)")
    height = "(all) => all.map((one) => one.getBoundingClientRect().height)"
    [fraction, _] = display.locator("mfrac").evaluate_all(height)
    assert min(display.locator("mo").evaluate_all(height)) >= 0.95 * fraction
