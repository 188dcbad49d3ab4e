"""What an experiment is, and how one of its arms is trained. Chapter 03.

An arm is one row of a table; each of its seeds is a run of its own, with a teacher of its own. A student
alone and its distilled twin start from the same weights and see the same images in the same order.
"""

import hashlib
import json
import timeit
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn

from kdlib import files
from kdlib.caching import teacher_cache
from kdlib.data import Dataset, augment, digest
from kdlib.data.augment import View
from kdlib.objectives import Objective, distilled, label_smoothed, supervised
from kdlib.training import Recipe, checkpoints, devices, logits_of, train

LONG, TRIED = 5000, 4  # steps of a run that chooses its precision, and how many it tries
THREE: dict[str, Any] = {"seeds": range(3), "full": range(0)}  # of arms that are run at scale cpu alone
SMOOTHING = 0.1  # of the control that stands beside distillation
ADAMW: dict[str, Any] = {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "one_cycle"}
Loader = Iterable[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Arm:
    """One row of a table. `teacher` is the arm whose model teaches, at its last epoch, of the same seed.

    network, loss: names; "labels", "smoothed" and "hinton" are known to all experiments, others to their own.
    options: what only its experiment knows. views: those in which the images are shown, few enough for a
    teacher to be asked for all its answers once; augment: else a function of `data.augment`. teacher_seed:
    where one teacher serves all seeds. start: the arm whose model of the same seed it goes on from.
    seeds, full: those of the scales cpu and full.
    """

    name: str
    network: str = ""
    recipe: Recipe | None = None  # None: nothing is trained
    teacher: "Arm | None" = None
    start: "Arm | None" = None
    loss: str = "labels"
    temperature: float = 1.0
    alpha: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[View, ...] = ()
    augment: str = ""
    teacher_seed: int | None = None
    seeds: Sequence[int] = range(5)
    full: Sequence[int] = range(10)


@dataclass(frozen=True)
class Job:
    """An arm and a seed. `folder` is where finished and half-done models lie.

    few: train for two epochs on so many examples, in float64, as a canary does: it comes out alike on every
    processor.
    """

    arm: Arm
    seed: int
    folder: Path
    few: int | None = None

    def of(self, arm: Arm, seed: int | None = None) -> "Job":
        """The same for another arm, a teacher say."""
        return replace(self, arm=arm, seed=self.seed if seed is None else seed)


class Fitted(NamedTuple):
    """A model after its last epoch, its curve, its best epoch's weights, and where it had half precision."""

    model: nn.Module
    curve: list[dict[str, float]]
    best_weights: dict[str, Tensor] | None
    half: str = "nowhere"


def not_there(*given: Any) -> NoReturn:
    """What an experiment has not got: networks where nothing is trained, a loss where all know its losses."""
    raise AssertionError(f"this experiment lacks a function that is asked of it with {given}")


@dataclass(frozen=True)
class Experiment:
    """What a chapter's runs have in common: functions of a job, most of them.

    measure gives metrics, plain numbers by name, of a fitted model; headline is one of them, its caption and
    its decimals. Where nothing is trained `time` measures alone and gives what else belongs into the record.
    """

    name: str
    arms: Callable[[], list[Arm]]
    network: Callable[[Arm, int], nn.Module] = not_there
    train_set: Callable[[Job], Dataset | Loader] = not_there
    test_set: Callable[[Job], Dataset] | None = None
    measure: Callable[[Job, Fitted], dict[str, Any]] = not_there
    objective: Callable[[Job, Any], Objective] = not_there
    headline: tuple[str, str, int] = ("test_errors", "test errors", 1)
    validation: Callable[[Job], Dataset | None] = lambda job: None
    time: Callable[[Job], dict[str, Any]] | None = None
    canary: int = 256  # examples that its canaries train on


def taught(
    alone: Arm, name: str, teacher: Arm, temperature: float, alpha: float, loss: str = "hinton", **more: Any
) -> Arm:
    """The distilled twin of a student alone; `more` is what else differs."""
    soft: dict[str, Any] = {"teacher": teacher, "temperature": temperature, "alpha": alpha, "loss": loss}
    return replace(alone, name=name, **soft | more)


def settings(arm: Arm) -> dict[str, Any]:
    """An arm's settings as its record keeps them: without name and seeds, and what is as always."""
    usual, left_out = asdict(Arm("")), ("name", "seeds", "full")
    kept = {k: v for k, v in asdict(arm).items() if v != usual[k] and k not in left_out}
    for key, other in (("teacher", arm.teacher), ("start", arm.start)):
        if other is not None:
            kept[key] = settings(other)
    plain: dict[str, Any] = json.loads(json.dumps(kept))  # as a record has them: tuples are lists
    return plain


def fingerprint(content: Any) -> str:
    """Eight hexadecimal digits of what JSON can hold, for the names of files."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def fit(experiment: Experiment, job: Job) -> Fitted:
    """The job's model after its last epoch: trained, gone on with, or only read where that was done."""
    arm, seed = job.arm, job.seed
    assert arm.recipe
    model = experiment.network(arm, seed) if arm.start is None else fit(experiment, job.of(arm.start)).model
    part, recipe = experiment.train_set(job), arm.recipe
    if job.few:
        model, recipe = model.double(), replace(recipe, epochs=2, half="nowhere")
    how: dict[str, Any] = {"seed": seed, "description": f"{arm.name} seed {seed}"}
    if not isinstance(part, Dataset):  # a loader's order is its own, so that it could not be gone on with
        result = train(model, part, objective(experiment, job, part), recipe, device="cpu", **how)
        return Fitted(model, result.curve, result.best_weights)
    part = spread(part, job.few)
    if (held_out := experiment.validation(job)) is not None:
        how["validation"] = spread(held_out, job.few)
    if arm.views or arm.augment:
        how["augment"] = augment.viewed(arm.views) if arm.views else getattr(augment, arm.augment)
    checkpoint = job.folder / f"{arm.name}.{seed}.{fingerprint(settings(arm))}.safetensors"
    with files.locked(checkpoint):  # several students may want the same teacher at once
        goal = objective(experiment, job, part)
        recipe = precision(model, part, recipe, checkpoint)
        result = train(model, part, goal, recipe, checkpoint=checkpoint, **how)
    return Fitted(model, result.curve, result.best_weights, recipe.half)


def precision(model: nn.Module, part: Dataset, recipe: Recipe, checkpoint: Path) -> Recipe:
    """The recipe in the precision that is quicker here and now, kept from the first step to the last.

    On a busy machine bfloat16 can be several times slower than float32. A long run tries a few steps of
    both; a run that is gone on with keeps what it has, so that no record mixes them.
    """
    steps = recipe.epochs * len(part) // recipe.batch_size
    native = devices.half_precision(devices.pick())
    if recipe.half != "everywhere" or steps < LONG or native is None:
        return recipe
    if checkpoint.is_file():
        return replace(recipe, half=checkpoints.read(checkpoint)[1]["recipe"]["half"])
    few, rates = part.subset(range(min(len(part), TRIED * recipe.batch_size))), {}
    for half in ("everywhere", "nowhere"):
        tried = replace(recipe, epochs=1, half=half, patience=None)
        trial = partial(train, deepcopy(model), few, supervised, tried, seed=0)
        # The first time also chooses kernels.
        rates[half] = len(few) / timeit.repeat(trial, timer=perf_counter, number=1, repeat=2)[-1]
    quicker = max(rates, key=rates.__getitem__)
    told = ", ".join(f"{half} {rate:.0f}" for half, rate in rates.items())
    print(f"half precision, images a second: {told}; kept: {quicker}", flush=True)
    return replace(recipe, half=quicker)


def spread(dataset: Dataset, few: int | None) -> Dataset:
    """So many examples, evenly spread over the data set; all where it has no more, or `few` is None."""
    n = len(dataset)
    return dataset if few is None or n <= few else dataset.subset([i * n // few for i in range(few)])


def order(n: int, seed: int) -> Tensor:
    """The numbers from 0 to n - 1, (n,), in an order that is drawn from `seed` alone."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def objective(experiment: Experiment, job: Job, part: Any) -> Objective:
    """What an arm minimises: the experiment's own objective, or one that all know."""
    arm = job.arm
    if arm.loss == "labels":
        return supervised
    if arm.loss == "smoothed":
        return label_smoothed(arm.options.get("smoothing", SMOOTHING))
    if arm.loss == "hinton":  # from a loader the images come without their positions
        teacher = answers(experiment, job, part) if isinstance(part, Dataset) else taught_by(experiment, job)
        return distilled(teacher, temperature=arm.temperature, alpha=arm.alpha)
    return experiment.objective(job, part)


def taught_by(experiment: Experiment, job: Job) -> nn.Module:
    """The job's teacher; it is trained first where that was not yet done."""
    assert job.arm.teacher
    return fit(experiment, job.of(job.arm.teacher, job.arm.teacher_seed)).model


def answers(experiment: Experiment, job: Job, part: Dataset) -> Tensor:
    """The teacher's logits for the training images, in each of the arm's views where it has some."""
    teacher, arm = taught_by(experiment, job), job.arm
    if not arm.views:
        return logits_of(teacher, part)
    assert arm.teacher and arm.recipe
    asked = fingerprint([settings(arm.teacher), arm.views, digest(part)])
    seed = job.seed if arm.teacher_seed is None else arm.teacher_seed
    file = job.folder / f"{arm.teacher.name}.{seed}.{asked}.answers.safetensors"
    half = "nowhere" if job.few else arm.recipe.half
    # A step on a GPU should not wait for the processor.
    return teacher_cache.fill(teacher, part, arm.views, file, half=half).to(devices.pick())
