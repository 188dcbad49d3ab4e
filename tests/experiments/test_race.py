"""Chapter 04's first race with many seeds: teachers that say less, and what a student is judged by."""

import pytest
import torch

from kdlib import data, pretrained
from kdlib.experiments import race
from kdlib.experiments.race import VIEWS, equally_sure, flattened


def test_the_views_are_sixteen_and_the_first_is_the_image_as_it_is() -> None:
    assert VIEWS[0] == (False, 0, 0) and len(set(VIEWS)) == 16
    assert all(max(abs(dy), abs(dx)) <= 4 for _, dy, dx in VIEWS)


def test_seeds_are_those_of_the_scale() -> None:
    counts = {arm.name: (len(arm.seeds), len(arm.full)) for arm in race.arms()}
    assert counts["alone"] == counts["distilled"] == counts["flattened"] == counts["smoothed"] == (10, 30)
    assert counts["alone-16"] == counts["distilled-64"] == (5, 10) and counts["T-8"] == (10, 10)


def test_the_images_are_the_bundles_whatever_the_environment_says(scale_cpu_without_data: None) -> None:
    bundled = data.load("cifar10", "test", scale="quick")
    assert torch.equal(race.images.__wrapped__("test").images, bundled.images)


def test_a_flattened_answer_keeps_its_first_choice_and_shares_the_rest_evenly() -> None:
    # at T = 2 the logits 2 log(6), 2 log(3), 2 log(1) are softened to 0.6, 0.3, 0.1
    logits = 2 * torch.tensor([[6.0, 3.0, 1.0], [1.0, 3.0, 6.0]]).log()
    assert torch.allclose(
        (flattened(logits, 2.0) / 2).softmax(1), torch.tensor([[0.6, 0.2, 0.2], [0.2, 0.2, 0.6]])
    )


def test_an_equally_sure_answer_keeps_the_first_choice_and_the_mean_sureness() -> None:
    # softened at T = 2 to 0.6, 0.3, 0.1 and to 0.1, 0.8, 0.1: 0.7 on average
    logits = 2 * torch.tensor([[6.0, 3.0, 1.0], [1.0, 8.0, 1.0]]).log()
    assert torch.allclose(
        (equally_sure(logits, 2.0) / 2).softmax(1), torch.tensor([[0.7, 0.15, 0.15], [0.15, 0.7, 0.15]])
    )


def test_of_two_largest_only_one_keeps_its_probability() -> None:
    p = flattened(torch.tensor([5.0, 5.0, 0.0, 0.0]), 1.0).softmax(0)
    assert float(p.sum()) == pytest.approx(1) and p[0] == pytest.approx(0.4966, abs=1e-4)
    assert p[1] == p[2] == p[3]


def test_flattening_the_bundled_answers_leaves_choices_and_sureness_alone() -> None:
    answers = pretrained.cifar_teacher_logits(data.load("cifar10", "train"))[::50]
    flat = flattened(answers, 4.0)
    assert flat.shape == answers.shape and bool(flat.isfinite().all())
    assert torch.equal(flat.argmax(-1), answers.argmax(-1))
    before, after = ((z / 4).softmax(-1).amax(-1) for z in (answers, flat))
    assert torch.allclose(before, after, atol=1e-6)


def test_a_student_is_judged_beside_its_teacher() -> None:
    labels = torch.tensor([0, 0, 1, 2])
    teacher = torch.tensor([[8.0, 0, 0], [0, 8, 0], [0, 8, 0], [0, 8, 0]])  # wrong on the second and the last
    student = torch.tensor([[8.0, 0, 0], [0, 8, 0], [0, 0, 8], [8, 0, 0]])
    found = race.judged(student, teacher, labels)
    assert (found["test_errors"], found["test_answers"]) == (3, "0120")
    assert found["teacher_agreement"] == 0.5
    assert found["same_mistakes"] == 0.5  # both wrong twice, once alike
    top, rest = torch.tensor([2.0, 0, 0]).softmax(0)[:2].tolist()
    apart = (top - rest) * 2  # nats between two such answers, at temperature 4
    assert found["divergence"] == pytest.approx(apart / 2)
    assert found["divergence_where_teacher_errs"] == pytest.approx(apart / 2)
    assert race.judged(teacher, teacher, labels)["likeness"] == pytest.approx(1)


def test_likeness_compares_the_wrong_classes_only() -> None:
    labels = torch.tensor([0, 1, 2])
    first = torch.tensor([[4.0, 2, 0], [0, 4, 2], [2, 0, 4]])
    surer = first + 10 * torch.eye(3)  # the right classes gain, and all others lose in proportion
    assert race.likeness(first, surer, labels) == pytest.approx(1)
    turned = first.flip(0).flip(1)  # another order of the same likenesses
    assert race.likeness(first, turned, labels) < 0
