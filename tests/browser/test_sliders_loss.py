"""The loss explorer in a real browser: two sliders without a kernel and with one, picture, colours."""

import json
import re

import pytest
import torch
from sliders import expect, html, live, part
from test_sliders_drawn import contrast
from test_sliders_kernel import KERNEL

from kdlib.losses import hinton_loss
from kdlib.numbers import percent
from kdlib.sliders.explorer import module
from kdlib.sliders.loss_cut import lengths
from kdlib.sliders.loss_picture import number
from kdlib.sliders.widgets import loss_explorer
from kdlib.softening import soften

pytestmark = pytest.mark.browser

STUDENT, TEACHER = [2.0, 2.5, 0.5], [5.0, 2.0, 0.5]
MODULE = module("loss")


def explorer(**options):
    return loss_explorer(STUDENT, TEACHER, 0, ["cat", "dog", "car"], **options)


def expect_shown(scope, temperature: float, alpha: float):
    """Every number shown is that of kdlib.losses, and both knobs stand where they should."""
    z, t = torch.tensor([STUDENT, TEACHER], dtype=torch.float64)
    terms = hinton_loss(z[None], t[None], torch.tensor([0]), temperature=temperature, alpha=alpha)
    numbers = {
        "kl": terms.soft / temperature**2,
        "soft": terms.soft,
        "hard": terms.hard,
        "total": terms.total,
    }
    numbers["softLength"], numbers["hardLength"] = lengths(z, t, 0, temperature)
    total = number(terms.total)
    expect(part(scope, "slider-temperature")).to_have_attribute(
        "aria-valuetext", f"temperature {temperature:.3g}, loss {total}"
    )
    expect(part(scope, "slider-alpha")).to_have_attribute(
        "aria-valuetext", f"alpha {alpha:.2f}, loss {total}"
    )
    for name, value in numbers.items():
        shown = part(scope, name)
        expect(shown).to_have_text([number(value)] * shown.count())
    for name, logits in (("p%", t), ("q%", z)):
        expect(part(scope, name)).to_have_text([percent(float(x)) for x in soften(logits, temperature)])
    expect(part(scope, "summary")).to_contain_text(
        f"Loss = {alpha:.2f} × {number(terms.soft)} + {1 - alpha:.2f} × {number(terms.hard)} = {total}."
    )
    plot = part(scope, "plot")
    axis = {name: float(plot.get_attribute(f"data-{name}")) for name in ("y", "h", "most")}
    height = axis["y"] - axis["h"] * float(terms.total) / axis["most"]
    assert float(part(scope, "dot").get_attribute("cy")) == pytest.approx(height, abs=0.006)
    rail = part(scope, "slider-alpha")
    x = float(rail.get_attribute("data-x")) + float(rail.get_attribute("data-w")) * alpha
    assert float(part(scope, "knob-alpha").get_attribute("cx")) == pytest.approx(x, abs=0.006)


def test_arrow_keys_on_both_sliders(open_page):
    page = open_page(html(explorer()))
    live(page)
    expect_shown(page, 4, 0.9)
    part(page, "slider-temperature").focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, 4.5, 0.9)
    page.keyboard.press("Home")
    expect_shown(page, 0.5, 0.9)
    page.keyboard.press("ArrowLeft")
    expect_shown(page, 0.5, 0.9)
    page.keyboard.press("End")
    expect_shown(page, 100, 0.9)
    page.keyboard.press("Tab")
    for key, alpha in (("ArrowLeft", 0.89), ("ArrowUp", 0.9), ("End", 1), ("Home", 0)):
        page.keyboard.press(key)
        expect_shown(page, 100, alpha)
    expect(part(page, "least").first).to_have_text(re.compile("no minimum up to"))
    part(page, "reset").click()
    expect_shown(page, 4, 0.9)
    expect(part(page, "slider-temperature")).to_have_value("0.602")


