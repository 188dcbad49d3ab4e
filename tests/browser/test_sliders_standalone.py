"""The slider in a real browser, without a kernel, without a network, from a file.

Each page is written here from the `text/html` that a notebook would store, so no built site is needed.
"""

import json
import os
from pathlib import Path

import pytest
import torch

import kdlib
from kdlib.softening import entropy, soften
from kdlib.temperature_picture import _percent
from kdlib.widgets import temperature_explorer

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.browser

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MODULE = Path(kdlib.__file__).parent / "js" / "temperature.js"
ANIMALS = [[5.0, 2.0, 0.5], [0.0, 3.0, 2.5]]
LABELS = ["cat", "dog", "car"]
NAMES = ["first animal", "second animal"]


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}; name one by the variable CHROMIUM")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens HTML from a file with the network off; at the end, no error and no request may have happened."""
    problems: list[str] = []
    contexts = []

    def open_(body: str, theme: str = "light", **options):
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


def html(widget) -> str:
    return widget._repr_mimebundle_()[0]["text/html"]


def animals(**options) -> str:
    return html(temperature_explorer(ANIMALS, LABELS, names=NAMES, **options))


def part(page, name: str):
    return page.locator(f'[data-kd="{name}"]')


def expect_shown(scope, temperature: float, logits=ANIMALS[0], labels=LABELS):
    """Every number and length shown is that of soften(logits, temperature)."""
    p = soften(torch.tensor(logits, dtype=torch.float64), temperature)
    nats = float(entropy(p))
    slider = part(scope, "slider")
    expect(slider).to_have_attribute(
        "aria-valuetext", f"temperature {temperature:.3g}, entropy {nats:.2f} nats"
    )
    expect(part(scope, "value")).to_have_text([_percent(float(share)) for share in p])
    full = float(part(scope, "track").first.get_attribute("width"))
    for bar, share in zip(part(scope, "bar").all(), p.tolist(), strict=True):
        assert float(bar.get_attribute("width")) == pytest.approx(full * share, abs=0.006)
    top = labels[int(p.argmax())]
    words = f"At temperature {temperature:.3g} the largest share is {top} with {_percent(float(p.max()))}"
    expect(part(scope, "summary")).to_contain_text(words)
    shares = ", ".join(f"{label} {_percent(float(share))}" for label, share in zip(labels, p, strict=True))
    described = f"Probabilities at temperature {temperature:.3g}: {shares}"
    expect(part(scope, "bars")).to_have_attribute("aria-label", described)
    plot = part(scope, "plot")
    x, w, y, h = (float(plot.get_attribute(f"data-{name}")) for name in "xwyh")
    dot, most = part(scope, "dot"), torch.tensor(float(len(labels))).log().item()
    position = torch.tensor(temperature, dtype=torch.float64).log10().item()
    assert float(dot.get_attribute("cx")) == pytest.approx(x + w * (position + 1) / 3, abs=0.006)
    assert float(dot.get_attribute("cy")) == pytest.approx(y - h * nats / most, abs=0.006)
    assert part(scope, "knob").get_attribute("cx") == dot.get_attribute("cx")


def live(page):
    expect(page.locator(".kd-live").first).to_be_attached()


def test_arrow_keys(open_page):
    page = open_page(animals())
    live(page)
    expect_shown(page, 1)
    part(page, "slider").focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    expect_shown(page, 2.5)
    page.keyboard.press("ArrowDown")
    expect_shown(page, 2.2)
    page.keyboard.press("Home")
    expect_shown(page, 0.1)
    page.keyboard.press("ArrowLeft")
    expect_shown(page, 0.1)
    page.keyboard.press("End")
    expect_shown(page, 100)


def test_mouse(open_page):
    page = open_page(animals())
    live(page)
    box = part(page, "slider").bounding_box()
    knob = part(page, "knob").bounding_box()
    plot = part(page, "plot").bounding_box()
    page.mouse.move(knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2)
    page.mouse.down()
    # T = 10 stands at x = 30 + 276 * 2 / 3 = 214 of the 320 units of the plot.
    page.mouse.move(plot["x"] + plot["width"] * 214 / 320, box["y"] + 22, steps=5)
    page.mouse.up()
    expect_shown(page, 10)
    part(page, "reset").click()
    expect_shown(page, 1)


