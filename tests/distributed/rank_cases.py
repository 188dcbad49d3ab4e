"""What test_ranks.py runs in one process and in two: `rank_cases.py FOLDER CASE ...` writes what came out."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, DistributedSampler, Sampler, TensorDataset

from kdlib import data, models
from kdlib.caching import shards, teacher_cache
from kdlib.data.augment import View, shift, viewed
from kdlib.distributed import ranks
from kdlib.objectives import Batch, distilled, supervised
from kdlib.training import Recipe, checkpoints, devices, train

RECIPE = Recipe(4, 0.05, batch_size=64)
VIEWS = [View(), View(dx=2), View(dy=-1)]


def images(n: int) -> data.Dataset:
    return data.load("mnist", "train", resolution=32).subset(range(n))


def lenet() -> nn.Module:
    return models.lenet5((6, 12), (90, 64), seed=ranks.rank())  # as rank 0 has it is what counts


def uneven(folder: Path) -> Any:
    """Four batches of 64 and one of 33, moved about."""
    return (model := lenet()), train(model, images(289), supervised, RECIPE, seed=3, augment=shift)


def one_left(folder: Path) -> Any:
    """The last batch has one example, fewer than ranks."""
    return (model := lenet()), train(model, images(257), supervised, RECIPE, seed=0)


def stored(folder: Path) -> Any:
    """Taught by stored outputs, looked up by position and view, with AdamW."""
    teacher, part = models.lenet5(seed=9), images(289)
    told = teacher_cache.fill(teacher, part, VIEWS, folder / "told.safetensors") * 20
    recipe = Recipe(4, 1e-3, batch_size=64, optimizer="adamw", schedule="one_cycle")
    goal = distilled(told, temperature=4, alpha=0.7)
    return (model := lenet()), train(model, part, goal, recipe, seed=0, augment=viewed(VIEWS))


class Shuffled(Sampler[int]):
    """A DistributedSampler's order for one process, whose epochs `train` does not count."""

    def __init__(self) -> None:
        self.epoch = -1

    def __len__(self) -> int:
        return 256

    def __iter__(self) -> Any:
        self.epoch += 1
        yield from torch.randperm(256, generator=torch.Generator().manual_seed(self.epoch)).tolist()


