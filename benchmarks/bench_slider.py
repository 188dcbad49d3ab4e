"""How long a slider takes to follow the hand: 200 moves in Chromium, ten classes, the whole range.

The time of a move is that of the script which answers it in its frame, plus the style and layout that the
browser owes for it. What remains of a frame, painting, happens on another thread.
"""

import sys
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import torch
from playwright.sync_api import sync_playwright

from kdlib.sliders import temperature_slider

sys.path += [
    str(Path(__file__).resolve().parents[1] / place)
    for place in ("book/_tools", "book/_ext", "tests/browser")
]
from chromium import launch
from sliders import in_page

FRAME_MS = 16.0
MOVES = 200
MEASURE = """async (moves) => {
  const slider = document.querySelector("input[type=range]");
  const times = [];
  for (let i = 0; i < moves; i++) {
    let spent = 0;
    const real = window.requestAnimationFrame;
    window.requestAnimationFrame = (act) => real((now) => {
      const start = performance.now();
      act(now);
      document.body.getBoundingClientRect();
      spent += performance.now() - start;
    });
    const start = performance.now();
    slider.value = ((i % 20) * 3) / 20 - 1 + 0.005 * i / moves;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    spent += performance.now() - start;
    window.requestAnimationFrame = real;
    await new Promise((done) => real(() => real(done)));
    times.push(spent);
  }
  return times;
}"""


def frame_times() -> list[float]:
    """Milliseconds of each move."""
    logits = torch.randn(8, 10, generator=torch.Generator().manual_seed(0)) * 5
    slider = temperature_slider(logits, [str(digit) for digit in range(10)])
    with TemporaryDirectory() as folder, sync_playwright() as p:
        path = Path(folder) / "page.html"
        path.write_text(f'<!doctype html><meta charset="utf-8">{in_page(slider)}', encoding="utf-8")
        browser = launch(p)
        page = browser.new_page(viewport={"width": 800, "height": 700})
        page.goto(path.as_uri())
        page.wait_for_selector(".kd-live")
        times: list[float] = page.evaluate(MEASURE, MOVES)
        browser.close()
    return times


def measure() -> list[dict[str, Any]]:
    """The median move, and the slowest but for one in twenty."""
    times = frame_times()
    figures = {"median": median(times), "95th percentile": quantiles(times, n=20)[-1]}
    return [
        {
            "name": f"slider frame, {which}",
            "value": value,
            "unit": "ms",
            "target": FRAME_MS,
            "better": "lower",
        }
        for which, value in figures.items()
    ]
