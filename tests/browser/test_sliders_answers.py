"""The answers explorer in a real browser: without a kernel and with one, picture, phone, colours."""

import json
from itertools import pairwise

import pytest
import torch
from sliders import expect, html, live, part
from test_sliders_drawn import contrast
from test_sliders_kernel import KERNEL

from kdlib.numbers import percent
from kdlib.sliders.explorer import module
from kdlib.sliders.loss_picture import number
from kdlib.sliders.widgets import answers_explorer

pytestmark = pytest.mark.browser

MODULE = module("answers")
LABELS, NAMES = ["cat", "dog", "car"], ["first animal", "second animal"]
TRUTHS = [0, 2]
LOGITS = {
    "teacher": [[5.0, 4.0, 0.5], [0.0, 3.0, 2.5]],
    "alone": [[2.0, 3.0, 1.0], [0.0, 1.0, 4.0]],
    "distilled": [[4.0, 3.5, 0.0], [1.0, 3.0, 2.0]],
}
IMAGES = torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).to(torch.uint8)


def explorer(**options):
    good = {"logits": LOGITS, "labels": LABELS, "images": IMAGES, "names": NAMES, "truths": TRUTHS}
    return answers_explorer(**(good | {"temperature": 4} | options))


def crowd(classes: int = 10, **options):
    """Ten examples and three models, as chapter 04 has them."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 10, classes, generator=generator) * 6
    labels = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    if classes == 2:
        labels = ["normal", "pneumonia"]
    return answers_explorer(
        dict(zip(("teacher", "alone", "distilled"), logits, strict=True)),
        labels,
        images=torch.randint(0, 256, (10, 3, 32, 32), generator=generator, dtype=torch.uint8),
        names=[f"test image {i}, a {labels[i % classes]}" for i in range(10)],
        truths=torch.arange(10) % classes,
        **options,
    )


def expect_shown(scope, temperature: float, index: int = 0):
    """Every number, length and word shown is what Python computes for this setting."""
    widget = explorer(temperature=temperature)
    widget.index = index
    p = widget.probabilities
    far = [number(nats) for nats in widget.distances]
    list_ = ", ".join(f"{model} {nats}" for model, nats in zip(("alone", "distilled"), far, strict=True))
    expect(part(scope, "slider")).to_have_attribute(
        "aria-valuetext", f"temperature {temperature:.3g}, distance from the teacher: {list_} nats"
    )
    expect(part(scope, "distance")).to_have_text(far)
    expect(part(scope, "top")).to_have_text([LABELS[int(shares.argmax())] for shares in p])
    expect(part(scope, "share")).to_have_text([percent(float(shares.max())) for shares in p])
    expect(part(scope, "summary")).to_contain_text(
        f"True class: {LABELS[TRUTHS[index]]}. At temperature {temperature:.3g}, teacher: "
    )
    svg = part(scope, "bars")
    full = float(svg.get_attribute("data-full"))
    for bar, share in zip(part(scope, "bar").all(), p.T.flatten().tolist(), strict=True):
        assert float(bar.get_attribute("width")) == pytest.approx(full * share, abs=0.006)
    weights = ["700" if i == TRUTHS[index] else "400" for i in range(len(LABELS))]
    assert [node.get_attribute("font-weight") for node in part(scope, "label").all()] == weights
    assert svg.get_attribute("aria-label").endswith(f"True class: {LABELS[TRUTHS[index]]}")
    expect(part(scope, "name")).to_have_text(NAMES[index])
    x, w = (float(part(scope, "slider").get_attribute(f"data-{name}")) for name in "xw")
    position = torch.tensor(temperature, dtype=torch.float64).log10().item()
    knob = float(part(scope, "knob").get_attribute("cx"))
    assert knob == pytest.approx(x + w * (position + 1) / 3, abs=0.006)


def test_arrow_keys(open_page):
    page = open_page(html(explorer()))
    live(page)
    expect_shown(page, 4)
    part(page, "slider").focus()
    for key, temperature in (
        ("ArrowRight", 4.5),
        ("ArrowDown", 4),
        ("Home", 0.1),
        ("ArrowLeft", 0.1),
        ("End", 100),
    ):
        page.keyboard.press(key)
        expect_shown(page, temperature)
    part(page, "reset").click()
    expect_shown(page, 4)
    expect(part(page, "slider")).to_have_value("0.6")


def test_choosing_an_example(open_page):
    page = open_page(html(explorer()))
    live(page)
    expect(part(page, "live")).to_be_empty()
    page.get_by_role("radio", name="second animal").click()
    expect_shown(page, 4, 1)
    said = part(page, "live")
    expect(said).to_contain_text("True class: car. At temperature 4, teacher: dog")
    before = said.text_content()
    part(page, "slider").focus()
    page.keyboard.press("End")
    expect_shown(page, 100, 1)
    assert said.text_content() == before  # the slider speaks for itself
    page.get_by_role("radio", name="second animal").focus()
    page.keyboard.press("ArrowLeft")  # a radio group
    expect_shown(page, 100, 0)


def test_touch_on_a_phone(open_page):
    page = open_page(html(explorer()), has_touch=True, is_mobile=True, viewport={"width": 340, "height": 700})
    live(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 340, "the page scrolls sideways"
    slider = part(page, "slider")
    box = slider.bounding_box()
    assert box["height"] >= 44 and part(page, "reset").bounding_box()["height"] >= 44
    page.touchscreen.tap(box["x"] + box["width"] - 12, box["y"] + 22)
    expect_shown(page, 100)
    finger = page.context.new_cdp_session(page)
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 22
    for kind, up in [("touchStart", 0), *(("touchMove", 20 * step) for step in range(1, 9))]:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y - up}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("scrollY > 50")
    expect_shown(page, 100)  # the finger scrolled the page
    page.get_by_role("radio", name="second animal").tap()
    expect_shown(page, 100, 1)


@pytest.mark.parametrize(("classes", "most"), [(10, 660), (2, 520)])
def test_a_phone_shows_all_of_it_at_once(open_page, classes, most):
    """A browser with both its bars shown leaves 664 of such a phone's 844 pixels; fonts differ in width."""
    page = open_page(
        html(crowd(classes)), has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}
    )
    live(page)
    assert part(page, "explorer").bounding_box()["height"] <= most
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    lines = [node.bounding_box() for node in part(page, "label").all()]
    assert all(a["y"] + a["height"] <= b["y"] + 1 for a, b in pairwise(lines))
    assert min(node.bounding_box()["height"] for node in page.locator("label").all()) >= 44


