"""The glossary in the text: on each page the first occurrence of a word of book/notation.md is marked.

The words stand there under "## Words", a definition list. A term may have several forms, parted by commas;
plurals are found too. A marked word is a link to its entry, which needs no script. The meanings of a page's
words stand hidden at its end: a screen reader reads them with the link, and `book/assets/glossary.js` shows
them on hover, focus and tap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx_exercise.nodes import solution_node

PAGE, SECTION = "book/notation", "words"
LIMIT = 15  # marks a page: more would be dots to look through
# Where running text stands. What is not named here (headings, cards, tables, code, links) stays as it is.
ENTERED = (
    nodes.document, nodes.section, nodes.paragraph, nodes.emphasis, nodes.Admonition,
    nodes.bullet_list, nodes.enumerated_list, nodes.list_item,
)  # fmt: skip
# Everyday uses of a glossary's word.
OTHER_SENSES = (
    *("in view", "point of view", "a hint", "last two recipes"),
    *("calibrated on", "calibration of the activations", "calibration images"),  # of int8
)


class word(nodes.Inline, nodes.TextElement):
    """A marked word in a page's text."""


class Entry(NamedTuple):
    """A word of the glossary: its first form, its other forms, and its meaning in a paragraph."""

    name: str
    forms: tuple[str, ...]
    meaning: nodes.paragraph

    @property
    def id(self) -> str:
        return "word-" + nodes.make_id(self.name)


def expression(form: str) -> str:
    """What finds a form: with a hyphen or a space, in the plural too, and capital at a sentence's start."""
    ending = "(?:y|ies)" if form.endswith("y") else f"{re.escape(form[-1])}(?:e?s)?"
    start = form[0] if form[:2].isupper() else f"[{form[0].upper()}{form[0].lower()}]"
    return start + re.sub(r"\\[ -]|[ -]", r"[\\s-]", re.escape(form[1:-1])) + ending


def occurrences(text: str, forms: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Start, end and id of each word in a text: whole words, the longest form first.

    Args:
        text: of one text node.
        forms: the id of the entry by its form; an empty id is another sense, which hides the word.
    """
    longest = sorted(forms, key=len, reverse=True)
    either = "|".join(f"({expression(form)})" for form in longest)
    for match in re.finditer(rf"(?<![\w-])(?:{either})(?![\w-])", text) if forms else ():
        yield match.start(), match.end(), forms[longest[(match.lastindex or 1) - 1]]


def running_text(node: nodes.Node) -> Iterator[nodes.Text | nodes.strong]:
    """The texts of a page that may be marked, and its bold words, in order."""
    for child in node.children:
        plain = isinstance(child, nodes.Text) and isinstance(node, nodes.paragraph | nodes.emphasis)
        if plain or isinstance(child, nodes.strong):
            yield child
        elif isinstance(child, ENTERED) and not isinstance(child, solution_node):
            yield from running_text(child)


def mark(page: nodes.document, forms: Mapping[str, str], limit: int = LIMIT) -> list[str]:
    """Mark the first occurrence of each word, in place; a word that the page itself sets bold is known.

    Returns:
        The ids of the marked words, in the order of the page.
    """
    known: set[str] = {""}
    marked: list[str] = []
    for text in list(running_text(page)):
        found = list(occurrences(text.astext(), forms))
        if isinstance(text, nodes.strong):
            whole = len(text.astext().strip(" .:?!"))
            known |= {entry for start, end, entry in found if (start, end) == (0, whole)}
            continue
        parts: list[nodes.Node] = []
        at = 0
        for start, end, entry in found:
            if entry in known or len(marked) == limit:
                continue
            known.add(entry)
            marked.append(entry)
            parts += [nodes.Text(text[at:start]), word("", text[start:end], entry=entry)]
            at = end
        if parts:
            text.parent.replace(text, [part for part in (*parts, nodes.Text(text[at:])) if part.astext()])
    return marked


def entries(page: nodes.document) -> Iterator[tuple[nodes.term, Entry]]:
    """The glossary's terms and what they say. The box shows the first paragraph of a definition."""
    sections = (section for section in page.findall(nodes.section) if SECTION in section["ids"])
    for item in (item for section in sections for item in section.findall(nodes.definition_list_item)):
        term, definition = item.children[0], item.children[-1]
        forms = tuple(form.strip() for form in term.astext().split(","))
        yield term, Entry(forms[0], forms, next(definition.findall(nodes.paragraph)))


def known_forms(glossary: Iterable[Entry]) -> dict[str, str]:
    return dict.fromkeys(OTHER_SENSES, "") | {form: entry.id for entry in glossary for form in entry.forms}


def name_terms(app: Any, page: nodes.document) -> None:
    """On `doctree-read`: the terms get ids, which the marked words link to."""
    if app.env.docname == PAGE:
        for term, entry in entries(page):
            term["ids"].append(entry.id)


def glossary_of(app: Any) -> dict[str, Entry]:
    """The glossary by its ids; empty for a book without one."""
    if PAGE not in app.env.found_docs:
        return {}
    if not hasattr(app, "kd_glossary"):
        found = (entry for _, entry in entries(app.env.get_doctree(PAGE)))
        app.kd_glossary = {entry.id: entry for entry in found}
    known: dict[str, Entry] = app.kd_glossary
    return known


def mark_page(app: Any, page: nodes.document, name: str) -> None:
    """On `doctree-resolved`."""
    if app.builder.format == "html" and name != PAGE:
        mark(page, known_forms(glossary_of(app).values()))
        for found in page.findall(word):
            found["link"] = f"{app.builder.get_relative_uri(name, PAGE)}#{found['entry']}"


def add_meanings(app: Any, name: str, template: str, context: dict[str, Any], page: Any) -> None:
    """On `html-page-context`: what the page's words mean, hidden at its end, where no search finds it."""
    glossary = glossary_of(app)
    used = [glossary[found["entry"]] for found in page.findall(word)] if page else []
    if used:
        meanings = "".join(f'<div id="{entry.id}">{rendered(app, entry)}</div>\n' for entry in used)
        context["body"] += f'<div class="kd-meanings" hidden>\n{meanings}</div>\n'


def rendered(app: Any, entry: Entry) -> str:
    """An entry in HTML, without links."""
    meaning = entry.meaning.deepcopy()
    for link in list(meaning.findall(lambda node: isinstance(node, nodes.reference | addnodes.pending_xref))):
        link.replace_self(link.children)
    return f'<p class="kd-term">{entry.name}</p>{app.builder.render_partial(meaning)["fragment"]}'


def open_word(writer: Any, node: word) -> None:
    writer.body.append(f'<a class="kd-word" href="{node["link"]}" aria-describedby="{node["entry"]}">')


def setup(app: Any) -> dict[str, bool]:
    app.add_node(word, html=(open_word, lambda writer, node: writer.body.append("</a>")))
    app.connect("doctree-read", name_terms)
    app.connect("doctree-resolved", mark_page, priority=900)  # after exercises have their titles
    app.connect("html-page-context", add_meanings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
