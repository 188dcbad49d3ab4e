"""A paper to draw a digit on, and the networks that read it in the page. Chapter 09."""

from collections.abc import Sequence

from torch import Tensor

from kdlib import pretrained
from kdlib.sliders.slider import Slider
from kdlib.sliders.stored import network_slider


def digits_slider(images: Tensor, *, names: Sequence[str], temperature: float = 1.0) -> Slider:
    """Draw a digit; the MNIST teacher, a student alone and a distilled one answer in the page. Chapter 09.

    What is drawn becomes 28x28 pixels as MNIST made them: 20 pixels on the longer side, the centre of mass in
    the middle. An empty paper and a dot are not given to the networks. The weights are loaded on first use.
    The `temperature` and the `index` (0 is the drawing, 1 the first image) can be read and set from Python.

    Args:
        images: uint8 (N, 1, 28, 28), 1 to 8 digits to choose from, 0 is black.
        names: the name of each, for people who do not see it too: "test image 18, a 3".
        temperature: where the slider starts, from 0.1 to 100.

    Raises:
        TypeError, ValueError: images, names or a temperature of another form.
        DamagedError: shipped weights are missing or altered.
    """
    models = {"teacher": ("mnist_lenet5_teacher", pretrained.mnist_teacher())}
    for name in pretrained.STUDENTS:
        models[name] = (f"mnist_student_{name}", pretrained.mnist_student(name))
    labels = [str(digit) for digit in range(10)]
    return network_slider(
        "digits", models, images, names, of=28, side=32, temperature=temperature, ink=True, labels=labels
    )
