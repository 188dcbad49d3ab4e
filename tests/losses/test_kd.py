"""The loss of distillation against hand-worked values, autograd and the paper's limits."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import models
from kdlib.losses import distillation_term, hard_term, hinton_loss


def random_logits(rows: int, classes: int = 10, deviation: float = 1.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return deviation * torch.randn(rows, classes, dtype=torch.float64, generator=generator)


def test_two_classes_by_hand() -> None:
    teacher = torch.tensor([[math.log(9), 0.0]], dtype=torch.float64)  # at T = 2: 3/4 and 1/4
    student = torch.zeros(1, 2, dtype=torch.float64)  # 1/2 and 1/2 at any T
    expected = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert float(distillation_term(student, teacher, 2)) == pytest.approx(expected, rel=1e-12)


def test_the_mean_is_over_examples_not_over_classes() -> None:
    teacher, student = random_logits(1), random_logits(1, seed=1)
    one = distillation_term(student, teacher, 3)
    torch.testing.assert_close(distillation_term(student.repeat(7, 1), teacher.repeat(7, 1), 3), one)


def test_the_direction_is_from_the_teacher() -> None:
    teacher, student = random_logits(4), random_logits(4, seed=1)
    p, q = torch.softmax(teacher / 3, 1), torch.softmax(student / 3, 1)
    forward = 9 * (p * (p.log() - q.log())).sum(1).mean()
    reverse = 9 * (q * (q.log() - p.log())).sum(1).mean()
    torch.testing.assert_close(distillation_term(student, teacher, 3), forward)
    assert abs(float(forward - reverse)) > 1e-3


@pytest.mark.parametrize("temperature", [0.5, 1, 4, 20])
def test_the_gradient_is_t_times_the_difference_of_the_softened_outputs(temperature: float) -> None:
    teacher, student = random_logits(8), random_logits(8, seed=1).requires_grad_()
    distillation_term(student, teacher, temperature).backward()
    difference = torch.softmax(student.detach() / temperature, 1) - torch.softmax(teacher / temperature, 1)
    torch.testing.assert_close(student.grad, temperature * difference / 8)


def test_gradcheck() -> None:
    teacher = random_logits(3, 4)
    student = random_logits(3, 4, seed=1).requires_grad_()
    labels = torch.tensor([0, 1, 3])

    def total(z: Tensor) -> Tensor:
        return hinton_loss(z, teacher, labels, temperature=3, alpha=0.7).total

    assert torch.autograd.gradcheck(total, (student,))


def test_no_gradient_reaches_the_teacher() -> None:
    teacher = random_logits(4).requires_grad_()
    student = random_logits(4, seed=1).requires_grad_()
    distillation_term(student, teacher, 4).backward()
    assert teacher.grad is None
    assert student.grad is not None


def test_as_t_grows_the_gradient_tends_to_that_of_matching_centred_logits() -> None:
    teacher, student = random_logits(6), random_logits(6, seed=1).requires_grad_()
    v, z = teacher - teacher.mean(1, keepdim=True), student.detach() - student.detach().mean(1, keepdim=True)
    limit = (z - v) / (10 * 6)  # of half the squared distance of centred logits, over classes and examples
    errors = []
    for temperature in (50, 100, 200):
        student.grad = None
        distillation_term(student, teacher, temperature).backward()
        assert student.grad is not None
        errors.append(float((student.grad - limit).abs().max() / limit.abs().max()))
    assert errors[-1] < 0.02
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


def gradient_size(temperature: float, deviation: float) -> float:
    teacher = random_logits(2000, deviation=deviation)
    student = random_logits(2000, deviation=deviation, seed=1).requires_grad_()
    (gradient,) = torch.autograd.grad(distillation_term(student, teacher, temperature), student)
    return float(gradient.norm())


@pytest.mark.parametrize("deviation", [0.5, 1, 3])
def test_t_squared_keeps_the_gradients_scale(deviation: float) -> None:
    sizes = [gradient_size(t, deviation) for t in (1, 2, 4, 8, 20, 100)]
    assert max(sizes) / min(sizes) < 1.5


def test_at_larger_logits_it_does_not() -> None:
    assert gradient_size(100, 8) / gradient_size(1, 8) > 2


def test_the_composite_weighs_the_teacher_by_alpha() -> None:
    teacher, student, labels = random_logits(4), random_logits(4, seed=1), torch.tensor([0, 1, 2, 3])
    terms = hinton_loss(student, teacher, labels, temperature=4, alpha=0.25)
    torch.testing.assert_close(terms.soft, distillation_term(student, teacher, 4))
    torch.testing.assert_close(terms.hard, F.cross_entropy(student, labels))
    torch.testing.assert_close(terms.total, 0.25 * terms.soft + 0.75 * terms.hard)
    same = hinton_loss(student, student, labels, temperature=4, alpha=1)
    assert float(same.total) == pytest.approx(0, abs=1e-12)


def test_under_autocast_the_loss_stays_in_float32() -> None:
    model = models.lenet5(seed=0)
    images = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(images)
        assert logits.dtype == torch.bfloat16
        term = distillation_term(logits, logits.roll(1, 0), 4)
    assert term.dtype == torch.float32


def test_each_term_carries_its_own_gradient() -> None:
    teacher, student, labels = random_logits(4), random_logits(4, seed=1).requires_grad_(), torch.arange(4)
    terms = hinton_loss(student, teacher, labels, temperature=4, alpha=0.25)
    (found,) = torch.autograd.grad(0.25 * terms.soft + 0.75 * terms.hard, student, retain_graph=True)
    torch.testing.assert_close(found, torch.autograd.grad(terms.total, student)[0])


def test_a_class_that_only_one_model_lacks() -> None:
    teacher, student = random_logits(4, 3), random_logits(4, 3, seed=1)
    lacking = teacher.masked_fill(torch.tensor([False, False, True]), -math.inf)
    p, log_q = (lacking / 2).softmax(1)[:, :2], (student / 2).log_softmax(1)[:, :2]
    torch.testing.assert_close(
        distillation_term(student, lacking, 2), 4 * (p * (p.log() - log_q)).sum(1).mean()
    )
    assert float(distillation_term(lacking, student, 2)) == math.inf
    assert math.isnan(float(distillation_term(student * math.nan, lacking, 2)))  # what is broken stays so


def test_ignored_labels_count_in_neither_term() -> None:
    teacher, student = random_logits(4), random_logits(4, seed=1).requires_grad_()
    labels = torch.tensor([3, -100, 0, -100])
    found = hinton_loss(student, teacher, labels, temperature=4, alpha=0.5)
    left = hinton_loss(student[::2], teacher[::2], labels[::2], temperature=4, alpha=0.5)
    for one, other in zip(found, left, strict=True):
        torch.testing.assert_close(one, other)
    (slope,) = torch.autograd.grad(found.total, student)
    assert slope[1::2].abs().max() == 0 < slope[::2].abs().min()
    torch.testing.assert_close(hard_term(student, labels), F.cross_entropy(student[::2], labels[::2]))
    other = hinton_loss(
        student, teacher, labels.where(labels >= 0, 7), temperature=4, alpha=0.5, ignore_index=7
    )
    torch.testing.assert_close(other.total, found.total)


def test_soft_labels_of_one_class_are_that_label() -> None:
    student, labels = random_logits(4), torch.tensor([3, 1, 0, 9])
    for smoothing in (0.0, 0.2):
        soft = hard_term(student, F.one_hot(labels, 10).double(), label_smoothing=smoothing)
        torch.testing.assert_close(soft, hard_term(student, labels.byte(), label_smoothing=smoothing))
    shares = random_logits(4, seed=2).softmax(1)
    torch.testing.assert_close(hard_term(student, shares), -(shares * student.log_softmax(1)).sum(1).mean())
    loss = hinton_loss(student, random_logits(4, seed=1), shares, temperature=2, alpha=0.3)
    torch.testing.assert_close(loss.hard, hard_term(student, shares))


def test_tokens_and_pixels_are_rows() -> None:
    teacher, student, labels = random_logits(6), random_logits(6, seed=1), torch.arange(6)
    flat = hinton_loss(student, teacher, labels, temperature=4, alpha=0.25)
    tokens = hinton_loss(
        student.reshape(2, 3, 10), teacher.reshape(2, 3, 10), labels.reshape(2, 3), temperature=4, alpha=0.25
    )
    maps = [z.reshape(1, 2, 3, 10).movedim(-1, 1) for z in (student, teacher)]
    pixels = hinton_loss(
        *(z.movedim(1, -1) for z in maps), labels.reshape(1, 2, 3), temperature=4, alpha=0.25, reduction="sum"
    )
    for found in (tokens, [x / 6 for x in pixels]):
        for one, other in zip(found, flat, strict=True):
            torch.testing.assert_close(one, other)
    each = hinton_loss(student, teacher, labels, temperature=4, alpha=0.25, reduction="none")
    torch.testing.assert_close(each.total, 0.25 * each.soft + 0.75 * each.hard)
    torch.testing.assert_close(each.hard, F.cross_entropy(student, labels, reduction="none"))


Z, LABELS = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])


def composite(student: object = Z, teacher: object = Z, labels: object = LABELS, **settings: object) -> None:
    hinton_loss(student, teacher, labels, **({"temperature": 2, "alpha": 0.5} | settings))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        *(
            ({"alpha": x}, ValueError, rf"alpha is {x}; .* from 0 to 1")
            for x in (-0.1, 1.1, math.nan, math.inf)
        ),
        *(
            ({"alpha": x}, TypeError, r"alpha is .*; give a plain number")
            for x in ("0.5", None, torch.tensor(0.5))
        ),
        *(
            ({"temperature": x}, ValueError, f"temperature is {x}; .*finite number above 0")
            for x in (0, -1.0, math.nan)
        ),
        *(
            ({"temperature": x}, TypeError, "temperature is .*; give a plain number")
            for x in ("4", torch.tensor(4.0))
        ),
        *(
            (
                {"teacher": torch.zeros(shape)},
                ValueError,
                r"student_logits has shape \(4, 3\) but teacher_logits has",
            )
            for shape in ((1, 3), (3, 4), (4, 1))
        ),
        ({"student": Z.long()}, TypeError, "student_logits has dtype torch.int64; convert it first"),
        ({"teacher": Z.long()}, TypeError, "teacher_logits has dtype torch.int64; convert it first"),
        ({"student": [0.0]}, TypeError, "student_logits is a list"),
        ({"student": Z[:, :1], "teacher": Z[:, :1]}, ValueError, r"shape \(4, 1\).*One logit z: .*binary_kl"),
        (
            {"student": Z[0], "teacher": Z[0]},
            ValueError,
            r"shape \(3,\); .*\(batch, classes\).*logits\[None\]",
        ),
        ({"student": Z[:0], "teacher": Z[:0]}, ValueError, r"shape \(0, 3\); .*a row or more"),
        ({"labels": LABELS + 1}, ValueError, "labels runs from 1 to 3; with 3 classes"),
        ({"labels": LABELS - 1}, ValueError, "labels runs from -1 to 1; with 3 classes"),
        ({"labels": LABELS * 0 - 100}, ValueError, "by mask or labels no row counts"),
        ({"labels": LABELS[:3]}, ValueError, r"labels is torch.int64 of shape \(3,\); it must be \(4,\)"),
        ({"labels": torch.eye(3)[LABELS].long()}, ValueError, r"One-hot: labels.argmax\(-1\)"),
        ({"labels": LABELS.float()}, TypeError, r"labels is torch.float32 of shape \(4,\).*Regression"),
        ({"labels": LABELS.bool()}, TypeError, "labels is torch.bool"),
        ({"labels": [0, 1, 2, 0]}, TypeError, "labels is list; it must be"),
        ({"labels": torch.ones(4, 3)}, ValueError, "labels sums to 1 only within 2; each row must be"),
        ({"mask": torch.ones(3).bool()}, ValueError, r"mask is torch.bool of shape \(3,\); give .*\(4,\)"),
        ({"mask": torch.ones(4)}, ValueError, "mask is torch.float32"),
        ({"mask": torch.zeros(4).bool()}, ValueError, "by mask or labels no row counts"),
        ({"reduction": "batchmean"}, ValueError, "reduction is 'batchmean'; give mean"),
    ],
)
def test_bad_input_is_named(given: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        composite(**given)


def test_maps_with_the_classes_in_the_middle_are_told_to_move_them() -> None:
    maps = torch.zeros(2, 10, 4, 4)
    with pytest.raises(ValueError, match=r"second dimension: logits.movedim\(1, -1\)"):
        composite(maps, maps, torch.zeros(2, 4, 4, dtype=torch.long))


def test_a_student_in_float64_is_compared_in_float64_also_with_a_stored_teacher() -> None:
    generator = torch.Generator().manual_seed(0)
    teacher = torch.randn(6, 5, generator=generator)
    student = teacher.double() + 1e-4 * torch.randn(6, 5, generator=generator, dtype=torch.float64)
    exact, found = (distillation_term(student, z, 20.0) for z in (teacher.double(), teacher))
    assert found.dtype == torch.float64 and float(found) == pytest.approx(float(exact), rel=1e-12)


def test_at_the_ends_a_term_that_is_infinite_does_not_count() -> None:
    student, teacher = torch.tensor([[0.0, -math.inf]]), torch.tensor([[0.0, 0.0]])
    labels = torch.tensor([0])
    assert float(hinton_loss(student, teacher, labels, temperature=1, alpha=0).total) == 0
    masked, sure = torch.tensor([[0.0, -math.inf, 0.0]]), torch.tensor([[1.0, -math.inf, 1.0]])
    at = torch.tensor([1])  # a class that both leave out
    assert float(hinton_loss(masked, sure, at, temperature=1, alpha=1).total) == pytest.approx(0)
