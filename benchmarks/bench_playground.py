"""How many frames a second the playground shows while it trains, with the planes painted.

The hardest setting: 32 hidden units, 200 points, three classes. Where the browser gets no frames for other
reasons, that counts as well.
"""

import sys
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from kdlib.sliders import playground_slider
from kdlib.sliders.playground import PLAYGROUND

sys.path += [
    str(Path(__file__).resolve().parents[1] / place)
    for place in ("book/_tools", "book/_ext", "tests/browser")
]
from chromium import launch
from sliders import stocked

LEAST = 30.0  # frames a second
MEASURE = """async () => {
  const frames = [];
  document.querySelector("button").click();
  await new Promise((done) => {
    const look = (now) => {
      frames.push(now);
      if (document.querySelector("[data-kd=said]").textContent.startsWith("After")) done();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(() => requestAnimationFrame(look));
  });
  return frames;
}"""


def frames() -> list[float]:
    """Milliseconds from a frame to the next, while it trains."""
    slider = playground_slider(hidden=32, labelled=200)
    with TemporaryDirectory() as folder, sync_playwright() as p:
        path = Path(folder) / "page.html"
        path.write_text(
            f'<!doctype html><meta charset="utf-8">{stocked(PLAYGROUND, slider)}', encoding="utf-8"
        )
        browser = launch(p)
        page = browser.new_page(viewport={"width": 800, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector(".kd-live canvas")
        times: list[float] = page.evaluate(MEASURE)
        browser.close()
    return [later - now for now, later in pairwise(times)]


def measure() -> list[dict[str, Any]]:
    """Frames a second over the whole run, and the slowest frame but for one in twenty."""
    gaps = frames()
    rate = {"value": 1000 * len(gaps) / sum(gaps), "unit": "frames/s", "target": LEAST, "better": "higher"}
    slow = {"value": quantiles(gaps, n=20)[-1], "unit": "ms", "target": None, "better": "lower"}
    return [
        {"name": "playground while it trains", **rate},
        {"name": "playground frame, 95th percentile", **slow},
    ]
