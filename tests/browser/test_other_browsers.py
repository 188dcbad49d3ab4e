"""Firefox and Safari do with the built pages what Chromium does. A browser without its driver is skipped.

Safari's is there on a Mac (`safaridriver --enable`); elsewhere WebKitGTK, of the same engine, stands in
(Debian: webkit2gtk-driver, and xvfb-run where there is no screen). Firefox needs geckodriver.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
ACTS = Path(__file__).with_name("acts.js").read_text("utf-8")


def webkit() -> Any:
    from selenium import webdriver
    from selenium.webdriver.webkitgtk import options, service

    chosen = options.Options()
    chosen.binary_location = str(next(Path("/usr/lib").glob("*/webkit2gtk-*/MiniBrowser")))
    chosen.add_argument("--automation")
    os.environ.setdefault("WEBKIT_DISABLE_COMPOSITING_MODE", "1")  # there may be no graphics card
    return webdriver.WebKitGTK(chosen, service.Service(shutil.which("WebKitWebDriver")))


def safari() -> Any:
    from selenium import webdriver

    return webdriver.Safari()


def firefox() -> Any:
    from selenium import webdriver

    chosen = webdriver.FirefoxOptions()
    chosen.add_argument("-headless")
    return webdriver.Firefox(chosen)


STARTS = {"WebKitWebDriver": webkit, "safaridriver": safari, "geckodriver": firefox}


@pytest.fixture(scope="module", params=STARTS)
def other(request: pytest.FixtureRequest) -> Iterator[Any]:
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param}")
    if request.param == "WebKitWebDriver" and sys.platform == "linux" and not os.environ.get("DISPLAY"):
        pytest.skip("WebKit wants a screen: xvfb-run")
    driver = STARTS[request.param]()
    driver.set_window_size(500, 844)
    driver.set_script_timeout(120)
    yield driver
    driver.quit()


def test_every_slider_and_card_says_the_same(other: Any, holder: str, visit: Any, server: str) -> None:
    page = visit(holder, http=True, width=500).page
    ours = page.evaluate(f"async () => {{ {ACTS} }}")
    other.get(f"{server}/{holder}")
    theirs = other.execute_async_script(f"(async () => {{ {ACTS} }})().then(arguments[0], arguments[0])")
    assert theirs == ours
    assert len(ours) > 4, "the acts found something to do"


def test_nothing_scrolls_sideways_and_fractions_within_a_line_are_small(other: Any, server: str) -> None:
    other.get(f"{server}/book/01_temperature.html")
    page, window = other.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert page <= window
    shares = other.execute_script("""const size = (it) => parseFloat(getComputedStyle(it).fontSize);
        const inline = document.querySelectorAll("math:not([display=block]) mfrac");
        return [...inline].map((it) => size(it.firstElementChild) / size(it.closest("math")))""")
    assert shares, "the page has such a fraction"
    assert all(0.6 < share < 0.8 for share in shares)
