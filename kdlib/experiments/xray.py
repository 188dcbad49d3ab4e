"""The experiments of chapter 05 on chest X-rays: what each run does. Which there are: `xray_arms`.

Kaggle's training folder is parted by patient into training and validation, as `data.load` parts it for
everyone; the test folder is looked at once, after the last epoch. Each run gives its figures for the last
epoch and for the one with the lowest validation loss, at the threshold 0.5 and at one chosen on validation,
and the test images' log-odds themselves, from which the curves and intervals of the chapter are drawn.
"""

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset, augment, cache
from kdlib.evaluation import metrics
from kdlib.experiments.digests import fingerprint
from kdlib.experiments.xray_arms import HELD_OUT, KINDS, Arm, settings
from kdlib.experiments.xray_arms import (
    SMALL as SMALL,  # this and the next: part of what the experiments offer
)
from kdlib.experiments.xray_arms import arms as arms
from kdlib.experiments.xray_arms import seeds as seeds
from kdlib.objectives import Batch, Objective, distilled, label_smoothed, supervised, teacher_logits
from kdlib.training import logits_of, teacher_cache, train

SMOOTHING = 0.1
NATIVE = 64  # pixels: so large are the bundle's pictures


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's model, or go on where it was killed; give what was measured and the data's digest."""
    model, curve, best = trained(arm, seed, folder)
    rest, held_out = parts(arm, seed)
    test = folder_of("test", arm.resolution)
    measured: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters())}
    for when in ("last", "best"):
        if when == "best":
            model.load_state_dict(best)
        answers = asked(model, test)
        tuning, logits = two_classes(asked(model, held_out)), two_classes(answers)
        measured.setdefault("test_errors", metrics.errors(logits, test.labels))  # of the last epoch
        if arm.classes > 2:
            measured.setdefault("test_kinds", confusion(answers, of_kinds(test).labels))
        threshold = metrics.best_threshold(tuning, held_out.labels)
        measured[when] = {
            "validation": figures(tuning, held_out.labels, 0.5),
            "test": figures(logits, test.labels, 0.5),
            "threshold": threshold,
            "test_at_threshold": figures(logits, test.labels, threshold),
            "test_log_odds": [round(z, 3) for z in (logits[:, 1] - logits[:, 0]).tolist()],
        }
    return {"metrics": measured, "curve": curve, "data": data.digest(rest, held_out, test)}


def two_classes(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Logits of normal against pneumonia, (N, 2), from those of the three kinds; two are left as they are.

    Softened by the same temperature, they give pneumonia the probabilities of its kinds together.
    """
    if logits.shape[1] == 2:
        return logits
    ill = temperature * torch.logsumexp(logits[:, 1:] / temperature, dim=1)
    return torch.stack([logits[:, 0], ill], dim=1)


def confusion(logits: Tensor, labels: Tensor) -> list[list[int]]:
    """How many of each class (rows) were given which answer (columns)."""
    n = logits.shape[1]
    pairs = torch.bincount(n * labels + logits.argmax(1), minlength=n * n)
    return [[int(count) for count in row] for row in pairs.reshape(n, n)]


def figures(logits: Tensor, labels: Tensor, threshold: float) -> dict[str, float]:
    """What a model is worth on some images, at a threshold on the probability of pneumonia."""
    chosen = logits.softmax(1)[:, 1] > threshold
    return {
        "accuracy": float((chosen == labels.bool()).double().mean()),
        "auroc": metrics.auroc(logits, labels),
        "sensitivity": metrics.sensitivity(logits, labels, threshold),
        "specificity": metrics.specificity(logits, labels, threshold),
        "balanced_accuracy": metrics.balanced_accuracy(logits, labels, threshold),
        "calibration_error": metrics.expected_calibration_error(logits, labels),
        "cross_entropy": float(F.cross_entropy(logits, labels)),
    }


