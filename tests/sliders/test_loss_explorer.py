"""Tests of the loss explorer that need no browser: its numbers, its picture, what it refuses, the sync."""

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

from kdlib.losses import distillation_term, hinton_loss
from kdlib.sliders.explorer import module
from kdlib.sliders.loss_cut import ends, lengths, minimum
from kdlib.sliders.widgets import loss_explorer, temperature_explorer
from kdlib.softening import soften

STUDENT, TEACHER, LABELS = [2.0, 2.5, 0.5], [5.0, 2.0, 0.5], ["cat", "dog", "car"]
SPACE = "\N{NO-BREAK SPACE}"


def explorer(**options):
    good = {"student_logits": STUDENT, "teacher_logits": TEACHER, "label": 0, "labels": LABELS}
    return loss_explorer(**(good | options))


def page(widget) -> str:
    return widget._repr_mimebundle_()[0]["text/html"]


def double(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def reference(student, teacher, label: int, temperature: float, alpha: float):
    rows = double(student)[None], double(teacher)[None], torch.tensor([label])
    return hinton_loss(*rows, temperature=temperature, alpha=alpha)


def pairs(count: int = 40):
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(2, count, 10, generator=generator, dtype=torch.float64) * 5).unbind()


def drawing(markup: str, name: str) -> ET.Element:
    return ET.fromstring(re.search(rf'<svg data-kd="{name}".*?</svg>', markup, re.S).group())


def parts(svg: ET.Element, name: str) -> list[ET.Element]:
    return [node for node in svg.iter() if node.get("data-kd") == name]


def written(markup: str, name: str) -> set[str]:
    return set(re.findall(rf'data-kd="{name}"[^>]*>([^<]*)<', markup))


def test_python_reads_and_sets_the_sliders():
    widget = explorer()
    assert (widget.temperature, widget.alpha) == (4, 0.9)
    widget.temperature, widget.alpha = 2, 0.25
    assert widget.terms == reference(STUDENT, TEACHER, 0, 2, 0.25)
    state = widget.get_state()
    assert (state["temperature"], state["alpha"], state["student_logits"]) == (2, 0.25, STUDENT)
    assert "logSoftmax" in state["_esm"] and ".kd-explorer" in state["_css"]
    heard = []
    widget.observe(lambda change: heard.append((change["name"], change["new"])), ["temperature", "alpha"])
    widget.set_state({"temperature": 20.0, "alpha": 1.0})  # what moved sliders send
    assert sorted(heard) == [("alpha", 1.0), ("temperature", 20.0)]


def test_the_page_shows_the_sliders_where_python_left_them():
    widget = explorer()
    widget.temperature, widget.alpha = 10, 0.5
    html = page(widget)
    assert '"temperature":10.0,"alpha":0.5' in html and "Back to T = 10, α = 0.50<" in html


def test_the_page_html_is_the_same_each_time_holds_no_id_and_asks_nobody():
    first, second = page(explorer()), page(explorer())
    assert first == second
    assert not re.search(r"[\s\"']id\s*=", first)
    assert not re.search(r"https?:|\bsrc=|\bfetch\(|require", first)


def test_sizes():
    student, teacher = pairs(1)
    crowd = loss_explorer(
        [*student[0].tolist(), 1.0, 2.0],
        [*teacher[0].tolist(), -10.0, 12.0],
        11,
        [f"a class, number {i}" for i in range(12)],
    )
    assert len(crowd.markup.encode()) <= 12_000
    assert len(module("loss").encode()) <= 10_240


