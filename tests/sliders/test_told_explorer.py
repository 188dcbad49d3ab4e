"""Tests of the slider over what the teacher is told, without a browser: panels, words, refusals, the sync."""

import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html import unescape

import pytest

from kdlib.numbers import signed
from kdlib.sliders.explorer import module
from kdlib.sliders.told_explorer import Place, told_explorer, verdict

MINUS = "\N{MINUS SIGN}"
PLACES = [
    Place("nothing", 0.455, -2.4, -3.6, -1.2),
    Place("noise 0.5", 0.3521, 7.9, 6.2, 9.6),
    Place("leak 1", 0.25),
    Place("who bought", 0.002, -0.16, -0.56, 0.25),
]


def page(widget) -> str:
    return widget._repr_mimebundle_()[0]["text/html"]


def panel(markup: str, name: str) -> ET.Element:
    return ET.fromstring(re.search(rf'<svg data-kd="{name}".*?</svg>', markup, re.S).group())


def sentence(markup: str) -> str:
    found = re.search(r'<p data-kd="summary">(.*?)</p>', markup).group(1)
    return unescape(re.sub("<.*?>", "", found))


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (0, f"nothing. Teacher’s logloss 0.455; the student’s gain {MINUS}2.4 ({MINUS}3.6 to {MINUS}1.2) "
            "thousandths: less than nothing."),
        (1, "noise 0.5. Teacher’s logloss 0.352; the student’s gain +7.9 (+6.2 to +9.6) thousandths: "
            "more than nothing."),
        (2, "leak 1. Teacher’s logloss 0.250; the student’s gain not run."),
        (3, f"who bought. Teacher’s logloss 0.002; the student’s gain {MINUS}0.2 ({MINUS}0.6 to +0.3) "
            "thousandths: no gain detected."),
    ],
)  # fmt: skip
def test_the_sentence_by_hand(index, words):
    markup = told_explorer(PLACES, index=index).markup
    assert sentence(markup) == f"Dwell time: {words}"
    said = re.search('aria-valuetext="(.*?)"', markup).group(1)
    assert said.startswith(f"{PLACES[index].name}: teacher ") and words.rstrip(".").endswith(
        said.split("gain ", 1)[1]
    )


def test_an_interval_that_ends_at_zero_shows_no_gain():
    assert verdict(Place("x", 0.1, 1, 0, 2)) == verdict(Place("x", 0.1, -1, -2, 0)) == "no gain detected"


def heights(svg: ET.Element, values) -> list[float]:
    low, high, y, h = (float(svg.get(f"data-{name}")) for name in ("low", "high", "y", "h"))
    return [y - h * (value - low) / (high - low) for value in values]


def test_the_panels_show_every_place_and_mark_the_present_one():
    markup = told_explorer(PLACES, index=1).markup
    teachers, gains = panel(markup, "teachers"), panel(markup, "gains")
    x, w = (float(gains.get(f"data-{name}")) for name in "xw")
    across = [x + w * i / 3 for i in range(4)]
    points = [tuple(map(float, p.split(","))) for p in teachers.find("polyline").get("points").split()]
    expected = list(zip(across, heights(teachers, [p.teacher for p in PLACES]), strict=True))
    for point, wanted in zip(points, expected, strict=True):
        assert point == pytest.approx(wanted, abs=0.006)
    marked = {node.get("data-kd"): node for node in [*teachers.iter("circle"), *gains.iter("circle")]}
    for name, wanted in (("teacher-dot", expected[1][1]), ("gain-dot", heights(gains, [7.9])[0])):
        found = float(marked[name].get("cx")), float(marked[name].get("cy"))
        assert found == pytest.approx((across[1], wanted), abs=0.006)
    spans = [node.get("d") for node in gains.iter("path") if node.get("class") == "kd-span"]
    numbers = [[float(x) for x in re.findall(r"[\d.]+", d)] for d in spans]
    run = [p for p in PLACES if p.gain is not None]
    assert [n[1:] for n in numbers] == [
        pytest.approx(heights(gains, [p.high, p.low]), abs=0.006) for p in run
    ]
    assert [n[0] for n in numbers] == pytest.approx([across[i] for i in (0, 1, 3)], abs=0.006)


def test_what_was_not_run_has_a_cross_and_no_dot():
    gains = panel(told_explorer(PLACES, index=2).markup, "gains")
    assert [node.text for node in gains.iter("text")].count("×") == 1
    assert {node.get("data-kd"): node.get("display") for node in gains.iter("circle")}["gain-dot"] == "none"
    nothing = told_explorer([Place("a", 0.0), Place("b", 0.0)]).markup
    assert "nan" not in nothing and sentence(nothing).endswith("gain not run.")


