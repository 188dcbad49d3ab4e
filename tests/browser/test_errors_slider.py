"""The slider of chapter 03 against means and intervals worked by hand, and as a phone shows it."""

import math

import pytest
from sliders import MAKE, PHONE, RUNS, expect, in_page, part, press, settled, tell, track

from kdlib.sliders import errors_slider

pytestmark = pytest.mark.browser

MINUS = "\N{MINUS SIGN}"
# 4.303 * 10 / sqrt(3) = 24.8. The gaps of 1,800 are -10, 2 and -19: 4.303 * 10.54 / sqrt(3) = 26.2.
SAID = [
    f"Images: 600. Alone 1000 (975 to 1025), distilled 800 (775 to 825). Within a seed: {MINUS}200 "
    f"({MINUS}200 to {MINUS}200), fewer errors (3 seeds).",
    f"Images: 1,800. Alone 510 (420 to 600), distilled 501 (425 to 577). Within a seed: {MINUS}9 "
    f"({MINUS}35 to +17), no difference detected (3 seeds).",
    f"Images: 60,000. Alone 100 (75 to 125), distilled 99 (97 to 101). Within a seed: {MINUS}1 "
    f"({MINUS}28 to +26), no difference detected (3 seeds).",
]


def expect_said(page, words: str) -> None:
    expect(part(page, "said")).to_have_text(words)


def spots(page, picture: str, kind: str) -> list[tuple[float, float]]:
    found = part(page, picture).locator(f"circle.{kind}").all()
    return [(float(dot.get_attribute("cx")), float(dot.get_attribute("cy"))) for dot in found]


def test_each_place_says_what_was_worked_by_hand(open_page):
    page = open_page(in_page(MAKE["errors"]()))
    track(page, "images").focus()
    for words in SAID:
        expect_said(page, words)
        press(page, "ArrowRight")
    expect_said(page, SAID[-1])  # the end of the track
    expect(part(page, "errors").locator(".kd-legend")).to_have_text("alone 100distilled 99teacher 68")


def test_a_seed_that_one_student_lacks_does_not_count(open_page):
    """Distilled at 600 has a seed 9 with 5 errors, which would bring its mean to 601."""
    page = open_page(in_page(MAKE["errors"]()))
    expect(part(page, "errors").locator(".kd-legend")).to_contain_text("distilled 800")


def test_errors_stand_on_a_logarithmic_axis_and_gaps_around_zero(open_page):
    page = open_page(in_page(MAKE["errors"]()))
    (x, thousand), _, (_, hundred) = spots(page, "errors", "kd-scratch")
    teacher = part(page, "errors").locator("polyline").get_attribute("points").split()
    ((_, first), (_, last)) = ([float(n) for n in point.split(",")] for point in teacher)
    assert first == last
    assert (first - hundred) / (hundred - thousand) == pytest.approx(math.log10(100 / 68), abs=0.002)
    gaps = spots(page, "gap", "kd-distilled")
    zero = float(part(page, "gap").locator("path.kd-line").get_attribute("d").split(",")[1].split("H")[0])
    heights = [y - zero for _, y in gaps]
    assert heights[0] / heights[1] == pytest.approx(200 / 9, rel=0.01)
    assert heights[0] / heights[2] == pytest.approx(200, rel=0.05)
    assert gaps[0][0] == pytest.approx(x + 4) == 48  # where the track has its first place
    left, right = part(page, "errors").bounding_box()["x"], track(page, "images").bounding_box()["x"]
    unit = part(page, "errors").bounding_box()["width"] / 320
    assert left + 48 * unit == pytest.approx(right + 12, abs=0.5)  # half a knob


def test_a_choice_has_its_own_track_and_keeps_its_place(open_page):
    page = open_page(in_page(MAKE["errors"]()))
    track(page, "images").focus()
    press(page, "ArrowRight")
    page.get_by_role("radio", name="temperature").check()
    settled(page)
    expect(track(page, "images")).to_be_hidden()
    expect(track(page, "temperature")).to_be_visible()
    expect(part(page, "live")).to_contain_text("Temperature: 2.5.")
    track(page, "temperature").focus()
    press(page, "End")
    expect_said(
        page,
        "Temperature: 20. Alone 280 (255 to 305), distilled 390 (366 to 414). Within a seed: +110 "
        "(+108 to +112), more errors (3 seeds).",
    )
    expect(part(page, "errors")).to_contain_text("30 units a layer")
    page.get_by_role("radio", name="images").check()
    settled(page)
    expect_said(page, SAID[1])
    page.get_by_role("button").click()
    settled(page)
    expect_said(page, SAID[0])


def test_touch_moves_the_track_in_sight_and_what_is_alone_needs_no_choice(open_page):
    only = errors_slider({"temperature": RUNS["temperature"]}, {0: 68})
    page = open_page(in_page(only), **PHONE, viewport={"width": 390, "height": 664})
    assert page.get_by_role("radio").count() == 0
    box = track(page, "temperature").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] - 12, box["y"] + 22)
    tell(page, "temperature", "20: +110 (+108 to +112), more errors")


@pytest.mark.parametrize("width", [320, 390, 800])
def test_a_phone_shows_it_at_once_and_its_page_does_not_move(open_page, width):
    page = open_page(in_page(MAKE["errors"]()), viewport={"width": width, "height": 664})
    heights = set()
    for name in ("images", "temperature"):
        page.get_by_role("radio", name=name).check()
        track(page, name).focus()
        for key in ("Home", "ArrowRight", "End"):
            press(page, key)
            heights.add(page.locator(".kd-view").bounding_box()["height"])
    assert len(heights) == 1 and heights.pop() <= 640
