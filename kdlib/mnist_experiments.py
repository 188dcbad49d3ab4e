"""The experiments of chapter 03 on MNIST: which runs there are, and what each does.

An arm is one row of a table; each of its seeds is a run of its own, with a teacher of its own. A student
alone and its distilled twin start from the same weights and see the same images in the same order. Nothing
is selected on the test images: they are looked at once, after the last epoch.
"""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import augment, cache, data, ledger, metrics, models
from kdlib.data import Dataset
from kdlib.objectives import Batch, Objective, distilled, supervised, teacher_logits
from kdlib.training import Recipe, logits_of, train


@dataclass(frozen=True)
class Arm:
    """One row of a table. `teacher` names the arm whose model, of the same seed, teaches."""

    name: str
    model: str
    recipe: Recipe
    teacher: str | None = None
    objective: str = "labels"  # labels, hinton or tutorial
    temperature: float = 1.0
    alpha: float = 0.0
    train_set: str = "all"
    jitter: bool = False


MODELS = {
    "lenet_teacher": lambda seed: models.lenet5((6, 16), (120, 84), seed=seed),
    "lenet_student": lambda seed: models.lenet5((6, 12), (90, 64), seed=seed),
    "mlp_1200": lambda seed: models.mlp((784, 1200, 1200, 10), dropout=(0.2, 0.5), seed=seed),
    "mlp_800": lambda seed: models.mlp((784, 800, 800, 10), seed=seed),
    "mlp_30": lambda seed: models.mlp((784, 30, 30, 10), seed=seed),
}
SEEDS = {"cpu": range(5), "full": range(10)}


def arms() -> list[Arm]:
    """Every row of chapter 03's tables, teachers before their students."""
    return [*tutorial(), *reasons(), *hinton(), *few_labels()]


def tutorial() -> list[Arm]:
    """The Vietnamese tutorial: its own setting, its loss mended, a modern schedule."""
    source = Recipe(epochs=100, learning_rate=0.001, optimizer="sgd", momentum=0.9, batch_size=128)
    half = replace(source, epochs=50)
    modern = Recipe(epochs=30, learning_rate=3e-3, optimizer="adamw", weight_decay=0.01, schedule="one_cycle")
    hot: dict[str, Any] = {"temperature": 10.0, "alpha": 0.9}
    return [
        Arm("tutorial-teacher", "lenet_teacher", source),
        Arm("tutorial-alone", "lenet_student", half),
        Arm("tutorial-as-written", "lenet_student", half, "tutorial-teacher", "tutorial", **hot),
        Arm("tutorial-mended", "lenet_student", half, "tutorial-teacher", "hinton", **hot),
        Arm("modern-teacher", "lenet_teacher", modern),
        Arm("modern-alone", "lenet_student", modern),
        Arm("modern-distilled", "lenet_student", modern, "modern-teacher", "hinton", **hot),
    ]


def reasons() -> list[Arm]:
    """The tutorial's two reasons: a teacher with more data, a student whose classes are skewed."""
    longer = Recipe(
        epochs=100, learning_rate=3e-3, optimizer="adamw", weight_decay=0.01, schedule="one_cycle"
    )
    hot: dict[str, Any] = {"temperature": 4.0, "alpha": 0.9}
    rows = []
    for part in ("tenth", "skewed"):
        rows += [
            Arm(f"{part}-teacher", "lenet_teacher", longer, train_set=part),
            Arm(f"{part}-alone", "lenet_student", longer, train_set=part),
            Arm(
                f"{part}-same-data",
                "lenet_student",
                longer,
                f"{part}-teacher",
                "hinton",
                train_set=part,
                **hot,
            ),
            Arm(
                f"{part}-more-data",
                "lenet_student",
                longer,
                "modern-teacher",
                "hinton",
                train_set=part,
                **hot,
            ),
        ]
    return rows


