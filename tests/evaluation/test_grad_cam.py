"""Grad-CAM against maps worked out by hand."""

import pytest
import torch
from torch import Tensor, nn

from kdlib import models
from kdlib.evaluation.grad_cam import grad_cam


class Two(nn.Module):
    """Two channels, the image and its negative; the logits are 3 and -1 times the first channel's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1, bias=False)
        self.fc = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
            self.fc.weight.copy_(torch.tensor([[3.0, 0.0], [-1.0, 0.0]]))

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.conv(images).mean(dim=(2, 3)))  # type: ignore[no-any-return]


def test_a_map_worked_out_by_hand() -> None:
    image = torch.tensor([[[[0.0, 1.0], [2.0, -4.0]]]])
    model = Two().train()
    # Class 0 grows with the first channel: its positive places speak for it, the largest is 1.
    torch.testing.assert_close(
        grad_cam(model, image, model.conv, 0), torch.tensor([[[0.0, 0.5], [1.0, 0.0]]])
    )
    # Class 1 falls with it: only the negative place speaks for it.
    torch.testing.assert_close(
        grad_cam(model, image, model.conv, 1), torch.tensor([[[0.0, 0.0], [0.0, 1.0]]])
    )
    assert not model.training
    assert grad_cam(model, image.abs(), model.conv, 1).eq(0).all()  # nothing speaks for it


def test_a_frozen_network_has_the_same_map() -> None:
    image = torch.tensor([[[[0.0, 1.0], [2.0, -4.0]]]])
    free, frozen = Two(), Two().requires_grad_(False)
    assert torch.equal(grad_cam(frozen, image, frozen.conv, 0), grad_cam(free, image, free.conv, 0))


def test_hooks_are_removed_and_weights_get_no_gradients() -> None:
    model = models.xray_student(seed=0)
    images = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert grad_cam(model, images, model.relu3, 1).shape == (3, 16, 16)
    assert not model.relu3._forward_hooks
    assert all(p.grad is None for p in model.parameters())
    with pytest.raises(ValueError, match="target is 2; the model has the classes 0 to 1"):
        grad_cam(model, images, model.relu3, 2)
    assert not model.relu3._forward_hooks


def test_layers_that_have_no_map_are_named() -> None:
    model = models.xray_student(seed=0)
    images = torch.zeros(1, 1, 64, 64)
    with pytest.raises(ValueError, match="layer is not a part of the model"):
        grad_cam(model, images, nn.ReLU(), 1)
    with pytest.raises(ValueError, match=r"does not give maps \(N, channels, h, w\)"):
        grad_cam(model, images, model.fc1, 1)
    shared = nn.ReLU()
    both = nn.Sequential(
        nn.Conv2d(1, 2, 1), shared, nn.Conv2d(2, 2, 1), shared, nn.Flatten(), nn.Linear(8192, 2)
    )
    with pytest.raises(ValueError, match="layer was used 2 times"):
        grad_cam(both, images, shared, 1)


def test_a_map_that_the_next_layer_changes_in_place_is_refused() -> None:
    layers = [nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8192, 2)]
    model, images = nn.Sequential(*layers), torch.rand(1, 1, 64, 64)
    with pytest.raises(ValueError, match="changes what layer gives in place; take that one"):
        grad_cam(model, images, layers[0], 1)
    assert grad_cam(model, images, layers[1], 1).shape == (1, 64, 64)
