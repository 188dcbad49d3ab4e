"""The other divergences against hand-worked numbers and their limits, and what teachers in part amount to."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib.losses import distillation_term
from kdlib.losses.divergences import binary_kl, from_top_k, jensen_shannon, kept_kl, reverse_kl

HALF, QUARTERS = torch.tensor([[0.5, 0.5]]).double().log(), torch.tensor([[0.75, 0.25]]).double().log()


def pair(n: int = 6, classes: int = 5, deviation: float = 2.0) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(1)
    drawn = torch.randn(2, n, classes, generator=chance, dtype=torch.float64)
    return deviation * drawn[0], deviation * drawn[1]


def test_reverse_by_hand() -> None:
    # The student says 1/2 and 1/2, the teacher 3/4 and 1/4.
    by_hand = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert float(reverse_kl(HALF, QUARTERS, 1.0)) == pytest.approx(by_hand, rel=1e-12)
    hot = [2 * z for z in (HALF, QUARTERS)]  # at T = 2 the same shares, times 4
    assert float(reverse_kl(*hot, 2.0)) == pytest.approx(4 * by_hand, rel=1e-12)


def test_reverse_is_the_forward_divergence_of_swapped_arguments() -> None:
    student, teacher = pair()
    torch.testing.assert_close(reverse_kl(student, teacher, 3.0), distillation_term(teacher, student, 3.0))


def test_jensen_shannon_by_hand() -> None:
    # With beta = 1/4 the middle is 1/4 (3/4, 1/4) + 3/4 (1/2, 1/2) = (9/16, 7/16).
    p, q, m = (0.75, 0.25), (0.5, 0.5), (9 / 16, 7 / 16)
    forward = sum(a * math.log(a / c) for a, c in zip(p, m, strict=True))
    reverse = sum(b * math.log(b / c) for b, c in zip(q, m, strict=True))
    found = jensen_shannon(HALF, QUARTERS, 1.0, beta=0.25)
    assert float(found) == pytest.approx(0.25 * forward + 0.75 * reverse, rel=1e-12)


@pytest.mark.parametrize("beta", [0.1, 0.5, 0.8])
def test_jensen_shannon_lies_between_0_and_the_entropy_of_beta(beta: float) -> None:
    student, teacher = pair()
    most = -beta * math.log(beta) - (1 - beta) * math.log(1 - beta)
    assert float(jensen_shannon(teacher, teacher, 1.0, beta=beta)) == pytest.approx(0, abs=1e-12)
    assert 0 < float(jensen_shannon(student, teacher, 1.0, beta=beta)) < most
    apart = torch.tensor([[0.0, -math.inf]]), torch.tensor([[-math.inf, 0.0]])  # no class in common
    assert float(jensen_shannon(*apart, 1.0, beta=beta)) == pytest.approx(most, rel=1e-6)


def test_jensen_shannon_is_symmetric_and_tends_to_the_two_others() -> None:
    student, teacher = pair()
    turned = jensen_shannon(teacher, student, 2.0, beta=0.7)
    torch.testing.assert_close(jensen_shannon(student, teacher, 2.0, beta=0.3), turned)
    for beta, share, limit in (
        (1e-6, 1e-6, distillation_term(student, teacher, 2.0)),
        (1 - 1e-6, 1e-6, reverse_kl(student, teacher, 2.0)),
    ):
        torch.testing.assert_close(
            jensen_shannon(student, teacher, 2.0, beta=beta) / share, limit, rtol=1e-4, atol=0
        )


@pytest.mark.parametrize("divergence", [distillation_term, reverse_kl, jensen_shannon, binary_kl])
def test_t_squared_keeps_the_gradients_scale(divergence) -> None:
    teacher, student = pair(200, 10, deviation=1.0)
    student.requires_grad_()
    sizes = []
    for temperature in (4.0, 20.0, 100.0):
        (slope,) = torch.autograd.grad(divergence(student, teacher, temperature), student)
        sizes.append(float(slope.norm()))
    assert max(sizes) / min(sizes) < 1.1


def test_one_logit_is_two_classes_of_which_the_first_has_logit_0() -> None:
    student, teacher = pair(8, 1)
    two = [torch.cat([torch.zeros_like(z), z], 1) for z in (student, teacher)]
    for temperature in (1.0, 4.0):
        found = binary_kl(student, teacher, temperature)
        torch.testing.assert_close(found, distillation_term(*two, temperature))
    student.requires_grad_()
    (slope,) = torch.autograd.grad(binary_kl(student, teacher, 4.0), student)
    torch.testing.assert_close(slope, 4 * ((student / 4).sigmoid() - (teacher / 4).sigmoid()) / 8)


def test_several_labels_add_up_and_agree_with_binary_cross_entropy() -> None:
    student, teacher = pair(8, 3)
    each = sum(binary_kl(student[:, [i]], teacher[:, [i]], 2.0) for i in range(3))
    torch.testing.assert_close(binary_kl(student, teacher, 2.0), each)
    shares = (teacher / 2).sigmoid()
    cross, own = (
        F.binary_cross_entropy_with_logits(z / 2, shares, reduction="sum") for z in (student, teacher)
    )
    torch.testing.assert_close(binary_kl(student, teacher, 2.0), 4 * (cross - own) / 8)


def test_the_k_largest_alone_are_a_teacher_without_the_others() -> None:
    student, teacher = pair(4, 6)
    values, indices = teacher.topk(2)
    kept = from_top_k(values, indices, 6)
    assert torch.equal(kept.softmax(1) > 0, teacher >= values[:, 1:])
    p = (values / 3).softmax(1)
    log_q = (student / 3).log_softmax(1).gather(1, indices)
    torch.testing.assert_close(
        distillation_term(student, kept, 3.0), 9 * (p * (p.log() - log_q)).sum(1).mean()
    )
    assert float(reverse_kl(student, kept, 3.0)) == math.inf
    assert torch.equal(from_top_k(*teacher.topk(6), 6), teacher)
    bounded = from_top_k(values, indices, 6, rest=-7.0)
    assert (bounded == -7).sum(1).tolist() == [4] * 4 and float(reverse_kl(student, bounded, 3.0)) < math.inf


@pytest.mark.parametrize("loss", [distillation_term, reverse_kl, jensen_shannon, binary_kl])
def test_reductions(loss) -> None:
    student, teacher = (z.reshape(2, 3, 5) for z in pair())
    mask = torch.tensor([[True, True, False], [False, True, False]])
    each = loss(student, teacher, 2.0, reduction="none")
    assert each.shape == (2, 3)
    torch.testing.assert_close(loss(student, teacher, 2.0, reduction="sum"), each.sum())
    torch.testing.assert_close(loss(student, teacher, 2.0), each.mean())
    some = loss(student, teacher, 2.0, mask=mask, reduction="none")
    assert torch.equal(some, each.where(mask, 0.0))
    torch.testing.assert_close(loss(student, teacher, 2.0, mask=mask), each[mask].mean())


Z = torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jensen_shannon(Z, Z, 1.0, beta=0), ValueError, "beta is 0; .*distillation_term"),
        (lambda: jensen_shannon(Z, Z, 1.0, beta=1.5), ValueError, "beta is 1.5"),
        (lambda: reverse_kl(Z, Z[:1], 1.0), ValueError, "student_logits has shape .* but teacher_logits"),
        (lambda: reverse_kl(Z, Z, 0.0), ValueError, "temperature is 0"),
        (
            lambda: reverse_kl(Z, Z, 1.0, reduction="batchmean"),
            ValueError,
            "reduction is 'batchmean'; give mean",
        ),
        (
            lambda: reverse_kl(Z, Z, 1.0, mask=Z[:, 0]),
            ValueError,
            r"mask is torch.float32 .*torch.bool of shape \(2,\)",
        ),
        (lambda: binary_kl(Z[0], Z[0], 1.0), ValueError, r"logits\[:, None\]"),
        (lambda: from_top_k(Z, Z[:1].long(), 5), ValueError, "values has shape .* but indices"),
        (lambda: from_top_k(Z, Z.long(), 2), ValueError, "values has 3 logits a row and classes is 2"),
        (lambda: from_top_k(Z, torch.full((2, 3), 9), 5), ValueError, "indices runs from 9 to 9"),
        (lambda: reverse_kl(Z, Z[:, :2], 1.0), ValueError, "vocabularies differ"),
        (lambda: kept_kl(Z, Z, Z.long()), ValueError, "log_p has 3 of 3 classes"),
        (lambda: kept_kl(Z, Z[:, :2], Z[:, :2].long()), ValueError, "log_p adds up to 2"),
        (lambda: kept_kl(Z, Z[:1, :2], Z[:1, :2].long()), ValueError, "all but the last must agree"),
    ],
)
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_k_probabilities_and_the_rest_are_as_many_outcomes_and_one_more() -> None:
    ours, theirs = (
        torch.tensor(row, dtype=torch.float64).log() for row in ([0.2, 0.5, 0.1, 0.2], [0.6, 0.3, 0.06, 0.04])
    )
    log_p, places = theirs[None].topk(2)
    wanted = 0.6 * math.log(0.6 / 0.2) + 0.3 * math.log(0.3 / 0.5) + 0.1 * math.log(0.1 / 0.3)
    assert kept_kl(ours[None] + 5, log_p, places).item() == pytest.approx(wanted)
    student = ours[None].repeat(3, 1).requires_grad_()
    both = log_p.repeat(3, 1), places.repeat(3, 1)
    kept_kl(student, *both, mask=torch.tensor([True, False, True])).backward()
    gap = student.detach().softmax(-1)[0] - torch.tensor(
        [0.6, 0.3, 0.1 / 3, 0.1 * 2 / 3]
    )  # the rest by the student's shares
    torch.testing.assert_close(student.grad, torch.stack([gap, 0 * gap, gap]) / 2, atol=1e-7, rtol=0)
    assert kept_kl(theirs[None], log_p, places).item() == pytest.approx(0, abs=1e-9)
    strange, unknown = student.detach().clone(), both[0].clone()
    strange[1], unknown[1] = math.nan, math.nan  # rows that do not count may hold anything
    strange.requires_grad_()
    kept_kl(strange, unknown, both[1], mask=torch.tensor([True, False, True])).backward()
    torch.testing.assert_close(strange.grad, student.grad)


def test_where_nothing_counts_the_kept_classes_may_be_any() -> None:
    log_p, places = torch.full((2, 3, 2), -2.0), torch.zeros(2, 3, 2).long()
    places[..., 1] = 1
    mask = torch.tensor([[True, True, False], [True, False, False]])
    strange = places.masked_fill(~mask[..., None], -100)
    student = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(
        kept_kl(student, log_p, strange, mask=mask), kept_kl(student, log_p, places, mask=mask)
    )
