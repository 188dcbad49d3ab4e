"""The stamp of a notebook: a digest of all that its stored outputs depend on.

`make run` writes it, and a test recomputes it. It covers the code cells (but the set-up cell), the kdlib
modules that they import, directly or through each other, and the files of kdlib that either of them names
(records, weights, widgets' JavaScript, the manifest of the bundled data). Docstrings and comments of kdlib do
not count, so that wording can be mended without running the book again; nor does the version of Python.
"""

import ast
import hashlib
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from nbformat import NotebookNode
from notebooks import ROOT, is_setup, python_source

from kdlib.experiments.digests import add, canonical, used_modules, without_docstrings

PACKAGE = ROOT / "kdlib"
DATA_FOLDERS = ("js", "records", "weights", "bundled")  # of the bundled data, the manifest holds the digests


def stamp(nb: NotebookNode, package: Path = PACKAGE) -> str:
    """The digest, as 16 hexadecimal digits."""
    cells = [cell.source for cell in nb.cells if cell.cell_type == "code" and not is_setup(cell)]
    trees = [ast.parse(python_source(source)) for source in cells]
    modules = used_modules(trees, package)
    digest = hashlib.sha256()
    for source in cells:
        add(digest, "cell", source.encode())
    for name, tree in sorted(modules.items()):
        add(digest, name, canonical(without_docstrings(tree)).encode())
    for path in sorted(named_files([*trees, *modules.values()], package)):
        # A file of text is the same with either line end, which git may change on checkout.
        add(digest, path.relative_to(package).as_posix(), path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def named_files(trees: Iterable[ast.AST], package: Path) -> set[Path]:
    """The package's data files that the trees read.

    Those whose name or stem stands as a text in one of them, and the records that a call such as
    `records("loss", "cpu")` asks for.
    """
    nodes = [node for tree in trees for node in ast.walk(tree)]
    texts = {
        node.value.rsplit("/", 1)[-1]
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    asked = {pattern for node in nodes if (pattern := record_pattern(node))}
    files = (path for folder in DATA_FOLDERS for path in (package / folder).rglob("*") if path.is_file())
    return {
        path
        for path in files
        if path.name in texts or path.stem in texts or any(fnmatch(path.name, pattern) for pattern in asked)
    }


def record_pattern(node: ast.AST) -> str | None:
    """The files of a call `records(experiment, scale)`, as a pattern."""
    if not isinstance(node, ast.Call) or len(node.args) != 2:
        return None
    name = getattr(node.func, "attr", getattr(node.func, "id", None))
    texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    return f"{texts[0]}.*.{texts[1]}.*.json" if name == "records" and len(texts) == 2 else None
