"""What the fair race's students take over from their teachers, and teachers that say less. Chapter 04.

The students of `cifar_experiments` are trained as there (and only read where they were already) and judged
beside their own seed's teacher. Two more are taught by that teacher flattened and equally sure, as in
`flat_experiments`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from kdlib import augment, cache, cifar_experiments, data, devices, models, teacher_cache
from kdlib.cifar_experiments import NETWORKS, TEACHER, VIEWS, Arm
from kdlib.digests import fingerprint
from kdlib.flat_experiments import LESS
from kdlib.objectives import distilled
from kdlib.race_experiments import judged
from kdlib.training import logits_of, train


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
