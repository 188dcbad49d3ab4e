"""Tests of the sliders that need no browser: what they draw, store and refuse, and the sync with Python."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import kdlib
from kdlib.sliders.explorer import module
from kdlib.sliders.widgets import page_html, temperature_explorer
from kdlib.softening import soften

JS = Path(kdlib.__file__).parent / "js"
ANIMALS = [[5.0, 2.0, 0.5], [0.0, 3.0, 2.5]]
DIGITS = [str(digit) for digit in range(10)]


def page(widget) -> str:
    return widget._repr_mimebundle_()[0]["text/html"]


def digits(count: int = 10):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 28, 28), generator=generator, dtype=torch.uint8)
    return torch.randn(count, 10, generator=generator) * 5, images


def test_python_reads_and_sets_the_slider():
    widget = temperature_explorer(torch.tensor(ANIMALS), ["cat", "dog", "car"])
    assert widget.temperature == 1 and widget.index == 0
    widget.temperature = 4
    widget.index = 1
    expected = soften(torch.tensor(ANIMALS[1], dtype=torch.float64), 4)
    torch.testing.assert_close(widget.probabilities, expected)
    state = widget.get_state()
    assert state["temperature"] == 4 and state["index"] == 1 and state["logits"] == ANIMALS
    assert "softmax" in state["_esm"] and ".kd-explorer" in state["_css"]
    heard = []
    widget.observe(lambda change: heard.append(change["new"]), "temperature")
    widget.set_state({"temperature": 20.0})  # what a moved slider sends
    assert heard == [20.0]


def test_the_page_shows_the_slider_where_python_left_it():
    widget = temperature_explorer(ANIMALS, ["cat", "dog", "car"])
    widget.temperature, widget.index = 10, 1
    html = page(widget)
    assert "the largest share is <b" in html and ">dog</b>" in html
    assert '"temperature":10.0,"index":1' in html


def test_the_bundle_serves_a_kernel_and_a_page():
    widget = temperature_explorer(ANIMALS, ["cat", "dog", "car"])
    data, _ = widget._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert widget.model_id not in data["text/html"]
    assert " at 0x" not in data["text/plain"]


def test_the_page_html_is_the_same_each_time_and_holds_no_id():
    logits, images = digits()
    first, second = (page(temperature_explorer(logits, DIGITS, images=images)) for _ in range(2))
    assert first == second
    assert not re.search(r"[\s\"']id\s*=", first), "equal sliders on one page would share an id"
    assert not re.search(r"https?:|\bsrc=(?!\"data:)|\bfetch\(|require", first), "the page must ask nobody"


@pytest.mark.slow
def test_fresh_processes_make_the_same_html():
    code = (
        "from kdlib.sliders.widgets import temperature_explorer as t\n"
        f"print(t({ANIMALS}, ['cat', 'dog', 'car'])._repr_mimebundle_()[0]['text/html'])"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1] == page(temperature_explorer(ANIMALS, ["cat", "dog", "car"]))


def test_sizes():
    for part in JS.glob("*.js"):
        assert part.stat().st_size <= 8192, part.name
    logits, images = digits()
    widget = temperature_explorer(logits, DIGITS, images=images)
    picture = re.sub(r'src="data:.*?"', "", widget.markup)
    assert len(picture.encode()) <= 12_000
    assert len(widget.markup.encode()) - len(picture.encode()) <= 10 * 750  # the thumbnails
    crowd = temperature_explorer(torch.zeros(20), [f"class number {i}" for i in range(20)])
    assert len(crowd.markup.encode()) <= 12_000


def test_accepts_arrays_lists_half_precision_and_tensors_that_need_grad():
    for logits in (ANIMALS, np.array(ANIMALS, np.float32), torch.tensor(ANIMALS).half().requires_grad_()):
        assert temperature_explorer(logits, ["cat", "dog", "car"]).logits == ANIMALS
    assert temperature_explorer([1, 2, 3], ["cat", "dog", "car"]).logits == [[1.0, 2.0, 3.0]]


IMAGE = torch.zeros(2, 28, 28, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"logits": torch.zeros(2, 2, 3)}, ValueError, r"logits has shape \(2, 2, 3\).*\(classes,\)"),
        ({"logits": torch.zeros(0, 3)}, ValueError, r"logits has shape \(0, 3\)"),
        ({"logits": torch.zeros(2, 21)}, ValueError, "20 classes"),
        ({"logits": torch.zeros(25, 3)}, ValueError, "24 examples"),
        ({"logits": [[1.0, math.nan, 2.0]]}, ValueError, "logits: 1 of .*NaN"),
        ({"logits": [[1.0, math.inf, 2.0]]}, ValueError, "logits: 1 of .*infinite"),
        ({"logits": [[1.0, -1e308, 2.0]]}, ValueError, "logits go as far as 1e\\+308"),
        ({"logits": [[1.0, 2.0], [3.0]]}, TypeError, "logits is .*rows of one length"),
        ({"logits": "abc"}, TypeError, "logits is 'abc'"),
        ({"logits": torch.tensor([1, 2, 3])}, TypeError, "logits has dtype torch.int64"),
        ({"labels": ["cat", "dog"]}, ValueError, r"labels is \['cat', 'dog'\].*3 classes"),
        ({"labels": None}, TypeError, "labels is None; give a list of 3 names, one for each of the classes"),
        ({"names": 2}, TypeError, "names is 2; give a list of 2 names"),
        ({"labels": "cat"}, ValueError, "labels is 'cat'.*3 classes"),
        ({"names": ["one"]}, ValueError, r"names is \['one'\].*2 examples"),
        ({"images": IMAGE.float()}, TypeError, "images has dtype torch.float32.*uint8"),
        ({"images": IMAGE[:1]}, ValueError, r"images has shape \(1, 28, 28\).*\(2, height, width\)"),
        ({"images": IMAGE.repeat(1, 3, 1)}, ValueError, "1 to 64 pixels"),
        ({"images": IMAGE[:, :0]}, ValueError, r"images has shape \(2, 0, 28\)"),
        ({"temperature": 0}, ValueError, "temperature is 0"),
        ({"temperature": -1.0}, ValueError, "temperature is -1.0"),
        ({"temperature": math.nan}, ValueError, "temperature is nan"),
        ({"temperature": 101}, ValueError, "temperature is 101.*0.1 to 100"),
        ({"temperature": "hot"}, TypeError, "temperature is 'hot'"),
    ],
)
def test_bad_input_is_named_with_its_remedy(arguments, error, words):
    good = {"logits": torch.tensor(ANIMALS), "labels": ["cat", "dog", "car"]}
    with pytest.raises(error, match=words):
        temperature_explorer(**(good | arguments))


def test_a_bad_value_leaves_the_widget_as_it_was():
    widget = temperature_explorer(ANIMALS, ["cat", "dog", "car"], temperature=2)
    with pytest.raises(ValueError, match=r"temperature is 0\.01; the slider goes from 0\.1 to 100"):
        widget.temperature = 0.01
    with pytest.raises(ValueError, match="index is 2; choose one of the examples 0 to 1"):
        widget.index = 2
    assert widget.temperature == 2 and widget.index == 0


def test_page_html_is_pure_and_keeps_its_texts_apart():
    html = page_html("<p>picture</p>", {"a": "</script><script>"}, "export default 1 // </script>", "p {}")
    assert html == page_html(
        "<p>picture</p>", {"a": "</script><script>"}, "export default 1 // </script>", "p {}"
    )
    assert html.count("</script>") == 1 and html.count("<script>") == 1


@pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed; the browser test does the same"
)
def test_javascript_and_torch_agree():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 10, generator=generator, dtype=torch.float64) * 20
    logits[0] = 0
    logits[1, 3] = 900  # exp would overflow
    temperatures = torch.logspace(-1, 2, 200, dtype=torch.float64)
    program = """
        const { softmax, entropy } = await import("data:text/javascript," + encodeURIComponent(MODULE));
        const out = LOGITS.map((z, i) => { const p = softmax(z, T[i]); return [...p, entropy(p)]; });
        console.log(JSON.stringify(out));
    """
    for name, value in (
        ("MODULE", module("temperature")),
        ("LOGITS", logits.tolist()),
        ("T[i]", None),
    ):
        program = program.replace(
            name, f"({json.dumps(temperatures.tolist())})[i]" if value is None else json.dumps(value)
        )
    run = subprocess.run(
        ["node", "--input-type=module"], input=program, capture_output=True, encoding="utf-8", check=True
    )
    ours = torch.tensor(json.loads(run.stdout), dtype=torch.float64)
    p = torch.softmax(logits / temperatures[:, None], dim=-1)
    assert float((ours[:, :-1] - p).abs().max()) < 1e-12
    assert float((ours[:, -1] + torch.special.xlogy(p, p).sum(-1)).abs().max()) < 1e-12
