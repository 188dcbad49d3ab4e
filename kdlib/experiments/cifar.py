"""The experiments of chapter 04 on the whole of CIFAR-10: which runs there are, and what is measured.

labml's pair in its own setting, then a fair recipe: a teacher trained properly, and students that share
initial weights, images, views and steps, alone, distilled or with smoothed labels. Nothing is selected on the
test images: they are looked at once, after the last epoch.
"""

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from torch import Tensor, nn

from kdlib import data, losses, models
from kdlib.data import Dataset
from kdlib.experiments.arms import THREE, Arm, Experiment, Fitted, Job, answers, fit, taught, taught_by
from kdlib.experiments.measures import confusion, digits, figures, parameters
from kdlib.experiments.race import LESS, VIEWS, judged
from kdlib.objectives import Objective, distilled, signals
from kdlib.training import Recipe, logits_of

NETWORKS: dict[str, dict[str, Any]] = {
    "labml_large": {"blocks": models.VGG_LARGE, "dropout": 0.1, "running": False},
    "labml_small": {"blocks": models.VGG_SMALL, "running": False},
    "large": {"blocks": models.VGG_LARGE},
    "half": {"blocks": models.VGG_HALF_WIDTH},
    "small": {"blocks": models.VGG_SMALL},
}
FAIR: dict[str, Any] = {"schedule": "one_cycle", "weight_decay": 5e-4, "half": "everywhere"}
LABML = Recipe(20, 2.5e-4, batch_size=64, optimizer="adam", half="everywhere")
TEACHER = Arm("fair-teacher", "half", Recipe(30, 0.1, **FAIR), augment="crop_flip", **THREE)


def arms() -> list[Arm]:
    """Every row of chapter 04's tables, teachers before their students."""
    return [*labml(), *fair(), *sweeps(), *headline()]


def labml() -> list[Arm]:
    """labml's pair, loss and epochs: on pictures that stand still, as its own do, and on random crops."""
    rows = []
    for way, augment in (("-still", ""), ("", "crop_flip")):
        common: dict[str, Any] = {"augment": augment, "seeds": range(1), "full": range(3)}
        teacher = Arm(f"labml{way}-teacher", "labml_large", LABML, **common)
        alone = Arm(f"labml{way}-alone", "labml_small", replace(LABML, epochs=10), **common)
        rows += [teacher, alone, taught(alone, f"labml{way}-distilled", teacher, 5.0, 0.0, loss="labml")]
    return rows


def fair() -> list[Arm]:
    """The fair recipe, a control that knows nothing (smoothed labels), and a teacher that is no better."""
    alone = Arm("fair-alone", "small", Recipe(12, 0.1, **FAIR), views=VIEWS, **THREE)
    weak = replace(TEACHER, name="weak-teacher", recipe=Recipe(10, 0.1, **FAIR))
    return [*around("fair", TEACHER, alone), weak, taught(alone, "weak-distilled", weak, 4.0, 0.9)]


def around(name: str, teacher: Arm, alone: Arm) -> list[Arm]:
    """A teacher, the student alone, its control, and its twins: taught in each view, or in one for all."""
    smoothed = replace(alone, name=f"{name}-smoothed", loss="smoothed")
    distilled = taught(alone, f"{name}-distilled", teacher, 4.0, 0.9)
    return [teacher, alone, smoothed, distilled, replace(distilled, name=f"{name}-fixed", loss="fixed")]


def sweeps() -> list[Arm]:
    """Temperature, and the share of the images with as many steps as six epochs of all of them."""
    two: dict[str, Any] = {"views": VIEWS, "seeds": range(2), "full": range(0)}
    alone = Arm("T-alone", "small", Recipe(6, 0.1, **FAIR), **two)
    rows = [alone, *(taught(alone, f"T-{t:g}", TEACHER, t, 0.9) for t in (1.0, 2.0, 4.0, 8.0, 16.0))]
    for percent, epochs in ((1, 600), (10, 60)):
        recipe, part = Recipe(epochs, 0.1, **FAIR), {"share": percent / 100}
        few = replace(alone, name=f"labels-{percent}-alone", recipe=recipe, options=part)
        rows += [few, taught(few, f"labels-{percent}-distilled", TEACHER, 4.0, 0.9)]
    return rows


