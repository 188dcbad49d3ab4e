"""The text of a page as the site reads it: its directives, and numbers typed where a run should print."""

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

# Markdown with tables, maths between dollars, and directives between colons too.
PARSER = MarkdownIt("commonmark").enable("table").use(colon_fence_plugin)
PARSER.use(dollarmath_plugin, double_inline=True)
VERBATIM = ("math", "code", "code-block", "code-cell", "bibliography", "image")  # these hold no prose


class Directive(NamedTuple):
    """```{name} title, with lines of `:key: value` at its head."""

    name: str
    title: str
    options: dict[str, str]
    body: str


def directive(token: Token) -> Directive | None:
    """What a fenced block of Markdown says, where it is one for the site and no plain code."""
    match = re.match(r"\{([\w:-]+)\}[ \t]*(.*)", token.info.strip())
    if token.type not in ("fence", "colon_fence") or match is None:
        return None
    lines = token.content.split("\n")
    head = list(takewhile(re.compile(r":[\w-]+:").match, lines))
    options = {key: value.strip() for _, key, value in (line.split(":", 2) for line in head)}
    return Directive(match[1], match[2], options, "\n".join(lines[len(head) :]))


def directives(markdown: str) -> Iterator[Directive]:
    """All directives of a text, those inside others too."""
    for token in PARSER.parse(markdown):
        if found := directive(token):
            yield found
            if found.name not in VERBATIM:
                yield from directives(found.body)


NUMBER = re.compile(
    r"(?<![\w.,/-])[-+−]?(?:"
    r"\d+[.]\d+(?![\w.]*\d)(?:\s?%)?"  # 0.93, 91.2 %; not 1.0.4
    r"|\d+(?:\s?%|\s(?:per ?cent|percentage points?)\b)"  # 97 %
    r")"
)
TABLES = ("list-table", "table", "csv-table")
NAMED = r"CC[ -]BY(?:-SA)?|Python|[Vv]ersion|[Ss]ections?|[Cc]hapters?|[Tt]ables?|[Ee]quations?|[Ff]igures?"
NOT_RESULTS = re.compile(
    r"<!--.*?-->|https?://\S+"
    rf"|\b(?:{NAMED})\s\d+\.\d+(?:(?:,|-|–| to| and| or)\s?\d+\.\d+)*",
    re.DOTALL,
)


def typed_numbers(markdown: str) -> list[str]:
    """Numbers in prose that look like results (0.93, 91.2 %, 97 %): no run would correct them.

    Allowed: maths and code, which hold settings and derivations; links; numbers of versions, sections and
    the like; and a table of cited sources, with a {cite} role in it or in the paragraph before or after it.
    """
    return [
        f"a result typed by hand, {match[0].strip()!r} in {excerpt(text, match)!r}: print it from a cell"
        for text in (NOT_RESULTS.sub(" ", text) for text in prose(markdown))
        for match in NUMBER.finditer(text)
    ]


def prose(markdown: str) -> Iterator[str]:
    """The text of each paragraph, heading and cell of a table: no code, maths, addresses or cited tables.

    The body of a directive is prose, but for those named in VERBATIM.
    """
    tokens, lines = PARSER.parse(markdown), markdown.splitlines()
    blocks = [token for token in tokens if token.level == 0 and token.map]
    ends = [0, *(token.map[1] for token in blocks if token.map), len(lines)]
    number, cited = -1, False
    for token in tokens:
        found = directive(token)
        if token.level == 0 and token.map:
            number += 1
            nearby = "\n".join(lines[ends[max(0, number - 1)] : ends[min(number + 2, len(ends) - 1)]])
            table = token.type == "table_open" or (found and found.name in TABLES)
            cited = bool(table) and "{cite" in nearby
        if cited:
            continue
        if found and found.name not in VERBATIM:
            yield found.title
            yield from prose(found.body)
        elif token.type == "inline":
            yield words(token)
        elif token.type == "html_block":
            yield token.content


def words(token: Token) -> str:
    """The text of a paragraph without code, maths, addresses, and numbers that link to a proof."""
    shown = [" " if child.type in ("softbreak", "hardbreak") else "" for child in token.children or ()]
    proof = False
    for number, child in enumerate(token.children or ()):
        if child.type in ("link_open", "link_close"):
            proof = str(child.attrGet("href") or "").startswith("#c")
        elif child.type == "text" and not proof:
            shown[number] = child.content
        elif child.type in ("code_inline", "math_inline", "math_inline_double"):
            shown[number] = " "
    return "".join(shown)


def excerpt(text: str, match: re.Match[str]) -> str:
    return " ".join(text[max(0, match.start() - 30) : match.end() + 20].split())
