"""How long chapter 1 takes on a slow phone: a small screen, the processor slowed fourfold, nothing cached.

The time runs until Chromium has drawn the page with its pictures and fonts.
"""

import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).resolve().parents[1] / "book" / "_tools"))
from chromium import launch

PAGE = Path(__file__).resolve().parents[1] / "_build/html/book/01_temperature.html"
TIMES = 7
SLOWED = 4
TARGET = 0.7 * 4.65  # of the time with MathJax, on the machine of results.json
DRAWN = """async () => {
  await document.fonts.ready;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""


def seconds_to_show(browser: Any, page: Path) -> float:
    """Wall-clock seconds from the address to the drawn page, in a context of its own."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True)
    tab = context.new_page()
    context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    start = time.perf_counter()
    tab.goto(page.as_uri(), wait_until="load")
    tab.evaluate(DRAWN)
    seconds = time.perf_counter() - start
    context.close()
    return seconds


def measure() -> list[dict[str, Any]]:
    """The median of seven."""
    if not PAGE.is_file():
        raise FileNotFoundError(f"there is no {PAGE}: run `make book` first")
    with sync_playwright() as p:
        browser = launch(p)
        times = [seconds_to_show(browser, PAGE) for _ in range(TIMES)]
        browser.close()
    name = f"chapter 1 drawn, processor slowed {SLOWED}-fold, median of {TIMES}"
    return [{"name": name, "value": median(times), "unit": "s", "target": TARGET, "better": "lower"}]
