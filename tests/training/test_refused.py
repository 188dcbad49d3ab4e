"""What `train` refuses, each with its name, what was found and what to do."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from kdlib import models
from kdlib.data import Dataset
from kdlib.objectives import distilled, supervised
from kdlib.training import DivergedError, Recipe, logits_of, train
from kdlib.training.checkpoints import CheckpointError

RECIPE = Recipe(epochs=2, learning_rate=0.05, batch_size=16)
PAGE = "'Distil your own model'"


def dataset(n: int = 64) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 8, 8), generator=generator, dtype=torch.uint8)
    return Dataset("made", "train", images, torch.arange(n) % 3, ("dark", "grey", "bright"))


def network(hidden: int = 16, classes: int = 3) -> nn.Module:
    return models.mlp((64, hidden, classes), seed=0)


def fit(data: Any = None, objective: Any = supervised, recipe: Recipe = RECIPE, **more: Any) -> None:
    """Train, with sound input where nothing else is said."""
    model, seed = more.pop("model", None) or network(), more.pop("seed", 0)
    train(model, dataset() if data is None else data, objective, recipe, seed=seed, **more)


def labels(change: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    return {"data": replace(dataset(), labels=change(dataset().labels))}


def recipe(**change: Any) -> dict[str, Any]:
    return {"recipe": replace(RECIPE, **change)}


def soft(teacher: Any) -> dict[str, Any]:
    return {"objective": distilled(teacher, temperature=2, alpha=0.5)}


def pairs(n: int, *more: Tensor) -> TensorDataset:
    return TensorDataset(torch.zeros(n, 1, 8, 8), torch.zeros(n, dtype=torch.int64), *more)


def normed() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 8), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3))


X, Y = torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)
STUDENT = network()
ALONE = "a batch of one.*set drop_last=True or another batch_size"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        # data sets
        (
            labels(lambda y: y.float()),
            TypeError,
            r"labels is torch.float32 of shape \(64,\); .*1-D tensor of integers",
        ),
        (labels(lambda y: torch.eye(3)[y]), TypeError, r"labels is torch.float32 of shape \(64, 3\)"),
        (
            labels(lambda y: y[:, None]),
            TypeError,
            r"labels is torch.int64 of shape \(64, 1\); give a 1-D tensor",
        ),
        (
            labels(lambda y: y - 1),
            ValueError,
            "labels runs from -1 to 1; with 3 classes it must lie in 0 to 2",
        ),
        (
            labels(lambda y: y + 1),
            ValueError,
            "labels runs from 1 to 3; with 3 classes it must lie in 0 to 2",
        ),
        (labels(lambda y: y[:60]), ValueError, r"data has \d+ images but \d+ labels"),
        (
            {"data": replace(dataset(), images=torch.zeros(60, 1, 8, 8))},
            ValueError,
            r"data has \d+ images but \d+",
        ),
        ({"data": dataset(0)}, ValueError, "data holds 0 examples"),
        (
            {"data": dataset(8), **recipe(drop_last=True)},
            ValueError,
            "data holds 8 examples; .*fill a batch of 16",
        ),
        ({"data": dataset(1), "model": normed()}, ValueError, f"1 examples in batches of 16 .*{ALONE}"),
        ({"data": dataset(17), "model": normed()}, ValueError, f"17 examples .*{ALONE}"),
        ({**recipe(batch_size=1), "model": normed()}, ValueError, f"64 examples in batches of 1 .*{ALONE}"),
        # loaders
        ({"data": []}, ValueError, "data gave no batch in epoch 0"),
        (
            {"data": DataLoader(pairs(3), batch_size=4, drop_last=True)},
            ValueError,
            "gave no batch .*a generator does not",
        ),
        ({"data": iter([(X, Y)])}, ValueError, "data gave no batch in epoch 1"),
        ({"data": [{"image": X, "label": Y}]}, TypeError, f"the loader gives dict; a batch is .*{PAGE}"),
        (
            {"data": [(X, Y, torch.arange(4))]},
            TypeError,
            rf"torch.int64 of shape \(4,\); a batch is .*{PAGE}",
        ),
        (
            {"data": [(X, Y, X[:, 0, 0], Y)]},
            TypeError,
            f"the loader gives torch.float32 .*a batch is .*{PAGE}",
        ),
        ({"data": [(X, "label")]}, TypeError, f"the loader gives torch.float32 .*, str; a batch is .*{PAGE}"),
        ({"data": [X]}, TypeError, rf"the loader gives torch.float32 of shape \(4, 1, 8, 8\); .*{PAGE}"),
        ({"data": pairs(4)}, TypeError, r"Wrap single examples in a DataLoader"),
        ({"data": [(X, Y.float())]}, TypeError, r"labels is torch.float32 of shape \(4,\).*Regression"),
        ({"data": [(X, Y[:3])]}, ValueError, r"labels is torch.int64 of shape \(3,\); it must be \(4,\)"),
        (
            {"data": [(X, Y)], **soft(torch.zeros(4, 3))},
            ValueError,
            r"need the positions .*teacher_logits\) and teacher=None",
        ),
        ({"data": [(X, Y)], **soft(None)}, ValueError, "teacher is None; then a loader must give"),
        # validation
        (recipe(patience=2), ValueError, "patience is 2; .*validation must be given"),
        ({"validation": dataset(0)}, ValueError, "validation holds 0 examples"),
        ({"validation": []}, ValueError, "no batch to evaluate"),
        ({"validation": [{"image": X}]}, TypeError, f"the loader gives dict; a batch is .*{PAGE}"),
        ({"validation": [(X, Y - 100)]}, ValueError, "no row counts"),
        # teachers
        (
            soft(network(classes=5)),
            ValueError,
            r"student_logits has shape \(16, 3\) but teacher_logits has \(16, 5\)",
        ),
        (
            soft(torch.zeros(64, 5)),
            ValueError,
            r"student_logits has shape \(16, 3\) but teacher_logits has \(16, 5\)",
        ),
        (
            soft(torch.zeros(64, 3).long()),
            TypeError,
            "teacher_logits has dtype torch.int64; convert it first",
        ),
        (soft(torch.zeros(60, 3)), ValueError, "teacher holds the logits of 60 examples, but data has 64"),
        (soft(torch.zeros(80, 3)), ValueError, "teacher holds the logits of 80 examples, but data has 64"),
        ({"model": STUDENT, **soft(STUDENT)}, ValueError, "the same object"),
        # recipes
        (recipe(epochs=-1), ValueError, "epochs is -1 and batch_size 16; both must be at least 1"),
        (recipe(batch_size=0), ValueError, "epochs is 2 and batch_size 0; both must be at least 1"),
        (recipe(epochs=1.5), TypeError, "epochs is 1.5; it must be a whole number"),
        (recipe(learning_rate=-1.0), ValueError, r"learning_rate is -1\.0; it must be a finite number"),
        (recipe(learning_rate=math.nan), ValueError, "learning_rate is nan; it must be a finite number"),
        (recipe(optimizer="Adam"), ValueError, "optimizer is 'Adam'; it must be sgd, adam or adamw, or give"),
        (recipe(optimizer=lambda p: 1), ValueError, "optimizer is a function that gives a int; it must be"),
        (
            recipe(schedule="onecycle"),
            ValueError,
            "schedule is 'onecycle'; it must be constant, cosine or one_cycle",
        ),
        (recipe(schedule="math"), ValueError, "schedule is 'math'; it must be"),
        (recipe(half="bfloat16"), ValueError, "half is 'bfloat16'; it must be gpu, everywhere or nowhere"),
        (recipe(max_norm=0.0), ValueError, "max_norm is 0.0; it must be above 0"),
        ({"device": "tpu"}, ValueError, "device is 'tpu'; this machine has .*cpu"),
        ({"seed": -1}, ValueError, "seed is -1"),
    ],
)
def test_it_is_named(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fit(**given)


def test_logits_of_a_loader_have_no_order_to_rely_on() -> None:
    with pytest.raises(TypeError, match=f"data is a DataLoader; give a kdlib.data.Dataset.*{PAGE}"):
        logits_of(network(), DataLoader(pairs(4)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["cuda", "cuda:9", "mps", "gpu", ""])
def test_a_device_that_is_not_there_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"device is '{name}'; this machine has cpu"):
        fit(device=name)


def test_a_learning_rate_far_too_high_is_noticed_and_leaves_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    with pytest.raises(
        DivergedError, match=r"the loss was nan at step 1 of epoch 0 .*try a lower learning rate"
    ):
        fit(recipe=replace(RECIPE, learning_rate=1e38), checkpoint=path)
    assert list(tmp_path.iterdir()) == []


# Checkpoints


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A finished run's checkpoint."""
    path = tmp_path / "run.safetensors"
    fit(checkpoint=path)
    return path


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"recipe": replace(RECIPE, learning_rate=0.1)}, "is of another run, by its recipe;"),
        ({"recipe": replace(RECIPE, epochs=3), "seed": 1}, "is of another run, by its recipe and seed;"),
        ({"model": network(hidden=8)}, "holds another model; name another file"),
        ({"model": nn.Sequential(nn.Flatten(), nn.Linear(64, 3))}, "holds another model; name another file"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_kept(
    settings: dict[str, Any], message: str, kept: Path
) -> None:
    before = kept.read_bytes()
    with pytest.raises(CheckpointError, match=f"{kept.name} {message}"):
        fit(checkpoint=kept, **settings)
    assert kept.read_bytes() == before


@pytest.mark.parametrize("length", [0, 1, 8, 100, -1])
def test_a_checkpoint_cut_short_is_refused(length: int, kept: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=rf"{kept.name} is cut short .*delete it to start again"):
        fit(checkpoint=kept)


@pytest.mark.parametrize(
    "content", [b"no checkpoint " * 40, b"\x02" + bytes(7) + b"{}"], ids=["text", "foreign"]
)
def test_a_file_that_is_no_checkpoint_is_refused(content: bytes, kept: Path) -> None:
    kept.write_bytes(content)  # the second is a safetensors file without kdlib's description
    with pytest.raises(CheckpointError, match=f"{kept.name} is .*no checkpoint .*delete it to start again"):
        fit(checkpoint=kept)


def test_a_refused_checkpoint_leaves_the_model_as_it_was(kept: Path) -> None:
    model = network(hidden=8)
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(CheckpointError, match="another model"):
        fit(checkpoint=kept, model=model)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_weights_that_are_no_numbers_reach_no_checkpoint(tmp_path: Path) -> None:
    def bad(model: nn.Module, batch: Any) -> dict[str, Tensor]:  # a finite loss whose gradient is NaN
        return {"loss": supervised(model, batch)["loss"] + torch.sqrt(0 * model.fc1.weight.sum())}

    path = tmp_path / "run.safetensors"
    with pytest.raises(DivergedError, match="a weight is NaN or infinite after epoch 0"):
        fit(dataset(16), bad, checkpoint=path)
    assert not path.exists()


def test_a_checkpoint_of_another_objective_or_other_images_is_refused(tmp_path: Path) -> None:
    stored = torch.zeros(64, 3)
    path = tmp_path / "student.safetensors"
    fit(objective=distilled(stored, temperature=2, alpha=0.5), checkpoint=path)
    fit(objective=distilled(stored, temperature=2, alpha=0.5), checkpoint=path)  # finished: only read
    with pytest.raises(CheckpointError, match="by its objective"):
        fit(objective=distilled(stored, temperature=4, alpha=0.5), checkpoint=path)
    with pytest.raises(CheckpointError, match="by its objective"):
        fit(checkpoint=path)
    other = replace(dataset(), images=255 - dataset().images)
    with pytest.raises(CheckpointError, match="by its data"):
        fit(other, distilled(stored, temperature=2, alpha=0.5), checkpoint=path)


def test_a_checkpoint_that_cannot_be_written_is_named_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        fit(objective=never, checkpoint=tmp_path / "file" / "student.safetensors")


def never(model: nn.Module, batch: Any) -> dict[str, Tensor]:
    raise AssertionError("training began")
