"""Tests of the sliders' picture, as Python draws it."""

import base64
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from html import unescape

import numpy as np
import pytest
import torch
from PIL import Image

from kdlib.sliders.temperature_picture import png_uri
from kdlib.sliders.widgets import temperature_explorer
from kdlib.softening import entropy, soften

ANIMALS = [[5.0, 2.0, 0.5], [0.0, 3.0, 2.5]]
DIGITS = [str(digit) for digit in range(10)]
SPACE = "\N{NO-BREAK SPACE}"


def drawing(markup: str, name: str) -> ET.Element:
    """The SVG with this data-kd name."""
    return ET.fromstring(re.search(rf'<svg data-kd="{name}".*?</svg>', markup, re.S).group())


def parts(svg: ET.Element, name: str) -> list[ET.Element]:
    return [node for node in svg.iter() if node.get("data-kd") == name]


def digits(count: int = 10):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 28, 28), generator=generator, dtype=torch.uint8)
    return torch.randn(count, 10, generator=generator) * 5, images


def test_bars_are_as_wide_as_the_softened_probabilities():
    widget = temperature_explorer(ANIMALS[0], ["cat", "dog", "car"], temperature=2.5)
    svg = drawing(widget.markup, "bars")
    full = float(parts(svg, "track")[0].get("width"))
    z = torch.tensor(ANIMALS[0], dtype=torch.float64)
    for name, temperature in (("bar", 2.5), ("ghost", 1.0)):
        widths = [float(node.get("width")) / full for node in parts(svg, name)]
        assert widths == pytest.approx(soften(z, temperature).tolist(), abs=0.005 / full + 1e-9)
    # By hand: e^2 = 7.389, e^0.8 = 2.2255, e^0.2 = 1.2214, sum 10.836.
    assert [node.text for node in parts(svg, "value")] == [f"{x}{SPACE}%" for x in (68.2, 20.5, 11.3)]
    assert "cat 68.2 %, dog 20.5 %, car 11.3 %" in svg.get("aria-label").replace(SPACE, " ")


def test_the_plot_shows_the_entropy_and_its_limits():
    widget = temperature_explorer(ANIMALS[0], ["cat", "dog", "car"], temperature=10)
    svg = drawing(widget.markup, "plot")
    axis = {name: float(svg.get(f"data-{name}")) for name in "xwyh"}
    points = [tuple(map(float, pair.split(","))) for pair in parts(svg, "curve")[0].get("points").split()]
    z = torch.tensor(ANIMALS[0], dtype=torch.float64)
    for x, y in points[::10]:
        temperature = 10 ** (3 * (x - axis["x"]) / axis["w"] - 1)
        nats = math.log(3) * (axis["y"] - y) / axis["h"]
        assert nats == pytest.approx(float(entropy(soften(z, temperature))), abs=0.006)
    assert points[0] == (axis["x"], axis["y"])  # T = 0.1: one class has all, no entropy
    assert points[-1][1] == pytest.approx(axis["y"] - axis["h"], abs=0.1)  # T = 100: nearly ln 3
    dot, knob = parts(svg, "dot")[0], parts(svg, "knob")[0]
    assert float(dot.get("cx")) == float(knob.get("cx")) == pytest.approx(axis["x"] + axis["w"] * 2 / 3)
    assert "ln 3 = 1.10" in "".join(svg.itertext())


def test_the_sentence_says_what_the_picture_shows():
    widget = temperature_explorer(ANIMALS, ["cat", "dog", "car"], temperature=2.5)
    sentence = unescape(
        re.sub("<.*?>", "", re.search(r'<p data-kd="summary">(.*?)</p>', widget.markup).group(1))
    )
    assert sentence == (
        f"At temperature 2.5 the largest share is cat with 68.2{SPACE}%, "
        "and the entropy is 0.83 of at most 1.10 nats."
    )


def test_labels_and_names_are_text_not_markup():
    labels = ["<b>bold</b>", 'it\'s "q" & </script>', "😀 cat"]
    widget = temperature_explorer(ANIMALS, labels, names=['<img src="x">', "two"])
    html = widget._repr_mimebundle_()[0]["text/html"]
    assert "<b>bold" not in html and '<img src="x"' not in html
    assert html.count("</script>") == 1  # its own end
    bars = drawing(html, "bars")
    assert [node.text for node in parts(bars, "label")][0::2] == [labels[0], labels[2]]
    assert labels[1] in bars.get("aria-label")
    state = json.loads(re.search(r"const state = (.*);\n", html).group(1))
    assert state["labels"] == labels


def test_long_labels_are_shortened_in_the_picture_only():
    label = "a class with quite a long name"
    svg = drawing(temperature_explorer([1.0, 2.0], [label, "b"]).markup, "bars")
    assert parts(svg, "label")[0].text == "a class with …" and label in svg.get("aria-label")


@pytest.mark.parametrize("width", [27, 28])
def test_thumbnails_are_ink_on_white(width):
    image = torch.arange(28 * width).remainder(256).reshape(28, width).to(torch.uint8)
    png = base64.b64decode(png_uri(image).split(",")[1])
    decoded = np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(int)
    assert decoded.shape == (28, width)
    assert abs(decoded - (255 - image.numpy().astype(int))).max() <= 9  # 16 greys
    assert decoded[0, 0] == 255 and decoded.min() == 0


def test_choices_have_names():
    logits, images = digits(3)
    names = ["test image 18, a 7", "test image 3, a 0", "test image 5, a 1"]
    markup = temperature_explorer(logits, DIGITS, images=images, names=names).markup
    assert [markup.count(f'aria-label="{name}"') for name in names] == [1, 1, 1]
    assert markup.count("<img ") == 3
    assert "fieldset" not in temperature_explorer(logits[0], DIGITS).markup  # nothing to choose


def test_the_controls_keep_the_keys_that_they_are_given():
    """JupyterLab takes arrow keys and letters for itself unless the control says otherwise."""
    markup = temperature_explorer(ANIMALS, ["cat", "dog", "car"]).markup
    controls = re.findall(r"<(?:input|button|select|textarea)\b[^>]*>", markup)
    assert len(controls) == 4  # two examples, the slider, the way back
    assert [control for control in controls if " data-lm-suppress-shortcuts" not in control] == []
