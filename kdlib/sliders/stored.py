"""Networks that run in the page: what their JavaScript, net.js, needs to know. Chapter 09."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdlib.data import resize
from kdlib.models import Expects
from kdlib.numbers import percent
from kdlib.sliders import scripts
from kdlib.sliders.inputs import as_index, as_names, as_number, as_pictures, setting
from kdlib.sliders.slider import Slider, picture, table
from kdlib.softening import soften

MOST = 8  # examples beside the reader's own

# By the name that is shown: the name of the weights, and the network.
Models = Mapping[str, tuple[str, nn.Sequential]]


def layers(model: nn.Sequential) -> list[list[Any]]:
    """What `kd.logits` computes, layer by layer: [kind, name of the weights, padding].

    Raises:
        ValueError: a layer, or a form of one, that net.js does not know.
    """
    found: list[list[Any]] = []
    for name, layer in model.named_children():
        match layer:
            case nn.Conv2d(
                kernel_size=(3, 3), stride=(1, 1), dilation=(1, 1), groups=1, padding=(int(padding), across),
                padding_mode="zeros", bias=nn.Parameter(),
            ) if padding == across:  # fmt: skip
                found.append(["conv", name, padding])
            case nn.Linear(bias=nn.Parameter()):
                found.append(["linear", name])
            case nn.ReLU():
                found.append(["relu"])
            case nn.MaxPool2d(kernel_size=2, stride=2, padding=0, ceil_mode=False):
                found.append(["pool"])
            case Expects() | nn.Flatten() | nn.Dropout():
                continue  # nothing to compute
            case _:
                raise ValueError(f"{name} is {layer}; a page knows convolution 3x3, linear, ReLU, max-pool")
    return found


def network_slider(
    kind: str,
    models: Models,
    examples: Tensor,
    names: Sequence[str],
    *,
    of: int,
    side: int,
    temperature: float,
    ink: bool = False,
    **data: Any,
) -> Slider:
    """A slider whose networks answer in the page to `examples` and to the reader's own.

    The examples are 1 to 8, uint8 (N, 1, of, of). Setting `index` is 0 for the reader's own and 1 for the
    first example; `side` is what the networks take.
    """
    count, size = len(names), tuple(examples.shape)
    if not 1 <= count <= MOST or size != (count, 1, of, of):
        wanted = f"({count}, 1, {of}, {of}) for {count} names, 1 to {MOST} of both"
        raise ValueError(f"images has shape {size}; give {wanted}")
    start = setting(as_number, temperature, "temperature", 0.1, 100)
    shown = {
        "models": [
            {"name": name, "weights": file, "layers": layers(model)} for name, (file, model) in models.items()
        ],
        "shape": [1, side, side],
        "names": as_names(names, "names", len(examples)),
        "images": as_pictures(examples[:, 0] if ink else examples, len(examples), ink=ink),
        "weights": {file: scripts.weights(file) for file, _ in models.values()},
        **data,
    }
    return Slider(
        kind,
        data=shown,
        settings={"temperature": start, "index": setting(as_index, 0, "index", len(examples) + 1)},
        instead=_table(models, resize(examples, side), shown, start.default_value),
    )


def _table(models: Models, images: Tensor, data: dict[str, Any], t: float) -> str:
    """The largest share that each model gives for each image."""
    with torch.no_grad():
        shares = [soften(model(images.float() / 255), t) for _, model in models.values()]
    rows = []
    for i, name in enumerate(data["names"]):
        tops = [f"{data['labels'][int(p[i].argmax())]} {percent(float(p[i].max()))}" for p in shares]
        rows.append([picture(data["images"][i], name), *tops])
    return table(f"The largest share that each network gives at T = {t:g}.", ["image", *models], rows)
