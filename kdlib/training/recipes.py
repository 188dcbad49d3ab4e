"""How a model is trained: a recipe, the optimiser it names, and what makes no sense with it. Chapter 03."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from kdlib import checks
from kdlib.data import Dataset
from kdlib.distributed import ranks
from kdlib.training import devices


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: everything but the model, the data, the objective and the seed."""

    epochs: int
    learning_rate: float
    batch_size: int = 128
    # sgd, adam or adamw, or a function of the list of parameters; the learning rate is always the recipe's
    optimizer: str | Callable[[list[nn.Parameter]], torch.optim.Optimizer] = "sgd"
    momentum: float = 0.9  # of sgd
    weight_decay: float = 0.0
    max_norm: float | None = None  # the longest row of a linear layer's weights (Hinton et al. 2012)
    schedule: str = "constant"  # the name of a function in kdlib.training.schedules
    drop_last: bool = False
    patience: int | None = None  # epochs without a lower validation loss before training stops
    half: str = "gpu"  # native half precision: on the gpu, everywhere or nowhere


def batch_starts(recipe: Recipe, examples: int) -> range:
    """Where each batch of an epoch starts, in a set of so many examples."""
    return range(0, examples - (recipe.batch_size - 1 if recipe.drop_last else 0), recipe.batch_size)


def optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser that a recipe names, for a model that is on its device already. Chapter 03."""
    parameters = list(model.parameters())
    fused = parameters[0].device.type in ("cpu", "cuda")  # an epoch of Hinton's MLP took a quarter less
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=recipe.momentum, weight_decay=decay, fused=fused)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=fused)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=fused)
    made = recipe.optimizer(parameters) if callable(recipe.optimizer) else None
    if not isinstance(made, torch.optim.Optimizer):
        found = f"{recipe.optimizer!r}" if made is None else f"a function that gives a {type(made).__name__}"
        raise ValueError(f"optimizer is {found}; it must be sgd, adam or adamw, or give a torch Optimizer")
    return made


def scaler(recipe: Recipe, device: torch.device) -> torch.amp.GradScaler:
    """float16 gradients underflow without scaling; elsewhere the scaler does nothing."""
    half = devices.chosen_half(device, recipe.half)
    return torch.amp.GradScaler(device.type, enabled=half is torch.float16)


def check(recipe: Recipe, model: nn.Module, data: object, validation: object) -> None:
    """Raise TypeError or ValueError for what could not be trained, or not as it says."""
    _check_numbers(recipe)
    if recipe.patience is not None and (recipe.patience < 1 or validation is None):
        raise ValueError(f"patience is {recipe.patience}; it must be 1 or more, and validation must be given")
    if isinstance(validation, Dataset):
        _check_set(validation, "validation")
        if not len(validation):
            raise ValueError("validation holds 0 examples; give at least one, or None")
    if not isinstance(data, Dataset):
        return
    size = recipe.batch_size
    if len(batch_starts(recipe, len(data))) == 0:
        raise ValueError(f"data holds {len(data)} examples; that does not fill a batch of {size}")
    _check_set(data, "data")
    alone = 1 in map(ranks.fewest, (size, 0 if recipe.drop_last else len(data) % size))
    if alone and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        where = f" on one of {ranks.world()} ranks" if ranks.world() > 1 else ""
        raise ValueError(
            f"{len(data)} examples in batches of {size} leave a batch of one{where}, which batch norm "
            "cannot use; set drop_last=True or another batch_size"
        )


def _check_numbers(recipe: Recipe) -> None:
    epochs, size = recipe.epochs, recipe.batch_size
    for name, value in (("epochs", epochs), ("batch_size", size)):
        if not isinstance(value, int):
            raise TypeError(f"{name} is {value!r}; it must be a whole number")
    if epochs < 1 or size < 1:
        raise ValueError(f"epochs is {epochs} and batch_size {size}; both must be at least 1")
    if not 0 <= recipe.learning_rate < math.inf:
        raise ValueError(f"learning_rate is {recipe.learning_rate}; it must be a finite number, 0 or above")
    if recipe.max_norm is not None and not recipe.max_norm > 0:
        raise ValueError(f"max_norm is {recipe.max_norm}; it must be above 0, or None")
    if recipe.schedule not in ("constant", "cosine", "one_cycle"):
        raise ValueError(f"schedule is {recipe.schedule!r}; it must be constant, cosine or one_cycle")


def _check_set(data: Dataset, name: str) -> None:
    if len(data.images) != len(data.labels):
        raise ValueError(f"{name} has {len(data.images)} images but {len(data.labels)} labels")
    if data.images.dtype not in (torch.uint8, torch.int16, torch.int64):
        raise TypeError(f"the images of {name} are {data.images.dtype}; give uint8 pixels, 0 to 255")
    labels = data.labels.flatten() if data.labels.shape == data.images.shape else data.labels  # of tokens
    checks.labels(labels, len(data.classes), "labels" if name == "data" else f"{name}.labels")
