"""What the sliders accept, store and share with Python; what they draw is tested in tests/browser."""

import base64
import io
import json
import math
import os
import re
import subprocess
import sys
from html import unescape
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from kdlib import pretrained
from kdlib.data import resize
from kdlib.experiments import clicks
from kdlib.numbers import percent
from kdlib.sliders import (
    Pair,
    Told,
    answers_slider,
    digits_slider,
    errors_slider,
    information_slider,
    loss_slider,
    mixture_slider,
    omitted_slider,
    playground_slider,
    schedule_slider,
    scripts,
    seed_roulette,
    temperature_slider,
    threshold_slider,
    writer_slider,
    xrays_slider,
)
from kdlib.sliders.schedules import RUN
from kdlib.sliders.stored import layers
from kdlib.softening import soften

LN3 = math.log(3)
SPACE, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
INK = (torch.arange(2 * 5 * 7) * 3 % 256).reshape(2, 5, 7).to(torch.uint8)
PHOTOS = (torch.arange(2 * 3 * 4 * 4) * 2).reshape(2, 3, 4, 4).to(torch.uint8)
ROWS = [[LN3, 0.0], [0.0, 4.0]]
TOLD = [Told("nothing", 0.455, -2.4, -3.6, -1.2), Told("noise", 0.352, 7.9, 6.2, 9.6), Told("leak", 0.25)]
GAINS = {3: 16.0, 0: -10.0, 7: 0.0}
TRUTH = torch.tensor([0, 1, 1, 0, 0, 1, 0, 1])
ODDS = {
    "test": {"alone": torch.tensor([-25, -1, 0, 0.1, 2, 30, -3, 5]), "teacher": torch.arange(8.0) - 3.5},
    "validation": {
        "alone": torch.tensor([-4, 0.6, 1, 0.5, 0.7, 2, -1, 9]),
        "teacher": torch.tensor([-21.0, -21, 1, 1, 1, 1, 1, 1]),
    },
}
THREE = {0: 270, 1: 280, 2: 290}
PAIRS = [Pair("600", THREE, {0: 260, 1: 279, 2: 284, 5: 999}), Pair("60,000", THREE, THREE)]
DIGITS = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
DIGITS[0, 0, 4:24, 13:15] = 255
XRAY = (torch.arange(64 * 64) // 16).reshape(1, 1, 64, 64).to(torch.uint8)
GOOD = {
    temperature_slider: {"logits": ROWS, "labels": ["a", "b"], "images": INK, "names": ["one", "two"]},
    loss_slider: {"student_logits": [0, 0], "teacher_logits": [LN3, 0], "label": 0, "labels": ["a", "b"]},
    answers_slider: {
        "logits": {"teacher": ROWS, "alone": [[0.0, 0.0], [0.0, 1.0]], "distilled": [[0.0, LN3], [0.0, 3.0]]},
        "labels": ["a", "b"],
        "images": PHOTOS,
        "names": ["one", "two"],
        "truths": [0, 1],
    },
    schedule_slider: {},
    information_slider: {"told": TOLD},
    seed_roulette: {"gains": GAINS},
    threshold_slider: {"odds": ODDS, "truths": dict.fromkeys(ODDS, TRUTH)},
    errors_slider: {"runs": {"images": PAIRS, "steps": PAIRS[::-1]}, "teacher": {0: 66, 7: 70}},
    digits_slider: {"images": DIGITS, "names": ["a bar", "nothing"]},
    xrays_slider: {"images": XRAY, "names": ["one"], "truths": [1]},
    omitted_slider: {},
    mixture_slider: {},
    playground_slider: {},
    writer_slider: {},
}
EACH = pytest.mark.parametrize("make", GOOD, ids=lambda make: make.__name__)


def make_good(make, **options):
    return make(**(GOOD[make] | options))


def stored(slider) -> str:
    return slider._repr_mimebundle_()[0]["text/html"]


def cells(slider) -> list[list[str]]:
    """The table as text, its head first."""
    rows = re.findall(r"<tr>(.*?)</tr>", stored(slider))
    found = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in rows]
    plain = lambda cell: unescape(re.sub("<.*?>", "", cell)).replace(SPACE, " ").strip()  # noqa: E731
    return [[plain(cell) for cell in row] for row in found]


# ---- the link to Python ----


