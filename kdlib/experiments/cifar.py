"""The experiments of chapter 04 on CIFAR-10: which runs there are, and what each does.

labml's pair in its own setting, then a fair recipe: a teacher trained properly, and students that share
initial weights, images, views and steps, alone, distilled or with smoothed labels. Nothing is selected on the
test images: they are looked at once, after the last epoch.
"""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import data, losses, models
from kdlib.data import Dataset, augment, cache
from kdlib.data.augment import View
from kdlib.evaluation import metrics
from kdlib.experiments.digests import fingerprint
from kdlib.objectives import Batch, Objective, distilled, label_smoothed, supervised, teacher_logits
from kdlib.training import Augment, Recipe, devices, logits_of, teacher_cache, train


@dataclass(frozen=True)
class Arm:
    """One row of a table. `teacher` is the arm whose model, of the same seed, teaches."""

    name: str
    network: str
    recipe: Recipe
    teacher: "Arm | None" = None
    objective: str = "labels"  # labels, smoothed, hinton, fixed (the teacher sees the image unmoved) or labml
    temperature: float = 1.0
    alpha: float = 0.0
    share: float = 1.0  # of the training images
    views: bool = True  # the sixteen views, or a new random crop each time
    still: bool = False  # neither: the pictures as they are


LATER = ("still",)  # records older than this field must not age: see `settings`
NETWORKS: dict[str, dict[str, Any]] = {
    "labml_large": {"blocks": models.VGG_LARGE, "dropout": 0.1, "running": False},
    "labml_small": {"blocks": models.VGG_SMALL, "running": False},
    "large": {"blocks": models.VGG_LARGE},
    "half": {"blocks": models.VGG_HALF_WIDTH},
    "small": {"blocks": models.VGG_SMALL},
}
# Mirrored or not, in eight places: few enough for a teacher to be asked for all its answers once.
MOVES = ((0, 0), (-3, -2), (-2, 3), (2, -3), (3, 2), (-4, 1), (4, -1), (0, 4))
VIEWS = [View(flip, dy, dx) for flip in (False, True) for dy, dx in MOVES]
SMOOTHING = 0.1

FAIR: dict[str, Any] = {"schedule": "one_cycle", "weight_decay": 5e-4, "half": "everywhere"}
LABML = Recipe(20, 2.5e-4, batch_size=64, optimizer="adam", half="everywhere")
LABML_TEACHER = Arm("labml-teacher", "labml_large", LABML, views=False)
TEACHER = Arm("fair-teacher", "half", Recipe(30, 0.1, **FAIR), views=False)
WEAK_TEACHER = Arm("weak-teacher", "half", Recipe(10, 0.1, **FAIR), views=False)
# For a GPU: batches twice as large fill it better. Twice the learning rate with them would be usual; in three
# short epochs it left the large network at chance, so it stays.
LONG = Recipe(60, 0.1, batch_size=256, **FAIR)
LARGE_TEACHER = Arm("full-teacher", "large", replace(LONG, epochs=40), views=False)
LONG_ALONE = Arm("full-alone", "small", LONG)


def arms() -> list[Arm]:
    """Every row of chapter 04's tables, teachers before their students."""
    return [*labml(), *fair(), *sweeps(), *headline(), *longer_sweeps(), *sizes(), *patient()]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale; none where it is not run at that scale."""
    first = arm.name.split("-")[0]
    few = {"labml": 1, "fair": 3, "weak": 3, "T": 2, "labels": 2}
    many = {"labml": 3, "full": 5, "long": 3, "rare": 3, "size": 3, "patient": 3}
    return range((few if scale == "cpu" else many).get(first, 0))


def labml() -> list[Arm]:
    """labml's pair, loss and epochs: on pictures that stand still, as its own do, and on random crops."""
    short = replace(LABML, epochs=10)
    soft: dict[str, Any] = {"objective": "labml", "temperature": 5.0}
    alone = Arm("labml-alone", "labml_small", short, views=False)
    moved = [LABML_TEACHER, alone, replace(alone, name="labml-distilled", teacher=LABML_TEACHER, **soft)]
    teacher = replace(LABML_TEACHER, name="labml-still-teacher", still=True)
    alone = replace(alone, name="labml-still-alone", still=True)
    return [teacher, alone, replace(alone, name="labml-still-distilled", teacher=teacher, **soft), *moved]


