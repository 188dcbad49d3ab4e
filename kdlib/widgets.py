"""Sliders that move in Jupyter, synced with Python, and in the built page, without a kernel.

Each slider is one JavaScript module in `kdlib/js` and one picture drawn here. In JupyterLab, VS Code and
Colab the module runs through anywidget. In the built page the same module runs from the `text/html` that is
stored with the notebook: `page_html` gives it the picture, the numbers and a small stand-in for the kernel.
A reader without JavaScript sees the picture.
"""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from torch import Tensor

from kdlib import checks
from kdlib.softening import soften
from kdlib.temperature_picture import png_uri, temperature_markup

_JS = Path(__file__).parent / "js"
COLDEST, HOTTEST = 0.1, 100.0  # the ends of the temperature slider
MOST_CLASSES, MOST_EXAMPLES, LARGEST_THUMBNAIL = 20, 24, 64  # what a phone can show and a page should carry
LARGEST_LOGIT = 1e6  # beyond any network; keeps logits / 0.1 far from overflow


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
    z = _as_logits(logits)
    examples, classes = z.shape
    class_names = _as_names(labels, classes, "labels", "classes")
    if names is None:
        example_names = [f"example {i + 1}" for i in range(examples)]
    else:
        example_names = _as_names(names, examples, "names", "examples")
    pictures = None if images is None else [png_uri(image) for image in _as_images(images, examples)]
    start = _as_temperature(temperature)
    return TemperatureExplorer(
        markup=temperature_markup(z, class_names, example_names, pictures, 0, start),
        pictures=pictures,
        logits=z.tolist(),
        labels=class_names,
        names=example_names,
        temperature=start,
    )


class _Explorer(anywidget.AnyWidget):
    """What all sliders share: the style, the picture, and a mime bundle that also works without a kernel."""

    _css = _JS / "explorer.css"
    _page_traits: tuple[str, ...] = ()  # what the module reads from its model in a page
    markup = traitlets.Unicode().tag(sync=True)

    def _draw(self) -> str:
        """The markup as it would be now; the trait holds it as it was at the start."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})  # versions of anywidget differ
        state = {name: getattr(self, name) for name in self._page_traits}
        data["text/plain"] = f"{type(self).__name__}: run this cell to move the slider"  # no address, no id
        data["text/html"] = page_html(self._draw(), state, str(self._esm), str(self._css))
        return data, metadata


class TemperatureExplorer(_Explorer):
    """The widget that `temperature_explorer` makes, after checking its arguments."""

    _esm = _JS / "temperature.js"
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
        return _as_temperature(proposal["value"])

    @traitlets.validate("index")
    def _check_index(self, proposal: Any) -> int:
        index = int(proposal["value"])
        if not 0 <= index < len(self.logits):
            raise ValueError(f"index is {index}; choose one of the examples 0 to {len(self.logits) - 1}")
        return index


def page_html(markup: str, state: dict[str, Any], module: str, style: str) -> str:
    """The slider for a page without a kernel: the same module and picture, and a stand-in for the model.

    Pure text in, text out: the same arguments give the same page. It holds no id, so any number of sliders,
    also equal ones, stand on one page; it asks no other file or host, so it works from `file://`.

    Args:
        markup: the picture and its controls, shown as they are until the module runs.
        state: what the module reads by `model.get(name)`; plain data that JSON can carry.
        module: source of an ES module whose default export has `render({model, el})`.
        style: a style sheet.
    """

    def as_javascript(value: Any) -> str:
        return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")  # no </script> inside

    # A classic script, since only that knows its own place in the page (document.currentScript).
    return f"""<div class="kd-widget"><style>{style}</style>{markup}<script>(() => {{
const el = document.currentScript.parentElement, heard = {{}};
const state = {as_javascript(state)};
const model = {{
  get: (name) => state[name],
  set(name, value) {{
    if (state[name] === value) return;
    state[name] = value;
    (heard["change:" + name] ?? []).forEach((act) => act());
  }},
  on: (event, act) => (heard[event] ??= []).push(act),
  off: (event, act) => (heard[event] = (heard[event] ?? []).filter((other) => other !== act)),
  save_changes() {{}},
}};
const source = {as_javascript(module)};
import("data:text/javascript;charset=utf-8," + encodeURIComponent(source))
  .then((module) => module.default.render({{ model, el }}));
}})()</script></div>"""


def _as_temperature(value: float) -> float:
    temperature = checks.temperature(value)
    if not COLDEST <= temperature <= HOTTEST:
        raise ValueError(f"temperature is {value!r}; the slider goes from {COLDEST:g} to {HOTTEST:g}")
    return temperature


def _as_logits(value: Any) -> Tensor:
    try:
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"logits is {value!r}; give a tensor, an array, or a list of numbers or of rows of one length"
        ) from error
    z = checks.logits(tensor.detach().cpu()).double()
    z = z[None] if z.ndim == 1 else z
    if z.numel() and float(z.abs().max()) > LARGEST_LOGIT:
        raise ValueError(
            f"logits go as far as {float(z.abs().max()):g}; at most {LARGEST_LOGIT:g} can be drawn"
        )
    if z.ndim != 2 or not 1 <= len(z) <= MOST_EXAMPLES or z.shape[1] > MOST_CLASSES:
        raise ValueError(
            f"logits has shape {tuple(tensor.shape)}; give (classes,) or (examples, classes) "
            f"with at most {MOST_EXAMPLES} examples and {MOST_CLASSES} classes"
        )
    return z


def _as_names(values: Sequence[str], count: int, argument: str, what: str) -> list[str]:
    if not isinstance(values, Collection):
        raise TypeError(f"{argument} is {values!r}; give a list of {count} names, one for each of the {what}")
    if isinstance(values, str) or len(values) != count:
        raise ValueError(f"{argument} is {values!r}; the logits have {count} {what}: give one name for each")
    return [str(value) for value in values]


def _as_images(value: Any, examples: int) -> Tensor:
    images = torch.as_tensor(value).cpu()
    if images.dtype != torch.uint8:
        raise TypeError(f"images has dtype {images.dtype}; give uint8, 0 for no ink to 255")
    sides = images.shape[1:]
    if images.ndim != 3 or len(images) != examples or min(sides) < 1 or max(sides) > LARGEST_THUMBNAIL:
        raise ValueError(
            f"images has shape {tuple(images.shape)}; give ({examples}, height, width), one an example, "
            f"1 to {LARGEST_THUMBNAIL} pixels a side"
        )
    return images
