"""The decoder in the page, decoder.js: against PyTorch with the same weights, alone and going on."""

import base64

import pytest
import torch
from safetensors.torch import save

from kdlib import models, pretrained
from kdlib.data import text
from kdlib.sliders.slider import JS

pytestmark = pytest.mark.browser
SHIPPED = {
    "alone": lambda: pretrained.shakespeare_student("alone"),
    "distilled": lambda: pretrained.shakespeare_student("distilled"),
    "teacher": pretrained.shakespeare_teacher,
}
# The likeliest tokens behind a prompt, up to a number, prompt and all.
GREEDY = """const [tokens, count] = [[...given[0]], given[1]];
    const endless = kd.endless(model);
    for (let i = 0; tokens.length < count; i++) {
      const logits = endless.read(tokens[i]);
      if (i === tokens.length - 1) tokens.push(kd.drawn(logits, 0));
    }
    return tokens;"""


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
        tokens = torch.randint(0, 9, (12,), generator=torch.Generator().manual_seed(seed))
        found = torch.tensor(run(model, "return given.map(model.read);", tokens.tolist()))
        with torch.no_grad():
            wanted = model(tokens[None])[0]
        assert wanted.softmax(1).std() > 0.05
        torch.testing.assert_close(found.softmax(1), wanted.softmax(1), rtol=0, atol=2e-6)


@pytest.mark.parametrize("which", SHIPPED)
def test_the_shipped_models_say_of_test_text_what_they_say_in_pytorch(run, which):
    """Eight windows of 128 characters, spread over the test text."""
    model, windows = SHIPPED[which](), text.windows("test", 128).images[::50][:8].long()
    code = """return given.map((window) => {
      const fresh = model.upTo(0);
      return window.map((token) => kd.softmax(fresh.read(token), 1));
    });"""
    found = torch.tensor(run(model, code, windows.tolist()))
    with torch.no_grad():
        wanted = model(windows).softmax(-1)
    assert found.shape == (8, 128, 65) and wanted.max(-1).values.std() > 0.1
    assert float((found - wanted).abs().max()) < 1e-3


def test_it_goes_on_as_the_model_in_python_does(run):
    model = decoder(3, seed=30)
    for prompt in ([3, 1, 4, 1, 5], [8], [5, 3, 6, 0, 2, 7, 1, 4, 8, 0]):  # the half of its context is 6
        wanted = models.write(model, torch.tensor([prompt]), 35, temperature=0)[0].tolist()
        assert len(set(wanted[len(prompt) :])) > 5
        assert run(model, GREEDY, [prompt, len(prompt) + 35]) == wanted


@pytest.mark.parametrize("which", SHIPPED)
def test_the_shipped_models_write_at_zero_what_they_write_in_python(run, which):
    """200 characters, past the end of the context: its last half is read again, twice."""
    model, prompt = SHIPPED[which](), text.encode("ROMEO:\n")
    wanted = models.write(model, prompt[None], 200, temperature=0)[0].tolist()
    assert run(model, GREEDY, [prompt.tolist(), 207]) == wanted


def test_what_has_read_a_part_knows_nothing_of_the_rest(run):
    code = """const [first, second] = given;
        const fresh = kd.endless(model.upTo(0)), again = kd.endless(model.upTo(0));
        first.forEach(fresh.read);
        const back = fresh.upTo(7);
        const wanted = [...first.slice(0, 7), ...second].map(again.read).slice(7);
        const kept = fresh.read(0); // and the one that it came from goes on by itself
        return [second.map(back.read), wanted, kept];"""
    first, second = [3, 1, 4, 1, 5, 8, 2, 6, 0, 7], [1, 6, 2, 8, 3, 5, 4, 0, 7, 2, 1]
    found, wanted, kept = run(decoder(), code, [first, second])
    assert found == wanted  # through the end of the context, too
    with torch.no_grad():
        last = decoder()(torch.tensor([[*first, 0]]))[0, -1]
    torch.testing.assert_close(torch.tensor(kept), last, rtol=0, atol=1e-4)


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
    assert run(decoder(), "return given.map((z) => kd.drawn(z, 0));", [[0, 2, 1], [1, 1, 0]]) == [1, 0]
    assert run(decoder(), "return kd.softened(given, 0);", logits) == [1, 0, 0]
    low = run(decoder(), "return kd.softened(given, 1e-6);", logits)
    assert low == [1, 0, 0]  # no overflow on the way there


def test_gelu_is_torchs(run):
    x = torch.linspace(-6, 6, 241, dtype=torch.float64)
    found = torch.tensor(run(decoder(), "return given.map(kd.gelu);", x.tolist()), dtype=torch.float64)
    torch.testing.assert_close(found, torch.nn.functional.gelu(x), rtol=0, atol=1e-6)
