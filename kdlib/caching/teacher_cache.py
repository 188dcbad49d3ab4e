"""A teacher's answers, asked for once: its logits for each example in each of a few views. Chapter 04.

    views = [View(), View(flip=True), View(dy=2)]
    logits = teacher_cache.fill(teacher, train_set, views, folder / "teacher.safetensors")
    train(student, train_set, distilled(logits, temperature=4, alpha=0.9), ..., augment=viewed(views))

A file says which teacher, views and data it was made with, and is refused for any others. It is written
whole or not at all, and never overwritten.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdlib import files, progress
from kdlib.data import Dataset, digest
from kdlib.data.augment import View, checked_views, take_views
from kdlib.objectives import logits_on
from kdlib.training import checkpoints, devices
from kdlib.training.identity import weights_digest as weights_digest  # part of what a cache says

LARGEST = torch.finfo(torch.float16).max
OTHERS = {"teacher": "another teacher's outputs", "views": "other views", "data": "other data"}
OTHERS |= {"number": "what belongs in another shard", "shard": "shards of another size"}
OTHERS |= {"files": "another number of shards", "top_k": "another top_k"}
REMEDY = "name another file, or delete this one to fill it again"


class TeacherCacheError(ValueError):
    """Stored teacher outputs that cannot be used: damaged, or of another teacher, views or data."""


def fill(
    teacher: nn.Module,
    dataset: Dataset,
    views: Sequence[View],
    path: str | Path,
    *,
    batch_size: int = 250,
    half: str = "nowhere",
) -> Tensor:
    """The teacher's logits for every example in every view; read from `path` where they are there already.

    A distillation step then looks them up and need not run the teacher. Chapter 04.

    Args:
        teacher: takes float images in [0, 1]. It runs where it is, and is left in evaluation mode.
        dataset: n examples on the CPU, in the order in which they are trained on.
        views: as given to `augment.viewed`. [View()] for training without augmentation: give `distilled` the
            result's [:, 0] then.
        path: the file, NAME.safetensors; its folder is made. It takes 2 bytes a number.
        batch_size: examples run through the teacher at once.
        half: where it runs in native half precision: "gpu", "everywhere" or "nowhere". As in the recipe, the
            answers are those of a teacher that runs live. A file is not asked in which it was filled.

    Returns:
        float16 (n, views, classes), memory-mapped from the file; changing it changes no file. For
        training on a GPU move it there first: `.to("cuda")`.

    Raises:
        ValueError: a teacher whose batch norm depends on the batch, which must run live; logits that are not
            finite or too large for float16; no example or no view.
        TeacherCacheError: `path` is damaged, or of another teacher, other views or other data.
        WriteError: the file cannot be written.
    """
    check_cacheable(teacher)
    wanted, path = identity(teacher, dataset, views), Path(path)
    if not path.is_file():
        store(path, wanted, lambda: {"logits": answers(teacher, dataset.images, views, batch_size, half)})
    return read(path, wanted)


def store(path: Path, made_with: dict[str, Any], make: Callable[[], dict[str, Tensor]]) -> None:
    """Write the tensors that `make` gives with a description to a file, if no other process has meanwhile.

    Raises:
        WriteError: the file cannot be written.
    """
    try:
        with files.locked(path):
            if not path.is_file():
                begin, tensors = time.perf_counter(), make()
                took = {"seconds": time.perf_counter() - begin, "sha256": _sha256(tensors.values())}
                checkpoints.write(path, tensors, made_with | took)
    except OSError as error:
        raise files.WriteError(
            f"cannot write {path} ({error.__cause__ or error}): name a file in a folder that you can write to"
            ", with room for it"
        ) from error


def read(path: Path, wanted: dict[str, Any]) -> Tensor:
    """The stored logits (n, views, classes), if they were made with what is wanted. Chapter 04.

    Args:
        path: a file that `fill` wrote.
        wanted: what `identity` gives, or parts of it, taken from a record for example where the teacher
            itself is not at hand.

    Raises:
        FileNotFoundError: there is no such file.
        TeacherCacheError: it is of another teacher, other views or other data, cut short, or altered.
    """
    return verified(path, wanted, ["logits"])[0]


def verified(path: Path, wanted: dict[str, Any], names: Sequence[str]) -> list[Tensor]:
    """The named tensors of a file that `store` wrote, mapped; compared with what is wanted and their digest.

    Raises as `read` does.
    """
    tensors, made_with = _opened(path, names)
    if others := [OTHERS[key] for key, value in wanted.items() if made_with.get(key) != value]:
        raise TeacherCacheError(f"{path} was filled with {' and '.join(others)}; {REMEDY}")
    if _sha256(tensors) != made_with.get("sha256"):
        raise TeacherCacheError(f"{path} was altered after it was filled; {REMEDY}")
    return tensors


def about(path: Path) -> dict[str, Any]:
    """What a file says of itself: teacher, views and data as in `identity`, and the seconds that it took.

    Raises:
        FileNotFoundError: there is no such file.
        TeacherCacheError: it is cut short, or holds no teacher outputs.
    """
    return _opened(path, [])[1]


def identity(teacher: nn.Module, dataset: Dataset, views: Sequence[View]) -> dict[str, Any]:
    """What stored outputs depend on: digests of weights and data, and the list of views. Chapter 04."""
    plain = [[int(flip), dy, dx] for flip, dy, dx in checked_views(views)]
    return {"teacher": weights_digest(teacher), "views": plain, "data": digest(dataset)}


def check_cacheable(teacher: nn.Module) -> None:
    """Raise ValueError where a teacher's answer depends on the other images of the batch. Chapter 04."""
    for name, layer in teacher.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and (
            not layer.track_running_stats or layer.running_mean is None
        ):
            raise ValueError(
                f"the teacher's batch norm {name!r} has no running statistics: its answer to an image "
                "depends on the rest of the batch and cannot be stored; run it live: distilled(teacher, ...)"
            )


