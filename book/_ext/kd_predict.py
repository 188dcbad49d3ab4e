"""The Predict card: a question that is answered by a tap, and then what was measured.

    ```{predict}
    How many of a hundred test pictures does the student get right?

    - [ ] about 95
    - [x] about 79

    [79](#c5-quick) %: the test folder is another hospital's day.
    ```

In place of the options, `:number: points` asks for a number, and `:within: 3` says what counts as near; the
answer is the first number in the part that is revealed. Without JavaScript the options are a list and the
rest unfolds; book/assets/predict.js makes them buttons. Nothing is sent anywhere.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

MARK = re.compile(r"\[([ x])\]\s*")


class card(nodes.General, nodes.Element):
    """The card as a whole."""


class reveal(nodes.General, nodes.Element):
    """What the card hides until it is answered."""


class Predict(SphinxDirective):
    """Question, options (or a number to be typed), and what is revealed."""

    has_content = True
    option_spec: ClassVar = {"number": directives.unchanged, "within": float}

    def run(self) -> list[nodes.Node]:
        given = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, given)
        parts = list(given.children)
        at = next((i for i, part in enumerate(parts) if isinstance(part, nodes.bullet_list)), None)
        if "number" in self.options:
            at, options = 0, []
        elif at is None:
            raise self.error("a predict card needs options, or :number:")
        else:
            options = [parts[at]]
            if sum(mark(item) for item in parts[at].children) != 1:
                raise self.error("a predict card marks each option with [ ], and the right one with [x]")
        question, hidden = parts[: at + (not options)], parts[at + 1 :]
        if not question or not hidden:
            raise self.error("a predict card has a question, and after the options what is revealed")
        known = {key: str(value) for key, value in self.options.items()}
        return [card("", *question, *options, reveal("", *hidden), **known)]


def mark(item: Any) -> bool:
    """Take the [ ] or [x] off an option; True where it is the right one."""
    text = next(iter(item.findall(nodes.Text)), None)
    found = MARK.match(text.astext()) if text else None
    if text is None or found is None:
        return False
    text.parent.replace(text, nodes.Text(text.astext()[found.end() :]))
    right = found[1] == "x"
    item["classes"] += ["kd-right"] if right else []
    return right


def told(node: Any) -> str:
    """For the script: the unit of a number, and what counts as near."""
    return "".join(f' data-{key}="{escape(node[key])}"' for key in ("number", "within") if key in node)


def open_card(writer: Any, node: Any) -> None:
    title = '<p class="admonition-title">Predict</p>'
    writer.body.append(f'<div class="admonition kd-predict"{told(node)}>{title}\n')


def open_reveal(writer: Any, node: Any) -> None:
    writer.body.append('<details class="kd-reveal"><summary>Show the answer</summary>\n')


def setup(app: Any) -> dict[str, bool]:
    app.add_node(card, html=(open_card, lambda writer, node: writer.body.append("</div>\n")))
    app.add_node(reveal, html=(open_reveal, lambda writer, node: writer.body.append("</details>\n")))
    app.add_directive("predict", Predict)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
