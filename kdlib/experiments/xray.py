"""The experiments of chapter 05 on chest X-rays: which runs there are, and what is measured.

Kaggle's training folder is parted by patient into training and validation, as `data.load` parts it for
everyone. Thresholds and best epochs are chosen on validation. The test folder chooses nothing; for each model
it is judged at the last and at the best epoch, and the record keeps the images' log-odds themselves, from
which the curves and intervals of the chapter are drawn.
"""

from dataclasses import replace
from functools import cache, partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset
from kdlib.evaluation import metrics
from kdlib.experiments import race
from kdlib.experiments.arms import ADAMW, Arm, Experiment, Fitted, Job, answers, taught
from kdlib.experiments.cifar import as_written
from kdlib.experiments.measures import confusion, figures, parameters
from kdlib.objectives import Objective, distilled, signals
from kdlib.training import Recipe, logits_of

KINDS = ("normal", "bacteria", "virus")
HELD_OUT = 0.15  # of the training folder, where it is parted anew
# Moved by up to 4 of 64 pixels, and not mirrored: a heart lies on the left.
VIEWS = tuple(view for view in race.VIEWS if not view.flip)
TEACHER = Arm("teacher", "resnet18", Recipe(15, 1e-3, half="everywhere", **ADAMW))
# The article names learning rates, 40 epochs and the best epoch; optimiser and batch size it leaves open.
SOURCE = Recipe(40, 1e-5, optimizer="adam", batch_size=32, half="everywhere")
ALONE = Arm("alone", "student", replace(SOURCE, epochs=15, learning_rate=1e-3, schedule="one_cycle"))
# By split, one of Kaggle's folders at 64 pixels: the bundle's, whatever KDLIB_SCALE says.
folder_of = cache(partial(data.load, "chest_xray", scale="quick"))


def arms() -> list[Arm]:
    """Every row of chapter 05's tables, teachers before their students."""
    return [*grid(), *leak(), *kinds(), *source(), *moved(), *unseen()]


def grid() -> list[Arm]:
    """Mage's grid of alpha and T, with the right loss and with its own (`mean` over classes, no T^2)."""
    settings = product(("hinton", "mage"), (0.25, 0.5, 0.75, 1.0), (1.0, 2.0, 4.0, 8.0))
    students = (taught(ALONE, f"{loss}-a{a:g}-T{t:g}", TEACHER, t, a, loss) for loss, a, t in settings)
    return [TEACHER, ALONE, *students]


def leak() -> list[Arm]:
    """The student alone with the folder parted anew, rightly or with patients in both parts.

    Compare their figures on validation.
    """
    return [replace(ALONE, name=f"parted-by-{by}", options={"parted": by}) for by in ("patient", "image")]


def kinds() -> list[Arm]:
    """A teacher that also tells bacteria from viruses, and students of it that do not."""
    teacher = replace(TEACHER, name="kinds-teacher", options={"classes": len(KINDS)})
    return [teacher, *(taught(ALONE, f"kinds-T{t:g}", teacher, t, 0.5, "kinds") for t in (1.0, 4.0))]


def source() -> list[Arm]:
    """The article's own setting, and its learning rates exchanged: what made 72 % into 86 %?"""
    teacher = Arm("source-teacher", "resnet18", SOURCE, seeds=range(3))
    alone = replace(ALONE, name="source-alone-1e-5", recipe=SOURCE, seeds=range(3))
    distilled = taught(alone, "source-distilled-1e-5", teacher, 1.0, 0.25, "mage")
    rows, quick = [teacher], replace(SOURCE, learning_rate=1e-3)
    for arm in (alone, distilled):
        rows += [arm, replace(arm, name=arm.name.replace("1e-5", "1e-3"), recipe=quick)]
    return rows


def moved() -> list[Arm]:
    """Teacher and students trained on moved pictures, which the teacher cannot so well learn by heart.

    Each student sees the same views; a distilled one is told the teacher's answers to them. Smoothed labels
    are the control: soft targets that know nothing.
    """
    teacher = replace(TEACHER, name="moved-teacher", views=VIEWS, seeds=range(3))
    alone = replace(ALONE, name="moved-alone", views=VIEWS, seeds=range(3))
    told = [taught(alone, f"moved-distilled-T{t:g}", teacher, t, a) for t, a in ((1.0, 1.0), (4.0, 0.75))]
    return [teacher, alone, replace(alone, name="moved-smoothed", loss="smoothed"), *told]


def unseen() -> list[Arm]:
    """Students told what a teacher thinks of pictures that it was not trained on.

    Two teachers share the training pictures, half of the patients each; a picture's answer comes from the one
    that has not seen it.
    """
    halves = [replace(TEACHER, name=f"half-teacher-{k}", options={"half": k}) for k in (0, 1)]
    rows = [taught(ALONE, f"unseen-T{t:g}", halves[0], t, a, "unseen") for t, a in ((1.0, 1.0), (4.0, 0.75))]
    return halves + rows


