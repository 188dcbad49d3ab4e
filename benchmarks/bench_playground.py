"""How many frames a second the pages that train show meanwhile, and how long a whole training takes.

The playground at its hardest setting: 32 hidden units, 200 points, three classes. The digit nobody showed as
it opens. Where the browser gets no frames for other reasons, that counts as well.
"""

import sys
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from kdlib.sliders import omitted_slider, playground_slider
from kdlib.sliders.omitted import DIGITS
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
  [...document.querySelectorAll("button")].find((button) => button.textContent.startsWith("Train")).click();
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


def frames(stored: str, slider: Any) -> list[float]:
    """Milliseconds from a frame to the next, while it trains."""
    with TemporaryDirectory() as folder, sync_playwright() as p:
        path = Path(folder) / "page.html"
        path.write_text(f'<!doctype html><meta charset="utf-8">{stocked(stored, slider)}', encoding="utf-8")
        browser = launch(p)
        page = browser.new_page(viewport={"width": 800, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector(".kd-live button")
        times: list[float] = page.evaluate(MEASURE)
        browser.close()
    return [later - now for now, later in pairwise(times)]


def measure() -> list[dict[str, Any]]:
    """Frames a second, the slowest frame but for one in twenty, and the seconds of a training."""
    gaps = frames(PLAYGROUND, playground_slider(hidden=32, labelled=200))
    rate = {"value": 1000 * len(gaps) / sum(gaps), "unit": "frames/s", "target": LEAST, "better": "higher"}
    slow = {"value": quantiles(gaps, n=20)[-1], "unit": "ms", "target": None, "better": "lower"}
    seconds = sum(frames(DIGITS, omitted_slider())) / 1000
    whole = {"value": seconds, "unit": "s", "target": 10.0, "better": "lower"}
    return [
        {"name": "playground while it trains", **rate},
        {"name": "playground frame, 95th percentile", **slow},
        {"name": "the digit nobody showed, both networks trained", **whole},
    ]
