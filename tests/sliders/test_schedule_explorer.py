"""Tests of the sliders over schedules that need no browser: curves, words, what they refuse, the sync."""

import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html import unescape

import pytest

from kdlib.objectives import ramps
from kdlib.sliders.explorer import module
from kdlib.sliders.schedule_explorer import KINDS, mean_weight, schedule_explorer

SPACE = "\N{NO-BREAK SPACE}"
SETTINGS = [
    ("at-once", 0.0, 0.6, 0.5),
    ("late", 0.3, 0.6, 1.0),
    ("late", 0.0, 0.6, 0.9),
    ("ramp", 0.0, 0.6, 1.0),
    ("ramp", 0.25, 1.0, 0.7),
    ("ramp", 0.99, 1.0, 0.35),
]


def page(widget) -> str:
    return widget._repr_mimebundle_()[0]["text/html"]


def plot(markup: str) -> ET.Element:
    return ET.fromstring(re.search(r'<svg data-kd="plot".*?</svg>', markup, re.S).group())


def line(markup: str, name: str) -> list[tuple[float, float]]:
    """Progress and weight along a curve of the picture."""
    svg = plot(markup)
    axis = {key: float(svg.get(f"data-{key}")) for key in "xwyh"}
    (found,) = (node for node in svg.iter() if node.get("data-kd") == name)
    pairs = (map(float, pair.split(",")) for pair in found.get("points").split())
    return [((x - axis["x"]) / axis["w"], (axis["y"] - y) / axis["h"]) for x, y in pairs]


def sentence(markup: str) -> str:
    found = re.search(r'<p data-kd="summary">(.*?)</p>', markup).group(1)
    return unescape(re.sub("<.*?>", "", found)).replace(SPACE, " ")


def factor(kind: str, start: float, end: float, progress: float) -> float:
    if kind == "ramp":
        return ramps.ramp(progress, start=start, end=end)
    return ramps.at_once(progress) if kind == "at-once" else ramps.late(progress, start=start)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_curve_is_that_of_ramps_and_the_labels_have_the_rest(setting):
    kind, start, end, alpha = setting
    markup = schedule_explorer(*setting).markup
    teacher, labels = line(markup, "teacher-curve"), line(markup, "labels-curve")
    assert teacher[0][0] == 0 and teacher[-1][0] == 1
    near = {start} if kind == "late" else set()  # both ends of a step
    for (x, w), (x2, rest) in zip(teacher, labels, strict=True):
        assert x == x2 and w + rest == pytest.approx(1, abs=2e-3)
        if not any(abs(x - step) < 1e-3 for step in near):
            steep = 6 * alpha / (end - start) * 2e-4 if kind == "ramp" else 0
            assert w == pytest.approx(alpha * factor(kind, start, end, x), abs=1e-3 + steep)


def test_a_step_stands_upright():
    teacher = line(schedule_explorer("late", 0.3, alpha=0.5).markup, "teacher-curve")
    assert [x for x, _ in teacher] == pytest.approx([0, 0.3, 0.3, 1], abs=1e-3)
    assert [w for _, w in teacher] == pytest.approx([0, 0, 0.5, 0.5], abs=1e-3)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_mean_is_the_mean_over_many_steps(setting):
    kind, start, end, alpha = setting
    steps = 20_000
    total = math.fsum(alpha * factor(kind, start, end, (k + 0.5) / steps) for k in range(steps))
    assert mean_weight(*setting) == pytest.approx(total / steps, abs=1e-4)
    assert schedule_explorer(*setting).mean == mean_weight(*setting)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        # 1 - (0 + 0.6) / 2 = 0.7
        (
            ("ramp", 0.0, 0.6, 1.0),
            "Averaged over training, the teacher has 70 % of the weight, the labels 30 %. It begins "
            "to count with the first steps and has all of its weight, α = 1.00, from 60 % on.",
        ),
        # 0.7 * (1 - (0.25 + 0.5) / 2) = 0.4375
        (("ramp", 0.25, 0.5, 0.7), "43.8 % of the weight, the labels 56.2 %"),
        (
            ("ramp", 0.25, 1.0, 0.7),
            "count after 25 % of training and has all of its weight, α = 0.70, at the end.",
        ),
        # 0.5 * 0.7 = 0.35
        (("late", 0.3, 0.6, 0.5), "35 % of the weight, the labels 65 %."),
        (
            ("late", 0.3, 0.6, 0.5),
            "It first counts after 30 % of training, with all of its weight, α = 0.50.",
        ),
        (("late", 0.0, 0.6, 0.5), "It counts from the first step, with all of its weight, α = 0.50."),
        (
            ("at-once", 0.3, 0.6, 0.9),
            "90 % of the weight, the labels 10 %. It counts",
        ),
        (
            ("ramp", 0.0, 0.6, 0.0),
            "0 % of the weight, the labels 100 %. It never",
        ),
    ],
)
def test_the_words_by_hand(setting, words):
    assert words in sentence(schedule_explorer(*setting).markup)


