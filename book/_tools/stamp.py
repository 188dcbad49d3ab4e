"""The stamp of a notebook: a digest of what its stored outputs depend on.

`make run` writes it, and a test recomputes it. It covers the code cells (but the set-up cell), what of kdlib
they import (a module, or the whole room where a name is handed on by it) and the records that they read. A
slider's JavaScript is none of it: the site loads that when a page is opened.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode
from notebooks import ROOT, is_setup, python_source

PACKAGE = ROOT / "kdlib"


def stamp(nb: NotebookNode, package: Path = PACKAGE) -> str:
    """The digest, as 16 hexadecimal digits."""
    cells = [cell.source for cell in nb.cells if cell.cell_type == "code" and not is_setup(cell)]
    files = {path for source in cells for path in depended_on(source, package)}
    digest = hashlib.sha256()
    for source in cells:
        add(digest, "cell", source.encode())
    for path in sorted(files):
        # A file of text is the same with either line end, which git may change on checkout.
        add(digest, path.relative_to(package).as_posix(), path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def depended_on(source: str, package: Path) -> Iterator[Path]:
    """The files of the package that a cell imports, and of the records that it reads."""
    for node in ast.walk(ast.parse(python_source(source))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package.name:
            place = package.joinpath(*node.module.split(".")[1:])
            for alias in node.names:
                yield from sources(place / alias.name) or sources(place)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                head, *rest = alias.name.split(".")
                if head == package.name and rest:
                    yield from sources(package.joinpath(*rest))
    for name in re.findall(r"""\brecords\(\s*["'](\w+)["']""", source):
        yield from (package / "experiments" / "records").glob(f"{name}.jsonl")


def sources(place: Path) -> list[Path]:
    """The Python files of a module or of a room."""
    module = place.with_suffix(".py")
    return [module] if module.is_file() else sorted(place.glob("*.py"))


def add(digest: "hashlib._Hash", name: str, content: bytes) -> None:
    """Name and length go in before the content, so that no two lists of parts give one digest."""
    digest.update(f"{name}\0{len(content)}\0".encode())
    digest.update(content)
