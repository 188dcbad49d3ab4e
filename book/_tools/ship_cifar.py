"""Write what ships of chapter 04's runs: the teacher's outputs for the bundled images, a student's weights.

    python -m kdlib run cifar --scale cpu --only 'fair-*' --seeds 0
    python book/_tools/ship_cifar.py

Runs nothing anew: it reads the finished checkpoints of seed 0.
"""

import tempfile
from pathlib import Path

from shipping import finished, write

from kdlib import data
from kdlib.caching import teacher_cache
from kdlib.evaluation import metrics
from kdlib.experiments.cifar import EXPERIMENT, TEACHER
from kdlib.experiments.race import VIEWS
from kdlib.training import logits_of


def main() -> None:
    test = data.load("cifar10", "test", scale="quick")
    student, record = finished(EXPERIMENT, next(a for a in EXPERIMENT.arms() if a.name == "fair-distilled"))
    about = {"test_accuracy": metrics.accuracy(logits_of(student, test), test.labels)}
    write("cifar_student", student.state_dict(), record, about | {"data": {"test": data.digest(test)}})
    teacher, record = finished(EXPERIMENT, TEACHER)
    train = data.load("cifar10", "train", scale="quick")
    with tempfile.TemporaryDirectory() as aside:
        moved = teacher_cache.fill(teacher, train, VIEWS, Path(aside) / "answers.safetensors").clone()
    answers = {"train": moved, "test": logits_of(teacher, test)}
    about = {"test_accuracy": metrics.accuracy(answers["test"], test.labels)}
    digests = {"train": data.digest(train), "test": data.digest(test)}
    write("cifar_teacher", answers, record, about | {"data": digests})


if __name__ == "__main__":
    main()
