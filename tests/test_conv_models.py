"""The convolutional networks of chapters 04 and 05: counts from the sources, shapes, seeds, batch norm."""

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import nn

from kdlib import models

BUILDERS: list[Callable[[int], nn.Module]] = [
    lambda seed: models.vgg(models.VGG_QUICK, seed=seed),
    lambda seed: models.resnet18(2, seed=seed),
    lambda seed: models.xray_student(seed=seed),
]


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("blocks", "count"),
    [
        (models.VGG_LARGE, 14_728_266),
        (models.VGG_SMALL, 437_034),
        (models.VGG_HALF_WIDTH, 3_686_954),
        (models.VGG_QUICK, 63_434),
    ],
)
@pytest.mark.parametrize("running", [True, False])
def test_vgg_has_the_parameters_of_the_source(
    blocks: tuple[tuple[int, ...], ...], count: int, running: bool
) -> None:
    model = models.vgg(blocks, dropout=0.1, running=running, seed=0).eval()
    assert parameters(model) == count
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_vgg_in_the_order_of_the_source() -> None:
    model = models.vgg(((4, 5), (6,)), dropout=0.1, running=False, seed=0, size=12)
    one = ["Dropout", "Conv2d", "BatchNorm2d", "ReLU"]
    kinds = [type(layer).__name__ for layer in model]
    assert kinds == ["Expects", *one, *one, "MaxPool2d", *one, "MaxPool2d", "Flatten", "Linear"]
    assert all(layer.p == 0.1 for layer in model if isinstance(layer, nn.Dropout))
    assert all(layer.padding == (1, 1) for layer in model if isinstance(layer, nn.Conv2d))
    assert model.fc.in_features == 6 * 3 * 3
    assert not any(isinstance(layer, nn.Dropout) for layer in models.vgg(((4,),), seed=0))


@pytest.mark.parametrize("running", [True, False])
def test_without_running_statistics_an_answer_depends_on_the_batch(running: bool) -> None:
    model = models.vgg(models.VGG_QUICK, running=running, seed=0).eval()
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole, half = model(images)[:4], model(images[:4])
    assert torch.allclose(whole, half, atol=1e-5) == running


@pytest.mark.parametrize("build", BUILDERS)
def test_the_seed_alone_fixes_the_weights_and_the_global_state_is_left_alone(
    build: Callable[[int], nn.Module],
) -> None:
    torch.manual_seed(1)
    first = build(7)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    second, other = build(7), build(8)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert any(not torch.equal(a, c) for a, c in zip(first.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("channels", [1, 3])
def test_resnet18_has_the_parameters_of_torchvisions_with_two_classes(channels: int) -> None:
    model = models.resnet18(2, channels=channels, seed=0).eval()
    assert parameters(model) == 11_177_538
    assert model(torch.rand(2, channels, 64, 64)).shape == (2, 2)


def test_resnet18_is_torchvisions() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        reference = torchvision.models.resnet18(weights=None, num_classes=5)
    found = models.resnet18(5, seed=3).network.state_dict()
    assert found.keys() == reference.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in reference.state_dict().items())


def test_a_grey_image_is_seen_as_one_of_three_equal_channels() -> None:
    grey, colour = (models.resnet18(2, seed=0, channels=c, size=32).eval() for c in (1, 3))
    image = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(grey(image), colour(torch.cat([image, image, image], dim=1)))



@pytest.mark.parametrize("size", [64, 100, 128, 224])
def test_the_xray_student_has_the_same_parameters_at_every_size(size: int) -> None:
    model = models.xray_student(seed=0, size=size)
    assert parameters(model) == 277_436
    assert model(torch.rand(2, 1, size, size)).shape == (2, 2)
    features = model[: list(dict(model.named_children())).index("flatten")]
    assert features(torch.rand(1, 1, size, size)).shape == (1, 64, 8, 8)


def test_the_xray_student_averages_only_above_64_pixels() -> None:
    assert not hasattr(models.xray_student(seed=0, size=64), "average")
    average = models.xray_student(seed=0, size=128).average
    maps = torch.rand(1, 2, 16, 16)
    assert torch.allclose(average(maps), nn.functional.adaptive_avg_pool2d(maps, 8))


def test_every_place_counts_in_the_average_of_224_pixels() -> None:
    maps = torch.ones(1, 1, 28, 28, requires_grad=True)
    averaged = models.xray_student(seed=0, size=224).average(maps)
    assert torch.equal(averaged, torch.ones(1, 1, 8, 8))
    averaged.sum().backward()
    assert bool((maps.grad > 0).all())


@pytest.mark.parametrize("build", BUILDERS)
def test_images_of_another_shape_are_named(build: Callable[[int], nn.Module]) -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 5, 20, 20\).*this model takes"):
        build(0)(torch.zeros(2, 5, 20, 20))
