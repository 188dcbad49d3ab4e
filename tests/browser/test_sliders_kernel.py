"""The slider with a kernel: a model that behaves as Jupyter's does and keeps what it is told."""

import json

import pytest
from sliders import ANIMALS, LABELS, NAMES, expect, expect_shown, live, part

from kdlib.sliders.explorer import module
from kdlib.sliders.widgets import temperature_explorer

pytestmark = pytest.mark.browser


MODULE = module("temperature")
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


@pytest.fixture
def page(open_page):
    """A slider at T = 1 whose model is at hand as `model`, and what render returned as `cleanup`."""
    widget = temperature_explorer(ANIMALS, LABELS, names=NAMES)
    traits = {
        name: getattr(widget, name)
        for name in ("markup", "logits", "labels", "names", "temperature", "index")
    }
    script = json.dumps(traits).replace("<", "\\u003c"), json.dumps(MODULE)
    page = open_page(KERNEL % script)
    live(page)
    page.wait_for_function("() => Boolean(window.cleanup)")
    return page


def test_with_a_kernel_both_sides_move_and_the_view_can_be_disposed_of(page):
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


def test_a_move_to_where_the_slider_stands_leaves_the_next_word_to_python(page):
    part(page, "slider").focus()
    for press in ("End", "ArrowRight"):
        page.keyboard.press(press)
        expect_shown(page, 100)
    page.evaluate("model.set('temperature', 4)")
    expect_shown(page, 4)
    expect(part(page, "slider")).to_have_value("0.6")
    for _ in range(2):
        part(page, "reset").click()
        expect_shown(page, 1)
    page.evaluate("model.set('temperature', 10)")
    expect_shown(page, 10)
    expect(part(page, "slider")).to_have_value("1")
    assert page.evaluate("model.saved") == [[100, 0], [1, 0]]  # never what Python said


def test_python_has_the_last_word_within_a_frame(page):
    page.evaluate(
        """() => {
            const slider = document.querySelector("[data-kd=slider]");
            slider.value = 2;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            model.set("temperature", 4);
        }"""
    )
    expect_shown(page, 4)
    expect(part(page, "slider")).to_have_value("0.6")
