"""Stored teacher outputs in many files: the same as in one, and refused where they are others."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchrun import several, start

from kdlib import data, losses, models
from kdlib.caching import shards, teacher_cache
from kdlib.caching.shards import Shards
from kdlib.caching.teacher_cache import TeacherCacheError
from kdlib.data import Dataset
from kdlib.data.augment import View, viewed
from kdlib.losses.divergences import from_top_k
from kdlib.objectives import distilled
from kdlib.training import Recipe, train
from kdlib.training.checkpoints import CheckpointError

CASES = Path(__file__).parents[1] / "distributed" / "rank_cases.py"
VIEWS = [View(), View(flip=True), View(dy=2)]


class Counting(nn.Module):
    """A teacher that counts its images, and gives up after `most` of them."""

    def __init__(self, seed: int = 0, classes: int = 10, most: int = 10**9) -> None:
        super().__init__()
        self.inner, self.seen, self.most = models.mlp((64, 12, classes), seed=seed), 0, most

    def forward(self, images: Tensor) -> Tensor:
        if (seen := self.seen + len(images)) > self.most:
            raise RuntimeError("stopped")
        self.seen = seen
        return 8 * self.inner(images)  # type: ignore[no-any-return]


def dataset(n: int = 40, seed: int = 0) -> Dataset:
    images = torch.randint(256, (n, 1, 8, 8), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)
    return Dataset("made", "train", images, torch.arange(n) % 10, tuple("abcdefghij"))


def fill(folder: Path, teacher: nn.Module | None = None, **more: Any) -> Shards:
    """Three shards: of 16, 16 and 8 examples."""
    settings: dict[str, Any] = {"shard": 16, "batch_size": 8, "views": VIEWS, "dataset": dataset()} | more
    return shards.fill(teacher or Counting(), folder=folder, **settings)


def test_a_checkpoint_knows_its_shards_again_and_no_others(tmp_path: Path) -> None:
    def train_with(folder: str, epochs_kept: list[int], **more: Any) -> None:
        told, student = fill(tmp_path / folder, **more)[:, 0], models.mlp((64, 10), seed=1)
        goal, recipe = distilled(told, temperature=2.0, alpha=0.5), Recipe(2, 0.1, batch_size=8)
        trained = train(student, dataset(), goal, recipe, seed=0, checkpoint=tmp_path / "student.safetensors")
        epochs_kept.append(len(trained.curve))

    kept: list[int] = []
    train_with("told", kept)
    train_with("told", kept)  # opened anew, as by the process that goes on after a kill
    assert kept == [2, 2]
    with pytest.raises(CheckpointError, match="of another run"):
        train_with("others", kept, teacher=Counting(seed=1))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    fill(tmp_path / "told")
    return tmp_path / "told"


@pytest.fixture
def whole(tmp_path: Path) -> Tensor:
    """What one file holds of the same."""
    return teacher_cache.fill(Counting(), dataset(), VIEWS, tmp_path / "whole.safetensors", batch_size=8)


def test_on_cifar_10_they_are_the_one_files_to_the_bit(tmp_path: Path) -> None:
    images = data.load("cifar10", "test", scale="quick")
    teacher = models.vgg(models.VGG_QUICK, seed=0)
    one = teacher_cache.fill(teacher, images, VIEWS[:2], tmp_path / "one.safetensors")
    many = shards.fill(teacher, images, VIEWS[:2], tmp_path / "many", shard=750)
    assert [path.name for path in sorted((tmp_path / "many").glob("*.safetensors"))] == [
        f"0000{number}.safetensors" for number in range(3)
    ]
    assert (many.shape, many.dtype, len(many), many.ndim) == (one.shape, one.dtype, 2000, 3)
    order = torch.randperm(2000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(many[order], one[order])


LOOKED_UP = [
    torch.tensor([39, 0, 17, 16, 15, 0]),
    slice(3, 35, 4),
    [31, 32],
    7,
    -1,
    torch.arange(40) % 3 == 0,
    torch.tensor([], dtype=torch.int64),
    (torch.tensor([39, 0, 17]), torch.tensor([2, 0, 1])),
    (torch.tensor([39, 0, 17]), 1),
    (5, 2),
]


@pytest.mark.parametrize("at", LOOKED_UP, ids=str)
def test_they_are_looked_up_as_in_a_tensor(at: Any, filled: Path, whole: Tensor) -> None:
    told = shards.read(filled, {})
    assert torch.equal(told[at], whole[at])
    of_one_view = told[:, 1]
    assert of_one_view.shape == (40, 10) and of_one_view.ndim == 2
    rows = at[0] if isinstance(at, tuple) else at
    assert torch.equal(of_one_view[rows], whole[:, 1][rows])


@pytest.mark.parametrize(
    "at", [40, -41, torch.tensor([0, 40]), (torch.tensor([0]), torch.tensor([3]))], ids=str
)
def test_what_is_not_there_is_an_index_error(at: Any, filled: Path) -> None:
    with pytest.raises(IndexError):
        shards.read(filled, {})[at]


@pytest.mark.parametrize("drawn", [True, False])
def test_a_student_is_taught_as_from_one_file_to_the_bit(drawn: bool, filled: Path, whole: Tensor) -> None:
    ends = []
    for told in (whole, shards.read(filled, {})):
        student = models.mlp((64, 9, 10), seed=1)
        goal = distilled(told if drawn else told[:, 0], temperature=4, alpha=0.9)
        more: dict[str, Any] = {"augment": viewed(VIEWS)} if drawn else {}
        train(student, dataset(), goal, Recipe(2, 0.1, batch_size=7), seed=0, **more)
        ends.append(torch.cat([p.detach().flatten() for p in student.parameters()]))
    assert torch.equal(*ends)
    with pytest.raises(ValueError, match="logits of 40 examples, but data has 30"):
        train(student, dataset(30), goal, Recipe(1, 0.1), seed=0, **more)
    with pytest.raises(ValueError, match=r"shape \(40, 3, 10\), several views"):
        train(student, dataset(), distilled(told, temperature=4, alpha=0.9), Recipe(1, 0.1), seed=0)


def test_killed_it_makes_only_what_is_missing(tmp_path: Path, whole: Tensor) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        fill(tmp_path / "told", Counting(most=16 * 3 + 30))  # in the middle of the second shard
    there = tmp_path / "told" / "00000.safetensors"
    assert [path for path in (tmp_path / "told").iterdir() if path.suffix != ".lock"] == [there]
    with pytest.raises(TeacherCacheError, match=r"lacks 2 files, 00001.*call fill again, which makes"):
        shards.read(tmp_path / "told", {})
    before, teacher = there.stat().st_mtime_ns, Counting()
    assert torch.equal(fill(tmp_path / "told", teacher)[:], whole)
    assert teacher.seen == 24 * 3 and there.stat().st_mtime_ns == before
    (tmp_path / "told" / "00001.safetensors").unlink()
    assert torch.equal(fill(tmp_path / "told", teacher)[:], whole)
    assert teacher.seen == 40 * 3
    fill(tmp_path / "told", again := Counting())
    assert again.seen == 0


OTHER = [
    ({"teacher": Counting(1)}, "another teacher's outputs"),
    ({"views": VIEWS[::-1]}, "other views"),
    ({"dataset": dataset(seed=1)}, "other data"),
    ({"dataset": dataset(33)}, "other data"),
    ({"shard": 20}, "shards of another size"),
    ({"top_k": 3}, "another top_k"),
]


@pytest.mark.parametrize(("given", "named"), OTHER, ids=[str(list(given)) + named for given, named in OTHER])
def test_of_something_else_they_are_refused_and_kept(given: Any, named: str, filled: Path) -> None:
    before = [path.read_bytes() for path in sorted(filled.glob("*.safetensors"))]
    with pytest.raises(TeacherCacheError, match=f"filled with .*{named}.*; name another file, or delete"):
        fill(filled, **given)
    assert [path.read_bytes() for path in sorted(filled.glob("*.safetensors"))] == before


def test_a_part_of_the_identity_is_enough_and_all_files_must_be_of_one(filled: Path, tmp_path: Path) -> None:
    digest = teacher_cache.weights_digest(Counting())
    assert len(shards.read(filled, {"teacher": digest})) == 40
    with pytest.raises(TeacherCacheError, match="another teacher"):
        shards.read(filled, {"teacher": "0" * 64})
    fill(tmp_path / "others", Counting(1))
    (tmp_path / "others" / "00001.safetensors").replace(filled / "00001.safetensors")
    with pytest.raises(
        TeacherCacheError, match=r"00001.safetensors was filled with another teacher's outputs"
    ):
        shards.read(filled, {})


@pytest.mark.parametrize("number", [0, 2])
def test_an_altered_byte_a_short_file_and_a_swapped_one_are_named(number: int, filled: Path) -> None:
    path = filled / f"0000{number}.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    with pytest.raises(
        TeacherCacheError, match=f"{path.name} was altered after it was filled; .*delete this one"
    ):
        fill(filled)
    path.write_bytes(content[:-1])
    with pytest.raises(TeacherCacheError, match=f"{path.name} is cut short or holds no teacher outputs"):
        fill(filled)
    path.write_bytes((filled / "00001.safetensors").read_bytes())
    with pytest.raises(TeacherCacheError, match=f"{path.name} was filled with what belongs in another shard"):
        fill(filled)


def test_a_folder_without_shards_or_with_one_file_of_outputs_is_named(tmp_path: Path, whole: Tensor) -> None:
    with pytest.raises(TeacherCacheError, match=r"lacks 00000.safetensors; call fill"):
        shards.read(tmp_path, {})
    (tmp_path / "whole.safetensors").rename(tmp_path / "00000.safetensors")
    with pytest.raises(TeacherCacheError, match=r"00000.*holds no teacher outputs|00000.*was filled with"):
        shards.read(tmp_path, {})


@pytest.mark.parametrize(("classes", "kind"), [(10, torch.uint8), (256, torch.uint8), (257, torch.int16)])
def test_the_k_largest_are_kept_with_their_classes(classes: int, kind: Any, tmp_path: Path) -> None:
    teacher = Counting(classes=classes)
    told = fill(tmp_path / "top", teacher, top_k=4)
    one = teacher_cache.fill(teacher, dataset(), VIEWS, tmp_path / "one.safetensors", batch_size=8)
    values, indices = one.float().topk(4)
    file = load_file(tmp_path / "top" / "00001.safetensors")
    assert (file["logits"].dtype, file["indices"].dtype) == (torch.float16, kind)
    assert torch.equal(file["logits"].float(), values[16:32])
    assert torch.equal(one[16:32].gather(-1, file["indices"].long()), file["logits"]), "ties may differ"
    assert told.shape == one.shape
    rows, views = torch.tensor([39, 2, 17]), torch.tensor([0, 2, 1])
    found = told[rows, views]
    assert torch.equal(found, from_top_k(values[rows, views], indices[rows, views], classes).half())
    student = torch.randn(3, classes, generator=torch.Generator().manual_seed(0))
    shares = (values[rows, views] / 2).softmax(1)  # by hand: the four add up to 1
    known = (student / 2).log_softmax(1).gather(1, indices[rows, views])
    by_hand = 4 * (shares * (shares.log() - known)).sum(1).mean()
    torch.testing.assert_close(losses.distillation_term(student, found, 2.0), by_hand)
    assert torch.equal(told[:, 1][rows], told[rows, 1])


def test_a_student_is_taught_by_the_k_largest(tmp_path: Path) -> None:
    student = models.mlp((64, 9, 10), seed=1)
    goal = distilled(fill(tmp_path, top_k=3), temperature=4, alpha=0.9)
    curve = train(student, dataset(), goal, Recipe(8, 0.1, batch_size=8), seed=0, augment=viewed(VIEWS)).curve
    assert curve[-1]["soft"] < 0.9 * curve[0]["soft"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shard": 0}, "shard is 0 for 40 examples; both must be at least 1"),
        ({"dataset": dataset(0)}, "shard is 16 for 0 examples"),
        ({"top_k": 0}, "top_k is 0; the teacher has 10 classes"),
        ({"top_k": 11}, "top_k is 11; the teacher has 10 classes"),
        ({"views": []}, "views is empty"),
        ({"teacher": models.vgg(models.VGG_QUICK, running=False, seed=0)}, "no running statistics"),
    ],
)
def test_what_cannot_be_filled_is_named(given: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        fill(tmp_path / "told", **given)
    assert not list((tmp_path / "told").glob("*.safetensors"))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_files_are_mapped(filled: Path) -> None:
    told = shards.read(filled, {})
    maps = Path("/proc/self/maps").read_text()
    assert len(told) == 40 and all(str(path) in maps for path in filled.glob("*.safetensors"))


@pytest.mark.slow
@several
def test_two_ranks_fill_together_and_a_kill_costs_what_it_broke(tmp_path: Path) -> None:
    (tmp_path / "kill").touch()
    ended = start(CASES, tmp_path, "filled", world=2, restarts=1)
    assert ended.returncode == 0, ended.stderr
    made = sorted(path.name.split(".") for path in tmp_path.glob("0000*"))  # number, rank, which start
    early = ["00000.0.0", "00001.1.0", "00002.0.0", "00004.0.0", "00006.0.0"]
    again = ["00003.0.1", "00005.1.1"]  # each has as much to do
    assert [".".join(parts) for parts in made] == sorted(early + again), "each once; some stayed"
    alone = start(CASES, tmp_path / "told", "filled", world=1)
    assert alone.returncode == 0, alone.stderr
    first, second, one = (
        load_file(path)["all"]
        for path in (*sorted(tmp_path.glob("all.2.*")), tmp_path / "told" / "all.1.0.safetensors")
    )
    assert torch.equal(first, second) and torch.equal(first, one)
