"""The solutions of the exercises in the built site: closed until asked for, and complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

BOOK = Path(__file__).resolve().parents[2]


def test_solutions_are_closed_until_asked_for(visit: Any, name: str) -> None:
    page = visit(name).page
    for solution in page.locator("div.solution.dropdown").all():
        text = solution.locator(".solution-content")
        assert not text.is_visible()
        solution.locator(".toggle-button").press("Enter")
        assert text.is_visible()


def test_a_tap_anywhere_on_the_title_opens_a_solution_and_closes_it(visit: Any, name: str) -> None:
    page = visit(name, width=390, has_touch=True, is_mobile=True).page
    for solution in page.locator("div.solution.dropdown").all():
        text, title = solution.locator(".solution-content"), solution.locator(":scope > .admonition-title")
        for spot in (title, title.locator("a"), title.locator(".toggle-button")):
            for shown in (True, False):
                spot.scroll_into_view_if_needed()
                box = spot.bounding_box()
                page.touchscreen.tap(box["x"] + min(20, box["width"] / 2), box["y"] + box["height"] / 2)
                assert text.is_visible() == shown
    assert "#" not in page.url, "the link in the title was followed"


def solutions(notebook: Path) -> dict[str, int]:
    """For each exercise, how many code cells of its solution are shown."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"] if notebook.is_file() else []  # a page of text
    found, label = {}, None
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and "{solution-start}" in text:
            label = text.split("{solution-start}")[1].split()[0]
            found[label] = 0
        elif cell["cell_type"] == "markdown" and "{solution-end}" in text:
            label = None
        elif cell["cell_type"] == "code" and label and "remove-cell" not in cell["metadata"].get("tags", []):
            found[label] += 1
    return found


def test_solutions_hold_their_code_cells(visit: Any, name: str) -> None:
    shown = {}
    for solution in visit(name).page.locator("div.solution.dropdown").all():
        label = solution.locator(".admonition-title a").get_attribute("href").removeprefix("#")
        shown[label] = solution.locator(".solution-content div.cell").count()
    assert shown == solutions(BOOK / Path(name).with_suffix(".ipynb"))
