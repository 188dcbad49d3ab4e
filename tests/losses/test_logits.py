"""Losses of logits against hand-worked numbers, and the invariances that their papers state."""

import math

import pytest
import torch
import torch.nn.functional as F

from kdlib import losses
from kdlib.losses import logits as logit_losses


def pair(n: int = 6, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    student, teacher = (3 * torch.randn(n, classes, generator=draw, dtype=torch.float64) for _ in range(2))
    return student, teacher, torch.randint(classes, (n,), generator=draw)


def test_decoupled_by_hand() -> None:
    # Teacher 1/2, 1/4, 1/4, student 1/4, 1/2, 1/4; the label is the first class.
    teacher, student = torch.tensor([[0.5, 0.25, 0.25]]).log(), torch.tensor([[0.25, 0.5, 0.25]]).log()
    found = logit_losses.decoupled(student, teacher, torch.tensor([0]), 1.0)
    target = 0.5 * math.log(2) + 0.5 * math.log(0.5 / 0.75)
    others = 0.5 * math.log(0.5 / (2 / 3)) + 0.5 * math.log(0.5 / (1 / 3))
    assert float(found.target) == pytest.approx(target, rel=1e-5)
    assert float(found.others) == pytest.approx(others, rel=1e-5)


def test_decoupled_parts_make_up_the_distillation_term_with_the_papers_weight() -> None:
    for temperature in (1.0, 4.0):
        for student, teacher, label in zip(*pair(), strict=True):
            one = (student[None], teacher[None])
            target, others = logit_losses.decoupled(*one, label[None], temperature)
            p = (teacher / temperature).softmax(0)[label]
            whole = losses.distillation_term(*one, temperature)
            assert float(target + (1 - p) * others) == pytest.approx(float(whole), rel=1e-9)


def test_decoupled_others_do_not_see_the_label_and_the_target_sees_no_order_among_others() -> None:
    student, teacher, labels = pair()
    moved = student + 5 * F.one_hot(labels, 5)
    first, second = (logit_losses.decoupled(s, teacher, labels, 2.0) for s in (student, moved))
    assert float(first.others) == pytest.approx(float(second.others), rel=1e-9)
    assert float(first.target) != pytest.approx(float(second.target), rel=1e-3)
    labels = torch.zeros_like(labels)
    turned = student[:, [0, 2, 3, 4, 1]]
    first, second = (logit_losses.decoupled(s, teacher, labels, 2.0) for s in (student, turned))
    assert float(first.target) == pytest.approx(float(second.target), rel=1e-9)
    assert float(first.others) != pytest.approx(float(second.others), rel=1e-3)


def test_dist_inter_by_hand() -> None:
    # Less their mean of 1/3: (11, -4, -7)/30 beside (7, -2, -5)/60, products 77 + 8 + 35 = 120.
    student = torch.tensor([[0.7, 0.2, 0.1]] * 2).log()
    teacher = torch.tensor([[0.45, 0.3, 0.25]] * 2).log()
    by_hand = 1 - 120 / math.sqrt((121 + 16 + 49) * (49 + 4 + 25))
    assert float(logit_losses.dist(student, teacher, 1.0).inter) == pytest.approx(by_hand, rel=1e-3)


def test_dist_intra_of_two_examples_is_one_or_minus_one_a_class() -> None:
    first = torch.tensor([[0.5, 0.3, 0.2], [0.6, 0.1, 0.3]]).log()  # up, down, up
    second = torch.tensor([[0.2, 0.4, 0.4], [0.5, 0.45, 0.05]]).log()  # up, up, down
    # Correlations 1, -1, -1: the mean of 1 - r is (0 + 2 + 2) / 3.
    assert float(logit_losses.dist(first, second, 1.0).intra) == pytest.approx(4 / 3, rel=1e-5)


def test_dist_asks_only_for_a_line() -> None:
    p = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.3, 0.6]], dtype=torch.float64)
    q = 0.4 * p + 0.2  # shares again, each a line of p's
    found = logit_losses.dist(p.log(), q.log(), 1.0)
    assert float(found.inter) == pytest.approx(0, abs=1e-9)
    assert float(found.intra) == pytest.approx(0, abs=1e-9)
    assert float(losses.distillation_term(p.log(), q.log(), 1.0)) > 0.01
    student, teacher, _ = pair()
    hot, cold = logit_losses.dist(4 * student, 4 * teacher, 4.0), logit_losses.dist(student, teacher, 1.0)
    assert float(hot.inter) == pytest.approx(16 * float(cold.inter), rel=1e-9)