def test_touch_on_a_phone(open_page):
    page = open_page(html(explorer()), has_touch=True, is_mobile=True, viewport={"width": 340, "height": 700})
    live(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 340, "the page scrolls sideways"
    boxes = [part(page, f"slider-{name}").bounding_box() for name in ("temperature", "alpha")]
    assert min(box["height"] for box in boxes) >= 44
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] + 5  # a finger meets one of the two
    page.touchscreen.tap(boxes[1]["x"] + boxes[1]["width"] / 2, boxes[1]["y"] + 22)
    expect_shown(page, 4, 0.5)
    page.touchscreen.tap(boxes[0]["x"] + boxes[0]["width"] - 12, boxes[0]["y"] + 22)
    expect_shown(page, 100, 0.5)


def test_the_module_draws_what_python_drew(open_page):
    generator = torch.Generator().manual_seed(1)
    student, teacher = torch.randn(2, 10, generator=generator) * 6
    widget = loss_explorer(student, teacher, 7, [str(i) for i in range(10)], temperature=3, alpha=0.35)
    page = open_page(f'<div id="drawn">{widget.markup}</div><div id="moved">{html(widget)}</div>')
    live(page)
    for parts in ("svg", "p"):
        found = f"id => [...document.querySelectorAll(`#${{id}} {parts}`)].map((node) => node.outerHTML)"
        assert page.evaluate(found, "drawn") == page.evaluate(found, "moved")


def test_without_javascript_the_picture_stands(open_page):
    page = open_page(html(explorer(temperature=2, alpha=0.5)), java_script_enabled=False)
    expect(page.get_by_text("75.3 %")).to_be_visible()
    expect(part(page, "summary")).to_contain_text("Loss = 0.50 × 1.27 + 0.50 × 1.05 = 1.16.")
    for name in ("reset", "slider-temperature", "slider-alpha"):
        expect(part(page, name)).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_bars_and_curves_stand_out(open_page, theme):
    """WCAG contrast against the two backgrounds of the site: 4.5 for text, 3 for bars and curves."""
    page = open_page(html(explorer()), theme)
    live(page)
    back, ink = ("#ffffff", "#222832") if theme == "light" else ("#14181e", "#ced6dd")
    page.evaluate(f"document.body.style.cssText += ';background:{back};color:{ink}'")
    for name, kind, least in (
        ("p%", "fill", 4.5),
        ("p", "fill", 3),
        ("q", "fill", 3),
        ("loss-curve", "stroke", 3),
        ("soft-curve", "stroke", 3),
        ("hard-curve", "stroke", 3),
    ):
        colour = part(page, name).first.evaluate("(node, kind) => getComputedStyle(node)[kind]", kind)
        assert contrast(colour, back) >= least, name


def test_with_a_kernel_both_sides_move_and_the_view_can_be_disposed_of(open_page):
    widget = explorer()
    names = ("markup", "student_logits", "teacher_logits", "label", "labels", "temperature", "alpha")
    state = json.dumps({name: getattr(widget, name) for name in names}).replace("<", "\\u003c")
    kernel = KERNEL.replace("state.index", "state.alpha")
    page = open_page(kernel % (state, json.dumps(MODULE)))
    live(page)
    page.wait_for_function("() => Boolean(window.cleanup)")
    page.evaluate("model.set('temperature', 10)")
    page.evaluate("model.set('alpha', 0.25)")
    expect_shown(page, 10, 0.25)
    expect(part(page, "slider-alpha")).to_have_value("0.25")
    assert page.evaluate("model.saved") == []  # what the kernel said is not said back
    part(page, "slider-alpha").focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, 10, 0.26)
    part(page, "slider-temperature").focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, 11, 0.26)
    assert page.evaluate("model.saved") == [[10, 0.26], [11, 0.26]]
    part(page, "reset").click()
    expect_shown(page, 4, 0.9)
    page.evaluate("cleanup()")
    assert page.evaluate("model.listeners.length") == 0


def test_equal_explorers_on_one_page_are_independent(open_page):
    page = open_page(html(explorer()) * 2)
    expect(page.locator(".kd-live")).to_have_count(2)
    first, second = page.locator(".kd-widget").all()
    part(second, "slider-alpha").focus()
    page.keyboard.press("Home")
    expect_shown(second, 4, 0)
    expect_shown(first, 4, 0.9)
