"""What ships of the X-ray runs: it fits the data it is for, and the records of the runs that made it."""

from dataclasses import replace

import pytest
import torch

from kdlib import data, pretrained
from kdlib.evaluation import metrics
from kdlib.experiments import ledger
from kdlib.training import logits_of


def test_stored_outputs_are_the_recorded_teachers() -> None:
    test = data.load("chest_xray", "test")
    logits = pretrained.xray_teacher_logits(test)
    made = pretrained.record("xray_teacher")
    (record,) = [
        r for r in ledger.records("xray", "cpu") if (r["arm"], r["seed"]) == ("teacher", made["seed"])
    ]
    told = torch.tensor(record["metrics"]["last"]["test_log_odds"])
    assert logits.shape == (624, 2) and logits.dtype == torch.float32
    assert float((logits[:, 1] - logits[:, 0] - told).abs().max()) < 0.05  # 16 bits, and another batch size
    assert metrics.accuracy(logits, test.labels) == pytest.approx(
        record["metrics"]["last"]["test"]["accuracy"]
    )
    assert pretrained.xray_teacher_maps().shape == (624, 4, 4)


@pytest.mark.parametrize(("name", "arm"), [("alone", "alone"), ("distilled", "hinton-a0.75-T4")])
def test_shipped_students_answer_as_their_records_say(name: str, arm: str) -> None:
    test = data.load("chest_xray", "test")
    logits = logits_of(pretrained.xray_student(name), test)
    (record,) = [r for r in ledger.records("xray", "cpu") if (r["arm"], r["seed"]) == (arm, 0)]
    told = record["metrics"]["last"]["test"]
    assert metrics.auroc(logits, test.labels) == pytest.approx(told["auroc"], abs=1e-3)
    assert metrics.accuracy(logits, test.labels) == pytest.approx(told["accuracy"], abs=0.004)


def test_outputs_are_refused_for_other_pictures() -> None:
    test = data.load("chest_xray", "test")
    mixed = test.subset(torch.arange(624).flip(0))
    for other in (mixed, test.subset(range(10)), replace(test, split="val"), data.load("mnist", "test")):
        with pytest.raises(
            ValueError, match="the stored outputs are for train, val, test of chest_xray, whole"
        ):
            pretrained.xray_teacher_logits(other)
