"""What chapter 11 measures of a text: the teacher's surprise, variety, and which words are words."""

import math

import pytest
import torch

from kdlib import models
from kdlib.data import text
from kdlib.experiments import language, language_writing


def written(*endings: str) -> torch.Tensor:
    """Texts of 128 characters behind a prompt of sixteen."""
    return torch.stack([text.encode(("x" * 16 + ending).ljust(128)) for ending in endings])


def test_words_count_if_they_are_whole_and_stand_in_the_plays() -> None:
    # "zzq" and "king" at the ends may be parts of words.
    assert language_writing.words(written("zzq the king blorgs, and the queen! king")) == pytest.approx(5 / 6)
    assert language_writing.words(written("a The THE d", "a qqqq b")) == pytest.approx(2 / 3)
    assert language_writing.words(written("")) == 0


def test_a_judge_that_knows_nothing_finds_each_character_worth_the_logarithm_of_all() -> None:
    judge = models.transformer(1, 8, seed=0)
    torch.nn.init.zeros_(judge.head.weight)
    found = language.judged(judge, written("abcd" * 28, "abcd" * 28))
    assert found["bits"] == pytest.approx(math.log2(65), abs=1e-5)
    for end in range(32, 129, 16):
        assert found[f"bits_{end}"] == pytest.approx(math.log2(65), abs=1e-5)
    assert found["distinct"] == pytest.approx(4 / (2 * 109))


def test_the_prompt_is_not_judged() -> None:
    judge = models.transformer(1, 8, seed=0)
    torch.nn.init.zeros_(judge.head.weight)
    with torch.no_grad():
        judge.head.bias[text.encode("a")] = 3.0  # the judge expects this character everywhere
    likely, unlikely = (written(letter * 112) for letter in "ab")
    expected = -math.log2(math.exp(3) / (math.exp(3) + 64))
    assert language.judged(judge, likely)["bits"] == pytest.approx(expected, abs=1e-5)
    assert language.judged(judge, unlikely)["bits"] == pytest.approx(expected + 3 / math.log(2), abs=1e-5)
