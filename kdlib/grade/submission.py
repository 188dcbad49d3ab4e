"""Which cells of a learner's notebook are an exercise's. They are known by their first line.

Ids and tags of cells get lost between Jupyter, Colab and learning platforms; a line of the cell does not.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LARGEST, LONGEST = 20_000_000, 100_000  # bytes in all (a notebook has about a tenth), characters of a cell
SETUP, KEEP = "# Set-up of the exercises.", " Keep this line."
Answers = tuple[dict[str, list[str]], list[str]]
MARKER = re.compile(r"#\s*Exercise\s+(ex-[\w-]+)")
NO_NOTEBOOK = "it is no notebook."
# Of an empty sheet's function: what says nothing, and what is left when that is gone.
WORDS = re.compile(r"""("{3}|'{3})[\s\S]*?\1|#.*|^[ \t]+(?:"[^"\n]*"|'[^'\n]*')[ \t]*$""", re.MULTILINE)
EMPTY = r"\((?:[^()]|\([^()]*\))*\)[^:\n]*:(?:\s|pass\b|\.\.\.|raise NotImplementedError\b.*$)*(?=^\S|\Z)"


def marker(label: str) -> str:
    """The first line of an exercise's cell."""
    return f"# Exercise {label}."


class Cell(NamedTuple):
    """A code cell: where it stands, its exercise's label or "", its source, its notebook's set-up cells."""

    where: str
    label: str
    source: str
    setup: list[str]


def content(path: Path) -> dict[str, bytes]:
    """Name and content of a file, or of all notebooks in a folder. ValueError in words if there is none."""
    paths, top = [path], path.parent
    if path.is_dir() and not path.is_symlink():
        inside = [p for p in path.rglob("*") if is_notebook(p) and "/." not in f"/{p.relative_to(path)}"]
        paths, top = sorted(inside, key=in_order), path
    if not paths:
        raise ValueError("the folder holds no notebook")
    if odd := [one.name for one in paths if one.is_symlink() or not one.is_file()]:
        raise ValueError(f"it is, or holds, a link or no file ({odd[0]})")
    if sum(one.stat().st_size for one in paths) > LARGEST:
        raise ValueError(f"it has more than {LARGEST // 1_000_000} MB")
    return {one.relative_to(top).as_posix(): one.read_bytes() for one in paths}


def is_notebook(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() == ".ipynb"


def in_order(path: Path) -> list[list[str | int]]:
    """Sorts "02 (1)" after "02", and "02 (10)" after "02 (2)"."""
    parts = [re.split(r"(\d+)", part) for part in path.with_suffix("").parts]
    return [[int(text) if at % 2 else text for at, text in enumerate(part)] for part in parts]


def read(notebooks: dict[str, bytes], functions: dict[str, str], known: Iterable[str] = ()) -> Answers:
    """Take a learner's notebooks apart.

    Args:
        notebooks: name and content of each.
        functions: the name of the function of each label.
        known: labels that the learners' sheets have besides.

    Returns:
        By label the set-up cells and the exercise's, and remarks on what is odd.
    """
    cells, answers, remarks = list[Cell](), dict[str, list[str]](), list[str]()
    for name, notebook in notebooks.items():
        try:
            cells += code_cells(notebook, f" of {name}" if len(notebooks) > 1 else "")
        except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
            remarks.append(f"{name}: {NO_NOTEBOOK}")
    for label, function in functions.items():
        its = [cell for cell in cells if cell.label == label]
        filled = [cell for cell in its if defines(cell.source, function)]
        if len(filled) > 1:
            places = " and ".join(cell.where for cell in filled)
            remarks.append(f"{label} stands in cells {places}. The last one was graded.")
        elif cells and not filled:
            filled = [cell for cell in cells if defines(cell.source, function)]
            said = f"its cell has no {function}" if its else f"no cell begins with {marker(label)!r}"
            instead = f"; cell {filled[-1].where}, with {function}, was graded" if filled else ""
            if filled or not its:
                remarks.append(f"{label}{'' if its else ' is missing'}: {said}{instead}.")
        for cell in (filled or its)[-1:]:
            answers[label] = [*cell.setup, cell.source]
    odd = [f"{one.label} (cell {one.where})" for one in cells if one.label not in {"", *functions, *known}]
    return answers, remarks + [f"{one} is no exercise of this assignment. Was it renamed?" for one in odd]


def defines(source: str, function: str) -> bool:
    """Whether a cell says what a function gives: more than a docstring, `...`, `pass` and the like.

    By its text: Python's parser can be brought down by what it reads, and here nothing is in a sandbox.
    """
    if function not in source:
        return False
    filled = re.sub(rf"^[ \t]*def {function}{EMPTY}", "", WORDS.sub("", source), flags=re.MULTILINE)
    return bool(re.search(rf"^(?:[ \t]*def {function}\(|{function}\b[^=(\n]*=(?!=))", filled, re.MULTILINE))


def code_cells(notebook: bytes, of: str) -> list[Cell]:
    """The cells that may be a learner's; of a flood, the beginning. Some error where that is no notebook."""
    setup, cells = list[str](), list[Cell]()
    for number, cell in enumerate(json.loads(notebook)["cells"], 1):
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])[:LONGEST]
            first = source.lstrip().split("\n", 1)[0]
            label = MARKER.match(first)
            cells.append(Cell(f"{number}{of}", label[1] if label else "", source, setup))
            if first.startswith(SETUP) and len(setup) < 20:
                setup.append(source)
                cells = [one for one in cells if one.label]  # without a label, up to here, it is the page's
    return cells