def test_numbers_by_hand():
    """Two classes, T = 1: teacher 3/4 and 1/4, student 1/2 and 1/2."""
    markup = loss_explorer([0, 0], [math.log(3), 0], 0, ["a", "b"], temperature=1, alpha=0.5).markup
    # KL = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.1308; the cross-entropy is ln 2 = 0.6931; the loss is their mean.
    assert written(markup, "kl") == written(markup, "soft") == {"0.131"}
    assert written(markup, "hard") == {"0.693"} and written(markup, "total") == {"0.412"}
    # The gradients are (-1/4, 1/4) and (-1/2, 1/2): lengths sqrt(1/8) and sqrt(1/2).
    assert written(markup, "softLength") == {"0.354"} and written(markup, "hardLength") == {"0.707"}
    bars = drawing(markup, "bars")
    assert [node.text for node in parts(bars, "p%")] == [f"75.0{SPACE}%", f"25.0{SPACE}%"]
    assert [node.text for node in parts(bars, "q%")] == [f"50.0{SPACE}%"] * 2
    # Half of 3/4 - p, and half of 1 - p, balance at p = 7/8: a logit of ln 7 = 1.9459.
    assert written(markup, "least") == {"minimum at 1.95"}


def test_bars_are_as_wide_as_the_shares_and_the_truth_is_marked():
    svg = drawing(explorer(temperature=2.5, label=1).markup, "bars")
    full = float(svg.get("data-full"))
    for name, logits in (("p", TEACHER), ("q", STUDENT)):
        widths = [float(node.get("width")) / full for node in parts(svg, name)]
        assert widths == pytest.approx(soften(double(logits), 2.5).tolist(), abs=0.005 / full + 1e-9)
    assert [node.get("font-weight") for node in parts(svg, "label")] == [None, "700", None]
    assert svg.get("aria-label").endswith("True class: dog")


@pytest.mark.parametrize(("temperature", "alpha"), [(0.5, 1.0), (4.0, 0.9), (100.0, 0.3), (2.0, 0.0)])
def test_the_curves_are_the_weighted_terms_of_the_loss(temperature, alpha):
    svg = drawing(explorer(temperature=temperature, alpha=alpha).markup, "plot")
    axis = {name: float(svg.get(f"data-{name}")) for name in ("x", "w", "y", "h", "low", "high", "most")}
    close = 0.06 * axis["most"] / axis["h"]  # a tenth of a unit, rounded
    curves = {}
    for name in ("loss", "soft", "hard"):
        points = parts(svg, f"{name}-curve")[0].get("points").split()
        curves[name] = [tuple(map(float, pair.split(","))) for pair in points]
        assert all(axis["y"] - axis["h"] <= y <= axis["y"] for _, y in curves[name])
    for i in range(0, 46, 5):
        x = curves["loss"][i][0]
        logit = axis["low"] + (axis["high"] - axis["low"]) * (x - axis["x"]) / axis["w"]
        terms = reference([logit, *STUDENT[1:]], TEACHER, 0, temperature, alpha)
        height = {
            name: axis["most"] * (axis["y"] - curve[i][1]) / axis["h"] for name, curve in curves.items()
        }
        assert height["loss"] == pytest.approx(float(terms.total), abs=close)
        assert height["soft"] == pytest.approx(alpha * float(terms.soft), abs=close)
        assert height["hard"] == pytest.approx((1 - alpha) * float(terms.hard), abs=close)
    total = float(reference(STUDENT, TEACHER, 0, temperature, alpha).total)
    dot = parts(svg, "dot")[0]
    assert float(dot.get("cy")) == pytest.approx(axis["y"] - axis["h"] * total / axis["most"], abs=0.006)


def test_the_axes_stay_while_the_sliders_move():
    def axes(**setting):
        svg = drawing(explorer(**setting).markup, "plot")
        return [svg.get(f"data-{name}") for name in ("low", "high", "most")]

    assert axes() == axes(temperature=100) == axes(temperature=0.5, alpha=0)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 100.0])
def test_the_teacher_alone_puts_the_minimum_where_its_share_is_matched(temperature):
    for student, teacher in zip(*(5 * rows for rows in pairs(60)), strict=True):  # shares near 0 and near 1
        low, high, _ = ends(student, teacher, 3)
        least = minimum(student, teacher, 3, (temperature, 1.0), (low, high))
        # Equal shares are equal odds against the other classes, each as a sum of exponentials.
        odds = [z[z != z[3]].div(temperature).logsumexp(0) for z in (student, teacher)]
        assert least == pytest.approx(float(teacher[3] + temperature * (odds[0] - odds[1])), abs=1e-6)


