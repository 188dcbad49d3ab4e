"""The book's formulas, and a formula of MathML as one line of text by which two converters can be compared.

`tests/tools/formulas.txt` holds a line for each: its TeX, a tab, and the text on which math-core, the site's
converter, and Temml, another, agree. `compare_formulas.py` writes it.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from notebooks import BOOK, ROOT, read
from prose import PARSER, VERBATIM, directive

LIST = ROOT / "tests" / "tools" / "formulas.txt"
NUMBER = re.compile(r"[-+\d.]+(?:\\,\\%)?")  # cells print other ones tomorrow, and none can go wrong
INLINE = ("math_inline", "math_inline_double")
DISPLAY = ("math_block", "math_block_label")


def in_markdown(markdown: str) -> Iterator[tuple[str, bool]]:
    """Each formula of a text, directives included: TeX on one line, and whether it is displayed."""
    for token in PARSER.parse(markdown):
        found = directive(token)
        if token.type in DISPLAY or (found and found.name == "math"):
            yield one_line(found.body if found else token.content), True
        elif found and found.name not in VERBATIM:
            yield from in_markdown(f"{found.title}\n\n{found.body}")
        for child in token.children or ():
            if child.type in INLINE:
                yield one_line(child.content), child.type == "math_inline_double"


def one_line(tex: str) -> str:
    return " ".join(tex.split())


def texts(path: Path) -> Iterator[str]:
    """The Markdown of a page: its own, what its cells print, and captions of its figures."""
    if path.suffix == ".md":
        yield path.read_text(encoding="utf-8")
        return
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            yield cell.source
        yield cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
        yield from (output.get("data", {}).get("text/markdown", "") for output in cell.get("outputs", ()))


def of_the_book() -> list[tuple[str, bool]]:
    """All formulas of the book's pages but mere numbers, each once, in alphabetical order."""
    pages = [*BOOK.rglob("*.md"), *BOOK.rglob("*.ipynb")]
    found = {formula for page in pages for text in texts(page) for formula in in_markdown(text)}
    return sorted(formula for formula in found if not NUMBER.fullmatch(formula[0]))


def stored() -> dict[str, str]:
    """The list: the text of each formula by its TeX."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def as_text(mathml: str) -> str:
    """A formula on one line: p_i/{z_j}. What shows nothing is left out, and rows are parted by semicolons."""
    named = re.sub(r"&(?!(?:lt|gt|amp|quot);)\w+;", lambda entity: unescape(entity[0]), mathml)
    return write(ET.fromstring(named)).replace("‾", "¯").replace("...", "…")


SCRIPTS = {"msub": "_", "munder": "_", "msup": "^", "mover": "^", "msubsup": "_^", "munderover": "_^"}


def write(node: ET.Element) -> str:
    """The text of one element and of all in it."""
    parts = [write(child) for child in node]
    if node.tag in SCRIPTS:
        scripts = zip(SCRIPTS[node.tag], parts[1:], strict=True)
        return parts[0] + "".join(mark + grouped(part) for mark, part in scripts)
    if node.tag == "mfrac":
        return "/".join(map(grouped, parts))
    if node.tag in ("msqrt", "mroot"):
        return "√" + grouped("".join(parts))
    if node.tag == "mtable":
        return ";".join(parts)
    return re.sub(r"[\s\u2061-\u2064\ufe00\ufe01]", "", node.text or "") + "".join(parts)


def grouped(text: str) -> str:
    return text if len(text) < 2 else f"{{{text}}}"
