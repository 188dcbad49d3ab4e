"""The book without a network, after it was opened over http in a folder of its host (make test-browser).

The host is called book.localhost: browsers look for it on this machine, as for localhost, where the worker
would leave a preview alone.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kd_pocket
import pytest
import zip_site
from axe import faults

pytestmark = pytest.mark.browser

CHAPTER, OTHER = "book/01_temperature.html", "book/04_cifar10.html"
OFFER = "Keep the whole book on this device"
HERE = "The whole book is on this device."


class Host:
    """A copy of the site in a folder of a host, and what the host answers instead of files."""

    def __init__(self, folder: Path, port: int) -> None:
        self.site, self.address = folder / "repo", f"http://book.localhost:{port}/repo/"
        self.instead: dict[str, bytes] = {}
        self.gone = False

    def change(self, name: str, old: str, new: str) -> None:
        """Another build, in which one page says something else."""
        file = self.site / name
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")
        later = file.stat().st_mtime + 60  # answers "not modified" are by the second
        os.utime(file, (later, later))
        (self.site / "sw.js").write_text(kd_pocket.worker(self.site), "utf-8")


@pytest.fixture
def host(site: Path, tmp_path: Path) -> Iterator[Host]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if served.gone:
                self.send_error(503)
            elif path in served.instead:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(served.instead[path])
            else:
                super().do_GET()

    shutil.copytree(site, tmp_path / "repo")
    handler = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        served = Host(tmp_path, server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()


@pytest.fixture
def reader(browser: Any, host: Host) -> Iterator[Any]:
    """A page of a reader who has never been here."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def open_first(page: Any, host: Host, name: str = CHAPTER) -> None:
    """Open a page and wait until what it showed is on the device."""
    page.goto(host.address + name)
    page.get_by_role("button", name=OFFER).wait_for()


def keep_all(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name=OFFER).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".kd-pocket")).to_contain_text(HERE)


def go_offline(page: Any, host: Host) -> list[str]:
    """From here on there is neither network nor host; what pages complain of is collected."""
    errors: list[str] = []

    def note(entry: Any) -> None:
        if entry.type == "error":
            errors.append(f"{entry.text} {entry.location['url']}")

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.context.set_offline(True)
    host.gone = True
    return errors


def assert_whole(page: Any) -> None:
    """The page is styled, its pictures are there and its sliders run."""
    colour = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--kd-teacher')")
    assert colour == "#0072b2"
    broken = "Array.from(document.images).filter((image) => !image.naturalWidth).map((image) => image.src)"
    assert page.evaluate(broken) == []
    assert page.locator(".kd-live").count() == page.locator("[data-slider]").count()


def test_a_page_that_was_opened_is_there_without_a_network(reader: Any, host: Host) -> None:
    open_first(reader, host)
    kept = """caches.keys().then((names) => Promise.all(names.map((name) => caches.open(name))))
        .then((boxes) => Promise.all(boxes.map((box) => box.keys())))
        .then((keys) => keys.flat().map((request) => request.url))"""
    icon = reader.locator('link[rel~="icon"]').evaluate("link => link.href")
    assert any(url.startswith(icon) for url in reader.evaluate(kept))  # browsers ask for it when they please
    errors = go_offline(reader, host)
    reader.reload()
    assert reader.locator("h1").is_visible() and reader.locator("[data-slider]").count()
    assert_whole(reader)
    assert not errors


def test_the_front_door_opens_without_a_network(reader: Any, host: Host) -> None:
    open_first(reader, host, "book/intro.html")
    reader.goto(host.address)
    reader.wait_for_url("**/book/intro.html")
    errors = go_offline(reader, host)
    reader.goto(host.address)
    reader.wait_for_url("**/book/intro.html")
    assert not errors


def test_the_whole_book_is_kept_when_asked_for(reader: Any, host: Host) -> None:
    open_first(reader, host)
    keep_all(reader)
    assert reader.evaluate("document.activeElement.className") == "kd-pocket"
    assert reader.locator(".kd-pocket [role=status]").inner_text() == HERE  # heard, too
    errors = go_offline(reader, host)
    for file in sorted(host.site.rglob("book/**/*.html")):
        reader.goto(host.address + file.relative_to(host.site).as_posix())
        assert_whole(reader)
        reader.locator(".kd-pocket", has_text=HERE).wait_for(state="attached")
    reader.goto(f"{host.address}search.html?q=temperature")
    reader.locator("#search-results li").first.wait_for()
    assert not errors


def test_the_offer_is_accessible_and_says_how_much(reader: Any, host: Host) -> None:
    open_first(reader, host, "book/notation.html")
    size = sum(len(content) for _, content in kd_pocket.shown_files(host.site)) / 1e6
    megabytes = int(reader.locator(".kd-pocket button").inner_text().split()[-2])
    assert size <= megabytes < size + 1
    assert reader.locator(".kd-pocket [role=status]").inner_text() == ""
    assert faults(reader) == {}


