"""Comparing what two networks compute on their way: pure functions of feature maps. Chapter 07.

Feature maps are (batch, channels, height, width), vectors (batch, dimensions). No gradient flows into the
teacher's. All is computed in float32 or better, also inside autocast.

The authors' code takes other means; with each loss stands what a weight published for theirs is here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import checks


def hint(student: Tensor, teacher: Tensor) -> Tensor:
    """Half of the mean squared difference of two feature maps: Romero et al. (2015), equation 3. Chapter 07.

    FitNets' guide and hint. The paper sums over the elements of an example; with the mean, the weight of the
    term does not depend on the size of the maps. A weight of the paper's sum is here that times the number of
    elements an example; one of F.mse_loss, which later code takes, is twice that.

    Args:
        student: what a regressor has made of the student's map, of the same shape as the teacher's. Tokens
            (batch, tokens, dimensions) will do too.
        teacher: the teacher's map.

    Raises:
        ValueError: maps of different shapes.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            f"the maps are {tuple(student.shape)} and {tuple(teacher.shape)}; take both where height and "
            "width, or tokens, agree, and the student's through a regressor (a 1x1 convolution, for tokens a "
            "linear layer) with as many channels as the teacher's"
        )
    return 0.5 * F.mse_loss(*_both(student, teacher))


def attention(maps: Tensor) -> Tensor:
    """Where a network looks: the sum of squares over channels, of length 1. (B, C, H, W) to (B, H W).

    Zagoruyko and Komodakis (2017), section 3.1, the sum of squares. Chapter 07.

    Raises:
        ValueError: no feature map.
    """
    if maps.ndim != 4:
        raise ValueError(
            f"maps has shape {tuple(maps.shape)}; attention is of maps (batch, channels, H, W). Tokens "
            "(batch, H W, channels) make some: tokens.mT.unflatten(-1, (H, W))"
        )
    return F.normalize(checks.at_least_float32(maps, "maps").square().sum(1).flatten(1), dim=1)


def attention_transfer(student: Tensor, teacher: Tensor) -> Tensor:
    """Half of the squared distance of two attention maps, averaged over the batch. Chapter 07.

    Zagoruyko and Komodakis (2017), equation 2; it prints the distance, their code squares it, as here. The
    numbers of channels may differ, and their order and scale do not matter.

    Their code takes the mean over the H W places and no half, so this is H W / 2 times its value: a weight
    published for it is here that times 2 / (H W).

    Raises:
        ValueError: no feature maps, or of another batch, height or width.
    """
    ours, theirs = attention(student), attention(teacher.detach())
    if len(student) != len(teacher) or student.shape[-2:] != teacher.shape[-2:]:
        raise ValueError(
            f"the maps are {tuple(student.shape)} and {tuple(teacher.shape)}; take both of the same examples "
            "and where height and width agree"
        )
    return 0.5 * (ours - theirs).square().sum(1).mean()


def relational_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Huber's loss of the distances between all pairs: Park et al. (2019), section 3.2.1. Chapter 07.

    Distances are divided by their mean over the batch, so that neither turning, moving nor scaling a model's
    whole space changes anything. The dimensions of the two may differ.

    The mean is over the pairs of different examples. The authors' code also counts each of the n examples
    with itself, so this is n / (n - 1) times its value: its weight is here that times (n - 1) / n.

    Args:
        student, teacher: one vector an example, (batch, dimensions); feature maps are made flat.

    Raises:
        ValueError: batches of different length, or of fewer than two examples.
    """
    ours, theirs = _vectors(student, teacher, 2)

    def scaled(vectors: Tensor) -> Tensor:
        distances = F.pdist(vectors)
        return distances / distances.mean().clamp_min(1e-12)

    return F.smooth_l1_loss(scaled(ours), scaled(theirs))


def relational_angle(student: Tensor, teacher: Tensor) -> Tensor:
    """Huber's loss of the cosines of all angles: Park et al. (2019), section 3.2.2. Chapter 07.

    Three examples make a triangle, and each of its corners an angle. The same changes as for distances change
    nothing.

    The mean is over triples of different examples. The authors' code counts all n^3, so this is
    n^2 / ((n - 1)(n - 2)) times its value: its weight is here that divided by as much.

    Args:
        student, teacher: one vector an example, (batch, dimensions); feature maps are made flat.

    Raises:
        ValueError: batches of different length, or of fewer than three examples.
    """
    ours, theirs = _vectors(student, teacher, 3)

    def cosines(vectors: Tensor) -> Tensor:
        edges = F.normalize(vectors[None] - vectors[:, None], dim=2)  # [corner, other]
        with torch.autocast(edges.device.type, enabled=False):  # which would multiply in half precision
            return torch.bmm(edges, edges.mT)  # [corner, other, other]

    # Where two of the three are the same example, both cosines are 0 or both 1: nothing is added.
    n = len(ours)
    return F.smooth_l1_loss(cosines(ours), cosines(theirs), reduction="sum") / (n * (n - 1) * (n - 2))


def _vectors(student: Tensor, teacher: Tensor, least: int) -> tuple[Tensor, Tensor]:
    n, m = len(student), len(teacher)
    if n != m or n < least:
        raise ValueError(f"the batches hold {n} and {m} examples; they must be the same, {least} or more")
    ours, theirs = _both(student, teacher)
    return ours.flatten(1), theirs.flatten(1)


def _both(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float32 or better, the teacher's cut off."""
    ours = checks.at_least_float32(student, "the student's")
    return ours, checks.at_least_float32(teacher.detach(), "the teacher's")
