"""What kdlib's training loop costs beside the bare step, and saves beside a usual loop: ratios, one run."""

import contextlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision.transforms import Compose, Resize, ToTensor

from kdlib import data, losses, models, progress
from kdlib.data import Dataset
from kdlib.distributed import ranks
from kdlib.objectives import Objective, distilled, supervised
from kdlib.training import Recipe, checkpoints, identity, logits_of, loop, train

BATCH, STEPS, REPEATS = 128, 60, 5
RECIPE = Recipe(epochs=1, learning_rate=0.001, batch_size=BATCH)
SHORT = replace(RECIPE, epochs=3)  # what is done once a run, such as a digest of the data, counts too
# What the bar, the curves and the checkpoints do in a training; the digest of the data is for checkpoints.
THREE = [
    (progress.tqdm, "update"),
    (progress.tqdm, "set_postfix"),
    (progress.tqdm, "close"),
    (loop, "_means"),
    (identity, "digest"),
    (checkpoints, "save"),
]
RANKS = ("check", "part", "add_up", "from_first", "figures", "rank", "wait")  # what it calls of other ranks


class Pictures(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """MNIST as torchvision gives it: a PIL image at a time, resized and made a tensor when asked for."""

    def __init__(self, source: Dataset) -> None:
        from PIL import Image

        self.images = [Image.fromarray(image[0].numpy()) for image in source.images]
        self.labels = source.labels.tolist()
        self.transform = Compose([Resize((32, 32)), ToTensor()])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.images[index]), self.labels[index]


def student() -> torch.nn.Module:
    return models.lenet5((6, 12), (90, 64), seed=0)


def bare(part: Dataset, teacher: torch.Tensor | None) -> None:
    """Forward, backward and optimiser step on tensors that are ready."""
    model = student()
    optimizer = torch.optim.SGD(model.parameters(), 0.001, momentum=0.9)
    images = part.images.float() / 255
    batches = list(zip(images.split(BATCH), part.labels.split(BATCH), range(STEPS), strict=True))
    start = time.perf_counter()
    for x, y, step in batches:
        z = model(x)
        if teacher is None:
            loss = F.cross_entropy(z, y)
        else:
            t = teacher[step * BATCH : (step + 1) * BATCH]
            loss = losses.hinton_loss(z, t, y, temperature=4, alpha=0.9).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    bare.seconds = time.perf_counter() - start  # type: ignore[attr-defined]


def usual(loader: Any, teacher: torch.nn.Module) -> float:
    """The Vietnamese tutorial's loop: a DataLoader, a resize for each image, the teacher at each step."""
    model = student()
    optimizer = torch.optim.SGD(model.parameters(), 0.001, momentum=0.9)
    start = time.perf_counter()
    for x, y in loader:
        with torch.no_grad():
            t = teacher(x)
        optimizer.zero_grad()
        z = model(x)
        soft = F.kl_div(F.log_softmax(t / 10, 1), F.softmax(z / 10, 1), reduction="batchmean")
        (0.1 * F.cross_entropy(z, y) + 0.9 * soft).backward()
        optimizer.step()
    return time.perf_counter() - start


class Terminal(io.StringIO):
    """Text kept in memory that says it is a terminal, so that kdlib's progress bar is drawn into it."""

    def isatty(self) -> bool:
        return True


def complete(
    model: torch.nn.Module, part: Dataset, objective: Objective, recipe: Recipe, checkpoint: Path
) -> str:
    """`train` with seed 0 and all three; gives what its progress bar wrote, which no screen shows."""
    screen = Terminal()
    with mock.patch.dict(os.environ, TQDM_DISABLE="0"), contextlib.redirect_stderr(screen):
        train(model, part, objective, recipe, seed=0, device="cpu", checkpoint=checkpoint)
    return screen.getvalue()


def added(part: Dataset, objective: Objective, repeats: int) -> float:
    """How much time, in percent of all else, progress bar, curves and checkpoints take: the median of a few.

    Their calls are timed inside short trainings. The difference between trainings with and without them
    would need no such list of calls, but two trainings differ by several percent by themselves.
    """
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats):
            with contextlib.ExitStack() as stack:
                spent = [stack.enter_context(timed(owner, name)) for owner, name in THREE]
                path = Path(folder) / f"{repeat}.safetensors"
                total = seconds(lambda path=path: complete(student(), part, objective, SHORT, path))
            three = sum(sum(calls) for calls in spent)
            shares.append(three / (total - three))
    return 100 * statistics.median(shares)


