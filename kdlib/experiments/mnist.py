"""The experiments of chapter 03 on MNIST: which runs there are, and what is measured.

Nothing is selected on the test images: they are looked at once, after the last epoch.
"""

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset
from kdlib.evaluation import metrics
from kdlib.experiments.arms import ADAMW, Arm, Experiment, Fitted, Job, answers, taught
from kdlib.experiments.measures import figures, parameters
from kdlib.objectives import Objective, signals
from kdlib.training import Recipe, logits_of

NETWORKS: dict[str, dict[str, Any]] = {
    "lenet_teacher": {"channels": (6, 16), "hidden": (120, 84)},
    "lenet_student": {"channels": (6, 12), "hidden": (90, 64)},
    "mlp_1200": {"widths": (784, 1200, 1200, 10), "dropout": (0.0, 0.5)},
    "mlp_800": {"widths": (784, 800, 800, 10)},
    "mlp_30": {"widths": (784, 30, 30, 10)},
}
# Shares of the images in random train sets; "even" has as many as "skewed".
SHARES = {"tenth": 0.1, "even": 3354 / 60_000, "percent-1": 0.01, "percent-3": 0.03, "percent-10": 0.1}
OMITTED = {"no-threes": (3,), "only-7-8": (7, 8)}  # the classes whose bias is then moved

HALF: dict[str, Any] = {**ADAMW, "half": "everywhere"}  # the MLPs in a third of the time

TUTORIAL = Recipe(epochs=100, learning_rate=0.001, optimizer="sgd", momentum=0.9, batch_size=128)
MODERN = Recipe(30, 3e-3, **ADAMW)
TUTORIAL_TEACHER = Arm("tutorial-teacher", "lenet_teacher", TUTORIAL, seeds=range(3))
MODERN_TEACHER = Arm("modern-teacher", "lenet_teacher", MODERN)
# Dropout of half of the hidden units and of no pixels was chosen on 5,000 held-out training images: after 60
# epochs 53 of them were wrong, 62 with a fifth of the pixels left out too.
HINTON_TEACHER = Arm("hinton-teacher", "mlp_1200", Recipe(200, 1e-3, **HALF), augment="shift")
# Added to the seed of the initial weights: without it a teacher and its student share theirs.
APART = {"offset": 1000}


def arms() -> list[Arm]:
    """Every row of chapter 03's tables, teachers before their students."""
    return [*tutorial(), *reasons(), *hinton(), *few_labels()]


def tutorial() -> list[Arm]:
    """The Vietnamese tutorial: its own setting, its loss mended, a modern schedule."""
    alone = Arm("tutorial-alone", "lenet_student", replace(TUTORIAL, epochs=50), seeds=range(3))
    as_written = taught(alone, "tutorial-as-written", TUTORIAL_TEACHER, 10.0, 0.9, loss="tutorial")
    mended = replace(as_written, name="tutorial-mended", loss="hinton")
    modern = Arm("modern-alone", "lenet_student", MODERN)
    distilled = taught(modern, "modern-distilled", MODERN_TEACHER, 10.0, 0.9)
    return [TUTORIAL_TEACHER, alone, as_written, mended, MODERN_TEACHER, modern, distilled]


def reasons() -> list[Arm]:
    """The tutorial's two reasons: a teacher with more data, a student whose classes are skewed.

    Two controls: a teacher with as few images as the skewed student but even classes, and a student that
    shares no initial weights with its teacher.
    """
    longer = Recipe(100, 3e-3, **ADAMW)
    rows = []
    for part in ("tenth", "skewed"):
        teacher = Arm(f"{part}-teacher", "lenet_teacher", longer, options={"train_set": part})
        alone = replace(teacher, name=f"{part}-alone", network="lenet_student")
        more = taught(alone, f"{part}-more-data", MODERN_TEACHER, 4.0, 0.9)
        rows += [teacher, alone, taught(alone, f"{part}-same-data", teacher, 4.0, 0.9), more]
        if part == "tenth":
            rows.append(replace(more, name="tenth-more-apart", options={**more.options, **APART}))
    even = replace(teacher, name="skewed-even-teacher", options={"train_set": "even"})
    return [*rows, even, taught(alone, "skewed-even-data", even, 4.0, 0.9)]


def hinton() -> list[Arm]:
    """Hinton's table: teacher, student alone, distilled; temperatures for small students; omitted classes.

    The patient pair was added when the students of 20 epochs were known: does the distilled one need longer?
    """
    alone = Arm("hinton-alone", "mlp_800", Recipe(20, 1e-3, **HALF))
    distilled = taught(alone, "hinton-distilled", HINTON_TEACHER, 20.0, 1.0)
    both = replace(distilled, name="hinton-both", alpha=0.9)
    patient = Recipe(100, 1e-3, **HALF)
    small = Arm("small-alone", "mlp_30", Recipe(30, 3e-3, **HALF))
    rows = [HINTON_TEACHER, alone, distilled, both, replace(alone, name="patient-alone", recipe=patient)]
    rows += [replace(distilled, name="patient-distilled", recipe=patient), small]
    rows += [taught(small, f"small-T{t:g}", HINTON_TEACHER, t, 1.0) for t in (1.0, 2.5, 4.0, 8.0, 20.0)]
    return rows + [replace(distilled, name=part, options={"train_set": part}) for part in OMITTED]


