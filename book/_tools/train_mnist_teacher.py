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

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from tqdm import tqdm

from kdlib import data, files, models

ROOT = Path(__file__).resolve().parents[2]
NAME = "mnist_lenet5_teacher"
SETTINGS = {
    "model": "lenet5 (6, 16), (120, 84)",
    "optimizer": "AdamW, weight decay 0.01",
    "peak_learning_rate": 3e-3,
    "schedule": "one-cycle",
    "batch_size": 128,
    "augmentation": "shift by up to 2 pixels each way",
    "input": "32x32, pixels in [0, 1]",
    "held_out": 5000,
}


def shifted(images: Tensor, generator: torch.Generator, reach: int = 2) -> Tensor:
    """Shift each image (N, 1, H, W) by an offset of its own, up to `reach` pixels, filling with black."""
    n, _, height, width = images.shape
    padded = pad(images, (reach,) * 4)
    offsets = torch.randint(0, 2 * reach + 1, (n, 2), generator=generator)
    rows = offsets[:, 0, None] + torch.arange(height)
    columns = offsets[:, 1, None] + torch.arange(width)
    return padded[torch.arange(n)[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


@torch.no_grad()
def errors(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many images of the set the model gets wrong."""
    model.eval()
    wrong = sum(
        int((model(x.float() / 255).argmax(1) != y).sum())
        for x, y in zip(images.split(1000), labels.split(1000), strict=True)
    )
    model.train()
    return wrong


def train(epochs: int, seed: int) -> tuple[nn.Sequential, dict[str, object]]:
    """Train the teacher; give it and the measured part of its record."""
    rest, held_out = data.hold_out(data.load("mnist", "train", resolution=32), SETTINGS["held_out"], seed=0)
    test = data.load("mnist", "test", resolution=32)
    model = models.lenet5(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    batch = SETTINGS["batch_size"]
    steps = epochs * (len(rest) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, SETTINGS["peak_learning_rate"], steps)
    curve, start = [], time.perf_counter()
    for _ in tqdm(range(epochs), unit="epoch"):
        order = torch.randperm(len(rest), generator=generator)
        for index in order.split(batch)[: len(rest) // batch]:
            images = shifted(rest.images[index], generator).float() / 255
            loss = cross_entropy(model(images), rest.labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        curve.append(errors(model, held_out.images, held_out.labels))
    metrics = {
        "held_out_errors": curve[-1],
        "held_out_images": len(held_out),
        "test_errors": errors(model, test.images, test.labels),
        "test_images": len(test),
    }
    seconds = round(time.perf_counter() - start, 1)
    return model.eval(), {"metrics": metrics, "held_out_errors_by_epoch": curve, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    model, measured = train(arguments.epochs, arguments.seed)
    path = ROOT / "kdlib" / "weights" / f"{NAME}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    code = b"".join(f.read_bytes() for f in (Path(__file__), ROOT / "kdlib/models/pictures.py"))
    record = {
        "name": NAME,
        "settings": SETTINGS | {"epochs": arguments.epochs, "seed": arguments.seed},
        "parameters": sum(p.numel() for p in model.parameters()),
        **measured,
        "device": "cpu",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": version("torchvision"),
        },
        "code_sha256": hashlib.sha256(code).hexdigest(),
        "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    record["seal"] = files.seal(record)
    path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record["metrics"]))


if __name__ == "__main__":
    main()
