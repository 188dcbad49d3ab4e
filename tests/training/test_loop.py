"""The training loop: what is trained, in which mode, with which bits, and what it refuses."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from kdlib import models
from kdlib.data import Dataset
from kdlib.objectives import Batch, distilled, supervised, teacher_logits
from kdlib.training import DivergedError, Recipe, devices, logits_of, train
from kdlib.training.checkpoints import CheckpointError, read

RECIPE = Recipe(epochs=2, learning_rate=0.05, batch_size=16)


def dataset(n: int = 64, size: int = 8, seed: int = 0) -> Dataset:
    """Images whose brightness gives the class away."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    noise = torch.randint(0, 60, (n, 1, size, size), generator=generator)
    images = (noise + 90 * labels[:, None, None, None]).to(torch.uint8)
    return Dataset("made", "train", images, labels, ("dark", "grey", "bright"))


def network(seed: int = 0, dropout: float = 0.0) -> nn.Sequential:
    return models.mlp((64, 16, 3), seed=seed, dropout=(dropout, dropout))


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_training_learns() -> None:
    model, data = network(), dataset()
    before = F.cross_entropy(logits_of(model, data), data.labels)
    result = train(model, data, supervised, Recipe(epochs=30, learning_rate=0.1, batch_size=16), seed=0)
    assert float(F.cross_entropy(logits_of(model, data), data.labels)) < 0.2 * float(before)
    assert [set(entry) for entry in result.curve] == [{"loss", "seconds"}] * 30
    assert result.curve[-1]["loss"] < result.curve[0]["loss"]


def test_a_model_in_float64_trains_in_float64() -> None:
    def run(dtype: torch.dtype, teacher: nn.Module | Tensor, loader: bool = False) -> tuple[Tensor, float]:
        model, data = network().to(dtype), dataset()
        recipe = Recipe(epochs=1, learning_rate=0.1, batch_size=64)
        batches = [(data.images.float() / 255, data.labels)] if loader else data
        result = train(model, batches, distilled(teacher, temperature=2, alpha=0.5), recipe, seed=0)
        assert model.fc1.weight.grad.dtype == dtype and logits_of(model, data).dtype == torch.float32
        return weights(model), result.curve[0]["loss"]

    teacher = network(1)
    exact, loss = run(torch.float64, teacher)
    torch.testing.assert_close(exact.float(), run(torch.float32, teacher)[0], rtol=1e-5, atol=1e-7)
    for other in (run(torch.float64, teacher.double()), run(torch.float64, teacher, loader=True)):
        torch.testing.assert_close(other[0], exact, rtol=1e-6, atol=1e-8)  # a teacher in float32 has 7 digits
        assert other[1] == pytest.approx(loss, rel=1e-7)
    assert loss != float(torch.tensor(loss).float())


def test_one_epoch_is_plain_sgd_on_the_shuffled_batches() -> None:
    data, seen = dataset(32), []

    def watched(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.positions is not None
        seen.append(batch.positions)
        torch.testing.assert_close(batch.images, data.images[batch.positions].float() / 255)
        assert torch.equal(batch.labels, data.labels[batch.positions])
        return supervised(model, batch)

    model, twin = network(), network()
    train(model, data, watched, Recipe(1, 0.1, batch_size=8, momentum=0), seed=3)
    assert sorted(torch.cat(seen).tolist()) == list(range(32))
    for positions in seen:
        loss = F.cross_entropy(twin(data.images[positions].float() / 255), data.labels[positions])
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for p, g in zip(twin.parameters(), gradients, strict=True):
                p -= 0.1 * g
    torch.testing.assert_close(weights(model), weights(twin))


def test_one_seed_fixes_every_bit_and_leaves_the_global_state_alone() -> None:
    def run(seed: int) -> Tensor:
        model = network(dropout=0.3)
        train(model, dataset(), supervised, RECIPE, seed=seed, augment=lambda x, g: x.flip(-1))
        return weights(model)

    torch.manual_seed(5)
    first = run(1)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), after)
    assert torch.equal(run(1), first)
    assert not torch.equal(run(2), first)


