"""Numbers in prose, each a link to its proof: an evidence page prints them, `make run` copies them.

A cell of an evidence page prints `[+1.6]{#c4-fair-gain}`, interval and seeds in the same row; a chapter says
`[+1.6](#c4-fair-gain)`. So nobody types a result, and a reader is one tap from where it was measured.

Where words say which way, the sign is left out and stands as the link's title, which no reader sees: a
student makes `[60.0](#c3-recipe "−")` fewer errors. Should the number change its sign, that is a fault.
"""

import re
from pathlib import Path

from nbformat import NotebookNode
from notebooks import BOOK, of, read, write

PROOF = re.compile(r"\[([^\[\]]+)\]\{#(c[\w-]+)\}")  # ids of proofs begin with a c and the chapter's number
CITED = re.compile(r"\[([^\[\]]*)\]\(#(c\d[\w-]*)(?: \"([+−])\")?\)")


def proved(nb: NotebookNode) -> list[tuple[str, str]]:
    """The numbers that a notebook's cells print with an id, each with it."""
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    texts = (output.get("data", {}).get("text/markdown", "") for output in outputs)
    return [(name, number) for text in texts for number, name in PROOF.findall(text)]


def proofs(book: Path = BOOK) -> dict[str, str]:
    """All numbers of the evidence pages by id.

    Raises:
        ValueError: two numbers with one id.
    """
    found = [pair for path in sorted((book / "evidence").glob("*.ipynb")) for pair in proved(read(path))]
    names = [name for name, _ in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"these ids stand at two numbers: {', '.join(twice)}")
    return dict(found)


def copied(text: str, known: dict[str, str]) -> str:
    """A page's text with each cited number as its evidence page has it; what has no proof stays."""

    def one(cited: re.Match[str]) -> str:
        shown, name, sign = cited.groups()
        number = known.get(name, shown).removeprefix(sign or "")
        return cited[0].replace(f"[{shown}]", f"[{number}]", 1)

    return CITED.sub(one, text)


def unproved(text: str, known: dict[str, str]) -> list[str]:
    """What is wrong with the numbers that a text cites."""
    faults = []
    for shown, name, sign in CITED.findall(text):
        if name not in known:
            faults.append(f"no evidence page prints a number with the id {name}")
        elif not known[name].startswith(sign):
            where = f"{name} is {known[name]} on its evidence page"
            faults.append(f"{where}: the sentence was written for a {sign}")
        elif shown != known[name].removeprefix(sign):
            faults.append(f"{name} is {known[name]} on its evidence page and {shown} here: make run")
    return faults


def copy(book: Path = BOOK) -> list[Path]:
    """Bring every page of the book up to its evidence; the pages that changed."""
    known, changed = proofs(book), []
    for path in sorted(book.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (new := copied(text, known)) != text:
            path.write_text(new, encoding="utf-8", newline="\n")
            changed.append(path)
    for path in of(book):
        nb = read(path)
        for cell in nb.cells:
            if cell.cell_type == "markdown":
                cell.source = copied(cell.source, known)
        if write(nb, path):
            changed.append(path)
    return changed
