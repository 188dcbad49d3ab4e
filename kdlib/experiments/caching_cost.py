"""What it costs to ask a teacher for all its answers beforehand, and when that has paid: chapter 04.

Timed is what the chapter's fair race does, on a part of the images: filling the file of answers in sixteen
views, an epoch of the student with these answers, and one with the teacher running at each step. Initial
weights take as long as trained ones, so no network is trained to the end. A seed is a repetition. Run it in
one process on a machine that does nothing else.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from kdlib import data
from kdlib.caching import teacher_cache
from kdlib.data import Dataset, augment
from kdlib.experiments import cifar
from kdlib.experiments.arms import Arm, Experiment, Job
from kdlib.experiments.race import VIEWS
from kdlib.experiments.speed import processor, threads
from kdlib.objectives import distilled
from kdlib.training import Recipe, devices, train

RECIPE = Recipe(1, 0.1, **cifar.FAIR)  # of the fair race, for one epoch
# Images of a round that is not timed come first: it also chooses kernels.
USED = {"images": 2048, "warm_up": 250, "threads": 1}


def arms() -> list[Arm]:
    """The fair race's teacher on a processor, and its four times larger one on a GPU."""
    half = Arm("half", "half", RECIPE, temperature=4.0, alpha=0.9, options=USED, views=VIEWS, full=range(5))
    return [half, replace(half, name="large", network="large")]


def measure(job: Job) -> dict[str, Any]:
    """Time one arm: seconds for 1,000 images. No file is left."""
    used = job.arm.options
    images = data.load("cifar10", "train", scale="quick").subset(range(used["images"]))
    with threads(used["threads"]):
        timed(job, images.subset(range(used["warm_up"])))
        took = timed(job, images)
    measured = {name: 1000 * seconds / len(images) for name, seconds in took.items()}
    measured["break_even"] = measured["fill"] / (measured["live"] - measured["stored"])
    machine = {"processor": processor(), "threads": used["threads"]}
    return {"metrics": measured, "data": data.digest(images), "machine": machine}


def timed(job: Job, images: Dataset) -> dict[str, float]:
    """Seconds for "fill", all images in all views, and for an epoch, "stored" and "live"."""
    teacher = cifar.network(job.arm, job.seed).to(devices.pick())
    teacher.to(memory_format=torch.channels_last)  # as `train` leaves one
    filling, answers = filled(teacher, images)
    stored, live = (epoch(job, images, source) for source in (answers, teacher))
    return {"fill": filling, "stored": stored, "live": live}


def filled(teacher: nn.Module, images: Dataset) -> tuple[float, Tensor]:
    """Seconds until all answers lie in a file that was not there before, and the answers (n, views, 10)."""
    with TemporaryDirectory() as new:
        file = Path(new) / "answers.safetensors"
        start = perf_counter()
        mapped = teacher_cache.fill(teacher, images, VIEWS, file, half=RECIPE.half)
        seconds, answers = perf_counter() - start, mapped.to(devices.pick(), copy=True)
        del mapped  # Windows deletes no file that is mapped
    return seconds, answers


def epoch(job: Job, images: Dataset, teacher: nn.Module | Tensor) -> float:
    """Seconds of a student's epoch with a teacher, live or as its answers (n, views, 10)."""
    student = cifar.network(replace(job.arm, network="small"), job.seed)
    objective = distilled(teacher, temperature=job.arm.temperature, alpha=job.arm.alpha)
    start = perf_counter()
    train(student, images, objective, RECIPE, seed=job.seed, augment=augment.viewed(VIEWS))
    return perf_counter() - start


HEADLINE = ("break_even", "epochs after which asking beforehand has paid", 1)
EXPERIMENT = Experiment("caching_cost", arms, time=measure, headline=HEADLINE)
