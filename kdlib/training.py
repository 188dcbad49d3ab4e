"""One readable loop for supervised training and for distillation. Chapter 03 writes it in the open.

Data live on the device as uint8; each step takes a batch, asks the objective for its loss, and steps.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import checkpoints, checks, devices, progress, schedules
from kdlib.data import Dataset
from kdlib.objectives import Batch, Objective

Augment = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: everything but the model, the data, the objective and the seed."""

    epochs: int
    learning_rate: float
    batch_size: int = 128
    optimizer: str = "sgd"  # sgd, adam or adamw
    momentum: float = 0.9  # of sgd
    weight_decay: float = 0.0
    schedule: str = "constant"  # the name of a function in kdlib.schedules
    drop_last: bool = False
    patience: int | None = None  # epochs without a lower validation loss before training stops
    half: bool = True  # half precision where the hardware has it natively


class Trained(NamedTuple):
    """curve: one entry an epoch, with the mean of each term and the validation figures. best: an epoch."""

    curve: list[dict[str, float]]
    best: int | None
    best_weights: dict[str, Tensor] | None


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite."""


def train(
    model: nn.Module,
    data: Dataset | Iterable[tuple[Tensor, Tensor]],
    objective: Objective,
    recipe: Recipe,
    *,
    seed: int,
    validation: Dataset | None = None,
    augment: Augment | None = None,
    device: str | None = None,
    checkpoint: Path | None = None,
    description: str = "training",
) -> Trained:
    """Train `model` in place; killed and called again with the same checkpoint, it ends with the same bits.

    Args:
        model: takes float images in [0, 1], gives logits. It is left on the device, in evaluation mode.
        data: a Dataset, kept on the device as uint8; or any iterable of (images, labels), a DataLoader too.
        objective: what to minimise, `supervised` or `distilled(...)` for instance.
        recipe: epochs, learning rate and the rest.
        seed: fixes order, augmentation and dropout. The global random state is left as it was.
        validation: held-out images; their loss decides which epoch is best, and when patience ends.
        augment: a function of uint8 images and a generator.
        device: "cpu", "cuda" or "mps"; None takes the best one here.
        checkpoint: a file written after each epoch. An existing one is continued.
        description: the name before the progress bar.

    Raises:
        ValueError: an empty data set, labels out of range, a batch of one under batch norm.
        DivergedError: the loss is no longer finite; the checkpoint holds the epoch before.
        CheckpointError: the checkpoint is of another run, or cut short.
    """
    place = devices.pick(device)
    _check(model, data, recipe)
    if isinstance(data, Dataset):
        data = replace(data, images=data.images.to(place), labels=data.labels.to(place))
    layout = _layout(model)
    model.to(place).to(memory_format=layout)
    state = checkpoints.State(model, _optimizer(model, recipe), _scaler(place, recipe))
    identity = {"recipe": asdict(recipe), "seed": seed}
    if checkpoint is not None and checkpoint.exists():
        checkpoints.resume(checkpoint, state, identity)
    steps = _steps(data, recipe)
    total, done = (None, 0) if steps is None else (steps * recipe.epochs, steps * len(state.curve))
    with progress.bar(total, description, initial=done, unit="step") as bar:
        while not _finished(state, recipe):
            begin, epoch_seed = time.perf_counter(), 1_000_003 * seed + len(state.curve)
            with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
                torch.manual_seed(epoch_seed)  # dropout draws from the global state
                stream = _batches(data, recipe, place, augment, layout, epoch_seed)
                entry = _epoch(state, stream, objective, recipe, steps, bar)
            if validation is not None:
                entry |= validated(model, validation)
            state.add(entry | {"seconds": time.perf_counter() - begin})
            if checkpoint is not None:
                checkpoints.save(checkpoint, state, identity)
            bar.set_postfix({k: f"{v:.4g}" for k, v in entry.items()}, refresh=False)
    model.eval()
    return Trained(state.curve, state.best, state.best_weights)


@torch.no_grad()
def logits_of(model: nn.Module, data: Dataset, batch_size: int = 1000) -> Tensor:
    """The model's logits for a whole data set, (examples, classes), float32 on the CPU. Chapter 03.

    The model is evaluated where it is, and left in the mode it was in.
    """
    place, was_training = next(model.parameters()).device, model.training
    model.eval()
    parts = [model(x.to(place).float() / 255).float().cpu() for x in torch.split(data.images, batch_size)]
    model.train(was_training)
    return torch.cat(parts)


def validated(model: nn.Module, data: Dataset) -> dict[str, float]:
    """Cross-entropy and accuracy on held-out images."""
    logits, labels = logits_of(model, data), data.labels.cpu()
    return {
        "validation_loss": float(F.cross_entropy(logits, labels)),
        "validation_accuracy": float((logits.argmax(1) == labels).double().mean()),
    }


def _epoch(
    state: checkpoints.State,
    stream: Iterable[Batch],
    objective: Objective,
    recipe: Recipe,
    steps: int | None,
    bar: Any,
) -> dict[str, float]:
    """One pass over the data; the mean of each term over its steps."""
    schedule, epoch = getattr(schedules, recipe.schedule), len(state.curve)
    place = next(state.model.parameters()).device
    half = devices.half_precision(place) if recipe.half else None
    state.model.train()
    rows = []  # kept on the device, so that no step waits for a number
    for step, batch in enumerate(stream):
        share = (epoch + (step / steps if steps else 0)) / recipe.epochs
        for group in state.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * schedule(share)
        with devices.autocast(place, half):
            terms = objective(state.model, batch._replace(progress=share))
        state.optimizer.zero_grad(set_to_none=True)
        loss: Any = state.scaler.scale(terms["loss"])  # its backward is untyped
        loss.backward()
        state.scaler.step(state.optimizer)
        state.scaler.update()
        rows.append({name: value.detach() for name, value in terms.items()})
        bar.update()
    return _means(rows, epoch)


def _means(rows: list[dict[str, Tensor]], epoch: int) -> dict[str, float]:
    """Each term's mean over an epoch; DivergedError names the first step whose loss is not finite."""
    if not rows:
        raise ValueError("data gave no batch; it must hold at least one example")
    columns = {name: torch.stack([row[name].float() for row in rows]).cpu() for name in rows[0]}
    finite = columns["loss"].isfinite()
    if not bool(finite.all()):
        step = int((~finite).nonzero()[0])
        raise DivergedError(
            f"the loss was {float(columns['loss'][step])} at step {step} of epoch {epoch} (both from 0); "
            "the checkpoint, if there is one, holds the epoch before. Try a lower learning rate"
        )
    return {name: float(values.double().mean()) for name, values in columns.items()}


