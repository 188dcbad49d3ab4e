"""The decoder in the page, decoder.js: against PyTorch with the same weights, alone and going on."""

import base64

import pytest
import torch
from safetensors.torch import save

from kdlib import models
from kdlib.sliders.slider import JS

pytestmark = pytest.mark.browser


def decoder(layers: int = 2, width: int = 16, context: int = 12, seed: int = 0) -> models.Decoder:
    """Weights large enough that every part matters, as a file in 16 bits holds them."""
    model = models.transformer(layers, width, vocabulary=9, context=context, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for p in model.parameters():
        p.data.add_(torch.randn(p.shape, generator=generator) * 0.3).copy_(p.data.half().float())
    return model.eval()


@pytest.fixture
def run(open_page):
    """run(model, code, given): what the code returns of `model`, the decoder with these weights."""
    page = open_page("<p></p>")
    for name in ("kit", "net", "train", "decoder"):
        page.add_script_tag(content=(JS / f"{name}.js").read_text(encoding="utf-8"))

    def call(model, code, given=None):
        state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
        weights = base64.b64encode(save(state)).decode()
        start = "const model = kd.decoder(kd.tensors(weights), 4);"
        return page.evaluate(f"([weights, given]) => {{ {start} {code} }}", [weights, given])

    return call


def test_its_shares_are_pytorchs(run):
    for seed, layers in ((0, 2), (1, 1), (2, 3)):
        model = decoder(layers, seed=seed)
        text = torch.randint(0, 9, (12,), generator=torch.Generator().manual_seed(seed))
        found = torch.tensor(run(model, "return given.map(model.read);", text.tolist()))
        with torch.no_grad():
            wanted = model(text[None])[0]
        assert wanted.softmax(1).std() > 0.05
        torch.testing.assert_close(found.softmax(1), wanted.softmax(1), rtol=0, atol=2e-6)


def test_it_goes_on_as_the_model_in_python_does(run):
    model, prompt = decoder(), torch.tensor([[3, 1, 4, 1, 5]])
    code = """const tokens = [...given];
        for (const token of tokens.slice(0, -1)) model.read(token);
        while (tokens.length < 40) tokens.push(kd.drawn(kd.following(model, tokens), 0));
        return tokens;"""
    wanted = models.write(model, prompt, 35, temperature=0)[0].tolist()
    assert len(set(wanted)) > 3
    assert run(model, code, prompt[0].tolist()) == wanted
    again = "model.read(3); model.forget(); return model.length + model.read(given).length;"
    assert run(model, again, 2) == 9


def test_tokens_are_drawn_by_their_shares(run):
    logits, code = (
        [1.0, 0.0, -1.0],
        """const random = kd.seeded(1);
        const counts = [0, 0, 0];
        for (let i = 0; i < 20000; i++) counts[kd.drawn(given, 2, random)] += 1;
        return counts;""",
    )
    counts = torch.tensor(run(decoder(), code, logits)) / 20_000
    torch.testing.assert_close(counts, torch.tensor(logits).div(2).softmax(0), rtol=0, atol=0.012)
    assert run(decoder(), "return kd.drawn(given, 1, () => 1 - 1e-17);", logits) in (0, 2)


def test_gelu_is_torchs(run):
    x = torch.linspace(-6, 6, 241, dtype=torch.float64)
    found = torch.tensor(run(decoder(), "return given.map(kd.gelu);", x.tolist()), dtype=torch.float64)
    torch.testing.assert_close(found, torch.nn.functional.gelu(x), rtol=0, atol=1e-6)