def trained(arm: Arm, seed: int, folder: Path) -> tuple[nn.Module, list[dict[str, float]], dict[str, Tensor]]:
    """The arm's model after its last epoch, its curve, and the weights of its best epoch on validation."""
    if arm.model == "resnet18":
        model: nn.Module = models.resnet18(
            arm.classes, channels=1, size=arm.resolution, weights=arm.weights, seed=seed
        )
    else:
        model = models.xray_student(size=arm.resolution, seed=seed)
    rest, held_out = parts(arm, seed)
    if arm.classes > 2:
        rest, held_out = of_kinds(rest), of_kinds(held_out)
    checkpoint = folder / f"{arm.name}.{seed}.{fingerprint(settings(arm))}.safetensors"
    with cache.locked(checkpoint):
        result = train(
            model,
            rest,
            objective(arm, seed, rest, folder),
            arm.recipe,
            seed=seed,
            validation=held_out,
            augment=augment.viewed(arm.views) if arm.views else None,
            checkpoint=checkpoint,
            description=f"{arm.name} seed {seed}",
        )
    assert result.best_weights is not None
    return model.cpu(), result.curve, result.best_weights


def objective(arm: Arm, seed: int, rest: Dataset, folder: Path) -> Objective:
    """What the arm minimises; its teacher is trained first where that was not yet done."""
    if arm.teacher is None:
        return label_smoothed(SMOOTHING) if arm.objective == "smoothed" else supervised
    teacher = trained(arm.teacher, seed, folder)[0]
    if arm.views:
        answers = f"{arm.teacher.name}.{seed}.{fingerprint(settings(arm.teacher))}.answers.safetensors"
        logits = teacher_cache.fill(teacher, rest, arm.views, folder / answers, half=arm.recipe.half)
    else:
        logits = two_classes(asked(teacher, rest), arm.temperature)
    if arm.objective == "hinton":
        return distilled(logits, temperature=arm.temperature, alpha=arm.alpha)
    return partial(as_written, teacher=logits, temperature=arm.temperature, alpha=arm.alpha)


def as_written(
    model: nn.Module, batch: Batch, *, teacher: nn.Module | Tensor, temperature: float, alpha: float
) -> dict[str, Tensor]:
    """Mage's loss as it stands there: the mean over classes too, and no T^2."""
    student = model(batch.images).float()
    target = F.softmax(teacher_logits(teacher, batch).float() / temperature, dim=1)
    soft = F.kl_div(F.log_softmax(student / temperature, dim=1), target, reduction="none").mean()
    hard = F.cross_entropy(student, batch.labels)
    return {"loss": (1 - alpha) * hard + alpha * soft, "soft": soft, "hard": hard}


def asked(model: nn.Module, dataset: Dataset) -> Tensor:
    """A model's logits, (N, classes); of larger images fewer at once, so that they take no more memory."""
    height, width = dataset.images.shape[-2:]
    return logits_of(model, dataset, batch_size=1000 * NATIVE**2 // (height * width))


@lru_cache
def folder_of(split: str, resolution: int) -> Dataset:
    """One of Kaggle's folders; above 64 pixels from the whole data set, fetched where it is not there.

    Up to 64 pixels they are the bundle's, whatever KDLIB_SCALE says, so that records are of the same pixels.
    """
    scale = "full" if resolution > NATIVE else "quick"
    return data.load("chest_xray", split, scale=scale, resolution=resolution)


def parts(arm: Arm, seed: int) -> tuple[Dataset, Dataset]:
    """Training and validation images, from Kaggle's training folder alone."""
    if arm.parted == "once":
        return folder_of("train", arm.resolution), folder_of("val", arm.resolution)
    whole = folder_of("kaggle_train", arm.resolution)
    if arm.parted == "image":
        whole = replace(whole, patients=None)
    return data.hold_out(whole, HELD_OUT, seed=seed)


def of_kinds(dataset: Dataset) -> Dataset:
    """The same images, labelled with the three kinds."""
    assert dataset.kinds is not None
    return replace(dataset, labels=torch.tensor([KINDS.index(kind) for kind in dataset.kinds]), classes=KINDS)
