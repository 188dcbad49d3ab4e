"""What ships of the CIFAR-10 teacher: it fits the images it is for, and the record of its run."""

from dataclasses import replace

import pytest
import torch

from kdlib import data, pretrained
from kdlib.evaluation import metrics
from kdlib.experiments import ledger
from kdlib.experiments.race import VIEWS
from kdlib.training import logits_of


def test_stored_outputs_know_the_training_images_in_each_view() -> None:
    train = data.load("cifar10", "train")
    logits = pretrained.cifar_teacher_logits(train)
    assert logits.shape == (8000, len(VIEWS), 10) and logits.dtype == torch.float32
    shares = [metrics.accuracy(logits[:, view], train.labels) for view in range(len(VIEWS))]
    assert min(shares) > 0.9  # it was trained on them, moved


def test_stored_test_outputs_are_the_recorded_teachers() -> None:
    """A fifth of the test images ship; their share of right answers is that of all, but for chance."""
    test = data.load("cifar10", "test")
    logits = pretrained.cifar_teacher_logits(test)
    made = pretrained.record("cifar_teacher")
    found = {(r["arm"], r["seed"]): r for r in ledger.records("cifar", "cpu")}
    record = found[made["arm"], made["seed"]]
    assert logits.shape == (2000, 10) and logits.dtype == torch.float32
    assert metrics.accuracy(logits, test.labels) == pytest.approx(made["test_accuracy"])
    assert made["test_accuracy"] == pytest.approx(record["metrics"]["test_accuracy"], abs=0.02)


def test_the_races_students_answer_as_their_records_say() -> None:
    """Two of the six have no record: they were trained for the page that shows them."""
    test = data.load("cifar10", "test")
    logits = pretrained.cifar_race_logits(test)
    known = {r["arm"]: r["metrics"] for r in ledger.records("race", "cpu") if r["seed"] == 0}
    assert set(logits) - known.keys() == {"flattened-16", "equally-sure-16"}
    for arm, z in logits.items():
        assert z.shape == (2000, 10) and z.dtype == torch.float32
        if arm in known:
            said = torch.tensor([int(digit) for digit in known[arm]["test_answers"]])
            assert metrics.accuracy(z, said) > 0.998  # 16 bits may turn a tie
        assert metrics.accuracy(z, test.labels) == pytest.approx(
            pretrained.record("cifar_race")["accuracies"][arm], abs=0.001
        )
    with pytest.raises(ValueError, match="outputs are for test of cifar10"):
        pretrained.cifar_race_logits(data.load("cifar10", "train"))


def test_outputs_are_refused_for_other_images() -> None:
    test = data.load("cifar10", "test")
    mixed = test.subset(torch.arange(2000).flip(0))
    for other in (mixed, test.subset(range(10)), replace(test, split="val"), data.load("mnist", "test")):
        with pytest.raises(ValueError, match="outputs are for train, test of cifar10, whole and at quick"):
            pretrained.cifar_teacher_logits(other)


def test_the_shipped_student_answers_as_its_record_says() -> None:
    test = data.load("cifar10", "test")
    logits = logits_of(pretrained.cifar_student(), test)
    made = pretrained.record("cifar_student")
    (record,) = [r for r in ledger.records("cifar", "cpu") if (r["arm"], r["seed"]) == ("fair-distilled", 0)]
    assert metrics.accuracy(logits, test.labels) == pytest.approx(made["test_accuracy"], abs=0.001)
    assert made["test_accuracy"] == pytest.approx(record["metrics"]["test_accuracy"], abs=0.02)
    assert made["seed"] == record["seed"] == 0 and made["arm"] == "fair-distilled"
