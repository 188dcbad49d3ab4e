"""The stamp of a notebook: a digest of all that its stored outputs depend on.

`make run` writes it, and a test recomputes it. It covers the code cells (but the set-up cell), the kdlib
modules that they import, directly or through each other, and the files of kdlib that either of them names
(records, weights, widgets' JavaScript, the manifest of the bundled data). Docstrings and comments of kdlib do
not count, so that wording can be mended without running the book again; nor does the version of Python.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from notebooks import ROOT, is_setup, python_source

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


def add(digest: Any, name: str, content: bytes) -> None:
    """Name and length go in before the content, so that no two lists of parts give one digest."""
    digest.update(f"{name}\0{len(content)}\0".encode())
    digest.update(content)


def used_modules(trees: Iterable[ast.AST], package: Path) -> dict[str, ast.Module]:
    """The syntax tree of every module of the package that the trees import, followed to the end."""
    found: dict[str, ast.Module] = {}
    queue = [name for tree in trees for name in imported(tree, package)]
    while queue:
        name = queue.pop()
        path = package / f"{name}.py"
        if name not in found and path.is_file():
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
            queue += imported(found[name], package)
    return found


def imported(tree: ast.AST, package: Path) -> Iterator[str]:
    """Names of the package's modules that a tree imports, wherever in it the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = f"{package.name}.{node.module or ''}".rstrip(".") if node.level else node.module or ""
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            head, *rest = name.split(".")
            if head == package.name:
                yield "__init__"
                yield from rest[:1]


def named_files(trees: Iterable[ast.AST], package: Path) -> set[Path]:
    """The package's data files whose name or stem stands as a text in one of the trees."""
    texts = {
        node.value.rsplit("/", 1)[-1]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    files = (path for folder in DATA_FOLDERS for path in (package / folder).rglob("*") if path.is_file())
    return {path for path in files if path.name in texts or path.stem in texts}


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return tree


def canonical(node: Any) -> str:
    """A syntax tree as text that is the same under Python 3.11 to 3.13, which `ast.dump` is not."""
    if isinstance(node, list):
        return f"[{','.join(canonical(item) for item in node)}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
    if isinstance(node, ast.JoinedStr):  # versions of Python cut the plain text of an f-string differently
        fields = [("values", merged(node.values))]
    inside = ",".join(f"{name}={canonical(value)}" for name, value in fields)
    return f"{type(node).__name__}({inside})"


def merged(values: list[ast.expr]) -> list[Any]:
    """The parts of an f-string with neighbouring texts joined and empty ones left out."""
    parts: list[Any] = []
    for value in values:
        if not isinstance(value, ast.Constant):
            parts.append(value)
        elif parts and isinstance(parts[-1], str):
            parts[-1] += value.value
        elif value.value:
            parts.append(value.value)
    return parts