def network(arm: Arm, seed: int) -> nn.Module:
    """The arm's network with its initial weights."""
    if arm.network == "resnet18":
        return models.resnet18(arm.options.get("classes", 2), channels=1, seed=seed)
    return models.xray_student(seed=seed)


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """What the model is worth at its last and at its best epoch, at one half and at a chosen threshold."""
    model, (_, held_out), test = fitted.model, parts(job), folder_of("test")
    assert fitted.best_weights
    measured: dict[str, Any] = {"parameters": parameters(model)}
    for when in ("last", "best"):
        if when == "best":
            model.load_state_dict(fitted.best_weights)
        told = logits_of(model, test)
        tuning, logits = two_classes(logits_of(model, held_out)), two_classes(told)
        measured.setdefault("test_errors", metrics.errors(logits, test.labels))  # of the last epoch
        if job.arm.options.get("classes", 2) > 2:
            measured.setdefault("test_kinds", confusion(told, test_set(job).labels))
        threshold = metrics.best_threshold(tuning, held_out.labels)
        measured[when] = {
            "validation": judged(tuning, held_out.labels, 0.5),
            "test": judged(logits, test.labels, 0.5),
            "threshold": threshold,
            "test_at_threshold": judged(logits, test.labels, threshold),
            "test_log_odds": [round(z, 3) for z in (logits[:, 1] - logits[:, 0]).tolist()],
        }
    return measured


def two_classes(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Logits of normal against pneumonia, (N, 2), from those of the three kinds; two are left as they are.

    Softened by the same temperature, they give pneumonia the probabilities of its kinds together.
    """
    if logits.shape[1] == 2:
        return logits
    ill = temperature * torch.logsumexp(logits[:, 1:] / temperature, dim=1)
    return torch.stack([logits[:, 0], ill], dim=1)


def judged(logits: Tensor, labels: Tensor, threshold: float) -> dict[str, float]:
    """What a model is worth on some images, at a threshold on the probability of pneumonia."""
    measured = figures(logits, labels, "auroc", "calibration_error", "cross_entropy", of="")
    chosen = logits.softmax(1)[:, 1] > threshold
    measured["accuracy"] = float((chosen == labels.bool()).double().mean())
    for at_threshold in (metrics.sensitivity, metrics.specificity, metrics.balanced_accuracy):
        measured[at_threshold.__name__] = at_threshold(logits, labels, threshold)
    return measured


def objective(job: Job, part: Dataset) -> Objective:
    """The article's own loss, a teacher of three kinds for a student of two classes, and two who share."""
    arm, logits = job.arm, answers(EXPERIMENT, job, part)
    if arm.loss == "unseen":
        assert part.patients
        trained_on = set(half(job, 0).patients or ())
        knows = torch.tensor([patient in trained_on for patient in part.patients])
        other = answers(EXPERIMENT, job.of(replace(arm, teacher=unseen()[1])), part)
        logits = torch.where(knows[:, None], other, logits)
    if arm.loss in ("kinds", "unseen"):
        logits = two_classes(logits, arm.temperature)
        return distilled(logits, temperature=arm.temperature, alpha=arm.alpha)
    term = partial(as_written, temperature=arm.temperature)
    return signals.by_logits(term, logits, weight=arm.alpha, hard_weight=1 - arm.alpha)


def parts(job: Job) -> tuple[Dataset, Dataset]:
    """Training and validation images, from Kaggle's training folder alone."""
    parted = job.arm.options.get("parted", "once")
    if parted == "once":
        return folder_of("train"), folder_of("val")
    whole = folder_of("kaggle_train")
    whole = replace(whole, patients=None) if parted == "image" else whole
    return data.hold_out(whole, HELD_OUT, seed=job.seed)


def half(job: Job, which: int) -> Dataset:
    """The training pictures of one half of the patients, another half in each seed."""
    return data.hold_out(folder_of("train"), 0.5, seed=job.seed)[which]


def labelled(job: Job, dataset: Dataset) -> Dataset:
    """The same images, labelled with the three kinds where the arm's network tells them apart."""
    if job.arm.options.get("classes", 2) == 2:
        return dataset
    assert dataset.kinds is not None
    return replace(dataset, labels=torch.tensor([KINDS.index(kind) for kind in dataset.kinds]), classes=KINDS)


def train_set(job: Job) -> Dataset:
    """The training images of an arm."""
    if "half" in job.arm.options:
        return half(job, job.arm.options["half"])
    return labelled(job, parts(job)[0])


def validation(job: Job) -> Dataset:
    """Those by which best epochs are chosen."""
    return labelled(job, parts(job)[1])


def test_set(job: Job) -> Dataset:
    """The test folder."""
    return labelled(job, folder_of("test"))


EXPERIMENT = Experiment(
    "xray", arms, network, train_set, test_set, measure, objective, validation=validation, canary=64
)
