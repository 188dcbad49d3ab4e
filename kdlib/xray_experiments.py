"""The experiments of chapter 05 on chest X-rays: which runs there are, and what each does.

Kaggle's training folder is parted by patient into training and validation, as `data.load` parts it for
everyone; the test folder is looked at once, after the last epoch. Each run gives its figures for the last
epoch and for the one with the lowest validation loss, at the threshold 0.5 and at one chosen on validation,
and the test images' log-odds themselves, from which the curves and intervals of the chapter are drawn.
"""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import cache, data, metrics, models
from kdlib.data import Dataset
from kdlib.digests import fingerprint
from kdlib.objectives import Batch, Objective, distilled, supervised, teacher_logits
from kdlib.training import Recipe, logits_of, train


@dataclass(frozen=True)
class Arm:
    """One row of a table. `teacher` is the arm whose model, of the same seed, teaches, at its last epoch."""

    name: str
    model: str  # resnet18 or student
    recipe: Recipe
    teacher: "Arm | None" = None
    objective: str = "labels"  # labels, hinton or mage
    temperature: float = 1.0
    alpha: float = 0.0
    parted: str = "once"  # or anew from the seed, by patient or by image
    classes: int = 2  # or 3: normal, bacteria, virus
    resolution: int = 64


KINDS = ("normal", "bacteria", "virus")
HELD_OUT = 0.15  # of the training folder, where it is parted anew
COMMON: dict[str, Any] = {"schedule": "one_cycle", "half": "everywhere"}
SMALL = Recipe(15, 1e-3, optimizer="adam", batch_size=32, **COMMON)
TEACHER = Arm("teacher", "resnet18", Recipe(15, 1e-3, optimizer="adamw", weight_decay=0.01, **COMMON))
KINDS_TEACHER = replace(TEACHER, name="kinds-teacher", classes=len(KINDS))
# The article names learning rates, 40 epochs and the best epoch; optimiser and batch size it leaves open.
SOURCE = Recipe(40, 1e-5, optimizer="adam", batch_size=32, half="everywhere")
SOURCE_TEACHER = Arm("source-teacher", "resnet18", SOURCE)


def arms() -> list[Arm]:
    """Every row of chapter 05's tables, teachers before their students."""
    return [*grid(), *leak(), *kinds(), *source()]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale."""
    if scale == "full":
        return range(10)
    return range(3 if arm.name.startswith("source") else 5)


def grid() -> list[Arm]:
    """Mage's grid of alpha and T, with the right loss and with its own (`mean` over classes, no T^2)."""
    student: dict[str, Any] = {"model": "student", "recipe": SMALL, "teacher": TEACHER}
    rows = [TEACHER, Arm("alone", "student", SMALL)]
    for objective in ("hinton", "mage"):
        for alpha in (0.25, 0.5, 0.75, 1.0):
            for t in (1.0, 2.0, 4.0, 8.0):
                name = f"{objective}-a{alpha:g}-T{t:g}"
                rows.append(Arm(name, objective=objective, temperature=t, alpha=alpha, **student))
    return rows


def source() -> list[Arm]:
    """The article's own setting, and its learning rates exchanged: what made 72 % into 86 %?"""
    fast = replace(SOURCE, learning_rate=1e-3)
    taught: dict[str, Any] = {"teacher": SOURCE_TEACHER, "objective": "mage", "alpha": 0.25}
    return [
        SOURCE_TEACHER,
        Arm("source-alone-1e-5", "student", SOURCE),
        Arm("source-alone-1e-3", "student", fast),
        Arm("source-distilled-1e-5", "student", SOURCE, **taught),
        Arm("source-distilled-1e-3", "student", fast, **taught),
    ]


def leak() -> list[Arm]:
    """The student alone with the folder parted anew, rightly or with patients in both parts.

    Compare their figures on validation.
    """
    return [Arm(f"parted-by-{by}", "student", SMALL, parted=by) for by in ("patient", "image")]


def kinds() -> list[Arm]:
    """A teacher that also tells bacteria from viruses, and students of it that do not."""
    student: dict[str, Any] = {"objective": "hinton", "alpha": 0.5, "teacher": KINDS_TEACHER}
    rows = [Arm(f"kinds-T{t:g}", "student", SMALL, temperature=t, **student) for t in (1.0, 4.0)]
    return [KINDS_TEACHER, *rows]


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return {key: value for key, value in asdict(arm).items() if key != "name"} | {"held_out": HELD_OUT}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's model, or go on where it was killed; give what was measured and the data's digest."""
    model, curve, best = trained(arm, seed, folder)
    rest, held_out = parts(arm, seed)
    test = folder_of("test", arm.resolution)
    measured: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters())}
    for when in ("last", "best"):
        if when == "best":
            model.load_state_dict(best)
        answers = logits_of(model, test)
        tuning, logits = two_classes(logits_of(model, held_out)), two_classes(answers)
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
        model: nn.Module = models.resnet18(arm.classes, channels=1, size=arm.resolution, seed=seed)
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
            checkpoint=checkpoint,
            description=f"{arm.name} seed {seed}",
        )
    assert result.best_weights is not None
    return model.cpu(), result.curve, result.best_weights


def objective(arm: Arm, seed: int, rest: Dataset, folder: Path) -> Objective:
    """What the arm minimises; its teacher is trained first where that was not yet done."""
    if arm.teacher is None:
        return supervised
    answers = logits_of(trained(arm.teacher, seed, folder)[0], rest)
    logits = two_classes(answers, arm.temperature)
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


@lru_cache
def folder_of(split: str, resolution: int) -> Dataset:
    """One of Kaggle's folders."""
    return data.load("chest_xray", split, resolution=resolution)


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