@pytest.mark.parametrize(
    ("make", "start", "moves"),
    [
        (
            temperature_slider,
            {"temperature": 1, "index": 0, "axis": "linear"},
            {"temperature": 20.0, "index": 1, "axis": "logarithmic"},
        ),
        (
            loss_slider,
            {"temperature": 4, "alpha": 0.9, "squared": True, "steps": 0},
            {"temperature": 0.5, "alpha": 1, "squared": False, "steps": 500},
        ),
        (answers_slider, {"temperature": 4, "index": 0}, {"temperature": 100, "index": 1}),
        (
            schedule_slider,
            {"kind": "ramp", "start": 0, "end": 0.6, "alpha": 1},
            {"kind": "late", "start": 0.3, "end": 0.7, "alpha": 0.5},
        ),
        (information_slider, {"index": 0}, {"index": 2}),
        (
            mixture_slider,
            {"divergence": "forward", "mean": 0.5, "width": 0.8},
            {"divergence": "reverse", "mean": -4, "width": 3},
        ),
        (seed_roulette, {"runs": 1, "draws": 0}, {"runs": 3, "draws": 999}),
        (
            threshold_slider,
            {"threshold": 0, "split": "test", "model": "alone"},
            {"threshold": -20, "split": "validation", "model": "teacher"},
        ),
        (
            errors_slider,
            {"varied": "images", "images": 0, "steps": 0},
            {"varied": "steps", "images": 1, "steps": 1},
        ),
        (digits_slider, {"temperature": 1, "index": 0}, {"temperature": 20, "index": 2}),
        (xrays_slider, {"temperature": 1, "index": 0}, {"temperature": 0.1, "index": 1}),
        (
            omitted_slider,
            {"omitted": "3", "temperature": 8, "shown": 2000, "seed": 0, "steps": 0, "bias": 0},
            {"omitted": "7 and 8", "temperature": 1, "shown": 500, "seed": 7, "steps": 1200, "bias": 16},
        ),
        (
            playground_slider,
            {"dataset": "rings", "labelled": 20, "noise": 0.2, "hidden": 16}
            | {"temperature": 4, "alpha": 0.9, "seed": 0, "steps": 0},
            {"dataset": "spirals", "labelled": 200, "noise": 0, "hidden": 2}
            | {"temperature": 20, "alpha": 0, "seed": 999, "steps": 1000},
        ),
        (
            writer_slider,
            {"prompt": "ROMEO:\n", "temperature": 0.8, "length": 200}
            | {"seed": 0, "behind": "distilled", "steps": 0},
            {"prompt": "O", "temperature": 0, "length": 20, "seed": 999, "behind": "alone", "steps": 400},
        ),
    ],
)
def test_settings_are_read_set_and_heard(make, start, moves):
    slider = make_good(make)
    heard = {}
    slider.observe(lambda change: heard.update({change["name"]: change["new"]}), list(start))
    assert {name: getattr(slider, name) for name in start} == start
    slider.set_state(moves)  # what the browser sends
    assert heard == moves and {name: slider.get_state()[name] for name in moves} == moves
    for name, value in start.items():
        setattr(slider, name, value)
    assert heard == start
    assert slider.data["start"] == start  # where the way back leads


@pytest.mark.parametrize(
    ("make", "name", "value", "words"),
    [
        (temperature_slider, "temperature", 0.01, "temperature is 0.01; give a number from 0.1 to 100"),
        (temperature_slider, "index", 2, "index is 2; give one of 0 to 1"),
        (loss_slider, "temperature", 0.1, "temperature is 0.1; give a number from 0.5 to 100"),
        (temperature_slider, "axis", "log", "axis is 'log'; choose one of 'linear', 'logarithmic'"),
        (loss_slider, "squared", "no", "squared is 'no'; choose one of True, False"),
        (loss_slider, "steps", 501, "steps is 501; give one of 0 to 500"),
        (loss_slider, "alpha", "half", "alpha is 'half'; give a plain number"),
        (answers_slider, "temperature", math.nan, "temperature is nan"),
        (answers_slider, "index", -1, "index is -1; give one of 0 to 1"),
        (schedule_slider, "kind", "soon", "kind is 'soon'; choose one of 'at-once', 'late', 'ramp'"),
        (mixture_slider, "divergence", "back", "divergence is 'back'; choose one of 'forward', 'reverse', "),
        (mixture_slider, "mean", 4.5, "mean is 4.5; give a number from -4 to 4"),
        (mixture_slider, "width", 0, "width is 0; give a number from 0.3 to 3"),
        (schedule_slider, "start", 1.5, "start is 1.5; give a number from 0 to 0.99"),
        (schedule_slider, "end", 0.001, "end is 0.001; give a number from 0.01 to 1"),
        (information_slider, "index", "noise", "index is 'noise'; give an integer from 0 to 2"),
        (seed_roulette, "runs", 5, "runs is 5; choose one of 1, 2, 3"),
        (seed_roulette, "draws", -1, "draws is -1; give one of 0 to 999"),
        (errors_slider, "varied", "temperature", "varied is 'temperature'; choose one of 'images', 'steps'"),
        (errors_slider, "images", 2, "images is 2; give one of 0 to 1"),
        (threshold_slider, "threshold", 20.1, "threshold is 20.1; give a number from -20 to 20"),
        (threshold_slider, "split", "val", "split is 'val'; choose one of 'test', 'validation'"),
        (omitted_slider, "omitted", 3, "omitted is 3; choose one of '0', '1', "),
        (omitted_slider, "steps", 1201, "steps is 1201; give one of 0 to 1200"),
        (omitted_slider, "bias", -1, "bias is -1; give a number from 0 to 16"),
        (playground_slider, "dataset", "moons", "dataset is 'moons'; choose one of 'blobs', "),
        (playground_slider, "labelled", 30, "labelled is 30; choose one of 10, 20, 50, 100, 200"),
        (playground_slider, "temperature", 0.5, "temperature is 0.5; give a number from 1 to 20"),
        (playground_slider, "steps", 1001, "steps is 1001; give one of 0 to 1000"),
        (threshold_slider, "model", "distilled", "model is 'distilled'; choose one of 'alone', 'teacher'"),
        (writer_slider, "prompt", "Romeo 1597", "prompt: text holds '1', which is none of the 65"),
        (writer_slider, "temperature", 2.1, "temperature is 2.1; give a number from 0 to 2"),
        (writer_slider, "length", 19, "length is 19; give one of 20 to 400"),
        (writer_slider, "behind", "teacher", "behind is 'teacher'; choose one of 'alone', 'distilled'"),
        (writer_slider, "steps", 401, "steps is 401; give one of 0 to 400"),
    ],
)
def test_a_bad_value_is_named_and_leaves_the_slider_as_it_was(make, name, value, words):
    slider = make_good(make)
    before = getattr(slider, name)
    with pytest.raises((TypeError, ValueError), match=words):
        setattr(slider, name, value)
    assert getattr(slider, name) == before