@torch.no_grad()
def answers(teacher: nn.Module, images: Tensor, views: Sequence[View], batch_size: int, half: str) -> Tensor:
    """The logits in float16 on the CPU, (n, views, classes), as `fill` stores them."""
    if not len(images):
        raise ValueError("dataset holds no example; there is nothing to ask the teacher")
    device = next(teacher.parameters()).device
    precision = devices.chosen_half(device, half)
    teacher.eval()
    parts = []
    with progress.bar(len(images) * len(views), "teacher outputs", unit="image") as bar:
        for batch in torch.split(images, batch_size):
            batch = batch.to(device)
            for_views = []
            for number in range(len(views)):
                numbers = torch.full((len(batch),), number, device=device)
                seen = take_views(batch, views, numbers).float() / 255
                with devices.autocast(device, precision):
                    for_views.append(logits_on(teacher, seen))
                bar.update(len(batch))
            parts.append(_halved(torch.stack(for_views, dim=1)))
    return torch.cat(parts)


def _halved(logits: Tensor) -> Tensor:
    """Logits (B, views, classes) in float16 on the CPU, if it can hold them."""
    if logits.ndim != 3:
        raise ValueError(f"the teacher gives outputs of shape {tuple(logits[:, 0].shape)}; give (N, classes)")
    largest = float(logits.abs().max())
    if not largest <= LARGEST:  # also where it is NaN
        raise ValueError(
            f"the teacher's logits reach {largest:g}; float16 holds finite ones up to {LARGEST:g}. Look for "
            "the cause, or run the teacher live: distilled(teacher, ...)"
        )
    return logits.half().cpu()


def _opened(path: Path, names: Sequence[str]) -> tuple[list[Tensor], dict[str, Any]]:
    """The named tensors, mapped and not read, and the description beside them."""
    try:
        tensors, made_with = checkpoints.read(path)
        return [tensors[name] for name in names], made_with | {"sha256": made_with["sha256"]}
    except (checkpoints.CheckpointError, KeyError) as error:
        found = f"{path} is cut short or holds no teacher outputs ({error.__cause__ or error})"
        raise TeacherCacheError(f"{found}; {REMEDY}") from error


def _sha256(tensors: Iterable[Tensor]) -> str:
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(tensor.contiguous().numpy().data)
    return total.hexdigest()
