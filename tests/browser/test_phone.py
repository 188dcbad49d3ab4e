"""Code, figures and photographs on a phone of 390 pixels, and in the dark (make test-browser)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_every_page import alike, picture
from test_site import open_everything

pytestmark = pytest.mark.browser

BOOK = Path(__file__).resolve().parents[2] / "book"


def test_the_introduction_shows_its_slider_on_the_first_screen_and_its_map_within_five(visit: Any) -> None:
    page = visit("book/intro.html", width=390).page
    limits = {".kd-view svg": 844, ".kd-buttons": 1.5 * 844, "ol": 5 * 844}  # the top of a picture, else ends
    for name, most in limits.items():
        box = page.locator(f"article {name}").first.bounding_box()
        assert box and box["y"] + box["height"] * (name != ".kd-view svg") <= most, (name, box)
    links = page.locator("article ol > li > p > a:not(.kd-word)").all()
    chapters = sorted(path.stem for path in BOOK.glob("[0-9]*.ipynb"))
    assert [(link.get_attribute("href") or "").removesuffix(".html") for link in links] == chapters


def test_a_line_that_goes_on_below_is_marked_and_one_that_does_not_is_not(visit: Any) -> None:
    page = visit("book/04_cifar10.html", width=390).page
    open_everything(page)
    boxes = page.evaluate(
        """() => Array.from(document.querySelectorAll(".cell_input .kd-line"), (line) => {
            const one = parseFloat(getComputedStyle(line).lineHeight);
            const mark = getComputedStyle(line, "::before");
            return [line.offsetHeight / one, parseFloat(mark.height) / one, mark.content];
        })"""
    )
    assert {round(lines) for lines, _, _ in boxes} >= {1, 2, 3}
    for lines, marks, content in boxes:
        assert content.startswith('"↳')
        assert marks == pytest.approx(lines - 1, abs=0.1)


def test_what_is_copied_is_the_code_as_it_was(visit: Any) -> None:
    cells = json.loads((BOOK / "04_cifar10.ipynb").read_text("utf-8"))["cells"]
    sources = {"".join(cell["source"]).strip() for cell in cells if cell["cell_type"] == "code"}
    context = {"permissions": ["clipboard-read", "clipboard-write"]}
    page = visit("book/04_cifar10.html", http=True, width=390, **context).page
    select = "(pre) => getSelection().selectAllChildren(pre) || document.execCommand('copy')"
    read = "navigator.clipboard.readText()"
    for block in page.locator(".cell_input:visible").all()[:8]:
        block.locator(".copybtn").click()
        button = page.evaluate(read)
        block.locator("pre").evaluate(select)
        assert button.strip() in sources
        assert page.evaluate(read).strip() == button.strip()


def test_printed_columns_stay_columns(visit: Any) -> None:
    """A printed table of up to 50 columns is set smaller rather than broken, and never below 9.5 pixels."""
    for name in ("book/02_loss.html", "book/04_cifar10.html", "book/08_doubts.html"):
        page = visit(name, width=390).page
        open_everything(page)
        printed = page.evaluate(
            """() => Array.from(document.querySelectorAll(".cell_output pre"), (pre) => {
                const style = getComputedStyle(pre), line = pre.querySelector(".kd-line");
                const most = Math.max(...Array.from(pre.children, (line) => line.offsetHeight));
                const columns = Math.max(...pre.textContent.split("\\n").map((text) => text.length));
                const lines = most / parseFloat(getComputedStyle(line).lineHeight);
                return [columns, lines, parseFloat(style.fontSize)];
            })"""
        )
        assert printed
        for columns, lines, size in printed:
            assert size >= 9.5
            assert columns > 50 or lines == pytest.approx(1, abs=0.1)


def test_paper_shows_photographs_on_white(visit: Any) -> None:
    page = visit("book/05_xrays.html", color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert alike(picture(page.locator("img.kd-photo").first).getpixel((2, 2)), (255, 255, 255))
