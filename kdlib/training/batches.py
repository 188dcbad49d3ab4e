"""What an objective sees in each step: batches of a data set on the device, or of any loader. Chapter 03."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DistributedSampler

from kdlib import checks
from kdlib.data import Dataset
from kdlib.distributed import ranks
from kdlib.objectives import Batch
from kdlib.training import recipes
from kdlib.training.recipes import Recipe

# Gives the changed images, or these and the number of the view that each of them is.
Augment = Callable[[Tensor, torch.Generator], Tensor | tuple[Tensor, Tensor]]
# Batches (images, labels) or (images, labels, teacher_logits).
Loader = Iterable[tuple[Tensor, ...] | list[Tensor]]
Data = Dataset | Loader


def steps(data: Data, recipe: Recipe) -> int | None:
    """How many batches an epoch has, where that is known beforehand."""
    if isinstance(data, Dataset):
        return len(recipes.batch_starts(recipe, len(data)))
    try:
        return len(data)  # type: ignore[arg-type]
    except TypeError:  # of a generator, or a DataLoader over a stream
        return None


def epoch(
    data: Data, recipe: Recipe, model: nn.Module, augment: Augment | None, seed: int
) -> Iterator[Batch]:
    """An epoch's batches, images in [0, 1] as the model takes them, in an order that the seed fixes."""
    weight, order_in_memory = next(model.parameters()), layout(model)
    chance = torch.Generator(weight.device).manual_seed(seed)
    if not isinstance(data, Dataset):
        if ranks.world() > 1 and isinstance(sampler := getattr(data, "sampler", None), DistributedSampler):
            sampler.set_epoch(seed)  # else it gives the same order in each epoch
        yield from loaded(data, model, augment, chance.manual_seed(seed + ranks.rank()))
        return
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed)).to(weight.device)
    for start in recipes.batch_starts(recipe, len(data)):
        index = order[start : start + recipe.batch_size]
        images, views = _varied(data.images[index], augment, chance)
        part = ranks.part(len(index))  # of a batch that all ranks have drawn alike
        images, views, index = images[part], views if views is None else views[part], index[part]
        if images.dtype == torch.uint8:  # pixels; other integers are tokens
            images = (images.float() / 255).to(weight.dtype).contiguous(memory_format=order_in_memory)
        yield Batch(images, data.labels[index], index, views=views, examples=len(data))


def loaded(
    loader: Loader, model: nn.Module, augment: Augment | None = None, chance: torch.Generator | None = None
) -> Iterator[Batch]:
    """A loader's batches, on the model's device and in its type.

    Raises:
        TypeError: a batch that is neither (images, labels) nor (images, labels, teacher_logits).
    """
    weight = next(model.parameters())
    for item in loader:
        images, labels, *rest = (part.to(weight.device) for part in _parts(item))
        if chance is not None:
            images = _varied(images, augment, chance)[0]
        if images.dtype == torch.uint8:
            images = images.float() / 255
        if images.is_floating_point():
            images = images.to(weight.dtype)
        yield Batch(images, labels, teacher_logits=rest[0] if rest else None)


def layout(model: nn.Module) -> torch.memory_format:
    """Channels last for convolutions: LeNet-5's steps took 8 to 18 % less time with it on two CPU cores."""
    convolves = any(isinstance(m, nn.Conv2d) for m in model.modules())
    return torch.channels_last if convolves else torch.contiguous_format


def _parts(item: Any) -> tuple[Tensor, ...] | list[Tensor]:
    """A batch of a loader, if it is one."""
    parts = item if isinstance(item, tuple | list) else ()
    good = 2 <= len(parts) <= 3 and all(isinstance(part, Tensor) and part.ndim for part in parts)
    if good and (len(parts) == 2 or (parts[2].is_floating_point() and parts[2].ndim > 1)):
        return parts
    found = ", ".join(map(checks.what, parts)) or checks.what(item)
    raise TypeError(
        f"the loader gives {found}; a batch is (images, labels) or (images, labels, teacher_logits), tensors "
        "of an example a row. Wrap single examples in a DataLoader; of anything else let its collate_fn make "
        "such a batch: see the page 'Distil your own model'"
    )


def _varied(images: Tensor, augment: Augment | None, chance: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """The augmented images, and their views where the augmentation says them."""
    changed = images if augment is None else augment(images, chance)
    return (changed, None) if isinstance(changed, Tensor) else changed
