"""Networks of images, each a function that returns a plain nn.Sequential."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
            remedy = f"as from data.load(..., resolution={self.shape[1]})"
            if images.ndim == 4 and images.shape[1] != self.shape[0]:
                remedy = "another number of channels, for which resnet18 can be built"
            found = f"images has shape {tuple(images.shape)}"
            raise ValueError(f"{found}; this model takes (N, {wanted}), {remedy}")
        return images


@contextmanager
def initialised(seed: int) -> Iterator[None]:
    """Draw initial weights from `seed`; the global random state is neither used nor changed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also seed the GPUs for good
        yield


def _block(number: int, before: int, after: int, padding: int = 0) -> dict[str, nn.Module]:
    """A 3x3 convolution from `before` to `after` channels, a ReLU, and a max-pool that halves both sides."""
    return {
        f"conv{number}": nn.Conv2d(before, after, 3, padding=padding),
        f"relu{number}": nn.ReLU(),
        f"pool{number}": nn.MaxPool2d(2),
    }


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
    with initialised(seed):
        layers = OrderedDict[str, nn.Module](
            input=Expects(1, 32),
            **_block(1, 1, channels[0]),
            **_block(2, *channels),
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
    with initialised(seed):
        for i, (before, after) in enumerate(pairwise(widths), start=1):
            if share := dropout[0 if i == 1 else 1]:
                layers[f"dropout{i}"] = nn.Dropout(share)
            layers[f"fc{i}"] = nn.Linear(before, after)
            if i < len(widths) - 1:
                layers[f"relu{i}"] = nn.ReLU()
    return nn.Sequential(layers)


# Output channels of `vgg`'s convolutions, block by block: labml's two, the large one at half its width, and
# one for quick runs, of 14,728,266, 437,034, 3,686,954 and 63,434 parameters. Chapter 04.
VGG_LARGE = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
VGG_SMALL = ((32, 32), (64, 64), (128,), (128,), (128,))
VGG_HALF_WIDTH = ((32, 32), (64, 64), (128, 128, 128), (256, 256, 256), (256, 256, 256))
VGG_QUICK = ((16,), (32,), (64,), (64,))


def vgg(
    blocks: Sequence[Sequence[int]], *, seed: int, dropout: float = 0.0, running: bool = True, size: int = 32
) -> nn.Sequential:
    """A VGG-style network for colour images and ten classes, as labml's two for CIFAR-10. Chapter 04.

    After Simonyan and Zisserman (2015), with batch norm and a single linear layer. For each number in
    `blocks` there is dropout (if any), a 3x3 convolution with padding 1, batch norm and a ReLU; after each
    block a max-pool halves height and width. labml's pair is `vgg(VGG_LARGE, dropout=0.1, running=False,
    seed=0)` and `vgg(VGG_SMALL, running=False, seed=0)`.

    Args:
        blocks: output channels of the convolutions, block by block: VGG_LARGE or others.
        seed: fixes the initial weights; the global random state is neither used nor changed.
        dropout: the share of each convolution's inputs that is left out in training, 0 to 1.
        running: whether batch norm keeps running means and variances for evaluation. Without them, as in
            labml's code, the answer to an image depends on the others in its batch, in evaluation too.
        size: height and width of the images in pixels.

    Returns:
        A model from float images (N, 3, size, size) with pixels in [0, 1] to logits (N, 10).

    Raises:
        ValueError: no block, a block without a convolution, or images too small for so many max-pools.
    """
    if not blocks or not all(blocks):
        raise ValueError(f"blocks is {blocks}; give at least one block, each with at least one convolution")
    side = size // 2 ** len(blocks)
    if side < 1:
        raise ValueError(f"size is {size}; {len(blocks)} max-pools need at least {2 ** len(blocks)} pixels")
    layers = OrderedDict[str, nn.Module](input=Expects(3, size))
    before, number = 3, 0
    with initialised(seed):
        for block, widths in enumerate(blocks, start=1):
            for width in widths:
                number += 1
                if dropout:
                    layers[f"dropout{number}"] = nn.Dropout(dropout)
                layers[f"conv{number}"] = nn.Conv2d(before, width, 3, padding=1)
                layers[f"norm{number}"] = nn.BatchNorm2d(width, track_running_stats=running)
                layers[f"relu{number}"] = nn.ReLU()
                before = width
            layers[f"pool{block}"] = nn.MaxPool2d(2)
        layers["flatten"] = nn.Flatten()
        layers["fc"] = nn.Linear(before * side * side, 10)
    return nn.Sequential(layers)


class GreyToColour(nn.Module):
    """Repeats the one channel of grey images (N, 1, H, W) three times: (N, 3, H, W). Chapter 05."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the images with three equal channels, as views of the same memory."""
        return images.expand(-1, 3, -1, -1)


def resnet18(classes: int, *, seed: int, channels: int = 3, size: int = 64) -> nn.Sequential:
    """torchvision's ResNet-18 with random weights, the teacher on chest X-rays. Chapter 05.

    He, Zhang, Ren and Sun (2016). With two classes it has 11,177,538 parameters, whatever the channels: a
    grey image is repeated in the three channels that the network expects. The network itself is
    `model.network`, with torchvision's names for its layers.

    Args:
        classes: 2 or more.
        seed: fixes the initial weights; the global random state is neither used nor changed.
        channels: of the images that the model takes, 1 (grey) or 3.
        size: their height and width in pixels.

    Returns:
        A model from float images (N, channels, size, size) with pixels in [0, 1] to logits (N, classes).

    Raises:
        ValueError: fewer than two classes, or channels other than 1 and 3.
    """
    from torchvision.models import resnet18 as torchvisions  # here: the import takes seconds

    if classes < 2:
        raise ValueError(f"classes is {classes}; a classifier tells at least 2 apart")
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; it must be 1 (grey, repeated three times) or 3")
    layers = OrderedDict[str, nn.Module](input=Expects(channels, size))
    if channels == 1:
        layers["colour"] = GreyToColour()
    with initialised(seed):
        layers["network"] = torchvisions(weights=None, num_classes=classes)
    return nn.Sequential(layers)


def xray_student(*, seed: int, size: int = 64) -> nn.Sequential:
    """The student of three convolutions for grey chest X-rays, 277,436 parameters at every size. Chapter 05.

    After the pneumonia X-ray exploration of Mage (2021), which names three layers and 277,000 parameters:
    3x3 convolutions of 16, 32 and 64 channels, each with ReLU and max-pool, then linear layers of 62 and 2.
    Where the last max-pool leaves more than 8x8, as it does from 72 pixels on, windows are averaged to 8x8.

    Args:
        seed: fixes the initial weights; the global random state is neither used nor changed.
        size: height and width of the images in pixels, 64 or more.

    Returns:
        A model from float images (N, 1, size, size) with pixels in [0, 1] to logits (N, 2).

    Raises:
        ValueError: a size below 64.
    """
    if size < 64:
        raise ValueError(f"size is {size}; three max-pools must leave 8x8, so it must be at least 64")
    side = size // 8
    stride = side // 8
    with initialised(seed):
        layers = OrderedDict[str, nn.Module](
            input=Expects(1, size),
            **_block(1, 1, 16, padding=1),
            **_block(2, 16, 32, padding=1),
            **_block(3, 32, 64, padding=1),
            # AdaptiveAvgPool2d(8) would refuse 28x28, what 224 pixels leave, on MPS.
            average=nn.AvgPool2d(side - 7 * stride, stride),
            flatten=nn.Flatten(),
            fc1=nn.Linear(64 * 8 * 8, 62),
            relu4=nn.ReLU(),
            fc2=nn.Linear(62, 2),
        )
    if side == 8:
        del layers["average"]
    return nn.Sequential(layers)
