"""The experiments of chapter 03 on MNIST: which runs there are, and what each does.

An arm is one row of a table; each of its seeds is a run of its own, with a teacher of its own. A student
alone and its distilled twin start from the same weights and see the same images in the same order. Nothing
is selected on the test images: they are looked at once, after the last epoch.
"""

from dataclasses import asdict, dataclass, replace
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
from kdlib.objectives import Batch, Objective, distilled, supervised, teacher_logits
from kdlib.training import Recipe, logits_of, train


@dataclass(frozen=True)
class Arm:
    """One row of a table. `teacher` is the arm whose model, of the same seed, teaches."""

    name: str
    model: str
    recipe: Recipe
    teacher: "Arm | None" = None
    objective: str = "labels"  # labels, hinton or tutorial
    temperature: float = 1.0
    alpha: float = 0.0
    train_set: str = "all"
    jitter: bool = False
    offset: int = 0  # added to the seed of the initial weights: with 0 a teacher and its student share theirs


MODELS: dict[str, dict[str, Any]] = {
    "lenet_teacher": {"channels": (6, 16), "hidden": (120, 84)},
    "lenet_student": {"channels": (6, 12), "hidden": (90, 64)},
    "mlp_1200": {"widths": (784, 1200, 1200, 10), "dropout": (0.0, 0.5)},
    "mlp_800": {"widths": (784, 800, 800, 10)},
    "mlp_30": {"widths": (784, 30, 30, 10)},
}
SKEWED = 3354 / 60_000  # the share of the images that is in the train set "skewed"
OMITTED = {"no-threes": (3,), "only-7-8": (7, 8)}  # the classes whose bias is then moved


ADAMW: dict[str, Any] = {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "one_cycle"}
HALF: dict[str, Any] = {
    **ADAMW,
    "half": "everywhere",
}  # the MLPs in a third of the time

TUTORIAL = Recipe(epochs=100, learning_rate=0.001, optimizer="sgd", momentum=0.9, batch_size=128)
MODERN = Recipe(30, 3e-3, **ADAMW)
TUTORIAL_TEACHER = Arm("tutorial-teacher", "lenet_teacher", TUTORIAL)
MODERN_TEACHER = Arm("modern-teacher", "lenet_teacher", MODERN)
# Dropout of half of the hidden units and of no pixels was chosen on 5,000 held-out training images: after 60
# epochs 53 of them were wrong, 62 with a fifth of the pixels left out too.
HINTON_TEACHER = Arm("hinton-teacher", "mlp_1200", Recipe(200, 1e-3, **HALF), jitter=True)


def arms() -> list[Arm]:
    """Every row of chapter 03's tables, teachers before their students."""
    return [*tutorial(), *reasons(), *hinton(), *few_labels()]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale; the tutorial's own 250 epochs a seed have fewer."""
    if scale == "full":
        return range(10)
    return range(3 if arm.name.startswith("tutorial") else 5)


def tutorial() -> list[Arm]:
    """The Vietnamese tutorial: its own setting, its loss mended, a modern schedule."""
    half = replace(TUTORIAL, epochs=50)
    hot: dict[str, Any] = {"temperature": 10.0, "alpha": 0.9}
    return [
        TUTORIAL_TEACHER,
        Arm("tutorial-alone", "lenet_student", half),
        Arm("tutorial-as-written", "lenet_student", half, TUTORIAL_TEACHER, "tutorial", **hot),
        Arm("tutorial-mended", "lenet_student", half, TUTORIAL_TEACHER, "hinton", **hot),
        MODERN_TEACHER,
        Arm("modern-alone", "lenet_student", MODERN),
        Arm("modern-distilled", "lenet_student", MODERN, MODERN_TEACHER, "hinton", **hot),
    ]


