"""Tests of the roulette of seeds that need no browser: draws, claims, tally, picture, refusals, the sync."""

import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from html import unescape

import pytest

from kdlib.sliders.explorer import module
from kdlib.sliders.seed_draws import claim, draws, reversed_runs, step, wrong
from kdlib.sliders.seed_roulette import seed_roulette

SPACE, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
# The mean is 4; one run is 0 and two are the other way.
GAINS = {3: 16.0, 0: -10.0, 7: 0.0, 12: -1.0, 20: 7.0, 21: 5.0, 22: 8.0, 30: 7.0, 31: 4.0, 32: 4.0}
UNIT = "test errors fewer"


def page(widget) -> str:
    return widget._repr_mimebundle_()[0]["text/html"]


def plot(markup: str) -> ET.Element:
    return ET.fromstring(re.search(r'<svg data-kd="plot".*?</svg>', markup, re.S).group())


def words(markup: str) -> str:
    found = re.search(r'<div class="kd-foot"><p>(.*?)</p>', markup).group(1)
    return unescape(re.sub("<.*?>", "", found)).replace(SPACE, " ").strip()


# ---- draws ----


def test_the_generator_is_that_of_the_literature():
    """The 10,000th state from 1 is given in the C++ standard, for minstd_rand."""
    state = 1
    for _ in range(10_000):
        state = step(state)
    assert state == 399_268_537


def test_a_draw_does_not_put_back_and_a_longer_series_begins_like_a_shorter():
    found = draws(40, 0, 50)
    assert len(found) == 50 and all(len(set(draw)) == 10 and {*draw} <= {*range(40)} for draw in found)
    assert draws(40, 0, 7) == found[:7]
    assert draws(40, 1, 7) != found[:7]
    assert all(sorted(draw) == list(range(4)) for draw in draws(4, 0, 20))


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_every_run_has_the_same_chance_in_every_place(seed):
    found = draws(10, seed, 999)
    for place in range(10):
        counts = Counter(draw[place] for draw in found)
        # Chi squared with 9 degrees of freedom stays below 27.9 in 999 of 1,000 cases.
        assert sum((counts[run] - 99.9) ** 2 / 99.9 for run in range(10)) < 27.9
    follow = Counter((draw[0], draw[1]) for draw in found)
    assert len(follow) == 90 and max(follow.values()) < 30


# ---- claims ----


@pytest.mark.parametrize(
    ("values", "unit", "digits", "said"),
    [
        ([16.0], UNIT, 0, "Distillation saves 16 test errors."),
        ([-10.0], UNIT, 0, "Distillation costs 10 test errors."),
        ([1.0], UNIT, 0, "Distillation saves 1 test error."),
        ([0.0], UNIT, 0, "Distillation makes no difference."),
        ([0.04], "thousandths of a nat less", 1, "Distillation makes no difference."),
        ([-0.06], "thousandths of a nat less", 1, "Distillation costs 0.1 thousandths of a nat."),
        ([2.5], "percentage points more", 1, "Distillation gains 2.5 percentage points."),
        ([-2.5], "percentage points more", 1, "Distillation loses 2.5 percentage points."),
        ([16.0, -10.0], UNIT, 0, "Distillation saves 3.0 test errors on average."),
        ([2.0, 0.5], "points more", 1, "Distillation gains 1.3 points on average."),
        ([3.0, -3.0], UNIT, 0, "Distillation makes no difference on average."),
        # Mean 2, deviation 1: 4.303 / sqrt(3) = 2.48 on both sides.
        ([1.0, 2.0, 3.0], UNIT, 0, f"Distillation saves 2.0 test errors on average; the 95{SPACE}% interval, "
                                   f"{MINUS}0.5 to +4.5, includes zero."),
        # Mean 6: it lies above zero.
        ([5.0, 6.0, 7.0], UNIT, 0, f"Distillation saves 6.0 test errors on average; the 95{SPACE}% interval, "
                                   "+3.5 to +8.5, excludes zero."),
        ([-5.0, -6.0, -7.0], UNIT, 0, f"Distillation costs 6.0 test errors on average; the 95{SPACE}% "
                                      f"interval, {MINUS}8.5 to {MINUS}3.5, excludes zero."),
    ],
)  # fmt: skip
def test_claims_by_hand(values, unit, digits, said):
    assert claim(values, unit, digits) == said


def test_runs_and_papers_with_the_wrong_sign_by_hand():
    gains = [4.0, -1.0, 6.0, -2.0, 0.0]  # their mean is 1.4
    assert reversed_runs(gains, 0) == 2
    papers = [[1, 0, 2], [3, 1, 0], [4, 1, 3], [0, 1, 3]]
    assert wrong(gains, papers, 1, 0) == 2  # -1, -2; zero is not wrong
    assert wrong(gains, papers, 2, 0) == 2  # 1.5, -1.5, -0.5, 1.5
    assert wrong(gains, papers, 3, 0) == 1  # 3, 0.33, -1, 0.33
    assert reversed_runs([-x for x in gains], 0) == 2
    assert wrong([3.0, 0.0, 0.0, -1.0], [[1, 2, 3]], 3, 0) == 1  # -0.3, written with one decimal


