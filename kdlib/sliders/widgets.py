"""Sliders that move in Jupyter, synced with Python, and in the built page, without a kernel.

Each slider is one JavaScript file in `kdlib/js`, after `shared.js`, and one picture drawn here. In
JupyterLab, VS Code and Colab the module runs through anywidget. In the built page the same module runs from
the `text/html` that is stored with the notebook: `page_html` gives it the picture, the numbers and a small
stand-in for the kernel.
A reader without JavaScript sees the picture.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import traitlets
from torch import Tensor

from kdlib import checks
from kdlib.losses import Terms
from kdlib.sliders import loss_cut
from kdlib.sliders.answers_picture import answers_markup, compare
from kdlib.sliders.explorer import Explorer, module, page_html
from kdlib.sliders.loss_picture import loss_markup
from kdlib.sliders.png import photo_uri
from kdlib.sliders.temperature_picture import png_uri, temperature_markup
from kdlib.sliders.widget_inputs import (
    as_alpha,
    as_images,
    as_index,
    as_label,
    as_logits,
    as_models,
    as_names,
    as_photos,
    as_temperature,
    as_truths,
    as_vector,
)
from kdlib.softening import soften

__all__ = [
    "AnswersExplorer",
    "LossExplorer",
    "TemperatureExplorer",
    "answers_explorer",
    "loss_explorer",
    "page_html",
    "temperature_explorer",
]


def temperature_explorer(
    logits: Tensor | Any,
    labels: Sequence[str],
    *,
    images: Tensor | Any | None = None,
    names: Sequence[str] | None = None,
    temperature: float = 1.0,
) -> "TemperatureExplorer":
    """A slider that softens logits: bars of softmax(z / T), and the entropy against T. Chapter 01.

    Equation 1 of Hinton, Vinyals and Dean (2015). The result is a widget whose `temperature` and `index` can
    be read and set from Python, and whose `probabilities` are the bars.

    Args:
        logits: shape (classes,) or (examples, classes): tensor, array or nested list of finite numbers.
        labels: the name of each class.
        images: uint8, shape (examples, height, width), at most 64 pixels a side, as in MNIST 0 where there is
            no ink and 255 where there is most. They become the buttons that choose the example.
        names: the name of each example, for people who do not see the images: "test image 18, a 7".
        temperature: where the slider starts, from 0.1 to 100.

    Raises:
        TypeError: integer tensors as logits, images that are not uint8, labels that are not a list.
        ValueError: shapes that do not fit together, NaN or infinity, a temperature outside 0.1 to 100.
    """
    z = as_logits(logits)
    examples, classes = z.shape
    class_names = as_names(labels, classes, "labels", "classes")
    if names is None:
        example_names = [f"example {i + 1}" for i in range(examples)]
    else:
        example_names = as_names(names, examples, "names", "examples")
    pictures = None if images is None else [png_uri(image) for image in as_images(images, examples)]
    start = as_temperature(temperature)
    return TemperatureExplorer(
        markup=temperature_markup(z, class_names, example_names, pictures, 0, start),
        pictures=pictures,
        logits=z.tolist(),
        labels=class_names,
        names=example_names,
        temperature=start,
    )


def loss_explorer(
    student_logits: Tensor | Any,
    teacher_logits: Tensor | Any,
    label: int,
    labels: Sequence[str],
    *,
    temperature: float = 4.0,
    alpha: float = 0.9,
) -> "LossExplorer":
    """Two sliders, T and alpha, over the loss of one example: soft targets, terms, minimum. Chapter 02.

    The loss alpha T^2 KL + (1 - alpha) cross-entropy of `kdlib.losses.hinton_loss` (Hinton, Vinyals and Dean,
    2015, section 2), drawn along a cut: the student's logit of the true class moves, its others stay. The
    `temperature` and `alpha` of the result can be read and set from Python; `terms` is the loss there.

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
    student = as_vector(student_logits, "student_logits")
    teacher = as_vector(teacher_logits, "teacher_logits")
    checks.same_shape(student, teacher, ("student_logits", "teacher_logits"))
    names, truth = as_names(labels, len(student), "labels", "classes"), as_label(label, len(student))
    start = as_temperature(temperature, loss_cut.COLDEST), as_alpha(alpha)
    return LossExplorer(
        markup=loss_markup(student, teacher, truth, names, *start),
        student_logits=student.tolist(),
        teacher_logits=teacher.tolist(),
        label=truth,
        labels=names,
        temperature=start[0],
        alpha=start[1],
    )