def test_standardised_logits_forget_scale_and_shift() -> None:
    student, teacher, _ = pair()
    found = logit_losses.standardised(student)
    torch.testing.assert_close(found.mean(1), torch.zeros(6, dtype=torch.float64))
    torch.testing.assert_close(found.std(1, correction=0), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(logit_losses.standardised(7 * student - 2), found, rtol=1e-6, atol=1e-6)
    same = losses.distillation_term(*map(logit_losses.standardised, (3 * teacher + 1, teacher)), 2.0)
    assert float(same) == pytest.approx(0, abs=1e-9)
    assert logit_losses.standardised(torch.full((1, 4), 2.5)).abs().max() == 0  # nothing to stand out
    assert torch.equal(found.argsort(1), student.argsort(1))


def test_pooled_logits_soften_to_the_mean_of_the_members() -> None:
    student, teacher, _ = pair()
    for temperature in (1.0, 4.0):
        logits = logit_losses.pooled(torch.stack([student, teacher]), temperature)
        mean = ((student / temperature).softmax(1) + (teacher / temperature).softmax(1)) / 2
        torch.testing.assert_close((logits / temperature).softmax(1), mean)
    alike = logit_losses.pooled(torch.stack([student, student]), 3.0)
    torch.testing.assert_close(alike.softmax(1), student.softmax(1))


def test_standardised_is_the_authors_times_a_known_factor() -> None:
    student, teacher, _ = pair()
    sample = [(z - z.mean(1, keepdim=True)) / z.std(1, keepdim=True) for z in (student, teacher)]
    ours = [logit_losses.standardised(z) for z in (student, teacher)]
    torch.testing.assert_close(sample[0], ours[0] * math.sqrt(4 / 5))
    theirs = losses.distillation_term(*sample, 2.0)  # at T sqrt(C / (C - 1)) the same, times (C - 1) / C
    torch.testing.assert_close(theirs, 4 / 5 * losses.distillation_term(*ours, 2.0 * math.sqrt(5 / 4)))


def test_bounds_change_nothing_where_logits_vary() -> None:
    student, teacher, _ = pair()
    plain = (student - student.mean(1, keepdim=True)) / student.std(1, correction=0, keepdim=True)
    torch.testing.assert_close(logit_losses.standardised(student), plain, rtol=1e-12, atol=1e-12)
    p, q = (z.float().softmax(1) for z in (student, teacher))
    centred = [z - z.mean(1, keepdim=True) for z in (p, q)]
    assert torch.equal(logit_losses.correlation(p, q), F.cosine_similarity(*centred, dim=1))
    assert logit_losses.correlation(torch.ones(2, 3), p[:2, :3]).tolist() == [0, 0]


def test_tokens_are_examples() -> None:
    student, teacher, labels = pair()
    tokens = (student.reshape(2, 3, 5), teacher.reshape(2, 3, 5))
    for found, expected in (
        (logit_losses.dist(*tokens, 2.0), logit_losses.dist(student, teacher, 2.0)),
        (
            logit_losses.decoupled(*tokens, labels.reshape(2, 3), 2.0),
            logit_losses.decoupled(student, teacher, labels, 2.0),
        ),
        ([logit_losses.standardised(tokens[0])], [logit_losses.standardised(student).reshape(2, 3, 5)]),
    ):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)


def test_an_ignored_label_takes_its_example_out_of_decoupled() -> None:
    student, teacher, labels = pair()
    some = labels.clone()
    some[[1, 4]] = -100
    found = logit_losses.decoupled(student, teacher, some, 2.0)
    rest = [0, 2, 3, 5]
    left = logit_losses.decoupled(student[rest], teacher[rest], labels[rest], 2.0)
    for one, other in zip(found, left, strict=True):
        torch.testing.assert_close(one, other)


S, T, Y = pair()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: logit_losses.dist(S, T[:3], 1.0), ValueError, "student_logits"),
        (lambda: logit_losses.decoupled(S[:, :2], T[:, :2], Y % 2, 1.0), ValueError, "two others"),
        (lambda: logit_losses.dist(S[:1], T[:1], 1.0), ValueError, "one example"),
        (lambda: logit_losses.decoupled(S, T, Y, 0), ValueError, "temperature"),
        (lambda: logit_losses.decoupled(S, T, T.softmax(1), 1.0), TypeError, r"labels.argmax\(-1\)"),
        (lambda: logit_losses.standardised(torch.tensor([[1, 2, 3]])), TypeError, "float"),
        (lambda: logit_losses.dist(S[0], T[0], 1.0), ValueError, r"\(batch, classes\)"),
    ],
)
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