# ---- what is stored ----


@EACH
def test_what_is_stored_is_a_captioned_table_and_data_and_no_code(make):
    first, second = stored(make_good(make)), stored(make_good(make))
    assert first == second
    assert not re.search(r"[\s\"']id\s*=", first), "equal sliders on one page would share an id"
    assert not re.search(r"https?:|\bsrc=(?!\"data:)|<svg|<style|=>|function", first)
    assert re.search(r"^<div class=\"kd-slider\" data-slider=\"\w+\"><table><caption>[^<]+</caption>", first)
    assert first.count("<script") == first.count('<script type="application/json">') == 1
    assert len(first) < 12_000


@EACH
def test_the_bundle_serves_a_kernel_a_page_and_a_terminal(make):
    slider = make_good(make)
    data, _ = slider._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == slider.model_id
    assert slider.model_id not in data["text/html"] and " at 0x" not in data["text/plain"]
    assert "export default" in slider._esm and ".kd-slider" in str(slider._css)


def test_the_page_starts_where_python_left_the_slider():
    slider = make_good(temperature_slider)
    slider.temperature, slider.index = 10, 1
    state = json.loads(re.search(r'json">(.*)</script>', stored(slider)).group(1))
    assert state["setting"] == {"temperature": 10, "index": 1, "axis": "linear"}
    assert state["data"]["logits"] == ROWS and "images" not in state["data"]  # they stand in the table


