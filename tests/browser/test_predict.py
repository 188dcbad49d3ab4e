"""Predict cards in the built pages: by mouse, touch and keyboard, and without JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = [file for file in sorted(SITE.glob("book/*.html")) if "kd-reveal" in file.read_text("utf-8")]
EACH = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def test_the_book_has_cards() -> None:
    assert PAGES


@EACH
def test_nothing_of_an_answer_is_in_sight_before_it_is_given(visit: Any, path: Path) -> None:
    page = visit(f"book/{path.name}", width=390).page
    for card in page.locator(".kd-predict.kd-card").all():
        assert card.locator(".kd-reveal").get_attribute("open") is None
        assert not card.locator(".kd-reveal > :not(summary)").first.is_visible()
        assert card.locator(".kd-verdict").inner_text() == ""
        for option in card.locator("li").all():  # the right one looks like the others
            look = "e => JSON.stringify([getComputedStyle(e).border, getComputedStyle(e, '::after').content])"
            button = option.locator("button")
            assert button.evaluate(look) == card.locator("li button").first.evaluate(look)


# Every page by mouse, one by touch and by keyboard too.
@pytest.mark.parametrize(
    ("path", "way"),
    [(page, "mouse") for page in PAGES]
    + [(page, way) for page in PAGES[:1] for way in ("touch", "keyboard")],
    ids=lambda it: getattr(it, "stem", it),
)
def test_an_answer_opens_what_was_measured(visit: Any, path: Path, way: str) -> None:
    page = visit(f"book/{path.name}", width=390, has_touch=way == "touch").page
    for card in page.locator(".kd-predict.kd-card").all():
        if card.get_attribute("data-number"):
            card.locator("input").fill("-1000")
            card.locator("form button").click()
            assert card.locator(".kd-verdict").inner_text() == "You said -1000."
        else:
            for option, said in ((":not(.kd-right)", "Not quite."), (".kd-right", "Right.")):
                button = card.locator(f"li{option} button").first
                if way == "keyboard":
                    button.focus()
                    page.keyboard.press("Enter")
                else:
                    button.tap() if way == "touch" else button.click()
                assert card.locator(".kd-verdict").inner_text() == said
                assert button.get_attribute("aria-pressed") == "true"
                assert card.locator("[aria-pressed=true]").count() == 1
        assert card.locator(".kd-reveal p").first.is_visible()


@EACH
def test_without_javascript_the_answer_unfolds(visit: Any, path: Path) -> None:
    page = visit(f"book/{path.name}", width=390, java_script_enabled=False).page
    card = page.locator(".kd-predict:has(.kd-reveal)").first
    assert not card.locator(".kd-reveal p").first.is_visible()
    card.locator("summary").click()
    assert card.locator(".kd-reveal p").first.is_visible()


def test_the_keyboard_goes_on_from_an_answer_that_it_unfolded(visit: Any) -> None:
    page = visit(f"book/{PAGES[0].name}").page
    card = page.locator(".kd-card").first
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.className === 'kd-reveal'")
    assert card.locator(".kd-reveal p").first.is_visible()


@EACH
def test_a_lesson_takes_at_most_24_screens_of_a_phone(visit: Any, path: Path) -> None:
    """Up to its exercises; something to predict or to touch stands on the first two."""
    page = visit(f"book/{path.name}", width=390).page
    top = "node => node.getBoundingClientRect().top + scrollY"
    assert page.locator("section#exercises").evaluate(top) <= 24 * 844
    assert page.locator(".kd-card, .kd-slider").first.evaluate(top) <= 2 * 844
