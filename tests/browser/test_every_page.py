"""What holds of every page: it is opened once in light and once in dark, and looked at in many ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import figure_text
import pytest
from test_site import open_everything

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def look(browser: Any, site: Path, name: str) -> Iterator[Any]:
    """look(scheme, width) is the page unfolded, one and the same for all tests: leave it as it was."""
    pages: dict[str, Any] = {}

    def look_(scheme: str, width: int) -> Any:
        if scheme not in pages:
            context = browser.new_context(color_scheme=scheme, offline=True)
            page = pages[scheme] = context.new_page()
            page.goto((site / name).as_uri())
            page.evaluate("() => document.fonts.ready.then(() => true)")
            open_everything(page)
        pages[scheme].set_viewport_size({"width": width, "height": 850})
        return pages[scheme]

    yield look_
    for page in pages.values():
        page.context.close()


def test_no_code_scrolls_sideways_and_neither_does_the_page(look: Any) -> None:
    page = look("light", 390)
    wide = """() => Array.from(document.querySelectorAll("pre, .highlight"))
        .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.textContent.slice(0, 60))"""
    assert page.evaluate(wide) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_figures_are_as_wide_as_the_check_of_their_text_takes_them_to_be(look: Any) -> None:
    """figure_text.py measures the text of stored figures for this width."""
    page = look("light", 390)
    for figure in page.locator("figure > img.kd-plot, img.kd-photo").all():
        shown, natural = figure.evaluate("(image) => [image.clientWidth, image.naturalWidth]")
        boxed = figure.evaluate("(image) => Boolean(image.closest('.admonition'))")
        assert shown >= min(figure_text.IN_A_BOX if boxed else figure_text.PHONE, natural) - 1


def picture(image: Any) -> Any:
    from PIL import Image

    image.scroll_into_view_if_needed()
    return Image.open(BytesIO(image.screenshot())).convert("RGB")


def alike(one: tuple[int, ...], other: tuple[int, ...], by: int = 4) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def test_photographs_lie_on_the_dark_page_as_they_are(look: Any) -> None:
    light, dark = look("light", 1280), look("dark", 1280)
    assert light.locator("img.kd-photo").count() == light.locator(".kd-layers").count()
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


def test_no_picture_is_a_white_card_in_the_dark(look: Any) -> None:
    page = look("dark", 1280)
    for image in page.locator("figure img:visible").all():
        seen = picture(image)
        corners = [(2, 2), (seen.width - 3, 2), (2, seen.height - 3), (seen.width - 3, seen.height - 3)]
        assert not any(alike(seen.getpixel(corner), (255, 255, 255), 60) for corner in corners)


def test_formulas_have_the_colour_of_the_text_and_the_font_of_the_book(look: Any) -> None:
    page = look("dark", 1280)
    colour = "(node) => getComputedStyle(node).color"
    for formula in page.locator("article math").all()[:3]:
        assert formula.evaluate(colour) == formula.locator("xpath=ancestor::*[2]").evaluate(colour)
    client = page.context.new_cdp_session(page)
    client.send("DOM.enable")
    client.send("CSS.enable")
    root = client.send("DOM.getDocument")["root"]["nodeId"]
    nodes = client.send("DOM.querySelectorAll", {"nodeId": root, "selector": "article math"})["nodeIds"]
    fonts = [client.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"] for node in nodes]
    drawn = {(font["familyName"], font["isCustomFont"]) for used in fonts for font in used}
    assert drawn <= {("STIX Two Math", True)}, "make_math_font.py leaves out a character that a formula needs"


CUT = """() => {
  const cut = [];
  for (const formula of document.querySelectorAll("article math")) {
    const box = formula.closest("div.math, .pst-scrollable-table-container, .cell_output, article");
    const [inner, outer] = [formula, box].map((node) => node.getBoundingClientRect());
    const left = inner.left - outer.left + box.scrollLeft, right = left + inner.width;
    const wide = right > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "auto";
    const high = box.matches("div.math") && box.scrollHeight > box.clientHeight + 1;
    if (left < -1 || right > box.scrollWidth + 1 || wide || high) cut.push(formula.textContent);
  }
  return cut;
}"""


def test_no_formula_is_cut_on_a_small_phone(look: Any) -> None:
    page = look("light", 360)
    unfold = "(hidden) => document.querySelector('.kd-meanings')?.toggleAttribute('hidden', hidden)"
    page.evaluate(unfold, False)  # the glossary's
    assert page.evaluate(CUT) == []
    page.evaluate(unfold, True)


def test_nothing_is_wider_than_a_small_phone(look: Any) -> None:
    page = look("light", 360)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, f"the page is {wide} px wide"


def test_paper_shows_the_title_in_light_colours(look: Any) -> None:
    page = look("dark", 1280)
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("h1").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_white_of_a_plot_becomes_the_dark_page(look: Any) -> None:
    for plot in look("dark", 1280).locator("img.kd-plot").all():
        assert alike(picture(plot).getpixel((3, 3)), (20, 24, 30))
