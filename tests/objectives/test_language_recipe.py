"""Chapter 11's recipe for `transformers`, as it stands there: two small random models, text by text."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import notebooks
import pytest
import torch
from torch import Tensor

transformers = pytest.importorskip("transformers")
ROOT = Path(__file__).resolve().parents[2]
END, LENGTH = 0, 12
KINDS: dict[str, dict[str, Any]] = {
    "llama": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
    },
    # It learns a vector for each place, so that padding on the left would shift the text.
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "initializer_range": 0.3},
}
NO_DROPOUT = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}


@pytest.fixture(scope="module")
def recipe() -> Callable[..., Tensor]:
    """The function of the chapter."""
    cells = notebooks.read(ROOT / "book" / "11_language.ipynb").cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    (block,) = (b for b in re.findall(r"```python\n(.*?)```", prose, re.DOTALL) if ".generate(" in b)
    assert len(block.splitlines()) <= 24
    found: dict[str, Any] = {}
    exec(block, found)
    return found["on_policy_loss"]


def model(kind: str, seed: int) -> Any:
    torch.manual_seed(seed)
    more = NO_DROPOUT if kind == "gpt2" else {}
    ids = {"vocab_size": 11, "bos_token_id": END, "eos_token_id": END}
    config = transformers.AutoConfig.for_model(kind, **KINDS[kind], **ids, **more)
    return transformers.AutoModelForCausalLM.from_config(config)


def text_by_text(student: Any, teacher: Any, prompts: dict[str, Tensor], written: Tensor) -> Tensor:
    """The reverse divergence at each token that was written, up to the first end, without any padding."""
    each, start = [], prompts["input_ids"].shape[1]
    for ids, mask, text in zip(prompts["input_ids"], prompts["attention_mask"], written, strict=True):
        given, own = ids[mask.bool()], text[start:].tolist()
        own = own[: own.index(END) + 1] if END in own else own
        row = torch.cat([given, torch.tensor(own)])[None]
        q, p = (m(row).logits[0, len(given) - 1 : -1].log_softmax(-1) for m in (student, teacher))
        each += (q.exp() * (q - p)).sum(-1).tolist()
    return torch.tensor(each)


@pytest.mark.parametrize("kind", KINDS)
def test_its_loss_is_that_of_the_texts_one_by_one(kind: str, recipe: Callable[..., Tensor]) -> None:
    student, teacher = model(kind, 0), model(kind, 1).eval()
    prompts = {
        "input_ids": torch.tensor([[END, END, 3, 4], [5, 6, 7, 8], [END, 2, 2, 9]]),
        "attention_mask": torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]]),
    }
    torch.manual_seed(3)
    loss = recipe(student, teacher, prompts, END, LENGTH)
    torch.manual_seed(3)
    how = {"do_sample": True, "top_k": 0, "eos_token_id": END, "pad_token_id": END}
    written = student.generate(**prompts, **how, max_new_tokens=LENGTH)
    each = text_by_text(student, teacher, prompts, written)
    assert len(each) < written[:, 4:].numel()  # some text ended before the others
    torch.testing.assert_close(loss.detach(), each.mean(), rtol=1e-4, atol=1e-6)
    loss.backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in student.parameters())
    assert all(p.grad is None for p in teacher.parameters())