def test_touch_moves_the_slider_and_leaves_scrolling_alone(open_page):
    page = open_page(animals(), has_touch=True, is_mobile=True, viewport={"width": 360, "height": 700})
    live(page)
    plot, slider = part(page, "plot").bounding_box(), part(page, "slider").bounding_box()
    assert slider["height"] >= 44 and part(page, "reset").bounding_box()["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "the page scrolls sideways"
    page.touchscreen.tap(plot["x"] + plot["width"] * 214 / 320, slider["y"] + slider["height"] / 2)
    expect_shown(page, 10)
    finger = page.context.new_cdp_session(page)
    for kind, unit in (("touchStart", 214), ("touchMove", 180), ("touchMove", 122), ("touchEnd", None)):
        spot = {"x": plot["x"] + plot["width"] * (unit or 0) / 320, "y": slider["y"] + slider["height"] / 2}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [spot] if unit else []})
    expect_shown(page, 1)  # T = 1 stands at 30 + 276 / 3 = 122
    assert part(page, "slider").evaluate("node => getComputedStyle(node).touchAction") == "pan-y"


def test_choosing_an_example(open_page):
    images = torch.zeros(2, 28, 28, dtype=torch.uint8)
    page = open_page(animals(images=images, temperature=4))
    live(page)
    choice = page.get_by_role("radio", name="second animal")
    assert page.locator("label").nth(1).bounding_box()["height"] >= 44
    choice.click()
    expect_shown(page, 4, ANIMALS[1])
    expect(part(page, "name")).to_have_text("second animal")
    expect(part(page, "live")).to_contain_text("At temperature 4 the largest share is dog")
    ghosts = [float(node.get_attribute("width")) for node in part(page, "ghost").all()]
    full = float(part(page, "track").first.get_attribute("width"))
    expected = soften(torch.tensor(ANIMALS[1], dtype=torch.float64)).tolist()
    assert [ghost / full for ghost in ghosts] == pytest.approx(expected, abs=1e-4)
    page.keyboard.press("ArrowLeft")  # a radio group of its own
    expect_shown(page, 4, ANIMALS[0])


