"""Imports of kdlib go downward only, wherever in a module they stand."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from kdlib.digests import PACKAGE, imported, used_modules

# A module of one layer knows nothing of its own layer or a higher one. Modules in none are helpers: anyone's.
LAYERS = (
    ("data", "models", "losses", "metrics"),
    ("training",),
    ("plots",),
    ("widgets",),
    ("notebook", "cli"),
)


def trees(package: Path) -> dict[str, ast.Module]:
    return {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in package.glob("*.py")}


def order(package: Path) -> list[str]:
    """The modules, each after all that it imports."""
    found = trees(package)
    return list(
        TopologicalSorter(
            {name: found.keys() & {*imported(tree, package)} for name, tree in found.items()}
        ).static_order()
    )


def upward(package: Path) -> list[str]:
    """Imports, direct or through others, of a module of the same layer or a higher one."""
    found = trees(package)
    return [
        f"{name} imports {other}"
        for number, layer in enumerate(LAYERS)
        for name in layer
        if name in found
        for other in sorted(used_modules([found[name]], package).keys() - {name})
        if any(other in higher for higher in LAYERS[number:])
    ]


def test_no_module_imports_itself_through_others() -> None:
    assert set(order(PACKAGE)) >= {"data", "plots", "widgets"}


def test_imports_go_downward() -> None:
    assert upward(PACKAGE) == []


def test_a_breach_is_found(tmp_path: Path) -> None:
    package = tmp_path / "kdlib"
    package.mkdir()
    (package / "data.py").write_text("from kdlib import helper\n")
    (package / "helper.py").write_text("def later():\n    from kdlib.models import net\n")
    (package / "models.py").write_text("import torch\n")
    assert order(package)[::-1] == ["data", "helper", "models"]
    assert upward(package) == ["data imports models"]
    (package / "models.py").write_text("from . import data\n")
    with pytest.raises(CycleError):
        order(package)