def reasons() -> list[Arm]:
    """The tutorial's two reasons: a teacher with more data, a student whose classes are skewed.

    Two controls: a teacher with as few images as the skewed student but even classes, and a student that
    shares no initial weights with its teacher.
    """
    longer = Recipe(100, 3e-3, **ADAMW)
    rows = []
    for part in ("tenth", "skewed"):
        student: dict[str, Any] = {"model": "lenet_student", "recipe": longer, "train_set": part}
        soft: dict[str, Any] = {"objective": "hinton", "temperature": 4.0, "alpha": 0.9}
        teacher = Arm(f"{part}-teacher", "lenet_teacher", longer, train_set=part)
        rows += [
            teacher,
            Arm(f"{part}-alone", **student),
            Arm(f"{part}-same-data", teacher=teacher, **student, **soft),
            Arm(f"{part}-more-data", teacher=MODERN_TEACHER, **student, **soft),
        ]
        if part == "tenth":
            rows.append(Arm("tenth-more-apart", teacher=MODERN_TEACHER, offset=1000, **student, **soft))
        else:
            even = Arm("skewed-even-teacher", "lenet_teacher", longer, train_set="even")
            rows += [even, Arm("skewed-even-data", teacher=even, **student, **soft)]
    return rows


def hinton() -> list[Arm]:
    """Hinton's table: teacher, student alone, distilled; temperatures for small students; omitted classes.

    The patient pair was added when the students of 20 epochs were known: does the distilled one need longer?
    """
    short, patient = Recipe(20, 1e-3, **HALF), Recipe(100, 1e-3, **HALF)
    small = Recipe(30, 3e-3, **HALF)
    soft: dict[str, Any] = {"teacher": HINTON_TEACHER, "objective": "hinton", "alpha": 1.0}
    return [
        HINTON_TEACHER,
        Arm("hinton-alone", "mlp_800", short),
        Arm("hinton-distilled", "mlp_800", short, temperature=20.0, **soft),
        Arm("hinton-both", "mlp_800", short, temperature=20.0, **{**soft, "alpha": 0.9}),
        Arm("patient-alone", "mlp_800", patient),
        Arm("patient-distilled", "mlp_800", patient, temperature=20.0, **soft),
        Arm("small-alone", "mlp_30", small),
        *(Arm(f"small-T{t:g}", "mlp_30", small, temperature=t, **soft) for t in (1.0, 2.5, 4.0, 8.0, 20.0)),
        Arm("no-threes", "mlp_800", short, temperature=20.0, train_set="no-threes", **soft),
        Arm("only-7-8", "mlp_800", short, temperature=20.0, train_set="only-7-8", **soft),
    ]


def few_labels() -> list[Arm]:
    """Soft targets as a regulariser: 1 %, 3 % and 10 % of the images, with labels or with soft targets."""
    rows = []
    for percent, epochs in ((1, 400), (3, 200), (10, 100)):
        student: dict[str, Any] = {"model": "mlp_800", "recipe": Recipe(epochs, 1e-3, **HALF)}
        student["train_set"] = f"percent-{percent}"
        soft: dict[str, Any] = {"objective": "hinton", "temperature": 20.0, "alpha": 1.0}
        rows.append(Arm(f"few-{percent}-hard", **student))
        rows.append(Arm(f"few-{percent}-soft", teacher=HINTON_TEACHER, **student, **soft))
        if percent == 3:
            rows.append(Arm("few-3-apart", teacher=HINTON_TEACHER, offset=1000, **student, **soft))
    return rows


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's model, or go on where it was killed; give what was measured and the data's digest."""
    model, curve = trained(arm, seed, folder)
    test = images(arm.model, "test")
    logits = logits_of(model.cpu(), test)
    measured: dict[str, Any] = counted(logits, test.labels)
    measured["test_accuracy"] = metrics.accuracy(logits, test.labels)
    measured["test_macro_f1"] = metrics.macro_f1(logits, test.labels)
    measured["parameters"] = sum(p.numel() for p in model.parameters())
    if classes := OMITTED.get(arm.train_set):
        fair = images(arm.model, "train")
        for tuned_on, tuning in (("test", test), ("train", fair)):
            bias = best_bias(logits_of(model, tuning), tuning.labels, classes)
            measured[f"bias_tuned_on_{tuned_on}"] = {
                "bias": bias,
                **counted(moved(logits, classes, bias), test.labels),
            }
    return {"metrics": measured, "curve": curve, "data": data.digest(train_set(arm, seed), test)}


def counted(logits: Tensor, labels: Tensor) -> dict[str, Any]:
    """Test errors, in all and by class."""
    wrong = labels[logits.argmax(1) != labels]
    return {
        "test_errors": metrics.errors(logits, labels),
        "test_errors_by_class": torch.bincount(wrong, minlength=10).tolist(),
    }


def moved(logits: Tensor, classes: tuple[int, ...], bias: float) -> Tensor:
    """Logits (N, C) with `bias` added to those of some classes."""
    return logits + bias * F.one_hot(torch.tensor(classes), logits.shape[1]).sum(0)


def best_bias(logits: Tensor, labels: Tensor, classes: tuple[int, ...]) -> float:
    """The bias of `classes`, on a grid of tenths from -15 to 15, that leaves the fewest errors.

    Hinton, Vinyals and Dean (2015), section 3, choose it on the test images.
    """
    grid = [step / 10 for step in range(-150, 151)]
    return min(grid, key=lambda bias: (metrics.errors(moved(logits, classes, bias), labels), abs(bias)))


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    kept = {key: value for key, value in asdict(arm).items() if key != "name"}
    return kept | {"network": MODELS[arm.model]}


def trained(arm: Arm, seed: int, folder: Path) -> tuple[nn.Module, list[dict[str, float]]]:
    """The arm's model after its last epoch and its curve; a finished one is only read."""
    build = models.lenet5 if arm.model.startswith("lenet") else models.mlp
    model = build(**MODELS[arm.model], seed=seed + arm.offset)
    part = train_set(arm, seed)
    checkpoint = folder / f"{arm.name}.{seed}.{fingerprint(settings(arm))}.safetensors"
    with cache.locked(checkpoint):  # several students may want the same teacher at once
        result = train(
            model,
            part,
            objective(arm, seed, part, folder),
            arm.recipe,
            seed=seed,
            augment=augment.shift if arm.jitter else None,
            checkpoint=checkpoint,
            description=f"{arm.name} seed {seed}",
        )
    return model, result.curve


