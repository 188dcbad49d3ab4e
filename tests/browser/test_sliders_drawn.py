"""What a slider draws in a browser: as in Python, without JavaScript, in the dark, on a phone."""

from itertools import pairwise

import pytest
import torch
from sliders import ANIMALS, animals, expect, html, live, part

from kdlib.sliders.explorer import module
from kdlib.sliders.widgets import temperature_explorer

pytestmark = pytest.mark.browser


MODULE = module("temperature")


def test_the_module_draws_what_python_drew(open_page):
    """First paint and script agree in every attribute, so nothing jumps when the module arrives."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 10, generator=generator) * 6
    widget = temperature_explorer(logits, [str(i) for i in range(10)], temperature=3)
    body = f'<div id="drawn">{widget.markup}</div><div id="moved">{html(widget)}</div>'
    page = open_page(body)
    live(page)
    svgs = "id => [...document.querySelectorAll(`#${id} svg`)].map((svg) => svg.outerHTML)"
    assert page.evaluate(svgs, "drawn") == page.evaluate(svgs, "moved")
    texts = "id => document.querySelector(`#${id} [data-kd=summary]`).textContent"
    assert page.evaluate(texts, "drawn") == page.evaluate(texts, "moved")


def test_without_javascript_the_picture_stands(open_page):
    page = open_page(animals(temperature=2.5), java_script_enabled=False)
    expect(page.get_by_text("68.2 %").first).to_be_visible()
    expect(part(page, "summary")).to_contain_text("entropy is 0.83 of at most 1.10 nats")
    expect(part(page, "reset")).to_be_hidden()
    expect(part(page, "slider")).to_be_hidden()
    expect(page.get_by_text("first animal")).to_be_visible()
    expect(page.get_by_text("second animal")).to_be_hidden()


def test_labels_stay_text(open_page):
    labels = ["<b>bold</b>", 'it\'s "q" & </script>', "😀 cat"]
    page = open_page(html(temperature_explorer(ANIMALS, labels)))
    live(page)
    assert part(page, "label").all_text_contents()[0::2] == [labels[0], labels[2]]
    expect(part(page, "top")).to_have_text("<b>bold</b>")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_bars_stand_out(open_page, theme):
    """WCAG contrast against the two backgrounds of the site: 4.5 for text, 3 for bars and controls."""
    page = open_page(animals(), theme)
    live(page)
    back, ink = ("#ffffff", "#222832") if theme == "light" else ("#14181e", "#ced6dd")
    page.evaluate(f"document.body.style.cssText += ';background:{back};color:{ink}'")
    colour = "(node, name) => getComputedStyle(node)[name]"
    text = part(page, "value").first.evaluate(colour, "fill")
    assert contrast(text, back) >= 4.5
    assert contrast(part(page, "bar").first.evaluate(colour, "fill"), back) >= 3
    assert contrast(part(page, "reset").evaluate(colour, "borderColor"), back) >= 3


def contrast(colour: str, back: str) -> float:
    def luminance(rgb):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    values = [int(value) for value in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    light, dark = sorted([luminance(values), luminance(bytes.fromhex(back[1:]))], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_javascript_and_torch_agree_in_the_browser(open_page):
    page = open_page("<p>nothing</p>")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 10, generator=generator, dtype=torch.float64) * 20
    logits[0] = 0
    logits[1, 3] = 900
    temperatures = torch.logspace(-1, 2, 200, dtype=torch.float64)
    result = page.evaluate(
        """async ([source, rows, temperatures]) => {
            const { softmax, entropy } = await import("data:text/javascript," + encodeURIComponent(source));
            return rows.map((z, i) => { const p = softmax(z, temperatures[i]); return [...p, entropy(p)]; });
        }""",
        [MODULE, logits.tolist(), temperatures.tolist()],
    )
    ours = torch.tensor(result, dtype=torch.float64)
    p = torch.softmax(logits / temperatures[:, None], dim=-1)
    assert float((ours[:, :-1] - p).abs().max()) < 1e-12
    assert float((ours[:, -1] - torch.special.entr(p).sum(-1)).abs().max()) < 1e-12


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone_shows_ten_bars_and_the_slider_together(open_page, width):
    """A small phone leaves about 550 px between its bars; the text above and below is to be seen too."""
    widget = temperature_explorer(torch.zeros(10), [str(i) for i in range(10)])
    page = open_page(html(widget), has_touch=True, is_mobile=True, viewport={"width": width, "height": 700})
    live(page)
    bars, slider = part(page, "bars").bounding_box(), part(page, "slider").bounding_box()
    assert slider["y"] + slider["height"] - bars["y"] <= 400
    lines = [node.bounding_box() for node in part(page, "value").all()]
    assert all(a["y"] + a["height"] <= b["y"] + 1 for a, b in pairwise(lines))