def test_the_module_draws_what_python_drew(open_page):
    """First paint and script agree in every attribute, so nothing jumps when the module arrives."""
    widget = crowd(temperature=3)
    page = open_page(f'<div id="drawn">{widget.markup}</div><div id="moved">{html(widget)}</div>')
    live(page)
    for parts in ("svg", "p", "fieldset", "button"):
        found = f"id => [...document.querySelectorAll(`#${{id}} {parts}`)].map((node) => node.outerHTML)"
        assert page.evaluate(found, "drawn") == page.evaluate(found, "moved")
    said = "id => document.querySelector(`#${id} [data-kd=slider]`).ariaValueText"
    assert page.evaluate(said, "drawn") == page.evaluate(said, "moved")


def test_the_picture_of_another_example_is_that_of_python(open_page):
    widget = crowd(temperature=3)
    page = open_page(html(widget))
    live(page)
    page.get_by_role("radio").nth(7).click()
    widget.index = 7
    drawn = widget._draw()
    for name, kind in (("bars", "svg"), ("summary", "p")):
        moved = part(page, name).evaluate("node => node.outerHTML")
        expected = page.evaluate(
            "([text, name]) => { const node = document.createElement('div'); node.innerHTML = text; "
            "return node.querySelector(`[data-kd=${name}]`).outerHTML; }",
            [drawn, name],
        )
        assert moved == expected and moved.startswith(f"<{kind}")


