"""Stored teacher outputs: as good as the live teacher, refused where they belong to something else."""

import copy
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kdlib import files
from kdlib.caching import teacher_cache
from kdlib.caching.teacher_cache import TeacherCacheError, fill
from kdlib.data import Dataset
from kdlib.data.augment import View, viewed
from kdlib.models import VGG_QUICK, vgg
from kdlib.objectives import Batch, distilled
from kdlib.training import Recipe, checkpoints, devices, train

VIEWS = [View(), View(flip=True), View(False, 2, -1)]


def dataset(seed: int = 0, n: int = 40) -> Dataset:
    chance = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (n, 3, 32, 32), generator=chance, dtype=torch.uint8)
    labels = torch.randint(10, (n,), generator=chance)
    return Dataset("cifar10", "train", images, labels, tuple("abcdefghij"))


def network(seed: int = 0) -> nn.Sequential:
    """With batch norm as after training, and logits as large as a trained model's."""
    model = vgg(VGG_QUICK, seed=seed, dropout=0.1)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(seed)  # for dropout
        for layer in model:
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 1.0  # one batch sets the running statistics
        model(dataset(9).images.float() / 255)
        model.fc.weight.mul_(8)
    return model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "teacher.safetensors"


@pytest.fixture
def filled(path: Path) -> Path:
    fill(network(), dataset(), VIEWS, path, batch_size=16)
    return path


