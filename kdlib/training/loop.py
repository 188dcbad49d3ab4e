"""One readable loop for supervised training and for distillation. Chapter 03 writes it in the open.

Data live on the device as uint8; each step takes a batch, asks the objective for its loss, and steps.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from kdlib import checks, files, losses, progress
from kdlib.data import Dataset
from kdlib.distributed import ranks
from kdlib.models import evaluated
from kdlib.objectives import Batch, Objective, logits_on
from kdlib.training import batches, checkpoints, devices, identity, recipes, schedules
from kdlib.training.batches import Augment, Data
from kdlib.training.checkpoints import State
from kdlib.training.recipes import Recipe


class Trained(NamedTuple):
    """curve: one entry an epoch, with the mean of each term and the validation figures.

    best: the epoch of the least validation loss, from 0; best_weights: the model's then, on the CPU, for
    `load_state_dict`. Both are None without validation, or where no loss was finite. The model itself keeps
    its last epoch's weights.
    """

    curve: list[dict[str, float]]
    best: int | None
    best_weights: dict[str, Tensor] | None


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite."""


def train(
    model: nn.Module,
    data: Data,
    objective: Objective,
    recipe: Recipe,
    *,
    seed: int,
    validation: Data | None = None,
    augment: Augment | None = None,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    description: str = "training",
) -> Trained:
    """Train `model` in place; killed and called again with the same checkpoint, it ends with the same bits.

    Args:
        model: takes images in [0, 1] in the type of its weights, and gives logits. It is left on the device,
            in evaluation mode.
        data: a Dataset, kept on the device as uint8; or any iterable of (images, labels) or (images, labels,
            teacher_logits), a DataLoader too. Where it has no length, the schedule moves once an epoch. Among
            several `ranks` each takes its part of a Dataset's batches, and brings a loader of its own.
        objective: what to minimise, `supervised` or `distilled(...)` for instance.
        recipe: epochs, learning rate and the rest.
        seed: fixes order, augmentation and dropout. The global random state is left as it was.
        validation: held-out images, in either form; their loss decides which epoch is best, and when
            patience ends.
        augment: a function of uint8 images and a generator; it gives images, or images and their views.
        device: "cpu", "cuda" or "mps"; None takes the best one here.
        checkpoint: a file written after each epoch. An existing one is continued. Two settings of an
            objective are told apart where `functools.partial` holds them, not in a closure; initial weights
            and loaders are not compared. A loader goes on alike where it shuffles by the global random state.
        description: the name before the progress bar.

    Raises:
        ValueError: an empty data set, labels out of range, a batch of one under batch norm.
        TypeError: batches or a model of another form; the page "Distil your own model" says what to do.
        DivergedError: the loss is no longer finite; the checkpoint holds the epoch before.
        CheckpointError: the checkpoint is of another run, or cut short.
    """
    device = devices.pick(device)
    checks.seed(seed)
    recipes.check(recipe, model, data, validation)
    checkpoint = None if checkpoint is None else Path(checkpoint)
    run = {} if checkpoint is None else identity.of(recipe, seed, objective, augment, data, validation)
    if isinstance(data, Dataset):
        data = replace(data, images=data.images.to(device), labels=data.labels.to(device))
    state = _begun(model, recipe, device, checkpoint, run)
    steps = batches.steps(data, recipe)
    ranks.check(steps, len(state.curve))
    total, done = (None, 0) if steps is None else (steps * recipe.epochs, steps * len(state.curve))
    with progress.bar(total, description, initial=done, unit="step") as bar:
        while not _finished(state, recipe):
            begin, epoch_seed = time.perf_counter(), 1_000_003 * seed + len(state.curve)
            with _drawing(epoch_seed + 100_003 * ranks.rank(), device):  # in each rank other numbers
                stream = batches.epoch(data, recipe, model, augment, epoch_seed)
                entry = _epoch(state, stream, objective, recipe, steps, bar)
            ranks.from_first(model.buffers())  # batch norm's, of which each rank has seen its part
            if validation is not None:
                entry |= _validated(model, validation)
            state.add(ranks.figures(entry | {"seconds": time.perf_counter() - begin}))
            if checkpoint is not None and ranks.rank() == 0:
                checkpoints.save(checkpoint, state, run)
            ranks.wait()
            bar.set_postfix({k: f"{v:.4g}" for k, v in entry.items()}, refresh=False)
    model.eval()
    return Trained(state.curve, state.best, state.best_weights)


def _begun(
    model: nn.Module, recipe: Recipe, device: torch.device, checkpoint: Path | None, run: dict[str, Any]
) -> State:
    """The model on the device with what else training needs, as new or as the checkpoint has it."""
    model.to(device).to(memory_format=batches.layout(model))
    state = State(model, recipes.optimizer(recipe, model), recipes.scaler(recipe, device))
    if checkpoint is not None:
        files.check_writable(checkpoint.parent)
        if checkpoint.exists():
            checkpoints.resume(checkpoint, state, run)
    ranks.from_first([*model.parameters(), *model.buffers()])
    return state