def fair() -> list[Arm]:
    """The fair recipe, a control that knows nothing (smoothed labels), and a teacher that is no better."""
    short = Recipe(12, 0.1, **FAIR)
    soft: dict[str, Any] = {"objective": "hinton", "temperature": 4.0, "alpha": 0.9}
    return [
        TEACHER,
        Arm("fair-alone", "small", short),
        Arm("fair-smoothed", "small", short, objective="smoothed"),
        Arm("fair-distilled", "small", short, TEACHER, **soft),
        Arm("fair-fixed", "small", short, TEACHER, **{**soft, "objective": "fixed"}),
        WEAK_TEACHER,
        Arm("weak-distilled", "small", short, WEAK_TEACHER, **soft),
    ]


def sweeps() -> list[Arm]:
    """Temperature, and the share of the images with as many steps as six epochs of all of them."""
    soft: dict[str, Any] = {"teacher": TEACHER, "objective": "hinton", "alpha": 0.9}
    six = Recipe(6, 0.1, **FAIR)
    rows = [Arm("T-alone", "small", six)]
    rows += [Arm(f"T-{t:g}", "small", six, temperature=t, **soft) for t in (1.0, 2.0, 4.0, 8.0, 16.0)]
    for percent, epochs in ((1, 600), (10, 60)):
        student: dict[str, Any] = {"network": "small", "recipe": Recipe(epochs, 0.1, **FAIR)}
        student["share"] = percent / 100
        rows += [
            Arm(f"labels-{percent}-alone", **student),
            Arm(f"labels-{percent}-distilled", temperature=4.0, **student, **soft),
        ]
    return rows


def headline() -> list[Arm]:
    """The fair race with labml's large network as the teacher and five times the epochs: wants a GPU."""
    return [
        LARGE_TEACHER,
        LONG_ALONE,
        replace(LONG_ALONE, name="full-smoothed", objective="smoothed"),
        around("full-distilled"),
        around("full-fixed", objective="fixed"),
    ]


def longer_sweeps() -> list[Arm]:
    """Temperature, alpha, and the share of the images at equal steps, around the headline's student."""
    rows = [around(f"long-T-{t:g}", temperature=t) for t in (1.0, 2.0, 8.0, 16.0)]
    rows += [around(f"long-alpha-{alpha:g}", alpha=alpha) for alpha in (0.25, 0.5, 0.75, 1.0)]
    for percent, epochs in ((1, 6000), (10, 600)):
        part: dict[str, Any] = {"recipe": replace(LONG, epochs=epochs), "share": percent / 100}
        rows.append(replace(LONG_ALONE, name=f"rare-{percent}-alone", **part))
        rows.append(around(f"rare-{percent}-distilled", **part))
    return rows


def sizes() -> list[Arm]:
    """Teachers from the student's own size to labml's: is a larger one a better one?"""
    half = replace(LARGE_TEACHER, name="size-half-teacher", network="half")
    return [
        half,
        around("size-small-distilled", teacher=LONG_ALONE),
        around("size-half-distilled", teacher=half),
    ]


def patient() -> list[Arm]:
    """Less and more time for the student, alone and distilled: Beyer et al. (2022) ask for patience."""
    rows = []
    for epochs in (15, 240):
        recipe = replace(LONG, epochs=epochs)
        rows.append(replace(LONG_ALONE, name=f"patient-{epochs}-alone", recipe=recipe))
        rows.append(around(f"patient-{epochs}-distilled", recipe=recipe))
    return rows


