"""The networks of the book, each a function that returns a plain nn.Sequential."""

from collections import OrderedDict
from itertools import pairwise

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
    channels: tuple[int, int] = (6, 16),
    hidden: tuple[int, int] = (120, 84),
    *,
    seed: int,
    dropout: float = 0.0,
) -> nn.Sequential:
    """A LeNet-5 with 3x3 convolutions for grey 32x32 images and ten classes.

    After LeCun et al. (1998), in the variant of the MNIST tutorial that chapter 03 reproduces. The default
    is its teacher (81,194 parameters); `lenet5((6, 12), (90, 64), seed=0)` is its student (46,164).
    Chapters 01 and 03.

    Args:
        channels: output channels of the two convolutions.
        hidden: widths of the two hidden linear layers.
        seed: fixes the initial weights; the global random state is neither used nor changed.
        dropout: the share of inputs of the last two layers that is left out in training.

    Returns:
        A model from float images (N, 1, 32, 32) with pixels in [0, 1] to logits (N, 10).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = OrderedDict[str, nn.Module](
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
            dropout1=nn.Dropout(dropout),
            fc2=nn.Linear(hidden[0], hidden[1]),
            relu4=nn.ReLU(),
            dropout2=nn.Dropout(dropout),
            fc3=nn.Linear(hidden[1], 10),
        )
    if not dropout:
        del layers["dropout1"], layers["dropout2"]
    return nn.Sequential(layers)


def mlp(widths: tuple[int, ...], *, seed: int, dropout: tuple[float, float] = (0.0, 0.0)) -> nn.Sequential:
    """A network of linear layers and ReLUs, as in Hinton, Vinyals and Dean (2015), section 3. Chapter 03.

    `mlp((784, 1200, 1200, 10), dropout=(0.2, 0.5), seed=0)` is their MNIST teacher, and
    `mlp((784, 800, 800, 10), seed=0)` their student.

    Args:
        widths: inputs (pixels of an image), hidden units, classes.
        seed: fixes the initial weights; the global random state is neither used nor changed.
        dropout: the share of pixels and of hidden units that is left out in training.

    Returns:
        A model from float images (N, C, H, W) with C * H * W = widths[0] to logits (N, widths[-1]).
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for i, (before, after) in enumerate(pairwise(widths), start=1):
            if share := dropout[0 if i == 1 else 1]:
                layers[f"dropout{i}"] = nn.Dropout(share)
            layers[f"fc{i}"] = nn.Linear(before, after)
            if i < len(widths) - 1:
                layers[f"relu{i}"] = nn.ReLU()
    return nn.Sequential(layers)
