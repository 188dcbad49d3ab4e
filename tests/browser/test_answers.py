"""Exercises answered on the page: by mouse, touch, keyboard; right, wrong, nonsense; without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe import faults

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = [file for file in sorted(SITE.glob("book/*.html")) if 'class="kd-answer' in file.read_text("utf-8")]
EACH = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def ways(kind: str) -> pytest.MarkDecorator:
    """Every page by mouse, and the first that has this kind of exercise by touch and by keyboard too."""
    first = next((page for page in PAGES if f'data-kind="{kind}"' in page.read_text("utf-8")), None)
    pairs = [(page, "mouse") for page in PAGES] + [(first, way) for way in ("touch", "keyboard") if first]
    return pytest.mark.parametrize(("path", "way"), pairs, ids=lambda it: getattr(it, "stem", it))


def press(page: Any, button: Any, way: str) -> None:
    if way == "keyboard":
        button.focus()
        page.keyboard.press("Enter")
    else:
        button.tap() if way == "touch" else button.click()


def test_every_chapter_has_two_exercises_that_are_answered_on_the_page() -> None:
    found = {path.stem: path.read_text("utf-8").count('class="kd-answer"') for path in PAGES}
    for number in range(1, 9):
        assert any(name.startswith(f"0{number}_") and count >= 2 for name, count in found.items()), found


@ways("choice")
def test_each_choice_is_answered_with_a_sentence(visit: Any, path: Path, way: str) -> None:
    page = visit(f"book/{path.name}", width=390, has_touch=way == "touch").page
    for card in page.locator(".kd-answer[data-kind=choice]").all():
        marks = []
        for button in card.locator("ul button").all():
            press(page, button, way)
            said = card.locator(".kd-verdict").inner_text()
            assert re.match(r"(✓ Right|✗ Not yet)\. .{10,}", said, re.DOTALL), said
            assert button.get_attribute("aria-pressed") == "true"
            assert card.locator("[aria-pressed=true]").count() == 1
            marks.append(said[0])
        assert marks.count("✓") == 1 and len(marks) >= 2


@ways("number")
def test_numbers_right_wrong_and_none_at_all(visit: Any, path: Path, way: str) -> None:
    plain = visit(f"book/{path.name}", width=390, java_script_enabled=False).page
    cards = plain.locator(".kd-answer[data-kind=number]").all()
    known = [
        [(item.text_content() or "").strip() for item in card.locator("ul > li").all()] for card in cards
    ]
    rights = [card.locator("ul > li.kd-right").text_content().strip() for card in cards]
    page = visit(f"book/{path.name}", width=390, has_touch=way == "touch").page
    for card, items, right in zip(
        page.locator(".kd-answer[data-kind=number]").all(), known, rights, strict=True
    ):
        field, button, verdict = (
            card.locator("input"),
            card.locator("form button"),
            card.locator(".kd-verdict"),
        )

        def answer(text: str, card: Any = card) -> str:
            card.locator("input").fill(text)
            if way == "keyboard":
                page.keyboard.press("Enter")
            else:
                press(page, card.locator("form button"), way)
            return str(card.locator(".kd-verdict").inner_text())

        assert field.get_attribute("aria-label") and button.is_visible() and verdict.inner_text() == ""
        for item in items:
            if number := re.match(r"[-+−]?[\d,.]+", item):
                said = answer(number[0].rstrip("."))
                assert said.startswith("✓ Right." if item == right else "✗ Not yet."), (item, said)
                assert len(said) > 20, said
        assert answer("-98765.4321").startswith("✗ Not yet.") and len(verdict.inner_text()) > 20
        for nonsense in ("many", "1/0", "1/2/3", "--"):
            assert "Write a number" in answer(nonsense)


@ways("order")
def test_an_order_is_found_by_moving(visit: Any, path: Path, way: str) -> None:
    page = visit(f"book/{path.name}", width=390, has_touch=way == "touch").page
    for card in page.locator(".kd-answer[data-kind=order]").all():
        check = card.locator(":scope > button")
        press(page, check, way)
        assert card.locator(".kd-verdict").inner_text().startswith("✗ Not yet.")
        count = card.locator("ol > li").count()
        for place in range(1, count + 1):  # bring each up to its place, one after the other
            item = card.locator(f"ol > li[data-place='{place}']")
            while item.evaluate("e => [...e.parentNode.children].indexOf(e)") > place - 1:
                press(page, item.get_by_role("button", name="Move up"), way)
                assert card.locator(".kd-verdict").inner_text().startswith("Now at place")
        press(page, check, way)
        assert re.match(r"✓ Right\..{10,}", card.locator(".kd-verdict").inner_text(), re.DOTALL)


@EACH
def test_without_javascript_what_is_said_unfolds(visit: Any, path: Path) -> None:
    page = visit(f"book/{path.name}", width=390, java_script_enabled=False).page
    for card in page.locator(".kd-answer").all():
        box = card.locator("details").first
        assert not box.locator("p").first.is_visible()
        box.locator("summary").click()
        assert box.locator("p").first.is_visible()


@EACH
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_said_can_be_read_by_everyone(visit: Any, path: Path, scheme: str) -> None:
    page = visit(f"book/{path.name}", width=390, color_scheme=scheme).page
    for card in page.locator(".kd-answer").all():
        if card.locator("input").count():
            card.locator("input").fill("-12345")
        card.locator("button").last.click()
    assert faults(page, ".kd-answer") == {}


@EACH
def test_nothing_tells_the_right_answer_before_it_is_given(visit: Any, path: Path) -> None:
    page = visit(f"book/{path.name}", width=390).page
    for card in page.locator(".kd-answer").all():
        assert card.locator(".kd-right, .kd-said").count() == 0
        assert card.locator(".kd-verdict").inner_text() == ""
        assert card.get_attribute("aria-label") == "Your answer"
