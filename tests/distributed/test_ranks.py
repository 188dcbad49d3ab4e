"""Several ranks train as one process does, go on after a kill, and say what they cannot do."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torchrun import several, start

from kdlib import models
from kdlib.data import Dataset
from kdlib.distributed import ranks
from kdlib.objectives import supervised
from kdlib.training import Recipe, devices, train

CASES = Path(__file__).with_name("rank_cases.py")
SAME = ("uneven", "one_left", "stored", "loader", "overflow")


def weights(folder: Path, case: str, world: int, rank: int = 0) -> dict[str, Tensor]:
    return load_file(folder / f"{case}.{world}.{rank}.safetensors")


def curve(folder: Path, case: str, world: int, rank: int = 0) -> list[dict[str, float]]:
    found: list[dict[str, float]] = json.loads((folder / f"{case}.{world}.{rank}.json").read_text())
    return found


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what came out of one process and of two."""
    folder = tmp_path_factory.mktemp("ranks")
    for world in (1, 2):
        ended = start(CASES, folder, *SAME, "normed", world=world)
        assert ended.returncode == 0, ended.stderr
    return folder


@pytest.mark.slow
@several
@pytest.mark.parametrize("case", SAME)
def test_two_ranks_do_what_one_process_does(case: str, done: Path) -> None:
    near = 1e-4 if case == "overflow" else 1e-6  # float16 has three digits
    one, two = weights(done, case, 1), weights(done, case, 2)
    assert furthest(one, two) < near
    assert furthest(one, dict(models.lenet5((6, 12), (90, 64), seed=0).state_dict())) > 1e-3, "it learnt"
    assert furthest(two, weights(done, case, 2, 1)) == 0, "to the bit"
    for ours, theirs in zip(curve(done, case, 1), curve(done, case, 2), strict=True):
        assert theirs == pytest.approx(ours | {"seconds": theirs["seconds"]}, abs=10 * near)
    assert curve(done, case, 2) == curve(done, case, 2, 1)


@pytest.mark.slow
@several
def test_what_a_rank_sees_and_draws_alone_is_settled_by_rank_0(done: Path) -> None:
    first, second = (curve(done, "normed", 2, rank) for rank in (0, 1))
    (alone, *_), draw = curve(done, "normed", 1), second[0].pop("draw")
    assert first[0].pop("draw") == alone["draw"] != draw
    assert first == second and len(first) < 9, "patience ends both"
    assert furthest(weights(done, "normed", 2), weights(done, "normed", 2, 1)) == 0, "buffers too"


@pytest.mark.slow
@several
def test_a_killed_rank_is_started_again_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    (broken / "kill").touch()
    for folder in (whole, broken):
        ended = start(CASES, folder, "killed", world=2, restarts=1)
        assert ended.returncode == 0, ended.stderr
    assert not (broken / "kill").exists()
    assert [(f / "steps.txt").read_text() for f in (whole, broken)] == ["20", "10"], "two epochs were kept"
    assert furthest(weights(whole, "killed", 2), weights(broken, "killed", 2)) == 0
    ends = [[{**entry, "seconds": 0} for entry in curve(f, "killed", 2)] for f in (whole, broken)]
    assert ends[0] == ends[1]


@pytest.mark.slow
@several
def test_ranks_that_would_not_keep_step_are_refused_in_words(tmp_path: Path) -> None:
    ended = start(CASES, tmp_path, "refused", world=2)
    assert ended.returncode == 0, ended.stderr
    said = [json.loads((tmp_path / f"said.{rank}.json").read_text()) for rank in (0, 1)]
    assert said[0] == said[1]
    assert "the ranks have [3, 4] batches" in said[0]["0"] and "DistributedSampler" in said[0]["0"]
    assert "data without a length" in said[0]["1"] and "DistributedSampler" in said[0]["1"]
    assert "leave a batch of one on one of 2 ranks" in said[0]["2"]
    assert "checkpoint: the ranks read [4, 0] epochs" in said[0]["3"]


@pytest.mark.slow
@several
def test_a_rank_that_raises_ends_all(tmp_path: Path) -> None:
    ended = start(CASES, tmp_path, "raises", world=2)
    assert ended.returncode != 0
    assert "rank 1 has had enough" in ended.stderr
    assert not list(tmp_path.iterdir())


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun starts a process that is the only one."""
    about = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "TORCHELASTIC_RUN_ID": "none"}
    for name, value in (about | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}).items():
        monkeypatch.setenv(name, value)


def test_one_rank_trains_to_the_bit_as_without_torchrun(alone: None) -> None:
    images = torch.randint(256, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    part = Dataset("made", "train", images, torch.arange(40) % 3, ("a", "b", "c"))

    def trained() -> Tensor:
        train(model := models.mlp((64, 16, 3), seed=0), part, supervised, Recipe(2, 0.1), seed=0)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    without = trained()
    with ranks.joined():
        assert ranks.together() and (ranks.rank(), ranks.world()) == (0, 1)
        assert torch.equal(trained(), without)
    assert not ranks.together()


def test_without_torchrun_nothing_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with ranks.joined():
        assert not ranks.together() and (ranks.rank(), ranks.world()) == (0, 1)


def test_each_rank_has_a_gpu_of_its_own_and_mps_is_none(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with (
        pytest.raises(ValueError, match=r"rank 2 of .* has no GPU; give .*--nproc-per-node 2"),
        ranks.joined(),
    ):
        pass
    monkeypatch.setattr(ranks, "together", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.pick() == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.pick() == torch.device("cpu")


@pytest.mark.parametrize(("n", "world"), [(7, 2), (8, 3), (1, 2), (2, 3), (5, 1), (0, 2)])
def test_the_ranks_share_a_batch_and_leave_nothing_out(n: int, world: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(ranks, "world", lambda: world)
    parts = []
    for rank in range(world):
        monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
        parts.append(list(range(n))[ranks.part(n)])
    if n >= world:
        assert sorted(i for part in parts for i in part) == list(range(n))
    else:
        assert parts == [list(range(n))] * world
    assert ranks.fewest(n) == min(map(len, parts))
