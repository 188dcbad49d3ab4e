"""Words of the glossary in the built pages: by mouse, touch and keyboard, and without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe import faults

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = [
    file.relative_to(SITE).as_posix()
    for file in sorted(SITE.glob("book/**/*.html"))
    if 'class="kd-word"' in file.read_text("utf-8")
]
EACH = pytest.mark.parametrize("page_name", PAGES)
PHONE = {"width": 390, "has_touch": True, "is_mobile": True}
CHAPTER = "book/02_loss.html"


def test_every_chapter_has_words() -> None:
    chapters = {file.relative_to(SITE).as_posix() for file in SITE.glob("book/[0-9]*.html")}
    assert len(chapters) >= 9 and chapters <= set(PAGES)


TAP_ALL = """() => Array.from(document.querySelectorAll("a.kd-word"), (word) => {
    word.scrollIntoView({block: "center"});
    const tap = () => {
        word.dispatchEvent(new PointerEvent("pointerdown", {bubbles: true, pointerType: "touch"}));
        word.dispatchEvent(new PointerEvent("click", {bubbles: true, cancelable: true}));
    };
    tap();
    const box = document.querySelector(".kd-meaning");
    const {left, top, right, bottom} = box.getBoundingClientRect();
    const meaning = document.getElementById(word.getAttribute("aria-describedby"));
    const shown = !box.hidden && box.innerHTML === meaning.innerHTML && box.innerText.length > 30;
    const wide = document.documentElement.scrollWidth;
    tap();
    return [shown, left, top, right, bottom, wide, box.hidden];
})"""


@EACH
def test_every_meaning_fits_a_phone(visit: Any, page_name: str) -> None:
    page = visit(page_name, **PHONE).page
    for shown, left, top, right, bottom, wide, closed in page.evaluate(TAP_ALL):
        assert shown and closed and wide == 390
        assert left >= 8 and right <= 382 and top >= 0 and bottom <= 850


def test_a_tap_shows_the_meaning_and_a_second_tap_hides_it(visit: Any) -> None:
    page = visit(CHAPTER, **PHONE).page
    address, box = page.url, page.locator(".kd-meaning")
    for word in page.locator("a.kd-word").all():
        word.tap()
        assert box.is_visible() and box.locator(".kd-term").inner_text() == name_of(page, word)
        word.tap()
        assert not box.is_visible()
    assert page.url == address, "the link was followed"


def test_a_tap_on_another_word_or_elsewhere_closes_the_box_and_one_inside_keeps_it(visit: Any) -> None:
    page = visit(CHAPTER, **PHONE).page
    box = page.locator(".kd-meaning")
    words = page.locator("a.kd-word").all()
    for word in (words[1], words[-1]):
        word.tap()
        assert box.locator(".kd-term").inner_text() == name_of(page, word)
    box.tap()
    assert box.is_visible()
    page.locator("h1").tap()
    assert not box.is_visible()


def name_of(page: Any, word: Any) -> str:
    term = page.locator(f"#{word.get_attribute('aria-describedby')} .kd-term")
    return term.evaluate("node => node.textContent")


def test_the_mouse_shows_the_meaning_and_may_enter_it(visit: Any) -> None:
    from playwright.sync_api import expect

    page = visit(CHAPTER).page
    word, box = page.locator("a.kd-word").nth(3), page.locator(".kd-meaning")
    word.hover()
    expect(box).to_be_visible()
    box.hover()
    page.wait_for_timeout(400)  # longer than the box waits for the mouse
    expect(box).to_be_visible()
    page.locator("h1").hover()
    expect(box).to_be_hidden()


def test_a_click_of_the_mouse_leads_to_the_glossary(visit: Any) -> None:
    page = visit(CHAPTER).page
    page.locator("a.kd-word[aria-describedby=word-entropy]").click()
    page.wait_for_url("**/notation.html#word-entropy")
    assert page.locator("dt#word-entropy").is_visible()


def test_the_keyboard_shows_and_hides_the_meaning(visit: Any) -> None:
    page = visit(CHAPTER).page
    words, box = page.locator("a.kd-word"), page.locator(".kd-meaning")
    words.first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert box.is_visible() and box.locator(".kd-term").inner_text() == name_of(page, words.first)
    page.keyboard.press("Escape")
    assert not box.is_visible()
    assert words.first.evaluate("word => word === document.activeElement")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert box.is_visible()
    page.keyboard.press("Tab")
    assert not box.is_visible() or box.locator(".kd-term").inner_text() != name_of(page, words.first)
    words.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/notation.html#word-*")


def test_escape_closes_what_a_mouse_or_a_tap_opened(visit: Any) -> None:
    for options in (PHONE, {}):
        page = visit(CHAPTER, **options).page
        word, box = page.locator("a.kd-word").nth(2), page.locator(".kd-meaning")
        word.tap() if options else word.hover()
        box.wait_for()
        page.keyboard.press("Escape")
        assert not box.is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_an_open_box_is_accessible(visit: Any, width: int, scheme: str) -> None:
    page = visit(CHAPTER, width=width, has_touch=True, color_scheme=scheme).page
    page.locator("a.kd-word[aria-describedby=word-kl-divergence]").tap()
    assert page.locator(".kd-meaning").is_visible()
    assert faults(page) == {}


def test_without_javascript_a_word_is_a_link_and_no_meaning_is_in_sight(visit: Any) -> None:
    page = visit(CHAPTER, java_script_enabled=False).page
    assert page.locator(".kd-meaning").count() == 0
    assert not page.locator(".kd-meanings").is_visible()
    page.locator("a.kd-word[aria-describedby=word-entropy]").click()
    page.wait_for_url("**/notation.html#word-entropy")


def test_no_search_finds_a_page_for_a_meaning_alone(visit: Any) -> None:
    page = visit(CHAPTER).page
    said = page.locator(".kd-meanings").evaluate("node => node.textContent").lower()
    shown = page.locator("article").evaluate("node => node.innerText").lower()
    lent = next(word for word in re.findall("[a-z]{8,}", said) if word[:5] not in shown)
    found = visit(f"search.html?q={lent}").page
    found.locator("#search-results .search-summary", has_text="page(s)").wait_for()
    assert CHAPTER not in str(found.locator("#search-results").inner_html())