class Never(nn.Module):
    """Has the weights of a network, and must not be run."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.load = model.state_dict

    def state_dict(self, *args: object, **kwargs: object) -> dict[str, Tensor]:  # type: ignore[override]
        return dict(self.load())

    def forward(self, images: Tensor) -> Tensor:
        raise AssertionError("the teacher was run")


def test_in_half_precision_the_answers_are_those_of_the_live_teacher(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "half_precision", lambda device: torch.bfloat16)
    teacher, train_set = network(), dataset()
    logits = fill(teacher, train_set, VIEWS[:1], path, half="everywhere")[:, 0]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        live = teacher(train_set.images.float() / 255)
    assert torch.equal(logits, live.half())
    whole = fill(teacher, train_set, VIEWS[:1], path.with_name("whole.safetensors"))[:, 0]
    assert not torch.equal(logits, whole)  # half precision did something
    with pytest.raises(ValueError, match="half is 'here'; it must be gpu, everywhere or nowhere"):
        fill(teacher, train_set, VIEWS, path.with_name("other.safetensors"), half="here")


def test_there_is_a_row_for_each_example_in_each_view(path: Path) -> None:
    teacher, train_set = network(), dataset()
    logits = fill(teacher, train_set, VIEWS, path, batch_size=16)
    assert logits.shape == (40, 3, 10)
    assert logits.dtype == torch.float16
    assert not teacher.training
    with torch.no_grad():
        images = train_set.images.float() / 255
        assert torch.allclose(logits[:, 0].float(), teacher(images), rtol=1e-3, atol=1e-3)
        assert torch.allclose(logits[:, 1].float(), teacher(images.flip(-1)), rtol=1e-3, atol=1e-3)
        moved = torch.zeros_like(images)
        moved[:, :, 2:, :-1] = images[:, :, :-2, 1:]
        assert torch.allclose(logits[:, 2].float(), teacher(moved), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.9, 1.0])
def test_the_loss_is_the_live_teachers_within_a_thousandth(
    path: Path, temperature: float, alpha: float
) -> None:
    teacher, student, train_set = network(0), network(1).eval(), dataset()
    stored = fill(teacher, train_set, VIEWS, path)
    assert float(stored.abs().max()) > 5  # as of a trained model, not as of a fresh one
    positions = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    images, views = viewed(VIEWS)(train_set.images[positions], torch.Generator().manual_seed(2))
    batch = Batch(images.float() / 255, train_set.labels[positions], positions, views=views)
    live, looked_up = (
        distilled(source, temperature=temperature, alpha=alpha)(student, batch)["loss"].item()
        for source in (teacher, stored)
    )
    assert looked_up == pytest.approx(live, rel=1e-3)


def test_a_student_trains_from_it_as_from_the_live_teacher(path: Path) -> None:
    teacher, train_set = network(0), dataset()
    stored = fill(teacher, train_set, VIEWS, path)
    ends = []
    for source in (teacher, stored):
        curve = train(
            vgg(((4,), (4,)), seed=5),
            train_set,
            distilled(source, temperature=4.0, alpha=0.9),
            Recipe(2, 0.01, batch_size=10),
            seed=0,
            augment=viewed(VIEWS),
            device="cpu",
        ).curve
        ends.append([entry["loss"] for entry in curve])
    assert ends[1] == pytest.approx(ends[0], rel=1e-3)


def test_a_filled_file_is_read_and_the_teacher_left_alone(filled: Path) -> None:
    before = filled.read_bytes()
    logits = fill(Never(network()), dataset(), VIEWS, filled)
    assert torch.equal(logits, teacher_cache.read(filled, {}))
    assert filled.read_bytes() == before


def test_a_part_of_the_identity_is_enough_to_read(filled: Path) -> None:
    digest = teacher_cache.weights_digest(network())
    assert teacher_cache.about(filled)["teacher"] == digest
    assert teacher_cache.about(filled)["seconds"] > 0
    assert teacher_cache.read(filled, {"teacher": digest}).shape == (40, 3, 10)
    with pytest.raises(TeacherCacheError, match="another teacher"):
        teacher_cache.read(filled, {"teacher": "0" * 64})


def test_the_tensor_is_mapped_and_changing_it_changes_no_file(filled: Path) -> None:
    before = filled.read_bytes()
    logits = fill(network(), dataset(), VIEWS, filled)
    if sys.platform == "linux":
        assert str(filled) in Path("/proc/self/maps").read_text()
    logits[0] = 0
    assert filled.read_bytes() == before


@pytest.mark.parametrize("changed", ["weight", "buffer"])
def test_a_changed_teacher_is_noticed(filled: Path, changed: str) -> None:
    other = network()
    with torch.no_grad():
        (other.conv3.weight if changed == "weight" else other.norm2.running_mean).view(-1)[0] += 1e-4
    before = filled.read_bytes()
    with pytest.raises(TeacherCacheError, match=r"filled with another teacher's outputs; name another file"):
        fill(other, dataset(), VIEWS, filled)
    assert filled.read_bytes() == before


def test_other_views_and_other_data_are_named(filled: Path) -> None:
    with pytest.raises(TeacherCacheError, match=r"filled with other views; .*delete this one to fill"):
        fill(network(), dataset(), VIEWS[:2], filled)
    with pytest.raises(TeacherCacheError, match=r"filled with other views; "):
        fill(network(), dataset(), VIEWS[::-1], filled)
    with pytest.raises(TeacherCacheError, match=r"filled with other data; "):
        fill(network(), dataset(1), VIEWS, filled)
    with pytest.raises(
        TeacherCacheError, match="another teacher's outputs and other views and other data"
    ) as all3:
        fill(network(1), dataset(1), [View()], filled)
    assert str(filled) in str(all3.value)


def test_the_digest_sees_values_and_not_where_they_lie() -> None:
    model = network()
    digest = teacher_cache.weights_digest(model)
    assert teacher_cache.weights_digest(copy.deepcopy(model).to(memory_format=torch.channels_last)) == digest
    assert teacher_cache.weights_digest(copy.deepcopy(model).eval()) == digest
    assert teacher_cache.weights_digest(copy.deepcopy(model).bfloat16()) != digest


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_file_cut_short_is_named(filled: Path, keep: int) -> None:
    filled.write_bytes(filled.read_bytes()[:keep])
    with pytest.raises(
        TeacherCacheError, match=r"cut short or holds no teacher outputs .*; name another file"
    ) as e:
        fill(network(), dataset(), VIEWS, filled)
    assert str(filled) in str(e.value)


def test_a_changed_byte_is_found(filled: Path) -> None:
    content = bytearray(filled.read_bytes())
    content[-1] ^= 1
    filled.write_bytes(content)
    with pytest.raises(TeacherCacheError, match="was altered after it was filled"):
        fill(network(), dataset(), VIEWS, filled)


def test_a_file_of_something_else_is_not_taken_and_not_overwritten(path: Path) -> None:
    checkpoints.write(path, {"model/weight": torch.zeros(2)}, {"seed": 0})
    before = path.read_bytes()
    with pytest.raises(TeacherCacheError, match="holds no teacher outputs"):
        fill(network(), dataset(), VIEWS, path)
    assert path.read_bytes() == before
    save_file({"logits": torch.zeros(2)}, path)
    with pytest.raises(TeacherCacheError, match="holds no teacher outputs"):
        fill(network(), dataset(), VIEWS, path)


@pytest.mark.parametrize("how", ["without", "switched off"])
def test_a_teacher_that_depends_on_the_batch_must_run_live(path: Path, how: str) -> None:
    teacher = vgg(VGG_QUICK, running=how != "without", seed=0)
    if how == "switched off":
        teacher.norm2.track_running_stats = False
    layer = "norm1" if how == "without" else "norm2"
    with pytest.raises(ValueError, match=f"batch norm '{layer}' has no running.*run it live: distilled"):
        fill(teacher, dataset(), VIEWS, path)
    assert not path.exists()


@pytest.mark.parametrize(("bias", "said"), [(7e4, "reach 7"), (float("nan"), "reach nan")])
def test_logits_that_float16_cannot_hold_are_refused(path: Path, bias: float, said: str) -> None:
    teacher = network()
    with torch.no_grad():
        teacher.fc.bias[3] = bias
    with pytest.raises(ValueError, match=f"{said}.*up to 65504.*live"):
        fill(teacher, dataset(), VIEWS, path)
    assert not path.exists()


def test_a_failed_fill_leaves_nothing_and_the_next_one_works(path: Path) -> None:
    teacher = network()
    handle = teacher.fc.register_forward_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("stopped")))
    with pytest.raises(RuntimeError, match="stopped"):
        fill(teacher, dataset(), VIEWS, path)
    assert [p.name for p in path.parent.iterdir()] == [f".{path.name}.lock"]
    handle.remove()
    assert fill(teacher, dataset(), VIEWS, path).shape == (40, 3, 10)


def test_outputs_that_are_no_logits_and_no_examples_are_named(path: Path) -> None:
    flat = nn.Sequential(*network(), nn.Flatten(0))
    with pytest.raises(ValueError, match=r"outputs of shape .*give \(N, classes\)"):
        fill(flat, dataset(), VIEWS, path)
    with pytest.raises(ValueError, match="holds no example"):
        fill(network(), dataset(n=0), VIEWS, path)
    with pytest.raises(ValueError, match="views is empty"):
        fill(network(), dataset(), [], path)


def test_a_folder_that_cannot_be_written_is_named_before_the_teacher_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    inside = tmp_path / "file" / "teacher.safetensors"
    with pytest.raises(
        files.WriteError, match=r"cannot write .*name a file in a folder that you can write"
    ) as e:
        fill(Never(network()), dataset(), VIEWS, inside)
    assert str(inside) in str(e.value)


def test_a_full_disk_is_named_and_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(files.WriteError, match=r"cannot write .*No space left.*with room for it"):
        fill(network(), dataset(), VIEWS, path)
    assert [p.name for p in path.parent.iterdir()] == [f".{path.name}.lock"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(
        files.WriteError, match=r"cannot write .*Permission denied.*a folder that you can write"
    ):
        fill(Never(network()), dataset(), VIEWS, tmp_path / "teacher.safetensors")


def test_what_another_process_filled_in_the_meantime_is_taken(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = files.locked

    @contextmanager
    def waited_for(there: Path) -> Iterator[None]:
        monkeypatch.setattr(files, "locked", free)
        fill(network(), dataset(), VIEWS, there)
        yield

    monkeypatch.setattr(files, "locked", waited_for)
    assert fill(Never(network()), dataset(), VIEWS, path).shape == (40, 3, 10)


def test_a_filled_file_in_a_read_only_folder_can_be_read(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "locked", None)  # the lock, a file beside it, is not asked for
    assert fill(network(), dataset(), VIEWS, filled).shape == (40, 3, 10)
