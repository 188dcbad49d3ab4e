"""Crops, flips and fixed views, against pixels worked out by hand or one image at a time."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from kdlib.data.augment import View, crop_flip, take_views, viewed

SQUARE = torch.arange(1, 10, dtype=torch.uint8).reshape(1, 1, 3, 3)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(n: int, size: int = 6) -> Tensor:
    return torch.randint(1, 256, (n, 3, size, size), generator=chance(), dtype=torch.uint8)


def test_each_image_gets_a_crop_and_a_flip_of_its_own() -> None:
    image = photos(1)[0]
    padded = pad(image, (2,) * 4)
    crops = [padded[:, y : y + 6, x : x + 6] for y in range(5) for x in range(5)]
    possible = {c.numpy().tobytes() for c in crops} | {c.flip(-1).numpy().tobytes() for c in crops}
    assert len(possible) == 50
    changed = crop_flip(image.expand(1000, -1, -1, -1), chance(), padding=2)
    found = [c.contiguous().numpy().tobytes() for c in changed]
    assert changed.dtype == torch.uint8
    assert set(found) == possible  # each of the 50 came up, and nothing else
    assert max(map(found.count, possible)) < 50  # of 20 expected


def test_half_of_the_images_are_mirrored() -> None:
    images = photos(1000)
    changed = crop_flip(images, chance(), padding=0)
    mirrored = (changed == images.flip(-1)).flatten(1).all(1)
    assert bool((mirrored | (changed == images).flatten(1).all(1)).all())
    assert 450 < int(mirrored.sum()) < 550


def test_the_generator_alone_decides() -> None:
    images = photos(20)
    assert torch.equal(crop_flip(images, chance(1)), crop_flip(images, chance(1)))
    assert not torch.equal(crop_flip(images, chance(1)), crop_flip(images, chance(2)))


@pytest.mark.parametrize(
    ("view", "pixels"),
    [
        (View(), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (View(flip=True), [[3, 2, 1], [6, 5, 4], [9, 8, 7]]),
        (View(dy=1), [[0, 0, 0], [1, 2, 3], [4, 5, 6]]),
        (View(dx=2), [[0, 0, 1], [0, 0, 4], [0, 0, 7]]),
        (View(False, -1, -1), [[5, 6, 0], [8, 9, 0], [0, 0, 0]]),
        (View(True, 1, 1), [[0, 0, 0], [0, 3, 2], [0, 6, 5]]),  # mirrored first, then moved
    ],
)
def test_a_view_by_hand(view: View, pixels: list[list[int]]) -> None:
    views = [View(), View(dy=-2), view]
    seen = take_views(SQUARE, views, torch.tensor([2]))
    assert seen.dtype == torch.uint8
    assert seen[0, 0].tolist() == pixels


def test_each_image_is_seen_in_its_own_view() -> None:
    images, views = photos(4), [View(), View(True, 0, 3), View(dy=-2)]
    seen = take_views(images, views, torch.tensor([2, 0, 1, 1]))
    for i, number in enumerate([2, 0, 1, 1]):
        assert torch.equal(seen[i : i + 1], take_views(images[i : i + 1], [views[number]], torch.tensor([0])))


def test_an_augmentation_says_which_view_it_took() -> None:
    images, views = photos(3000), [View(), View(flip=True), View(dy=1, dx=-1)]
    seen, numbers = viewed(views)(images, chance())
    assert torch.equal(seen, take_views(images, views, numbers))
    counts = torch.bincount(numbers, minlength=3)
    assert len(counts) == 3 and bool(((counts > 900) & (counts < 1100)).all())
    again, same = viewed(views)(images, chance())
    assert torch.equal(seen, again) and torch.equal(numbers, same)
