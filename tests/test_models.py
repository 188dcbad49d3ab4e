"""The networks: counts from the sources, weights that depend on the seed alone."""

import shutil
from pathlib import Path

import pytest
import torch

from kdlib import files, models, pretrained


@pytest.mark.parametrize(
    ("channels", "hidden", "parameters"), [((6, 16), (120, 84), 81_194), ((6, 12), (90, 64), 46_164)]
)
def test_lenet5_has_the_parameters_of_the_source(
    channels: tuple[int, int], hidden: tuple[int, int], parameters: int
) -> None:
    model = models.lenet5(channels, hidden, seed=0)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_the_seed_alone_fixes_the_weights_and_the_global_state_is_left_alone() -> None:
    torch.manual_seed(1)
    first = models.lenet5(seed=7)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    second = models.lenet5(seed=7)
    other = models.lenet5(seed=8)
    for a, b, c in zip(first.parameters(), second.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_the_shipped_teacher_is_the_recorded_one() -> None:
    record = pretrained.record("mnist_lenet5_teacher")
    teacher = pretrained.mnist_teacher()
    assert not teacher.training
    assert sum(p.numel() for p in teacher.parameters()) == record["parameters"] == 81_194


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped weights, to be damaged."""
    folder = Path(shutil.copytree(pretrained.FOLDER, tmp_path / "weights"))
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    return folder


@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_a_missing_file_is_named_with_the_remedy(weights: Path, ending: str) -> None:
    path = weights / f"mnist_lenet5_teacher.{ending}"
    path.unlink()
    with pytest.raises(files.DamagedError, match=r"cannot be read \(.*: install kdlib again") as caught:
        pretrained.mnist_teacher()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("ending", "content"),
    [("json", b""), ("json", b'{"weights_sha'), ("json", b"\xff"), ("json", b"[]"), ("safetensors", b"")],
)
def test_a_damaged_file_is_named_with_the_remedy(weights: Path, ending: str, content: bytes) -> None:
    path = weights / f"mnist_lenet5_teacher.{ending}"
    path.write_bytes(content)
    with pytest.raises(files.DamagedError, match="was altered: install kdlib again") as caught:
        pretrained.mnist_teacher()
    assert str(path) in str(caught.value)


def test_every_shipped_file_is_known() -> None:
    found = {path.name for path in pretrained.FOLDER.iterdir()}
    assert found == {f"{name}.{ending}" for name in pretrained.SHIPPED for ending in ("json", "safetensors")}