def few_labels() -> list[Arm]:
    """Soft targets as a regulariser: 1 %, 3 % and 10 % of the images, with labels or with soft targets."""
    rows = []
    for percent, epochs in ((1, 400), (3, 200), (10, 100)):
        part = {"train_set": f"percent-{percent}"}
        hard = Arm(f"few-{percent}-hard", "mlp_800", Recipe(epochs, 1e-3, **HALF), options=part)
        rows += [hard, taught(hard, f"few-{percent}-soft", HINTON_TEACHER, 20.0, 1.0)]
        if percent == 3:
            rows.append(replace(rows[-1], name="few-3-apart", options={**part, **APART}))
    return rows


def network(arm: Arm, seed: int) -> nn.Module:
    """The arm's network with its initial weights."""
    build = models.lenet5 if arm.network.startswith("lenet") else models.mlp
    return build(**NETWORKS[arm.network], seed=seed + arm.options.get("offset", 0))


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """Test errors, in all and by class, F1, and what moving the bias of classes never shown does."""
    model, test = fitted.model, test_set(job)
    logits = logits_of(model, test)
    measured = counted(logits, test.labels) | {"parameters": parameters(model)}
    measured |= figures(logits, test.labels, "accuracy", "macro_f1")
    if classes := OMITTED.get(job.arm.options.get("train_set", "all")):
        for tuned_on, tuning in (("test", test), ("train", images(job.arm.network, "train"))):
            bias = best_bias(logits_of(model, tuning), tuning.labels, classes)
            found = {"bias": bias, **counted(moved(logits, classes, bias), test.labels)}
            measured[f"bias_tuned_on_{tuned_on}"] = found
    return measured


def counted(logits: Tensor, labels: Tensor) -> dict[str, Any]:
    """Test errors, in all and by class."""
    by_class = torch.bincount(labels[logits.argmax(1) != labels], minlength=10).tolist()
    return figures(logits, labels, "errors") | {"test_errors_by_class": by_class}


def moved(logits: Tensor, classes: tuple[int, ...], bias: float) -> Tensor:
    """Logits (N, C) with `bias` added to those of some classes."""
    return logits + bias * F.one_hot(torch.tensor(classes), logits.shape[1]).sum(0)


def best_bias(logits: Tensor, labels: Tensor, classes: tuple[int, ...]) -> float:
    """The bias of `classes`, on a grid of tenths from -15 to 15, that leaves the fewest errors.

    Hinton, Vinyals and Dean (2015), section 3, choose it on the test images.
    """
    grid = [step / 10 for step in range(-150, 151)]
    return min(grid, key=lambda bias: (metrics.errors(moved(logits, classes, bias), labels), abs(bias)))


def objective(job: Job, part: Dataset) -> Objective:
    """The tutorial's own loss."""
    arm, term = job.arm, partial(as_written, temperature=job.arm.temperature)
    logits = answers(EXPERIMENT, job, part)
    return signals.by_logits(term, logits, weight=arm.alpha, hard_weight=1 - arm.alpha)


def as_written(student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """The Vietnamese tutorial's term as it stands there: the arguments of kl_div swapped, and no T^2.

    Swapped, it is KL(student || teacher), and the gradient flows through both places of the student.
    """
    log_p = F.log_softmax(teacher / temperature, dim=1)
    return F.kl_div(log_p, F.softmax(student / temperature, dim=1), reduction="batchmean")


@lru_cache
def images(network: str, split: str) -> Dataset:
    """MNIST in the resolution of a network: 32 pixels for LeNet-5, 28 for the MLPs."""
    return data.load("mnist", split, resolution=32 if network.startswith("lenet") else 28)


def test_set(job: Job) -> Dataset:
    """The test images, in the resolution of the arm's network."""
    return images(job.arm.network, "test")


def train_set(job: Job) -> Dataset:
    """The training images of an arm; a random part differs from seed to seed."""
    whole, name = images(job.arm.network, "train"), job.arm.options.get("train_set", "all")
    if name == "all":
        return whole
    if name in OMITTED:  # "only-7-8" has no others, and the bias of these two is moved
        of_these = torch.isin(whole.labels, torch.tensor(OMITTED[name]))
        return whole.subset(of_these if name == "only-7-8" else ~of_these)
    if name != "skewed":
        return data.hold_out(whole, SHARES[name], seed=job.seed)[1]
    # A tenth of the digits 0 to 4, a hundredth of 5 to 9.
    small = data.hold_out(whole.subset(whole.labels < 5), 0.1, seed=job.seed)[1]
    large = data.hold_out(whole.subset(whole.labels >= 5), 0.01, seed=job.seed)[1]
    labels = torch.cat([small.labels, large.labels])
    return replace(whole, images=torch.cat([small.images, large.images]), labels=labels)


EXPERIMENT = Experiment("mnist", arms, network, train_set, test_set, measure, objective)
