"""The built site as a reader meets it: offline, on a phone, by keyboard, in the dark (make test-browser)."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from axe import faults

pytestmark = pytest.mark.browser

SLIDER = ".kd-live input[type=range]"


def open_everything(page: Any) -> None:
    """Hidden code and solutions are pages too."""
    page.evaluate("document.querySelectorAll('details').forEach((details) => details.open = true)")
    for button in page.locator(".toggle-hidden .toggle-button").all()[::-1]:
        button.click()


def settled(page: Any) -> None:
    """Waits until what was asked for is painted: sliders paint once a frame."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def changes(slider: Any, act: Callable[[], None]) -> None:
    """Fails unless `act` changes what the slider tells a screen reader."""
    from playwright.sync_api import expect

    before = slider.get_attribute("aria-valuetext")
    act()
    expect(slider).not_to_have_attribute("aria-valuetext", before)


# ---- every page, as files and over http ----


@pytest.mark.parametrize("http", [False, True], ids=["file", "http"])
def test_a_page_is_quiet_and_asks_no_other_host(visit: Any, name: str, http: bool, server: str) -> None:
    seen = visit(name, http=http)
    home = server if http else "file:"
    assert not seen.errors
    assert not [url for url in seen.requests if not url.startswith((home, "data:", "blob:"))]
    if not seen.page.locator("[data-slider]").count():
        assert not [url for url in seen.requests if "sliders/kit.js" in url]


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_a_page_is_accessible(visit: Any, name: str, width: int, scheme: str) -> None:
    """The longest part of the suite: each width and each scheme once, pages of evidence in the dark alone."""
    if "/evidence/" in name and scheme == "light":
        return
    assert faults(visit(name, width=width, color_scheme=scheme).page) == {}


def test_a_page_has_a_title_a_language_described_images_and_a_way_to_its_text(visit: Any, name: str) -> None:
    from playwright.sync_api import expect

    page = visit(name).page
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    bare = page.locator("main img:not([alt]), main img[alt='']:not(.kd-slider img, .kd-photographs)")
    assert bare.count() == 0, bare.first.get_attribute("src")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    expect(page.locator("#pst-skip-link a")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.wait_for_url("**#main-content")


# ---- sliders ----


def begin_again(slider: Any) -> None:
    """Bring all of a slider back to its first state: one track may have pushed another to its end."""
    slider.locator("xpath=ancestor::form").locator("button").last.click()


def test_every_slider_moves_by_keyboard_and_mouse(visit: Any, holder: str) -> None:
    page = visit(holder).page
    open_everything(page)
    for slider in page.locator(SLIDER).locator("visible=true").all():
        begin_again(slider)
        slider.focus()
        page.keyboard.press("Home")  # it may stand at an end
        settled(page)
        for key in ("End", "ArrowLeft", "Home", "ArrowRight"):
            changes(slider, lambda key=key: page.keyboard.press(key))
        for share in (0.7, 0.2):
            slider.scroll_into_view_if_needed()
            box = slider.bounding_box()
            x, y = box["x"] + share * box["width"], box["y"] + box["height"] / 2
            changes(slider, lambda x=x, y=y: page.mouse.click(x, y))


def test_every_slider_moves_by_touch(visit: Any, holder: str) -> None:
    page = visit(holder, width=390, has_touch=True, is_mobile=True).page
    open_everything(page)
    for slider in page.locator(SLIDER).locator("visible=true").all():
        begin_again(slider)
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        x, y = box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2
        changes(slider, lambda x=x, y=y: page.touchscreen.tap(x, y))


@pytest.mark.parametrize(
    ("where", "kind"), [("03_mnist", "omitted"), ("intro", "playground"), ("playground", "playground")]
)
def test_what_trains_in_a_page_gets_its_data_there(visit: Any, where: str, kind: str) -> None:
    from playwright.sync_api import expect

    seen = visit(f"book/{where}.html")
    view = seen.page.locator(f".kd-view-{kind}")
    view.get_by_role("button", name="Step").click()
    expect(view.locator('[data-kd="said"]')).to_contain_text("After 1 step")
    assert not seen.errors


def test_every_stored_slider_is_started_and_asks_for_one_script(visit: Any, holder: str) -> None:
    seen = visit(holder)
    stored = seen.page.locator("[data-slider]").count()
    assert seen.page.locator(".kd-live").count() == stored > 0
    assert len([url for url in seen.requests if "sliders/kit.js" in url]) == 1


def test_a_slider_shows_its_table_without_javascript(visit: Any, holder: str) -> None:
    page = visit(holder, java_script_enabled=False, width=390).page
    for slider in page.locator("[data-slider]").all():
        assert slider.locator("table caption").is_visible()


def test_the_book_has_a_slider(site: Path) -> None:
    assert any("data-slider=" in file.read_text("utf-8") for file in site.glob("book/*.html"))


# ---- menus, dark mode, paper, search ----


def test_the_menu_opens_on_a_phone_and_closes_on_a_wide_screen(visit: Any) -> None:
    from playwright.sync_api import expect

    phone = visit("book/intro.html", width=390).page
    link = phone.locator(".bd-links a", has_text="Notation")
    expect(link).to_be_hidden()
    phone.locator(".primary-toggle").click()
    link.click()
    phone.wait_for_url("**/notation.html")
    wide = visit("book/intro.html").page
    menu = wide.locator("#pst-primary-sidebar")
    expect(menu).to_be_visible()
    wide.locator(".primary-toggle").click()
    expect(menu).to_be_hidden()


def test_the_contents_of_a_page_open_on_a_phone(visit: Any, name: str) -> None:
    page = visit(name, width=390).page
    button = page.locator(".secondary-toggle")
    if not button.count():
        assert page.locator("article h2").count() == 0
        return
    button.click()
    page.locator("#pst-secondary-sidebar-modal a.nav-link").first.click()
    page.wait_for_url("**#*")


def test_the_button_switches_to_dark(visit: Any) -> None:
    page = visit("book/intro.html", color_scheme="light").page
    assert page.locator("html").get_attribute("data-theme") == "light"
    button = page.locator(".article-header-buttons .theme-switch-button")
    for _ in range(3):  # system, light, dark in turn
        button.click()
        if page.locator("html").get_attribute("data-theme") == "dark":
            break
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 30)"


