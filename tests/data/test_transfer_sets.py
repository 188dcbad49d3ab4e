"""Images that are no digits: their shapes, that seeds fix them, and what tells them from one another."""

import torch

from kdlib.data import transfer_sets


def test_noise_is_even_and_a_seed_fixes_it() -> None:
    noise = transfer_sets.noise(200, seed=3)
    assert noise.images.shape == (200, 1, 28, 28) and noise.images.dtype == torch.uint8
    assert torch.equal(noise.images, transfer_sets.noise(200, seed=3).images)
    assert not torch.equal(noise.images, transfer_sets.noise(200, seed=4).images)
    values = noise.images.double()
    assert abs(float(values.mean()) - 127.5) < 1 and (noise.images == 255).any()
    assert abs(correlation(noise.images)) < 0.02


def test_clouds_have_neighbours_alike_and_half_of_them_black() -> None:
    clouds = transfer_sets.clouds(200, seed=3).images
    assert clouds.shape == (200, 1, 28, 28) and correlation(clouds) > 0.8
    black, white = ((clouds == value).double().mean() for value in (0, 255))
    assert 0.4 < black < 0.6 and 0.02 < white < 0.3
    assert not torch.equal(clouds, transfer_sets.clouds(200, seed=4).images)


def test_xrays_are_as_small_as_digits_and_none_is_labelled() -> None:
    xrays = transfer_sets.xrays()
    assert xrays.images.shape == (4447, 1, 28, 28)
    assert not xrays.labels.any()


def correlation(images: torch.Tensor) -> float:
    """Of a pixel with its right neighbour."""
    left, right = images[..., :-1].double().flatten(), images[..., 1:].double().flatten()
    return float(torch.corrcoef(torch.stack([left, right]))[0, 1])