# ---- the widget ----


def test_the_first_picture_says_what_all_runs_say():
    widget = seed_roulette(GAINS)
    assert widget.drawn == [] and widget.claim == "" and widget.wrong == 0
    # The squares of the distances from 4 sum to 420: 2.262 * sqrt(420 / 9 / 10) = 4.9.
    assert words(widget.markup) == (
        f"All 10 runs together: +4.0 ({MINUS}0.9 to +8.9) test errors fewer; 2 of them point the other way."
    )
    assert "Draw one run<" in widget.markup
    more = seed_roulette({0: 1.0, 1: 2.0, 2: -1.0}, unit="points more")
    assert words(more.markup).endswith("1 of them points the other way.")


def test_a_draw_marks_its_runs_and_says_its_claim():
    widget = seed_roulette(GAINS)
    widget.draws, widget.runs = 4, 3
    positions = draws(10, 0, 4)[-1][:3]
    seeds, gains = sorted(GAINS), [GAINS[seed] for seed in sorted(GAINS)]
    assert widget.drawn == [seeds[i] for i in positions]
    assert widget.claim == claim([gains[i] for i in positions], UNIT, 0)
    assert widget.wrong == wrong(gains, draws(10, 0, 4), 3, 0)
    markup = page(widget)
    said = ", ".join(map(str, widget.drawn))
    claimed = widget.claim.replace(SPACE, " ")
    assert words(markup).startswith(
        f"Draw 4, seeds {said}: {claimed} Of 4 papers with 3 runs, {widget.wrong} had the wrong sign. All 10"
    )
    dots = [node for node in plot(markup).iter("circle") if node.get("data-kd") == "run"]
    assert [i for i, node in enumerate(dots) if "kd-drawn" in node.get("class")] == sorted(positions)
    colours = {-1: "kd-run kd-drawn kd-red", 0: "kd-run kd-drawn", 1: "kd-run kd-drawn kd-second"}
    for i in positions:
        assert dots[i].get("class") == colours[(gains[i] > 0) - (gains[i] < 0)]


def test_no_run_stands_on_the_wrong_side_of_zero_or_on_another():
    tiny = {0: 0.01, 1: -0.01, 2: 0.0, 3: 50.0}
    for gains in (
        GAINS,
        tiny,
        {i: (i % 7) * 0.1 - 0.2 for i in range(100)},
        dict.fromkeys(range(100), 1.0),
    ):
        svg = plot(seed_roulette(gains).markup)
        x, w, low, high = (float(svg.get(f"data-{name}")) for name in ("x", "w", "low", "high"))
        zero = x - w * low / (high - low)
        dots = [node for node in svg.iter("circle") if node.get("data-kd") == "run"]
        size = 2 * float(dots[0].get("r"))
        assert size > 3.5
        spots = [(float(node.get("cx")), float(node.get("cy"))) for node in dots]
        for seed, (cx, cy) in zip(sorted(gains), spots, strict=True):
            assert cx == pytest.approx(zero, abs=0.01) if gains[seed] == 0 else (cx - zero) * gains[seed] > 0
            assert abs(cx - (zero + w * gains[seed] / (high - low))) <= size + 1.5 and 20 <= cy <= 108
        if gains is GAINS:
            assert all(math.dist(a, b) > size for i, a in enumerate(spots) for b in spots[:i])


def test_an_interval_beyond_the_picture_is_cut_and_ends_in_an_arrowhead():
    widget = seed_roulette({0: -1.0, 1: 1.0, 2: 3.0})
    widget.runs, widget.draws = 3, 1  # 1 and 4.97 on both sides
    (span,) = (node.get("d") for node in plot(page(widget)).iter("path") if node.get("data-kd") == "span")
    assert re.fullmatch(r"M58\.00,\d+H308\.00M63,\d+l-5,4l5,4M303,\d+l5,4l-5,4", span)  # arrowheads
    narrow = seed_roulette({0: 10.0, 1: 11.0, 2: 12.0})
    narrow.runs, narrow.draws = 3, 1
    (span,) = (node.get("d") for node in plot(page(narrow)).iter("path") if node.get("data-kd") == "span")
    assert span.count("v8") == 1 and span.endswith("l5,4l-5,4")  # 8.5 to 13.5: the axis ends at 12.7


