"""Random changes of images, a whole batch at once: each takes uint8 images and a generator. Chapter 03."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad


def shift(images: Tensor, generator: torch.Generator, reach: int = 2) -> Tensor:
    """Move each image by an offset of its own, up to `reach` pixels each way, filling with black.

    The jitter of Hinton, Vinyals and Dean (2015), section 3. Chapter 03.

    Args:
        images: (N, C, H, W), any type.
        generator: on the device of the images.
        reach: pixels, 0 or more.
    """
    offsets = torch.randint(0, 2 * reach + 1, (len(images), 2), generator=generator, device=images.device)
    return _moved(images, reach - offsets[:, 0], reach - offsets[:, 1], reach)


def _moved(images: Tensor, dy: Tensor, dx: Tensor, reach: int, flip: Tensor | None = None) -> Tensor:
    """Each image moved down by dy and right by dx (N,), at most `reach`; first mirrored where `flip` (N,)."""
    (n, channels, height, width), device = images.shape, images.device
    rows = torch.arange(height, device=device) - dy[:, None]
    columns = torch.arange(width, device=device) - dx[:, None]
    if flip is not None:
        columns = torch.where(flip[:, None], width - 1 - columns, columns)
    which = torch.arange(n, device=device)[:, None, None, None]
    planes = torch.arange(channels, device=device)[None, :, None, None]
    padded = pad(images, (reach,) * 4)
    return padded[which, planes, (rows + reach)[:, None, :, None], (columns + reach)[:, None, None, :]]


def crop_flip(images: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """A random crop of each image padded with black, and half of them mirrored left to right. Chapter 04.

    The usual augmentation of CIFAR-10: He, Zhang, Ren and Sun (2016), section 4.2. Each image has an offset
    of its own; a crop out of padding is a shift.

    Args:
        images: (N, C, H, W), any type.
        generator: on the device of the images.
        padding: pixels on each side, 0 or more.
    """
    cropped = shift(images, generator, reach=padding)
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < 0.5
    return torch.where(mirrored, cropped.flip(-1), cropped)


class View(NamedTuple):
    """A way to look at an image: mirrored left to right or not, then moved down by dy and right by dx.

    dy, dx: pixels; below 0 it is moved up or left. What comes in from outside is black. Chapter 04.
    """

    flip: bool = False
    dy: int = 0
    dx: int = 0


def checked_views(views: Sequence[View]) -> list[View]:
    """`views` as a list; ValueError where it is empty, TypeError where one is not (bool, int, int)."""
    if not views:
        raise ValueError("views is empty; give at least one, for instance [View()], the image as it is")
    for view in views:
        if len(view) != 3 or view[0] not in (0, 1) or not all(isinstance(part, int) for part in view):
            raise TypeError(f"views holds {view!r}; a view is View(flip, dy, dx): a bool and two integers")
    return [View(bool(flip), dy, dx) for flip, dy, dx in views]


def take_views(images: Tensor, views: Sequence[View], numbers: Tensor) -> Tensor:
    """Each image in the view whose number stands in `numbers`: image i in views[numbers[i]]. Chapter 04.

    Args:
        images: (N, C, H, W), any type.
        views: which there are.
        numbers: (N,) integers, 0 to len(views) - 1, on the device of the images.

    Raises:
        ValueError: no view, or one that moves an image out of sight.
        TypeError: a view that is not (bool, int, int).
    """
    views, (height, width) = checked_views(views), images.shape[2:]
    reach = max(max(abs(view.dy), abs(view.dx)) for view in views)
    if reach >= min(height, width):
        raise ValueError(f"views moves by {reach} pixels; an image of {height}x{width} would be gone")
    flip, dy, dx = torch.tensor(views).to(images.device)[numbers].unbind(1)
    return _moved(images, dy, dx, reach, flip == 1)


def viewed(views: Sequence[View]) -> Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]:
    """An augmentation that shows each image in one of a few fixed views, drawn with equal chances.

    With few views a teacher can be asked for all its answers beforehand (`caching.teacher_cache`). Beyer et
    al. (2022) show why its answers must be to the very view that the student sees. Chapter 04.

    Args:
        views: at least one.

    Returns:
        A function for `train(..., augment=...)` of images (N, C, H, W) and a generator on their device; it
        gives the changed images and the number of the view of each, (N,).

    Raises:
        ValueError: no view.
        TypeError: a view that is not (bool, int, int).
    """
    views = checked_views(views)

    def augmented(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        numbers = torch.randint(len(views), (len(images),), generator=generator, device=images.device)
        return take_views(images, views, numbers), numbers

    return augmented
