"""X-rays, bundled or from the reader's own disk, and two students that read them in the page. Chapter 09."""

from collections.abc import Sequence

from torch import Tensor

from kdlib import pretrained
from kdlib.data.chest_xray import CLASSES
from kdlib.sliders.inputs import as_index, as_list
from kdlib.sliders.slider import Slider
from kdlib.sliders.stored import network_slider


def xrays_slider(
    images: Tensor, *, names: Sequence[str], truths: Sequence[int], temperature: float = 1.0
) -> Slider:
    """Open an X-ray; the student alone and the distilled one answer in the page. Chapter 09.

    A file is turned grey and resized as the training images were, and never leaves the page. What is no
    image, too large or too small is refused in words. The weights are loaded on first use. The `temperature`
    and the `index` (0 is the reader's own, 1 the first image) can be read and set from Python.

    Args:
        images: uint8 (N, 1, 64, 64), 1 to 8 X-rays to choose from.
        names: the name of each, for people who do not see it too.
        truths: the class of each, 0 for normal and 1 for pneumonia.
        temperature: where the slider starts, from 0.1 to 100.

    Raises:
        TypeError, ValueError: images, names, truths or a temperature of another form.
        DamagedError: shipped weights are missing or altered.
    """
    students = {name: (f"xray_student_{name}", pretrained.xray_student(name)) for name in pretrained.STUDENTS}
    return network_slider(
        "xrays",
        students,
        images,
        names,
        of=64,
        side=64,
        temperature=temperature,
        labels=list(CLASSES),
        truths=[as_index(truth, "truths", len(CLASSES)) for truth in as_list(truths, "truths", len(images))],
    )
