"""Chapter 06's second experiment: sharp pictures as the privileged feature, on chest X-rays.

Teacher and student are the same small network with the same recipe, so that the teacher's one advantage is
what it sees: 64 pixels a side, where the student's picture is made of 16 or 28. Chapter 05 tells of the test
folder, and why the AUROC is the figure to look at. Nothing is chosen by it.

A teacher that was trained on a picture knows its label by heart. So there are students, too, whose answers
come from two teachers, each trained on half of the patients and asked about the others only.
"""

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import models
from kdlib.data import Dataset
from kdlib.experiments import xray
from kdlib.experiments.arms import Arm, Experiment, Fitted, Job, fit, order, taught
from kdlib.experiments.measures import figures, parameters
from kdlib.objectives import Objective, distilled
from kdlib.training import Recipe, logits_of

SHARP = 64
RECIPE = Recipe(15, 1e-3, batch_size=32, optimizer="adam", schedule="one_cycle", half="everywhere")
TEACHER = Arm("sharp", "sharp", RECIPE, options={"pixels": SHARP})
HALVES = [replace(TEACHER, name=f"half-{part}", options={"pixels": SHARP, "half": part}) for part in (0, 1)]


class Coarse(nn.Module):
    """Pictures as a camera of `pixels` a side would take them, enlarged again to their size. Chapter 06."""

    def __init__(self, pixels: int):
        super().__init__()
        self.pixels = pixels

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape. Raises ValueError for pictures that are no larger than `pixels`."""
        if min(images.shape[-2:]) <= self.pixels:
            raise ValueError(f"images are {tuple(images.shape[-2:])}; they must be larger than {self.pixels}")
        small = F.interpolate(images, size=self.pixels, mode="area")
        return F.interpolate(small, size=images.shape[-2:], mode="bilinear")


def arms() -> list[Arm]:
    """The rows of the table, the teachers first."""
    rows, crossed = [TEACHER], []
    for pixels in (16, 28):
        alone = Arm(f"{pixels}-alone", "student", RECIPE, options={"pixels": pixels})
        rows.append(alone)
        for t in (1.0, 4.0):
            rows.append(taught(alone, f"{pixels}-T{t:g}", TEACHER, t, 0.75))
            crossed.append(replace(rows[-1], name=f"{pixels}-crossed-T{t:g}", loss="crossed"))
    return [*rows, *HALVES, *crossed]


def network(arm: Arm, seed: int) -> nn.Module:
    """The small network of chapter 05, behind a coarse camera where the picture is not sharp.

    A student and its teacher do not begin with the same weights: that would be a second thing they share.
    """
    if arm.network == "sharp":
        return models.xray_student(seed=seed + 1000)
    return nn.Sequential(Coarse(arm.options["pixels"]), models.xray_student(seed=seed))


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """Accuracy, AUROC and logloss on validation and test pictures."""
    measured: dict[str, Any] = {"parameters": parameters(fitted.model)}
    for name, part in (("validation", xray.folder_of("val")), ("test", xray.folder_of("test"))):
        logits = logits_of(fitted.model, part)
        measured |= figures(logits, part.labels, "accuracy", "auroc", "logloss", of=f"{name}_")
    return measured


def objective(job: Job, part: Dataset) -> Objective:
    """Answers from two teachers, each asked about the patients on whom the other was trained."""
    where, told = side(part, job.seed), torch.empty(len(part), 2)
    for teacher in HALVES:
        others = where != teacher.options["half"]
        told[others] = logits_of(fit(EXPERIMENT, job.of(teacher)).model, part.subset(others))
    return distilled(told, temperature=job.arm.temperature, alpha=job.arm.alpha)


def train_set(job: Job) -> Dataset:
    """The training pictures, of half of the patients for a teacher that knows only these."""
    whole, half = xray.folder_of("train"), job.arm.options.get("half")
    return whole if half is None else whole.subset(side(whole, job.seed) == half)


def side(part: Dataset, seed: int) -> Tensor:
    """For each picture which half of the training patients its own is in, 0 or 1, drawn from the seed."""
    whole = xray.folder_of("train").patients
    assert part.patients is not None and whole is not None
    names = sorted(set(whole))
    drawn = order(len(names), seed).tolist()
    half = {name: int(position < len(names) // 2) for name, position in zip(names, drawn, strict=True)}
    return torch.tensor([half[name] for name in part.patients])


HEADLINE = ("test_auroc", "test AUROC", 3)
EXPERIMENT = Experiment(
    "privileged_resolution", arms, network, train_set, xray.test_set, measure, objective, HEADLINE, canary=64
)
