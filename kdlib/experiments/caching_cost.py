"""What it costs to ask a teacher for all its answers beforehand, and when that has paid: chapter 04.

Timed is what the chapter's fair race does, on a part of the images: filling the file of answers in sixteen
views, an epoch of the student with these answers, and one with the teacher running at each step. Initial
weights take as long as trained ones, so no network is trained to the end. A seed is a repetition. Run it in
one process on a machine that does nothing else.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset, augment
from kdlib.experiments import speed as speed_experiments
from kdlib.experiments.cifar import FAIR, NETWORKS, VIEWS
from kdlib.objectives import distilled
from kdlib.training import Recipe, devices, teacher_cache, train

HEADLINE = ("break_even", "epochs after which asking beforehand has paid", 1)
RECIPE = Recipe(1, 0.1, **FAIR)  # of the fair race, for one epoch


@dataclass(frozen=True)
class Arm:
    """One teacher."""

    name: str
    teacher: str  # of cifar_experiments.NETWORKS, as the student
    student: str = "small"
    recipe: Recipe = RECIPE
    temperature: float = 4.0
    alpha: float = 0.9
    images: int = 2048
    warm_up: int = 250  # images of a round that is not timed: the first one also chooses kernels
    threads: int = 1


def arms() -> list[Arm]:
    """The fair race's teacher on a processor, and its four times larger one on a GPU."""
    return [Arm("half", "half"), Arm("large", "large")]


def seeds(arm: Arm, scale: str) -> range:
    """The repetitions of an arm, at either scale."""
    return range(5)


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    kept = {key: value for key, value in asdict(arm).items() if key != "name"}
    layers = {name: NETWORKS[name] for name in (arm.teacher, arm.student)}
    return kept | {"layers": layers, "list_of_views": VIEWS}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Time one arm; give seconds per 1,000 images, the data's digest and the machine. No file is left."""
    images = data.load("cifar10", "train", scale="quick").subset(range(arm.images))
    with speed_experiments.threads(arm.threads):
        timed(arm, seed, images.subset(range(arm.warm_up)))
        took = timed(arm, seed, images)
    measured = {name: 1000 * seconds / len(images) for name, seconds in took.items()}
    measured["break_even"] = measured["fill"] / (measured["live"] - measured["stored"])
    machine = {"processor": speed_experiments.processor(), "threads": arm.threads}
    return {"metrics": measured, "curve": [], "data": data.digest(images), "machine": machine}


def timed(arm: Arm, seed: int, images: Dataset) -> dict[str, float]:
    """Seconds for "fill", all images in all views, and for an epoch, "stored" and "live"."""
    teacher = models.vgg(**NETWORKS[arm.teacher], seed=seed).to(devices.pick())
    teacher.to(memory_format=torch.channels_last)  # as `train` leaves one
    filling, answers = filled(arm, teacher, images)
    stored, live = (epoch(arm, seed, images, source) for source in (answers, teacher))
    return {"fill": filling, "stored": stored, "live": live}


def filled(arm: Arm, teacher: nn.Module, images: Dataset) -> tuple[float, Tensor]:
    """Seconds until all answers lie in a file that was not there before, and the answers (n, views, 10)."""
    with TemporaryDirectory() as new:
        file = Path(new) / "answers.safetensors"
        start = perf_counter()
        mapped = teacher_cache.fill(teacher, images, VIEWS, file, half=arm.recipe.half)
        seconds, answers = perf_counter() - start, mapped.to(devices.pick(), copy=True)
        del mapped  # Windows deletes no file that is mapped
    return seconds, answers


def epoch(arm: Arm, seed: int, images: Dataset, teacher: nn.Module | Tensor) -> float:
    """Seconds of a student's epoch with a teacher, live or as its answers (n, views, 10)."""
    student = models.vgg(**NETWORKS[arm.student], seed=seed)
    objective = distilled(teacher, temperature=arm.temperature, alpha=arm.alpha)
    start = perf_counter()
    train(student, images, objective, arm.recipe, seed=seed, augment=augment.viewed(VIEWS))
    return perf_counter() - start
