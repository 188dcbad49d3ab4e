"""Part of `make notebooks`: writes classroom/, each chapter for learners to fill in and solved for teachers.

A sheet is handed out alone, so its links are whole addresses once `make address` has written one.
For learners a solution is gone. Of its code cells that tagged `answer` stays as the function's first line and
docstring, and one tagged `check` as it is. `python -m kdlib grade` knows the cells by their first lines.
"""

import ast
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import notebooks
import yaml
from labels import contents, page_file, sources, targets
from nbformat import NotebookNode, v4
from notebooks import ROOT, read, tags
from plain import FOLDED, FORM
from prose import directives
from to_markdown import Page, titled

from kdlib.grade.submission import KEEP, SETUP, marker

IMPORTS = f"""{SETUP}{KEEP}
import math

import numpy as np
import torch
import torch.nn.functional as F"""
BESIDE = re.compile(r"\]\((?!\w+:)([^)\s]+)")
ELSEWHERE = re.compile(r"\]\((?!\w+:|\.\.)([\w/]+)\.ipynb")
ANSWERS = re.compile(r"```\{answer\}.*?```", re.DOTALL)
HEADING = "## Exercises"
HOW = "Write your answers where the cells ask for them."
CHECKED = (
    " Keep each cell's first line. Arguments are torch tensors where an exercise gives their shape. The cell "
    "below tells you what is wrong, and `check.NAME.hint()`, with the NAME of that cell, gives a nudge. Each "
    "answer must run by itself: beside `math`, `np`, `torch` and `F` it uses only what its own cell defines "
    "or imports. Of that cell only definitions, imports and assignments are graded."
)
SOLVED = "This is the teacher's copy: everything is solved."


class Sheet(Page):
    """A page on its way to the classroom: for learners, questions keep their answers to themselves."""

    chapters: tuple[str, ...] = ()  # the pages that the classroom has
    folder, home = "learners", ""  # and where the repository shows its files

    def answered(self, options: dict[str, str], body: str) -> str:
        asked, said = self.asked_and_said(options, body)
        if self.folder == "teachers":
            return f"{asked}\n\n**Answers.**\n\n{said}"
        return f"{asked}\n\n*The book's page says what is wrong with an answer.*"

    def link(self, url: str, words: str, image: str = "") -> str:
        """The classroom has chapters only; all other pages are in notebooks/, or text in book/."""
        made = super().link(url, words, image).replace("](../book/", "](../../book/")
        away = "](../../notebooks/"
        made = ELSEWHERE.sub(lambda to: to[0] if to[1] in self.chapters else f"{away}{to[1]}.ipynb", made)
        return BESIDE.sub(lambda to: f"]({self.home}/{self.place(to[1])}", made) if self.home else made

    def place(self, way: str) -> str:
        """What a relative link leads to, from the repository's root."""
        return posixpath.normpath(f"classroom/{self.folder}/{way}")


def home(root: Path) -> str:
    """Where the repository shows its files; empty while it has no address."""
    repository = yaml.safe_load((root / "_config.yml").read_text("utf-8"))["repository"]
    return f"{repository['url']}/blob/{repository['branch']}" if repository["url"] else ""


def with_exercises(root: Path) -> list[str]:
    """The names of the pages that have exercises, in the order of the contents."""
    names = [name for name, _ in contents(root) if page_file(name, root).suffix == ".ipynb"]
    return [name for name in names if "{exercise}" in page_file(name, root).read_text("utf-8")]


def classroom(root: Path = ROOT) -> dict[Path, NotebookNode]:
    """Every notebook of the classroom by its place."""
    known = targets(root), sources(root / "book" / "refs.bib")
    made, chapters = {}, tuple(with_exercises(root))
    for name in chapters:
        for folder in ("learners", "teachers"):
            nb, page = read(page_file(name, root)), Sheet(name, root, *known)
            nb.metadata.pop("kdlib", None)
            page.chapters, page.folder, page.home = chapters, folder, home(root)
            nb.cells = list(cells(page, nb.cells, solved=folder == "teachers"))
            made[root / "classroom" / folder / f"{name}.ipynb"] = nb
    return made