def test_the_label_alone_has_no_minimum_and_moves_the_one_of_the_mixture_up():
    student, teacher = double(STUDENT), double(TEACHER)
    cut = ends(student, teacher, 0)[:2]
    places = [minimum(student, teacher, 0, (4.0, alpha), cut) for alpha in (1.0, 0.9, 0.5)]
    assert places == sorted(places) and places[0] < places[-1]
    assert minimum(student, teacher, 0, (4.0, 0.0), cut) is None
    markup = explorer(alpha=0).markup
    assert written(markup, "least") == {f"no minimum up to {cut[1]:g}"}
    assert parts(drawing(markup, "plot"), "mark")[0].get("d") == ""


def test_the_lengths_are_those_of_the_gradients_of_the_loss():
    for student, teacher in zip(*pairs(5), strict=True):
        z = student.clone().requires_grad_()
        soft = torch.autograd.grad(distillation_term(z[None], teacher[None], 4.0), z)[0]
        hard = torch.autograd.grad(torch.nn.functional.cross_entropy(z[None], torch.tensor([3])), z)[0]
        expected = float(soft.norm()), float(hard.norm())
        assert lengths(student, teacher, 3, 4.0) == pytest.approx(expected, abs=1e-12)


def test_the_sentence_adds_up():
    markup = explorer(temperature=1, alpha=0.9).markup
    sentence = re.sub("<.*?>", "", re.search(r'<p data-kd="summary">(.*?)</p>', markup).group(1))
    terms = reference(STUDENT, TEACHER, 0, 1, 0.9)
    soft, hard, total = float(terms.soft), float(terms.hard), float(terms.total)
    assert unescape(sentence).startswith(
        f"Loss = 0.90 × {soft:.3f} + 0.10 × {hard:.2f} = {total:.3f}. As the"
    )


def test_labels_are_text_not_markup():
    labels = ["<b>bold</b>", 'it\'s "q" & </script>', "😀 cat"]
    html = page(explorer(labels=labels))
    assert "<b>bold" not in html and html.count("</script>") == 1  # its own end
    bars, plot = drawing(html, "bars"), drawing(html, "plot")
    assert parts(bars, "label")[0].text == labels[0] and labels[1] in bars.get("aria-label")
    assert labels[0] in plot.get("aria-label")
    assert json.loads(re.search(r"const state = (.*);\n", html).group(1))["labels"] == labels


def test_the_controls_keep_the_keys_that_they_are_given():
    controls = re.findall(r"<(?:input|button)\b[^>]*>", explorer().markup)
    assert len(controls) == 3  # T, alpha, the way back
    assert all(" data-lm-suppress-shortcuts" in control for control in controls)


