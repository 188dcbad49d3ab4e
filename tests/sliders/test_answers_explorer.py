"""Tests of the answers explorer that need no browser: its numbers, its picture, what it refuses, the sync."""

import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html import unescape

import numpy as np
import pytest
import torch

from kdlib.sliders.explorer import module
from kdlib.sliders.png import photo_uri
from kdlib.sliders.widgets import answers_explorer
from kdlib.softening import soften

LN3 = math.log(3)
LABELS, NAMES = ["normal", "pneumonia"], ["first image", "second image"]
# At T = 1 and for the first image: 3/4 and 1/4; 1/2 and 1/2; 1/4 and 3/4.
LOGITS = {
    "teacher": [[LN3, 0.0], [0.0, 4.0]],
    "alone": [[0.0, 0.0], [0.0, 1.0]],
    "distilled": [[0.0, LN3], [0.0, 3.0]],
}
IMAGES = torch.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4).to(torch.uint8)
SPACE = "\N{NO-BREAK SPACE}"


def explorer(**options):
    good = {"logits": LOGITS, "labels": LABELS, "images": IMAGES, "names": NAMES, "truths": [0, 1]}
    return answers_explorer(**(good | options))


def crowd(examples: int = 12, classes: int = 12, models: int = 3):
    """As much as the explorer takes."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(models, examples, classes, generator=generator, dtype=torch.float64) * 5
    return answers_explorer(
        {f"model {m}": z for m, z in enumerate(logits)},
        [f"a class, number {i}" for i in range(classes)],
        images=torch.randint(0, 256, (examples, 3, 32, 32), generator=generator, dtype=torch.uint8),
        names=[f"test image {i}" for i in range(examples)],
        truths=torch.arange(examples) % classes,
    )


def page(widget) -> str:
    return widget._repr_mimebundle_()[0]["text/html"]


def bars(markup: str) -> ET.Element:
    return ET.fromstring(re.search(r'<svg data-kd="bars".*?</svg>', markup, re.S).group())


def parts(svg: ET.Element, name: str) -> list[ET.Element]:
    return [node for node in svg.iter() if node.get("data-kd") == name]


def sentence(markup: str) -> str:
    found = re.search(r'<p data-kd="summary">(.*?)</p>', markup).group(1)
    return unescape(re.sub("<.*?>", "", found)).replace(SPACE, " ")


def test_numbers_by_hand():
    widget = explorer()
    torch.testing.assert_close(
        widget.probabilities, torch.tensor([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]], dtype=torch.float64)
    )
    # 3/4 ln(3/2) + 1/4 ln(1/2) = 0.1308 and 3/4 ln 3 - 1/4 ln 3 = 0.5493.
    expected = [0.75 * math.log(1.5) - 0.25 * math.log(2), LN3 / 2]
    assert widget.distances.tolist() == pytest.approx(expected, abs=1e-12)
    assert sentence(widget.markup) == (
        "True class: normal. At temperature 1, teacher: normal 75.0 %; alone: normal 50.0 %; "
        "distilled: pneumonia 75.0 %. Distance from the teacher, in nats: alone 0.131, distilled 0.549."
    )
    # At T = 2 the odds are the square root of 3.
    widget.temperature = 2
    assert float(widget.probabilities[0, 0]) == pytest.approx(math.sqrt(3) / (1 + math.sqrt(3)))


def test_python_reads_and_sets_the_slider():
    widget = explorer()
    assert (widget.temperature, widget.index) == (1, 0)
    widget.temperature, widget.index = 4, 1
    z = torch.tensor([rows[1] for rows in LOGITS.values()], dtype=torch.float64)
    torch.testing.assert_close(widget.probabilities, soften(z, 4))
    p = torch.log_softmax(z / 4, dim=-1)
    torch.testing.assert_close(widget.distances, (p[0].exp() * (p[0] - p[1:])).sum(-1))
    state = widget.get_state()
    assert state["temperature"] == 4 and state["index"] == 1 and state["models"] == list(LOGITS)
    assert "distance" in state["_esm"] and ".kd-explorer" in state["_css"]
    heard = []
    widget.observe(lambda change: heard.append(change["new"]), ["temperature", "index"])
    widget.set_state({"temperature": 20.0, "index": 0})  # what a moved slider sends
    assert sorted(heard) == [0, 20.0]


def test_the_page_shows_the_slider_where_python_left_it():
    widget = explorer()
    widget.temperature, widget.index = 10, 1
    html = page(widget)
    assert sentence(html).startswith("True class: pneumonia. At temperature 10, teacher: pneumonia 59.9 %;")
    assert '"temperature":10.0,"index":1' in html and "Back to T = 10<" in html
    assert [node.get("font-weight") for node in parts(bars(html), "label")] == ["400", "700"]
    assert re.findall(r'data-kd="choice"[^>]*?( checked)?\s+aria-label="([^"]*)"', html) == [
        ("", NAMES[0]),
        (" checked", NAMES[1]),
    ]


def test_the_page_html_is_the_same_each_time_holds_no_id_and_asks_nobody():
    first, second = page(explorer()), page(explorer())
    assert first == second
    assert not re.search(r"[\s\"']id\s*=", first)
    assert not re.search(r"https?:|\bsrc=(?!\"data:)|\bfetch\(|require", first)


@pytest.mark.parametrize("models", [2, 3])
def test_bars_are_as_wide_as_the_shares_in_the_colours_of_the_legend(models):
    widget = explorer(logits=dict(list(LOGITS.items())[:models]), temperature=2.5)
    svg = bars(widget.markup)
    full = float(svg.get("data-full"))
    found = parts(svg, "bar")
    widths = torch.tensor([float(node.get("width")) / full for node in found], dtype=torch.float64)
    expected = widget.probabilities.T.flatten()  # class by class, and in each the models in their order
    assert widths.tolist() == pytest.approx(expected.tolist(), abs=0.005 / full + 1e-9)
    colours = ["kd-bar", "kd-red", "kd-second"][:models]
    assert [node.get("class") for node in found] == colours * 2
    legend = re.search(r'<p class="kd-legend">(.*?)</p>', widget.markup).group(1)
    assert re.findall(r'<rect class="(.*?)".*?</svg>(.*?)</span>', legend) == list(
        zip(colours, LOGITS, strict=False)
    )
    lows = [float(node.get("y")) for node in found]
    assert lows == sorted(set(lows)), "bars lie on each other"


def test_the_picture_says_the_same_in_words():
    said = bars(explorer().markup).get("aria-label").replace(SPACE, " ")
    assert said == (
        "Shares at temperature 1. normal: teacher 75.0 %, alone 50.0 %, distilled 25.0 %; "
        "pneumonia: teacher 25.0 %, alone 50.0 %, distilled 75.0 %. True class: normal"
    )
    markup = explorer(temperature=0.1).markup
    assert (
        'aria-valuetext="temperature 0.1, distance from the teacher: alone 0.693, distilled 10.99 nats'
        in markup
    )


def test_the_true_class_is_bold_and_ticked():
    svg = bars(explorer(truths=[1, 0]).markup)
    assert [node.get("font-weight") for node in parts(svg, "label")] == ["400", "700"]
    base = int(parts(svg, "label")[1].get("y"))
    assert parts(svg, "tick")[0].get("d").startswith(f"M1,{base - 4}l")


def test_the_images_are_shown_as_photographs():
    markup = explorer().markup
    assert re.findall(r'<img src="(.*?)" alt="">', markup) == [photo_uri(image) for image in IMAGES]
    assert photo_uri(IMAGES[1, :1]) in explorer(images=IMAGES[:, :1]).markup


def test_equal_models_are_at_distance_zero_and_extremes_stay_finite():
    same = explorer(logits={"teacher": LOGITS["alone"], "copy": LOGITS["alone"]})
    assert same.distances.tolist() == [0.0] and sentence(same.markup).endswith("copy 0.")
    for extreme in ([[1e6, -1e6]] * 2, [[0.0, 900.0]] * 2):
        widget = explorer(logits=LOGITS | {"alone": extreme}, temperature=0.1)
        assert bool(widget.distances.isfinite().all()) and "nan" not in widget.markup.lower()


def test_accepts_arrays_half_precision_and_tensors_that_need_grad():
    z = [[1.0, 2.0], [0.5, 0.0]]
    for logits in (np.array(z, np.float32), torch.tensor(z).half().requires_grad_()):
        widget = explorer(logits={"a": logits, "b": z}, images=IMAGES.numpy(), truths=np.array([0, 1]))
        assert widget.logits == [z, z] and widget.truths == [0, 1]


def test_labels_names_and_models_are_text_not_markup():
    bad = '<b>it\'s "q"</b> & </script>'
    html = page(
        explorer(logits={bad: LOGITS["teacher"], "b": LOGITS["alone"]}, labels=[bad, "b"], names=[bad, "b"])
    )
    assert "<b>it" not in html and html.count("</script>") == 1  # its own end
    assert parts(bars(html), "label")[0].text == bad[:11] + "…"
    state = json.loads(re.search(r"const state = (.*);\n", html).group(1))
    assert state["labels"][0] == state["names"][0] == state["models"][0] == bad


def test_the_controls_keep_the_keys_that_they_are_given():
    controls = re.findall(r"<(?:input|button)\b[^>]*>", explorer().markup)
    assert len(controls) == 4  # two examples, the slider, the way back
    assert all(" data-lm-suppress-shortcuts" in control for control in controls)


def test_sizes():
    widget = crowd()
    picture = re.sub(r'src="data:.*?"', "", widget.markup)
    assert len(picture.encode()) <= 12_000
    assert len(widget.markup.encode()) - len(picture.encode()) <= 12 * 4300  # the photographs


ROWS = [[1.0, 2.0], [0.5, 0.0]]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"logits": ROWS}, TypeError, "logits is a list; give a dict of 2 or 3 models, the teacher first"),
        ({"logits": {"a": ROWS}}, ValueError, r"logits holds 1 models, \['a'\]; give 2 or 3"),
        ({"logits": dict.fromkeys("abcd", ROWS)}, ValueError, "logits holds 4 models"),
        (
            {"logits": {"a": ROWS, "b": ROWS[:1]}},
            ValueError,
            r"logits\['a'\] has shape \(2, 2\) but logits\['b'\] has \(1, 2\)",
        ),
        (
            {"logits": {"a": ROWS, "b": ROWS[0]}},
            ValueError,
            r"logits\['b'\] has shape \(2,\).*\(examples, cl",
        ),
        ({"logits": dict.fromkeys("ab", torch.zeros(13, 2))}, ValueError, r"\(13, 2\).*1 to 12 examples"),
        ({"logits": dict.fromkeys("ab", torch.zeros(0, 2))}, ValueError, r"\(0, 2\).*1 to 12 examples"),
        ({"logits": dict.fromkeys("ab", torch.zeros(2, 13))}, ValueError, r"\(2, 13\).*2 to 12 classes"),
        (
            {"logits": dict.fromkeys("ab", torch.zeros(2, 1))},
            ValueError,
            r"logits\['a'\].*at least 2 classes",
        ),
        ({"logits": {"a": ROWS, "b": [[1.0, math.nan]] * 2}}, ValueError, r"logits\['b'\]: 2 of 4 .*NaN"),
        ({"logits": {"a": ROWS, "b": [[1.0, -1e308]] * 2}}, ValueError, r"logits\['b'\] go as far as"),
        (
            {"logits": {"a": ROWS, "b": torch.tensor([[1, 2]])}},
            TypeError,
            r"logits\['b'\] has dtype torch.int",
        ),
        ({"logits": {"a": ROWS, "b": "abc"}}, TypeError, r"logits\['b'\] is 'abc'"),
        ({"labels": ["a"]}, ValueError, r"labels is \['a'\].*2 classes"),
        ({"labels": None}, TypeError, "labels is None; give a list of 2 names"),
        ({"names": None}, TypeError, "names is None; give a list of 2 names, one for each of the examples"),
        ({"names": ["one"]}, ValueError, r"names is \['one'\].*2 examples"),
        ({"images": IMAGES.float()}, TypeError, "images has dtype torch.float32; give uint8, 0 for black"),
        ({"images": None}, TypeError, "images cannot be read as numbers; give a uint8 tensor"),
        ({"images": IMAGES[:1]}, ValueError, r"images has shape \(1, 3, 4, 4\); give \(2, channels, height"),
        ({"images": IMAGES[:, 0]}, ValueError, r"images has shape \(2, 4, 4\)"),
        ({"images": IMAGES[:, :2]}, ValueError, "with 1 or 3 channels"),
        ({"images": IMAGES[:, :, :0]}, ValueError, r"images has shape \(2, 3, 0, 4\)"),
        ({"images": IMAGES.repeat(1, 1, 1, 17)}, ValueError, "1 to 64 pixels a side .*kdlib.data.resize"),
        ({"truths": [0, 2]}, ValueError, r"truths is \[0, 2\]; with 2 classes all must lie in 0 to 1"),
        ({"truths": [-1, 0]}, ValueError, r"truths is \[-1, 0\]"),
        ({"truths": [0]}, ValueError, "truths has 1 entries; give one true class for each of 2 examples"),
        ({"truths": [0.0, 1.0]}, TypeError, r"truths is \[0.0, 1.0\]; give the index"),
        ({"truths": 1}, TypeError, "truths is 1; give the index of the true class of each example"),
        ({"temperature": 0}, ValueError, "temperature is 0"),
        ({"temperature": 101}, ValueError, "temperature is 101.*0.1 to 100"),
        ({"temperature": math.nan}, ValueError, "temperature is nan"),
        ({"temperature": "hot"}, TypeError, "temperature is 'hot'"),
    ],
)
def test_bad_input_is_named_with_its_remedy(arguments, error, words):
    with pytest.raises(error, match=words):
        explorer(**arguments)


def test_a_bad_value_leaves_the_widget_as_it_was():
    widget = explorer(temperature=2)
    with pytest.raises(ValueError, match=r"temperature is 0\.01; the slider goes from 0\.1 to 100"):
        widget.temperature = 0.01
    for index in (2, -1):
        with pytest.raises(ValueError, match=f"index is {index}; choose one of the examples 0 to 1"):
            widget.index = index
    assert (widget.temperature, widget.index) == (2, 0)


@pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed; the browser test does the same"
)
def test_javascript_and_torch_agree():
    generator = torch.Generator().manual_seed(0)
    teacher, student = torch.randn(2, 100, 10, generator=generator, dtype=torch.float64) * 8
    student[0], teacher[1], teacher[2, 3] = teacher[0], 0, 900  # equal, all alike, exp would overflow
    temperatures = torch.logspace(-1, 2, 100, dtype=torch.float64)
    rows = list(zip(teacher.tolist(), student.tolist(), temperatures.tolist(), strict=True))
    program = (
        f"const source = {json.dumps(module('answers'))};"
        'const { softmax, distance } = await import("data:text/javascript," + encodeURIComponent(source));'
        f"console.log(JSON.stringify({json.dumps(rows)}.map(([p, q, t]) =>"
        "[...softmax(q, t), distance(p, q, t)])));"
    )
    run = subprocess.run(
        ["node", "--input-type=module"], input=program, capture_output=True, encoding="utf-8", check=True
    )
    found = torch.tensor(json.loads(run.stdout), dtype=torch.float64)
    p, q = (torch.log_softmax(z / temperatures[:, None], dim=-1) for z in (teacher, student))
    torch.testing.assert_close(found[:, :-1], q.exp(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found[:, -1], (p.exp() * (p - q)).sum(-1), rtol=1e-11, atol=1e-12)
