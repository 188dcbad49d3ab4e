"""What the tools share: where the notebooks are, and one way to read and to write them."""

import os
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"


def chosen(arguments: list[str]) -> list[Path]:
    """The notebooks named on the command line, or all of the book's."""
    paths = [Path(argument) for argument in arguments] or sorted(BOOK.glob("*.ipynb"))
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        sys.exit(f"No such notebook: {', '.join(missing)}")
    if not paths:
        sys.exit(f"There is no notebook in {BOOK}")
    return paths


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def write(nb: NotebookNode, path: Path) -> bool:
    """Write the notebook if it differs from what is there; whole or not at all. True where it was written."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    for number, cell in enumerate(nb.cells):
        cell.setdefault("id", f"cell-{number}")  # nbformat would draw one at random
    nbformat.validate(nb)
    text = nbformat.writes(nb, version=4).rstrip("\n") + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def is_setup(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and "setup" in tags(cell)


def python_source(source: str) -> str:
    """A code cell's source with IPython's own lines (`%pip`, `!ls`, `name?`) made harmless for `ast`."""
    if source.lstrip().startswith("%%"):
        return ""
    return re.sub(r"^(\s*)(?:[%!].*|[\w.]+\?{1,2}\s*)$", r"\1pass", source, flags=re.MULTILINE)
