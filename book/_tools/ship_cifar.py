"""Write what ships of chapter 04's runs: the teacher's outputs for the bundled images.

    python -m kdlib run cifar --scale cpu --only fair-teacher --seeds 0
    python book/_tools/ship_cifar.py

Runs nothing anew: it reads the finished checkpoint of seed 0.
"""

import tempfile
from pathlib import Path

from shipping import write

from kdlib import cifar_experiments, data, ledger, metrics, runner, teacher_cache
from kdlib.cifar_experiments import TEACHER, VIEWS
from kdlib.digests import fingerprint
from kdlib.training import logits_of


def main() -> None:
    folder = runner.runs_folder() / "cifar" / "cpu" / runner.code(cifar_experiments)[:16]
    checkpoint = folder / f"{TEACHER.name}.0.{fingerprint(cifar_experiments.settings(TEACHER))}.safetensors"
    records = {(r["arm"], r["seed"]): r for r in ledger.records("cifar", "cpu")}
    if (TEACHER.name, 0) not in records or not checkpoint.is_file():
        raise SystemExit(
            f"{TEACHER.name}, seed 0, was not run here: "
            f"python -m kdlib run cifar --only {TEACHER.name} --seeds 0"
        )
    model, _ = cifar_experiments.trained(TEACHER, 0, folder)
    train, test = (data.load("cifar10", split) for split in ("train", "test"))
    with tempfile.TemporaryDirectory() as aside:
        moved = teacher_cache.fill(model, train, VIEWS, Path(aside) / "answers.safetensors").clone()
    answers = {"train": moved, "test": logits_of(model, test)}
    about = {
        "test_accuracy": metrics.accuracy(answers["test"], test.labels),
        "data": {"train": data.digest(train), "test": data.digest(test)},
    }
    write("cifar_teacher", answers, records[TEACHER.name, 0], about)


if __name__ == "__main__":
    main()