def around(name: str, **changed: Any) -> Arm:
    """The headline's distilled student, with something changed."""
    soft: dict[str, Any] = {"objective": "hinton", "temperature": 4.0, "alpha": 0.9}
    return replace(LONG_ALONE, name=name, **({"teacher": LARGE_TEACHER} | soft | changed))


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them: without the later field where it says nothing."""

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: value for key, value in pairs if value or key not in LATER}

    found = {key: value for key, value in asdict(arm, dict_factory=kept).items() if key != "name"}
    return found | {"layers": NETWORKS[arm.network], "list_of_views": VIEWS if arm.views else None}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's model, or go on where it was killed; give what was measured and the data's digest."""
    model, curve = trained(arm, seed, folder)
    test = images("test")
    logits = logits_of(model, test)
    answers = torch.bincount(10 * test.labels + logits.argmax(1), minlength=100).reshape(10, 10)
    measured = {
        "test_errors": metrics.errors(logits, test.labels),
        "test_accuracy": metrics.accuracy(logits, test.labels),
        "test_cross_entropy": float(F.cross_entropy(logits, test.labels)),
        "test_calibration_error": metrics.expected_calibration_error(logits, test.labels),
        "test_confusion": answers.tolist(),  # rows: true class
        "test_answers": "".join(str(int(answer)) for answer in logits.argmax(1)),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    return {"metrics": measured, "curve": curve, "data": data.digest(train_set(arm, seed), test)}


def trained(arm: Arm, seed: int, folder: Path) -> tuple[nn.Module, list[dict[str, float]]]:
    """The arm's model after its last epoch and its curve; a finished one is only read."""
    model = models.vgg(**NETWORKS[arm.network], seed=seed)
    part = train_set(arm, seed)
    checkpoint = folder / f"{arm.name}.{seed}.{fingerprint(settings(arm))}.safetensors"
    with cache.locked(checkpoint):
        result = train(
            model,
            part,
            objective(arm, seed, part, folder),
            arm.recipe,
            seed=seed,
            augment=moves(arm),
            # As labml does: its curves are of the test images. Nothing is chosen by them.
            validation=images("test") if arm.name.startswith("labml") else None,
            checkpoint=checkpoint,
            description=f"{arm.name} seed {seed}",
        )
    return model, result.curve  # on its device, where it may have to teach


def moves(arm: Arm) -> Augment | None:
    """How the arm's training pictures are moved."""
    if arm.still:
        return None
    return augment.viewed(VIEWS) if arm.views else augment.crop_flip


def objective(arm: Arm, seed: int, part: Dataset, folder: Path) -> Objective:
    """What the arm minimises; its teacher is trained first where that was not yet done."""
    if arm.teacher is None:
        return label_smoothed(SMOOTHING) if arm.objective == "smoothed" else supervised
    teacher, _ = trained(arm.teacher, seed, folder)
    if arm.objective == "labml":
        return partial(as_written, teacher=teacher, temperature=arm.temperature)
    views = VIEWS[:1] if arm.objective == "fixed" else VIEWS
    answers = f"{arm.teacher.name}.{seed}.{arm.share:g}.{len(views)}.answers.safetensors"
    logits = teacher_cache.fill(teacher, part, views, folder / answers, half=arm.recipe.half)
    if arm.objective == "fixed":
        logits = logits[:, 0]
    logits = logits.to(devices.pick())  # a step on a GPU should not wait for the processor
    return distilled(logits, temperature=arm.temperature, alpha=arm.alpha)


def as_written(
    model: nn.Module, batch: Batch, *, teacher: nn.Module, temperature: float
) -> dict[str, Tensor]:
    """labml's loss: a hundred times the divergence's mean over classes too, half of the cross-entropy.

    Chapter 02 converts it. Its teacher runs live, because its batch norm keeps no statistics.
    """

    student = model(batch.images).float()
    target = teacher_logits(teacher, batch)
    soft = losses.distillation_term(student, target, temperature) / temperature**2 / 10
    hard = F.cross_entropy(student, batch.labels)
    return {"loss": 100 * soft + 0.5 * hard, "soft": soft, "hard": hard}


@lru_cache
def images(split: str) -> Dataset:
    """The whole of CIFAR-10."""
    return data.load("cifar10", split, scale="cpu")


def train_set(arm: Arm, seed: int) -> Dataset:
    """The training images of an arm; a random part differs from seed to seed."""
    whole = images("train")
    return whole if arm.share == 1 else data.hold_out(whole, arm.share, seed=seed)[1]
