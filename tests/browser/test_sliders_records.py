"""The sliders over schedules and records in a real browser: keys, pictures, words, a phone, a kernel."""

import json
from itertools import pairwise

import pytest
from sliders import expect, html, live, part
from test_sliders_drawn import contrast
from test_sliders_kernel import KERNEL

from kdlib.sliders.schedule_explorer import schedule_explorer
from kdlib.sliders.seed_roulette import seed_roulette
from kdlib.sliders.told_explorer import Place, told_explorer

pytestmark = pytest.mark.browser

PLACES = [
    Place("nothing", 0.455, -2.4, -3.6, -1.2),
    Place("noise 4", 0.45, -1.04, -2.97, 0.877),
    Place("noise 0.5", 0.3521, 7.9, 6.2, 9.6),
    Place("leak 1", 0.25),
    Place("who bought", 0.002, -0.16, -0.56, 0.25),
]
GAINS = {seed: float(seed * 37 % 41 - 13) for seed in range(40)}  # -13 to 27
MAKE = {
    "schedules": schedule_explorer,
    "told": lambda **setting: told_explorer(PLACES, **setting),
    "roulette": lambda **setting: seed_roulette(GAINS, **setting),
}


def as_python(slider: str, /, **setting) -> str:
    """What Python draws at a setting, as it would stand in a page."""
    widget = MAKE[slider]()
    for name, value in setting.items():
        setattr(widget, name, value)
    return html(widget)


def state(page, scope: str = "document") -> list[str]:
    """All that a slider shows or says: pictures, sentences, texts of buttons, what its inputs hold."""
    return page.evaluate(
        f"""() => {{
            const root = {scope}.querySelector(".kd-explorer");
            const shown = [...root.querySelectorAll("svg, p")].map((node) => node.outerHTML);
            const button = root.querySelector("[data-kd=press]")?.textContent ?? "";
            const inputs = [...root.querySelectorAll("input")].map((node) => [
              node.dataset.kd, node.value, node.checked, node.disabled, node.ariaValueText,
            ]);
            return [...shown, button, JSON.stringify(inputs)];
        }}"""
    )


@pytest.fixture
def expect_shown(open_page):
    """Every number, line and word of the page is what Python draws at the setting, without JavaScript."""

    def compare(page, slider: str, /, **setting) -> None:
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        drawn = open_page("")
        drawn.set_content(as_python(slider, **setting).split("<script>")[0])
        assert state(page) == state(drawn)
        drawn.close()

    return compare


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_keys_on_the_sliders_of_the_schedule(open_page, expect_shown):
    page = open_page(as_python("schedules"))
    live(page)
    expect_shown(page, "schedules")
    part(page, "slider-start").focus()
    press(page, *["ArrowRight"] * 3)
    expect_shown(page, "schedules", start=0.03)
    press(page, "Tab", "ArrowLeft", "Tab", "ArrowLeft", "ArrowLeft")
    expect_shown(page, "schedules", start=0.03, end=0.59, alpha=0.98)
    press(page, "Home")
    expect_shown(page, "schedules", start=0.03, end=0.59, alpha=0)
    part(page, "reset").click()
    expect_shown(page, "schedules")


def test_start_and_end_push_each_other(open_page, expect_shown):
    page = open_page(as_python("schedules"))
    live(page)
    part(page, "slider-start").focus()
    press(page, "End")
    expect_shown(page, "schedules", start=0.99)  # Python pushes the end too
    expect(part(page, "slider-end")).to_have_value("1")
    part(page, "slider-end").focus()
    press(page, "Home")
    expect_shown(page, "schedules", start=0.0, end=0.01)
    part(page, "slider-start").focus()
    press(page, "ArrowRight")
    expect_shown(page, "schedules", start=0.01, end=0.02)


def test_the_choice_of_the_schedule(open_page, expect_shown):
    page = open_page(as_python("schedules", start=0.3))
    live(page)
    page.get_by_role("radio", name="late").check()
    expect_shown(page, "schedules", start=0.3, kind="late")
    expect(part(page, "slider-end")).to_be_disabled()
    expect(part(page, "live")).to_contain_text("It first counts after 30\N{NO-BREAK SPACE}% of training")
    press(page, "ArrowLeft")  # a radio group
    expect_shown(page, "schedules", start=0.3, kind="at-once")
    expect(part(page, "slider-start")).to_be_disabled()
    part(page, "reset").click()
    expect_shown(page, "schedules", start=0.3)
    assert page.get_by_role("radio").count() == 3
    assert page.get_by_role("group", name="Schedule").count() == 1