@pytest.mark.parametrize("http", [False, True], ids=["file", "http"])
def test_search_finds_a_word_and_leads_to_its_page(visit: Any, http: bool) -> None:
    seen = visit("search.html?q=temperature", http=http)
    page = seen.page
    page.locator("#search-results .search-summary", has_text="page(s)").wait_for()
    page.locator("#search-results ul.search li a").first.click()
    page.wait_for_url("**/book/**")
    assert "temperature" in page.locator("article").inner_text().lower()
    assert not seen.errors


def test_search_opens_from_the_keyboard(visit: Any) -> None:
    page = visit("book/intro.html").page
    page.keyboard.press("Control+k")
    field = page.locator("#pst-search-dialog input[name=q]")
    field.fill("temperature")
    field.press("Enter")
    page.wait_for_url("**/search.html?q=temperature")


# ---- the HTML itself ----


class Links(HTMLParser):
    """The ids of a page and the addresses that it names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = {"", "top"}
        self.hrefs: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ("id", "name") and value:
                self.ids.add(value)
            elif key in ("href", "src") and value:
                self.hrefs.append(value)


def test_links_and_anchors_are_whole(site: Path) -> None:
    pages = {file: Links(file.read_text("utf-8")) for file in site.rglob("*.html")}
    broken = []
    for file, page in pages.items():
        for href in page.hrefs:
            url = urlsplit(href)
            if url.scheme or url.netloc:
                continue
            target = (file.parent / unquote(url.path)).resolve() if url.path else file
            if not target.is_file():
                broken.append(f"{file.name}: {href} (no such file)")
            elif target.suffix == ".html" and unquote(url.fragment) not in pages[target].ids:
                broken.append(f"{file.name}: {href} (no such anchor)")
    assert not broken


def test_styles_name_only_files_of_the_site(site: Path) -> None:
    for file in site.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", file.read_text("utf-8"), flags=re.DOTALL)
        for url in re.findall(r"url\(\s*['\"]?([^'\")]+)", text):
            if url.startswith(("data:", "#")) or url.endswith(".ttf"):  # the second choice after woff2
                continue
            assert not url.startswith(("http", "//")), f"{file.name}: {url}"
            assert (file.parent / url.split("?")[0].split("#")[0]).is_file(), f"{file.name}: {url}"


def test_no_page_holds_a_widget_that_needs_a_kernel(site: Path, name: str) -> None:
    html = (site / name).read_text("utf-8")
    for trace in ("application/vnd.jupyter.widget", "require.js", "html-manager", "jupyter-widgets"):
        assert trace not in html