def loader(folder: Path) -> Any:
    """A DataLoader of half the batch in each of two ranks."""
    pairs = TensorDataset(images(256).images, images(256).labels)
    sampler = DistributedSampler(pairs) if ranks.world() > 1 else Shuffled()
    batches = DataLoader(pairs, 64 // ranks.world(), sampler=sampler)
    return (model := lenet()), train(model, batches, supervised, RECIPE, seed=0)


def overflow(folder: Path) -> Any:
    """In float16 a gradient of the last rank is no number at step 7: all leave that step out."""
    devices.half_precision = lambda device: torch.float16
    count = 0

    def goal(model: Any, batch: Batch) -> dict[str, Tensor]:
        nonlocal count
        count += 1
        bad = count == 7 and ranks.rank() == ranks.world() - 1
        zero = torch.sqrt(0 * model.fc1.weight.sum()) if bad else 0
        return {"loss": supervised(model, batch)["loss"] + zero}

    recipe = Recipe(1, 0.05, batch_size=32, half="everywhere")
    path = folder / f"overflow.{ranks.world()}.safetensors"
    result = train(model := lenet(), images(256), goal, recipe, seed=0, checkpoint=path)
    result.curve[0]["scale"] = checkpoints.read(path)[1]["scaler"]["scale"]
    return model, result


def normed(folder: Path) -> Any:
    """Batch norm, dropout and patience: what each rank has seen and drawn is its own."""
    model = models.vgg(((4,), (4,)), dropout=0.1, seed=ranks.rank())
    part = data.load("cifar10", "train", scale="quick").subset(range(128))
    wrong = data.Dataset("made", "val", part.images, part.labels.flip(0), part.classes)
    draws, saved = [], checkpoints.save

    def goal(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        draws.append(float(torch.rand(1)))
        return supervised(model, batch)

    def counted(*about: Any) -> None:
        assert ranks.rank() == 0, "only rank 0 writes"
        saved(*about)

    checkpoints.save = counted
    path, recipe = folder / f"normed.{ranks.world()}.safetensors", Recipe(9, 0.2, batch_size=32, patience=2)
    result = train(model, part, goal, recipe, seed=0, validation=wrong, checkpoint=path)
    checkpoints.save = saved
    assert len(checkpoints.read(path)[1]["curve"]) == len(result.curve), "all wait for it"
    result.curve[0]["draw"] = draws[0]
    return model, result


def refused(folder: Path) -> Any:
    """What several ranks refuse, in words, on all of them."""
    pairs = [(torch.zeros(4, 1, 32, 32), torch.zeros(4, dtype=torch.int64))]
    narrow = models.vgg(((4,),), seed=0)
    colours = data.load("cifar10", "train", scale="quick").subset(range(67))
    path = folder / f"{ranks.rank()}.safetensors"
    if ranks.rank() == 0:
        train_alone(path)
    tried: list[tuple[Any, ...]] = [
        (lenet(), pairs * (3 + ranks.rank()), RECIPE),
        (lenet(), iter(pairs), RECIPE),
        (narrow, colours, RECIPE),
        (lenet(), images(64), RECIPE, path),
    ]
    said = {}
    for number, (model, part, recipe, *where) in enumerate(tried):
        try:
            train(model, part, supervised, recipe, seed=0, checkpoint=where[0] if where else None)
        except ValueError as error:
            said[str(number)] = str(error)
    (folder / f"said.{ranks.rank()}.json").write_text(json.dumps(said))


def train_alone(path: Path) -> None:
    """A checkpoint after two epochs, in a place that this rank alone sees."""
    world, ranks.world = ranks.world, lambda: 1
    train(lenet(), images(64), supervised, RECIPE, seed=0, checkpoint=path)
    ranks.world = world


def killed(folder: Path) -> Any:
    """Rank 1 is killed in the third of four epochs, on its first try alone."""
    count, path = 0, folder / "killed.safetensors"

    def goal(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        nonlocal count
        count += 1
        if (folder / "kill").exists() and count == 13 and ranks.rank() == 1:
            (folder / "kill").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return supervised(model, batch)

    result = train(model := lenet(), images(289), goal, RECIPE, seed=0, augment=shift, checkpoint=path)
    (folder / "steps.txt").write_text(str(count))
    return model, result


def filled(folder: Path) -> Any:
    """Both ranks fill seven shards, each of which is logged where it is made; all are read by all.

    Rank 1 may be killed at its second, once rank 0 has made all of its own.
    """
    teacher, part = models.lenet5(seed=9), images(100)
    made = teacher_cache.store

    def logged(path: Path, *about: Any) -> None:
        if (folder / "kill").exists() and path.name == "00003.safetensors":
            while not list(folder.glob("00006.*")):
                time.sleep(0.01)
            (folder / "kill").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        made(path, *about)
        (folder / f"{path.stem}.{ranks.rank()}.{os.environ.get('TORCHELASTIC_RESTART_COUNT')}").touch()

    teacher_cache.store = logged
    told = shards.fill(teacher, part, VIEWS, folder / "told", shard=16, batch_size=16)
    save_file({"all": told[:]}, folder / f"all.{ranks.world()}.{ranks.rank()}.safetensors")


def raises(folder: Path) -> Any:
    """One rank gives up, the other waits for its gradients."""
    if ranks.rank() == 1:
        raise RuntimeError("rank 1 has had enough")
    return (model := lenet()), train(model, images(289), supervised, RECIPE, seed=0)


def main() -> None:
    folder = Path(sys.argv[1])
    with ranks.joined():
        for name in sys.argv[2:]:
            case: Callable[[Path], Any] = globals()[name]
            if (result := case(folder)) is not None:
                file = folder / f"{name}.{ranks.world()}.{ranks.rank()}"
                held = {name: value.contiguous() for name, value in result[0].state_dict().items()}
                save_file(held, f"{file}.safetensors")
                Path(f"{file}.json").write_text(json.dumps(result[1].curve))


if __name__ == "__main__":
    main()
