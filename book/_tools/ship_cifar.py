"""Write what ships of chapter 04's runs: the teacher's outputs for the bundled images, a student's weights.

    python -m kdlib run cifar --scale cpu --only 'fair-*' --seeds 0
    python book/_tools/ship_cifar.py

Runs nothing anew: it reads the finished checkpoints of seed 0.
"""

import tempfile
from pathlib import Path

from kdlib.experiments.digests import fingerprint
from shipping import write
from torch import nn

from kdlib import data
from kdlib.evaluation import metrics
from kdlib.experiments import cifar as cifar_experiments
from kdlib.experiments import ledger, runner
from kdlib.experiments.cifar import TEACHER, VIEWS, Arm
from kdlib.training import logits_of, teacher_cache

STUDENT = next(arm for arm in cifar_experiments.fair() if arm.name == "fair-distilled")


def main() -> None:
    test = data.load("cifar10", "test")
    student, record = finished(STUDENT)
    about = {"test_accuracy": metrics.accuracy(logits_of(student, test), test.labels)}
    write("cifar_student", student.state_dict(), record, about | {"data": {"test": data.digest(test)}})
    teacher, record = finished(TEACHER)
    train = data.load("cifar10", "train")
    with tempfile.TemporaryDirectory() as aside:
        moved = teacher_cache.fill(teacher, train, VIEWS, Path(aside) / "answers.safetensors").clone()
    answers = {"train": moved, "test": logits_of(teacher, test)}
    about = {"test_accuracy": metrics.accuracy(answers["test"], test.labels)}
    digests = {"train": data.digest(train), "test": data.digest(test)}
    write("cifar_teacher", answers, record, about | {"data": digests})


def finished(arm: Arm) -> tuple[nn.Module, dict[str, object]]:
    """The model of an arm's run with seed 0, and the record of that run."""
    folder = runner.runs_folder() / "cifar" / "cpu" / runner.code(cifar_experiments)[:16]
    checkpoint = folder / f"{arm.name}.0.{fingerprint(cifar_experiments.settings(arm))}.safetensors"
    records = {(r["arm"], r["seed"]): r for r in ledger.records("cifar", "cpu")}
    if (arm.name, 0) not in records or not checkpoint.is_file():
        raise SystemExit(
            f"{arm.name}, seed 0, was not run here: python -m kdlib run cifar --only {arm.name} --seeds 0"
        )
    return cifar_experiments.trained(arm, 0, folder)[0], records[arm.name, 0]


if __name__ == "__main__":
    main()
