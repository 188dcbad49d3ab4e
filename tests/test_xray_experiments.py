"""The runs of chapter 05 on a handful of images."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kdlib import data, ledger, losses, metrics, runner, xray_experiments
from kdlib.objectives import Batch
from kdlib.xray_experiments import Arm


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Arm]:
    """A few arms, but with some dozens of images and two epochs, and records apart from everyone's."""
    found = {}
    for split, step in (("train", 40), ("val", 20), ("kaggle_train", 40), ("test", 12)):
        whole = data.load("chest_xray", split)
        found[split] = whole.subset(range(0, len(whole), step))

    def short(arm: Arm) -> Arm:
        recipe = replace(arm.recipe, epochs=2)
        model = arm.model if arm.classes > 2 else "student"
        return replace(arm, model=model, recipe=recipe, teacher=arm.teacher and short(arm.teacher))

    names = (
        "teacher",
        "alone",
        "hinton-a0.25-T4",
        "mage-a0.25-T4",
        "source-distilled-1e-3",
        "parted-by-image",
    )
    names += ("kinds-teacher", "kinds-T4")
    arms = [short(arm) for arm in xray_experiments.arms() if arm.name in names]
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    monkeypatch.setattr(ledger, "shipped", lambda: tmp_path / "shipped")
    monkeypatch.setattr(xray_experiments, "folder_of", lambda split, resolution: found[split])
    monkeypatch.setattr(xray_experiments, "arms", lambda: arms)
    return arms


def test_arms_run_and_keep_what_the_chapter_draws(few: list[Arm]) -> None:
    assert runner.run("xray", "cpu", seeds=[0]) == len(few) == 8
    records = {r["arm"]: r["metrics"] for r in ledger.records("xray", "cpu")}
    test = xray_experiments.folder_of("test", 64)
    for found in records.values():
        for when in ("last", "best"):
            odds = torch.tensor(found[when]["test_log_odds"])
            logits = torch.stack([torch.zeros(len(odds)), odds], dim=1)
            assert found[when]["test"]["auroc"] == pytest.approx(metrics.auroc(logits, test.labels), abs=0.01)
            assert 0 <= found[when]["threshold"] <= 1
        wrong = round((1 - found["last"]["test"]["accuracy"]) * len(test))
        assert found["test_errors"] == wrong
    kinds = torch.tensor(records["kinds-teacher"]["test_kinds"])
    assert kinds.shape == (3, 3) and int(kinds.sum()) == len(test)
    # The same weights and images, but for the loss; the first one's and the second one's differ.
    assert records["hinton-a0.25-T4"]["last"] != records["mage-a0.25-T4"]["last"]


def test_patients_are_in_one_part_only_unless_it_is_on_purpose() -> None:
    arms = {arm.name: arm for arm in xray_experiments.arms()}
    whole = data.load("chest_xray", "kaggle_train")
    assert whole.patients is not None
    who = {image.numpy().tobytes(): p for image, p in zip(whole.images, whole.patients, strict=True)}
    for name, shared in (("alone", False), ("parted-by-patient", False), ("parted-by-image", True)):
        rest, held_out = xray_experiments.parts(arms[name], 0)
        assert len(rest) + len(held_out) == len(whole)
        assert abs(len(held_out) / len(whole) - 0.15) < 0.005
        people = [{who[image.numpy().tobytes()] for image in part.images} for part in (rest, held_out)]
        assert bool(people[0] & people[1]) is shared


def test_three_kinds_become_two_classes_at_any_temperature() -> None:
    logits = torch.tensor([[2.0, 1.0, -1.0], [0.5, -3.0, 4.0]])
    for t in (1.0, 4.0):
        of_three = (logits / t).softmax(1)
        of_two = (xray_experiments.two_classes(logits, t) / t).softmax(1)
        torch.testing.assert_close(of_two[:, 0], of_three[:, 0])
        torch.testing.assert_close(of_two[:, 1], of_three[:, 1] + of_three[:, 2])
    torch.testing.assert_close(xray_experiments.two_classes(logits[:, :2], 4.0), logits[:, :2])


def test_kinds_are_labels_too() -> None:
    test = data.load("chest_xray", "test")
    three = xray_experiments.of_kinds(test)
    assert torch.bincount(three.labels).tolist() == [234, 242, 148]  # Kaggle's counts
    assert torch.equal(three.labels > 0, test.labels > 0)


def test_the_grid_is_the_articles() -> None:
    names = [arm.name for arm in xray_experiments.grid()]
    assert len(names) == len(set(names)) == 2 + 2 * 16
    students = [arm for arm in xray_experiments.grid() if arm.model == "student"]
    assert len({arm.recipe for arm in students}) == 1
    assert [len(xray_experiments.seeds(students[0], scale)) for scale in ("cpu", "full")] == [5, 10]


class Constant(nn.Module):
    """A model that always gives the same logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: Tensor) -> Tensor:
        return self.logits


def test_the_articles_loss_is_half_of_the_divergence_without_t_squared() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 2, generator=generator)
    batch = Batch(torch.zeros(6), torch.tensor([0, 1] * 3), torch.arange(6))
    terms = xray_experiments.as_written(Constant(student), batch, teacher=teacher, temperature=4, alpha=0.25)
    right = losses.distillation_term(student, teacher, 4)
    torch.testing.assert_close(terms["soft"], right / 16 / 2)
    torch.testing.assert_close(terms["loss"], 0.75 * terms["hard"] + 0.25 * terms["soft"])
