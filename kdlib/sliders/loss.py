"""Two sliders, T and alpha, over the loss of one example. Chapter 02."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kdlib import checks
from kdlib.losses import hinton_loss
from kdlib.numbers import fixed
from kdlib.sliders.inputs import as_choice, as_index, as_logits, as_names, as_number, setting
from kdlib.sliders.slider import Slider, table

MOST_CLASSES = 12  # two bars for each
MOST_STEPS = 500  # taken again for every picture
TABLED = (1.0, 2.0, 4.0, 10.0, 20.0)  # the temperatures of the table


def loss_slider(
    student_logits: Tensor | Any,
    teacher_logits: Tensor | Any,
    label: int,
    labels: Sequence[str],
    *,
    temperature: float = 4.0,
    alpha: float = 0.9,
) -> Slider:
    """Soft targets, the terms of the loss, and its minimum, as T and alpha move. Chapter 02.

    The loss alpha T^2 KL + (1 - alpha) cross-entropy of `kdlib.losses.hinton_loss` (Hinton, Vinyals and Dean,
    2015, section 2), drawn along a cut: the student's logit of the true class moves, its others stay. A
    choice leaves T^2 out, and a button takes gradient steps of the student's logits, with a learning rate of
    0.5. They always lead from `student_logits`: a T moved after 100 steps shows where 100 steps with that T
    lead. The `temperature`, `alpha`, `squared` (True: with T^2) and number of `steps`, to 500, of the result
    can be read and set from Python.

    Args:
        student_logits: shape (classes,), 2 to 12 finite numbers: tensor, array or list.
        teacher_logits: the same shape.
        label: the index of the true class.
        labels: the name of each class.
        temperature: where T starts, from 0.5 to 100.
        alpha: where alpha, the weight of the teacher's term, starts, from 0 to 1.

    Raises:
        TypeError: integer tensors as logits, a label that is no integer, labels that are not a list.
        ValueError: shapes that do not fit together, NaN or infinity, a setting outside its slider.
    """
    student = as_logits(student_logits, "student_logits", classes=MOST_CLASSES)
    teacher = as_logits(teacher_logits, "teacher_logits", classes=MOST_CLASSES)
    checks.same_shape(student, teacher, ("student_logits", "teacher_logits"))
    truth = as_index(label, "label", len(student))
    names = as_names(labels, "labels", len(student))
    t = setting(as_number, temperature, "temperature", 0.5, 100)
    weight = setting(as_number, alpha, "alpha", 0, 1)
    example, rows = (student[None], teacher[None], torch.tensor([truth])), []
    for at in sorted({t.default_value, *TABLED}):
        terms = hinton_loss(*example, temperature=at, alpha=weight.default_value)
        rows.append([f"{at:g}", *(fixed(float(x), 3) for x in (terms.soft, terms.hard, terms.total))])
    return Slider(
        "loss",
        data={"student": student.tolist(), "teacher": teacher.tolist(), "label": truth, "labels": names},
        settings={
            "temperature": t,
            "alpha": weight,
            "squared": setting(as_choice, True, "squared", (True, False)),
            "steps": setting(as_index, 0, "steps", MOST_STEPS + 1),
        },
        instead=table(
            f"The loss of one example, in nats, with alpha = {weight.default_value:g}.",
            ["T", "T² KL", "cross-entropy", "loss"],
            rows,
        ),
    )
