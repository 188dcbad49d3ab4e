"""Digests of Python code, without what changes no result: comments, docstrings, layout, Python's version.

The records of runs and the stamps of the notebooks (book/_tools/stamp.py) say with them which code made a
number. Standard library only.
"""

import ast
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).resolve().parent


def run_digest(module: str, package: Path = PACKAGE, *, apart: Collection[str] = ()) -> str:
    """SHA-256, in hexadecimal, of the code that a module's function `run` goes through.

    Of the module and of all that it imports in turn, those are the functions, classes and constants whose
    names occur in what was reached so far, as a name or as a text (`schedule="cosine"`), and the imports of
    the modules that were reached. So a new function beside an old one ages no record. A name that is put
    together from parts is not seen, nor what `__init__` does, nor another version of torch, which the record
    names.

    Args:
        module: its name without the package's, for example "mnist_experiments".
        package: the folder of the package.
        apart: modules that do not count, nor what only they import.

    Raises:
        ValueError: the package has no module of that name.
    """
    tree = parsed(module, package)
    modules = {**used_modules([tree], package, apart), module: tree}
    code = {name: list(statements(modules[name])) for name in sorted(modules.keys() - {"__init__"})}
    known, reached = {"run"}, set[tuple[str, int]]()
    while True:
        for name, found in code.items():
            for number, statement in enumerate(found):
                if statement.counts(known, any(where == name for where, _ in reached)):
                    reached.add((name, number))
        names = known.union(*(code[name][number].mentioned for name, number in reached))
        if names == known:
            break
        known = names
    digest = hashlib.sha256()
    for name, number in sorted(reached):  # in the order of the source
        add(digest, name, code[name][number].text.encode())
    return digest.hexdigest()


class Statement(NamedTuple):
    """A statement at the top of a module, or one name that an import binds there."""

    text: str
    defined: set[str]
    mentioned: set[str]
    imports: bool = False

    def counts(self, known: set[str], in_use: bool) -> bool:
        """Whether a run depends on it: its name is known, or it runs on import.

        An import counts where something else of its module does (`in_use`).
        """
        wanted = not self.defined or bool(self.defined & known)
        return wanted and (in_use or not self.imports)


def statements(tree: ast.Module) -> Iterator[Statement]:
    """What stands at the top of a module."""
    for node in without_docstrings(tree).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            source = getattr(node, "module", None)
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                yield Statement(f"{source} {alias.name} {alias.asname}", {bound}, {alias.name}, imports=True)
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined = {node.name}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            defined = {
                n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
        else:
            defined = set()  # it runs whenever the module is imported
        yield Statement(canonical(node), defined, set(mentions(node)))


def mentions(tree: ast.AST) -> Iterator[str]:
    """Every name, attribute and text in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def parsed(module: str, package: Path) -> ast.Module:
    """The syntax tree of a module of the package; ValueError where there is none."""
    path = package / f"{module}.py"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in package.glob("[!_]*.py")))
        raise ValueError(f"module is {module!r}; the modules of {package.name} are {known}")
    return ast.parse(path.read_text(encoding="utf-8"))


def used_modules(
    trees: Iterable[ast.AST], package: Path, apart: Collection[str] = ()
) -> dict[str, ast.Module]:
    """The syntax tree of every module of the package that the trees import, followed to the end.

    Modules named in `apart` are left out and not followed.
    """
    found: dict[str, ast.Module] = {}
    queue = [name for tree in trees for name in imported(tree, package)]
    while queue:
        name = queue.pop()
        path = package / f"{name}.py"
        if name not in found and name not in apart and path.is_file():
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


def fingerprint(settings: dict[str, Any]) -> str:
    """Eight hexadecimal digits of settings that JSON can hold, for the names of files."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
