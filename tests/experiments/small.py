"""Every experiment small enough for a test: few images, tiny networks, two epochs; and a made-up one."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kdlib import data, models, pretrained
from kdlib.data import Dataset, text
from kdlib.evaluation import metrics
from kdlib.experiments import (
    caching_cost,
    cifar,
    clicks,
    fidelity,
    language,
    language_cost,
    loss_bugs,
    mnist,
    race,
    runner,
    ship,
    signals,
    speed,
    up,
    xray,
)
from kdlib.experiments.arms import Arm, Experiment, Fitted, Job, spread
from kdlib.training import Recipe, checkpoints, logits_of

FEW = 24  # examples that are trained on
# Teachers keep the feature maps that chapter 07 looks at, but hardly any channels.
NETWORKS = {name: about | {"blocks": ((4,), (4,))} for name, about in cifar.NETWORKS.items()}
NETWORKS["small"] = {"blocks": ((4,), (5,))}
NETWORKS["half"] = {"blocks": ((4,), (4,), (128,), (4,), (4,))}
DIGITS: dict[str, dict[str, Any]] = {
    "lenet_teacher": {"channels": (2, 3), "hidden": (8, 7)},
    "lenet_student": {"channels": (2, 3), "hidden": (6, 5)},
    "mlp_1200": {"widths": (784, 12, 12, 10), "dropout": (0.0, 0.5)},
    "mlp_800": {"widths": (784, 8, 8, 10)},
    "mlp_30": {"widths": (784, 3, 3, 10)},
}
cifar_answers = pretrained.cifar_teacher_logits


class Constant(nn.Module):
    """A model that always gives the same logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: Tensor) -> Tensor:
        return self.logits


@lru_cache
def part(name: str, split: str, n: int, resolution: int | None = None) -> Dataset:
    """So many of a bundled split's examples, evenly spread: of a thousand a hundredth has every digit."""
    return spread(data.load(name, split, scale="quick", resolution=resolution), n)


def size(split: str) -> int:
    return 2000 if "train" in split else 60


