"""Train the MNIST teacher that ships with the book, and write its weights and its record.

    python book/_tools/train_mnist_teacher.py [--epochs 30] [--seed 0]

A LeNet-5 on 55,000 training images shifted at random by up to two pixels; 5,000 training images are held
out. The number of epochs is fixed beforehand and the test images are looked at once, after the last epoch:
nothing is chosen with them. About three minutes on two CPU cores.
"""

import argparse
import hashlib
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from kdlib import data, models
from kdlib.data import augment
from kdlib.evaluation import metrics
from kdlib.objectives import supervised
from kdlib.pretrained import FOLDER
from kdlib.training import Recipe, logits_of, train

ROOT = Path(__file__).resolve().parents[2]
NAME = "mnist_lenet5_teacher"
RATE, BATCH, HELD_OUT = 3e-3, 128, 5000
SETTINGS = {
    "model": "lenet5 (6, 16), (120, 84)",
    "optimizer": "AdamW, weight decay 0.01",
    "peak_learning_rate": RATE,
    "schedule": "one-cycle",
    "batch_size": BATCH,
    "augmentation": "shift by up to 2 pixels each way",
    "input": "32x32, pixels in [0, 1]",
    "held_out": HELD_OUT,
}


def trained(epochs: int, seed: int) -> tuple[nn.Module, dict[str, Any]]:
    """The teacher, and the measured part of its record."""
    rest, held_out = data.hold_out(data.load("mnist", "train", resolution=32), HELD_OUT, seed=0)
    test = data.load("mnist", "test", resolution=32)
    recipe = Recipe(epochs, RATE, BATCH, "adamw", weight_decay=0.01, schedule="one_cycle", drop_last=True)
    model, start = models.lenet5(seed=seed), time.perf_counter()
    how: dict[str, Any] = {"validation": held_out, "augment": augment.shift, "device": "cpu"}
    curve = train(model, rest, supervised, recipe, seed=seed, **how).curve
    wrong = [round((1 - entry["validation_accuracy"]) * len(held_out)) for entry in curve]
    measured = {
        "held_out_errors": wrong[-1],
        "held_out_images": len(held_out),
        "test_errors": metrics.errors(logits_of(model, test), test.labels),
        "test_images": len(test),
    }
    seconds = round(time.perf_counter() - start, 1)
    return model, {"metrics": measured, "held_out_errors_by_epoch": wrong, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    model, measured = trained(arguments.epochs, arguments.seed)
    path = FOLDER / f"{NAME}.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    code = b"".join(f.read_bytes() for f in (Path(__file__), ROOT / "kdlib/models.py"))
    record = {
        "name": NAME,
        "settings": SETTINGS | {"epochs": arguments.epochs, "seed": arguments.seed},
        "parameters": sum(p.numel() for p in model.parameters()),
        **measured,
        "device": "cpu",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "torchvision")},
        },
        "code_sha256": hashlib.sha256(code).hexdigest(),
        "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record["metrics"]))


if __name__ == "__main__":
    main()
