"""The loss of distillation against hand-worked values, autograd and the paper's limits."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import models
from kdlib.losses import distillation_term, hinton_loss


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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_widened(dtype: torch.dtype) -> None:
    teacher, student = random_logits(4).to(dtype), random_logits(4, seed=1).to(dtype)
    term = distillation_term(student, teacher, 100)
    assert term.dtype == torch.float32
    torch.testing.assert_close(term, distillation_term(student.float(), teacher.float(), 100))
    terms = hinton_loss(student, teacher, torch.tensor([0, 1, 2, 3]), temperature=4, alpha=0.5)
    assert terms.total.dtype == torch.float32


def test_under_autocast_the_loss_stays_in_float32() -> None:
    model = models.lenet5(seed=0)
    images = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(images)
        assert logits.dtype == torch.bfloat16
        term = distillation_term(logits, logits.roll(1, 0), 4)
    assert term.dtype == torch.float32


@pytest.mark.parametrize("alpha", [-0.1, 1.1, math.nan, math.inf])
def test_alpha_outside_its_range_is_named(alpha: float) -> None:
    z = random_logits(2)
    with pytest.raises(ValueError, match=r"alpha is .*from 0 to 1"):
        hinton_loss(z, z, torch.tensor([0, 1]), temperature=4, alpha=alpha)


def test_shapes_and_types_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"student_logits has shape \(2, 10\) but teacher.* \(2, 7\)"):
        distillation_term(random_logits(2), random_logits(2, 7), 4)
    with pytest.raises(TypeError, match=r"student_logits has dtype torch.int64"):
        distillation_term(torch.ones(2, 3, dtype=torch.int64), random_logits(2, 3), 4)
    with pytest.raises(ValueError, match="temperature is 0"):
        distillation_term(random_logits(2), random_logits(2), 0)
