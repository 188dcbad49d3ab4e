"""The click generator, the schedules of alpha, and teacher and student trained together."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kdlib import models, objectives
from kdlib.data import clicks as shop
from kdlib.data.clicks import clicks, rows
from kdlib.objectives import Batch, privileged, ramps
from kdlib.training import Recipe, train


def test_a_click_is_what_its_documentation_says() -> None:
    data = clicks(5000, seed=3, noise=0.7, leak=1.5)
    assert data.features.shape == (5000, 16) and data.dwell.shape == (5000, 1)
    assert data.features.dtype == data.dwell.dtype == torch.float32 and data.bought.dtype == torch.int64
    assert torch.equal(rows(data)[:, :16], data.features) and torch.equal(rows(data)[:, 16:], data.dwell)
    again = clicks(5000, seed=3, noise=0.7, leak=1.5)
    assert all(torch.equal(a, b) for a, b in zip(data, again, strict=True))
    assert not torch.equal(data.features, clicks(5000, seed=4).features)


def test_the_best_chance_is_right_on_average_and_for_a_single_visitor() -> None:
    data = clicks(200_000, seed=0)
    assert 0.2 < data.bought.double().mean() < 0.3
    for part in data.chance.argsort().chunk(10):
        expected, found = data.chance[part].mean(), data.bought[part].double().mean()
        error = (data.chance[part] * (1 - data.chance[part])).mean().sqrt() / len(part) ** 0.5
        assert abs(found - expected) < 4 * error
    # by drawing moods in place of the grid
    seen = torch.tensor([-3.0, 0.0, 2.5], dtype=torch.float64)
    moods = torch.randn(1_000_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    drawn = torch.stack([torch.sigmoid(x + moods - 2).mean() for x in seen])
    assert torch.allclose(shop._chance(seen), drawn, atol=1e-3)


def test_dwell_tells_interest_a_leak_tells_the_label_and_nothing_else_changes() -> None:
    plain, leaky = clicks(20_000, seed=1, noise=0.5), clicks(20_000, seed=1, noise=0.5, leak=2.0)
    assert torch.allclose(leaky.dwell - plain.dwell, 2.0 * plain.bought[:, None], atol=1e-5)
    for quiet in (math.inf, 4.0, 0.0):
        other = clicks(20_000, seed=1, noise=quiet)
        assert torch.equal(other.features, plain.features) and torch.equal(other.bought, plain.bought)

    def told(noise: float) -> float:
        data = clicks(20_000, seed=1, noise=noise)
        return float(torch.corrcoef(torch.stack([data.dwell[:, 0], data.bought.float()]))[0, 1])

    # of a share of a quarter, chance explains less than the whole even at noise 0
    assert abs(told(math.inf)) < 0.03 < told(4.0) < told(1.0) < told(0.0) < 0.8


def test_schedules_by_hand() -> None:
    assert [ramps.at_once(p) for p in (0.0, 0.5, 1.0)] == [1, 1, 1]
    assert [ramps.late(p, start=0.3) for p in (0.0, 0.29, 0.3, 1.0)] == [0, 0, 1, 1]
    found = [ramps.ramp(p, start=0.2, end=0.6) for p in (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)]
    assert found == pytest.approx([0, 0, 0.146447, 0.5, 0.853553, 1, 1], abs=1e-6)
    assert ramps.ramp(0.25, end=0.5) == pytest.approx(0.5)


class Fixed(nn.Module):
    """A network with these logits for every row."""

    def __init__(self, logits: list[list[float]]):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.logits


def hand_made() -> tuple[privileged.CoTrained, Batch]:
    # probabilities of class 1: teacher 0.8, student 0.5; the label is 1
    pair = privileged.CoTrained(Fixed([[0.0, math.log(4)]]), Fixed([[0.0, 0.0]]))
    return pair, Batch(torch.zeros(1, 3), torch.tensor([1]), progress=0.5)


def test_the_loss_of_a_pair_by_hand() -> None:
    pair, batch = hand_made()
    terms = privileged.together(0.6)(pair, batch)
    half, own = math.log(2), -math.log(0.8)
    found = {name: float(value.detach()) for name, value in terms.items()}
    assert found["hard"] == pytest.approx(half) == pytest.approx(found["soft"])
    assert found["teacher"] == pytest.approx(own)
    assert found["loss"] == pytest.approx(half + own, rel=1e-6)
    terms["loss"].backward()
    # student: 0.4 (0.5 - 1) + 0.6 (0.5 - 0.8); teacher: 0.8 - 1
    assert pair.student.logits.grad[0, 1] == pytest.approx(0.4 * -0.5 + 0.6 * -0.3)
    assert pair.teacher.logits.grad[0, 1] == pytest.approx(-0.2)


def test_undetached_the_student_pulls_its_teacher_and_a_schedule_can_keep_it_from_teaching() -> None:
    pair = privileged.CoTrained(Fixed([[0.0, math.log(4)]]), Fixed([[0.0, math.log(9)]]))
    batch = Batch(torch.zeros(1, 3), torch.tensor([1]), progress=0.5)
    privileged.together(0.6, detach=False)(pair, batch)["loss"].backward()
    # p (1 - p) times minus the student's log-odds, since CE = -sum p log q
    assert pair.teacher.logits.grad[0, 1] == pytest.approx(-0.2 + 0.6 * 0.8 * 0.2 * -math.log(9), rel=1e-5)
    pair = privileged.CoTrained(Fixed([[0.0, math.log(4)]]), Fixed([[0.0, math.log(9)]]))
    terms = privileged.together(0.6, detach=False, divergence=True)(pair, batch)
    assert float(terms["soft"].detach()) == pytest.approx(
        0.8 * math.log(0.8 / 0.9) + 0.2 * math.log(2), rel=1e-5
    )
    terms["loss"].backward()
    # the divergence pulls only as far as the two differ: p (1 - p) times the difference of their log-odds
    pull = 0.6 * 0.8 * 0.2 * (math.log(4) - math.log(9))
    assert pair.teacher.logits.grad[0, 1] == pytest.approx(-0.2 + pull, rel=1e-5)
    for start, weight in ((0.6, 0.0), (0.5, 0.6)):
        pair, batch = hand_made()
        privileged.together(0.6, partial(ramps.late, start=start))(pair, batch)["loss"].backward()
        expected = (1 - weight) * -0.5 + weight * -0.3
        assert pair.student.logits.grad[0, 1] == pytest.approx(expected)


NETWORK = models.mlp((16, 8, 2), seed=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: privileged.CoTrained(NETWORK, NETWORK), ValueError, "the same object"),
        (
            lambda: privileged.together(0.5)(NETWORK, Batch(torch.zeros(2, 16), torch.tensor([0, 1]))),
            TypeError,
            r"give CoTrained\(teacher, student\)",
        ),
        (lambda: privileged.together(1.5), ValueError, r"alpha is 1\.5"),
        (
            lambda: privileged.Leading(16)(torch.zeros(2, 12)),
            ValueError,
            "12 columns; the student takes the first 16",
        ),
        (lambda: ramps.ramp(0.1, start=0.5, end=0.2), ValueError, "must end after it starts"),
        (lambda: ramps.ramp(0.1, start=0.3, end=0.3), ValueError, "must end after it starts"),
        (lambda: ramps.ramp(0.1, end=1.2), ValueError, "must end after it starts"),
        (lambda: ramps.late(0.1, start=1.5), ValueError, "share of training"),
        (lambda: clicks(0, seed=0), ValueError, "n is 0"),
        (lambda: clicks(10.0, seed=0), ValueError, "n is 10.0"),
        (lambda: clicks(10, seed=0, noise=-1.0), ValueError, "noise is -1.0; it is a standard deviation"),
        (lambda: clicks(10, seed=0, noise=math.nan), ValueError, "noise is nan"),
        (lambda: clicks(10, seed=0, leak=-0.5), ValueError, "leak is -0.5"),
        (lambda: clicks(10, seed=0, leak=math.inf), ValueError, "leak is inf"),
    ],
)
def test_bad_input_is_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def student() -> nn.Module:
    return nn.Sequential(privileged.Leading(16), models.mlp((16, 64, 64, 2), seed=0))


def test_one_loop_trains_them_one_after_the_other_and_together() -> None:
    data, test = clicks(3000, seed=0, noise=0.0), clicks(5000, seed=1, noise=0.0)
    batches = list(zip(rows(data).split(100), data.bought.split(100), strict=True))
    recipe = Recipe(12, 3e-3, optimizer="adamw", schedule="one_cycle")

    def loss(model: nn.Module) -> float:
        with torch.no_grad():
            return float(F.cross_entropy(model(rows(test)), test.bought))

    teacher, taught, alone = models.mlp((17, 64, 64, 2), seed=1), student(), student()
    train(teacher, batches, objectives.supervised, recipe, seed=0)
    train(alone, batches, objectives.supervised, recipe, seed=0)
    before = [p.clone() for p in teacher.parameters()]
    train(taught, batches, objectives.distilled(teacher, temperature=1, alpha=1), recipe, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, teacher.parameters(), strict=True))
    pair = privileged.CoTrained(models.mlp((17, 64, 64, 2), seed=1), student())
    schedule = partial(ramps.ramp, end=0.5)
    result = train(pair, batches, privileged.together(1.0, schedule), recipe, seed=0)
    assert set(result.curve[0]) >= {"loss", "soft", "hard", "teacher"}
    # dwell tells interest without noise: a teacher knows more, and its students more than one alone
    assert loss(teacher) < loss(taught) < loss(alone)
    assert loss(pair.teacher) < loss(pair.student) < loss(alone)
    # the teacher beside a student learns what it would have learned by itself
    assert loss(pair.teacher) == pytest.approx(loss(teacher), abs=0.01)


def test_tokens_have_their_classes_in_the_last_place() -> None:
    tables = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(0))
    with models.initialised(0):
        both = privileged.CoTrained(nn.Linear(3, 7), nn.Linear(3, 7))
    labels = torch.arange(8).view(2, 4) % 7
    terms = privileged.together(0.5)(both, Batch(tables, labels))
    alike = privileged.together(0.5)(both, Batch(tables.flatten(0, 1), labels.flatten()))
    assert terms["soft"].item() == pytest.approx(alike["soft"].item())
