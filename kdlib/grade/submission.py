"""Which cells of a learner's notebook are an exercise's. They are known by their first line.

Ids and tags of cells get lost between Jupyter, Colab and learning platforms; a line of the cell does not.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

LARGEST = 10_000_000  # bytes; a notebook with its pictures has about a fifth
SETUP, KEEP = "# Set-up of the exercises.", " Keep this line."
MARKER = re.compile(r"#\s*Exercise\s+(ex-[\w-]+)")


def marker(label: str) -> str:
    """The first line of an exercise's cell."""
    return f"# Exercise {label}."


class Submission(NamedTuple):
    """What a notebook holds of an assignment: set-up cells, a cell a label, and what is odd about it."""

    setup: list[str]
    cells: dict[str, str]
    remarks: list[str]


def content(path: Path) -> bytes:
    """What a file holds, or the one notebook in a folder. ValueError in words where there is none."""
    if path.is_dir() and not path.is_symlink():
        inside = [p for p in path.rglob("*.ipynb") if "/." not in f"/{p.relative_to(path)}"]
        if len(inside) != 1:
            raise ValueError(f"the folder holds {len(inside)} notebooks; it has to hold one")
        path = inside[0]
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is a link or no file")
    with path.open("rb") as file:
        found = file.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise ValueError(f"it has more than {LARGEST // 1_000_000} MB")
    return found


def read(notebook: bytes, functions: dict[str, str]) -> Submission:
    """Take a learner's notebook apart.

    Args:
        notebook: the content of the file.
        functions: the name of the function of each label.

    Raises:
        ValueError: in words, where that is no notebook.
    """
    setup, own, cells, remarks = list[str](), dict[str, str](), dict[str, str](), list[str]()
    seen: dict[str, list[str]] = {}
    sources = dict(code_cells(notebook))
    for number, source in sources.items():
        first = source.lstrip().split("\n", 1)[0]
        if first.startswith(SETUP):
            setup, own = [*setup, source], {}  # what stands before is the page's
            continue
        own[number] = source
        if found := MARKER.match(first):
            seen.setdefault(found[1].rstrip("."), []).append(number)
    for label, function in functions.items():
        numbers = seen.pop(label, [])
        if len(numbers) > 1:
            remarks.append(f"{label} stands in cells {' and '.join(numbers)}. The last one was graded.")
        if not numbers:
            defines = re.compile(rf"^def {function}\(", re.MULTILINE)
            numbers = [number for number, source in own.items() if defines.search(source)][-1:]
            other = f"; cell {numbers[0]}, with {function}, was graded" if numbers else ""
            remarks.append(f"{label} is missing: no cell begins with {marker(label)!r}{other}.")
        if numbers:
            cells[label] = sources[numbers[-1]]
    for label, numbers in seen.items():
        cells_of = " and ".join(numbers)
        remarks.append(f"{label} (cell {cells_of}) is no exercise of this assignment. Was it renamed?")
    return Submission(setup, cells, remarks)


def code_cells(notebook: bytes) -> Iterable[tuple[str, str]]:
    """Number, from 1, and source of each code cell. ValueError where that is no notebook."""
    try:
        cells: Any = json.loads(notebook)["cells"]
        for number, cell in enumerate(cells, 1):
            if cell["cell_type"] == "code":
                yield str(number), "".join(cell["source"])
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
        raise ValueError("it is no notebook") from error
