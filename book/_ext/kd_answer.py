"""An exercise that is answered on the page, with a sentence for each wrong answer that people give.

    ```{answer}
    - [ ] 8 : 2 : 1

      That halves the shares. Half a logit is the square root of its share.

    - [x] 4 : 2 : 1

      Each ratio becomes its square root.
    ```

`:number: runs` asks for a number in place of a choice: each option is one, right or wrong within `:within:`,
and a last one in words answers all others. `:order:` asks for an order: first the things in their right
order, as a numbered list, then what is said: `[x] in order` and wrong pairs such as `[ ] 3 before 1`.
Without JavaScript what is said unfolds; book/assets/answer.js does the rest. Nothing is sent anywhere.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from kd_predict import mark, told
from sphinx.util.docutils import SphinxDirective

PAIR = re.compile(r"\d+ before \d+")
NUMBER = re.compile(r"[-+−]?\d[\d,]*(\.\d+)?")


class answer(nodes.General, nodes.Element):
    """All that the reader may answer, and what is said to it."""


class said(nodes.General, nodes.Element):
    """What is said to one answer."""


class Answer(SphinxDirective):
    """A choice, a number or an order."""

    has_content = True
    option_spec: ClassVar = {"number": directives.unchanged, "within": float, "order": directives.flag}

    def run(self) -> list[nodes.Node]:
        given = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, given)
        kind = next((known for known in ("number", "order") if known in self.options), "choice")
        *things, cases = given.children or [given]
        if not isinstance(cases, nodes.bullet_list) or len(things) != (kind == "order"):
            raise self.error(
                "an answer holds its options, after a numbered list where they are to be ordered"
            )
        texts = [item.astext().split("\n")[0] for item in cases.children]
        if sum(mark(item) for item in cases.children) != 1 or any(len(item) < 2 for item in cases.children):
            raise self.error(
                "each option of an answer has a mark, [ ] or one [x], and a paragraph that is said to it"
            )
        for item in cases.children:
            item[1:] = [said("", *item[1:])]
        self.check(kind, [text[4:].strip() for text in texts], things)
        if things:
            shuffle(things[0])
        known = {key: str(self.options[key]) for key in ("number", "within") if key in self.options}
        return [answer("", *things, cases, kind=kind, **known)]

    def check(self, kind: str, texts: list[str], things: list[nodes.Node]) -> None:
        """Numbers are numbers, but for the last; pairs are pairs of the list."""
        if kind == "number" and not all(NUMBER.fullmatch(text) for text in texts[:-1]):
            raise self.error(f"one of {texts[:-1]} is no number")
        if kind == "order":
            count = len(things[0].children)
            pairs = [list(map(int, re.findall(r"\d+", text))) for text in texts if PAIR.fullmatch(text)]
            if len(pairs) != len(texts) - 1 or any(not 1 <= b < a <= count for a, b in pairs):
                raise self.error("an order has [x] in order, and wrong pairs: '3 before 1'")


def shuffle(things: nodes.Element) -> None:
    """Put the things where their text's checksum does, never in their right order; each knows its place."""
    for place, item in enumerate(things.children, 1):
        item["place"] = place
    mixed = sorted(things.children, key=lambda item: sha256(item.astext().encode()).digest())
    things[:] = mixed if mixed != things.children else mixed[::-1]


def open_answer(writer: Any, node: Any) -> None:
    places = ",".join(str(item["place"]) for item in node[0]) if node["kind"] == "order" else ""
    known = f' data-kind="{node["kind"]}" data-places="{places}"{told(node)}'
    writer.body.append(f'<div class="kd-answer"{known}>\n')


def open_said(writer: Any, node: Any) -> None:
    writer.body.append('<details class="kd-said"><summary>What is said to it</summary>\n')


def setup(app: Any) -> dict[str, bool]:
    app.add_node(answer, html=(open_answer, lambda writer, node: writer.body.append("</div>\n")))
    app.add_node(said, html=(open_said, lambda writer, node: writer.body.append("</details>\n")))
    app.add_directive("answer", Answer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
