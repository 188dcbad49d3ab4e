"""The decoder: sizes, no look ahead, the cache, and writing; against torch's own layers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kdlib import models

SMALL: dict[str, Any] = {"vocabulary": 11, "context": 12, "heads": 2}


def decoder(seed: int = 0, **more: Any) -> models.Decoder:
    return models.transformer(2, 8, seed=seed, **SMALL | more).double().eval()


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 11, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("layers", "width", "count"), [(4, 128, 826_433), (2, 64, 116_673), (1, 48, 40_817)])
def test_it_has_the_parameters_that_the_chapter_says(layers: int, width: int, count: int) -> None:
    assert sum(p.numel() for p in models.transformer(layers, width, seed=0).parameters()) == count


def test_it_computes_what_torchs_own_layers_do() -> None:
    model = decoder()
    for p in model.parameters():  # norms and biases too
        nn.init.normal_(p, std=0.5, generator=torch.Generator().manual_seed(p.numel()))
    text = tokens(3, 9)
    x = model.tokens(text) + model.positions(torch.arange(9))
    ahead = nn.Transformer.generate_square_subsequent_mask(9, dtype=torch.float64)
    for block in model.blocks:
        theirs = nn.TransformerEncoderLayer(
            8, 2, 32, 0.0, nn.functional.gelu, batch_first=True, norm_first=True, dtype=torch.float64
        ).eval()
        ours = {
            "self_attn.in_proj": block.attention.read,
            "self_attn.out_proj.": block.attention.write,
            "linear1.": block.fc1,
            "linear2.": block.fc2,
            "norm1.": block.norm1,
            "norm2.": block.norm2,
        }
        join = {name: "_" if name.endswith("proj") else "" for name in ours}
        state = {f"{n}{join[n]}{k}": v for n, layer in ours.items() for k, v in layer.state_dict().items()}
        theirs.load_state_dict(state)
        x = theirs(x, src_mask=ahead, is_causal=True)
    torch.testing.assert_close(model(text), model.head(model.norm(x)), rtol=1e-9, atol=1e-9)


def test_no_answer_depends_on_what_comes_later() -> None:
    model, text = decoder(), tokens(1, 12)
    changed = text.clone()
    changed[0, 7:] = (changed[0, 7:] + 1) % 11
    torch.testing.assert_close(model(text)[:, :7], model(changed)[:, :7], rtol=0, atol=1e-12)
    assert not torch.allclose(model(text)[:, 7:], model(changed)[:, 7:])


def test_reading_in_parts_with_the_cache_is_reading_at_once() -> None:
    model, text = decoder(), tokens(4, 12)
    cache, parts = None, []
    for part in torch.split(text, [5, 1, 4, 2], dim=1):
        logits, cache = model.read(part, cache)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), model(text), rtol=1e-12, atol=1e-12)


def test_it_goes_on_with_the_likeliest_token_as_without_a_cache() -> None:
    model, text = decoder(), tokens(3, 4)
    written = models.write(model, text, 8, temperature=0)
    for _ in range(8):
        text = torch.cat([text, model(text)[:, -1].argmax(-1, keepdim=True)], dim=1)
    assert torch.equal(written, text)


def test_where_the_context_is_full_it_goes_on_from_its_last_half() -> None:
    model, text = decoder(), tokens(2, 12)
    written = models.write(model, text, 9, temperature=0)
    assert written.shape == (2, 21) and torch.equal(written[:, :12], text)
    assert torch.equal(written[:, 12], model(text)[:, -1].argmax(-1))
    assert torch.equal(written[:, 13], model(written[:, 6:13])[:, -1].argmax(-1))
    assert torch.equal(written[:, 18], model(written[:, 6:18])[:, -1].argmax(-1))
    assert torch.equal(written[:, 19], model(written[:, 12:19])[:, -1].argmax(-1))


def test_it_draws_by_its_shares_at_the_temperature() -> None:
    model, text = decoder(), torch.full((20_000, 1), 3)
    for p in model.head.parameters():
        nn.init.normal_(p, generator=torch.Generator().manual_seed(0))
    for temperature in (0.5, 1.0, 2.0):
        torch.manual_seed(0)
        drawn = models.write(model, text, 1, temperature=temperature)[:, 1]
        shares = (model(text[:1])[0, -1] / temperature).softmax(-1)
        torch.testing.assert_close(drawn.bincount(minlength=11) / 20_000, shares.float(), rtol=0, atol=0.012)
    own = [models.write(model, text[:50], 5, draw=torch.Generator().manual_seed(7)) for _ in range(2)]
    assert torch.equal(*own)
    torch.manual_seed(1)
    again = models.write(model, text[:50], 5)
    torch.manual_seed(1)
    assert torch.equal(again, models.write(model.train(), text[:50], 5)) and model.training


def test_bytes_are_tokens_too() -> None:
    model = decoder(vocabulary=256)
    text = torch.tensor([[0, 255, 7]])
    torch.testing.assert_close(model(text.to(torch.uint8)), model(text))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: m(tokens(1, 13)), ValueError, r"\(1, 13\), behind 0 others; this model takes \(B, L\)"),
        (lambda m: m(tokens(5)), ValueError, r"tokens has shape \(5,\)"),
        (lambda m: m(tokens(2, 0)), ValueError, r"tokens has shape \(2, 0\)"),
        (lambda m: m(torch.zeros(1, 3)), TypeError, "give integers, as from data.text.encode"),
        (lambda m: m(torch.tensor([[3, 11]])), ValueError, "tokens runs from 3 to 11; this model has 11"),
        (lambda m: m(torch.tensor([[-1, 2]])), ValueError, "tokens runs from -1 to 2"),
        (lambda m: models.write(m, tokens(1, 13), 1), ValueError, "keep the last ones"),
        (lambda m: models.write(m, tokens(1, 3), 1, temperature=-1), ValueError, "temperature is -1"),
        (lambda m: models.write(m, tokens(1, 3), 1, temperature=float("nan")), ValueError, "is nan"),
        (lambda m: models.transformer(1, 9, heads=2, seed=0), ValueError, "width is 9; 2 heads must divide"),
    ],
)
def test_what_is_refused_is_said(call: Callable[[Any], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(decoder())


def test_a_tiny_sampling_temperature_takes_the_likeliest() -> None:
    model, prompts = decoder(), tokens(3, 4)
    likeliest = models.write(model, prompts, 6, temperature=0)
    assert torch.equal(models.write(model, prompts, 6, temperature=1e-40), likeliest)
