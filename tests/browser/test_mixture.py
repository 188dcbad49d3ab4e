"""One bell beside two: the divergences are those of kdlib.losses, and each leads where it should."""

import re
from itertools import product

import pytest
import torch
from sliders import expect, in_page, mixture_slider, part, track

from kdlib.sliders.mixture import BELLS, DIVERGENCES, shares

pytestmark = pytest.mark.browser
STUDENTS = [[1.0, mean, width] for mean, width in product((-4.0, -2.0, 0.37, 2.5), (0.3, 0.8, 3.0))]


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def placed(page) -> tuple[float, float]:
    """Where the student stands, and how wide it is."""
    texts = (track(page, name).get_attribute("aria-valuetext") for name in ("mean", "width"))
    return tuple(float(re.search(r"[\u2212\d.]+", text)[0].replace("\u2212", "-")) for text in texts)


def test_shares_and_divergences_are_those_of_torch(open_page):
    page = open_page(in_page())
    logs = page.evaluate("(rows) => rows.map((row) => kd.bells([row]))", STUDENTS)
    q, p = torch.stack([shares([row]) for row in STUDENTS]), shares(BELLS)
    torch.testing.assert_close(torch.tensor(logs, dtype=torch.float64), q, rtol=1e-12, atol=1e-12)
    code = "([bells, kind, rows]) => rows.map((row) => kd.apart[kind](kd.bells(bells), kd.bells([row])))"
    for kind, divergence in DIVERGENCES.items():
        found = torch.tensor(page.evaluate(code, [BELLS, kind, STUDENTS]), dtype=torch.float64)
        wanted = divergence(q, p.expand_as(q), 1.0, reduction="none")
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


def test_the_reverse_divergence_falls_into_a_bell_and_the_forward_one_covers_both(open_page):
    page = open_page(in_page(mixture_slider()))
    button(page, "Descend").click()
    expect(part(page, "said")).to_contain_text("Forward 0.7")
    assert placed(page) == pytest.approx((-0.4, 2.02), abs=0.08)  # mean and deviation of the two bells
    button(page, "Reset").click()
    expect(track(page, "mean")).to_have_attribute("aria-valuetext", re.compile("mean 0.5,"))
    page.get_by_role("radio", name="reverse", exact=True).check()
    button(page, "Descend").click()
    expect(part(page, "said")).to_contain_text("reverse 0.91")  # -ln 0.4
    assert placed(page) == pytest.approx((2.0, 0.5), abs=0.02)
    track(page, "mean").focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    button(page, "Descend").click()
    expect(part(page, "said")).to_contain_text("reverse 0.51")  # -ln 0.6
    assert placed(page) == pytest.approx((-2.0, 0.5), abs=0.02)


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("width", [0.3, 0.53, 3.0])
def test_the_curve_is_seen_and_the_dot_lies_on_it(open_page, width, divergence):
    page = open_page(in_page(mixture_slider(divergence=divergence, mean=0.5, width=width)))
    curve = page.locator(".kd-curve.kd-total").get_attribute("points")
    points = dict(tuple(map(float, point.split(","))) for point in curve.split())
    assert len(points) > 10
    dot = page.locator("circle.kd-distilled, .kd-distilled[cx]").last
    x, y = (float(dot.get_attribute(name)) for name in ("cx", "cy"))
    near = min(points, key=lambda other: abs(other - x))
    assert near == pytest.approx(x, abs=0.1) and points[near] == pytest.approx(y, abs=0.1)


def test_where_it_rests_it_stays(open_page):
    page = open_page(in_page(mixture_slider(divergence="Jensen-Shannon", mean=-1.5)))
    button(page, "Descend").click()
    expect(part(page, "said")).to_contain_text("reverse 0.5")
    before = placed(page)
    button(page, "Descend").click()
    page.evaluate("new Promise(requestAnimationFrame)")
    assert placed(page) == before
