"""The slider in a real browser, without a kernel, without a network, from a file.

Each page is written here from the `text/html` that a notebook would store, so no built site is needed.
"""

import pytest
import torch
from sliders import ANIMALS, animals, expect, expect_shown, live, part

from kdlib.softening import soften

pytestmark = pytest.mark.browser


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


def test_scrolling_that_begins_on_the_slider_leaves_it_where_it_was(open_page):
    page = open_page(animals(), has_touch=True, is_mobile=True, viewport={"width": 360, "height": 700})
    live(page)
    slider = part(page, "slider")
    box = slider.bounding_box()
    x, y = box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2
    finger = page.context.new_cdp_session(page)
    for kind, up in [("touchStart", 0), *(("touchMove", 20 * step) for step in range(1, 9))]:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y - up}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("scrollY > 50")
    expect_shown(page, 1)
    expect(slider).to_have_value("0")


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
