"""A slider over what two or three models answer to the same images. Chapter 04."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from kdlib import checks
from kdlib.losses import distillation_term
from kdlib.numbers import fixed, percent
from kdlib.sliders.inputs import as_index, as_list, as_logits, as_names, as_number, as_pictures, setting
from kdlib.sliders.slider import Slider, picture, table
from kdlib.softening import soften

MOST = 12  # examples, whose photographs are large files, and classes, which have a bar for each model


def answers_slider(
    logits: Mapping[str, Tensor | Any],
    labels: Sequence[str],
    *,
    images: Tensor | Any | None = None,
    names: Sequence[str],
    truths: Sequence[int] | Any,
    temperature: float = 4.0,
) -> Slider:
    """Bars of softmax(z / T) for each class and model, and KL(first || model) in nats. Chapter 04.

    The `temperature` and `index` of the result can be read and set from Python.

    Args:
        logits: 2 or 3 models by name, the teacher or its targets first; each (examples, classes), at most 12
            of both. The order gives the colours: blue, orange (a student alone), green (a distilled one).
        labels: the name of each class.
        images: uint8, shape (examples, channels, height, width), 1 channel (grey) or 3 (RGB), 0 is black, at
            most 64 pixels a side. They become the buttons that choose the example; without them the names do.
        names: the name of each example, for people who do not see the images too: "test image 18, a cat".
        truths: the index of the true class of each example.
        temperature: where the slider starts, from 0.1 to 100.

    Raises:
        TypeError: logits that are no dict of 2 or 3 models, integer tensors as logits, images that are not
            uint8.
        ValueError: shapes that do not fit together, NaN or infinity, a true class or a temperature out of
            range.
    """
    if not isinstance(logits, Mapping) or len(logits) not in (2, 3):
        raise TypeError(f"logits is {logits!r}; give a dict of 2 or 3 models, the teacher first")
    named = {f"logits[{name!r}]": z for name, z in logits.items()}
    each = [as_logits(z, argument, examples=MOST, classes=MOST) for argument, z in named.items()]
    for argument, z in zip(named, each, strict=True):
        checks.same_shape(each[0], z, (next(iter(named)), argument))
    examples, classes = each[0].shape
    data = {
        "models": [str(name) for name in logits],
        "logits": [z.tolist() for z in each],
        "labels": as_names(labels, "labels", classes),
        "names": as_names(names, "names", examples),
        "truths": [as_index(truth, "truths", classes) for truth in as_list(truths, "truths", examples)],
        "images": [] if images is None else as_pictures(images, examples, ink=False),
    }
    start = setting(as_number, temperature, "temperature", 0.1, 100)
    return Slider(
        "answers",
        data=data,
        settings={"temperature": start, "index": setting(as_index, 0, "index", examples)},
        instead=_table(torch.stack(each), start.default_value, **data),
    )


def _table(z: Tensor, temperature: float, **data: Any) -> str:
    """The largest share of each model, and how far the others are from the first."""
    models, labels, shares = data["models"], data["labels"], soften(z, temperature)
    far = distillation_term(z[1:], z[:1].expand_as(z[1:]), temperature, reduction="none") / temperature**2
    rows = []
    for i, (name, truth) in enumerate(zip(data["names"], data["truths"], strict=True)):
        shown = picture(data["images"][i], name) if data["images"] else name
        tops = [f"{labels[int(p.argmax())]} {percent(float(p.max()))}" for p in shares[:, i]]
        nats = [fixed(max(0.0, float(x)), 3) for x in far[:, i]]
        rows.append([shown, labels[truth], *tops, *nats])
    head = ["example", "true class", *models, *(f"KL, {name}" for name in models[1:])]
    first = f"KL({models[0]} || model)"
    caption = f"The largest share of each model at T = {temperature:g}, and {first} in nats."
    return table(caption, head, rows)
