"""What the tests of the sliders share: an example of each, the page that holds it, and its parts."""

import importlib.util
from pathlib import Path

import pytest
import torch

from kdlib.sliders import (
    Pair,
    Told,
    answers_slider,
    digits_slider,
    errors_slider,
    information_slider,
    loss_slider,
    mixture_slider,
    omitted_slider,
    playground_slider,
    schedule_slider,
    scripts,
    seed_roulette,
    temperature_slider,
    threshold_slider,
    writer_slider,
    xrays_slider,
)
from kdlib.sliders.playground import PLAYGROUND
from kdlib.sliders.slider import JS
from kdlib.sliders.writer import STUDENTS

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

LABELS, NAMES = ["cat", "dog", "car"], ["first animal", "second animal"]
ANIMALS = [[5.0, 2.0, 0.5], [0.0, 3.0, 2.5]]
STUDENT, TEACHER = [2.0, 2.5, 0.5], [5.0, 2.0, 0.5]
ANSWERS = {
    "teacher": [[5.0, 4.0, 0.5], [0.0, 3.0, 2.5]],
    "alone": [[2.0, 3.0, 1.0], [0.0, 1.0, 4.0]],
    "distilled": [[4.0, 3.5, 0.0], [1.0, 3.0, 2.0]],
}
PHOTOS = torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).to(torch.uint8)
TOLD = [
    Told("nothing", 0.455, -2.4, -3.6, -1.2),
    Told("noise 4", 0.45, -1.04, -2.97, 0.877),
    Told("noise 0.5", 0.3521, 7.9, 6.2, 9.6),
    Told("leak 1", 0.25),
    Told("who bought", 0.002, -0.16, -0.56, 0.25),
]
# Alone 1,000 on average, distilled 800 and each time 200 fewer; then 100 and 99, more or fewer.
RUNS = {
    "images": [
        Pair("600", {0: 990, 1: 1000, 2: 1010}, {0: 790, 1: 800, 2: 810, 9: 5}),
        Pair("1,800", {0: 480, 1: 500, 2: 550}, {0: 470, 1: 502, 2: 531}),
        Pair("60,000", {0: 100, 1: 90, 2: 110}, {0: 99, 1: 100, 2: 98}),
    ],
    "temperature": [
        Pair("2.5", {0: 270, 1: 280, 2: 290}, {0: 260, 1: 279, 2: 284}),
        Pair("20", {0: 270, 1: 280, 2: 290}, {0: 380, 1: 391, 2: 399}),
    ],
}
ABOUT = {"images": "800 units a layer, T = 20", "temperature": "30 units a layer"}
# Log-odds of eight pictures: two beyond the limits, one on the threshold 0; and which of them are ill.
ILL = torch.tensor([0, 1, 1, 0, 0, 1, 0, 1])
ODDS = {
    "test": {
        "teacher": torch.tensor([-25, -1, 0, 0.1, 2, 30, -3, 5]),
        "alone": torch.tensor([-6, 1, 2, 3, 4, 9, -2.5, 8]),
        "distilled": torch.tensor([-8.0, -2, 3, 3, 5, 12, -4, 11]),
    },
    "validation": dict.fromkeys(
        ("teacher", "alone", "distilled"), torch.tensor([-4, 0.6, 1, 0.5, 0.7, 2, -1, 9])
    ),
}
INK = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
INK[0, 0, 4:24, 8:10] = INK[0, 0, 22:24, 8:20] = INK[1, 0, 4:24, 13:15] = 255
GREY = (torch.arange(2 * 64 * 64) // 32).reshape(2, 1, 64, 64).to(torch.uint8)
GAINS = {seed: float(seed * 37 % 41 - 13) for seed in range(40)}  # -13 to 27
MAKE = {
    "temperature": lambda **options: temperature_slider(
        ANIMALS, LABELS, **({"images": PHOTOS[:, 0], "names": NAMES} | options)
    ),
    "loss": lambda **options: loss_slider(STUDENT, TEACHER, 0, LABELS, **options),
    "answers": lambda **options: answers_slider(
        ANSWERS, LABELS, **({"images": PHOTOS, "names": NAMES, "truths": [0, 2]} | options)
    ),
    "schedules": schedule_slider,
    "threshold": lambda **options: threshold_slider(ODDS, dict.fromkeys(ODDS, ILL), **options),
    "errors": lambda **options: errors_slider(RUNS, {0: 70, 1: 66}, **({"about": ABOUT} | options)),
    "information": lambda **options: information_slider(TOLD, **options),
    "roulette": lambda **options: seed_roulette(GAINS, **options),
    "digits": lambda **options: digits_slider(INK, names=["an L", "a bar"], **options),
    "mixture": mixture_slider,
    "omitted": omitted_slider,
    "playground": playground_slider,
    "writer": writer_slider,
    "xrays": lambda **options: xrays_slider(GREY, names=["dark", "light"], truths=[0, 1], **options),
}
PHONE = {"has_touch": True, "is_mobile": True}
EACH = pytest.mark.parametrize("kind", MAKE)


def script() -> str:
    """What the book's pages load, as the site joins it."""
    file = Path(__file__).resolve().parents[2] / "book" / "_ext" / "kd_site.py"
    spec = importlib.util.spec_from_file_location("kd_site", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    files = {file.stem: file.read_text("utf-8") for file in sorted(JS.glob("*.js"))}
    kinds = [name for name, text in files.items() if f"kd.sliders.{name} = " in text]
    return "\n".join(files[name] for name in module.slider_scripts(kinds))


def in_page(*sliders, stored: tuple[str, ...] | None = None) -> str:
    """The stored HTML of sliders as it stands in a page of the book, and the files `stored` with it.

    Else those that a slider asks for as soon as it is moved.
    """
    if stored is None:
        stored = (PLAYGROUND, *(STUDENTS.values() if any(s._kind == "writer" for s in sliders) else ()))
    style = (JS / "sliders.css").read_text("utf-8")
    html = "".join(slider._repr_mimebundle_()[0]["text/html"] for slider in sliders)
    files = ", ".join(f'{name}: "{scripts.weights(name)}"' for name in stored)
    code, empty = script(), "kd.stored = {};"
    assert code.count(empty) == 1
    code = code.replace(empty, f"kd.stored = {{ {files} }};")
    return f"<style>{style}</style>{html}<script>{code}</script>"


def stocked(name: str, *sliders) -> str:
    """That page with the stored file `name` in it."""
    return in_page(*sliders, stored=(PLAYGROUND, name))


def part(scope, name: str):
    return scope.locator(f'[data-kd="{name}"]')


def track(scope, name: str):
    return scope.locator(f"input[name={name}]")


def settled(page) -> None:
    """All that was done has been painted."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    settled(page)


def tell(scope, name: str, words: str) -> None:
    """Fails unless the track says `words` to a screen reader."""
    expect(track(scope, name)).to_have_attribute("aria-valuetext", words)