def hinton() -> list[Arm]:
    """Hinton's table: teacher, student alone, distilled; temperatures for small students; omitted classes."""
    adamw: dict[str, Any] = {"optimizer": "adamw", "schedule": "one_cycle", "weight_decay": 0.01}
    long = Recipe(epochs=80, learning_rate=1e-3, **adamw)
    short = Recipe(epochs=20, learning_rate=1e-3, **adamw)
    small = Recipe(epochs=30, learning_rate=3e-3, **adamw)
    soft: dict[str, Any] = {"teacher": "hinton-teacher", "objective": "hinton", "alpha": 1.0}
    return [
        Arm("hinton-teacher", "mlp_1200", long, jitter=True),
        Arm("hinton-alone", "mlp_800", short),
        Arm("hinton-distilled", "mlp_800", short, temperature=20.0, **soft),
        Arm("small-alone", "mlp_30", small),
        *(Arm(f"small-T{t:g}", "mlp_30", small, temperature=t, **soft) for t in (1.0, 2.5, 4.0, 8.0, 20.0)),
        Arm("no-threes", "mlp_800", short, temperature=20.0, train_set="no-threes", **soft),
        Arm("only-7-8", "mlp_800", short, temperature=20.0, train_set="only-7-8", **soft),
    ]


def few_labels() -> list[Arm]:
    """Soft targets as a regulariser: 1 %, 3 % and 10 % of the images, with labels or with soft targets."""
    rows = []
    for percent, epochs in ((1, 400), (3, 200), (10, 100)):
        recipe = Recipe(epochs, 1e-3, optimizer="adamw", weight_decay=0.01, schedule="one_cycle")
        soft: dict[str, Any] = {"objective": "hinton", "temperature": 20.0, "alpha": 1.0}
        rows += [
            Arm(f"few-{percent}-hard", "mlp_800", recipe, train_set=f"percent-{percent}"),
            Arm(
                f"few-{percent}-soft",
                "mlp_800",
                recipe,
                "hinton-teacher",
                train_set=f"percent-{percent}",
                **soft,
            ),
        ]
    return rows


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one arm's model, or go on where it was killed; give what was measured and the data's digest."""
    model, curve = trained(arm, seed, folder)
    test = images(arm.model, "test")
    logits = logits_of(model.cpu(), test)
    wrong = logits.argmax(1) != test.labels
    return {
        "metrics": {
            "test_errors": metrics.errors(logits, test.labels),
            "test_accuracy": metrics.accuracy(logits, test.labels),
            "test_macro_f1": metrics.macro_f1(logits, test.labels),
            "test_errors_by_class": torch.bincount(test.labels[wrong], minlength=10).tolist(),
            "parameters": sum(p.numel() for p in model.parameters()),
        },
        "curve": curve,
        "data": ledger.data_digest(train_set(arm, seed), test),
    }


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return {key: value for key, value in asdict(arm).items() if key != "name"}


def trained(arm: Arm, seed: int, folder: Path) -> tuple[nn.Module, list[dict[str, float]]]:
    """The arm's model after its last epoch and its curve; a finished one is only read."""
    model = MODELS[arm.model](seed)
    part = train_set(arm, seed)
    checkpoint = folder / f"{arm.name}.{seed}.safetensors"
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
    teacher, _ = trained(next(a for a in arms() if a.name == arm.teacher), seed, folder)
    logits = logits_of(teacher.cpu(), part)
    if arm.objective == "hinton":
        return distilled(logits, temperature=arm.temperature, alpha=arm.alpha)
    return as_written(logits, temperature=arm.temperature, alpha=arm.alpha)


def as_written(teacher: nn.Module | Tensor, *, temperature: float, alpha: float) -> Objective:
    """The Vietnamese tutorial's loss as it stands there: the arguments of kl_div swapped, and no T^2.

    Swapped, it is KL(student || teacher), and the gradient flows through both places of the student.
    """

    def minimised(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        student = model(batch.images)
        teacher_log = F.log_softmax(teacher_logits(teacher, batch) / temperature, dim=1)
        soft = F.kl_div(teacher_log, F.softmax(student / temperature, dim=1), reduction="batchmean")
        hard = F.cross_entropy(student, batch.labels)
        return {"loss": (1 - alpha) * hard + alpha * soft, "soft": soft, "hard": hard}

    return minimised


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