def test_python_reads_and_sets_the_slider():
    widget = told_explorer(PLACES)
    assert widget.index == 0 and widget.place == PLACES[0]
    widget.index = 1
    assert widget.place == PLACES[1] and "Back to noise 0.5<" in page(widget) and '"index":1' in page(widget)
    assert json.loads(re.search(r"const state = (.*);\n", page(widget)).group(1))["places"] == [
        list(place) for place in PLACES
    ]
    heard = []
    widget.observe(lambda change: heard.append(change["new"]), "index")
    widget.set_state({"index": 3})  # what a moved slider sends
    assert heard == [3]


def test_the_page_html_is_the_same_each_time_holds_no_id_and_asks_nobody():
    first, second = page(told_explorer(PLACES)), page(told_explorer(PLACES))
    assert first == second
    assert not re.search(r"[\s\"']id\s*=", first)
    assert not re.search(r"https?:|\bsrc=|\bfetch\(|require", first)
    crowd = [
        Place(f"a place, number {i}", 0.45 - i / 50, i - 9.87654, i - 12.34567, i - 5.1) for i in range(20)
    ]
    assert len(told_explorer(crowd).markup.encode()) <= 12_000


def test_names_are_text_not_markup():
    html = page(told_explorer([Place("<b>bold</b>", 0.4), Place('it\'s "q" & </script>', 0.3)]))
    assert "<b>bold" not in html and html.count("</script>") == 1
    controls = re.findall(r"<(?:input|button)\b[^>]*>", html)
    assert len(controls) == 2 and all(" data-lm-suppress-shortcuts" in control for control in controls)


@pytest.mark.parametrize(
    ("places", "error", "words"),
    [
        ("noise", TypeError, "places is 'noise'; give a list of Place"),
        (PLACES[:1], ValueError, "places has 1 entries; give 2 to 20"),
        (PLACES * 6, ValueError, "places has 24 entries"),
        ([PLACES[0], 0.3], TypeError, r"places\[1\] is 0.3; give Place\(name, teacher, gain, low, high\)"),
        ([PLACES[0], ("b", 0.1, 5.0, 2.0, 4.0)], ValueError, r"gain 5.0 outside its interval, 2.0 to 4.0"),
        ([PLACES[0], (1, 0.3)], TypeError, r"places\[1\].name is 1; give what dwell time tells"),
        ([PLACES[0], ("b", None)], TypeError, r"places\[1\].teacher is None; give a plain number"),
        ([PLACES[0], ("b", -0.1)], ValueError, r"places\[1\].teacher is -0.1; a logloss"),
        (
            [PLACES[0], ("b", 0.1, 3.0)],
            TypeError,
            r"places\[1\].low is None; give a plain number, or gain=None",
        ),
        ([PLACES[0], ("b", 0.1, 3.0, math.nan, 4.0)], ValueError, r"places\[1\].low is nan; give a finite"),
        (
            [PLACES[0], ("b", 0.1, 3.0, 4.0, 2.0)],
            ValueError,
            r"places\[1\] has the gain 3.0 outside its interval",
        ),
    ],
)
def test_bad_places_are_named_with_their_remedy(places, error, words):
    with pytest.raises(error, match=words):
        told_explorer(places)


def test_a_bad_index_leaves_the_slider_where_it_was():
    widget = told_explorer(PLACES, index=1)
    with pytest.raises(ValueError, match="index is 4; choose one of the places 0 to 3"):
        widget.index = 4
    assert widget.index == 1
    with pytest.raises(ValueError, match="index is -1"):
        told_explorer(PLACES, index=-1)
    with pytest.raises(TypeError, match="index is 'noise'; give the number of a place, 0 to 3"):
        told_explorer(PLACES, index="noise")


@pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed; the browser test does the same"
)
def test_javascript_and_python_agree():
    values = [-2.25, -0.05, -0.04, 0, 0.04, 0.05, 0.25, 7.949999, 123.45]
    pairs = [(-1, 1), (0, 2), (-2, 0), (0.1, 2), (-2, -0.1)]
    program = (
        f"const source = {json.dumps(module('told'))};"
        'const { signed, verdict } = await import("data:text/javascript," + encodeURIComponent(source));'
        f"console.log(JSON.stringify([{json.dumps(values)}.map(signed), "
        f"{json.dumps(pairs)}.map(([low, high]) => verdict(low, high))]));"
    )
    run = subprocess.run(
        ["node", "--input-type=module"], input=program, capture_output=True, encoding="utf-8", check=True
    )
    expected = [signed(x, 1) for x in values], [verdict(Place("x", 0, 0, *pair)) for pair in pairs]
    assert json.loads(run.stdout) == list(expected)