@contextmanager
def _drawing(seed: int, device: torch.device) -> Iterator[None]:
    """Within the block dropout, which draws from the global state, draws from the seed."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every GPU
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield


def logits_of(model: nn.Module, data: Dataset, batch_size: int = 1000) -> Tensor:
    """The model's logits for a whole data set, (examples, classes), float32 on the CPU. Chapter 03.

    The model is evaluated where it is, and left in the mode it was in.

    Raises:
        TypeError: a loader, whose order may be another one each time.
    """
    if not isinstance(data, Dataset):
        raise TypeError(
            f"data is a {type(data).__name__}; give a kdlib.data.Dataset, whose order is fixed. For a loader "
            "keep each batch's logits beside its labels: see the page 'Distil your own model'"
        )
    return _answers(model, data, batch_size)[0]


def _validated(model: nn.Module, data: Data) -> dict[str, float]:
    """Cross-entropy and accuracy on held-out images."""
    logits, labels = _answers(model, data)
    loss = losses.hard_term(logits, labels)
    truth = labels.argmax(-1) if labels.is_floating_point() else labels
    right = (logits.argmax(-1) == truth)[truth != -100]  # padding counts in neither
    return {"validation_loss": float(loss), "validation_accuracy": float(right.double().mean())}


@torch.no_grad()
def _answers(model: nn.Module, data: Data, batch_size: int = 1000) -> tuple[Tensor, Tensor]:
    """Logits in float32 and labels of all examples, on the CPU; the model stays in the mode it was in."""
    if isinstance(data, Dataset):
        columns = (torch.split(column, batch_size) for column in (data.images, data.labels))
        data = list(zip(*columns, strict=True))
    with evaluated(model):
        of = batches.loaded(data, model)
        parts = [(logits_on(model, b.images).float().cpu(), b.labels.cpu()) for b in of]
    if not parts:
        raise ValueError("there is no batch to evaluate; give a list or a DataLoader: a generator is used up")
    logits, labels = zip(*parts, strict=True)
    return torch.cat(logits), torch.cat(labels)


def _epoch(
    state: State, stream: Iterable[Batch], objective: Objective, recipe: Recipe, steps: int | None, bar: Any
) -> dict[str, float]:
    """One pass over the data; the mean of each term over its steps."""
    schedule, epoch = getattr(schedules, recipe.schedule), len(state.curve)
    device = next(state.model.parameters()).device
    half = devices.chosen_half(device, recipe.half)
    state.model.train()
    rows = []  # kept on the device, so that no step waits for a number
    for step, batch in enumerate(stream):
        share = (epoch + (step / steps if steps else 0)) / recipe.epochs
        for group in state.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * schedule(share)
        with devices.autocast(device, half):
            terms = objective(state.model, batch._replace(progress=share))
        state.optimizer.zero_grad(set_to_none=True)
        loss: Any = state.scaler.scale(terms["loss"])  # its backward is untyped
        loss.backward()
        rows.append(ranks.add_up(state.model, terms, len(batch.labels)))
        state.scaler.step(state.optimizer)
        state.scaler.update()
        if recipe.max_norm is not None:
            _shorten(state.model, recipe.max_norm)
        bar.update()
    means = _means(rows, epoch)
    if not all(bool(p.isfinite().all()) for p in state.model.parameters()):
        raise DivergedError(
            f"a weight is NaN or infinite after epoch {epoch} (from 0), though no loss was; "
            "the checkpoint, if there is one, holds the epoch before. Try a lower learning rate"
        )
    return means


@torch.no_grad()
def _shorten(model: nn.Module, longest: float) -> None:
    """Scale down each unit's incoming weights to the norm `longest` where they are longer."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.renorm_(2, 0, longest)


def _means(rows: list[dict[str, Tensor]], epoch: int) -> dict[str, float]:
    """Each term's mean over an epoch; DivergedError names the first step whose loss is not finite."""
    if not rows:
        raise ValueError(
            f"data gave no batch in epoch {epoch} (from 0); it must hold at least one example, and give its "
            "batches again in each epoch: a list or a DataLoader does, a generator does not"
        )
    columns = {name: torch.stack([row[name] for row in rows]).cpu().double() for name in rows[0]}
    finite = columns["loss"].isfinite()
    if not bool(finite.all()):
        step = int((~finite).nonzero()[0])
        raise DivergedError(
            f"the loss was {float(columns['loss'][step])} at step {step} of epoch {epoch} (both from 0); "
            "the checkpoint, if there is one, holds the epoch before. See whether the teacher's logits "
            "are finite and a label counts in every batch; if so, try a lower learning rate"
        )
    return {name: float(values.mean()) for name, values in columns.items()}


def _finished(state: State, recipe: Recipe) -> bool:
    epochs = len(state.curve)
    waited = 0 if state.best is None else epochs - 1 - state.best
    return epochs >= recipe.epochs or (recipe.patience is not None and waited >= recipe.patience)