def test_colab_is_given_no_table_that_it_could_show_in_place_of_the_slider(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    assert "text/html" not in make_good(loss_slider)._repr_mimebundle_()[0]


def test_names_are_text_not_markup():
    bad = '<b>it\'s "q"</b> & </script>'
    for make, options in (
        (temperature_slider, {"labels": [bad, "b"], "names": [bad, "b"]}),
        (loss_slider, {"labels": [bad, "b"]}),
        (answers_slider, {"logits": {bad: ROWS, "b": ROWS}, "labels": [bad, "b"], "names": [bad, "b"]}),
        (information_slider, {"told": [Told(bad, 0.4), Told("b", 0.3)]}),
        (threshold_slider, {"positive": bad}),
        (errors_slider, {"runs": {"images": [PAIRS[0]._replace(value=bad), PAIRS[1]]}}),
        (errors_slider, {"about": {"steps": bad}}),
    ):
        html = stored(make_good(make, **options))
        assert "<b>it" not in html and html.count("</script>") == 1
        assert bad in json.dumps(json.loads(re.search(r'json">(.*)</script>', html).group(1))).replace(
            '\\"', '"'
        )


@pytest.mark.slow
def test_fresh_processes_store_the_same():
    code = "from kdlib.sliders import schedule_slider as s; print(s()._repr_mimebundle_()[0]['text/html'])"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert outputs == {stored(schedule_slider())}


# ---- the tables, by hand ----


def test_the_table_of_temperatures():
    # 3 to 1 at T = 1, and 9 to 1 at T = 0.5. The entropy of 3/4 and 1/4 is 0.5623.
    one = cells(temperature_slider([LN3, 0.0], ["a", "b"], temperature=0.5))
    assert one[0] == ["class", "T = 0.5", "T = 1", "T = 4", "T = 10"]
    assert one[1][:3] == ["a", "90.0 %", "75.0 %"]
    assert one[3][:3] == ["entropy", "0.33", "0.56"]
    several = cells(make_good(temperature_slider))
    assert [row[:3] for row in several[1:]] == [
        ["one", "a", "75.0 %"],
        ["", "b", "25.0 %"],
        ["", "entropy", "0.56"],
        ["two", "b", "98.2 %"],
        ["", "a", "1.8 %"],
        ["", "entropy", "0.09"],
    ]


def test_the_table_of_the_loss():
    # KL = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.1308; the cross-entropy is ln 2 = 0.6931; the loss is their mean.
    table = cells(make_good(loss_slider, temperature=1, alpha=0.5))
    assert table[1] == ["1", "0.131", "0.693", "0.412"]
    assert [row[0] for row in table[1:]] == ["1", "2", "4", "10", "20"]


def test_the_table_of_answers():
    # 3/4 ln(3/2) + 1/4 ln(1/2) = 0.1308 and 3/4 ln 3 - 1/4 ln 3 = 0.5493.
    table = cells(make_good(answers_slider, temperature=1))
    assert table[1] == ["one", "a", "a 75.0 %", "a 50.0 %", "b 75.0 %", "0.131", "0.549"]


def test_answers_without_images_go_by_their_names():
    slider = make_good(answers_slider, images=None)
    assert [row[0] for row in cells(slider)[1:]] == ["one", "two"]
    assert "<img" not in stored(slider) and slider.data["images"] == []


def test_the_table_of_schedules():
    # Half a cosine from 0 to 0.6 is half up at 0.3; its mean is 1 - 0.6 / 2.
    table = {name: row for name, *row in cells(schedule_slider(alpha=0.5))}
    assert table["ramp"] == ["0.00", "0.07", "0.25", "0.43", "0.50", "0.50", "0.35"]
    assert table["late"][1:3] == ["0.00", "0.50"] and table["at once"][-1] == "0.50"


def test_the_table_of_what_was_told():
    assert cells(make_good(information_slider))[1:] == [
        ["nothing", "0.455", f"{MINUS}2.4", f"{MINUS}3.6 to {MINUS}1.2"],
        ["noise", "0.352", "+7.9", "+6.2 to +9.6"],
        ["leak", "0.250", "not run", ""],
    ]


def test_the_table_of_runs():
    # Mean 2; the squares of the distances sum to 344: 4.303 * sqrt(344 / 2 / 3) = 32.6.
    assert cells(make_good(seed_roulette))[1:] == [
        ["all runs", f"{MINUS}10, 0, +16"],
        ["mean", "+2.0"],
        ["95 % interval", f"{MINUS}30.6 to +34.6"],
    ]


def test_the_table_of_mistakes():
    """At 0, alone misses -1 and 0 and alarms at 0.1 and 2; it finds all on validation up to 0.5."""
    assert cells(make_good(threshold_slider))[1:] == [
        ["alone, test", "0.00", "2 of 4", "2 of 4", "50.0 %"],
        ["alone, test", "+0.50", "2 of 4", "1 of 4", "62.5 %"],
        ["alone, validation", "0.00", "0 of 4", "2 of 4", "75.0 %"],
        ["alone, validation", "+0.50", "0 of 4", "1 of 4", "87.5 %"],
        # The others are -3.5 to 3.5, the labels in their order; on validation one of four is out of reach.
        ["teacher, test", "0.00", "2 of 4", "2 of 4", "50.0 %"],
        ["teacher, test", f"{MINUS}20.00", "0 of 4", "4 of 4", "50.0 %"],
        ["teacher, validation", "0.00", "1 of 4", "3 of 4", "50.0 %"],
        ["teacher, validation", f"{MINUS}20.00", "1 of 4", "3 of 4", "50.0 %"],
    ]
    only = make_good(threshold_slider, odds={"test": ODDS["test"]})
    assert [row[1] for row in cells(only)] == ["threshold", "0.00", "0.00"]


def test_the_table_of_errors():
    # 4.303 * 10 / sqrt(3) = 24.8; 260, 279, 284: 4.303 * 12.66 / sqrt(3) = 31.5; -10, -1, -6: 11.2.
    first = ["280 (255 to 305)", "274 (243 to 306)", f"{MINUS}6 ({MINUS}17 to +6)", "3"]
    last = ["280 (255 to 305)", "280 (255 to 305)", "0 (0 to 0)", "3"]
    slider = make_good(errors_slider)
    assert cells(slider)[1:] == [
        ["images: 600", *first],
        ["images: 60,000", *last],
        ["steps: 60,000", *last],
        ["steps: 600", *first],
    ]
    assert "the teacher makes 68." in stored(slider)


def test_the_bins_of_the_threshold_by_hand():
    """Bin 0 holds all up to -20, bin 76 those above -1.25 up to -1, bin 80 up to 0, bin 161 all beyond 20."""
    counts = make_good(threshold_slider).data["counts"]["test"]["alone"]
    found = [{i: n for i, n in enumerate(of) if n} for of in counts]
    assert found == [{0: 1, 68: 1, 81: 1, 88: 1}, {76: 1, 80: 1, 100: 1, 161: 1}]
    assert [len(of) for of in counts] == [162, 162]


def test_nineteen_of_twenty_are_enough():
    """Of 1 to 20 and one well child, 19 lie above 1.75; at 2 there are 18."""
    z, truth = torch.arange(21.0), torch.tensor([0] + [1] * 20)
    table = cells(threshold_slider({"validation": {"alone": z}}, {"validation": truth}))
    assert table[-1][1:3] == ["+1.75", "1 of 20"]


def test_one_is_taken_for_true():
    slider = make_good(loss_slider)
    slider.squared = 0
    assert slider.squared is False  # what JavaScript compares
    slider.squared = 1
    assert slider.squared is True


def test_a_threshold_is_brought_to_the_nearest_place():
    slider = make_good(threshold_slider, at=1.6)
    assert slider.threshold == 1.5
    slider.threshold = torch.tensor(-0.4).item()
    assert slider.threshold == -0.5


def test_the_schedules_are_those_that_were_run():
    for name, (start, end) in RUN.items():
        settings = getattr(clicks.SCHEDULES[name], "keywords", {})
        assert settings.items() <= {"start": start, "end": end}.items()


@pytest.mark.parametrize(("make", "images"), [(temperature_slider, INK), (answers_slider, PHOTOS)])
def test_images_come_back_as_they_were_ink_on_white(make, images):
    uris = re.findall('src="data:image/bmp;base64,(.*?)"', stored(make_good(make)))
    for uri, image in zip(uris, images, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(uri))) as decoded:
            pixels = torch.from_numpy(np.array(decoded))
        assert torch.equal(pixels, 255 - image if make is temperature_slider else image.permute(1, 2, 0))


