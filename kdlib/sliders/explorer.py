"""What all sliders share: a widget with a picture, and the page that shows it without a kernel."""

import json
from pathlib import Path
from typing import Any

import anywidget
import traitlets

JS = Path(__file__).parent / "js"


def module(name: str) -> str:
    """The ES module of a slider: what all share, and then its own."""
    return "".join((JS / f"{part}.js").read_text(encoding="utf-8") for part in ("shared", name))


class Explorer(anywidget.AnyWidget):
    """A slider: its style, its picture, and a mime bundle that also works without a kernel."""

    _css = JS / "explorer.css"
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
