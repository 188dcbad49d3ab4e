"""A megabyte of Shakespeare as tokens, a character each. Chapter 11.

"Tiny Shakespeare", a selection from his plays that Karpathy made for char-rnn (2015), in the public domain.
The first 90 % of it are "train", the next 5 % "val" and the last 5 % "test".
"""

import lzma
from functools import cache

import torch
from torch import Tensor

from kdlib import files
from kdlib.data.bundle import FOLDER
from kdlib.data.dataset import Dataset

SHA256 = "0647ebfe695405752e41f8c8143dba9f784fe847837a41d3fdb501a59548fc88"  # of the packed file
SHARES = {"train": (0.0, 0.9), "val": (0.9, 0.95), "test": (0.95, 1.0)}


@cache
def whole() -> str:
    """The text, 1,115,394 characters.

    Raises:
        DamagedError: the shipped file is missing or altered.
    """
    return lzma.decompress(files.shipped(FOLDER / "shakespeare.txt.xz", SHA256)).decode()


@cache
def characters() -> str:
    """The 65 different characters in the order of their codes; the place of each is its token."""
    return "".join(sorted(set(whole())))


def encode(text: str) -> Tensor:
    """The tokens of a text, int64 (characters,).

    Raises:
        ValueError: a character that does not occur in the plays.
    """
    if strange := sorted(set(text) - set(characters())):
        raise ValueError(
            f"text holds {strange[0]!r}, which is none of the {len(characters())} tokens; leave it out, or "
            "write it otherwise (there is no digit but 3)"
        )
    places = {character: i for i, character in enumerate(characters())}
    return torch.tensor([places[character] for character in text], dtype=torch.int64)


def decode(tokens: Tensor) -> str:
    """The text of tokens (characters,)."""
    return "".join(characters()[int(token)] for token in tokens)


def load(split: str) -> str:
    """The text of "train", "val" or "test".

    Raises:
        ValueError: another split.
        DamagedError: the shipped file is missing or altered.
    """
    if split not in SHARES:
        raise ValueError(f"split is {split!r}; the text has {', '.join(SHARES)}")
    start, end = (round(share * len(whole())) for share in SHARES[split])
    return whole()[start:end]


def windows(split: str, length: int, stride: int | None = None) -> Dataset:
    """Windows of a split as a data set: `images` are tokens (N, length), `labels` the next ones, (N, length).

    Args:
        length: of a window, 1 or more.
        stride: from one window's start to the next one's; None: `length`, so that each character is read
            once.

    Raises:
        ValueError: a length or stride below 1, or a window that is longer than the split.
    """
    tokens, step = encode(load(split)), length if stride is None else stride
    if not 1 <= length < len(tokens) or step < 1:
        raise ValueError(f"length is {length} and stride {stride}; give 1 to {len(tokens) - 1} and 1 or more")
    rows = tokens.unfold(0, length + 1, step)
    inputs, following = rows[:, :-1].to(torch.int16), rows[:, 1:].contiguous()
    return Dataset("shakespeare", split, inputs.contiguous(), following, tuple(characters()))