def _starts(data: Dataset, recipe: Recipe) -> range:
    """Where each batch of an epoch starts."""
    return range(0, len(data) - (recipe.batch_size - 1 if recipe.drop_last else 0), recipe.batch_size)


def _steps(data: object, recipe: Recipe) -> int | None:
    """How many batches an epoch has, where that is known beforehand."""
    if isinstance(data, Dataset):
        return len(_starts(data, recipe))
    return len(data) if isinstance(data, Sized) else None


def _batches(
    data: Dataset | Iterable[tuple[Tensor, Tensor]],
    recipe: Recipe,
    place: torch.device,
    augment: Augment | None,
    layout: torch.memory_format,
    seed: int,
) -> Iterator[Batch]:
    """An epoch's batches, images in [0, 1] on the device, in an order that the seed fixes."""
    generator = torch.Generator().manual_seed(seed)
    chance = torch.Generator(place).manual_seed(seed)
    if isinstance(data, Dataset):
        order = torch.randperm(len(data), generator=generator).to(place)
        for start in _starts(data, recipe):
            index = order[start : start + recipe.batch_size]
            images = data.images[index]
            images = images if augment is None else augment(images, chance)
            images = (images.float() / 255).contiguous(memory_format=layout)
            yield Batch(images, data.labels[index], index)
        return
    for images, labels in data:
        images = images.to(place)
        if images.dtype == torch.uint8:
            images = (images if augment is None else augment(images, chance)).float() / 255
        yield Batch(images, labels.to(place))


def _layout(model: nn.Module) -> torch.memory_format:
    """Channels last for convolutions: LeNet-5's steps took 8 to 18 % less time with it on two CPU cores."""
    convolves = any(isinstance(m, nn.Conv2d) for m in model.modules())
    return torch.channels_last if convolves else torch.contiguous_format


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    parameters = model.parameters()
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=recipe.momentum, weight_decay=decay)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, rate, weight_decay=decay)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=decay)
    raise ValueError(f"optimizer is {recipe.optimizer!r}; it must be sgd, adam or adamw")


def _scaler(place: torch.device, recipe: Recipe) -> torch.amp.GradScaler:
    """float16 gradients underflow without scaling; elsewhere the scaler does nothing."""
    half = devices.half_precision(place) if recipe.half else None
    return torch.amp.GradScaler(place.type, enabled=half is torch.float16)


def _check(model: nn.Module, data: object, recipe: Recipe) -> None:
    if recipe.epochs < 1 or recipe.batch_size < 1:
        raise ValueError(
            f"epochs is {recipe.epochs} and batch_size {recipe.batch_size}; both must be at least 1"
        )
    if not hasattr(schedules, recipe.schedule):
        raise ValueError(f"schedule is {recipe.schedule!r}; it must be constant, cosine or one_cycle")
    if not isinstance(data, Dataset):
        return
    if len(_starts(data, recipe)) == 0:
        raise ValueError(
            f"data holds {len(data)} examples; that does not fill a batch of {recipe.batch_size}"
        )
    checks.labels(data.labels, len(data.classes))
    alone = 1 in (recipe.batch_size, 0 if recipe.drop_last else len(data) % recipe.batch_size)
    if alone and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        raise ValueError(
            f"{len(data)} examples in batches of {recipe.batch_size} leave a batch of one, which batch norm "
            "cannot use; set drop_last=True or another batch_size"
        )


def _finished(state: checkpoints.State, recipe: Recipe) -> bool:
    epochs = len(state.curve)
    if epochs >= recipe.epochs or recipe.patience is None or state.best is None:
        return epochs >= recipe.epochs
    return epochs - 1 - state.best >= recipe.patience
