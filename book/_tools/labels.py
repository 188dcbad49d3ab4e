"""What a reference calls what it points to: numbers, titles and ids of the book's pages, and its sources.

The site counts figures, tables, exercises and equations while it is built, in the order of the contents; here
is the same without building it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from notebooks import ROOT, read
from pybtex.database import parse_file
from pybtex.richtext import Text

KINDS = {"exercise": "Exercise", "figure": "Figure", "table": "Table", "math": "Equation"}
TARGET = re.compile(
    rf"[`:]{{3,}}\{{(?P<kind>{'|'.join(KINDS)})\}}.*(?P<options>(?:\n:[\w-]+:.*)*)"
    r"|\$\$ *\((?P<equation>[\w:-]+)\)"
    r"|^\((?P<place>[\w:-]+)\)=\n+(?:#+ )?(?P<heading>.*)"
    r"|\[(?P<number>[^\[\]]*)\]\{#(?P<id>[\w:-]+)",
    re.MULTILINE,
)


class Target(NamedTuple):
    """What a reference calls it ("Figure 5.2", a heading, a number), and the page that holds it."""

    words: str
    page: str


class Source(NamedTuple):
    """Who, when (or empty) and where (or empty)."""

    names: str
    year: str
    address: str


def page_file(page: str, root: Path = ROOT) -> Path:
    """The file of a page, which is named by its path in book/ without ending."""
    notebook = root / "book" / f"{page}.ipynb"
    return notebook if notebook.is_file() else notebook.with_suffix(".md")


def contents(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Every page in the order of the contents, and what its numbers begin with: "5." in all of chapter 5."""
    table, number = yaml.safe_load((root / "_toc.yml").read_text("utf-8")), 0
    yield table["root"].removeprefix("book/"), ""
    for part in table["parts"]:
        for chapter in part["chapters"]:
            number += "numbered" in part
            for entry in (chapter, *chapter.get("sections", ())):
                yield entry["file"].removeprefix("book/"), f"{number}." if "numbered" in part else ""


def texts(path: Path) -> Iterator[str]:
    """All Markdown of a page in order; a code cell's figure as the directive that it stands for."""
    if path.suffix == ".md":
        yield path.read_text("utf-8")
        return
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            yield cell.source
        for output in cell.get("outputs", ()):
            yield output.get("data", {}).get("text/markdown", "")
        if figure := cell.metadata.get("mystnb", {}).get("figure"):
            yield f"```{{figure}} of code\n:name: {figure['name']}\n```"


def targets(root: Path = ROOT) -> dict[str, Target]:
    """Every label and id of the book; the label of a page is its name, its words are its title."""
    found: dict[str, Target] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for page, chapter in contents(root):
        for text in texts(page_file(page, root)):
            if page not in found and (title := re.search(r"^# (.*)", text, re.MULTILINE)):
                found[page] = Target(title[1], page)
            for match in TARGET.finditer(text):
                label, words = called(match)
                if words in KINDS.values():
                    counts[words, chapter] += 1
                    words += f" {chapter}{counts[words, chapter]}"
                found[label] = Target(words, page)
    return found


def called(match: re.Match[str]) -> tuple[str, str]:
    """A label, and its words: for what has a number, the kind alone."""
    if match["kind"]:
        label = re.search(r":(?:label|name): *(\S+)", match["options"])
        return label[1] if label else "", KINDS[match["kind"]]
    if match["equation"]:
        return match["equation"], KINDS["math"]
    return (match["place"], match["heading"]) if match["place"] else (match["id"], match["number"])


def sources(path: Path) -> dict[str, Source]:
    """The entries of a BibTeX file by their keys."""
    found = {}
    for key, entry in parse_file(str(path), "bibtex").entries.items():
        people = entry.persons["author"]
        names = [str(Text.from_latex(" ".join(who.prelast_names + who.last_names))) for who in people]
        address = entry.fields.get("url", "")
        for field, host in (("eprint", "https://arxiv.org/abs/"), ("doi", "https://doi.org/")):
            if field in entry.fields:
                address = host + entry.fields[field]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        found[key] = Source(who, entry.fields.get("year", ""), address)
    return found