def test_without_javascript_the_picture_stands(open_page):
    page = open_page(html(explorer()), java_script_enabled=False)
    expect(part(page, "summary")).to_contain_text("True class: cat. At temperature 4, teacher: cat 47.5")
    expect(page.get_by_text("first animal")).to_be_visible()
    expect(page.locator(".kd-legend")).to_contain_text("teacher")
    for name in ("reset", "slider"):
        expect(part(page, name)).to_be_hidden()
    expect(page.locator("label").nth(0)).to_be_visible()
    expect(page.locator("label").nth(1)).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_bars_stand_out_and_photographs_stay_as_they_are(open_page, theme):
    """WCAG contrast against the two backgrounds of the site: 4.5 for text, 3 for bars."""
    page = open_page(html(explorer()), theme)
    live(page)
    back, ink = ("#ffffff", "#222832") if theme == "light" else ("#14181e", "#ced6dd")
    page.evaluate(f"document.body.style.cssText += ';background:{back};color:{ink}'")
    bars, fill = part(page, "bar"), "node => getComputedStyle(node).fill"
    colours = [bars.nth(m).evaluate(fill) for m in range(3)]
    swatches = [node.evaluate(fill) for node in page.locator(".kd-legend rect").all()]
    assert colours == swatches and len(set(colours)) == 3
    assert min(contrast(colour, back) for colour in colours) >= 3
    assert contrast(part(page, "label").first.evaluate(fill), back) >= 4.5
    if theme == "light":
        assert colours == ["rgb(0, 114, 178)", "rgb(213, 94, 0)", "rgb(0, 158, 115)"]
    image = page.locator("label img").first
    assert image.evaluate("node => getComputedStyle(node).filter") == "none"
    assert image.evaluate("node => node.complete && node.naturalWidth") == 8


def test_with_a_kernel_both_sides_move_and_the_view_can_be_disposed_of(open_page):
    widget = explorer()
    state = {name: getattr(widget, name) for name in ("markup", *widget._page_traits)}
    script = json.dumps(state).replace("<", "\\u003c"), json.dumps(MODULE)
    page = open_page(KERNEL % script)
    live(page)
    page.wait_for_function("() => Boolean(window.cleanup)")
    page.evaluate("model.set('temperature', 10)")
    page.evaluate("model.set('index', 1)")
    expect_shown(page, 10, 1)
    expect(part(page, "slider")).to_have_value("1")
    assert page.evaluate("model.saved") == []  # what the kernel said is not said back
    part(page, "slider").focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, 11, 1)
    page.get_by_role("radio", name="first animal").click()
    expect_shown(page, 11, 0)
    assert page.evaluate("model.saved") == [[11, 1], [11, 0]]
    page.evaluate("cleanup()")
    assert page.evaluate("model.listeners.length") == 0


def test_equal_explorers_on_one_page_are_independent(open_page):
    page = open_page(html(explorer()) * 2)
    expect(page.locator(".kd-live")).to_have_count(2)
    first, second = page.locator(".kd-widget").all()
    part(second, "slider").focus()
    page.keyboard.press("Home")
    second.get_by_role("radio", name="second animal").click()
    expect_shown(second, 0.1, 1)
    expect_shown(first, 4, 0)


def test_javascript_and_torch_agree_in_the_browser(open_page):
    page = open_page("<p>nothing</p>")
    generator = torch.Generator().manual_seed(0)
    teacher, student = torch.randn(2, 100, 10, generator=generator, dtype=torch.float64) * 8
    temperatures = torch.logspace(-1, 2, 100, dtype=torch.float64)
    found = page.evaluate(
        """async ([source, teacher, student, temperatures]) => {
            const { distance } = await import("data:text/javascript," + encodeURIComponent(source));
            return temperatures.map((t, i) => distance(teacher[i], student[i], t));
        }""",
        [
            MODULE,
            *(values.tolist() for values in (teacher, student, temperatures)),
        ],
    )
    p, q = (torch.log_softmax(z / temperatures[:, None], dim=-1) for z in (teacher, student))
    expected = (p.exp() * (p - q)).sum(-1)
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), expected, rtol=1e-11, atol=1e-12)
