"""Digests of Python code, without what changes no result: comments, docstrings, layout, Python's version.

The records of runs and the stamps of the notebooks (book/_tools/stamp.py) say with them which code made a
number. Standard library only.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent


def code_digest(module: str, package: Path = PACKAGE) -> str:
    """SHA-256, in hexadecimal, of a module of kdlib and of all modules of kdlib that it imports in turn.

    Every line of such a module counts, but for comments and docstrings; `kdlib/__init__.py`, which holds the
    version, does not.

    Args:
        module: its name without the package's, for example "models".
        package: the folder of the package.

    Raises:
        ValueError: the package has no module of that name.
    """
    path = package / f"{module}.py"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in package.glob("[!_]*.py")))
        raise ValueError(f"module is {module!r}; the modules of {package.name} are {known}")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {**used_modules([tree], package), module: tree}
    digest = hashlib.sha256()
    for name in sorted(modules.keys() - {"__init__"}):
        add(digest, name, canonical(without_docstrings(modules[name])).encode())
    return digest.hexdigest()


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


def without_docstrings(tree: ast.Module) -> ast.Module:
    """The same tree, changed in place, without the docstrings of its module, classes and functions."""
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
            parts[-1] += str(value.value)
        elif value.value:
            parts.append(value.value)
    return parts


def add(digest: Any, name: str, content: bytes) -> None:
    """Name and length go in before the content, so that no two lists of parts give one digest."""
    digest.update(f"{name}\0{len(content)}\0".encode())
    digest.update(content)
