"""What must hold of every objective: no look at values on a GPU, ignored labels, models' outputs."""

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from kdlib import models
from kdlib.losses import features as feature_losses
from kdlib.objectives import (
    Batch,
    Objective,
    distilled,
    label_smoothed,
    logits_on,
    networks,
    privileged,
    signals,
    supervised,
    teacher_logits,
)


def network(seed: int, *widths: int) -> nn.Module:
    return models.vgg([[w] for w in widths or (4, 6)], seed=seed)


def looks(ours: Any, theirs: Any) -> Tensor:
    return feature_losses.attention_transfer(ours["pool1"], theirs["pool1"])


def relates(ours: Any, theirs: Any) -> Tensor:
    pair = ours["flatten"], theirs["flatten"]
    return feature_losses.relational_distance(*pair) + feature_losses.relational_angle(*pair)


def case(name: str) -> tuple[nn.Module, Objective]:
    """A model and its objective."""
    teacher, student = network(9, 8, 12), network(0)
    made: dict[str, tuple[nn.Module, Objective]] = {
        "supervised": (student, supervised),
        "smoothed": (student, label_smoothed(0.1)),
        "distilled": (student, distilled(teacher, temperature=4.0, alpha=0.5)),
        "brought": (student, distilled(None, temperature=4.0, alpha=0.5)),
        "ensemble": (
            student,
            distilled(networks.Ensemble([teacher, teacher], 4.0), temperature=4.0, alpha=0.5),
        ),
        "dkd": (student, signals.by_logits(signals.dkd_term(4.0, 2.0), teacher, weight=1.0)),
        "dist": (student, signals.by_logits(signals.dist_term(4.0), teacher, weight=1.0)),
        "standardised": (student, signals.by_logits(signals.standardised_term(2.0), teacher, weight=1.0)),
        "attention": (student, signals.by_features(looks, teacher, (["pool1"], ["pool1"]), weight=1.0)),
        "relations": (student, signals.by_features(relates, teacher, (["flatten"], ["flatten"]), weight=1.0)),
        "hinted": (
            networks.WithRegressor(student, (4, 8), seed=1),
            signals.hinted(teacher, ("pool1", "pool1"), weight=1.0),
        ),
        "mutual": (networks.MutualStudents(student, network(1)), signals.mutual(1.0)),
        "together": (privileged.CoTrained(network(2), student), privileged.together(0.5)),
        "undetached": (
            privileged.CoTrained(network(2), student),
            privileged.together(0.5, detach=False, divergence=True),
        ),
    }
    return made[name]


NAMES = (
    "supervised smoothed distilled brought ensemble dkd dist standardised attention relations hinted mutual"
)
every = pytest.mark.parametrize("name", [*NAMES.split(), "together", "undetached"])


def batch(device: str = "cpu", labels: Tensor | None = None) -> Batch:
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6) if labels is None else labels
    brought = torch.linspace(-2, 2, 60).reshape(6, 10).sin()
    return Batch(images.to(device), labels.to(device), teacher_logits=brought.to(device))


@every
def test_a_step_on_a_gpu_looks_at_no_value(name: str) -> None:
    # Autograd asks CUDA for a device, so the gradient is taken of tensors without one; see the losses' test.
    for device in ("cuda", "meta"):
        if device == "meta" and name == "relations":  # it turns autocast off, which meta does not have
            continue
        with FakeTensorMode():
            with torch.device(device):
                model, objective = case(name)
            optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
            terms = objective(model.train(), batch(device))
            assert {value.device.type for value in terms.values()} == {device}
            if device == "meta":
                terms["loss"].backward()
                assert all(p.grad is not None for p in model.parameters())
            optimizer.step()


@every
def test_no_step_needs_a_certain_type_of_weights(name: str) -> None:
    model, objective = case(name)
    terms = objective(model, batch())
    exact = objective(copy.deepcopy(model).double(), batch())  # the teacher stays in float32
    assert exact["loss"].dtype == torch.float64
    for key in terms:
        torch.testing.assert_close(exact[key].float(), terms[key], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["supervised", "smoothed", "brought", "dkd", "dist", "standardised", "mutual", "together"]
)
def test_an_ignored_label_takes_its_example_out_of_all_terms(name: str) -> None:
    model, objective = case(name)
    model.eval()
    labels = torch.tensor([3, -100, 0, 5, -100, 1])
    whole, rest = batch(labels=labels), labels >= 0
    left = Batch(whole.images[rest], labels[rest], teacher_logits=whole.teacher_logits[rest])
    for key, value in objective(model, whole).items():
        torch.testing.assert_close(value, objective(model, left)[key])
    with pytest.raises(ValueError, match="no row counts"):
        objective(model, batch(labels=torch.full((6,), -100)))


class Packed(nn.Module):
    """A model whose output is an object, as those of transformers are."""

    def __init__(self, pack: Any) -> None:
        super().__init__()
        self.model, self.pack = network(0), pack

    def forward(self, images: Tensor) -> Any:
        return self.pack(self.model(images))


def test_a_model_may_return_an_object_with_logits() -> None:
    packed = Packed(lambda logits: SimpleNamespace(logits=logits, loss=None)).eval()
    plain = packed.model(batch().images)
    assert torch.equal(logits_on(packed, batch().images), plain)
    assert torch.equal(teacher_logits(packed, batch()), plain)
    packed.train()
    terms = distilled(packed, temperature=4.0, alpha=0.5)(
        Packed(lambda z: SimpleNamespace(logits=z)), batch()
    )
    assert terms["loss"].requires_grad and not packed.training
    for pack in (lambda z: {"logits": z}, lambda z: (z,), lambda z: None):
        with pytest.raises(
            TypeError, match=r"the model gives a .*Wrap it in a module .*'Distil your own model'"
        ):
            supervised(Packed(pack), batch())
