"""The points and teachers that ship for the playground: whose they are, what they score, the record."""

import pytest
import torch
from ship_playground import NAMES, ROWS, SIZES, accuracy, drawn, fitted, noisy
from torch import nn

from kdlib import pretrained
from kdlib.evaluation.statistics import Interval
from kdlib.sliders.playground import DATASETS, LAYERS, LINKED, PLAYGROUND, playground_slider
from kdlib.sliders.stored import layers

EACH = pytest.mark.parametrize("kind", DATASETS)


def part(kind: str, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    stored = pretrained.tensors(PLAYGROUND)
    return stored[f"{kind}.{name}_points"].float(), stored[f"{kind}.{name}_labels"].long()


def shipped(kind: str) -> nn.Sequential:
    stored = pretrained.tensors(PLAYGROUND)
    weights = {name: stored[f"{kind}.{name}"].float() for name in ("0.weight", "2.weight", "4.weight")}
    (h1, _), (h2, _), (out, _) = (weight.shape for weight in weights.values())
    model = nn.Sequential(nn.Linear(2, h1), nn.ReLU(), nn.Linear(h1, h2), nn.ReLU(), nn.Linear(h2, out))
    biases = {name: stored[f"{kind}.{name}"].float() for name in ("0.bias", "2.bias", "4.bias")}
    model.load_state_dict(weights | biases)
    return model


@EACH
def test_the_points_are_those_of_the_tool_and_no_student_is_scored_on_what_anyone_trained_on(kind):
    random = torch.Generator().manual_seed(DATASETS.index(kind))
    sets = {name: drawn(kind, count, random) for name, count in SIZES.items()}
    for name in ("train", "test"):
        for ours, theirs in zip(part(kind, name), sets[name], strict=True):
            assert torch.equal(ours, theirs)
    test = {tuple(point) for point in part(kind, "test")[0].tolist()}
    seen = [tuple(point) for name in ("teacher", "train") for point in sets[name][0].tolist()]
    assert len(seen) == 5300 and sum(point in test for point in seen) <= 3  # 16 bits make a few equal
    assert max(map(abs, sum(test, ()))) <= 1


@EACH
def test_the_teacher_scores_what_the_record_says(kind):
    record = pretrained.record(PLAYGROUND)
    found = accuracy(shipped(kind), *part(kind, "test"))
    assert found == pytest.approx(record["held_out_accuracy"][kind], abs=1e-4) and found > 0.84
    assert layers(shipped(kind)) == [list(layer) for layer in LAYERS]


def test_a_share_of_the_labels_is_wrong():
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    for noise, count in ((0, 0), (0.1, 1), (0.4, 4)):
        moved = noisy(labels, 3, noise)
        assert int((moved != labels).sum()) == count and int(moved.max()) <= 2


def test_the_table_is_the_record():
    rows = pretrained.record(PLAYGROUND)["trained"]["rows"]
    html = playground_slider().html().replace("\N{NO-BREAK SPACE}", " ")
    assert [tuple(row[name] for name in NAMES) for row in rows] == ROWS
    for row in rows:
        mean, low, high, seeds = row["difference"]
        assert low < mean < high and seeds == 20
        assert mean == pytest.approx(100 * (row["distilled"] - row["alone"]), abs=0.02)
        assert f"<td>{100 * row['alone']:.1f} %</td><td>{100 * row['distilled']:.1f} %</td>" in html
    assert "rings, 20 labels, 20 % of them wrong, 16 hidden units, T = 4, alpha = 0.9" in html


def test_what_the_page_says_in_words_holds_by_the_intervals():
    rows = pretrained.record(PLAYGROUND)["trained"]["rows"]
    gains = dict(zip(ROWS, (Interval(*row["difference"]) for row in rows), strict=True))
    rings, spirals, unlabelled, noisy, cold, many, small = gains.values()
    assert rings.low > 15 and spirals.low > 3, "the teacher helps"
    assert unlabelled.low > 2, "without a label, too"
    assert noisy.low > spirals.high, "the more, the more labels are wrong"
    assert cold.high < 1 and many.high < 2, "labels once more; labels enough"
    assert rows[5]["teacher"] - rows[5]["alone"] < 0.01, "alone almost as good as the teacher"
    assert small.low < 0 < small.high, "too small"


def test_a_new_run_agrees_with_the_record():
    row = pretrained.record(PLAYGROUND)["trained"]["rows"][0]
    points, labels = part("rings", "train")
    with torch.no_grad():
        told = shipped("rings")(points)
    right = {"alone": [], "distilled": []}
    for seed in (100, 101, 102):
        for name, model in fitted(row, points, labels, told, seed).items():
            right[name].append(accuracy(model, *part("rings", "test")))
    for name, found in right.items():
        assert sum(found) / 3 == pytest.approx(row[name], abs=0.12)


def test_what_a_link_hands_out_is_what_python_takes():
    for name, values in LINKED.items():
        if name == "seed":
            continue
        for value in values.values() if isinstance(values, dict) else values:
            if value is not True:
                assert getattr(playground_slider(**{name: value}), name) == value
