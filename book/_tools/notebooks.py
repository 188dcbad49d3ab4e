"""What the tools share: where the notebooks are, and one way to read and to write them."""

import os
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"


def of(book: Path) -> list[Path]:
    """A book's notebooks: its chapters, then their evidence pages."""
    return [*sorted(book.glob("*.ipynb")), *sorted((book / "evidence").glob("*.ipynb"))]


def chosen(arguments: list[str]) -> list[Path]:
    """The notebooks named on the command line, or all of the book's."""
    paths = [Path(argument) for argument in arguments] or of(BOOK)
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        sys.exit(f"No such notebook: {', '.join(missing)}")
    if not paths:
        sys.exit(f"There is no notebook in {BOOK}")
    return paths


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def text_of(nb: NotebookNode) -> str:
    """The notebook as it is written to a file."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    for number, cell in enumerate(nb.cells):
        cell.setdefault("id", f"cell-{number}")  # nbformat would draw one at random
    nbformat.validate(nb)
    return str(nbformat.writes(nb, version=4)).rstrip("\n") + "\n"


def write(nb: NotebookNode, path: Path) -> bool:
    """Write the notebook if it differs from what is there; whole or not at all. True where it was written."""
    text = text_of(nb)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True


def lagging(made: dict[Path, NotebookNode], folder: Path) -> list[str]:
    """Of the notebooks that are made for a folder, those missing, old, or left of a page that is gone."""
    wanted = {path: text_of(nb) for path, nb in made.items()}
    there = {path: path.read_text("utf-8") for path in folder.rglob("*.ipynb")}
    differ = (path for path in {*wanted, *there} if wanted.get(path) != there.get(path))
    return sorted(path.relative_to(folder.parent).as_posix() for path in differ)


def renew(made: dict[Path, NotebookNode], folder: Path) -> None:
    """Write what is made for a folder, take out what is left of a page that is gone, and say how many."""
    for path in {*folder.rglob("*.ipynb")} - {*made}:
        path.unlink()
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
    changed = [path for path, nb in made.items() if write(nb, path)]
    print(f"{folder.name}/: {len(changed)} of {len(made)} written")


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def is_setup(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and "setup" in tags(cell)


def python_source(source: str) -> str:
    """A code cell's source with IPython's own lines (`%pip`, `!ls`, `name?`) made harmless for `ast`."""
    if source.lstrip().startswith("%%"):
        return ""
    return re.sub(r"^(\s*)(?:[%!].*|[\w.]+\?{1,2}\s*)$", r"\1pass", source, flags=re.MULTILINE)
