"""Agreement, divergence, same mistakes, and what a model says of the wrong classes, by hand."""

import math
from collections.abc import Callable

import pytest
import torch

from kdlib.evaluation import fidelity

A = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 3.0], [0.0, 2.0, 1.0]])
B = torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.2, 0.5], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def test_agreement_counts_first_choices() -> None:
    assert fidelity.agreement(A, B) == fidelity.agreement(B, A) == 0.75
    assert fidelity.agreement(A, 7 * A) == 1


def test_divergence_is_of_the_teacher_and_averaged_over_examples() -> None:
    teacher = torch.tensor([[0.75, 0.25], [0.5, 0.5]]).log()
    student = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    by_hand = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    assert fidelity.divergence(student, teacher) == pytest.approx(by_hand, rel=1e-6)
    assert fidelity.divergence(teacher, student) != pytest.approx(by_hand, rel=1e-2)
    assert fidelity.divergence(teacher + 3, teacher) == pytest.approx(0, abs=1e-9)


def test_same_mistakes_are_shared_wrong_answers_among_joint_mistakes() -> None:
    labels = torch.tensor([1, 0, 0, 1])  # both wrong: 0 (alike), 1 (not), 2 (alike)
    assert fidelity.same_mistakes(A, B, labels) == pytest.approx(2 / 3)
    labels = torch.tensor([1, 2, 2, 0])  # at the second A alone is wrong, at the ends both are
    assert fidelity.same_mistakes(A, B, labels) == 1
    assert math.isnan(fidelity.same_mistakes(A, B, torch.tensor([0, 1, 2, 1])))


def test_spread_is_of_the_wrong_classes_and_within_a_class() -> None:
    # Class 0: wrong logits (1, -1) and (-1, 1), centred already; each column's deviation is sqrt(2).
    logits = torch.tensor([[5.0, 1.0, -1.0], [-4.0, -1.0, 1.0], [0.0, 9.0, 0.0], [7.0, 2.0, 7.0]])
    labels = torch.tensor([0, 0, 1, 1])  # class 1: wrong (0, 0) and (7, 7), alike once centred
    assert fidelity.spread_within_classes(logits, labels) == pytest.approx(math.sqrt(2) / 2)
    assert fidelity.spread_within_classes(3 * logits, labels) == pytest.approx(3 * math.sqrt(2) / 2)


Y = torch.tensor([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fidelity.agreement(A, B[:2]), "first"),
        (
            lambda: fidelity.divergence(A[:0], A[:0]),
            r"student_logits has shape \(0, 3\); give \(N, classes\)",
        ),
        (lambda: fidelity.agreement(A, B * math.nan), "second: 12 of 12 values are NaN"),
        (lambda: fidelity.divergence(A[None], B[None]), r"shape \(1, 4, 3\)"),
        (lambda: fidelity.same_mistakes(A, B, Y[:3]), "3 labels for 4 rows"),
        (lambda: fidelity.same_mistakes(A, B, Y + 2), "labels runs from 2 to 3"),
        (lambda: fidelity.spread_within_classes(A, Y[:2]), "2 labels for 4 rows"),
        (lambda: fidelity.spread_within_classes(A * math.inf, Y), "NaN or infinite"),
        (lambda: fidelity.spread_within_classes(A[:, :2], Y), "two to compare"),
        (lambda: fidelity.spread_within_classes(A, torch.tensor([0, 0, 2, 0])), "class 2 once"),
    ],
)
def test_bad_input_is_named(call: Callable[[], float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
