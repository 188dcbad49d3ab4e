"""The text: whole, with reversible tokens, splits apart, and windows whose labels are the next characters."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from kdlib import files
from kdlib.data import digest, text

# The SHA-256 of input.txt in karpathy/char-rnn, data/tinyshakespeare.
KARPATHYS = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def test_the_text_is_the_known_one_and_its_splits_follow_each_other() -> None:
    assert len(text.whole()) == 1_115_394 and len(text.characters()) == 65
    assert text.whole().startswith("First Citizen:\nBefore we proceed any further, hear me speak.")
    parts = [text.load(split) for split in text.SHARES]
    assert [len(part) for part in parts] == [1_003_855, 55_769, 55_770]
    assert hashlib.sha256("".join(parts).encode()).hexdigest() == KARPATHYS


def test_tokens_are_places_in_the_alphabet_and_come_back_as_text() -> None:
    assert text.characters()[:4] == "\n !$" and text.characters()[-1] == "z"
    tokens = text.encode("To be,\nor")
    assert tokens.dtype == torch.int64 and tokens[:2].tolist() == [32, 53]
    assert text.decode(tokens) == "To be,\nor"


def test_labels_are_the_characters_that_follow() -> None:
    windows = text.windows("val", 10, 4)
    assert windows.images.shape == windows.labels.shape == (13_940, 10)
    for i in (0, 7, len(windows) - 1):
        read, following = text.decode(windows.images[i]), text.decode(windows.labels[i])
        at = text.load("val")[4 * i : 4 * i + 11]
        assert (read, following) == (at[:-1], at[1:])
    apart = text.windows("val", 128)
    assert text.decode(apart.images[:3].flatten()) == text.load("val")[: 3 * 128]
    assert digest(apart) == digest(text.windows("val", 128, 128)) != digest(text.windows("test", 128))


TABLE: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: text.encode("Café"), ValueError, "text holds 'é', which is none of the 65 tokens; leave it out"),
    (lambda: text.encode("in 1601"), ValueError, r"text holds '0', .* \(there is no digit but 3\)"),
    (lambda: text.load("training"), ValueError, "split is 'training'; the text has train, val, test"),
    (lambda: text.windows("val", 0), ValueError, "length is 0 and stride None; give 1 to 55768 and 1 or"),
    (lambda: text.windows("val", 55_769), ValueError, "length is 55769"),
    (lambda: text.windows("val", 8, 0), ValueError, "length is 8 and stride 0"),
]


@pytest.mark.parametrize(("call", "error", "words"), TABLE)
def test_what_is_refused_is_said(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray((text.FOLDER / "shakespeare.txt.xz").read_bytes())
    monkeypatch.setattr(text, "FOLDER", tmp_path)
    path = tmp_path / "shakespeare.txt.xz"
    for place in (0, 200_000):
        damaged = content[:]
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(files.DamagedError, match=r"shakespeare.txt.xz was altered: install kdlib again"):
            text.whole.__wrapped__()
    path.unlink()
    with pytest.raises(files.DamagedError, match="cannot be read"):
        text.whole.__wrapped__()
