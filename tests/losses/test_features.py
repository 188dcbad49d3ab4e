"""Losses of feature maps against hand-worked numbers, and the invariances that their papers state."""

import math

import pytest
import torch

from kdlib.losses import features as feature_losses


def maps(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def turn(vectors: torch.Tensor, seed: int) -> torch.Tensor:
    """The vectors turned, enlarged and moved."""
    q, _ = torch.linalg.qr(maps(seed, vectors.shape[1], vectors.shape[1]))
    return 3 * vectors @ q + maps(seed + 1, vectors.shape[1])


def test_hint_is_half_the_mean_square() -> None:
    student, teacher = torch.zeros(2, 1, 1, 2), torch.tensor([1.0, 3.0, 0.0, 2.0]).reshape(2, 1, 1, 2)
    assert float(feature_losses.hint(student, teacher)) == pytest.approx(0.5 * (1 + 9 + 0 + 4) / 4)


def test_attention_by_hand() -> None:
    # Two channels of two pixels: sums of squares 9 + 16 = 25 and 0; normalised (1, 0).
    one = torch.tensor([[[[3.0, 0.0]], [[4.0, 0.0]]]])
    other = torch.tensor([[[[0.0, 2.0]]]])  # looks at the other pixel, with one channel
    torch.testing.assert_close(feature_losses.attention(one), torch.tensor([[1.0, 0.0]]))
    assert float(feature_losses.attention_transfer(one, other)) == pytest.approx(0.5 * 2)
    two = torch.tensor([[[[3.0, 1.0]], [[4.0, 0.0]]]])  # 25 and 1
    torch.testing.assert_close(feature_losses.attention(two), torch.tensor([[25.0, 1.0]]) / math.sqrt(626))
    even = torch.tensor([[[[1.0, 1.0]]]])
    by_hand = 0.5 * ((1 - math.sqrt(0.5)) ** 2 + 0.5)
    assert float(feature_losses.attention_transfer(one, even)) == pytest.approx(by_hand)


def test_attention_forgets_scale_sign_and_order_of_channels() -> None:
    student, teacher = maps(0, 3, 4, 5, 5), maps(1, 3, 7, 5, 5)
    whole = feature_losses.attention_transfer(student, teacher)
    changed = feature_losses.attention_transfer(-2 * student[:, [2, 0, 3, 1]], 9 * teacher.flip(1))
    torch.testing.assert_close(whole, changed)
    assert float(feature_losses.attention_transfer(student.flip(-1), teacher)) != pytest.approx(float(whole))


def test_relational_distance_by_hand() -> None:
    # Sides 3, 4, 5, over their mean: 3/4, 1, 5/4; a triangle of equal sides: 1, 1, 1.
    right = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    equal = torch.tensor([[0.0, 0.0], [2.0, 0.0], [1.0, math.sqrt(3)]])
    by_hand = (0.5 * 0.25**2 + 0 + 0.5 * 0.25**2) / 3
    assert float(feature_losses.relational_distance(right, equal)) == pytest.approx(by_hand, rel=1e-4)


def test_relational_angle_by_hand() -> None:
    # Cosines 0, 3/5, 4/5 against 1/2 thrice; each corner counts for both orders of the other two.
    right = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    equal = torch.tensor([[0.0, 0.0], [2.0, 0.0], [1.0, math.sqrt(3)]])
    by_hand = 0.5 * (0.5**2 + 0.1**2 + 0.3**2) / 3
    assert float(feature_losses.relational_angle(right, equal)) == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize("loss", [feature_losses.relational_distance, feature_losses.relational_angle])
def test_relations_forget_where_a_space_lies_and_how_large_it_is(loss: object) -> None:
    student, teacher = maps(0, 6, 4), maps(1, 6, 9)
    whole = float(loss(student, teacher))
    assert float(loss(turn(student, 5), turn(teacher, 8))) == pytest.approx(whole, rel=1e-3)
    assert float(loss(turn(teacher, 3), teacher)) == pytest.approx(0, abs=1e-6)
    assert float(loss(student[[1, 0, 2, 3, 4, 5]], teacher)) != pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize("name", ["hint", "attention_transfer", "relational_distance", "relational_angle"])
def test_alike_is_zero(name: str) -> None:
    student = maps(0, 4, 3, 5, 5)
    assert float(getattr(feature_losses, name)(student, student)) == pytest.approx(0, abs=1e-6)


def test_the_authors_values_are_ours_times_the_factors_that_the_docstrings_say() -> None:
    student, teacher = maps(0, 4, 3, 5, 5).double(), maps(1, 4, 3, 5, 5).double()
    gap = feature_losses.attention(student) - feature_losses.attention(teacher)
    ours = feature_losses.attention_transfer(student, teacher)
    torch.testing.assert_close(gap.square().mean(), 2 / 25 * ours)
    ours = feature_losses.hint(student, teacher)
    torch.testing.assert_close((student - teacher).square().sum() / 2 / 4, 75 * ours)
    torch.testing.assert_close(torch.nn.functional.mse_loss(student, teacher), 2 * ours)
    # RKD's code: a whole matrix of distances over the mean of those above zero; all triples.
    n, vectors = 4, (student.flatten(1), teacher.flatten(1))
    huber = torch.nn.functional.smooth_l1_loss
    squares = [torch.cdist(v, v, compute_mode="donot_use_mm_for_euclid_dist") for v in vectors]
    theirs = huber(*(d / d[d > 0].mean() for d in squares))
    torch.testing.assert_close(theirs, (n - 1) / n * feature_losses.relational_distance(*vectors))
    edges = [torch.nn.functional.normalize(v[None] - v[:, None], dim=2) for v in vectors]
    theirs = huber(*(e @ e.mT for e in edges))
    share = (n - 1) * (n - 2) / n**2
    torch.testing.assert_close(theirs, share * feature_losses.relational_angle(*vectors))


def test_a_hint_of_tokens_is_one_of_maps() -> None:
    student, teacher = maps(0, 4, 3, 5, 5), maps(1, 4, 3, 5, 5)
    tokens = [m.flatten(2).mT for m in (student, teacher)]
    torch.testing.assert_close(feature_losses.hint(*tokens), feature_losses.hint(student, teacher))
    again = tokens[0].mT.unflatten(-1, (5, 5))  # what the message of `attention` says
    assert torch.equal(again, student)


def test_equal_vectors_give_finite_gradients() -> None:
    student = torch.ones(4, 3, requires_grad=True)
    total = feature_losses.relational_distance(student, maps(0, 4, 3))
    total = total + feature_losses.relational_angle(student, maps(0, 4, 3))
    total.backward()
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(
    ("name", "shapes", "message"),
    [
        ("hint", ((2, 3, 4, 4), (2, 6, 4, 4)), "regressor"),
        ("hint", ((2, 9, 3), (2, 9, 6)), "for tokens a linear layer"),
        ("attention_transfer", ((2, 3, 4, 4), (2, 3, 8, 8)), "height and width"),
        ("attention_transfer", ((8, 3, 4, 4), (1, 3, 4, 4)), "the same examples"),
        ("attention_transfer", ((2, 9, 3), (2, 9, 3)), r"Tokens .*tokens.mT.unflatten"),
        ("relational_angle", ((2, 3), (2, 3)), "3 or more"),
        ("relational_distance", ((3, 3), (2, 3)), "must be the same"),
    ],
)
def test_bad_input_is_named(name: str, shapes: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(feature_losses, name)(*(maps(0, *shape) for shape in shapes))
    with pytest.raises(TypeError, match=r"the student.s has dtype torch\.int64"):
        feature_losses.hint(torch.ones(2, 3).long(), torch.ones(2, 3))
