"""How long a network of chapter 09 takes for one image: in the page, and as a file in float32 and int8."""

import sys
import time
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import torch
from playwright.sync_api import sync_playwright

from kdlib import pretrained, ship
from kdlib.sliders import scripts
from kdlib.sliders.stored import layers

sys.path.append(str(Path(__file__).resolve().parents[1] / "book/_tools"))
from chromium import launch

CALLS = 200
NETWORKS = {  # the model, the pixels of a side, and the milliseconds that a page may take
    "xray_student_distilled": (lambda: pretrained.xray_student("distilled"), 64, 30.0),
    "mnist_lenet5_teacher": (pretrained.mnist_teacher, 32, 5.0),
}
IN_PAGE = """([name, stored, layers, side, calls]) => {
  const tensors = kd.tensors(stored), image = new Float32Array(side * side).map((_, i) => (i % 97) / 97);
  return Array.from({ length: calls }, () => {
    const start = performance.now();
    kd.logits(layers, tensors, [1, side, side], image);
    return performance.now() - start;
  }).slice(calls / 10);
}"""


def in_page(name: str) -> list[float]:
    """Milliseconds a call, the first tenth left out."""
    make, side, _ = NETWORKS[name]
    script = "\n".join((scripts.JS / f"{part}.js").read_text("utf-8") for part in ("kit", "net"))
    with sync_playwright() as p:
        browser = launch(p)
        page = browser.new_page()
        page.set_content(f"<script>{script}</script>")
        given = [name, scripts.weights(name), layers(make()), side, CALLS]
        times: list[float] = page.evaluate(IN_PAGE, given)
        browser.close()
    return times


def as_file(name: str, int8: bool) -> list[float]:
    """Milliseconds a call of ONNX Runtime on one thread."""
    make, side, _ = NETWORKS[name]
    image = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    with TemporaryDirectory() as folder:
        path = ship.export(make(), image, Path(folder) / "model.onnx")
        if int8:
            path = ship.quantise(path, image, Path(folder) / "int8.onnx")
        answer = ship.predictor(path)
        return [timed(lambda: answer(image)) for _ in range(CALLS)][CALLS // 10 :]


def timed(call: Any) -> float:
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def measure() -> list[dict[str, Any]]:
    """Median and 95th percentile of each; only the page has a target."""
    figures = []
    for name, (_, _, target) in NETWORKS.items():
        for where, times, allowed in (
            ("in the page", in_page(name), target),
            ("ONNX Runtime", as_file(name, False), None),
            ("ONNX Runtime, int8", as_file(name, True), None),
        ):
            for which, value in (("median", median(times)), ("95th percentile", quantiles(times, n=20)[-1])):
                about = {"unit": "ms", "target": allowed, "better": "lower"}
                figures.append({"name": f"{name} {where}, {which}", "value": value, **about})
    return figures
