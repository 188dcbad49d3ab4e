"""What all sliders share: a widget that JavaScript draws, and a table for where nothing runs."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import anywidget
import traitlets

from kdlib.sliders import scripts

JS = scripts.JS
HINT = "It is a slider in the book's pages, and in Jupyter once this cell has run."


def module(kind: str) -> str:
    """The ES module of a slider, for anywidget: its files, and what anywidget calls."""
    files = "".join((JS / f"{part}.js").read_text(encoding="utf-8") for part in scripts.parts(kind))
    return f'{files}\nexport default {{ render: (cell) => kd.show("{kind}", cell) }};\n'


class Setting(traitlets.TraitType):  # type: ignore[type-arg]  # not generic in Colab's version
    """A value that people and Python move; `as_valid` returns it in one form, or names it and the remedy."""

    def __init__(self, as_valid: Callable[[Any], Any], start: Any) -> None:
        super().__init__(as_valid(start))
        self.as_valid = as_valid

    def validate(self, obj: Any, value: Any) -> Any:
        return self.as_valid(value)


class Slider(anywidget.AnyWidget):
    """A slider: its settings can be read and set from Python by their names, and follow the hand.

    Args:
        kind: the slider's file in `js`, without its ending.
        data: what it shows; plain values that JSON can carry, and `images` as data URIs.
        settings: where it starts, by name.
        instead: the HTML that is shown where no JavaScript runs, a `table`.
    """

    _css = JS / "sliders.css"
    _esm = traitlets.Unicode().tag(sync=True)
    data: Any = traitlets.Dict().tag(sync=True)

    def __init__(
        self, kind: str, *, data: Mapping[str, Any], settings: Mapping[str, Setting], instead: str
    ) -> None:
        self.add_traits(**{name: setting.tag(sync=True) for name, setting in settings.items()})
        start = {name: setting.default_value for name, setting in settings.items()}
        super().__init__(data={**data, "start": start}, _esm=module(kind))
        self._kind, self._instead = kind, instead

    def html(self) -> str:
        """The table and the data, for `js/page.js`; the same text each time, without any id."""
        # The images stand in the table already, and a page has a script for each model.
        data = {name: value for name, value in self.data.items() if name not in ("images", "weights")}
        setting = {name: getattr(self, name) for name in data["start"]}
        stored = json.dumps({"data": data, "setting": setting}, ensure_ascii=False, separators=(",", ":"))
        stored = stored.replace("<", "\\u003c")  # no </script> inside
        return (
            f'<div class="kd-slider" data-slider="{self._kind}">{self._instead}'
            f'<script type="application/json">{stored}</script></div>'
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})  # versions of anywidget differ
        data["text/plain"] = f"{self._kind} slider: run this cell to move it"  # no address, no id
        if "google.colab" not in sys.modules:  # it might show the table in place of the slider
            data["text/html"] = self.html()
        return data, metadata


class Cell(str):
    """A cell of a table that is HTML already."""


def picture(uri: str, name: str) -> Cell:
    """An image and its name, as a cell."""
    return Cell(f'<img src="{uri}" alt=""> {escape(name)}')


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table; the first cell of each row names it."""

    def cells(row: Sequence[str], first: str, others: str) -> str:
        tags = (first if row[0] else others, *[others] * (len(row) - 1))  # what is empty names nothing
        texts = [cell if isinstance(cell, Cell) else escape(cell) for cell in row]
        pairs = zip(tags, texts, strict=True)
        return f"<tr>{''.join(f'<{tag}>{text}</{tag[:2]}>' for tag, text in pairs)}</tr>"

    body = "".join(cells(row, 'th scope="row"', "td") for row in rows)
    return (
        f"<table><caption>{escape(caption)} {HINT}</caption>"
        f"<thead>{cells(head, 'th', 'th')}</thead><tbody>{body}</tbody></table>"
    )
