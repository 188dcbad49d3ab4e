"""Random changes of images, a whole batch at once: each takes uint8 images and a generator. Chapter 03."""

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
    n, channels, height, width = images.shape
    padded = pad(images, (reach,) * 4)
    place = images.device
    offsets = torch.randint(0, 2 * reach + 1, (n, 2), generator=generator, device=place)
    rows = (offsets[:, 0, None] + torch.arange(height, device=place))[:, None, :, None]
    columns = (offsets[:, 1, None] + torch.arange(width, device=place))[:, None, None, :]
    which = torch.arange(n, device=place)[:, None, None, None]
    return padded[which, torch.arange(channels, device=place)[None, :, None, None], rows, columns]
