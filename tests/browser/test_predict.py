"""Predict cards in the built pages: by mouse, touch and keyboard, and without JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_phone import opened

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = [file for file in sorted(SITE.glob("book/*.html")) if "kd-reveal" in file.read_text("utf-8")]
EACH = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def test_the_book_has_cards() -> None:
    assert PAGES


@EACH
def test_nothing_of_an_answer_is_in_sight_before_it_is_given(browser: Any, path: Path) -> None:
    page = opened(browser, path)
    for card in page.locator(".kd-predict.kd-card").all():
        assert card.locator(".kd-reveal").get_attribute("open") is None
        assert not card.locator(".kd-reveal > :not(summary)").first.is_visible()
        assert card.locator(".kd-verdict").inner_text() == ""
        for option in card.locator("li").all():  # the right one looks like the others
            look = "e => JSON.stringify([getComputedStyle(e).border, getComputedStyle(e, '::after').content])"
            button = option.locator("button")
            assert button.evaluate(look) == card.locator("li button").first.evaluate(look)


@EACH
@pytest.mark.parametrize("way", ["mouse", "touch", "keyboard"])
def test_an_answer_opens_what_was_measured(browser: Any, path: Path, way: str) -> None:
    page = opened(browser, path, has_touch=way == "touch")
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
def test_without_javascript_the_answer_unfolds(browser: Any, path: Path) -> None:
    page = opened(browser, path, java_script_enabled=False)
    card = page.locator(".kd-predict:has(.kd-reveal)").first
    assert not card.locator(".kd-reveal p").first.is_visible()
    card.locator("summary").click()
    assert card.locator(".kd-reveal p").first.is_visible()


@EACH
def test_a_lesson_takes_at_most_24_screens_of_a_phone(browser: Any, path: Path) -> None:
    """Up to its exercises; something to predict or to touch stands on the first two."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(path.as_uri())
    top = "node => node.getBoundingClientRect().top + scrollY"
    assert page.locator("section#exercises").evaluate(top) <= 24 * 844
    assert page.locator(".kd-card, .kd-slider").first.evaluate(top) <= 2 * 844
    context.close()
