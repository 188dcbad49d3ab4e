"""Bad input that no other test gives: each must be refused with its name, what is wrong and what to do."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from kdlib import cli, models
from kdlib.data import Dataset
from kdlib.losses import hinton_loss
from kdlib.objectives import Objective, distilled, supervised
from kdlib.training import DivergedError, Recipe, train
from kdlib.training.checkpoints import CheckpointError

RECIPE = Recipe(epochs=2, learning_rate=0.05, batch_size=16)


def dataset(n: int = 64) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 8, 8), generator=generator, dtype=torch.uint8)
    return Dataset("made", "train", images, torch.arange(n) % 3, ("dark", "grey", "bright"))


def network(hidden: int = 16, classes: int = 3) -> nn.Module:
    return models.mlp((64, hidden, classes), seed=0)


def fit(
    data: Any = None, objective: Objective = supervised, recipe: Recipe = RECIPE, seed: int = 0, **more: Any
) -> None:
    """Train, with sound input where nothing else is said."""
    model, data = more.pop("model", network()), dataset() if data is None else data
    train(model, data, objective, recipe, seed=seed, **more)


# Losses and objectives


def composite(**settings: Any) -> None:
    logits = torch.zeros(4, 3)
    hinton_loss(logits, logits, torch.tensor([0, 1, 2, 0]), **settings)


def objective(**settings: Any) -> None:
    distilled(torch.zeros(4, 3), **settings)


@pytest.mark.parametrize("function", [composite, objective])
@pytest.mark.parametrize("bad", [0, -1.0, math.nan, math.inf])
def test_an_impossible_temperature_is_named(function: Any, bad: float) -> None:
    with pytest.raises(ValueError, match=f"temperature is {bad}; .* must be a finite number above 0"):
        function(temperature=bad, alpha=0.5)


@pytest.mark.parametrize("function", [composite, objective])
@pytest.mark.parametrize("bad", ["4", None, torch.tensor(4.0)])
def test_a_temperature_that_is_no_number_is_named(function: Any, bad: object) -> None:
    with pytest.raises(TypeError, match=r"temperature is .*; give a plain number such as 4\.0"):
        function(temperature=bad, alpha=0.5)


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_an_objective_names_an_alpha_outside_its_range(bad: float) -> None:
    with pytest.raises(ValueError, match=f"alpha is {bad}; .* from 0 to 1"):
        objective(temperature=2, alpha=bad)


@pytest.mark.parametrize("shape", [(1, 3), (3, 4), (4, 1)])
def test_logits_that_would_broadcast_are_refused(shape: tuple[int, int]) -> None:
    message = rf"student_logits has shape \(4, 3\) but teacher_logits has \({shape[0]}, {shape[1]}\)"
    with pytest.raises(ValueError, match=message):
        hinton_loss(torch.zeros(4, 3), torch.zeros(shape), torch.tensor([0, 1, 2, 0]), temperature=2, alpha=1)


# Data


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda y: y.float(),
            TypeError,
            r"labels is torch.float32 of shape \(64,\); .*1-D tensor of integers",
        ),
        (lambda y: torch.eye(3)[y], TypeError, r"labels is torch.float32 of shape \(64, 3\)"),
        (lambda y: y[:, None], TypeError, r"labels is torch.int64 of shape \(64, 1\); give a 1-D tensor"),
        (lambda y: y - 1, ValueError, "labels runs from -1 to 1; with 3 classes it must lie in 0 to 2"),
        (lambda y: y + 1, ValueError, "labels runs from 1 to 3; with 3 classes it must lie in 0 to 2"),
    ],
)
def test_labels_that_name_no_class_are_refused(change: Any, error: type[Exception], message: str) -> None:
    data = dataset()
    with pytest.raises(error, match=message):
        fit(replace(data, labels=change(data.labels)))


def test_a_data_set_that_fills_no_batch_is_named() -> None:
    with pytest.raises(ValueError, match="data holds 8 examples; that does not fill a batch of 16"):
        fit(dataset(8), recipe=replace(RECIPE, drop_last=True))


def pairs(n: int) -> TensorDataset:
    return TensorDataset(torch.zeros(n, 1, 8, 8), torch.zeros(n, dtype=torch.int64))


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(pairs(0), batch_size=4),
        DataLoader(pairs(3), batch_size=4, drop_last=True),
        iter(list(DataLoader(pairs(4), batch_size=4))),  # used up after the first epoch
    ],
    ids=["empty", "drop_last", "used up"],
)
def test_a_loader_that_gives_no_batch_is_named(loader: Any) -> None:
    with pytest.raises(
        ValueError, match=r"data gave no batch in epoch [01] .*a generator does not"
    ):
        fit(loader)


@pytest.mark.parametrize(
    ("examples", "batch_size", "message"),
    [
        (1, 16, "1 examples in batches of 16"),
        (64, 1, "64 examples in batches of 1 "),
        (17, 16, "17 examples"),
    ],
)
def test_batch_norm_gets_no_batch_of_one(examples: int, batch_size: int, message: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 8), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3))
    with pytest.raises(
        ValueError, match=f"{message}.*a batch of one.*set drop_last=True or another batch_size"
    ):
        fit(dataset(examples), recipe=replace(RECIPE, batch_size=batch_size), model=model)


# Teachers


@pytest.mark.parametrize(
    ("teacher", "error", "message"),
    [
        (
            network(classes=5),
            ValueError,
            r"student_logits has shape \(16, 3\) but teacher_logits has \(16, 5\)",
        ),
        (
            torch.zeros(64, 5),
            ValueError,
            r"student_logits has shape \(16, 3\) but teacher_logits has \(16, 5\)",
        ),
        (torch.zeros(64, 3).long(), TypeError, r"teacher_logits has dtype torch.int64; convert it first"),
    ],
    ids=["live", "stored", "integers"],
)
def test_a_teacher_that_does_not_fit_is_named(
    teacher: nn.Module | Tensor, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit(objective=distilled(teacher, temperature=2, alpha=0.5))


# Recipes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": -1}, "epochs is -1 and batch_size 16; both must be at least 1"),
        ({"batch_size": 0}, "epochs is 2 and batch_size 0; both must be at least 1"),
        ({"optimizer": "Adam"}, "optimizer is 'Adam'; it must be sgd, adam or adamw"),
        ({"schedule": "onecycle"}, "schedule is 'onecycle'; it must be constant, cosine or one_cycle"),
        ({"half": "bfloat16"}, "half is 'bfloat16'; it must be gpu, everywhere or nowhere"),
    ],
)
def test_an_impossible_recipe_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(recipe=replace(RECIPE, **change))


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
        ({"recipe": replace(RECIPE, learning_rate=0.1)}, "is of another run: its recipe differ"),
        ({"recipe": replace(RECIPE, epochs=3), "seed": 1}, "is of another run: its recipe and seed differ"),
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


# The command line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run nosuch", r"argument name: invalid choice: 'nosuch' \(choose from '?loss_bugs'?, "),
        (
            "run loss_bugs --scale quick",
            r"argument --scale: invalid choice: 'quick' \(choose from '?cpu'?, '?full'?\)",
        ),
        ("run loss_bugs --seeds x", "argument --seeds: invalid int value: 'x'"),
        ("run loss_bugs --seeds", "argument --seeds: expected at least one argument"),
        ("run", "the following arguments are required: name"),
        ("show nosuch", "argument name: invalid choice: 'nosuch'"),
        ("nosuch", "invalid choice: 'nosuch' .*data'?, '?run'?, '?show"),
    ],
)
def test_the_command_line_names_a_wrong_argument(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments.split())
    assert stopped.value.code == 2
    assert re.search(message, capsys.readouterr().err)


# With the fixes


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"patience": 2}, ValueError, "patience is 2; .*validation must be given"),
        ({"learning_rate": -1.0}, ValueError, r"learning_rate is -1\.0; it must be a finite number"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate is nan; it must be a finite number"),
        ({"epochs": 1.5}, TypeError, "epochs is 1.5; it must be a whole number"),
        ({"schedule": "math"}, ValueError, "schedule is 'math'; it must be"),
    ],
)
def test_a_recipe_that_would_do_something_else_is_named(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit(recipe=replace(RECIPE, **change))


@pytest.mark.parametrize("examples", [60, 80])
def test_stored_logits_of_another_data_set_are_refused(examples: int) -> None:
    with pytest.raises(ValueError, match=f"teacher holds the logits of {examples} examples, but data has 64"):
        fit(objective=distilled(torch.zeros(examples, 3), temperature=2, alpha=0.5))


@pytest.mark.parametrize("bad", ["0.5", None, torch.tensor(0.5)])
def test_an_alpha_that_is_no_number_is_named(bad: object) -> None:
    with pytest.raises(TypeError, match=r"alpha is .*; give a plain number"):
        objective(temperature=2, alpha=bad)


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


@pytest.mark.parametrize(
    "change", [{"labels": torch.zeros(60, dtype=torch.int64)}, {"images": torch.zeros(60, 1, 8, 8)}]
)
def test_images_and_labels_must_match(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"data has \d+ images but \d+ labels"):
        fit(replace(dataset(), **change))


def test_one_example_needs_a_batch_dimension() -> None:
    with pytest.raises(ValueError, match=r"student_logits has shape \(3,\); it must be \(batch, classes\)"):
        hinton_loss(torch.zeros(3), torch.zeros(3), torch.tensor(0), temperature=2, alpha=0.5)


def test_a_checkpoint_of_another_objective_or_other_images_is_refused(tmp_path: Path) -> None:
    stored = torch.zeros(64, 3)
    path = tmp_path / "student.safetensors"
    fit(objective=distilled(stored, temperature=2, alpha=0.5), checkpoint=path)
    fit(objective=distilled(stored, temperature=2, alpha=0.5), checkpoint=path)  # finished: only read
    with pytest.raises(CheckpointError, match="its objective differ"):
        fit(objective=distilled(stored, temperature=4, alpha=0.5), checkpoint=path)
    with pytest.raises(CheckpointError, match="its objective differ"):
        fit(checkpoint=path)
    other = replace(dataset(), images=255 - dataset().images)
    with pytest.raises(CheckpointError, match="its data differ"):
        fit(other, distilled(stored, temperature=2, alpha=0.5), checkpoint=path)


def test_a_checkpoint_that_cannot_be_written_is_named_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        fit(objective=never, checkpoint=tmp_path / "file" / "student.safetensors")


def never(model: nn.Module, batch: Any) -> dict[str, Tensor]:
    raise AssertionError("training began")
