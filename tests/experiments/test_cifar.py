"""Chapter 04's runs on the whole of CIFAR-10, and what its students share with their teachers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix
from small import Constant, part

from kdlib import data, models
from kdlib.experiments import cifar, ledger, runner
from kdlib.experiments.arms import Fitted, Job, fit
from kdlib.experiments.race import VIEWS
from kdlib.objectives import Batch
from kdlib.training import logits_of

ARMS = {arm.name: arm for arm in cifar.arms()}


def test_the_images_are_the_whole_data_set_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(data, "load", lambda *of, **how: asked.append((*of, how)))
    cifar.images.__wrapped__("test")
    assert asked == [("cifar10", "test", {"scale": "cpu"})]


def test_the_table_of_answers_is_scikit_learns(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = cifar.images("test").labels
    logits = torch.randn(len(labels), 10, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(cifar, "logits_of", lambda *of: logits)
    found = cifar.measure(Job(ARMS["fair-alone"], 0, small), Fitted(torch.nn.Identity(), [], None))
    expected = confusion_matrix(labels, logits.argmax(1), labels=range(10))
    assert found["test_confusion"] == expected.tolist()
    assert not np.array_equal(expected, expected.T)  # else rows could be columns
    assert found["test_errors"] == len(labels) - int(expected.trace())
    assert found["test_answers"] == "".join(map(str, logits.argmax(1).tolist()))


def test_labmls_own_pictures_stand_still_and_its_curves_are_of_the_test_images(small: Path) -> None:
    for arm in ARMS.values():
        assert (arm.augment == "" and not arm.views) == arm.name.startswith("labml-still")
        curve = cifar.curve_of(Job(arm, 0, small))
        assert (curve is not None and len(curve) == 60) == arm.name.startswith("labml")
        assert (
            (arm.views in ((), VIEWS)
            and bool(arm.views) != (arm.augment == "crop_flip"))
            or "still" in arm.name
        )


def test_students_of_few_images_take_as_many_steps(small: Path) -> None:
    whole = ARMS["T-alone"].recipe
    for percent in (1, 10):
        arm = ARMS[f"labels-{percent}-alone"]
        assert arm.recipe and whole and arm.recipe.epochs * percent / 100 == whole.epochs
        first, again, other = (cifar.train_set(Job(arm, seed, small)) for seed in (0, 0, 1))
        assert len(first) == 20 * percent and torch.equal(first.images, again.images)
        assert not torch.equal(first.images, other.images) and len(first.labels.unique()) == 10


def test_labmls_loss_is_what_chapter_02_says(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 10, generator=generator)
    batch = Batch(torch.zeros(6), torch.arange(6), torch.arange(6))
    monkeypatch.setattr(cifar, "taught_by", lambda *of: Constant(teacher))
    job = Job(ARMS["labml-distilled"], 0, Path())
    terms = cifar.objective(job, part("cifar10", "test", 60))(Constant(student), batch)
    p, q = torch.softmax(teacher / 5, 1), torch.softmax(student / 5, 1)
    divergence = (p * (p / q).log()).sum(1).mean()
    expected = 0.5 * torch.nn.functional.cross_entropy(student, batch.labels) + 0.4 * 25 * divergence
    torch.testing.assert_close(terms["loss"], expected, atol=1e-5, rtol=1e-5)


def test_the_networks_are_labmls_and_a_half_as_wide_one() -> None:
    sizes = {
        name: sum(p.numel() for p in models.vgg(**about, seed=0).parameters())
        for name, about in cifar.NETWORKS.items()
    }
    large, small, half = 14_728_266, 437_034, 3_686_954
    assert sizes == {"labml_large": large, "labml_small": small, "large": large, "half": half, "small": small}


def test_the_students_that_are_compared_are_those_of_the_fair_race(small: Path) -> None:
    shared = [name for name in ("fair-alone", "fair-smoothed", "fair-fixed", "fair-distilled")]
    assert runner.run("class_similarity", "cpu", seeds=[1]) == 6
    kept = {path: path.stat().st_mtime_ns for path in (small / "models").glob("*.safetensors")}
    runner.run("cifar", "cpu", only="fair-*", seeds=[1])
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # nothing was trained twice
    race = {r["arm"]: r for r in ledger.records("cifar", "cpu")}
    records = {r["arm"]: r for r in ledger.records("class_similarity", "cpu")}
    assert records.keys() == {*shared, "fair-flattened", "fair-equally-sure"}
    for name in shared:
        mine, theirs = records[name], race[name]
        assert mine["metrics"]["test_answers"] == theirs["metrics"]["test_answers"]
        for key in ("settings", "data", "curve"):
            assert mine[key] == theirs[key]


def test_each_student_is_judged_beside_the_teacher_of_its_own_seed(small: Path) -> None:
    runner.run("class_similarity", "cpu", only="fair-alone", seeds=[0, 1])
    for record in ledger.records("class_similarity", "cpu"):
        job = runner.Job(cifar.TEACHER, record["seed"], small / "models")
        said = logits_of(fit(cifar.EXPERIMENT, job).model, part("cifar10", "test", 60)).argmax(1)
        mine = torch.tensor([int(answer) for answer in record["metrics"]["test_answers"]])
        assert record["metrics"]["teacher_agreement"] == pytest.approx(float((said == mine).double().mean()))
