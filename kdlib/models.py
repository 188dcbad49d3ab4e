"""The networks of the book, each a function that returns a plain nn.Sequential."""

from collections import OrderedDict

import torch
from torch import Tensor, nn


class Expects(nn.Module):
    """Lets images of one shape through and says what is wrong with others. Chapter 01."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.shape = (channels, size, size)

    def forward(self, images: Tensor) -> Tensor:
        """Return float images (N, *shape) as they are; TypeError or ValueError for any others."""
        if not images.is_floating_point():
            raise TypeError(f"images has dtype {images.dtype}; give pixels from 0 to 1: images.float() / 255")
        if images.shape[1:] != self.shape:
            wanted = ", ".join(map(str, self.shape))
            raise ValueError(
                f"images has shape {tuple(images.shape)}; this model takes (N, {wanted}), "
                f"as from data.load(..., resolution={self.shape[1]})"
            )
        return images


def lenet5(
    channels: tuple[int, int] = (6, 16), hidden: tuple[int, int] = (120, 84), *, seed: int
) -> nn.Sequential:
    """A LeNet-5 with 3x3 convolutions for grey 32x32 images and ten classes.

    After LeCun et al. (1998), in the variant of the MNIST tutorial that chapter 03 reproduces. The default
    is its teacher (81,194 parameters); `lenet5((6, 12), (90, 64), seed=0)` is its student (46,164).
    Chapters 01 and 03.

    Args:
        channels: output channels of the two convolutions.
        hidden: widths of the two hidden linear layers.
        seed: fixes the initial weights; the global random state is neither used nor changed.

    Returns:
        A model from float images (N, 1, 32, 32) with pixels in [0, 1] to logits (N, 10).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            OrderedDict[str, nn.Module](
                input=Expects(1, 32),
                conv1=nn.Conv2d(1, channels[0], 3),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(channels[0], channels[1], 3),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                fc1=nn.Linear(channels[1] * 6 * 6, hidden[0]),
                relu3=nn.ReLU(),
                fc2=nn.Linear(hidden[0], hidden[1]),
                relu4=nn.ReLU(),
                fc3=nn.Linear(hidden[1], 10),
            )
        )
