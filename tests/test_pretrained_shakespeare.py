"""What ships of chapter 11's runs: it predicts test text as well as its record says."""

import pytest
import torch

from kdlib import models, pretrained
from kdlib.data import text
from kdlib.experiments.language import CONTEXT, predicted
from kdlib.training import logits_of

MODELS = {
    "shakespeare_teacher": pretrained.shakespeare_teacher,
    "shakespeare_student_alone": lambda: pretrained.shakespeare_student("alone"),
    "shakespeare_student_distilled": lambda: pretrained.shakespeare_student("distilled"),
}


@pytest.mark.parametrize("name", MODELS)
def test_it_predicts_test_text_as_its_record_says(name: str) -> None:
    test = text.windows("test", CONTEXT)
    model = MODELS[name]()
    assert isinstance(model, models.Decoder) and not model.training
    found = predicted(logits_of(model, test), test.labels)
    assert found["bits"] == pytest.approx(pretrained.record(name)["test_bits"], abs=1e-4)


def test_the_students_are_two_of_one_start_and_the_teacher_is_better() -> None:
    made = {name: pretrained.record(name) for name in MODELS}
    alone, distilled = (made[f"shakespeare_student_{name}"] for name in pretrained.STUDENTS)
    assert alone["arm"] == "alone" != distilled["arm"] and alone["seed"] == distilled["seed"] == 0
    assert alone["settings"]["start"] == distilled["settings"]["start"]
    teacher = made["shakespeare_teacher"]["test_bits"]
    assert max(alone["test_bits"], distilled["test_bits"]) < 2.5 and teacher < min(
        alone["test_bits"], distilled["test_bits"]
    )
    both = [pretrained.tensors(f"shakespeare_student_{name}") for name in pretrained.STUDENTS]
    assert not torch.equal(both[0]["head.weight"], both[1]["head.weight"])


def test_the_two_students_that_a_page_loads_are_small() -> None:
    files = [pretrained.FOLDER / f"shakespeare_student_{name}.safetensors" for name in pretrained.STUDENTS]
    assert sum(file.stat().st_size for file in files) <= 560_000
    assert (pretrained.FOLDER / "shakespeare_teacher.safetensors").stat().st_size <= 2_000_000


def test_another_student_is_named_with_those_that_ship() -> None:
    with pytest.raises(ValueError, match="name is 'forward'; the shipped students are alone, distilled"):
        pretrained.shakespeare_student("forward")
