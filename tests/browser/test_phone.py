"""Code, figures and photographs on a phone of 390 pixels, and in the dark (make test-browser)."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import figure_text
import pytest
from test_site import open_everything

pytestmark = pytest.mark.browser

BOOK = Path(__file__).resolve().parents[2] / "book"


def test_no_code_scrolls_sideways_and_neither_does_the_page(visit: Any, name: str) -> None:
    page = visit(name, width=390).page
    open_everything(page)
    wide = """() => Array.from(document.querySelectorAll("pre, .highlight"))
        .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.textContent.slice(0, 60))"""
    assert page.evaluate(wide) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_introduction_has_its_slider_on_the_first_screen_and_its_map_within_five(visit: Any) -> None:
    page = visit("book/intro.html", width=390).page
    ends = {name: page.locator(f"article {name}").first.bounding_box() for name in (".kd-buttons", "ol")}
    assert all(ends.values())
    bottom = {name: box["y"] + box["height"] for name, box in ends.items() if box}
    assert bottom[".kd-buttons"] <= 844 and bottom["ol"] <= 5 * 844, bottom
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


def test_figures_are_as_wide_as_the_check_of_their_text_takes_them_to_be(visit: Any, name: str) -> None:
    """figure_text.py measures the text of stored figures for this width."""
    page = visit(name, width=390).page
    open_everything(page)
    for figure in page.locator("figure > img.kd-plot, img.kd-photo").all():
        shown, natural = figure.evaluate("(image) => [image.clientWidth, image.naturalWidth]")
        boxed = figure.evaluate("(image) => Boolean(image.closest('.admonition'))")
        assert shown >= min(figure_text.IN_A_BOX if boxed else figure_text.PHONE, natural) - 1


# ---- photographs in the dark ----


def picture(image: Any) -> Any:
    from PIL import Image

    image.scroll_into_view_if_needed()
    return Image.open(BytesIO(image.screenshot())).convert("RGB")


def alike(one: tuple[int, ...], other: tuple[int, ...], by: int = 4) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def test_photographs_lie_on_the_dark_page_as_they_are(visit: Any, site: Path, name: str) -> None:
    if 'class="kd-photo"' not in (site / name).read_text("utf-8"):
        return
    light, dark = (visit(name, color_scheme=scheme).page for scheme in ("light", "dark"))
    for page in (light, dark):
        open_everything(page)
    assert light.locator("img.kd-photo").count() == light.locator(".kd-layers").count() > 0
    figures = zip(*(page.locator(".kd-layers").all() for page in (light, dark)), strict=True)
    for day, night in figures:
        shape = night.locator("img.kd-photographs").evaluate("(image) => image.style.clipPath")
        numbers = [float(number) / 100 for number in re.findall(r"([-\d.]+)%", shape)]
        (left, top), (right, bottom) = numbers[0:2], numbers[4:6]
        before, after = picture(day.locator("img.kd-photo")), picture(night.locator("img.kd-photo"))
        assert before.size == after.size
        assert alike(after.getpixel((2, 2)), (20, 24, 30)), "the paper is not the page"
        for share in (0.3, 0.5, 0.7):  # along the diagonal of the first photograph
            x = (left + share * (right - left)) * before.width
            y = (top + share * (bottom - top)) * before.height
            assert alike(before.getpixel((int(x), int(y))), after.getpixel((int(x), int(y))))


def test_no_picture_is_a_white_card_in_the_dark(visit: Any, site: Path, name: str) -> None:
    if "<figure" not in (site / name).read_text("utf-8"):
        return
    page = visit(name, color_scheme="dark").page
    open_everything(page)
    for image in page.locator("figure img:visible").all():
        seen = picture(image)
        corners = [(2, 2), (seen.width - 3, 2), (2, seen.height - 3), (seen.width - 3, seen.height - 3)]
        assert not any(alike(seen.getpixel(corner), (255, 255, 255), 60) for corner in corners)


def test_paper_shows_photographs_on_white(visit: Any) -> None:
    page = visit("book/05_xrays.html", color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert alike(picture(page.locator("img.kd-photo").first).getpixel((2, 2)), (255, 255, 255))
