"""Rates of this machine for a calculation on paper, on one thread: what a teacher, its cache and a step take.

`python benchmarks/rates.py` prints them; nothing is promised and nothing kept. Seconds are of the processor,
the least of a few rounds, so that others who are at work count little; reading counts by the clock too.
"""

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from kdlib import data, models
from kdlib.data import Dataset
from kdlib.data.augment import View
from kdlib.objectives import Stored, distilled
from kdlib.training import Recipe, checkpoints, devices, shards, teacher_cache, train

ROUNDS, BATCH, STEPS = 5, 128, 10


class Linear(nn.Module):
    """A teacher that costs nothing, of so many classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.flatten(1))  # type: ignore[no-any-return]


def least(action: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Seconds of the quickest of a few rounds; the first of all is not counted."""
    took = []
    for _ in range(ROUNDS + 1):
        start = clock()
        action()
        took.append(clock() - start)
    return min(took[1:])


def made(n: int) -> Dataset:
    images = torch.randint(256, (n, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return Dataset("made", "train", images, torch.zeros(n, dtype=torch.int64), ("one", "other"))


def forward_passes(name: str, teacher: nn.Module, images: Dataset) -> None:
    """Images a second through a teacher, as the cache is filled: in float32, and in half precision."""
    teacher.to(memory_format=torch.channels_last)
    part = images.subset(range(500))
    native = devices.half_precision(torch.device("cpu"))
    for half in ("nowhere", "everywhere") if native else ("nowhere",):
        seconds = least(lambda half=half: teacher_cache.answers(teacher, part, [View()], 250, half))
        kind = "float32" if half == "nowhere" else str(native)
        print(f"{name}, {sum(p.numel() for p in teacher.parameters()):,} weights, {kind}: "
              f"{len(part) / seconds:.0f} images a second")  # fmt: skip


def cache_sizes(folder: Path) -> None:
    """Bytes an image of the files, headers too."""
    for classes, top_k in ((10, None), (1000, None), (1000, 10)):
        here = folder / f"{classes}-{top_k}"
        shards.fill(Linear(classes), made(20_000), [View()], here, top_k=top_k)
        size = sum(path.stat().st_size for path in here.glob("*.safetensors"))
        kept = "float16 logits" if top_k is None else f"the largest {top_k}"
        print(f"cache of {classes} classes, {kept}: {size / 20_000:.1f} bytes an image and view")


def reading(folder: Path) -> None:
    """Images a second that shards give in random order, batch by batch: from memory, and from the disk."""
    n = 100_000
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))[: 100 * BATCH].split(BATCH)
    for classes, top_k in ((10, None), (1000, None), (1000, 10)):
        here = folder / f"read-{classes}-{top_k}"
        shards.fill(Linear(classes), made(n), [View()], here, top_k=top_k)
        paths, cold = sorted(here.glob("*.safetensors")), []
        told = unread(paths, classes)
        warm = 100 * BATCH / least(lambda told=told: [told[rows] for rows in order])
        for _ in range(3):
            del told  # what is mapped stays in memory
            for path in paths:
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            told, start = unread(paths, classes), time.perf_counter()
            _ = [told[rows] for rows in order]
            cold.append(100 * BATCH / (time.perf_counter() - start))
        size, opening = sum(path.stat().st_size for path in paths), least(partial(shards.read, here, {}))
        kept = "whole" if top_k is None else f"the largest {top_k}"
        print(f"shards of {classes} classes, {kept}: in random order {warm:,.0f} images a second in memory, "
              f"{sorted(cold)[1]:,.0f} on disk; digests at {size / opening / 1e6:,.0f} MB/s")  # fmt: skip


def unread(paths: list[Path], classes: int) -> shards.Shards:
    """The shards mapped, without the look at every number that `shards.read` takes."""
    held = [checkpoints.read(path)[0] for path in paths]
    return shards.Shards([[part[k] for k in ("logits", "indices") if k in part] for part in held], classes)


def steps(
    name: str, teacher: nn.Module, student: Callable[[], nn.Module], images: Dataset, folder: Path
) -> None:
    """Seconds a training step with the teacher at each step, and with its answers in memory and in shards."""
    part = images.subset(range(BATCH * STEPS))
    told = shards.fill(teacher, part, [View()], folder / name, shard=500)[:, 0]
    sources: dict[str, nn.Module | Tensor | Stored] = {
        "live": teacher,
        "in memory": told[:],
        "in shards": told,
    }
    recipe, found = Recipe(1, 0.01, batch_size=BATCH), {}
    for source, answers in sources.items():
        goal = distilled(answers, temperature=4, alpha=0.9)
        found[source] = least(lambda goal=goal: train(student(), part, goal, recipe, seed=0)) / STEPS
    print(f"{name}, a step of {BATCH}: " + ", ".join(f"{s} {1000 * t:.0f} ms" for s, t in found.items()))


def main() -> None:
    torch.set_num_threads(1)
    xrays = data.load("chest_xray", "train", scale="quick")
    photographs = data.load("cifar10", "train", scale="quick")
    resnet = models.resnet18(2, seed=0, channels=1)
    vgg = models.vgg(models.VGG_HALF_WIDTH, seed=0)
    forward_passes("ResNet-18, X-rays of 64 pixels", resnet, xrays)
    forward_passes("VGG of half width, CIFAR-10", vgg, photographs)
    with tempfile.TemporaryDirectory() as folder:
        cache_sizes(Path(folder))
        reading(Path(folder))
        steps("X-rays", resnet, lambda: models.xray_student(seed=0), xrays, Path(folder))
        steps("CIFAR-10", vgg, lambda: models.vgg(models.VGG_SMALL, seed=0), photographs, Path(folder))


if __name__ == "__main__":
    main()