@contextlib.contextmanager
def timed(owner: Any, name: str) -> Iterator[list[float]]:
    """The seconds of each call of `owner.name`, while this lasts."""
    calls: list[float] = []
    original = getattr(owner, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return original(*args, **kwargs)
        finally:
            calls.append(time.perf_counter() - begin)

    with mock.patch.object(owner, name, call):
        yield calls


def alone_in_a_group(part: Dataset, objective: Objective, repeats: int) -> float:
    """How much time, in percent of all else, `train` takes for other ranks where there are none, as `added`.

    It is joined as by torchrun with one process; what torchrun sets is set here.
    """
    zeros = dict.fromkeys(("RANK", "LOCAL_RANK", "MASTER_PORT"), "0")
    torchruns = zeros | {"WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "bench"}
    shares = []
    with mock.patch.dict(os.environ, torchruns), ranks.joined():
        assert ranks.together()
        for _ in range(repeats):
            with contextlib.ExitStack() as stack:
                spent = [stack.enter_context(timed(ranks, name)) for name in RANKS]
                total = seconds(lambda: train(student(), part, objective, SHORT, seed=0, device="cpu"))
            theirs = sum(sum(calls) for calls in spent)
            shares.append(theirs / (total - theirs))
    return 100 * statistics.median(shares)


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure() -> list[dict[str, Any]]:
    """Medians of alternating runs on one thread: a second gains little on so small a net, and adds noise."""
    torch.set_num_threads(1)
    part = data.load("mnist", "train", resolution=32).subset(range(BATCH * STEPS))
    teacher = models.lenet5(seed=0).eval()
    stored = logits_of(teacher, part)
    soft = distilled(stored, temperature=4, alpha=0.9)
    pictures = Pictures(data.load("mnist", "train").subset(range(BATCH * STEPS)))
    loader = DataLoader(pictures, BATCH, shuffle=True)
    times: dict[str, list[float]] = {}

    def take(name: str, value: float) -> None:
        times.setdefault(name, []).append(value)

    for repeat in range(REPEATS + 1):
        bare(part, None)
        rows = {"bare": bare.seconds}  # type: ignore[attr-defined]
        rows["train"] = seconds(lambda: train(student(), part, supervised, RECIPE, seed=0))
        bare(part, stored)
        rows["bare soft"] = bare.seconds  # type: ignore[attr-defined]
        rows["distil"] = seconds(lambda: train(student(), part, soft, RECIPE, seed=0))
        rows["usual"] = usual(loader, teacher)
        if repeat:  # the first is a warm-up
            for name, value in rows.items():
                take(name, value)
    whole = data.load("mnist", "train", resolution=32)
    all_soft = distilled(logits_of(teacher, whole), temperature=4, alpha=0.9)
    three = added(whole, all_soft, REPEATS)
    middle = {name: statistics.median(values) for name, values in times.items()}
    trained, taught = middle["bare"] / middle["train"], middle["bare soft"] / middle["distil"]
    saved = middle["usual"] / middle["distil"]
    figures = [
        ("LeNet-5 trained, share of the bare step's images/s", trained, 0.92, "higher"),
        ("LeNet-5 distilled, share of the bare step's images/s", taught, 0.92, "higher"),
        ("LeNet-5 distilled, times the tutorial's own loop", saved, 2.0, "higher"),
    ]
    ratios = [
        {"name": name, "value": round(value, 3), "unit": "", "target": target, "better": better}
        for name, value, target, better in figures
    ]
    added_times = {
        "progress bar, curves and checkpoints together, time added": three,
        "train as the only rank of torchrun, time added": alone_in_a_group(part, soft, REPEATS),
    }
    more = {"unit": "%", "target": 3, "better": "lower"}
    return [*ratios, *({"name": name, "value": round(v, 2), **more} for name, v in added_times.items())]


if __name__ == "__main__":
    for line in measure():
        print(f"{line['name']}: {line['value']} ({line['target']})")
