"""The measurements of chapter 09 on shipped models: which there are, and what each does.

Nothing is trained: the models are those that come with kdlib. The X-ray teacher does not, so one of initial
weights stands in for its size and time. Each model is written as an ONNX file, in float32 or int8, which
answers one test image at a time on one thread, then the whole test set. A seed is a repetition of the timing.
Run it in one process on a machine that does nothing else.
"""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor, nn

from kdlib import data, models, pretrained, ship
from kdlib.data import Dataset
from kdlib.evaluation import metrics, statistics
from kdlib.experiments import mnist, xray
from kdlib.experiments.arms import THREE, Arm, Experiment, Job, order
from kdlib.experiments.measures import confusion, figures
from kdlib.experiments.speed import processor, threads, timed
from kdlib.training import logits_of

CALIBRATED = {"images": 256, "seed": 0}  # of the train split
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: models.resnet18(2, channels=1, size=64, seed=0),
    "alone": lambda: pretrained.xray_student("alone"),
    "distilled": lambda: pretrained.xray_student("distilled"),
    "mnist-teacher": lambda: pretrained.mnist_teacher(),
}


def arms() -> list[Arm]:
    """Every row of chapter 09's tables."""
    rows = [Arm("teacher", "resnet18", options={"calls": 200}, **THREE)]
    for network in ("alone", "distilled", "mnist-teacher"):
        rows.append(Arm(network, network, options={"calls": 1000}, **THREE))
        calibrated = {"calls": 1000, "calibrated": CALIBRATED}
        rows.append(Arm(f"{network}-int8", network, options=calibrated, **THREE))
    return rows


def images(arm: Arm, split: str) -> Dataset:
    """What the arm's network was trained on, or its test set."""
    return mnist.images("lenet_teacher", split) if arm.network == "mnist-teacher" else xray.folder_of(split)


def measure(job: Job) -> dict[str, Any]:
    """Write one arm's file, time it and, where its weights are trained, judge its answers."""
    arm, calls = job.arm, job.arm.options["calls"]
    model, test = NETWORKS[arm.network]().eval(), images(arm, "test")
    used, image = [test], pixels(test)[:1]
    with threads(1), TemporaryDirectory() as folder:
        file = ship.export(model, image, Path(folder) / "float32.onnx")
        if of := arm.options.get("calibrated"):
            train = images(arm, "train")
            used.append(train.subset(order(len(train), of["seed"])[: of["images"]]))
            file = ship.quantise(file, pixels(used[1]), Path(folder) / "int8.onnx")
        answer, size = ship.predictor(file, threads=1), file.stat().st_size
    with threads(1):
        measured = {"bytes": size, **timed("onnx", answer, image, calls)}
        if not of:
            measured |= timed("eager", model, image, calls)
    if arm.network != "resnet18":
        measured |= judged(answer(pixels(test)), logits_of(model, test), test.labels)
    machine = {"device": "cpu", "processor": processor(), "threads": 1, "onnxruntime": version("onnxruntime")}
    return {"metrics": measured, "data": data.digest(*used), "machine": machine}


def pixels(dataset: Dataset) -> Tensor:
    """A data set's images as models take them, from 0 to 1."""
    return dataset.images.float() / 255


def judged(found: Tensor, torchs: Tensor, labels: Tensor) -> dict[str, Any]:
    """How good the file's answers are, and how far from PyTorch's; both logits (N, C)."""
    moved = (found.double().softmax(1) - torchs.double().softmax(1)).abs()
    measured = figures(found, labels, "errors", "accuracy")
    if found.shape[1] == 2:
        measured |= figures(found, labels, "auroc") | {"auroc_change": ranking_change(found, torchs, labels)}
    return measured | {
        "test_confusion": confusion(found, labels),
        "largest_difference": float(moved.max()),  # of probabilities
        "mean_difference": float(moved.mean()),
        "other_answers": int((found.argmax(1) != torchs.argmax(1)).sum()),
    }


def ranking_change(found: Tensor, torchs: Tensor, labels: Tensor) -> list[float]:
    """AUROC of the file minus that of PyTorch, and the ends of its 95 % interval over test images."""

    def change(at: Tensor) -> float:
        return metrics.auroc(found[at], labels[at]) - metrics.auroc(torchs[at], labels[at])

    return list(statistics.bootstrap(change, len(labels), samples=500, seed=0))


HEADLINE = ("onnx_ms", "median milliseconds for one image with ONNX Runtime", 3)
EXPERIMENT = Experiment("ship", arms, time=measure, headline=HEADLINE)
