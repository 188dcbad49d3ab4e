"""The experiments of chapter 07: one student on CIFAR-10, taught by many signals at an equal budget.

All methods train the same student, with the same initial weights in a seed, on the same 20,000 images for
as many steps. The learning rate is the best of four for the student alone. Then each method has one setting,
the best of four, by 5,000 other images, after half of the epochs and with a seed of its own. One teacher
serves all: chapter 04's of seed 0, trained on all 50,000 images. The test images choose nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset
from kdlib.evaluation import fidelity, metrics
from kdlib.experiments import cifar
from kdlib.experiments.arms import ADAMW, Arm, Experiment, Fitted, Job, answers, fit, taught, taught_by
from kdlib.experiments.measures import figures
from kdlib.experiments.race import VIEWS
from kdlib.losses import features as feature_losses
from kdlib.objectives import Objective, distilled, networks, signals
from kdlib.training import Recipe, devices, logits_of

IMAGES, JUDGED, TUNING_SEED, MEMBERS = 20_000, 5_000, 100, 5
# Each method's name in tables and figures, what is tried, and which was best: the learning rate of the
# student alone, epsilon of smoothed labels, alpha where there are soft targets, the weight of the term
# elsewhere.
METHODS: dict[str, tuple[str, tuple[float, ...], float]] = {
    "alone": ("alone", (0.001, 0.003, 0.01, 0.03), 0.01),
    "smoothed": ("smoothed labels", (0.02, 0.05, 0.1, 0.2), 0.1),
    "soft": ("soft targets", (0.2, 0.5, 0.9, 1.0), 0.9),
    "decoupled": ("decoupled", (0.5, 1.0, 2.0, 8.0), 1.0),
    "dist": ("DIST", (0.25, 0.5, 1.0, 2.0), 0.25),
    "standardised": ("standardised", (0.3, 1.0, 3.0, 9.0), 0.3),
    "hint": ("hint", (0.1, 1.0, 10.0, 100.0), 1.0),
    "attention": ("attention", (0.1, 1.0, 10.0, 100.0), 0.1),
    "relational": ("relations", (0.2, 1.0, 5.0, 25.0), 5.0),
    "hint_soft": ("hint, soft targets", (0.1, 1.0, 10.0, 100.0), 0.1),
    "attention_soft": ("attention, soft targets", (0.1, 1.0, 10.0, 100.0), 10.0),
    "relational_soft": ("relations, soft targets", (0.2, 1.0, 5.0, 25.0), 25.0),
    "mutual": ("mutual", (0.2, 0.5, 1.0, 2.0), 0.2),
    "self": ("self", (0.2, 0.5, 0.9, 1.0), 0.5),
    "ensemble": ("ensemble of 5", (0.2, 0.5, 0.9, 1.0), 0.5),
}
NAMES = {method: name for method, (name, _, _) in METHODS.items()}
TRIED = {method: (tried, best) for method, (_, tried, best) in METHODS.items()}
# AdamW, because its steps do not grow with the size of a loss, which differs from method to method: with SGD,
# at the rate that suited the student alone, decoupled distillation of beta = 8 stayed at chance.
RECIPE = Recipe(8, TRIED["alone"][1], half="everywhere", **ADAMW)
# Where both networks have maps of 8x8, 4x4 and 2x2 pixels, and what each gives to its last layer.
MAPS, LAST = ("pool2", "pool3", "pool4"), ("flatten",)
GUIDE = "pool3"
CHANNELS = (64, 128)  # of the student's and the teacher's map there
# The methods that came later have fewer.
FIRST, LATER = range(7), range(3, 6)
ALONE = Arm("alone", "quick", RECIPE, views=VIEWS, seeds=FIRST, full=range(10))


def arms() -> list[Arm]:
    """What is tried, and then every row of chapter 07's table."""
    rows = []
    for method, (tried, _) in TRIED.items():
        for setting in tried:
            arm, name = by_method(method, setting), f"try-{method}-{setting:g}"
            rate = setting if method == "alone" else RECIPE.learning_rate
            recipe = replace(RECIPE, epochs=RECIPE.epochs // 2, learning_rate=rate)
            options, once = {**arm.options, "tuning": True}, [TUNING_SEED]  # which no row below shares
            rows.append(replace(arm, name=name, recipe=recipe, options=options, seeds=once, full=once))
    return rows + [by_method(method, best) for method, (_, best) in TRIED.items()]


def by_method(method: str, setting: float) -> Arm:
    """A student's arm by its method: the one that all know, or one with a setting of its own."""
    if method == "alone":
        return ALONE
    if method == "smoothed":
        return replace(ALONE, name=method, loss="smoothed", options={"smoothing": setting}, seeds=FIRST)
    if method == "soft":
        return taught(ALONE, method, cifar.TEACHER, 4.0, setting, teacher_seed=0)
    network = {"hint": "with_regressor", "mutual": "mutual"}.get(method.removesuffix("_soft"), ALONE.network)
    own = replace(ALONE, name=method, loss=method, network=network, options={"setting": setting}, seeds=FIRST)
    if method.endswith("_soft"):  # what a method of features adds to soft targets, at their own best alpha
        own = replace(own, temperature=4.0, alpha=TRIED["soft"][1], seeds=LATER)
    without = method in ("mutual", "self", "ensemble")
    return own if without else replace(own, teacher=cifar.TEACHER, teacher_seed=0)


def network(arm: Arm, seed: int) -> nn.Module:
    """The student, with what a method adds to it; or chapter 04's teacher."""
    if arm.network == cifar.TEACHER.network:
        return cifar.network(arm, seed)
    student = models.vgg(models.VGG_QUICK, seed=seed)
    if arm.network == "with_regressor":
        return networks.WithRegressor(student, CHANNELS, seed=seed)
    if arm.network == "mutual":
        return networks.MutualStudents(student, models.vgg(models.VGG_QUICK, seed=seed + 1000))
    return student


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """How good the student is on the images that judge it, and how near to its teacher."""
    tuning, judge = job.arm.options.get("tuning", False), judged_on(job)
    logits = logits_of(fitted.model, judge)
    measured = figures(logits, judge.labels, "accuracy", "cross_entropy", "calibration_error", of="")
    measured["judged_on"] = "validation" if tuning else "test"
    measured["train_seconds"] = sum(entry["seconds"] for entry in fitted.curve)
    if not tuning:
        teacher = logits_of(fit(EXPERIMENT, job.of(cifar.TEACHER, 0)).model, judge)
        measured["teacher_agreement"] = fidelity.agreement(logits, teacher)
        measured["teacher_accuracy"] = metrics.accuracy(teacher, judge.labels)
    return measured


def objective(job: Job, part: Dataset) -> Objective:
    """What a method minimises; its teachers are trained first where that was not yet done."""
    method, setting = job.arm.loss, job.arm.options["setting"]
    if method == "mutual":
        return signals.mutual(setting)
    if method in ("self", "ensemble"):  # of students alone whose initial weights and order are their own
        crowd = [job.seed + 1000 * k for k in range(1, 2 if method == "self" else MEMBERS + 1)]
        peers = [fit(EXPERIMENT, job.of(ALONE, seed)).model for seed in crowd]
        return distilled(networks.Ensemble(peers, 4.0).to(devices.pick()), temperature=4.0, alpha=setting)
    if (kind := method.removesuffix("_soft")) in ("hint", "attention", "relational"):
        soft = {"temperature": job.arm.temperature, "alpha": job.arm.alpha}
        return by_features(kind, taught_by(EXPERIMENT, job).to(devices.pick()), weight=setting, **soft)
    logits = answers(EXPERIMENT, job, part)
    if method == "standardised":
        return signals.by_logits(signals.standardised_term(2.0), logits, weight=setting, hard_weight=0.1)
    term = {"dist": signals.dist_term(4.0), "decoupled": signals.dkd_term(4.0, setting)}[method]
    return signals.by_logits(term, logits, weight=setting if method == "dist" else 1.0)


def by_features(method: str, teacher: nn.Module, **known: float) -> Objective:
    """The objectives of the three methods that look at feature maps; with an alpha, at soft targets too."""
    if method == "hint":
        return signals.hinted(teacher, (GUIDE, GUIDE), **known)
    term, layers = (attention, MAPS) if method == "attention" else (relations, LAST)
    return signals.by_features(term, teacher, (layers, layers), **known)


def attention(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Tensor:
    """Attention transfer, summed over the three places."""
    first, *rest = (feature_losses.attention_transfer(ours[name], theirs[name]) for name in MAPS)
    return sum(rest, first)


def relations(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Tensor:
    """Distances plus twice the angles, as Park et al. (2019) weigh them, of what the last layer is given."""
    own, other = ours[LAST[0]], theirs[LAST[0]]
    angle = feature_losses.relational_angle(own, other)
    return feature_losses.relational_distance(own, other) + 2 * angle


def train_set(job: Job) -> Dataset:
    """20,000 images; all for chapter 04's teacher."""
    if job.few or job.arm.network == cifar.TEACHER.network:
        return cifar.images("train", job.few)
    return images("train")


def judged_on(job: Job) -> Dataset:
    """The test images, or those that settings are chosen by."""
    if job.few or not job.arm.options.get("tuning"):
        return cifar.images("test", job.few)
    return images("validation")


@cache
def images(part: str) -> Dataset:
    """Of CIFAR-10's training images 20,000 to train on, and 5,000 others to choose settings by."""
    rest, mine = data.hold_out(cifar.images("train"), IMAGES, seed=0)
    return mine if part == "train" else data.hold_out(rest, JUDGED, seed=0)[1]


HEADLINE = ("accuracy", "accuracy", 4)
EXPERIMENT = Experiment(
    "signals", arms, network, train_set, judged_on, measure, objective, HEADLINE, canary=64
)