# ---- what is accepted and what is not ----


def test_arrays_half_precision_and_tensors_that_need_grad():
    for logits in ([[5, 2]], np.array([[5, 2]], np.float32), torch.tensor([5.0, 2]).half().requires_grad_()):
        assert temperature_slider(logits, ["a", "b"]).data["logits"] == [[5.0, 2.0]]
    slider = make_good(answers_slider, images=PHOTOS[:, :1].numpy(), truths=torch.tensor([1, 0]))
    assert slider.data["truths"] == [1, 0]


T, LOSS, A, S, INFO, R, TH, E, D, X, OM, _, PG, W = GOOD


def odds_with(z) -> dict:
    return {"test": {"alone": z}}


BAD = [
    (T, {"logits": torch.zeros(2, 2, 2)}, ValueError, r"logits has shape \(2, 2, 2\)"),
    (T, {"logits": torch.zeros(0, 3)}, ValueError, r"logits has shape \(0, 3\)"),
    (T, {"logits": torch.zeros(2, 21)}, ValueError, "2 to 20 classes"),
    (T, {"logits": torch.zeros(25, 2)}, ValueError, "1 to 24 examples"),
    (T, {"logits": [[1.0, math.nan]] * 2}, ValueError, "logits: 2 of 4 .*NaN"),
    (T, {"logits": [[1.0, -1e308]] * 2}, ValueError, r"logits goes as far as 1e\+308"),
    (T, {"logits": [[1.0, 2.0], [3.0]]}, TypeError, "logits is .*give a tensor"),
    (T, {"logits": "abc"}, TypeError, "logits is 'abc'"),
    (T, {"logits": torch.tensor([[1, 2]])}, TypeError, "logits has dtype torch.int64"),
    (T, {"labels": ["a"]}, ValueError, "labels has 1 entries; give 2"),
    (T, {"labels": "ab"}, TypeError, "labels is 'ab'; give a list"),
    (T, {"names": 2}, TypeError, "names is 2; give a list"),
    (T, {"names": ["one"]}, ValueError, "names has 1 entries; give 2"),
    (T, {"images": INK.float()}, TypeError, "images has dtype torch.float32; give uint8"),
    (T, {"images": INK[:1]}, ValueError, r"images has shape \(1, 5, 7\); give \(2, height, width\)"),
    (T, {"images": INK.repeat(1, 13, 1)}, ValueError, "1 to 64 pixels a side .*kdlib.data.resize"),
    (T, {"images": INK[:, :0]}, ValueError, r"images has shape \(2, 0, 7\)"),
    (T, {"temperature": 0}, ValueError, "temperature is 0; give a number from 0.1"),
    (T, {"temperature": "hot"}, TypeError, "temperature is 'hot'"),
    (T, {"temperature": True}, TypeError, "temperature is True"),
    (T, {"axis": "log"}, ValueError, "axis is 'log'; choose one of 'linear', 'logarithmic'"),
    (LOSS, {"student_logits": [[1.0, 2.0]]}, ValueError, r"student_logits has shape \(1, 2\)"),
    (LOSS, {"teacher_logits": torch.zeros(13)}, ValueError, r"teacher_logits has shape \(13,\).*12 classes"),
    (LOSS, {"student_logits": [1.0]}, ValueError, r"student_logits has shape \(1,\).*2 classes"),
    (LOSS, {"teacher_logits": [1.0, 2, 3]}, ValueError, r"has shape \(2,\) but teacher_logits"),
    (LOSS, {"label": 2}, ValueError, "label is 2; give one of 0 to 1"),
    (LOSS, {"label": "cat"}, TypeError, "label is 'cat'; give an integer"),
    (LOSS, {"labels": ["a"]}, ValueError, "labels has 1 entries"),
    (LOSS, {"temperature": 0.4}, ValueError, "temperature is 0.4; give a number from 0.5 to 100"),
    (LOSS, {"alpha": 1.1}, ValueError, "alpha is 1.1; give a number from 0 to 1"),
    (A, {"logits": ROWS}, TypeError, "logits is .*give a dict of 2 or 3 models, the teacher first"),
    (A, {"logits": {"a": ROWS}}, TypeError, "give a dict of 2 or 3 models"),
    (A, {"logits": {"a": ROWS, "b": ROWS[:1]}}, ValueError, r"has shape \(2, 2\) but logits\['b'\]"),
    (A, {"logits": dict.fromkeys("ab", torch.zeros(13, 2))}, ValueError, r"logits\['a'\].*1 to 12 examples"),
    (A, {"logits": dict.fromkeys("ab", torch.zeros(2, 13))}, ValueError, r"logits\['a'\].*2 to 12 classes"),
    (A, {"names": None}, TypeError, "names is None"),
    (A, {"images": "photo"}, TypeError, "images is 'photo'; give a uint8 tensor"),
    (A, {"images": PHOTOS[:, 0]}, ValueError, r"images has shape \(2, 4, 4\); give \(2, channels"),
    (A, {"images": PHOTOS[:, :2]}, ValueError, "1 or 3 channels"),
    (A, {"truths": [0, 2]}, ValueError, "truths is 2; give one of 0 to 1"),
    (A, {"truths": [0]}, ValueError, "truths has 1 entries; give 2"),
    (A, {"truths": [0.0, 1.0]}, TypeError, "truths is 0.0; give an integer"),
    (A, {"temperature": 101}, ValueError, "temperature is 101"),
    (S, {"kind": "warm-up"}, ValueError, "kind is 'warm-up'; choose one of 'at-once', 'late', 'ramp'"),
    (S, {"start": 0.6}, ValueError, "start is 0.6 and end 0.6; give an end after the start"),
    (S, {"start": -0.1}, ValueError, "start is -0.1; give a number from 0 to 0.99"),
    (S, {"end": 60}, ValueError, "end is 60; give a number from 0.01 to 1"),
    (S, {"end": "0.6"}, TypeError, "end is '0.6'; give a plain number"),
    (S, {"alpha": None}, TypeError, "alpha is None"),
    (INFO, {"told": "noise"}, TypeError, "told is 'noise'; give a list"),
    (INFO, {"told": TOLD[:1]}, ValueError, "told has 1 entries; give 2 to 20"),
    (INFO, {"told": [TOLD[0], 0.3]}, TypeError, r"told\[1\] is 0.3; give Told\(name, teacher"),
    (INFO, {"told": [TOLD[0], Told(1, 0.3)]}, TypeError, r"told\[1\] is Told\(name=1"),
    (INFO, {"told": [TOLD[0], Told("b", -0.1)]}, ValueError, r"told\[1\].teacher is -0.1"),
    (INFO, {"told": [TOLD[0], Told("b", 0.1, 3.0)]}, TypeError, r"told\[1\].low is None; give a plain"),
    (INFO, {"told": [TOLD[0], Told("b", 0.1, 5, 2, 4)]}, ValueError, r"told\[1\] has the gain 5.0 outside"),
    (INFO, {"index": 3}, ValueError, "index is 3; give one of 0 to 2"),
    (R, {"gains": [1, 2, 3]}, TypeError, r"gains is \[1, 2, 3\]; give a dict \{seed: gain\} of 3 to 100"),
    (R, {"gains": {0: 1.0, 1: 2.0}}, TypeError, "of 3 to 100 seeds"),
    (R, {"gains": GAINS | {5: math.nan}}, ValueError, r"gains\[5\] is nan; give a finite number"),
    (R, {"gains": GAINS | {5: "one"}}, TypeError, r"gains\[5\] is 'one'; give a plain number"),
    (R, {"gains": {0: 0.012, 1: 0.015, 2: 0.011}}, ValueError, "gains are 0.015 at most; one decimal"),
    (TH, {"odds": torch.zeros(8)}, TypeError, r"odds is .*give a dict \{split: \{model: log-odds\}\}"),
    (TH, {"odds": {"test": torch.zeros(8)}}, TypeError, "give a dict"),
    (TH, {"odds": {}}, ValueError, "odds has nothing; give 1 or 2 splits"),
    (TH, {"odds": dict.fromkeys("abc", ODDS["test"])}, ValueError, "give 1 or 2 splits"),
    (TH, {"odds": {"test": {}}}, ValueError, "the same 1 to 3 of teacher, alone, distilled"),
    (TH, {"odds": {"test": {"mine": torch.zeros(8)}}}, ValueError, "odds has test: mine; give"),
    (TH, {"odds": ODDS | {"validation": {"alone": torch.zeros(8)}}}, ValueError, "validation: alone; give"),
    (TH, {"odds": odds_with([1.0, 2.0])}, TypeError, r"odds\['test'\]\['alone'\] is a list"),
    (TH, {"odds": odds_with(torch.arange(8))}, TypeError, r"odds\['test'\]\['alone'\] has dtype torch.int64"),
    (TH, {"odds": odds_with(torch.full((8,), math.nan))}, ValueError, "8 of 8 values are NaN"),
    (TH, {"odds": odds_with(torch.zeros(8, 2))}, ValueError, r"has shape \(8, 2\) .*logits\[:, 1\] -"),
    (TH, {"odds": odds_with(torch.zeros(7))}, ValueError, r"shape \(7,\) and truths\['test'\] \(8,\)"),
    (TH, {"truths": TRUTH}, TypeError, "truths is torch.int64 .*give a dict with labels for 'test'"),
    (TH, {"truths": {"test": TRUTH}}, TypeError, "truths is dict; give a dict with labels for 'validation'"),
    (TH, {"truths": dict.fromkeys(ODDS, TRUTH.float())}, TypeError, r"truths\['test'\] is torch.float32"),
    (TH, {"truths": dict.fromkeys(ODDS, TRUTH + 1)}, ValueError, r"truths\['test'\] runs from 1 to 2"),
    (TH, {"truths": dict.fromkeys(ODDS, TRUTH * 0)}, ValueError, r"truths\['test'\] holds one class"),
    (TH, {"at": 21}, ValueError, "threshold is 21; give a number from -20 to 20"),
    (E, {"runs": PAIRS}, ValueError, r"runs is \[Pair.*give a dict \{name: pairs\}"),
    (E, {"runs": {}}, ValueError, r"runs is \{\}; give a dict"),
    (E, {"runs": {"epochs": PAIRS}}, ValueError, "runs is {'epochs': .* some of images, steps, temp"),
    (E, {"runs": {"images": PAIRS[:1]}}, ValueError, "images has 1 entries; give 2 to 7"),
    (E, {"runs": {"images": [THREE, THREE]}}, TypeError, r"images\[0\] is .*give Pair\(value, alone"),
    (E, {"runs": {"steps": [Pair("9", THREE, {0: 1, 1: 2})] * 2}}, ValueError, r"steps\[0\] has 2 seeds"),
    (E, {"runs": {"steps": [Pair("9", THREE, [1, 2, 3])] * 2}}, TypeError, r"steps\[0\].distilled is \["),
    (E, {"runs": {"steps": [Pair("9", {0: -1}, THREE)] * 2}}, ValueError, r"steps\[0\].alone\[0\] is -1"),
    (E, {"teacher": {0: math.nan}}, ValueError, r"teacher\[0\] is nan"),
    (E, {"teacher": 68}, TypeError, r"teacher is 68; give a dict \{seed: errors\}"),
    (TH, {"at": "half"}, TypeError, "threshold is 'half'; give a plain number"),
]  # fmt: skip