def test_the_module_draws_what_python_drew(open_page):
    """First paint and script agree in every attribute, so nothing jumps when the module arrives."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 10, generator=generator) * 6
    widget = temperature_explorer(logits, [str(i) for i in range(10)], temperature=3)
    body = f'<div id="drawn">{widget.markup}</div><div id="moved">{html(widget)}</div>'
    page = open_page(body)
    live(page)
    svgs = "id => [...document.querySelectorAll(`#${id} svg`)].map((svg) => svg.outerHTML)"
    assert page.evaluate(svgs, "drawn") == page.evaluate(svgs, "moved")
    texts = "id => document.querySelector(`#${id} [data-kd=summary]`).textContent"
    assert page.evaluate(texts, "drawn") == page.evaluate(texts, "moved")


def test_equal_sliders_on_one_page_are_independent(open_page):
    page = open_page(animals() + animals())
    expect(page.locator(".kd-live")).to_have_count(2)
    first, second = page.locator(".kd-widget").all()
    part(second, "slider").focus()
    page.keyboard.press("End")
    expect_shown(second, 100)
    expect_shown(first, 1)
    first.get_by_role("radio", name="second animal").click()
    expect_shown(first, 1, ANIMALS[1])
    expect_shown(second, 100)
    expect(second.get_by_role("radio", name="first animal")).to_be_checked()


def test_without_javascript_the_picture_stands(open_page):
    page = open_page(animals(temperature=2.5), java_script_enabled=False)
    expect(page.get_by_text("68.2 %").first).to_be_visible()
    expect(part(page, "summary")).to_contain_text("entropy is 0.83 of at most 1.10 nats")
    expect(part(page, "reset")).to_be_hidden()
    expect(part(page, "slider")).to_be_hidden()
    expect(page.get_by_text("first animal")).to_be_visible()
    expect(page.get_by_text("second animal")).to_be_hidden()


def test_labels_stay_text(open_page):
    labels = ["<b>bold</b>", 'it\'s "q" & </script>', "😀 cat"]
    page = open_page(html(temperature_explorer(ANIMALS, labels)))
    live(page)
    assert part(page, "label").all_text_contents()[0::2] == [labels[0], labels[2]]
    expect(part(page, "top")).to_have_text("<b>bold</b>")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_bars_stand_out(open_page, theme):
    """WCAG contrast against the two backgrounds of the site: 4.5 for text, 3 for bars and controls."""
    page = open_page(animals(), theme)
    live(page)
    back, ink = ("#ffffff", "#222832") if theme == "light" else ("#14181e", "#ced6dd")
    page.evaluate(f"document.body.style.cssText += ';background:{back};color:{ink}'")
    colour = "(node, name) => getComputedStyle(node)[name]"
    text = part(page, "value").first.evaluate(colour, "fill")
    assert contrast(text, back) >= 4.5
    assert contrast(part(page, "bar").first.evaluate(colour, "fill"), back) >= 3
    assert contrast(part(page, "reset").evaluate(colour, "borderColor"), back) >= 3


def contrast(colour: str, back: str) -> float:
    def luminance(rgb):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    values = [int(value) for value in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    light, dark = sorted([luminance(values), luminance(bytes.fromhex(back[1:]))], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_javascript_and_torch_agree_in_the_browser(open_page):
    page = open_page("<p>nothing</p>")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 10, generator=generator, dtype=torch.float64) * 20
    logits[0] = 0
    logits[1, 3] = 900
    temperatures = torch.logspace(-1, 2, 200, dtype=torch.float64)
    result = page.evaluate(
        """async ([source, rows, temperatures]) => {
            const { softmax, entropy } = await import("data:text/javascript," + encodeURIComponent(source));
            return rows.map((z, i) => { const p = softmax(z, temperatures[i]); return [...p, entropy(p)]; });
        }""",
        [MODULE.read_text(encoding="utf-8"), logits.tolist(), temperatures.tolist()],
    )
    ours = torch.tensor(result, dtype=torch.float64)
    p = torch.softmax(logits / temperatures[:, None], dim=-1)
    assert float((ours[:, :-1] - p).abs().max()) < 1e-12
    assert float((ours[:, -1] - torch.special.entr(p).sum(-1)).abs().max()) < 1e-12


KERNEL = """
<div id="cell"></div>
<script>
const state = %s;
const model = window.model = {
  listeners: [], saved: [],
  get: (name) => state[name],
  set(name, value) {
    if (state[name] === value) return;
    state[name] = value;
    for (const [event, act] of [...this.listeners]) if (event === "change:" + name) act();
  },
  on(event, act) { this.listeners.push([event, act]); },
  off(event, act) { this.listeners = this.listeners.filter(([e, a]) => e !== event || a !== act); },
  save_changes() { this.saved.push([state.temperature, state.index]); },
};
import("data:text/javascript," + encodeURIComponent(%s)).then(async (module) => {
  window.cleanup = await module.default.render({ model, el: document.getElementById("cell") });
});
</script>
"""


def test_with_a_kernel_both_sides_move_and_the_view_can_be_disposed_of(open_page):
    widget = temperature_explorer(ANIMALS, LABELS, names=NAMES)
    traits = {
        name: getattr(widget, name)
        for name in ("markup", "logits", "labels", "names", "temperature", "index")
    }
    script = json.dumps(traits).replace("<", "\\u003c"), json.dumps(MODULE.read_text(encoding="utf-8"))
    page = open_page(KERNEL % script)
    live(page)
    page.wait_for_function("() => Boolean(window.cleanup)")
    assert page.evaluate("model.saved") == []  # looking at it changes nothing in the kernel
    page.evaluate("model.set('temperature', 4)")
    expect_shown(page, 4)
    expect(part(page, "slider")).to_have_value("0.6")
    page.evaluate("model.set('index', 1)")
    expect_shown(page, 4, ANIMALS[1])
    assert page.evaluate("model.saved") == []  # and what the kernel said is not said back
    part(page, "slider").focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, 4.5, ANIMALS[1])
    assert page.evaluate("model.saved.at(-1)") == [4.5, 1]
    page.get_by_role("radio", name="first animal").click()
    expect_shown(page, 4.5)
    assert page.evaluate("model.saved.at(-1)") == [4.5, 0]
    page.evaluate("cleanup()")
    assert page.evaluate("model.listeners.length") == 0
    page.evaluate("model.set('temperature', 100)")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect_shown(page, 4.5)


def test_many_events_are_painted_once_a_frame(open_page):
    page = open_page(animals())
    live(page)
    painted = page.evaluate(
        """async () => {
            const slider = document.querySelector("[data-kd=slider]");
            const value = document.querySelector("[data-kd=value]");
            let paints = 0;
            new MutationObserver((records) => (paints += records.length)).observe(value, { childList: true });
            for (let i = 0; i < 50; i++) {
                slider.value = i / 25;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
            }
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            return paints;
        }"""
    )
    assert painted == 1
    expect_shown(page, 91)  # 10 ** 1.96 with two digits