def test_accepts_arrays_and_tensors_that_need_grad_and_extremes():
    for logits in (np.array(STUDENT, np.float32), torch.tensor(STUDENT).half().requires_grad_()):
        assert explorer(student_logits=logits, label=np.int64(0)).student_logits == STUDENT
    equal = explorer(student_logits=TEACHER).markup
    assert written(equal, "kl") <= {"0", "0.00000"}
    for extreme in ([1e6, -1e6, 0.0], [0.0, 0.0, 0.0], [0.0, 900.0, 0.0]):
        assert "nan" not in explorer(student_logits=extreme, temperature=0.5).markup.lower()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            {"student_logits": [[1.0, 2.0, 3.0]]},
            ValueError,
            r"student_logits has shape \(1, 3\).*one example",
        ),
        (
            {"teacher_logits": torch.zeros(13)},
            ValueError,
            r"teacher_logits has shape \(13,\).*2 to 12 classes",
        ),
        ({"student_logits": [1.0]}, ValueError, r"student_logits has shape \(1,\).*2 classes"),
        ({"teacher_logits": [1.0, 2.0]}, ValueError, r"student_logits has shape \(3,\) but teacher_logits"),
        ({"student_logits": [1.0, math.nan, 2.0]}, ValueError, "student_logits: 1 of 3.*NaN"),
        ({"teacher_logits": [1.0, -1e308, 2.0]}, ValueError, "teacher_logits go as far as 1e\\+308"),
        ({"teacher_logits": torch.tensor([1, 2, 3])}, TypeError, "teacher_logits has dtype torch.int64"),
        ({"student_logits": "abc"}, TypeError, "student_logits is 'abc'"),
        ({"label": 3}, ValueError, "label is 3; with 3 classes it must lie in 0 to 2"),
        ({"label": -1}, ValueError, "label is -1"),
        ({"label": "cat"}, TypeError, "label is 'cat'; give the index"),
        ({"label": 0.0}, TypeError, "label is 0.0"),
        ({"labels": ["cat", "dog"]}, ValueError, r"labels is \['cat', 'dog'\].*3 classes"),
        ({"temperature": 0.4}, ValueError, "temperature is 0.4; the slider goes from 0.5 to 100"),
        ({"temperature": "hot"}, TypeError, "temperature is 'hot'"),
        ({"alpha": 1.1}, ValueError, "alpha is 1.1.*from 0 to 1"),
        ({"alpha": math.nan}, ValueError, "alpha is nan"),
        ({"alpha": None}, TypeError, "alpha is None; give a plain number"),
    ],
)
def test_bad_input_is_named_with_its_remedy(arguments, error, words):
    with pytest.raises(error, match=words):
        explorer(**arguments)


def test_a_bad_value_leaves_the_widget_as_it_was():
    widget = explorer()
    for name, value in (("temperature", 0.1), ("alpha", 2)):
        with pytest.raises(ValueError, match=f"{name} is {value}"):
            setattr(widget, name, value)
    assert (widget.temperature, widget.alpha) == (4, 0.9)


def test_the_first_slider_still_starts_at_a_tenth():
    assert temperature_explorer(TEACHER, LABELS, temperature=0.1).temperature == 0.1


@pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed; the browser test does the same"
)
def test_javascript_and_torch_agree():
    student, teacher = pairs()
    student[0], teacher[1] = teacher[0], 0
    temperatures, alphas = torch.logspace(math.log10(0.5), 2, 40).tolist(), torch.linspace(0, 1, 40).tolist()
    rows = list(zip(student.tolist(), teacher.tolist(), temperatures, alphas, strict=True))
    cuts = [ends(s, t, 3)[:2] for s, t in zip(student, teacher, strict=True)]
    program = (
        f"const source = {json.dumps(module('loss'))};"
        'const { terms, minimum } = await import("data:text/javascript," + encodeURIComponent(source));'
        f"const cuts = {json.dumps(cuts)};"
        f"console.log(JSON.stringify({json.dumps(rows)}.map(([s, t, heat, alpha], i) =>"
        "[...Object.values(terms(s, t, 3, heat, alpha)), minimum(s, t, 3, heat, alpha, ...cuts[i])])));"
    )
    run = subprocess.run(
        ["node", "--input-type=module"], input=program, capture_output=True, encoding="utf-8", check=True
    )
    for found, (s, t, heat, alpha), cut in zip(json.loads(run.stdout), rows, cuts, strict=True):
        terms = reference(s, t, 3, heat, alpha)
        expected = [float(x) for x in (terms.soft / heat**2, terms.soft, terms.hard, terms.total)]
        expected += lengths(double(s), double(t), 3, heat)
        assert found[:6] == pytest.approx(expected, rel=1e-12, abs=1e-12)
        assert found[6] == pytest.approx(minimum(double(s), double(t), 3, (heat, alpha), cut), abs=1e-6)
