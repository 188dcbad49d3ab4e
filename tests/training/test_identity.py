"""What a checkpoint takes for its own run: the same settings, data and teacher, and no other."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kdlib.data import Dataset
from kdlib.data.augment import crop_flip
from kdlib.losses import features
from kdlib.models import mlp
from kdlib.objectives import Objective, distilled, label_smoothed, privileged, signals, supervised
from kdlib.objectives.networks import Ensemble
from kdlib.training import Recipe, train
from kdlib.training.checkpoints import CheckpointError
from kdlib.training.identity import fingerprint, named

RECIPE = Recipe(epochs=1, learning_rate=0.05, batch_size=16)


def dataset() -> Dataset:
    images = torch.randint(0, 256, (64, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    return Dataset("made", "train", images.to(torch.uint8), torch.arange(64) % 3, ("a", "b", "c"))


def network(seed: int = 0) -> nn.Module:
    return mlp((64, 16, 3), seed=seed)


def stored(seed: int) -> torch.Tensor:
    return torch.randn(64, 3, generator=torch.Generator().manual_seed(seed))


def hint(teacher: nn.Module, weight: float) -> Objective:
    term = lambda ours, theirs: features.hint(ours["fc1"], theirs["fc1"])  # noqa: E731
    return signals.by_features(term, teacher, (("fc1",), ("fc1",)), weight=weight)


def ensemble(temperature: float) -> Objective:
    return distilled(Ensemble([network(1), network(2)], temperature), temperature=2, alpha=0.5)


def scaled(factor: float, *more: object) -> Objective | dict[str, torch.Tensor]:
    """An objective whose settings are given by their place: (factor, others..., model, batch)."""
    return {"loss": factor * supervised(*more[-2:])["loss"]}


def middle(value: int) -> np.ndarray:
    """An array that differs from others in its middle alone, which `str` leaves out."""
    array = np.zeros(5000)
    array[2500] = value
    return array


PAIRS: dict[str, Callable[[], tuple[Objective, Objective]]] = {
    "smoothing": lambda: (label_smoothed(0.1), label_smoothed(0.5)),
    "stored answers": lambda: (distilled(stored(0), temperature=2, alpha=0.5),
                               distilled(stored(1), temperature=2, alpha=0.5)),
    "a model": lambda: (distilled(network(1), temperature=2, alpha=0.5),
                        distilled(network(2), temperature=2, alpha=0.5)),
    "a term": lambda: (signals.by_logits(signals.dist_term(2.0), stored(0), weight=1.0),
                       signals.by_logits(signals.standardised_term(2.0), stored(0), weight=1.0)),
    "a term's setting": lambda: (signals.by_logits(signals.dkd_term(2.0, 1.0), stored(0), weight=1.0),
                                 signals.by_logits(signals.dkd_term(2.0, 8.0), stored(0), weight=1.0)),
    "a weight": lambda: (hint(network(1), 1.0), hint(network(1), 2.0)),
    "an ensemble's temperature": lambda: (ensemble(1.0), ensemble(20.0)),
    "without a name": lambda: (partial(scaled, 1.0), partial(scaled, 8.0)),
    "several models": lambda: (partial(scaled, 1.0, [network(1)]), partial(scaled, 1.0, [network(2)])),
    "numbers in an array": lambda: (partial(scaled, 1.0, middle(0)), partial(scaled, 1.0, middle(1))),
}  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
def test_a_checkpoint_is_continued_by_its_own_objective_alone(pair: str, tmp_path: Path) -> None:
    path = tmp_path / "student.safetensors"
    first, other = PAIRS[pair]()
    train(network(), dataset(), first, RECIPE, seed=0, checkpoint=path)
    train(network(), dataset(), PAIRS[pair]()[0], RECIPE, seed=0, checkpoint=path)  # made anew, and alike
    with pytest.raises(CheckpointError, match="is of another run, by its objective"):
        train(network(), dataset(), other, RECIPE, seed=0, checkpoint=path)


def test_objectives_of_several_networks_are_told_apart_too() -> None:
    assert named(signals.mutual(1.0)) != named(signals.mutual(2.0))
    first, second = (signals.hinted(network(1), ("fc1", "fc1"), weight=w) for w in (1.0, 2.0))
    assert named(first) != named(second)
    assert named(privileged.together(0.5)) != named(privileged.together(0.5, detach=False))


def test_a_fingerprint_sees_values_shapes_and_types() -> None:
    ones = torch.ones(2, 3)
    others = [ones.half(), ones.reshape(3, 2), ones + torch.eye(2, 3), torch.ones(())]
    of = lambda tensor: fingerprint({"": tensor})  # noqa: E731
    assert of(ones) == of(ones.clone()) == of(ones.T.contiguous().T)
    assert len({of(other) for other in [ones, *others]}) == 5
    assert fingerprint(mlp((4, 3, 2), seed=0).state_dict()) != fingerprint({})


def test_other_augmentation_or_validation_is_another_run(tmp_path: Path) -> None:
    path = tmp_path / "student.safetensors"
    train(network(), dataset(), supervised, RECIPE, seed=0, checkpoint=path)
    for other, name in (({"augment": crop_flip}, "augment"), ({"validation": dataset()}, "validation")):
        with pytest.raises(CheckpointError, match=f"by its {name}"):
            train(network(), dataset(), supervised, RECIPE, seed=0, checkpoint=path, **other)
