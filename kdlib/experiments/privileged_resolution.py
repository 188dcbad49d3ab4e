"""Chapter 06's second experiment: sharp pictures as the privileged feature, on chest X-rays.

Teacher and student are the same small network with the same recipe, so that the teacher's one advantage is
what it sees: 64 pixels a side, where the student's picture is made of 16 or 28. Chapter 05 tells of the test
folder, and why the AUROC is the figure to look at. Nothing is chosen by it.

A teacher that was trained on a picture knows its label by heart. So there are students, too, whose answers
come from two teachers, each trained on half of the patients and asked about the others only.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset, cache
from kdlib.evaluation import metrics
from kdlib.experiments.digests import fingerprint
from kdlib.objectives import Objective, distilled, supervised
from kdlib.training import Recipe, logits_of, train

HEADLINE = ("test_auroc", "test AUROC", 3)
SHARP = 64
RECIPE = Recipe(15, 1e-3, batch_size=32, optimizer="adam", schedule="one_cycle", half="everywhere")


@dataclass(frozen=True)
class Arm:
    """One row of the table. Where alpha is above 0, the seed's network of sharp pictures teaches."""

    name: str
    pixels: int
    temperature: float = 1.0
    alpha: float = 0.0
    recipe: Recipe = RECIPE


@dataclass(frozen=True)
class Half(Arm):
    """A teacher that was trained on the first or the second half of the patients."""

    part: int = 0


@dataclass(frozen=True)
class Crossed(Arm):
    """A student to whom nobody answers for a picture that was in their training."""

    parts: int = 2


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
    """The rows of the table, the teacher first."""
    rows = [Arm("sharp", SHARP)]
    for pixels in (16, 28):
        rows.append(Arm(f"{pixels}-alone", pixels))
        for temperature in (1.0, 4.0):
            rows.append(Arm(f"{pixels}-T{temperature:g}", pixels, temperature, 0.75))
    rows += halves()
    for pixels in (16, 28):
        rows += [Crossed(f"{pixels}-crossed-T{t:g}", pixels, t, 0.75) for t in (1.0, 4.0)]
    return rows


def halves() -> list[Half]:
    """The two teachers that know half of the patients each."""
    return [Half(f"half-{part}", SHARP, part=part) for part in (0, 1)]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale."""
    return range(5 if scale == "cpu" else 10)


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return {key: value for key, value in asdict(arm).items() if key != "name"}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's network, or go on where it was killed; give what was measured and the data's digest."""
    model, curve = trained(arm, seed, folder)
    parts = [pictures(split) for split in ("train", "val", "test")]
    measured: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters())}
    for name, part in zip(("validation", "test"), parts[1:], strict=True):
        logits = logits_of(model, part)
        measured[f"{name}_accuracy"] = metrics.accuracy(logits, part.labels)
        measured[f"{name}_auroc"] = metrics.auroc(logits, part.labels)
        measured[f"{name}_logloss"] = float(F.cross_entropy(logits, part.labels))
    return {"metrics": measured, "curve": curve, "data": data.digest(*parts)}


def network(pixels: int, seed: int) -> nn.Module:
    """The small network of chapter 05, behind a coarse camera where the picture is not sharp."""
    student = models.xray_student(seed=seed)
    return student if pixels == SHARP else nn.Sequential(Coarse(pixels), student)


def trained(arm: Arm, seed: int, folder: Path) -> tuple[nn.Module, list[dict[str, float]]]:
    """The arm's network after its last epoch and its curve; a finished one is only read."""
    # A student and its teacher do not begin with the same weights: that would be a second thing they share.
    model = network(arm.pixels, seed + (1000 if arm.pixels == SHARP else 0))
    checkpoint = folder / f"{arm.name}.{seed}.{fingerprint(settings(arm))}.safetensors"
    part = pictures("train")
    if isinstance(arm, Half):
        part = part.subset(side(part, seed) == arm.part)
    with cache.locked(checkpoint):
        result = train(
            model,
            part,
            objective(arm, seed, folder),
            arm.recipe,
            seed=seed,
            checkpoint=checkpoint,
            description=f"{arm.name} seed {seed}",
        )
    return model.cpu(), result.curve


def objective(arm: Arm, seed: int, folder: Path) -> Objective:
    """What the arm minimises; the networks of sharp pictures are trained first where they teach."""
    if arm.alpha == 0:
        return supervised
    if isinstance(arm, Crossed):
        answers = crossed(seed, folder)
    else:
        teacher, _ = trained(arms()[0], seed, folder)
        answers = logits_of(teacher, pictures("train"))
    return distilled(answers, temperature=arm.temperature, alpha=arm.alpha)


def crossed(seed: int, folder: Path) -> Tensor:
    """Answers for the training pictures (N, 2), each by the teacher that was trained on the other half."""
    whole = pictures("train")
    where = side(whole, seed)
    answers = torch.empty(len(whole), 2)
    for teacher in halves():
        others = where != teacher.part
        answers[others] = logits_of(trained(teacher, seed, folder)[0], whole.subset(others))
    return answers


def side(part: Dataset, seed: int) -> Tensor:
    """For each picture which half of the patients its own is in, 0 or 1, drawn from the seed."""
    assert part.patients is not None
    names = sorted(set(part.patients))
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed)).tolist()
    half = {name: int(place < len(names) // 2) for name, place in zip(names, order, strict=True)}
    return torch.tensor([half[name] for name in part.patients])


@lru_cache
def pictures(split: str) -> Dataset:
    """The X-rays of a split at 64 pixels, as everyone has them: the bundle's, whatever KDLIB_SCALE says."""
    return data.load("chest_xray", split, scale="quick")