@pytest.mark.parametrize(("kind", "off"), [("at-once", {"start", "end"}), ("late", {"end"}), ("ramp", set())])
def test_what_a_schedule_does_not_have_cannot_be_moved(kind, off):
    inputs = re.findall(r"<input [^>]*>", schedule_explorer(kind).markup)
    sliders = {re.search('data-kd="slider-(.*?)"', tag).group(1): tag for tag in inputs if "range" in tag}
    assert {name for name, tag in sliders.items() if " disabled " in tag} == off
    assert set(sliders) == {"start", "end", "alpha"}
    options = [tag for tag in inputs if 'type="radio"' in tag]
    assert [" checked" in tag for tag in options] == [name == kind for name in KINDS]
    assert all(" data-lm-suppress-shortcuts" in tag for tag in inputs)


def test_python_reads_and_sets_the_sliders():
    widget = schedule_explorer()
    assert (widget.kind, widget.start, widget.end, widget.alpha, widget.mean) == ("ramp", 0, 0.6, 1, 0.7)
    widget.kind, widget.alpha = "late", 0.5
    widget.start = 0.2
    assert widget.mean == pytest.approx(0.4)
    assert "It first counts after 20" in page(widget) and '"start":0.2,"end":0.6,"alpha":0.5' in page(widget)
    heard = []
    widget.observe(lambda change: heard.append((change["name"], change["new"])), ["start", "kind"])
    widget.set_state({"kind": "at-once", "start": 0.4})  # what moved sliders send
    assert sorted(heard) == [("kind", "at-once"), ("start", 0.4)]


def test_the_end_stays_after_the_start():
    widget = schedule_explorer()
    widget.start = 0.8
    assert (widget.start, widget.end) == (0.8, 0.81)
    widget.end = 0.5
    assert (widget.start, widget.end) == (0.49, 0.5)
    widget.start = 0.99
    assert (widget.start, widget.end) == (0.99, 1.0)
    widget.end = 0.01
    assert (widget.start, widget.end) == (0.0, 0.01)
    widget.start = 0.3
    widget.end = 0.3
    assert (widget.start, widget.end) == (0.29, 0.3)
    late = schedule_explorer("late", 0.7)  # its end counts for nothing yet
    assert (late.start, late.end) == (0.7, 0.71)
    assert late.markup in page(late)


def test_the_page_html_is_the_same_each_time_holds_no_id_and_asks_nobody():
    first, second = page(schedule_explorer()), page(schedule_explorer())
    assert first == second
    assert not re.search(r"[\s\"']id\s*=", first)
    assert not re.search(r"https?:|\bsrc=|\bfetch\(|require", first)
    assert len(schedule_explorer().markup.encode()) <= 12_000


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"kind": "warm-up"}, ValueError, "kind is 'warm-up'; choose one of 'at-once', 'late', 'ramp'"),
        ({"kind": None}, TypeError, "kind is None; give one of 'at-once'"),
        ({"start": 0.7}, ValueError, "start is 0.7 and end 0.6.*it must end after it starts"),
        ({"start": 0.6}, ValueError, "start is 0.6 and end 0.6"),
        ({"start": -0.1}, ValueError, "start is -0.1; the slider goes from 0 to 0.99 of training"),
        ({"start": 1.0, "kind": "late"}, ValueError, "start is 1.0; the slider goes from 0 to 0.99"),
        ({"end": 60}, ValueError, "end is 60; the slider goes from 0.01 to 1"),
        ({"end": math.nan}, ValueError, "end is nan"),
        ({"end": "0.6"}, TypeError, "end is '0.6'; give a share of training, a plain number from 0 to 1"),
        ({"start": True}, TypeError, "start is True"),
        ({"alpha": 1.1}, ValueError, "alpha is 1.1.*from 0 to 1"),
        ({"alpha": None}, TypeError, "alpha is None"),
    ],
)
def test_bad_input_is_named_with_its_remedy(arguments, error, words):
    with pytest.raises(error, match=words):
        schedule_explorer(**arguments)


def test_a_bad_value_leaves_the_widget_as_it_was():
    widget = schedule_explorer()
    for name, value in (("kind", "soon"), ("start", 1.5), ("end", 0.001), ("alpha", 2)):
        with pytest.raises(ValueError, match=f"{name} is {value!r}"):
            setattr(widget, name, value)
    assert (widget.kind, widget.start, widget.end, widget.alpha) == ("ramp", 0, 0.6, 1)


@pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed; the browser test does the same"
)
def test_javascript_and_ramps_agree():
    rows = [[*setting, k / 50] for setting in SETTINGS for k in range(51)]
    program = (
        f"const source = {json.dumps(module('schedules'))};"
        'const { weight, mean } = await import("data:text/javascript," + encodeURIComponent(source));'
        f"console.log(JSON.stringify({json.dumps(rows)}.map((row) => [weight(...row), mean(...row)])));"
    )
    run = subprocess.run(
        ["node", "--input-type=module"], input=program, capture_output=True, encoding="utf-8", check=True
    )
    for (kind, start, end, alpha, progress), found in zip(rows, json.loads(run.stdout), strict=True):
        expected = [alpha * factor(kind, start, end, progress), mean_weight(kind, start, end, alpha)]
        assert found == pytest.approx(expected, abs=1e-12)
