"""The experiments of chapter 08 on MNIST: does a student really do what its teacher does?

One small student, of two layers of thirty units, all through: alone, and taught by teachers and on images of
many kinds. All students of a seed share their initial weights and take about as many steps. Nothing is
selected on the test images.
"""

from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import nn

from kdlib import data, models
from kdlib.data import Dataset, transfer_sets
from kdlib.evaluation import fidelity, metrics
from kdlib.experiments.arms import ADAMW, Arm, Experiment, Fitted, Job, fit, taught
from kdlib.experiments.measures import figures, parameters
from kdlib.training import Recipe, logits_of

# Of both hidden layers.
WIDTHS = {"small": 30, "usual": 400, "wide-60": 60, "wide-150": 150, "wide-1200": 1200}
EPOCHS, IMAGES = 20, 60_000  # smaller sets are seen more often, in as many steps
RECIPE = Recipe(EPOCHS, 3e-3, half="everywhere", **ADAMW)
OTHERS = {"thousand": 1000, "xrays": 4447, "noise": IMAGES, "clouds": IMAGES}
TEACHER = Arm("teacher", "usual", replace(RECIPE, epochs=12, learning_rate=1e-3), options={"dropout": 0.5})
SMOOTHED = replace(TEACHER, name="smoothed-teacher", loss="smoothed")
HALF_TAUGHT = replace(TEACHER, name="half-teacher", options={"dropout": 0.5, "transfer": "first"})
ALONE = Arm("alone", "small", RECIPE)
digits = cache(partial(data.load, "mnist"))  # by split, at 28 pixels
MANY: dict[str, Any] = {"seeds": range(30), "full": range(30)}  # for the gain whose distribution is shown


def student(name: str, teacher: Arm, t: float = 2.5, transfer: str = "all", images: int = IMAGES) -> Arm:
    """A student to whom nobody tells the labels, with more epochs where its set has fewer images."""
    recipe = replace(RECIPE, epochs=EPOCHS * IMAGES // images)
    options = {} if transfer == "all" else {"transfer": transfer}
    return taught(ALONE, name, teacher, t, 1.0, recipe=recipe, options=options)


def arms() -> list[Arm]:
    """Every row of chapter 08's tables, teachers before their students."""
    rows = [replace(TEACHER, **MANY), replace(ALONE, **MANY), replace(student("T-2.5", TEACHER), **MANY)]
    rows += [student(f"T-{t:g}", TEACHER, t) for t in (1.0, 8.0)]
    rows += [SMOOTHED, replace(ALONE, name="smoothed-alone", loss="smoothed")]
    rows += [student(f"smoothed-T-{t:g}", SMOOTHED, t) for t in (1.0, 2.5, 8.0)]
    for width in ("wide-60", "wide-150", "wide-1200"):
        guide = replace(TEACHER, name=f"{width}-teacher", network=width)
        rows += [guide, *(student(f"{width}-T-{t:g}", guide, t) for t in (2.5, 8.0))]
    rows.append(HALF_TAUGHT)
    for part, n in (("first", IMAGES // 2), ("other", IMAGES // 2), ("all", IMAGES)):
        rows.append(student(f"half-{part}", HALF_TAUGHT, transfer=part, images=n))
    few = student("few", TEACHER, transfer="thousand", images=1000)
    rows.append(replace(ALONE, name="thousand-alone", recipe=few.recipe, options=few.options))
    rows += [student(f"on-{name}", TEACHER, transfer=name, images=n) for name, n in OTHERS.items()]
    twin = Arm("twin-alone", "usual", TEACHER.recipe)
    return [*rows, twin, taught(twin, "twin", TEACHER, 2.5, 1.0)]


def network(arm: Arm, seed: int) -> nn.Module:
    """Two hidden layers. A twin does not begin with its teacher's weights: it is to find its own way."""
    width, dropout = WIDTHS[arm.network], arm.options.get("dropout", 0.0)
    return models.mlp((784, width, width, 10), dropout=(0.0, dropout), seed=seed + (1000 if dropout else 0))


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """How good the network is, and how much a student answers as its teacher does."""
    model, arm = fitted.model, job.arm
    test, train, transfer = digits("test"), digits("train"), train_set(job)
    logits = logits_of(model, test)
    measured = figures(logits, test.labels, "errors", "accuracy", "cross_entropy", "calibration_error")
    measured["train_errors"] = metrics.errors(logits_of(model, train), train.labels)
    measured["within_classes"] = fidelity.spread_within_classes(logits, test.labels)
    measured["parameters"] = parameters(model)
    if "dropout" not in arm.options:  # a student
        teacher = fit(EXPERIMENT, job.of(arm.teacher or TEACHER)).model
        on_test, on_transfer = logits_of(teacher, test), logits_of(teacher, transfer)
        pairs = {"test": (logits, on_test), "transfer": (logits_of(model, transfer), on_transfer)}
        for name, pair in pairs.items():
            measured[f"{name}_agreement"] = fidelity.agreement(*pair)
            measured[f"{name}_divergence"] = fidelity.divergence(*pair)
        measured["teacher_chooses"] = torch.bincount(on_transfer.argmax(1), minlength=10).tolist()
        measured["same_mistakes"] = fidelity.same_mistakes(logits, on_test, test.labels)
    return measured


@cache
def images(name: str, seed: int) -> Dataset:
    """The set on which an arm learns; a random part, and what is made up, differ from seed to seed."""
    if name == "all":
        return digits("train")
    if name == "xrays":
        return transfer_sets.xrays()
    if name in ("noise", "clouds"):
        return (transfer_sets.noise if name == "noise" else transfer_sets.clouds)(IMAGES, seed=seed)
    rest, drawn = data.hold_out(digits("train"), 1000 if name == "thousand" else 0.5, seed=seed)
    return rest if name == "first" else drawn


def train_set(job: Job) -> Dataset:
    """The images on which an arm learns."""
    return images(job.arm.options.get("transfer", "all"), job.seed)


EXPERIMENT = Experiment("fidelity", arms, network, train_set, lambda job: digits("test"), measure)