def test_what_cannot_be_fetched_is_said(reader: Any, host: Host) -> None:
    open_first(reader, host)
    (host.site / OTHER).rename(host.site / "elsewhere.html")
    reader.get_by_role("button", name=OFFER).click()
    status = reader.locator(".kd-pocket [role=status]", has_text="1 file could not be fetched. Try again.")
    status.wait_for()
    (host.site / "elsewhere.html").rename(host.site / OTHER)
    keep_all(reader)


def test_a_new_build_is_seen_once_online_and_then_kept(reader: Any, host: Host) -> None:
    open_first(reader, host)
    host.change(CHAPTER, "<h1>", "<h1>Newer ")
    reader.goto(host.address + CHAPTER)
    newer = reader.locator("h1", has_text="Newer ")
    newer.wait_for()  # the page loads itself again
    go_offline(reader, host)
    reader.reload()
    newer.wait_for()
    assert_whole(reader)
    keys = reader.evaluate(
        """async () => {
            const [name] = await caches.keys();
            return Array.from(await (await caches.open(name)).keys(), (key) => key.url);
        }"""
    )
    paths = [key.split("?")[0] for key in keys]
    assert len(paths) == len(set(paths)), "old text was not removed"


def test_a_page_in_use_is_not_loaded_again(reader: Any, host: Host) -> None:
    open_first(reader, host)
    reader.reload()
    reader.locator("h1").click()
    host.change(CHAPTER, "<h1>", "<h1>Newer ")
    reader.evaluate(
        """() => navigator.serviceWorker.getRegistration().then((found) => new Promise((done) => {
            navigator.serviceWorker.addEventListener("controllerchange", () => done());
            found.update();
        }))"""
    )
    assert "Newer " not in reader.locator("h1").inner_text()
    reader.goto(host.address + CHAPTER)
    assert "Newer " in reader.locator("h1").inner_text()


def test_a_book_kept_whole_stays_whole_in_a_new_build(reader: Any, host: Host) -> None:
    open_first(reader, host)
    keep_all(reader)
    shutil.copy(host.site / OTHER, host.site / "book" / "added.html")
    host.change(CHAPTER, "<h1>", "<h1>Newer ")
    reader.goto(host.address + CHAPTER)
    reader.locator("h1", has_text="Newer ").wait_for()
    go_offline(reader, host)
    reader.goto(f"{host.address}book/added.html")
    assert_whole(reader)


def test_a_new_build_that_does_not_arrive_whole_leaves_the_old_one(reader: Any, host: Host) -> None:
    open_first(reader, host)
    old = reader.locator("h1").inner_text()
    host.change(CHAPTER, "<h1>", "<h1>Newer ")
    host.instead[f"/repo/{CHAPTER}"] = b"<title>Please log in</title>"  # while the new worker fetches it
    ended = reader.evaluate(
        """() => navigator.serviceWorker.getRegistration().then((found) => new Promise((done) => {
            found.addEventListener("updatefound", () => {
                const worker = found.installing;
                worker.addEventListener("statechange", () => done(worker.state));
            });
            found.update();
        }))"""
    )
    assert ended == "redundant"
    go_offline(reader, host)
    reader.goto(host.address + CHAPTER)
    assert reader.locator("h1").inner_text() == old
    assert_whole(reader)


def test_what_is_not_of_the_book_is_not_kept(reader: Any, host: Host) -> None:
    """A hotel's network answers every request with its own page."""
    open_first(reader, host)
    host.instead[f"/repo/{OTHER}"] = b"<title>Please log in</title>"
    reader.goto(host.address + OTHER)
    assert reader.title() == "Please log in"
    host.instead.clear()
    reader.goto(host.address + OTHER)
    assert "CIFAR-10" in reader.title()


@pytest.mark.parametrize("over_http", [False, True], ids=["file", "preview"])
def test_files_and_previews_are_left_alone(visit: Any, over_http: bool) -> None:
    page = visit(CHAPTER, http=over_http).page
    assert page.locator(".kd-pocket").count() == 0
    if over_http:
        assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0


def test_the_zip_opens_from_a_folder(visit: Any, site: Path, tmp_path: Path) -> None:
    zip_site.zip_site(site, tmp_path / "book-1.0.zip")
    with zipfile.ZipFile(tmp_path / "book-1.0.zip") as archive:
        archive.extractall(tmp_path)
    seen = visit("book/intro.html")
    for name in ("index.html", CHAPTER):
        seen.page.goto((tmp_path / "book-1.0" / name).as_uri())
        seen.page.wait_for_url("**/book/**")
        assert_whole(seen.page)
    assert not seen.errors
