"""The runs of chapter 04 on a handful of images."""

from pathlib import Path

import numpy as np
import pytest
import tiny_cifar
import torch
from sklearn.metrics import confusion_matrix
from torch import Tensor, nn

from kdlib import data, models
from kdlib.experiments import cifar as cifar_experiments
from kdlib.experiments import ledger, runner
from kdlib.experiments.cifar import NETWORKS, VIEWS, Arm
from kdlib.objectives import Batch


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Arm]:
    """Every arm, but with tiny networks, few images and one epoch, and records apart from everyone's.

    Of a thousand training images, a hundredth still has every class.
    """
    sizes = {"train": 1000, "test": 60}
    found = {split: data.load("cifar10", split).subset(range(size)) for split, size in sizes.items()}
    arms = [tiny_cifar.shortened(arm, 1) for arm in cifar_experiments.arms()]
    tiny_cifar.keep_apart(tmp_path, monkeypatch)
    monkeypatch.setattr(cifar_experiments, "images", found.__getitem__)
    monkeypatch.setattr(cifar_experiments, "NETWORKS", tiny_cifar.networks())
    monkeypatch.setattr(cifar_experiments, "arms", lambda: arms)
    return arms


@pytest.mark.parametrize("scale", ["cpu", "full"])
def test_every_arm_runs_and_is_recorded(few: list[Arm], scale: str) -> None:
    expected = {arm.name for arm in few if cifar_experiments.seeds(arm, scale)}
    assert runner.run("cifar", scale, seeds=[0]) == len(expected)
    records = {r["arm"]: r for r in ledger.records("cifar", scale)}
    assert set(records) == expected
    for record in records.values():
        confusion = torch.tensor(record["metrics"]["test_confusion"])
        assert confusion.sum() == 60
        assert 60 - int(confusion.trace()) == record["metrics"]["test_errors"]
    others = ["labml-alone", "labml-distilled", "labml-still-alone", "labml-still-distilled"]
    if scale == "cpu":
        others += ["fair-alone", "fair-smoothed", "fair-distilled", "fair-fixed", "T-1"]
    else:
        others += ["full-alone", "full-smoothed", "full-distilled", "full-fixed", "long-T-1"]
        others += ["long-alpha-0.5", "size-small-distilled"]
    assert len({records[name]["curve"]["loss"][0] for name in others}) == len(others)


def test_the_table_of_answers_is_scikit_learns(
    few: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = cifar_experiments.images("test").labels
    logits = torch.randn(len(labels), 10, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(cifar_experiments, "trained", lambda *of: (nn.Identity(), []))
    monkeypatch.setattr(cifar_experiments, "logits_of", lambda *of: logits)
    found = cifar_experiments.run(few[0], 0, tmp_path)["metrics"]["test_confusion"]
    expected = confusion_matrix(labels, logits.argmax(1), labels=range(10))
    assert found == expected.tolist()
    assert not np.array_equal(expected, expected.T)  # else rows could be columns


def test_students_differ_from_the_one_alone_in_their_objective_only() -> None:
    arms = {arm.name: arm for arm in cifar_experiments.arms()}
    pairs = {
        "fair-alone": ["fair-smoothed", "fair-distilled", "fair-fixed", "weak-distilled"],
        "T-alone": [f"T-{t}" for t in (1, 2, 4, 8, 16)],
        "full-alone": ["full-smoothed", "full-distilled", "full-fixed"]
        + ["size-small-distilled", "size-half-distilled"]
        + [f"long-T-{t}" for t in (1, 2, 8, 16)]
        + [f"long-alpha-{alpha}" for alpha in (0.25, 0.5, 0.75, 1)],
    }
    for group in ("labels-1", "labels-10", "rare-1", "rare-10", "patient-15", "patient-240"):
        pairs[f"{group}-alone"] = [f"{group}-distilled"]
    for alone, others in pairs.items():
        for name in others:
            lone, other = arms[alone], arms[name]
            assert (other.network, other.recipe, other.views, other.share) == (
                lone.network,
                lone.recipe,
                lone.views,
                lone.share,
            )
            assert lone.objective == "labels" and (other.objective == "smoothed" or other.teacher is not None)
    for first in ("labels", "rare"):
        few = [arms[f"{first}-{percent}-alone"] for percent in (1, 10)]
        whole = arms["T-alone" if first == "labels" else "full-alone"].recipe.epochs
        assert [arm.recipe.epochs * arm.share for arm in few] == pytest.approx([whole, whole])
    assert VIEWS[0] == (False, 0, 0) and len(set(VIEWS)) == 16


def test_labmls_own_pictures_stand_still_and_all_others_move() -> None:
    for arm in cifar_experiments.arms():
        moved, still = cifar_experiments.moves(arm), arm.name.startswith("labml-still")
        assert arm.still == still and (moved is None) == still
        assert ("still" in cifar_experiments.settings(arm)) == still  # old records keep theirs
        if arm.teacher is not None and arm.objective == "labml":
            assert arm.teacher.still == still
        if moved is not None:
            images = torch.arange(2 * 3 * 32 * 32).reshape(2, 3, 32, 32).to(torch.uint8)
            changed = moved(images, torch.Generator().manual_seed(0))
            assert isinstance(changed, Tensor) != arm.views  # with views it says which, too


def test_seeds_are_those_of_the_scale() -> None:
    arms = {arm.name: arm for arm in cifar_experiments.arms()}
    counts = {
        name: [len(cifar_experiments.seeds(arms[name], scale)) for scale in ("cpu", "full")]
        for name in ("labml-alone", "fair-distilled", "T-4", "full-distilled", "patient-240-alone")
    }
    assert counts == {
        "labml-alone": [1, 3],
        "fair-distilled": [3, 0],
        "T-4": [2, 0],
        "full-distilled": [0, 5],
        "patient-240-alone": [0, 3],
    }
    assert all(
        cifar_experiments.seeds(arm, "cpu") or cifar_experiments.seeds(arm, "full") for arm in arms.values()
    )


class Constant(nn.Module):
    """A model that always gives the same logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: Tensor) -> Tensor:
        return self.logits


def test_labmls_loss_is_what_chapter_02_says() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 10, generator=generator, dtype=torch.float64)
    batch = Batch(torch.zeros(6), torch.arange(6), torch.arange(6))
    terms = cifar_experiments.as_written(Constant(student), batch, teacher=Constant(teacher), temperature=5)
    p, q = torch.softmax(teacher / 5, 1), torch.softmax(student / 5, 1)
    divergence = (p * (p / q).log()).sum(1).mean()
    expected = 0.5 * torch.nn.functional.cross_entropy(student, batch.labels) + 0.4 * 25 * divergence
    torch.testing.assert_close(terms["loss"].double(), expected, atol=1e-5, rtol=1e-5)


def test_the_networks_are_labmls_and_a_half_as_wide_one() -> None:
    sizes = {
        name: sum(p.numel() for p in models.vgg(**about, seed=0).parameters())
        for name, about in NETWORKS.items()
    }
    assert sizes == {
        "labml_large": 14_728_266,
        "labml_small": 437_034,
        "large": 14_728_266,
        "half": 3_686_954,
        "small": 437_034,
    }
