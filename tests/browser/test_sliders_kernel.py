"""The sliders as anywidget runs them: on a model that behaves as Jupyter's and keeps what it is told."""

import json
import re

import pytest
from sliders import EACH, JS, MAKE, expect, part, press, settled, tell, track, writer_slider

pytestmark = pytest.mark.browser

KERNEL = """
<style>%s</style><div id="cell"></div>
<script>
const state = %s;
const names = Object.keys(state.data.start);
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
  save_changes() { this.saved.push(names.map((name) => state[name])); },
};
import("data:text/javascript," + encodeURIComponent(%s)).then(async (module) => {
  window.cleanup = await module.default.render({ model, el: document.getElementById("cell") });
});
</script>
"""
# A setting by hand, and one by Python: its name, its value, and what the track then says.
MOVES = {
    "temperature": ("temperature", 4, "temperature 4, entropy 0.99 nats", 4.5),
    "loss": ("alpha", 0.25, "alpha 0.25, loss 1.13", 0.26),
    "answers": ("temperature", 10, "temperature 10, distance from the teacher: alone 0.00985, "
                                   "distilled 0.00030 nats", 11),
    "schedules": ("start", 0.2, "start 0.20, teacher 60\N{NO-BREAK SPACE}% of the weight", 0.21),
    "threshold": ("threshold", 0.5, "+0.50, misses 2 of 4, 1 false alarm among 4", 0.75),
    "errors": ("images", 1, "1,800: \N{MINUS SIGN}9 (\N{MINUS SIGN}35 to +17), no difference detected", 2),
    "information": ("index", 3, "leak 1: teacher 0.250, gain not run", 4),
    "roulette": ("runs", 3, "3 runs", 5),
    "digits": ("temperature", 10, "temperature 10", 11),
    "xrays": ("temperature", 10, "temperature 10", 11),
    "omitted": ("bias", 4, "bias +4.00", 4.25),
    "mixture": ("mean", 1, "mean 1, forward 4.02", 1.1),
    "playground": ("alpha", 0.5, "alpha 0.5", 0.55),
    "writer": ("temperature", 1, "temperature 1", 1.1),
}  # fmt: skip


@pytest.fixture
def live(open_page):
    """live(kind): a slider whose model is at hand as `model`, and what render returned as `cleanup`."""

    def start(kind: str):
        slider = MAKE[kind]()
        state = {"data": slider.data} | {name: getattr(slider, name) for name in slider.data["start"]}
        parts = [json.dumps(part).replace("<", "\\u003c") for part in (state, slider._esm)]
        page = open_page(KERNEL % ((JS / "sliders.css").read_text("utf-8"), *parts))
        page.wait_for_function("() => Boolean(window.cleanup)")
        return page

    return start


@EACH
def test_both_sides_move_and_the_view_can_be_disposed_of(live, kind):
    page = live(kind)
    name, value, words, after = MOVES[kind]
    assert page.evaluate("model.saved") == []  # looking at it changes nothing in the kernel
    page.evaluate("([name, value]) => model.set(name, value)", [name, value])
    tell(page, name, words)
    settled(page)
    assert page.evaluate("model.saved") == []  # and what the kernel said is not said back
    track(page, name).focus()
    press(page, "ArrowRight")
    assert page.evaluate(f"[model.saved.length, model.get('{name}')]") == [1, after]
    page.get_by_role("button").last.click()
    settled(page)
    assert page.evaluate("model.saved.at(-1)") == list(MAKE[kind]().data["start"].values())
    page.evaluate("cleanup()")
    assert page.evaluate("model.listeners.length") == 0 and page.locator("form").count() == 0


