"""What the fair race's students take over from their teachers, and teachers that say less. Chapter 04.

The students of `cifar_experiments` are trained as there (and only read where they were already) and judged
beside their own seed's teacher. Two more are taught by that teacher flattened and equally sure, as in
`flat_experiments`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from kdlib import data, models
from kdlib.data import augment, cache
from kdlib.experiments import cifar as cifar_experiments
from kdlib.experiments.cifar import NETWORKS, TEACHER, VIEWS, Arm
from kdlib.experiments.digests import fingerprint
from kdlib.experiments.flattened_teacher import LESS
from kdlib.experiments.race import judged
from kdlib.objectives import distilled
from kdlib.training import devices, logits_of, teacher_cache, train


def arms() -> list[Arm]:
    """The fair race's students but the weak teacher's, and those whose teacher says less."""
    fair = {arm.name: arm for arm in cifar_experiments.fair()}
    told = [fair[f"fair-{name}"] for name in ("alone", "smoothed", "fixed", "distilled")]
    return told + [replace(fair["fair-distilled"], name=f"fair-{kind}", objective=kind) for kind in LESS]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale: those of the fair race."""
    return cifar_experiments.seeds(arm, scale)


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return cifar_experiments.settings(arm)


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Train one student, or read it where that was done; give what it shares with its teacher."""
    teacher, _ = cifar_experiments.trained(TEACHER, seed, folder)
    trained = taught if arm.objective in LESS else cifar_experiments.trained
    student, curve = trained(arm, seed, folder)
    test = cifar_experiments.images("test")
    measured = judged(logits_of(student, test), logits_of(teacher, test), test.labels)
    return {
        "metrics": measured,
        "curve": curve,
        "data": data.digest(cifar_experiments.train_set(arm, seed), test),
    }


def taught(arm: Arm, seed: int, folder: Path) -> tuple[nn.Module, list[dict[str, float]]]:
    """The student of a teacher that says less, after its last epoch, and its curve."""
    student, part = models.vgg(**NETWORKS[arm.network], seed=seed), cifar_experiments.train_set(arm, seed)
    teacher, _ = cifar_experiments.trained(TEACHER, seed, folder)
    answers = folder / f"{TEACHER.name}.{seed}.{arm.share:g}.{len(VIEWS)}.answers.safetensors"
    logits = teacher_cache.fill(teacher, part, VIEWS, answers, half=arm.recipe.half)
    logits = LESS[arm.objective](logits.float(), arm.temperature).to(devices.pick())
    checkpoint = folder / f"{arm.name}.{seed}.{fingerprint(settings(arm))}.safetensors"
    with cache.locked(checkpoint):
        result = train(
            student,
            part,
            distilled(logits, temperature=arm.temperature, alpha=arm.alpha),
            arm.recipe,
            seed=seed,
            augment=augment.viewed(VIEWS),
            checkpoint=checkpoint,
            description=f"{arm.name} seed {seed}",
        )
    return student, result.curve