def test_keys_move_over_the_places(open_page, expect_shown):
    page = open_page(as_python("told"))
    live(page)
    part(page, "slider-index").focus()
    for index in range(1, 5):
        press(page, "ArrowRight")
        expect_shown(page, "told", index=index)
    press(page, "ArrowRight", "Home")
    expect_shown(page, "told", index=0)
    press(page, "End")
    expect(part(page, "summary")).to_contain_text("thousandths: no gain detected.")
    part(page, "reset").click()
    expect_shown(page, "told")


def test_the_button_draws_and_the_slider_lengthens_the_paper(open_page, expect_shown):
    page = open_page(as_python("roulette"))
    live(page)
    expect_shown(page, "roulette")
    button = part(page, "press")
    for draws in range(1, 7):
        button.click()
        expect_shown(page, "roulette", draws=draws)
    expect(part(page, "live")).to_contain_text("Draw 6, seed ")
    part(page, "slider-runs").focus()
    for runs in (2, 3, 5, 10):
        press(page, "ArrowRight")
        expect_shown(page, "roulette", draws=6, runs=runs)
    press(page, "ArrowLeft", "ArrowLeft")
    button.focus()
    press(page, "Enter", "Space")
    expect_shown(page, "roulette", draws=8, runs=3)
    for _ in range(3):
        page.evaluate("document.querySelector('[data-kd=press]').click()")  # within one frame or not
    expect_shown(page, "roulette", draws=11, runs=3)
    part(page, "reset").click()
    expect_shown(page, "roulette")


def test_the_draws_come_to_an_end(open_page, expect_shown):
    page = open_page(as_python("roulette", draws=998))
    live(page)
    for _ in range(2):
        part(page, "press").click()
        expect_shown(page, "roulette", draws=999)


SETTINGS = {
    "schedules": {"start": 0.3, "alpha": 0.35},
    "told": {"index": 2},
    "roulette": {"draws": 5, "runs": 3},
}


@pytest.mark.parametrize("kind", MAKE)
def test_the_module_draws_what_python_drew(open_page, expect_shown, kind):
    page = open_page(as_python(kind, **SETTINGS[kind]))
    live(page)
    expect_shown(page, kind, **SETTINGS[kind])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("schedules", "It begins to count after 30\N{NO-BREAK SPACE}% of training"),
        ("told", "gain +7.9 (+6.2 to +9.6) thousandths: more than nothing."),
        ("roulette", "All 40 runs together: +"),
    ],
)
def test_without_javascript_the_picture_stands(open_page, kind, words):
    page = open_page(as_python(kind, **SETTINGS[kind]), java_script_enabled=False)
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.locator("svg").first).to_be_visible()
    for control in page.locator("button, input[type=range]").all():
        expect(control).to_be_hidden()


LONGEST = {
    "schedules": {"start": 0.33, "end": 0.77, "alpha": 0.77},
    "told": {"index": 1},
    "roulette": {"draws": 999, "runs": 10},
}


