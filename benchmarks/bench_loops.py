"""What kdlib's steps save beside usual loops on CIFAR-10 and X-rays: ratios of times, on one thread.

Both sides of a ratio take the same images the same number of times, with the same network, loss, batch size
and optimiser. They differ in how images and the teacher's answers come to a step, and in what kdlib's own
runs do besides: the memory layout, fused optimisers and, where the processor has it, half precision. The
figures without a target say what is left of the ratio without half precision.
"""

import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms

from kdlib import data, losses, models
from kdlib.caching import teacher_cache
from kdlib.data import Dataset, augment, bundle, chest_xray
from kdlib.experiments import cifar, race, xray
from kdlib.experiments.speed import threads
from kdlib.objectives import distilled, supervised
from kdlib.training import Recipe, train

CIFAR = replace(cifar.LABML, epochs=1)
XRAY = replace(xray.ALONE.recipe, epochs=1)
STEPS, XRAYS, PAIRS = 8, 960, 7
TEMPERATURE, ALPHA = 4.0, 0.9
TAR = Path(__file__).resolve().parents[2] / "shared" / "data" / "chest_xray_224.tar"


class Pictures(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """CIFAR-10 as torchvision gives it: a PIL image at a time, moved, mirrored, made a tensor on demand."""

    def __init__(self, source: Dataset) -> None:
        self.pixels = source.images.permute(0, 2, 3, 1).numpy()
        self.labels = source.labels.tolist()
        moves = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]
        self.transform = transforms.Compose([*moves, transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Any:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


class Jpegs(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """X-rays as files: read, decoded and resized to 64 pixels whenever one is asked for."""

    def __init__(self, files: Sequence[Path], labels: Sequence[int]) -> None:
        self.files, self.labels = files, labels
        self.transform = transforms.Compose([transforms.Resize((64, 64)), transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Any:
        with Image.open(self.files[index]) as picture:
            return self.transform(picture.convert("L")), self.labels[index]


def teacher() -> torch.nn.Module:
    """The large network of 14.7 million parameters; its initial weights take as long as trained ones."""
    return models.vgg(**cifar.NETWORKS["large"], seed=0).eval()


def student() -> torch.nn.Module:
    """The one of 437,034 parameters."""
    return models.vgg(**cifar.NETWORKS["small"], seed=0)


def live(loader: Any, teacher: torch.nn.Module, place: str = "cpu") -> torch.nn.Module:
    """An epoch as labml's: PIL images from a DataLoader, and the teacher run forward at each step."""
    model = student().to(place).train()
    optimizer = torch.optim.Adam(model.parameters(), CIFAR.learning_rate)
    for images, labels in loader:
        images, labels = images.to(place), labels.to(place)
        with torch.no_grad():
            target = teacher(images)
        terms = losses.hinton_loss(model(images), target, labels, temperature=TEMPERATURE, alpha=ALPHA)
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
    return model


def cached(part: Dataset, answers: torch.Tensor, recipe: Recipe, place: str = "cpu") -> torch.nn.Module:
    """An epoch as chapter 04's runs: images in memory, one of few views, the teacher's answers looked up."""
    model, objective = student(), distilled(answers, temperature=TEMPERATURE, alpha=ALPHA)
    views = augment.viewed(race.VIEWS)
    train(model, part, objective, recipe, seed=0, augment=views, device=place)
    return model


def decoding(loader: Any) -> torch.nn.Module:
    """An epoch of the X-ray student on files that are decoded and resized anew."""
    model = models.xray_student(seed=0).train()
    optimizer = torch.optim.Adam(model.parameters(), XRAY.learning_rate)
    for images, labels in loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def resident(part: Dataset, recipe: Recipe) -> torch.nn.Module:
    """An epoch of the X-ray student as chapter 05's runs: images in memory at 64 pixels."""
    model = models.xray_student(seed=0)
    train(model, part, supervised, recipe, seed=0, device="cpu")
    return model


def alternated(runs: dict[str, Callable[[], object]], pairs: int) -> dict[str, list[float]]:
    """Seconds of each run, `pairs` times, in an order that turns round each time; before that a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for pair in range(pairs + 1):
        for name in runs if pair % 2 else reversed(runs):
            start = time.perf_counter()
            runs[name]()
            if torch.cuda.is_available():
                torch.cuda.synchronize()  # what a run started there is part of it
            if pair:
                times[name].append(time.perf_counter() - start)
    return times


def ratio(times: dict[str, list[float]], slow: str, fast: str) -> float:
    """How many times as long `slow` took: the median over the pairs."""
    return statistics.median(a / b for a, b in zip(times[slow], times[fast], strict=True))


def figures(times: dict[str, list[float]], usual: str, name: str, target: float) -> list[dict[str, Any]]:
    """The figure with its target, and the same with float32 on both sides."""
    rows = [(name, "kdlib", target), (f"{name}, both in float32", "float32", None)]
    return [
        {"name": said, "value": round(ratio(times, usual, run), 3), "unit": "", "target": limit}
        | {"better": "higher"}
        for said, run, limit in rows
    ]


def distillation(
    part: Dataset, big: torch.nn.Module, pairs: int, place: str = "cpu"
) -> dict[str, list[float]]:
    """Seconds of an epoch with stored answers, also in float32, and of a live one; filling is paid before."""
    loader = DataLoader(Pictures(part), CIFAR.batch_size, shuffle=True)
    exact = replace(CIFAR, half="nowhere")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.safetensors"
        answers = teacher_cache.fill(big.to(place), part, race.VIEWS, path).to(place)
        runs = {
            "kdlib": lambda: cached(part, answers, CIFAR, place),
            "float32": lambda: cached(part, answers, exact, place),
            "live": lambda: live(loader, big, place),
        }
        return alternated(runs, pairs)


def xrays(tar: Path, count: int, folder: Path) -> tuple[Jpegs, Dataset]:
    """So many of Kaggle's training images twice: as files of 224 pixels in `folder`, and resident at 64."""
    names = bundle.array("chest_xray", "files").tobytes().decode().split(" ")
    names = [names[i] for i in chest_xray.indices(names, "kaggle_train")]
    chosen = range(0, len(names), len(names) // count)[:count]
    with tarfile.open(tar) as archive:
        for number, i in enumerate(chosen):
            content: Any = archive.extractfile(f"chest_xray/{names[i]}")
            (folder / f"{number}.jpeg").write_bytes(content.read())
    files = [folder / f"{number}.jpeg" for number in range(count)]
    part = data.load("chest_xray", "kaggle_train", scale="quick").subset(chosen)
    return Jpegs(files, [chest_xray.parse(names[i])[0] for i in chosen]), part


def epochs(tar: Path, count: int, pairs: int) -> dict[str, list[float]]:
    """Seconds of an epoch on resident X-rays, also in float32, and of one that decodes them."""
    exact = replace(XRAY, half="nowhere")
    with tempfile.TemporaryDirectory() as folder:
        jpegs, part = xrays(tar, count, Path(folder))
        loader = DataLoader(jpegs, XRAY.batch_size, shuffle=True)
        runs = {
            "kdlib": lambda: resident(part, XRAY),
            "float32": lambda: resident(part, exact),
            "decoding": lambda: decoding(loader),
        }
        return alternated(runs, pairs)


def missing(name: str, target: float, why: str) -> dict[str, Any]:
    """A figure that this machine cannot measure."""
    return {"name": name, "value": None, "unit": "", "target": target, "better": "higher", "not_run": why}


def measure() -> list[dict[str, Any]]:
    """Medians of alternating runs on one thread: a second would leave the usual loops' images on one."""
    whole = data.load("cifar10", "train", scale="quick")
    taught = "CIFAR-10 student with stored answers, times a loop with the teacher"
    seen = "X-ray student's epoch, times a loop that decodes JPEGs"
    with threads(1):
        part = whole.subset(range(CIFAR.batch_size * STEPS))
        found = figures(distillation(part, teacher(), PAIRS), "live", taught, 2.5)
        if torch.cuda.is_available():
            times = distillation(whole, teacher(), PAIRS, "cuda")  # a GPU is done with less in no time
            found += figures(times, "live", f"{taught}, on a GPU", 10)
        else:
            found.append(missing(f"{taught}, on a GPU", 10, "no GPU"))
        if TAR.is_file():
            return found + figures(epochs(TAR, XRAYS, PAIRS), "decoding", seen, 1.8)
    return [*found, missing(seen, 1.8, "no JPEGs")]