def objective(arm: Arm, seed: int, part: Dataset, folder: Path) -> Objective:
    """What the arm minimises; its teacher is trained first where that was not yet done."""
    if arm.teacher is None:
        return supervised
    teacher, _ = trained(arm.teacher, seed, folder)
    logits = logits_of(teacher.cpu(), part)
    if arm.objective == "hinton":
        return distilled(logits, temperature=arm.temperature, alpha=arm.alpha)
    return partial(as_written, teacher=logits, temperature=arm.temperature, alpha=arm.alpha)


def as_written(
    model: nn.Module, batch: Batch, *, teacher: nn.Module | Tensor, temperature: float, alpha: float
) -> dict[str, Tensor]:
    """The Vietnamese tutorial's loss as it stands there: the arguments of kl_div swapped, and no T^2.

    Swapped, it is KL(student || teacher), and the gradient flows through both places of the student.
    """
    student = model(batch.images)
    teacher_log = F.log_softmax(teacher_logits(teacher, batch) / temperature, dim=1)
    soft = F.kl_div(teacher_log, F.softmax(student / temperature, dim=1), reduction="batchmean")
    hard = F.cross_entropy(student, batch.labels)
    return {"loss": (1 - alpha) * hard + alpha * soft, "soft": soft, "hard": hard}


@lru_cache
def images(model: str, split: str) -> Dataset:
    """MNIST in the resolution of a model: 32 pixels for LeNet-5, 28 for the MLPs."""
    return data.load("mnist", split, resolution=32 if model.startswith("lenet") else 28)


def train_set(arm: Arm, seed: int) -> Dataset:
    """The training images of an arm; a random part differs from seed to seed."""
    whole = images(arm.model, "train")
    name, labels = arm.train_set, whole.labels
    if name == "all":
        return whole
    if name == "no-threes":
        return whole.subset(labels != 3)
    if name == "only-7-8":
        return whole.subset((labels == 7) | (labels == 8))
    if name == "tenth":
        return data.hold_out(whole, 0.1, seed=seed)[1]
    if name == "even":  # as many as "skewed" has
        return data.hold_out(whole, SKEWED, seed=seed)[1]
    if name == "skewed":  # a tenth of the digits 0 to 4, a hundredth of 5 to 9
        small, large = labels < 5, labels >= 5
        parts = [data.hold_out(whole.subset(m), s, seed=seed)[1] for m, s in ((small, 0.1), (large, 0.01))]
        return replace(
            whole,
            images=torch.cat([part.images for part in parts]),
            labels=torch.cat([part.labels for part in parts]),
        )
    percent = int(name.removeprefix("percent-"))
    return data.hold_out(whole, percent / 100, seed=seed)[1]
