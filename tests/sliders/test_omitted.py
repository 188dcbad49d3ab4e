"""The digits that ship for the slider of omitted classes: which they are, their logits, the record."""

import pytest
import torch
from ship_digits import LEFT_OUT, chosen, fitted, packed, shares, split, unpacked

from kdlib import data, pretrained
from kdlib.numbers import percent
from kdlib.sliders.omitted import DIGITS, omitted_slider
from kdlib.training import logits_of


@pytest.mark.parametrize(("name", "count"), [("train", 200), ("test", 100)])
def test_the_digits_are_small_ones_of_the_split_and_as_many_of_each_class(name, count):
    stored, sets = pretrained.tensors(DIGITS), split(name)
    labels = stored[f"{name}_labels"].long()
    assert labels.tolist() == list(range(10)) * count == sets["28"].labels.tolist()
    assert pretrained.record(DIGITS)["data"][name] == data.digest(sets["28"])
    small = data.resize(sets["28"].images, 14).flatten(1).float() / 255
    pixels = unpacked(stored[f"{name}_pixels"])
    assert float((pixels - small).abs().max()) <= 0.5 / 15 + 1e-6 and pixels.max() > 0.9


def test_none_is_one_that_the_bias_was_chosen_on_and_none_comes_twice():
    train, held = data.hold_out(data.load("mnist", "train"), 5000, seed=0)
    rows = chosen(train.labels, 200)
    assert len(set(rows.tolist())) == 2000
    shown = {image.numpy().tobytes() for image in packed(train.images[rows])}
    assert not shown & {image.numpy().tobytes() for image in packed(held.images)}


def test_the_logits_are_the_teachers_for_the_whole_digits():
    logits, sets = pretrained.tensors(DIGITS)["train_logits"].float(), split("train")
    expected = logits_of(pretrained.mnist_teacher(), sets["32"])
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-3)


def test_shares_by_hand():
    """A 3 taken for a 5 is found by a bias of 3, and a 5 is then lost."""
    logits, labels = torch.zeros(4, 10), torch.tensor([3, 5, 5, 7])
    logits[0, 5], logits[1, 5], logits[2, 5], logits[3, 1] = 2, 2, 9, 9
    assert shares(logits, labels, 0) == {"bias": 0, "all": 0.5, "found": 0, "lost": 0}
    assert shares(logits, labels, 3) == {"bias": 3, "all": 0.5, "found": 1, "lost": pytest.approx(1 / 3)}


def test_the_table_is_the_record_and_a_new_run_agrees():
    rows = pretrained.record(DIGITS)["trained"]["rows"]
    taught = next(row for row in rows if row["network"] == "distilled" and row["chosen"] == "its own")
    html = omitted_slider().html().replace("\N{NO-BREAK SPACE}", " ")
    for key in ("all", "found", "lost"):
        assert f"<td>{percent(taught[key])}</td>".replace("\N{NO-BREAK SPACE}", " ") in html
    stored = pretrained.tensors(DIGITS)
    model = fitted("distilled", stored, seed=9)
    with torch.no_grad():
        logits = model(unpacked(stored["test_pixels"]))
    again = shares(logits, stored["test_labels"].long(), taught["bias"])
    assert again["all"] == pytest.approx(taught["all"], abs=0.03)
    assert again["found"] == pytest.approx(taught["found"], abs=0.2) and LEFT_OUT == 3