def headline() -> list[Arm]:
    """The fair race with labml's large network as the teacher and five times the epochs: wants a GPU.

    Batches twice as large fill a GPU better. Twice the learning rate with them would be usual; in three short
    epochs it left the large network at chance, so it stays.
    """
    recipe = Recipe(60, 0.1, batch_size=256, **FAIR)
    alone = Arm("full-alone", "small", recipe, views=VIEWS, seeds=range(0), full=range(5))
    teacher = replace(alone, name="full-teacher", network="large", views=(), augment="crop_flip")
    return around("full", replace(teacher, recipe=replace(recipe, epochs=40)), alone)


def told() -> list[Arm]:
    """The fair race's students, and those whose teacher says less: what each shares with its teacher."""
    named = {arm.name: arm for arm in fair()}
    students = [named[f"fair-{name}"] for name in ("alone", "smoothed", "fixed", "distilled")]
    return students + [replace(named["fair-distilled"], name=f"fair-{kind}", loss=kind) for kind in LESS]


def network(arm: Arm, seed: int) -> nn.Module:
    """The arm's network with its initial weights."""
    return models.vgg(**NETWORKS[arm.network], seed=seed)


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """How often the model is right, how sure it is, and what it answers."""
    test = test_set(job)
    logits = logits_of(fitted.model, test)
    worth = figures(logits, test.labels, "errors", "accuracy", "cross_entropy", "calibration_error")
    told = {"test_confusion": confusion(logits, test.labels), "test_answers": digits(logits)}
    return {**worth, **told, "parameters": parameters(fitted.model)}


def compare(job: Job, fitted: Fitted) -> dict[str, Any]:
    """What a student of the fair race shares with its own seed's teacher."""
    test, teacher = test_set(job), fit(EXPERIMENT, job.of(TEACHER)).model
    return judged(logits_of(fitted.model, test), logits_of(teacher, test), test.labels)


def objective(job: Job, part: Dataset) -> Objective:
    """labml's loss, a teacher that sees the image unmoved, and teachers that say less than they know."""
    arm = job.arm
    if arm.loss == "labml":  # its teacher runs live, because its batch norm keeps no statistics
        term = partial(as_written, temperature=arm.temperature)
        return signals.by_logits(term, taught_by(EXPERIMENT, job), weight=100, hard_weight=0.5)
    if arm.loss == "fixed":
        logits = answers(EXPERIMENT, job.of(replace(arm, views=VIEWS[:1])), part)[:, 0]
    else:
        logits = LESS[arm.loss](answers(EXPERIMENT, job, part).float(), arm.temperature)
    return distilled(logits, temperature=arm.temperature, alpha=arm.alpha)


def as_written(student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """The term of labml and of Mage: the divergence's mean over the classes too, and no T^2.

    labml's loss is a hundred times this and half of the cross-entropy: chapter 02 converts it.
    """
    return losses.distillation_term(student, teacher, temperature) / temperature**2 / student.shape[1]


@lru_cache
def images(split: str, few: int | None = None) -> Dataset:
    """The whole of CIFAR-10; for a few examples the part of it that everyone has."""
    return data.load("cifar10", split, scale="quick" if few else "cpu")


def train_set(job: Job) -> Dataset:
    """The training images of an arm; a random part differs from seed to seed."""
    whole, share = images("train", job.few), job.arm.options.get("share", 1)
    return whole if share == 1 else data.hold_out(whole, share, seed=job.seed)[1]


def test_set(job: Job) -> Dataset:
    """The test images."""
    return images("test", job.few)


def curve_of(job: Job) -> Dataset | None:
    """labml's curves are of the test images, and so are these. Nothing is chosen by them."""
    return test_set(job) if job.arm.name.startswith("labml") else None


# Few examples for the canaries: in float64 labml's teacher is slow.
EXPERIMENT = Experiment(
    "cifar", arms, network, train_set, test_set, measure, objective, validation=curve_of, canary=64
)
SIMILARITY = replace(EXPERIMENT, name="class_similarity", arms=told, measure=compare)
