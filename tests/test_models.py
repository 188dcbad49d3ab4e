"""The networks: counts from the sources, weights that depend on the seed alone."""

import shutil
from pathlib import Path

import pytest
import torch

from kdlib import models, pretrained


@pytest.mark.parametrize(
    ("channels", "hidden", "parameters"), [((6, 16), (120, 84), 81_194), ((6, 12), (90, 64), 46_164)]
)
def test_lenet5_has_the_parameters_of_the_source(
    channels: tuple[int, int], hidden: tuple[int, int], parameters: int
) -> None:
    model = models.lenet5(channels, hidden, seed=0)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_images_that_a_model_cannot_take_are_named() -> None:
    model = models.lenet5(seed=0)
    with pytest.raises(ValueError, match=r"shape \(2, 1, 28, 28\).*takes \(N, 1, 32, 32\).*resolution=32"):
        model(torch.zeros(2, 1, 28, 28))
    with pytest.raises(TypeError, match=r"torch.uint8.*images.float\(\) / 255"):
        model(torch.zeros(2, 1, 32, 32, dtype=torch.uint8))


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


def test_unknown_weights_are_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"name is 'resnet'; the shipped weights are .*mnist_lenet5_teacher"):
        pretrained.record("resnet")


def test_an_altered_weights_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    altered = pretrained.record("mnist_lenet5_teacher") | {"weights_sha256": "0" * 64}
    monkeypatch.setattr(pretrained, "record", lambda name: altered)
    with pytest.raises(ValueError, match="not the file that was recorded; install kdlib again"):
        pretrained.mnist_teacher()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped weights, to be damaged."""
    folder = Path(shutil.copytree(str(pretrained.FOLDER), tmp_path / "weights"))
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    return folder


@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_a_missing_file_is_named_with_the_remedy(weights: Path, ending: str) -> None:
    path = weights / f"mnist_lenet5_teacher.{ending}"
    path.unlink()
    with pytest.raises(FileNotFoundError, match="is missing; install kdlib again") as caught:
        pretrained.mnist_teacher()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("ending", "content"),
    [("json", b""), ("json", b'{"weights_sha'), ("json", b"\xff"), ("json", b"[]"), ("safetensors", b"")],
)
def test_a_damaged_file_is_named_with_the_remedy(weights: Path, ending: str, content: bytes) -> None:
    path = weights / f"mnist_lenet5_teacher.{ending}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="; install kdlib again") as caught:
        pretrained.mnist_teacher()
    assert str(path) in str(caught.value)


def test_every_shipped_file_is_known() -> None:
    files = {path.name for path in Path(str(pretrained.FOLDER)).iterdir()}
    assert files == {f"{name}.{ending}" for name in pretrained.SHIPPED for ending in ("json", "safetensors")}