BAD += [
    (D, {"images": DIGITS.float()}, TypeError, "images has dtype torch.float32; give uint8"),
    (D, {"images": DIGITS[:, 0]}, ValueError, r"images has shape \(2, 28, 28\); give \(2, 1, 28, 28\)"),
    (D, {"images": DIGITS[:1]}, ValueError, r"give \(2, 1, 28, 28\) for 2 names"),
    (D, {"images": DIGITS.repeat(5, 1, 1, 1), "names": "abcdefghij"}, ValueError, "1 to 8 of both"),
    (D, {"temperature": 0}, ValueError, "temperature is 0; give a number from 0.1"),
    (X, {"images": XRAY[..., :32]}, ValueError, r"give \(1, 1, 64, 64\)"),
    (X, {"truths": [2]}, ValueError, "truths is 2; give one of 0 to 1"),
    (X, {"truths": []}, ValueError, "truths has 0 entries; give 1"),
    (OM, {"omitted": "10"}, ValueError, "omitted is '10'; choose one of '0', .*'7 and 8'"),
    (OM, {"temperature": 21}, ValueError, "temperature is 21; give a number from 1 to 20"),
    (OM, {"shown": 60000}, ValueError, "shown is 60000; choose one of 500, 1000, 2000"),
    (OM, {"learning_rate": 0}, ValueError, "learning_rate is 0; give a number from "),
    (OM, {"learning_rate": "fast"}, TypeError, "learning_rate is 'fast'; give a plain number"),
    (PG, {"noise": 0.5}, ValueError, "noise is 0.5; choose one of 0, 0.1, 0.2, 0.4"),
    (PG, {"hidden": "16"}, ValueError, "hidden is '16'; choose one of 2, 4, 8, 16, 32"),
    (PG, {"alpha": 1.1}, ValueError, "alpha is 1.1; give a number from 0 to 1"),
    (PG, {"learning_rate": -1}, ValueError, "learning_rate is -1; give a number from "),
    (W, {"prompt": ""}, ValueError, "prompt has 0 characters; give 1 to 100"),
    (W, {"prompt": "O" * 101}, ValueError, "prompt has 101 characters; give 1 to 100"),
    (W, {"prompt": b"O"}, TypeError, "prompt is b'O'; give a text"),
    (W, {"prompt": "<b>"}, ValueError, "prompt: text holds '<'"),
    (W, {"length": "long"}, TypeError, "length is 'long'; give an integer from 20 to 400"),
    (W, {"seed": 1000}, ValueError, "seed is 1000; give one of 0 to 999"),
    (W, {"teacher": "yes"}, ValueError, "teacher is 'yes'; choose one of False, True"),
]


