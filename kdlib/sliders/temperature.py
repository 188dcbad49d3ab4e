"""A slider that softens logits: bars of softmax(z / T), and the entropy against T. Chapter 01."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from kdlib.numbers import fixed, percent
from kdlib.sliders.inputs import as_choice, as_index, as_logits, as_names, as_number, as_pictures, setting
from kdlib.sliders.slider import Slider, picture, table
from kdlib.softening import entropy, soften

MOST_EXAMPLES, MOST_CLASSES = 24, 20  # what a phone can show
AXES = ("linear", "logarithmic")
TABLED = (1.0, 4.0, 10.0)  # the temperatures of the table, besides the one at which the slider starts


def temperature_slider(
    logits: Tensor | Any,
    labels: Sequence[str],
    *,
    images: Tensor | Any | None = None,
    names: Sequence[str] | None = None,
    temperature: float = 1.0,
    axis: str = "linear",
) -> Slider:
    """Bars of softmax(z / T), equation 1 of Hinton, Vinyals and Dean (2015), and their entropy. Chapter 01.

    The `temperature`, `index` and `axis` of the result can be read and set from Python.

    Args:
        logits: shape (classes,) or (examples, classes): tensor, array or nested list of finite numbers.
        labels: the name of each class.
        images: uint8, shape (examples, height, width), at most 64 pixels a side, as in MNIST 0 where there is
            no ink and 255 where there is most. They become the buttons that choose the example.
        names: the name of each example, for people who do not see the images: "test image 18, a 7".
        temperature: where the slider starts, from 0.1 to 100.
        axis: of the bars, "linear", or "logarithmic" from 1e-9 to 1, which shows the order of small shares.

    Raises:
        TypeError: integer tensors as logits, images that are not uint8, labels that are not a list.
        ValueError: shapes that do not fit together, NaN or infinity, a temperature outside 0.1 to 100,
            another axis.
    """
    z = as_logits(logits, "logits", examples=MOST_EXAMPLES, classes=MOST_CLASSES)
    classes = as_names(labels, "labels", z.shape[1])
    given = [f"example {i + 1}" for i in range(len(z))] if names is None else names
    known = as_names(given, "names", len(z))
    pictures = [] if images is None else as_pictures(images, len(z), ink=True)
    start = setting(as_number, temperature, "temperature", 0.1, 100)
    return Slider(
        "temperature",
        data={"logits": z.tolist(), "labels": classes, "names": known, "images": pictures},
        settings={
            "temperature": start,
            "index": setting(as_index, 0, "index", len(z)),
            "axis": setting(as_choice, axis, "axis", AXES),
        },
        instead=_table(z, classes, known, pictures, start.default_value),
    )


def _table(z: Tensor, labels: list[str], names: list[str], pictures: list[str], start: float) -> str:
    """The shares at a few temperatures: of all classes of one example, or of the largest three of each."""
    temperatures = sorted({start, *TABLED})
    rows = []
    for i, logits in enumerate(z):
        shares = [soften(logits, t) for t in temperatures]
        shown = range(len(labels)) if len(z) == 1 else logits.argsort(descending=True)[:3].tolist()
        name = "" if len(z) == 1 else picture(pictures[i], names[i]) if pictures else names[i]
        for k in shown:
            rows.append([name, labels[k], *(percent(float(p[k])) for p in shares)])
            name = ""
        rows.append(["", "entropy", *(fixed(float(entropy(p)), 2) for p in shares)])
    head = ["example", "class", *(f"T\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{t:g}" for t in temperatures)]
    first = 1 if len(z) == 1 else 0
    shares_of = "the shares" if first else "the three largest shares of each example"
    caption = f"What softmax(z / T) gives: {shares_of}, and the entropy in nats."
    return table(caption, head[first:], [row[first:] for row in rows])
