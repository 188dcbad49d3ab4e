"""What the tests of the sliders share: two small examples, the parts of a slider, and what it has to show."""

import pytest
import torch

from kdlib.numbers import percent
from kdlib.sliders.widgets import temperature_explorer
from kdlib.softening import entropy, soften

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

ANIMALS = [[5.0, 2.0, 0.5], [0.0, 3.0, 2.5]]
LABELS = ["cat", "dog", "car"]
NAMES = ["first animal", "second animal"]


def html(widget) -> str:
    return widget._repr_mimebundle_()[0]["text/html"]


def animals(**options) -> str:
    return html(temperature_explorer(ANIMALS, LABELS, names=NAMES, **options))


def part(page, name: str):
    return page.locator(f'[data-kd="{name}"]')


def expect_shown(scope, temperature: float, logits=ANIMALS[0], labels=LABELS):
    """Every number and length shown is that of soften(logits, temperature)."""
    p = soften(torch.tensor(logits, dtype=torch.float64), temperature)
    nats = float(entropy(p))
    slider = part(scope, "slider")
    expect(slider).to_have_attribute(
        "aria-valuetext", f"temperature {temperature:.3g}, entropy {nats:.2f} nats"
    )
    expect(part(scope, "value")).to_have_text([percent(float(share)) for share in p])
    full = float(part(scope, "track").first.get_attribute("width"))
    for bar, share in zip(part(scope, "bar").all(), p.tolist(), strict=True):
        assert float(bar.get_attribute("width")) == pytest.approx(full * share, abs=0.006)
    top = labels[int(p.argmax())]
    words = f"At temperature {temperature:.3g} the largest share is {top} with {percent(float(p.max()))}"
    expect(part(scope, "summary")).to_contain_text(words)
    shares = ", ".join(f"{label} {percent(float(share))}" for label, share in zip(labels, p, strict=True))
    described = f"Probabilities at temperature {temperature:.3g}: {shares}"
    expect(part(scope, "bars")).to_have_attribute("aria-label", described)
    plot = part(scope, "plot")
    x, w, y, h = (float(plot.get_attribute(f"data-{name}")) for name in "xwyh")
    dot, most = part(scope, "dot"), torch.tensor(float(len(labels))).log().item()
    position = torch.tensor(temperature, dtype=torch.float64).log10().item()
    assert float(dot.get_attribute("cx")) == pytest.approx(x + w * (position + 1) / 3, abs=0.006)
    assert float(dot.get_attribute("cy")) == pytest.approx(y - h * nats / most, abs=0.006)
    assert part(scope, "knob").get_attribute("cx") == dot.get_attribute("cx")


def live(page):
    expect(page.locator(".kd-live").first).to_be_attached()