@lru_cache
def told(split: str, n: int) -> Tensor:
    """The shipped teacher's logits for the images of `part`."""
    logits = cifar_answers(data.load("cifar10", split, scale="quick"))
    return logits[[i * len(logits) // n for i in range(n)]]


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Replace what makes the experiments large."""
    patch.setattr(os, "fsync", lambda file: None)
    patch.setattr(runner, "Job", partial(Job, few=FEW))
    patch.setattr(
        mnist, "images", lambda net, s: part("mnist", s, size(s), 32 if net.startswith("lenet") else 28)
    )
    patch.setattr(mnist, "NETWORKS", DIGITS)
    patch.setattr(fidelity, "digits", lambda split: part("mnist", split, size(split)))
    patch.setattr(fidelity, "IMAGES", 2000)
    patch.setattr(fidelity, "WIDTHS", {name: 4 + i for i, name in enumerate(fidelity.WIDTHS)})
    patch.setattr(fidelity, "images", lru_cache(fidelity.images.__wrapped__))
    patch.setattr(loss_bugs, "images", lambda split: part("mnist", split, size(split), 32))
    for module in (cifar, race):
        patch.setattr(module, "images", lambda split, few=None: part("cifar10", split, size(split)))
    patch.setattr(pretrained, "cifar_teacher_logits", lambda images: told(images.split, len(images)))
    patch.setattr(signals, "IMAGES", 200)
    patch.setattr(signals, "JUDGED", 50)
    patch.setattr(signals, "images", lru_cache(signals.images.__wrapped__))
    patch.setattr(cifar, "NETWORKS", NETWORKS)
    patch.setattr(xray, "folder_of", lambda split: part("chest_xray", split, size(split)))
    patch.setattr(models, "resnet18", partial(flat, 6))
    patch.setattr(models, "xray_student", partial(flat, 4))
    patch.setattr(models, "VGG_QUICK", ((4,), (4,), (64,), (4,)))  # 64 channels where chapter 07 looks
    patch.setattr(clicks, "RECIPE", replace(clicks.RECIPE, batch_size=8))
    patch.setattr(clicks, "TRAINING", 600)
    patch.setattr(clicks, "TEST", 1000)
    patch.setattr(pretrained, "xray_student", lambda name: flat(4, seed=len(name)))
    patch.setattr(language, "windows", lru_cache(lambda: text.windows("train", 128).subset(range(40))))
    patch.setattr(language, "LAYERS", {"teacher": (1, 16), "student": (1, 8)})
    patch.setattr(language, "teacher", lru_cache(lambda few: models.transformer(1, 16, seed=9).double()))
    patch.setattr(language, "WRITTEN", 6)
    patch.setattr(language_cost, "STEPS", 1)
    patch.setattr(language_cost, "TEXTS", 2)
    for name in ("teacher_answers", "written_by_teacher"):
        patch.setattr(language, name, lru_cache(getattr(language, name).__wrapped__))
    with_options(patch, speed.EXPERIMENT, calls=2)
    with_options(patch, ship.EXPERIMENT, calls=2)
    patch.setattr(up, "COUNTED", {"lenet": (1, 20), "vgg": (1, 20)})
    patch.setattr(up, "TIMED", {"lenet": 2, "vgg": 2})
    patch.setattr(up, "started", started)
    with_options(patch, caching_cost.EXPERIMENT, images=300, warm_up=40)


def started(name: str, epochs: int, steps: list[int], seed: int, **processes: int) -> dict[int, Any]:
    """What several processes would do, in this one."""
    with TemporaryDirectory() as folder:
        up.work(name, epochs, steps, seed, Path(folder))
        return {n: checkpoints.read(Path(folder) / f"{n}.safetensors") for n in steps}


def flat(hidden: int, classes: int = 2, *, seed: int, size: int = 64, **_: Any) -> nn.Module:
    """A network of two linear layers for grey pictures."""
    return models.mlp((size * size, hidden, classes), seed=seed)


def with_options(patch: pytest.MonkeyPatch, experiment: Experiment, **options: Any) -> None:
    """Change some options of all arms of an experiment."""
    changed = [replace(arm, options={**arm.options, **options}) for arm in experiment.arms()]
    patch.setitem(runner.EXPERIMENTS, experiment.name, replace(experiment, arms=lambda: changed))


def made(n: int = 48, seed: int = 0) -> Dataset:
    """Pictures of 8 pixels a side, in three classes."""
    images = torch.randint(0, 256, (n, 1, 8, 8), generator=torch.Generator().manual_seed(seed))
    return Dataset("made", "train", images.to(torch.uint8), torch.arange(n) % 3, ("a", "b", "c"))


TAUGHT_BY = Arm("teacher", "large", Recipe(2, 0.01, batch_size=16), seeds=range(3))
ALONE = replace(TAUGHT_BY, name="alone", network="small")
SOFT: dict[str, Any] = {"teacher": TAUGHT_BY, "loss": "hinton", "temperature": 4.0, "alpha": 0.5}
TOY_ARMS = [
    TAUGHT_BY,
    ALONE,
    replace(ALONE, name="taught", **SOFT),
    replace(ALONE, name="big", seeds=range(0)),
]


def count_errors(job: Job, fitted: Fitted) -> dict[str, Any]:
    return {"test_errors": metrics.errors(logits_of(fitted.model, made(seed=1)), made(seed=1).labels)}


def toy(**changes: Any) -> Experiment:
    """An experiment of a teacher, a student alone, its taught twin, and an arm for the other scale."""
    build: Callable[[Arm, int], nn.Module] = lambda arm, seed: models.mlp(  # noqa: E731
        (64, 16 if arm.network == "large" else 4, 3), seed=seed
    )
    parts: dict[str, Any] = {"train_set": lambda job: made(), "test_set": lambda job: made(seed=1)}
    return replace(Experiment("toy", lambda: TOY_ARMS, build, measure=count_errors, **parts), **changes)