def test_python_reads_and_sets_the_roulette():
    widget = seed_roulette(GAINS, seed=5)
    assert (widget.runs, widget.draws, widget.seed) == (1, 0, 5)
    assert widget.quantiles[:3] == [12.706, 4.303, 3.182] and len(widget.quantiles) == 9
    heard = []
    widget.observe(lambda change: heard.append((change["name"], change["new"])), ["runs", "draws"])
    widget.set_state({"runs": 10, "draws": 2})  # what the button and the slider send
    assert sorted(heard) == [("draws", 2), ("runs", 10)]
    assert sorted(widget.drawn) == sorted(GAINS) and widget.wrong == 0


def test_the_page_html_is_the_same_each_time_holds_no_id_and_asks_nobody():
    first, second = page(seed_roulette(GAINS)), page(seed_roulette(dict(reversed(GAINS.items()))))
    assert first == second
    assert not re.search(r"[\s\"']id\s*=", first)
    assert not re.search(r"https?:|\bsrc=|\bfetch\(|require", first)
    crowd = seed_roulette({seed: math.sin(seed) * 9.123 for seed in range(100)})
    assert len(crowd.markup.encode()) <= 18_000
    controls = re.findall(r"<(?:input|button)\b[^>]*>", first)
    assert len(controls) == 4  # runs, the hidden count, two buttons
    assert all(" data-lm-suppress-shortcuts" in tag for tag in controls if "hidden" not in tag)


def test_the_unit_is_text_not_markup():
    html = page(seed_roulette(GAINS, unit="<b> & </script> less"))
    assert "<b> &" not in html and html.count("</script>") == 1


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"gains": [1, 2, 3]}, TypeError, r"gains is a list; give a dict \{seed: gain\}"),
        ({"gains": {0: 1.0, 1: 2.0}}, ValueError, "gains has 2 seeds; give 3 to 100"),
        ({"gains": dict.fromkeys(range(101), 1.0)}, ValueError, "gains has 101 seeds"),
        ({"gains": GAINS | {5: math.nan}}, ValueError, r"gains\[5\] is nan; leave out the seed"),
        ({"gains": GAINS | {5: "one"}}, TypeError, r"gains\[5\] is 'one'; give a plain number"),
        ({"gains": GAINS | {"five": 1.0}}, TypeError, "seed is 'five'"),
        ({"unit": "test errors"}, ValueError, "unit is 'test errors'; say what is counted, then \"fewer\""),
        ({"unit": "fewer"}, ValueError, "unit is 'fewer'"),
        ({"unit": " fewer"}, ValueError, "unit is ' fewer'"),
        ({"unit": None}, ValueError, "unit is None"),
        ({"seed": 0.5}, TypeError, "seed is 0.5; pass an integer"),
        ({"seed": -1}, ValueError, "seed is -1"),
    ],
)
def test_bad_input_is_named_with_its_remedy(arguments, error, words):
    with pytest.raises(error, match=words):
        seed_roulette(**({"gains": GAINS} | arguments))


def test_a_bad_value_leaves_the_widget_as_it_was():
    widget = seed_roulette({0: 1.0, 1: 2.0, 2: 4.0})
    with pytest.raises(ValueError, match="runs is 5; choose one of 1, 2, 3"):
        widget.runs = 5
    with pytest.raises(ValueError, match="draws is -1; they are counted from 0 to 999"):
        widget.draws = -1
    assert (widget.runs, widget.draws) == (1, 0)


@pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed; the browser test does the same"
)
def test_javascript_and_python_agree():
    quantiles = seed_roulette(GAINS).quantiles
    cases = [(40, 0, 30), (10, 2**40, 30), (3, 17, 30), (100, 1, 999)]
    gains = [GAINS[seed] for seed in sorted(GAINS)]
    papers = [paper[:runs] for paper in draws(10, 3, 50) for runs in (1, 2, 3, 5, 10)]
    values = [[gains[i] for i in paper] for paper in papers]
    program = (
        f"const source = {json.dumps(module('roulette'))};"
        'const { draws, claim } = await import("data:text/javascript," + encodeURIComponent(source));'
        f"const [cases, values, q] = {json.dumps([cases, values, quantiles])};"
        "console.log(JSON.stringify([cases.map((x) => draws(...x)), "
        'values.map((x) => claim(x, "test errors fewer", 0, q)), '
        'values.map((x) => claim(x.map((v) => v / 7), "points more", 1, q))]));'
    )
    run = subprocess.run(
        ["node", "--input-type=module"], input=program, capture_output=True, encoding="utf-8", check=True
    )
    found = json.loads(run.stdout)
    assert found[0] == [draws(*case) for case in cases]
    assert found[1] == [claim(x, UNIT, 0) for x in values]
    assert found[2] == [claim([v / 7 for v in x], "points more", 1) for x in values]


def test_gains_that_would_all_read_zero_are_refused():
    with pytest.raises(ValueError, match=r"the gains are 0\.015 at most; give a smaller unit"):
        seed_roulette({0: 0.012, 1: 0.015, 2: 0.011}, unit="nats less")