def cells(page: Sheet, given: list[NotebookNode], *, solved: bool) -> Iterator[NotebookNode]:
    """A page's cells for one of the two."""
    exercise, asked, checked = "", "", False  # by a check of its own
    for number, cell in enumerate(given):
        if cell.cell_type == "code":
            checked = checked or "check" in tags(cell)
            yield from code(page, cell, exercise, solved=solved)
            continue
        text = cell.source.removeprefix(HEADING)
        if text != cell.source:
            how = HOW + CHECKED * any("check" in tags(one) for one in given)
            yield v4.new_markdown_cell(f"{HEADING}\n\n{SOLVED if solved else how}", id="how")
            yield v4.new_code_cell(IMPORTS, id="imports", metadata={"tags": ["setup"]})
        pieces = [(words, said) for words, said in page.pieces(text) if solved or not words]
        if pieces:
            shown = [titled(words, said) if words else said for words, said in pieces]
            yield v4.new_markdown_cell("\n\n".join(shown), id=cell.id)
        for found in directives(cell.source):
            if found.name == "exercise":
                asked = ANSWERS.sub("", found.body)
            if found.name == "solution-start":
                exercise, checked = found.title, False
                yield from () if solved else place(page, exercise, asked, given[number:])
            if found.name == "solution-end" and checked and "?" in asked and not solved:
                title = page.target(exercise).words.lower()
                yield v4.new_code_cell(f"# Your further code for {title}.", id=f"{exercise}-more")


def place(page: Sheet, exercise: str, asked: str, rest: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Where a learner writes what no check looks at: words, and code."""
    end = next((i for i, cell in enumerate(rest) if "{solution-end}" in cell.source), len(rest))
    checked = any("answer" in tags(cell) for cell in rest[:end])
    title = page.target(exercise).words.lower()
    if ", in Python." not in asked:
        yield v4.new_markdown_cell(f"*Your answer to {title}:*", id=exercise)
        return
    if "?" in asked:
        yield v4.new_markdown_cell(f"*Your bet and your words on {title}:*", id=f"{exercise}-words")
    if not checked:
        yield v4.new_code_cell(f"# Your code for {title}.", id=exercise)


def code(page: Sheet, cell: NotebookNode, exercise: str, *, solved: bool) -> Iterator[NotebookNode]:
    """A code cell without its outputs; in a solution, what stays of it."""
    known = tags(cell)
    if page.solution and not solved and not {"answer", "check"} & {*known}:
        return
    source = cell.source
    if page.solution and "answer" in known:
        source = f"{marker(exercise)}{KEEP}\n{source if solved else emptied(source)}"
    new = v4.new_code_cell(source, id=cell.id, metadata={"tags": known} if known else {})
    if FOLDED & {*known}:
        new.metadata |= FORM
    yield new


def emptied(source: str) -> str:
    """Each function without its body, and the imports. ValueError where there is no function."""
    lines, kept = source.split("\n"), []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            kept += [*lines[node.lineno - 1 : node.end_lineno], ""]
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            told = first.end_lineno if ast.get_docstring(node) else first.lineno - 1
            head = "\n".join(lines[node.lineno - 1 : told]).rstrip()
            kept += [re.sub(r"\n\s*#.*$", "", head), "    ...", "", ""]
    if not any(line.startswith("def ") for line in kept):
        raise ValueError("a cell tagged answer defines a function")
    return "\n".join(kept).strip()


def lagging(root: Path = ROOT) -> list[str]:
    """The notebooks that are missing, old, or left of a page that is gone."""
    return notebooks.lagging(classroom(root), root / "classroom")


def main(root: Path = ROOT) -> int:
    try:
        notebooks.renew(classroom(root), root / "classroom")
    except ValueError as error:
        print(f"Classroom left as it was: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
