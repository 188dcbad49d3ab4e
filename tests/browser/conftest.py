"""A real Chromium over the built site, from its files with the network off and over http on loopback."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import launch, program

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = sorted(file.relative_to(SITE).as_posix() for file in SITE.glob("book/**/*.html"))


@pytest.hookimpl(trylast=True)  # after those were taken out that -m leaves out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say once, before hundreds of tests fail for it, that there is no browser."""
    if any(item.get_closest_marker("browser") for item in items):
        try:
            program()
        except FileNotFoundError as error:
            raise pytest.UsageError(f"{error}; or leave these tests out: -m 'not browser'") from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `name` runs once for each page, for `holder` once for each with a slider."""
    if "name" in metafunc.fixturenames:  # page after page, not test after test: see test_every_page.py
        metafunc.parametrize("name", PAGES or ["no page"], scope="module")
    if "holder" in metafunc.fixturenames:
        holders = [page for page in PAGES if "data-slider=" in (SITE / page).read_text("utf-8")]
        metafunc.parametrize("holder", holders or ["no page"])


@pytest.fixture(scope="session")
def site() -> Path:
    if not PAGES or not (SITE / "index.html").is_file():
        pytest.fail(f"there is no site in {SITE}: run `make book` first", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    """The site's address over http, on a free port of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture(scope="module")  # closed before another module starts its own
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


class Visit:
    """One page open in the browser, with what it logged and what it asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda entry: self.errors.append(entry.text) if entry.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, url: str) -> Visit:
        self.page.goto(url)
        self.page.wait_for_load_state("load")
        self.page.evaluate("() => document.fonts.ready.then(() => true)")
        return self


@pytest.fixture
def visit(browser: Any, site: Path, server: str) -> Iterator[Any]:
    """visit("book/intro.html", http=False, width=1280, **context) opens a page of the site."""
    contexts = []

    def open_page(name: str, http: bool = False, width: int = 1280, **options: Any) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 850}, **options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        context.set_offline(not http)
        path, _, query = name.partition("?")
        address = f"{server}/{path}" if http else (site / path).as_uri()
        return Visit(context.new_page()).open(f"{address}?{query}" if query else address)

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Opens HTML from a file with the network off; at the end, no error and no request may have happened."""
    problems: list[str] = []
    contexts = []

    def open_(body: str, theme: str = "light", **options: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(
            f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>A page</title>'
            f'<body style="margin:16px;height:3000px">{body}</body></html>',
            encoding="utf-8",
        )
        context = browser.new_context(offline=True, **({"viewport": {"width": 800, "height": 700}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda request: (
                problems.append(request.url) if not request.url.startswith(("file:", "data:")) else None
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []
