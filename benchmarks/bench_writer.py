"""How many characters a second the models of chapter 11 write in the page.

A student by itself as quickly as it can; then as a reader sees it: both students, each of which also reads
what the other writes, at most five characters a frame, with texts and bars painted; and with the teacher.
"""

import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from kdlib.sliders import writer_slider
from kdlib.sliders.writer import HEADS, MODELS

sys.path += [
    str(Path(__file__).resolve().parents[1] / place)
    for place in ("book/_tools", "book/_ext", "tests/browser")
]
from chromium import launch
from sliders import in_page

LEAST, RUNS = 200.0, 5  # characters a second; how often each is timed
ALONE = """([name, heads, count]) => {
  const model = kd.endless(kd.decoder(kd.tensors(kd.stored[name]), heads));
  const random = kd.seeded(0);
  let token = 0;
  const start = performance.now();
  for (let i = 0; i < count; i++) token = kd.drawn(model.read(token), 0.8, random);
  return (1000 * count) / (performance.now() - start);
}"""
SHOWN = """async () => {
  const [write] = document.querySelectorAll("button");
  const start = performance.now();
  write.click();
  await new Promise((done) => {
    const look = () => {
      if (write.textContent === "Write again" && performance.now() > start + 100) done();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  return 200000 / (performance.now() - start);
}"""
PARSED = """(name) => {
  const start = performance.now();
  kd.tensors(kd.stored[name]);
  return performance.now() - start;
}"""


def figure(name: str, value: float, target: float | None = None, unit: str = "characters/s") -> Any:
    better = "lower" if unit == "ms" else "higher"
    return {"name": name, "value": value, "unit": unit, "target": target, "better": better}


def measure() -> list[dict[str, Any]]:
    """Characters a second of each text, the median of five runs."""
    with TemporaryDirectory() as folder, sync_playwright() as p:
        path = Path(folder) / "page.html"
        body = in_page(writer_slider(length=200), stored=tuple(MODELS.values()))
        path.write_text(f'<!doctype html><meta charset="utf-8">{body}', encoding="utf-8")
        browser = launch(p)
        page = browser.new_page(viewport={"width": 800, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector(".kd-live textarea")

        def median_of(code: str, *given: Any) -> float:
            return median(page.evaluate(code, *given) for _ in range(RUNS))

        student, teacher = MODELS["distilled"], MODELS["teacher"]
        figures = [
            figure("a student writes", median_of(ALONE, [student, HEADS, 400]), target=LEAST),
            figure("the teacher writes", median_of(ALONE, [teacher, HEADS, 400])),
            figure("both students write and are shown", median_of(SHOWN), target=LEAST),
        ]
        page.get_by_role("button", name="Ask the teacher, too").click()
        page.wait_for_selector("[data-kd=texts] .kd-teacher")
        page.wait_for_selector("text=Write again")  # what was written is written anew
        figures.append(figure("all three write and are shown", median_of(SHOWN)))
        figures.append(figure("the teacher's weights are read", median_of(PARSED, teacher), unit="ms"))
        browser.close()
    return figures