def test_the_teacher_stays_in_evaluation_mode_and_gets_no_gradient() -> None:
    teacher = network(1, dropout=0.5)
    calls = []
    teacher.register_forward_hook(lambda m, i, o: calls.append((m.training, o.requires_grad)))

    def meddling(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        teacher.train()  # a parent module's train() would do this
        return distilled(teacher, temperature=2, alpha=0.5)(model, batch)

    before = weights(teacher).clone()
    train(network(), dataset(), meddling, RECIPE, seed=0)
    assert set(calls) == {(False, False)}
    assert torch.equal(weights(teacher), before)


def test_the_student_is_back_in_training_mode_after_each_evaluation() -> None:
    modes = []

    def watched(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        modes.append(model.training)
        return supervised(model, batch)

    model = network()
    train(model, dataset(), watched, RECIPE, seed=0, validation=dataset(seed=1))
    assert modes == [True] * 8
    assert not model.training
    model.train()
    logits_of(model, dataset())
    assert model.training


def test_stored_teacher_logits_follow_the_shuffled_images() -> None:
    teacher, data = network(1), dataset()
    live, stored = network(), network()
    train(live, data, distilled(teacher, temperature=3, alpha=0.9), RECIPE, seed=0)
    train(stored, data, distilled(logits_of(teacher, data), temperature=3, alpha=0.9), RECIPE, seed=0)
    torch.testing.assert_close(weights(live), weights(stored), rtol=1e-5, atol=1e-6)


def test_each_term_has_a_curve() -> None:
    result = train(network(), dataset(), distilled(network(1), temperature=3, alpha=0.25), RECIPE, seed=0)
    for entry in result.curve:
        assert entry["loss"] == pytest.approx(0.25 * entry["soft"] + 0.75 * entry["hard"], rel=1e-5)


def test_a_data_loader_will_do_and_so_will_a_plain_iterable() -> None:
    data = dataset()
    pairs = TensorDataset(data.images.float() / 255, data.labels)
    loaded, model = DataLoader(pairs, batch_size=16, shuffle=False), network()
    train(model, loaded, distilled(network(1), temperature=3, alpha=0.5), RECIPE, seed=0)

    class Endless:
        """An iterable that does not know its length."""

        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            yield from zip(data.images.split(16), data.labels.split(16), strict=True)

    twin = network()
    train(twin, Endless(), distilled(network(1), temperature=3, alpha=0.5), RECIPE, seed=0)
    torch.testing.assert_close(weights(model), weights(twin))


def test_a_batch_may_bring_its_teachers_logits() -> None:
    teacher, data = network(1), dataset()
    stored = logits_of(teacher, data)
    loader = DataLoader(TensorDataset(data.images, data.labels, stored), batch_size=16, shuffle=True)
    brought, live = network(), network()
    train(brought, loader, distilled(None, temperature=3, alpha=0.9), RECIPE, seed=0)
    train(live, loader, distilled(teacher, temperature=3, alpha=0.9), RECIPE, seed=0)
    torch.testing.assert_close(weights(brought), weights(live), rtol=1e-5, atol=1e-6)
    alone = network()
    train(alone, loader, supervised, RECIPE, seed=0)  # who needs them not does not see them
    assert not torch.equal(weights(alone), weights(live))


def test_validation_may_be_a_loader() -> None:
    data, held_out = dataset(), dataset(seed=1)
    recipe = Recipe(epochs=6, learning_rate=0.1, batch_size=16, patience=2)
    loader = DataLoader(TensorDataset(held_out.images, held_out.labels), batch_size=10)
    floats = [(held_out.images.float() / 255, held_out.labels, torch.zeros(64, 3))]
    curves = []
    for validation in (held_out, loader, floats):
        model = network(dropout=0.3)
        result = train(model, data, supervised, recipe, seed=0, validation=validation)
        curves.append([[e["validation_loss"], e["validation_accuracy"]] for e in result.curve])
        assert result.best is not None and not model.training
    for other in curves[1:]:
        torch.testing.assert_close(torch.tensor(other), torch.tensor(curves[0]))


def test_an_optimiser_may_be_a_function_of_the_parameters(tmp_path: Path) -> None:
    model, twin, data = network(), network(), dataset()
    path = tmp_path / "run.safetensors"

    def mine(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, 123.0, momentum=0.9)  # the rate is the recipe's all the same

    train(model, data, supervised, replace(RECIPE, optimizer=mine), seed=0, checkpoint=path)
    train(twin, data, supervised, RECIPE, seed=0)
    torch.testing.assert_close(weights(model), weights(twin))
    assert read(path)[1]["recipe"]["optimizer"].endswith("mine")
    with pytest.raises(CheckpointError, match="by its recipe"):
        train(network(), data, supervised, RECIPE, seed=0, checkpoint=path)


def test_progress_and_schedule_run_from_start_to_end() -> None:
    seen = []

    def watched(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        seen.append(batch.progress)
        return supervised(model, batch)

    train(network(), dataset(), watched, RECIPE, seed=0)
    assert seen == [i / 8 for i in range(8)]


def test_patience_stops_and_the_best_weights_are_kept() -> None:
    data = dataset()
    wrong = Dataset("made", "val", data.images, (data.labels + 1) % 3, data.classes)  # it can only get worse
    recipe = Recipe(epochs=50, learning_rate=0.05, batch_size=16, patience=3)
    model = network()
    result = train(model, data, supervised, recipe, seed=0, validation=wrong)
    losses = [entry["validation_loss"] for entry in result.curve]
    assert result.best == losses.index(min(losses))
    assert len(result.curve) == result.best + 4 < 50
    assert result.best_weights is not None
    model.load_state_dict(result.best_weights)
    again = F.cross_entropy(logits_of(model, wrong), wrong.labels)
    assert float(again) == pytest.approx(min(losses), rel=1e-5)


class Stopped(Exception):
    """Stands for a lost connection."""


def convolutional() -> nn.Sequential:
    """Its weights lie channels last in training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = (
            nn.Conv2d(1, 5, 3),
            nn.BatchNorm2d(5),
            nn.ReLU(),
            nn.Conv2d(5, 4, 3),
            nn.ReLU(),
            nn.Flatten(),
        )
        return nn.Sequential(*parts, nn.Dropout(0.2), nn.Linear(64, 3))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("build", [lambda: network(dropout=0.2), convolutional], ids=["mlp", "convolutional"])
def test_a_broken_run_ends_with_the_same_bits(
    build: Callable[[], nn.Module], optimizer: str, tmp_path: Path
) -> None:
    recipe = Recipe(epochs=4, learning_rate=0.01, batch_size=16, optimizer=optimizer, schedule="one_cycle")
    path = tmp_path / "run.safetensors"

    def run(model: nn.Module, checkpoint: Path | None, steps: int | None = None) -> list[dict[str, float]]:
        count = 0

        def objective(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
            nonlocal count
            count += 1
            if count == steps:
                raise Stopped
            return supervised(model, batch)

        validation = dataset(seed=1)
        result = train(
            model, dataset(), objective, recipe, seed=0, validation=validation, checkpoint=checkpoint
        )
        return result.curve

    whole, broken = build(), build()
    curve = run(whole, None)
    for steps in (6, 7):
        with pytest.raises(Stopped):
            run(build(), path, steps)
    found = run(broken, path)
    assert torch.equal(weights(whole), weights(broken))
    assert [e["loss"] for e in found] == [e["loss"] for e in curve]
    assert run(build(), path) == found  # finished: nothing is trained again


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    path, count = tmp_path / "run.safetensors", 0

    def bad(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        nonlocal count
        count += 1
        loss = supervised(model, batch)["loss"]
        return {"loss": loss * math.nan if count == 7 else loss}

    with pytest.raises(DivergedError, match="nan at step 2 of epoch 1"):
        train(network(), dataset(), bad, RECIPE, seed=0, checkpoint=path)
    tensors, about = read(path)
    assert len(about["curve"]) == 1
    assert all(bool(value.isfinite().all()) for value in tensors.values())


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    train(network(), dataset(), supervised, RECIPE, seed=0, checkpoint=path)
    with pytest.raises(CheckpointError, match="by its seed"):
        train(network(), dataset(), supervised, RECIPE, seed=1, checkpoint=path)
    with pytest.raises(CheckpointError, match="another model"):
        train(models.mlp((64, 8, 3), seed=0), dataset(), supervised, RECIPE, seed=0, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cut short"):
        train(network(), dataset(), supervised, RECIPE, seed=0, checkpoint=path)


def test_live_teacher_logits_are_the_models() -> None:
    teacher, data = network(1), dataset()
    batch = Batch(data.images.float() / 255, data.labels)
    torch.testing.assert_close(teacher_logits(teacher, batch), logits_of(teacher, data))


def test_max_norm_bounds_the_weights_that_come_into_a_unit() -> None:
    model, data = network(), dataset()
    free = network()
    recipe = Recipe(epochs=20, learning_rate=0.5, batch_size=16)
    train(free, data, supervised, recipe, seed=0)
    train(model, data, supervised, replace(recipe, max_norm=0.8), seed=0)
    norms = [w.norm(dim=1).max().item() for w in (model.fc1.weight, model.fc2.weight)]
    assert max(norms) <= 0.8 + 1e-5 < float(free.fc2.weight.detach().norm(dim=1).max())
    bias, start = model.fc2.bias.detach(), network().fc2.bias.detach()
    assert not torch.equal(bias, start)  # only weights are bounded


def test_half_precision_is_used_where_the_recipe_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        seen.append(model(batch.images).dtype)
        return supervised(model, batch)

    monkeypatch.setattr(devices, "half_precision", lambda device: torch.bfloat16)
    for half in ("gpu", "everywhere", "nowhere"):
        train(network(), dataset(16), watched, replace(RECIPE, epochs=1, half=half), seed=0, device="cpu")
    assert seen == [torch.float32, torch.bfloat16, torch.float32]
    with pytest.raises(ValueError, match="half is 'cpu'; it must be gpu, everywhere or nowhere"):
        train(network(), dataset(16), supervised, replace(RECIPE, half="cpu"), seed=0)


def test_half_precision_is_only_what_the_machine_computes_natively(monkeypatch: pytest.MonkeyPatch) -> None:
    for can, expected in (({}, None), ({"avx512_bf16": True}, torch.bfloat16), ({"avx2": True}, None)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda can=can: can, raising=False)
        assert devices.half_precision(torch.device("cpu")) is expected
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert devices.half_precision(torch.device("cpu")) is None
    assert devices.half_precision(torch.device("mps")) is None


def test_stored_logits_of_several_views_follow_the_view_that_was_drawn() -> None:
    data = dataset(12)
    stored = torch.arange(12 * 2 * 3, dtype=torch.float32).reshape(12, 2, 3)
    checked = []

    def flip(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        views = torch.randint(0, 2, (len(images),), generator=generator)
        return torch.where(views[:, None, None, None] == 1, images.flip(3), images), views

    def watched(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.positions is not None and batch.views is not None
        for i, (at, view) in enumerate(zip(batch.positions, batch.views, strict=True)):
            picture = data.images[at].flip(2) if view else data.images[at]
            torch.testing.assert_close(batch.images[i], picture.float() / 255)
            assert torch.equal(teacher_logits(stored, batch)[i], stored[at, view])
            checked.append(int(view))
        return supervised(model, batch)

    train(network(), data, watched, Recipe(2, 0.1, batch_size=5), seed=0, augment=flip)
    assert len(checked) == 24 and set(checked) == {0, 1}
    with pytest.raises(ValueError, match=r"shape \(12, 2, 3\).*augment that returns images and views"):
        train(network(), data, distilled(stored, temperature=2, alpha=0.5), RECIPE, seed=0)


class Stream(IterableDataset):  # type: ignore[type-arg]
    """Examples one after the other, and nobody knows how many."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        data = dataset()
        return iter(zip(data.images, data.labels, strict=True))


def test_a_loader_over_a_stream_trains() -> None:
    model = network()
    result = train(model, DataLoader(Stream(), batch_size=16), supervised, RECIPE, seed=0)
    assert len(result.curve) == 2 and result.curve[1]["loss"] < result.curve[0]["loss"]


def test_tied_weights_are_kept_and_stay_tied(tmp_path: Path) -> None:
    def tied() -> nn.Module:
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.Linear(64, 3))
        model[3].weight = model[1].weight
        return model

    first, path = tied(), tmp_path / "tied.safetensors"
    second = copy.deepcopy(first)
    train(first, dataset(), supervised, RECIPE, seed=0, checkpoint=path)
    train(second, dataset(), supervised, RECIPE, seed=0, checkpoint=path)  # reads what the first one left
    assert torch.equal(weights(first), weights(second)) and second[3].weight is second[1].weight


def test_images_of_a_loader_are_augmented_whatever_their_type() -> None:
    for images in (dataset().images, dataset().images.float() / 255):
        called = []

        def darker(given: Tensor, chance: torch.Generator, called: list[torch.dtype] = called) -> Tensor:
            called.append(given.dtype)
            return given

        train(network(), [(images, dataset().labels)], supervised, RECIPE, seed=0, augment=darker)
        assert called == [images.dtype] * RECIPE.epochs


def test_what_can_be_trained_can_be_validated() -> None:
    data = dataset()
    images = data.images.float() / 255
    some = data.labels.clone()
    some[::2] = -100
    soft = F.one_hot(data.labels, 3).float()
    figures = []
    for labels in (data.labels[1::2], some, soft):
        part = images[1::2] if len(labels) < len(images) else images
        result = train(
            network(), [(images, data.labels)], supervised, RECIPE, seed=0, validation=[(part, labels)]
        )
        figures.append(result.curve[-1])
    half, masked, whole = figures
    assert masked["validation_loss"] == pytest.approx(half["validation_loss"], rel=1e-6)
    assert masked["validation_accuracy"] == half["validation_accuracy"]
    assert 0 < whole["validation_accuracy"] <= 1


def test_training_on_the_processor_leaves_the_gpus_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", called.append)
    train(network(dropout=0.5), dataset(), supervised, RECIPE, seed=0, device="cpu")
    assert called == []


def test_each_part_of_a_model_is_left_in_the_mode_it_was_in() -> None:
    model = nn.Sequential(network(), nn.BatchNorm1d(3))
    model[1].eval()
    logits_of(model, dataset())
    assert model[0].training and not model[1].training
    with pytest.raises(RuntimeError):
        logits_of(model, dataset(size=9))
    assert model[0].training and not model[1].training


@pytest.mark.parametrize("without", [1, 2])
def test_an_epoch_without_a_number_is_not_the_best(without: int) -> None:
    strange = [(torch.full((4, 1, 8, 8), math.nan), torch.zeros(4).long())]
    held_out = [(dataset().images / 255, dataset().labels)]

    class Strange:
        """Images of no number in one epoch."""

        epochs = 0

        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            self.epochs += 1
            return iter(strange if self.epochs == without else held_out)

    result = train(network(), dataset(), supervised, RECIPE, seed=0, validation=Strange())
    assert math.isnan(result.curve[without - 1]["validation_loss"]) and result.best == 2 - without