def test_examples_and_draws_reach_python_too(live):
    page = live("temperature")
    page.get_by_role("radio", name="second animal").click()
    settled(page)
    page.get_by_role("radio", name="logarithmic").click()
    settled(page)
    assert page.evaluate("model.saved") == [[1, 1, "linear"], [1, 1, "logarithmic"]]
    page.evaluate("model.set('index', 0)")
    expect(page.get_by_role("radio", name="first animal")).to_be_checked()
    page = live("loss")
    page.get_by_role("button", name="10 steps").click()
    page.get_by_role("radio", name="without").click()
    settled(page)
    assert page.evaluate("model.saved.at(-1)") == [4, 0.9, False, 10]
    page.evaluate("model.set('squared', true)")
    expect(page.get_by_role("radio", name="with T²", exact=True)).to_be_checked()
    page = live("roulette")
    page.evaluate("model.set('draws', 7)")
    expect(part(page, "said")).to_contain_text("Draw 7, ")
    page.get_by_role("button", name="Draw one run").click()
    settled(page)
    assert page.evaluate("model.saved") == [[1, 8]]


def test_a_move_to_where_the_slider_stands_leaves_the_next_word_to_python(live):
    page = live("temperature")
    track(page, "temperature").focus()
    press(page, "End", "ArrowRight")
    page.evaluate("model.set('temperature', 4)")
    tell(page, "temperature", "temperature 4, entropy 0.99 nats")
    for _ in range(2):
        page.get_by_role("button").click()
        settled(page)
    page.evaluate("model.set('temperature', 10)")
    expect(track(page, "temperature")).to_have_value("1")
    settled(page)
    assert page.evaluate("model.saved") == [[100, 0, "linear"], [1, 0, "linear"]]  # never what Python said


def test_python_has_the_last_word_within_a_frame(live):
    page = live("temperature")
    page.evaluate(
        """() => {
            const slider = document.querySelector("input[type=range]");
            slider.value = 2;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            model.set("temperature", 4);
        }"""
    )
    tell(page, "temperature", "temperature 4, entropy 0.99 nats")


def test_a_start_that_python_sets_past_the_end_pushes_it(live):
    page = live("schedules")
    page.evaluate("model.set('start', 0.8)")
    settled(page)
    assert page.evaluate("model.saved") == [["ramp", 0.8, 0.81, 1]]


def test_training_brings_its_digits_along_and_follows_python(live):
    page = live("omitted")
    page.get_by_role("button", name="Step").click()
    expect(part(page, "said")).to_contain_text("After 1 step without the 3s")
    assert page.evaluate("model.saved") == [["3", 8, 2000, 0, 1, 0]]
    page.evaluate("model.set('omitted', '7 and 8'); model.set('steps', 3)")
    expect(part(page, "said")).to_contain_text("After 3 steps without the 7s and 8s")
    assert page.evaluate("model.saved.length") == 1


def test_students_write_in_jupyter_and_what_is_typed_reaches_python(live):
    page = live("writer")
    expect(page.get_by_role("button", name="Ask the teacher")).to_have_count(0)  # its weights did not travel
    field = page.get_by_role("textbox", name="Prompt")
    field.fill("Roméo")
    settled(page)
    assert page.evaluate("model.saved") == []  # Python would refuse it
    field.fill("O Romeo")
    page.get_by_role("button", name="One character").click()
    expect(part(page, "said")).to_contain_text("1 character each")
    assert page.evaluate("model.saved.at(-1)") == ["O Romeo", 0.8, 200, 0, "distilled", 1]
    page.evaluate("model.set('prompt', 'JULIET:'); model.set('steps', 20)")
    expect(part(page, "said")).to_contain_text("20 characters each")
    expect(field).to_have_value("JULIET:")
    assert len(page.get_by_role("group", name="alone").locator("p").last.text_content()) == 27


def test_the_teacher_writes_in_jupyter_where_its_weights_were_wanted(live, monkeypatch):
    monkeypatch.setitem(MAKE, "writer", lambda: writer_slider(teacher=True))
    page = live("writer")
    page.get_by_role("button", name="Ask the teacher, too", exact=True).click()  # without a size: it is here
    page.get_by_role("button", name="One character").click()
    expect(page.get_by_role("group", name="teacher")).to_contain_text(re.compile("^\\s*teacher\\s*ROMEO:\n."))