@pytest.mark.parametrize("kind", MAKE)
def test_a_phone_shows_a_slider_whole(open_page, kind):
    """340 px wide: below 560 px high, no text below 11 px or beyond the edge, and targets for a finger."""
    body = as_python(kind, **LONGEST[kind])
    page = open_page(body, has_touch=True, is_mobile=True, viewport={"width": 340, "height": 700})
    live(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 340, "the page scrolls sideways"
    assert page.locator(".kd-widget").bounding_box()["height"] < 560
    boxes = """[...document.querySelectorAll("svg text")].map((text) =>
      [text, text.ownerSVGElement].map((node) => node.getBoundingClientRect().toJSON()))"""
    for text, svg in page.evaluate(boxes):
        assert 13 * svg["width"] / 320 >= 11
        assert text["left"] >= svg["left"] - 1 and text["right"] <= svg["right"] + 1
    targets = [node.bounding_box() for node in page.locator("button, input[type=range], label").all()]
    assert min(box["height"] for box in targets) >= 44
    sliders = [node.bounding_box() for node in page.locator("input[type=range]").all()]
    for first, second in pairwise(sliders):
        assert first["y"] + first["height"] <= second["y"] + 5  # a finger meets one of the two


def test_touch_on_a_phone(open_page, expect_shown):
    options = {"has_touch": True, "is_mobile": True, "viewport": {"width": 340, "height": 700}}
    page = open_page(as_python("told"), **options)
    live(page)
    box = part(page, "slider-index").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 22)
    expect_shown(page, "told", index=2)
    page = open_page(as_python("roulette"), **options)
    live(page)
    box = part(page, "slider-runs").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] - 12, box["y"] + 22)
    expect_shown(page, "roulette", runs=10)
    part(page, "press").tap()
    expect_shown(page, "roulette", runs=10, draws=1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_curves_and_dots_stand_out(open_page, theme):
    """WCAG contrast against the two backgrounds of the site: 4.5 for text, 3 for curves and dots."""
    page = open_page("".join(as_python(kind, **SETTINGS[kind]) for kind in MAKE), theme)
    expect(page.locator(".kd-live")).to_have_count(3)
    back, ink = ("#ffffff", "#222832") if theme == "light" else ("#14181e", "#ced6dd")
    page.evaluate(f"document.body.style.cssText += ';background:{back};color:{ink}'")
    for place, kind, least in (
        ('[data-kd="mean-name"]', "fill", 4.5),
        ('[data-kd="teacher-curve"]', "stroke", 3),
        ('[data-kd="labels-curve"]', "stroke", 3),
        (".kd-span", "stroke", 3),
        ('[data-kd="gain-dot"]', "fill", 3),
        ('[data-kd="teacher-dot"]', "fill", 3),
        (".kd-drawn", "fill", 3),
        (".kd-drawn", "stroke", 3),
    ):
        colour = page.locator(place).first.evaluate("(node, kind) => getComputedStyle(node)[kind]", kind)
        assert contrast(colour, back) >= least, place


@pytest.mark.parametrize("kind", MAKE)
def test_a_slider_is_accessible(open_page, kind):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(f"<main><h1>A page</h1>{as_python(kind, **SETTINGS[kind])}</main>")
    live(page)
    found = axe.run(page).response["violations"]
    assert {rule["id"]: [node["html"][:150] for node in rule["nodes"]] for rule in found} == {}


def kernel(open_page, kind: str):
    """A page with the slider and a model that behaves as Jupyter's does, at hand as `model`."""
    widget = MAKE[kind]()
    traits = {name: getattr(widget, name) for name in ("markup", *widget._page_traits)}
    script = json.dumps(traits).replace("<", "\\u003c"), json.dumps(str(widget._esm))
    moved = {"schedules": "kind, state.start, state.end", "told": "index", "roulette": "runs, state.draws"}
    page = open_page(KERNEL.replace("state.temperature, state.index", f"state.{moved[kind]}") % script)
    live(page)
    page.wait_for_function("() => Boolean(window.cleanup)")
    return page


def test_with_a_kernel_the_schedule_moves_from_both_sides(open_page, expect_shown):
    page = kernel(open_page, "schedules")
    page.evaluate("model.set('kind', 'late'); model.set('start', 0.5)")
    expect_shown(page, "schedules", kind="late", start=0.5)
    assert page.evaluate("model.saved") == []  # what the kernel said is not said back
    part(page, "slider-start").focus()
    press(page, "End")
    expect_shown(page, "schedules", kind="late", start=0.99)
    page.get_by_role("radio", name="ramp").check()
    expect_shown(page, "schedules", start=0.99)
    assert page.evaluate("model.saved") == [["late", 0.99, 1], ["ramp", 0.99, 1]]
    page.evaluate("cleanup()")
    assert page.evaluate("model.listeners.length") == 0


def test_with_a_kernel_the_records_move_from_both_sides(open_page, expect_shown):
    page = kernel(open_page, "told")
    page.evaluate("model.set('index', 3)")
    expect_shown(page, "told", index=3)
    part(page, "slider-index").focus()
    press(page, "ArrowRight")
    expect_shown(page, "told", index=4)
    assert page.evaluate("model.saved") == [[4]]
    page = kernel(open_page, "roulette")
    page.evaluate("model.set('draws', 7)")
    expect_shown(page, "roulette", draws=7)
    part(page, "press").click()
    expect_shown(page, "roulette", draws=8)
    assert page.evaluate("model.saved") == [[1, 8]]
    page.evaluate("cleanup()")
    assert page.evaluate("model.listeners.length") == 0
    part(page, "press").click()
    assert page.evaluate("model.saved") == [[1, 8]]


def test_equal_sliders_on_one_page_are_independent(open_page):
    page = open_page(as_python("roulette") * 2 + as_python("schedules") * 2)
    expect(page.locator(".kd-live")).to_have_count(4)
    first, second, third, fourth = page.locator(".kd-widget").all()
    part(second, "press").click()
    expect(part(second, "drawn")).to_contain_text("Draw 1")
    expect(part(first, "drawn")).to_have_text("")
    third.get_by_role("radio", name="late").check()
    expect(fourth.get_by_role("radio", name="ramp")).to_be_checked()
    expect(third.get_by_role("radio", name="late")).to_be_checked()
