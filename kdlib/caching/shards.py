"""A teacher's answers in many files, for more of them than memory holds. Chapter 10.

    with ranks.joined():
        told = shards.fill(teacher, train_set, views, folder, top_k=10)
        train(student, train_set, distilled(told, temperature=4, alpha=0.9), ..., augment=viewed(views))

The ranks share the files, the shards, among them; a shard that is there is not made again. Each says, as in
`teacher_cache`, what it was made with, is written whole or not at all, and is refused where it does not fit.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdlib.caching import teacher_cache
from kdlib.data import Dataset, augment
from kdlib.distributed import ranks
from kdlib.losses.divergences import from_top_k
from kdlib.objectives import Stored


class Shards(Stored):
    """Stored logits (examples, views, classes) in float16, looked up as in a tensor; they stay in the files.

    shards[positions, views] and shards[positions] are tensors; shards[:, 0] is one of the views of all, not
    looked up yet. Of a teacher kept in part the other classes are at minus infinity.
    """

    def __init__(self, parts: Sequence[Sequence[Tensor]], classes: int, made_with: str) -> None:
        """parts: of each shard the logits, or the k largest and which these are; as many in each but one."""
        self.parts, self.size, self.made_with = parts, len(parts[0][0]), made_with
        self.numbers = torch.arange(sum(len(part[0]) for part in parts))
        self.shape = torch.Size((len(self.numbers), *parts[0][0].shape[1:-1], classes))

    def __getitem__(self, at: Any) -> Any:
        """IndexError for an example or a view that is not there."""
        rows, *views = at if isinstance(at, tuple) else (at,)
        if views and isinstance(rows, slice) and rows == slice(None):
            return Shards([[c[at] for c in p] for p in self.parts], self.shape[-1], f"{self.made_with}{at}")
        rows = self.numbers[rows]
        views = [torch.as_tensor(view).expand_as(rows) for view in views]
        found = [column.new_empty(*rows.shape, *column.shape[1 + len(views) :]) for column in self.parts[0]]
        for number in set((rows // self.size).flatten().tolist()):
            here = rows // self.size == number
            place = (rows[here] % self.size, *(view[here] for view in views))
            for whole, column in zip(found, self.parts[number], strict=True):
                whole[here] = column[place]
        return from_top_k(found[0], found[1], self.shape[-1]) if len(found) > 1 else found[0]


def fill(
    teacher: nn.Module,
    dataset: Dataset,
    views: Sequence[augment.View],
    folder: str | Path,
    *,
    shard: int = 10_000,
    top_k: int | None = None,
    batch_size: int = 250,
    half: str = "nowhere",
) -> Shards:
    """The teacher's logits for every example in every view, in files of which each rank fills its part.

    Killed and called again it makes only the shards that are not there. Chapter 10.

    Args:
        teacher, views, batch_size, half: as for `teacher_cache.fill`, whose numbers these are to the bit
            where `shard` is a multiple of `batch_size`.
        dataset: n examples; its images may be a memory-mapped tensor. The same for all ranks.
        folder: of the files, 00000.safetensors and so on; all ranks must see it.
        shard: examples a file.
        top_k: keep the largest k logits of each answer and their classes: 3 to 6 bytes each where a logit
            takes 2. None keeps all.

    Raises:
        As `teacher_cache.fill`; ValueError: a shard of no example, or a top_k that the teacher has not got.
    """
    teacher_cache.check_cacheable(teacher)
    if shard < 1 or not len(dataset):
        raise ValueError(f"shard is {shard} for {len(dataset)} examples; both must be at least 1")
    starts, known = range(0, len(dataset), shard), teacher_cache.identity(teacher, dataset, views)
    known |= {"shard": shard, "top_k": top_k, "files": len(starts)}
    missing = torch.tensor([not _path(folder, number).is_file() for number in range(len(starts))])
    ranks.from_first([missing])  # as rank 0 sees it, so that each has as much to do
    for number in missing.nonzero().flatten().tolist()[ranks.rank() :: ranks.world()]:
        images = dataset.images[starts[number] : starts[number] + shard]  # a view: nothing is copied
        make = partial(_kept, top_k, teacher, images, views, batch_size, half)
        teacher_cache.store(_path(folder, number), known | {"number": number}, make)
    ranks.wait()
    return read(folder, known)


def read(folder: str | Path, wanted: dict[str, Any]) -> Shards:
    """The shards of a folder, mapped, each compared with its digest and with what is wanted. Chapter 10.

    Args:
        folder: that `fill` filled.
        wanted: what `teacher_cache.identity` gives, or parts of it, or nothing.

    Raises:
        TeacherCacheError: a shard is missing, cut short, altered, or of another teacher, data or views.
    """
    first = teacher_cache.about(start) if (start := _path(folder, 0)).is_file() else {}
    paths = [_path(folder, number) for number in range(first.get("files", 1))]
    if missing := [path.name for path in paths if not path.is_file()]:
        what = missing[0] if len(missing) == 1 else f"{len(missing)} files, {missing[0]} first"
        raise teacher_cache.TeacherCacheError(f"{folder} lacks {what}; call fill again, which makes the rest")
    wanted = {key: first.get(key) for key in teacher_cache.OTHERS} | wanted  # all are as the first
    names = ["logits", "indices", "classes"] if first.get("top_k") else ["logits", "classes"]
    parts = [teacher_cache.verified(p, wanted | {"number": i}, names) for i, p in enumerate(paths)]
    return Shards([part[:-1] for part in parts], int(parts[0][-1]), str(wanted))


def _path(folder: str | Path, number: int) -> Path:
    return Path(folder) / f"{number:05}.safetensors"


def _kept(top_k: int | None, *asked: Any) -> dict[str, Tensor]:
    """What a shard keeps of a teacher's answers: all, or the k largest and which classes these are."""
    logits = teacher_cache.answers(*asked)
    classes = torch.tensor(size := logits.shape[-1])
    if top_k is None:
        return {"logits": logits, "classes": classes}
    if not 1 <= top_k <= size:
        raise ValueError(f"top_k is {top_k}; the teacher has {size} classes")
    values, indices = logits.topk(top_k)
    small = next(t for t in (torch.uint8, torch.int16, torch.int32) if size <= torch.iinfo(t).max + 1)
    return {"logits": values, "indices": indices.to(small), "classes": classes}