def answers_explorer(
    logits: Mapping[str, Tensor | Any],
    labels: Sequence[str],
    *,
    images: Tensor | Any,
    names: Sequence[str],
    truths: Sequence[int] | Any,
    temperature: float = 1.0,
) -> "AnswersExplorer":
    """A slider over what two or three models answer to the same images. Chapters 04 and 05.

    Bars of softmax(z / T) for each class and model, and KL(teacher || model) in nats at that temperature. The
    `temperature` and `index` of the result can be read and set from Python; `probabilities` are the bars and
    `distances` the divergences of the chosen example.

    Args:
        logits: 2 or 3 models by name, the teacher first; each (examples, classes), at most 12 of both. The
            order gives the colours: blue, orange (for a student alone), green (for a distilled one).
        labels: the name of each class.
        images: uint8, shape (examples, channels, height, width), 1 channel (grey) or 3 (RGB), 0 is black, at
            most 64 pixels a side. They become the buttons that choose the example.
        names: the name of each example, for people who do not see the images: "test image 18, a cat".
        truths: the index of the true class of each example.
        temperature: where the slider starts, from 0.1 to 100.

    Raises:
        TypeError: logits that are no dict, integer tensors as logits, images that are not uint8.
        ValueError: shapes that do not fit together, NaN or infinity, another number of models, a true class
            or a temperature out of range.
    """
    models, z = as_models(logits)
    _, examples, classes = z.shape
    class_names = as_names(labels, classes, "labels", "classes")
    example_names = as_names(names, examples, "names", "examples")
    true_classes = as_truths(truths, examples, classes)
    pictures = [photo_uri(image) for image in as_photos(images, examples)]
    start = as_temperature(temperature)
    return AnswersExplorer(
        markup=answers_markup(z, models, class_names, example_names, true_classes, pictures, 0, start),
        pictures=pictures,
        logits=z.tolist(),
        models=models,
        labels=class_names,
        names=example_names,
        truths=true_classes,
        temperature=start,
    )


class TemperatureExplorer(Explorer):
    """The widget that `temperature_explorer` makes, after checking its arguments."""

    _esm = module("temperature")
    _page_traits = ("logits", "labels", "names", "temperature", "index")
    logits: traitlets.List[Any] = traitlets.List().tag(sync=True)
    labels: traitlets.List[Any] = traitlets.List().tag(sync=True)
    names: traitlets.List[Any] = traitlets.List().tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    pictures = traitlets.Any()

    @property
    def probabilities(self) -> Tensor:
        """softmax(z / T) of the chosen example at the slider's temperature: shape (classes,), float64."""
        return soften(torch.tensor(self.logits[self.index], dtype=torch.float64), self.temperature)

    def _draw(self) -> str:
        z = torch.tensor(self.logits, dtype=torch.float64)
        return temperature_markup(z, self.labels, self.names, self.pictures, self.index, self.temperature)

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return as_temperature(proposal["value"])

    @traitlets.validate("index")
    def _check_index(self, proposal: Any) -> int:
        return as_index(proposal["value"], len(self.names))


class LossExplorer(Explorer):
    """The widget that `loss_explorer` makes, after checking its arguments."""

    _esm = module("loss")
    _page_traits = ("student_logits", "teacher_logits", "label", "labels", "temperature", "alpha")
    student_logits: traitlets.List[Any] = traitlets.List().tag(sync=True)
    teacher_logits: traitlets.List[Any] = traitlets.List().tag(sync=True)
    label = traitlets.Int(0).tag(sync=True)
    labels: traitlets.List[Any] = traitlets.List().tag(sync=True)
    temperature = traitlets.Float(4.0).tag(sync=True)
    alpha = traitlets.Float(0.9).tag(sync=True)

    @property
    def terms(self) -> Terms:
        """The loss at the present setting and its two terms before weighting: float64 scalars, in nats."""
        return loss_cut.loss_terms(*self._tensors(), self.label, self.temperature, self.alpha)

    def _tensors(self) -> tuple[Tensor, Tensor]:
        student, teacher = torch.tensor([self.student_logits, self.teacher_logits], dtype=torch.float64)
        return student, teacher

    def _draw(self) -> str:
        student, teacher = self._tensors()
        return loss_markup(student, teacher, self.label, self.labels, self.temperature, self.alpha)

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return as_temperature(proposal["value"], loss_cut.COLDEST)

    @traitlets.validate("alpha")
    def _check_alpha(self, proposal: Any) -> float:
        return as_alpha(proposal["value"])


class AnswersExplorer(Explorer):
    """The widget that `answers_explorer` makes, after checking its arguments."""

    _esm = module("answers")
    _page_traits = ("logits", "models", "labels", "names", "truths", "temperature", "index")
    logits: traitlets.List[Any] = traitlets.List().tag(sync=True)
    models: traitlets.List[Any] = traitlets.List().tag(sync=True)
    labels: traitlets.List[Any] = traitlets.List().tag(sync=True)
    names: traitlets.List[Any] = traitlets.List().tag(sync=True)
    truths: traitlets.List[Any] = traitlets.List().tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    pictures = traitlets.Any()

    @property
    def probabilities(self) -> Tensor:
        """softmax(z / T) of the chosen example: shape (models, classes), float64."""
        return compare(self._logits()[:, self.index], self.temperature)[0]

    @property
    def distances(self) -> Tensor:
        """KL(teacher || model) of the chosen example at T, in nats: shape (models - 1,), float64."""
        return compare(self._logits()[:, self.index], self.temperature)[1]

    def _logits(self) -> Tensor:
        return torch.tensor(self.logits, dtype=torch.float64)

    def _draw(self) -> str:
        about = self.models, self.labels, self.names, self.truths, self.pictures
        return answers_markup(self._logits(), *about, self.index, self.temperature)

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return as_temperature(proposal["value"])

    @traitlets.validate("index")
    def _check_index(self, proposal: Any) -> int:
        return as_index(proposal["value"], len(self.names))