@pytest.mark.parametrize(("make", "arguments", "error", "words"), BAD)
def test_bad_input_is_named_with_its_remedy(make, arguments, error, words):
    with pytest.raises(error, match=words):
        make_good(make, **arguments)


# ---- networks in the page ----


def test_the_table_of_digits_has_what_the_networks_say():
    head, bar, nothing = cells(make_good(digits_slider, temperature=2))
    assert head == ["image", "teacher", "alone", "distilled"]
    assert [bar[0], nothing[0]] == ["a bar", "nothing"]
    seen = resize(DIGITS, 32).float() / 255
    with torch.no_grad():
        shares = soften(pretrained.mnist_student("distilled")(seen), 2.0)
    assert bar[3] == f"{int(shares[0].argmax())} {percent(float(shares[0].max()))}".replace(SPACE, " ")


def test_jupyter_is_given_the_weights_and_a_page_their_names():
    slider = make_good(xrays_slider)
    names = [model["weights"] for model in slider.data["models"]]
    assert names == ["xray_student_alone", "xray_student_distilled"] == list(slider.data["weights"])
    for name in names:
        content = (pretrained.FOLDER / f"{name}.safetensors").read_bytes()
        assert base64.b64decode(slider.data["weights"][name]) == content
    state = json.loads(re.search(r'json">(.*)</script>', stored(slider)).group(1))
    assert "weights" not in state["data"] and state["data"]["models"] == slider.data["models"]
    assert set(names) <= set(scripts.MODELS)  # whose scripts the site writes


