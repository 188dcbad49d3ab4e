"""The threshold slider against counts made one by one, and as a phone shows it."""

import pytest
from sliders import ILL, MAKE, ODDS, PHONE, expect, in_page, part, press, settled, tell, track

from kdlib.numbers import percent, signed
from kdlib.sliders import threshold_slider

pytestmark = pytest.mark.browser


def mistakes(split: str, model: str, threshold: float) -> tuple[int, int]:
    """Misses and false alarms, counted one by one."""
    pairs = list(zip(ODDS[split][model].tolist(), ILL.tolist(), strict=True))
    return sum(ill and z <= threshold for z, ill in pairs), sum(not ill and z > threshold for z, ill in pairs)


def expect_mistakes(page, split: str, model: str, threshold: float) -> None:
    """Words, filled bars and the point on the curve are those of this threshold."""
    missed, alarms = mistakes(split, model, threshold)
    alarms_said = f"{alarms} false alarm{'s' * (alarms != 1)}"
    tell(page, "threshold", f"{signed(threshold, 2)}, misses {missed} of 4, {alarms_said} among 4")
    said = part(page, "said")
    expect(said).to_contain_text(f"Misses {missed} of 4 with pneumonia. {alarms_said} among 4 normal.")
    shares = [percent(1 - missed / 4), percent(1 - alarms / 4), percent(1 - (missed + alarms) / 8)]
    assert said.locator("span:not(.kd-big) b").all_text_contents() == shares
    bars = part(page, "bars")
    expect(bars.locator("svg")).to_contain_text(f"{missed} missed4 pneumonia4 normal{alarms_said}")
    heights = {True: [0.0, 0.0], False: [0.0, 0.0]}  # of the pale bars and of those on top, up and down
    for bar in bars.locator("rect").all():
        y, height = (float(bar.get_attribute(name)) for name in ("y", "height"))
        heights["kd-pale" in bar.get_attribute("class")][int(y >= 90)] += height
    assert [a / b for a, b in zip(heights[False], heights[True], strict=True)] == pytest.approx(
        [missed / 4, alarms / 4], abs=0.01
    )
    x = float(bars.locator(".kd-cut").get_attribute("d").removeprefix("M").split(",")[0])
    assert x == pytest.approx(160 + threshold * 146 / 20, abs=0.01)
    dot = part(page, "roc").locator("circle")
    place = [float(dot.get_attribute(name)) for name in ("cx", "cy")]
    assert place == pytest.approx([30 + 120 * alarms / 4, 22 + 120 * missed / 4], abs=0.01)


def test_the_threshold_by_keys_and_choices_against_a_count_by_hand(open_page):
    page = open_page(in_page(MAKE["threshold"]()))
    tell(page, "threshold", "0.00, misses 2 of 4, 2 false alarms among 4")  # -1 and 0; 0.1 and 2
    expect_mistakes(page, "test", "teacher", 0)
    for key, threshold in (("Home", -20), ("ArrowRight", -19.75), ("End", 20), ("ArrowLeft", 19.75)):
        track(page, "threshold").focus()
        press(page, key)
        expect_mistakes(page, "test", "teacher", threshold)
    page.get_by_role("radio", name="distilled").check()
    page.get_by_role("radio", name="validation").check()
    settled(page)
    expect_mistakes(page, "validation", "distilled", 19.75)
    expect(part(page, "live")).to_contain_text("Misses 4 of 4")


def test_the_threshold_in_steps_of_a_quarter(open_page):
    page = open_page(in_page(MAKE["threshold"](at=-3.5)))
    track(page, "threshold").focus()
    for k in range(24):
        expect_mistakes(page, "test", "teacher", -3.5 + k / 4)
        press(page, "ArrowRight")


def test_the_threshold_that_finds_enough_on_validation_is_kept_for_the_test(open_page):
    page = open_page(in_page(MAKE["threshold"](at=5)))
    expect(page.get_by_role("button")).to_have_text(
        ["95\N{NO-BREAK SPACE}% sensitivity on validation", "One half"]
    )
    page.get_by_role("radio", name="alone").check()
    page.get_by_role("button", name="95").click()
    settled(page)
    expect_mistakes(page, "test", "alone", 0.5)  # of 0.6, 1, 2 and 9 none may be missed
    page.get_by_role("button", name="One half").click()
    settled(page)
    expect_mistakes(page, "test", "alone", 0)
    only = threshold_slider(
        {"test": {"alone": ODDS["test"]["alone"]}}, {"test": ILL}, positive="ill", negative="well"
    )
    page = open_page(in_page(only))
    expect(page.get_by_role("button")).to_have_text(["One half"])
    assert page.get_by_role("radio").count() == 0  # nothing to choose
    expect(part(page, "said")).to_contain_text("Misses 0 of 4 with ill. 2 false alarms among 4 well.")


def test_the_roc_curves_hold_every_place_and_the_chosen_one_is_on_top(open_page):
    page = open_page(in_page(MAKE["threshold"]()))
    curves = part(page, "roc").locator("polyline")
    kinds = [curve.get_attribute("class") for curve in curves.all()]
    assert ["kd-faint" in kind for kind in kinds] == [True, True, False]
    points = {tuple(map(float, at.split(","))) for at in curves.last.get_attribute("points").split()}
    places = [mistakes("test", "teacher", -20.25 + k / 4) for k in range(163)]
    wanted = {(30 + 30.0 * alarms, 22 + 30.0 * missed) for missed, alarms in places}
    assert points == wanted | {(30 + 120, 22), (30, 22 + 120)}  # all called ill, and none


def test_a_phone_shows_the_threshold_and_all_that_it_moves_at_once(open_page):
    page = open_page(in_page(MAKE["threshold"]()), **PHONE, viewport={"width": 390, "height": 664})
    view = page.locator(".kd-view").bounding_box()
    assert view["height"] <= 560
    for name in ("bars", "roc", "said"):
        box = part(page, name).bounding_box()
        assert view["y"] <= box["y"] and box["y"] + box["height"] <= view["y"] + view["height"]


@pytest.mark.parametrize("width", [320, 390, 800])
def test_the_page_of_the_threshold_does_not_move(open_page, width):
    page = open_page(in_page(MAKE["threshold"]()), viewport={"width": width, "height": 800})
    heights = set()
    for radio in page.get_by_role("radio").all():
        radio.check()
        track(page, "threshold").focus()
        for key in ("Home", "PageUp", "PageUp", "PageUp", "PageUp", "PageUp", "End"):
            press(page, key)
            heights.add(page.locator(".kd-view").bounding_box()["height"])
    assert len(heights) == 1
