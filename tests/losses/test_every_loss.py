"""What must hold of every loss: gradient, precision, whole graphs, and no look at values on a GPU."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from kdlib import losses
from kdlib.losses import divergences, features
from kdlib.losses import logits as logit_losses

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

OF_LOGITS: dict[str, Loss] = {
    "distillation_term": lambda s, t, y: losses.distillation_term(s, t, 3.0),
    "hard_term": lambda s, t, y: losses.hard_term(s, y),
    "hard_term, smoothed": lambda s, t, y: losses.hard_term(s, y, label_smoothing=0.1),
    "hard_term, soft": lambda s, t, y: losses.hard_term(s, t.softmax(1)),
    "hinton_loss": lambda s, t, y: losses.hinton_loss(s, t, y, temperature=3.0, alpha=0.7).total,
    "reverse_kl": lambda s, t, y: divergences.reverse_kl(s, t, 3.0),
    "jensen_shannon": lambda s, t, y: divergences.jensen_shannon(s, t, 3.0, beta=0.3),
    "binary_kl": lambda s, t, y: divergences.binary_kl(s, t, 3.0),
    "top k": lambda s, t, y: losses.distillation_term(
        s, divergences.from_top_k(*t.topk(2), s.shape[-1]), 3.0
    ),
    "decoupled, target": lambda s, t, y: logit_losses.decoupled(s, t, y, 3.0).target,
    "decoupled, others": lambda s, t, y: logit_losses.decoupled(s, t, y, 3.0).others,
    "dist, inter": lambda s, t, y: logit_losses.dist(s, t, 3.0).inter,
    "dist, intra": lambda s, t, y: logit_losses.dist(s, t, 3.0).intra,
    "standardised": lambda s, t, y: losses.distillation_term(
        logit_losses.standardised(s), logit_losses.standardised(t), 3.0
    ),
    "pooled": lambda s, t, y: losses.distillation_term(
        s, logit_losses.pooled(torch.stack([t, -t]), 3.0), 3.0
    ),
}
OF_MAPS: dict[str, Loss] = {
    "hint": lambda s, t, y: features.hint(s, t),
    "attention_transfer": lambda s, t, y: features.attention_transfer(s, t),
    "relational_distance": lambda s, t, y: features.relational_distance(s, t),
    "relational_angle": lambda s, t, y: features.relational_angle(s, t),
}
MASKED: dict[str, Loss] = {
    "distillation_term": lambda s, t, m: losses.distillation_term(s, t, 3.0, mask=m),
    "hard_term": lambda s, t, m: losses.hard_term(s, t.argmax(-1), mask=m),
    "hard_term, soft": lambda s, t, m: losses.hard_term(s, t.softmax(-1), mask=m, label_smoothing=0.1),
    "hinton_loss": lambda s, t, m: (
        losses.hinton_loss(s, t, torch.where(m, t.argmax(-1), -100), temperature=3.0, alpha=0.7).total
    ),
    "reverse_kl": lambda s, t, m: divergences.reverse_kl(s, t, 3.0, mask=m),
    "jensen_shannon": lambda s, t, m: divergences.jensen_shannon(s, t, 3.0, mask=m),
    "binary_kl": lambda s, t, m: divergences.binary_kl(s, t, 3.0, mask=m),
    "dist, inter": lambda s, t, m: logit_losses.dist(s, t, 3.0, mask=m).inter,
    "dist, intra": lambda s, t, m: logit_losses.dist(s, t, 3.0, mask=m).intra,
}
EVERY = [(name, loss, (6, 5)) for name, loss in OF_LOGITS.items()]
EVERY += [(name, loss, (6, 3, 2, 2)) for name, loss in OF_MAPS.items()]
every = pytest.mark.parametrize(("loss", "shape"), [pytest.param(f, s, id=n) for n, f, s in EVERY])
masked = pytest.mark.parametrize("loss", [pytest.param(f, id=n) for n, f in MASKED.items()])


def inputs(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    chance = torch.Generator().manual_seed(0)
    student, teacher = (2 * torch.randn(shape, generator=chance, dtype=torch.float64) for _ in range(2))
    return student.to(dtype).requires_grad_(), teacher.to(dtype), torch.arange(shape[0]) % 5


def with_gradient(loss: Loss, student: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
    value = loss(student, *others)
    return value.detach(), torch.autograd.grad(value, student)[0]


@every
def test_the_gradient_is_the_slope_in_float64(loss: Loss, shape: tuple[int, ...]) -> None:
    student, teacher, labels = inputs(shape, torch.float64)
    assert loss(student, teacher, labels).dtype == torch.float64
    assert torch.autograd.gradcheck(lambda s: loss(s, teacher, labels), (student,))


@every
def test_half_precision_is_widened_and_autocast_changes_nothing(loss: Loss, shape: tuple[int, ...]) -> None:
    student, teacher, labels = inputs(shape)
    plain = with_gradient(loss, student, teacher, labels)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(student, teacher, labels)
    cast = value.detach(), torch.autograd.grad(value, student)[0]
    for found, expected in zip(cast, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)
    for dtype in (torch.float16, torch.bfloat16):
        student, teacher, _ = inputs(shape, dtype)
        found = loss(student, teacher, labels)
        assert found.dtype == torch.float32
        widened = loss(student.float(), teacher.float(), labels)
        torch.testing.assert_close(found, widened, rtol=2e-3, atol=1e-6)  # soft labels have few digits


@every
def test_it_compiles_whole(loss: Loss, shape: tuple[int, ...]) -> None:
    student, teacher, labels = inputs(shape)
    torch.compiler.reset()
    whole = torch.compile(loss, backend="eager", fullgraph=True)
    for found, expected in zip(
        *(with_gradient(f, student, teacher, labels) for f in (whole, loss)), strict=True
    ):
        torch.testing.assert_close(found, expected)


@every
def test_on_a_gpu_no_value_is_looked_at(loss: Loss, shape: tuple[int, ...]) -> None:
    # A fake tensor has no values: .item(), a boolean index or a tensor on another device raises. Autograd
    # asks CUDA for a device, so without one the gradient is taken of tensors without values or device.
    with FakeTensorMode():
        turns_autocast_off = loss is OF_MAPS["relational_angle"]  # which the meta device does not have
        for device in ("cuda",) if turns_autocast_off else ("cuda", "meta"):
            student = torch.empty(shape, device=device, requires_grad=True)
            teacher = torch.empty(shape, device=device)
            value = loss(student, teacher, torch.empty(shape[0], dtype=torch.int64, device=device))
            assert value.device.type == device and value.shape == ()
        if not turns_autocast_off:
            assert torch.autograd.grad(value, student)[0].shape == shape


@masked
def test_a_mask_on_a_gpu_and_in_a_whole_graph(loss: Loss) -> None:
    with FakeTensorMode():
        for device in ("cuda", "meta"):
            student, teacher = (torch.empty(2, 3, 5, device=device, requires_grad=True) for _ in range(2))
            value = loss(student, teacher, torch.empty(2, 3, dtype=torch.bool, device=device))
            assert value.device.type == device and value.shape == ()
        assert torch.autograd.grad(value, student)[0].shape == (2, 3, 5)
    student, teacher, _ = inputs((2, 3, 5))
    mask = torch.tensor([[True, False, True], [True, True, False]])
    torch.compiler.reset()
    whole = torch.compile(loss, backend="eager", fullgraph=True)
    for found, expected in zip(
        *(with_gradient(f, student, teacher, mask) for f in (whole, loss)), strict=True
    ):
        torch.testing.assert_close(found, expected)


@masked
def test_rows_outside_of_the_mask_may_hold_anything(loss: Loss) -> None:
    student, teacher, _ = inputs((2, 3, 5), torch.float64)
    mask = torch.tensor([[True, False, True], [False, True, False]])
    value, slope = with_gradient(loss, student[mask].detach().requires_grad_(), teacher[mask], mask[mask])
    bad = torch.where(mask[..., None], 0.0, torch.tensor([math.nan, math.inf, -math.inf, 0, 9]))
    dirty = (student.detach() + bad).requires_grad_()
    found, whole = with_gradient(loss, dirty, torch.where(mask[..., None], teacher, bad), mask)
    torch.testing.assert_close(found, value)
    torch.testing.assert_close(whole[mask], slope)
    assert whole[~mask].abs().max() == 0


@pytest.mark.parametrize("name", [name for name in MASKED if not name.startswith("dist")])
def test_all_but_one_row_masked_leaves_the_loss_of_that_row(name: str) -> None:
    loss = MASKED[name]
    student, teacher, _ = inputs((2, 3, 5))
    mask = torch.zeros(2, 3, dtype=torch.bool)
    mask[1, 2] = True
    alone = loss(student[1, 2][None], teacher[1, 2][None], torch.tensor([True]))
    torch.testing.assert_close(loss(student, teacher, mask), alone)
    flat = (student.flatten(0, 1), teacher.flatten(0, 1), torch.ones(6, dtype=torch.bool))
    torch.testing.assert_close(loss(student, teacher, torch.ones_like(mask)), loss(*flat))
    with pytest.raises(ValueError, match="no row counts"):
        loss(student, teacher, torch.zeros_like(mask))


# A class at minus infinity in both models, as if it were not there.
OTHERWISE = "binary_kl", "top k", "hard_term, smoothed", "pooled", "dist, inter", "dist, intra"
ABSENT = [name for name in OF_LOGITS if name not in OTHERWISE]


@pytest.mark.parametrize("name", ABSENT)
def test_a_class_that_neither_model_has_changes_nothing(name: str) -> None:
    student, teacher, labels = inputs((6, 4), torch.float64)
    labels = labels % 4
    loss = OF_LOGITS[name]
    value, slope = with_gradient(loss, student, teacher, labels)
    wide = torch.cat([student.detach(), torch.full((6, 1), -math.inf)], 1).requires_grad_()
    more = torch.cat([teacher, torch.full((6, 1), -math.inf)], 1)
    found, whole = with_gradient(loss, wide, more, labels)
    torch.testing.assert_close(found, value)
    torch.testing.assert_close(whole[:, :4], slope)
    assert whole[:, 4].abs().max() == 0


def test_dist_of_an_absent_class_counts_it_as_without_correlation() -> None:
    student, teacher, _ = inputs((6, 4), torch.float64)
    wide, more = (torch.cat([z, torch.full((6, 1), -math.inf)], 1) for z in (student, teacher))
    found, value = (logit_losses.dist(s, t, 3.0).intra for s, t in ((wide, more), (student, teacher)))
    torch.testing.assert_close(found, (4 * value + 9) / 5)


@pytest.mark.parametrize(
    ("name", "most"), [("standardised", 300), ("dist, inter", 1e5), ("dist, intra", 1e5)]
)
def test_a_head_that_starts_at_zero_gets_a_bounded_gradient(name: str, most: float) -> None:
    _, teacher, labels = inputs((6, 5))
    value, slope = with_gradient(OF_LOGITS[name], torch.zeros(6, 5, requires_grad=True), teacher, labels)
    assert value.isfinite() and 0 < slope.norm() < most  # it was of the order of a million and ten millions


@pytest.mark.parametrize("name", list(OF_LOGITS | OF_MAPS))
def test_no_gradient_reaches_the_teacher(name: str) -> None:
    student, teacher, labels = inputs((6, 5) if name in OF_LOGITS else (6, 3, 2, 2))
    teacher.requires_grad_()
    value = (OF_LOGITS | OF_MAPS)[name](student, teacher, labels)
    slope, none = torch.autograd.grad(value, (student, teacher), allow_unused=True)
    assert slope.abs().sum() > 0 and none is None