def test_a_layer_that_the_page_does_not_know_is_named():
    assert layers(pretrained.mnist_teacher())[:3] == [["conv", "conv1", 0], ["relu"], ["pool"]]
    odd = [nn.Conv2d(1, 2, 3, stride=2), nn.Conv2d(2, 2, 3, groups=2), nn.Conv2d(1, 2, 5)]
    odd += [nn.Conv2d(1, 2, 3, bias=False), nn.Conv2d(1, 2, 3, padding=(1, 2)), nn.Linear(2, 2, bias=False)]
    odd += [nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular")]
    odd += [nn.MaxPool2d(3), nn.BatchNorm2d(2), nn.MaxPool2d(2, stride=1), nn.AvgPool2d(2), nn.Sigmoid()]
    for layer in odd:
        with pytest.raises(ValueError, match=r"0 is .*; a page knows convolution"):
            layers(nn.Sequential(layer))


def test_the_table_of_the_mixture():
    table = {name: [float(x.replace("−", "-")) for x in row] for name, *row in cells(mixture_slider())[1:]}
    place, width, forward, reverse = table["forward"]
    assert (place, width) == pytest.approx((-0.4, 2.02), abs=0.1) and forward < 1 < reverse
    place, width, forward, reverse = table["reverse"]
    assert (
        (place, width) == (-2.0, 0.5) and reverse == pytest.approx(-math.log(0.6), abs=0.01) and forward > 5
    )
