"""Sizes of the code in kdlib: no file above 250 lines, no function above 40 below its docstring."""

import ast
from pathlib import Path

KDLIB = Path(__file__).resolve().parents[2] / "kdlib"
FILES = sorted(KDLIB.rglob("*.py"))
LONGEST, DEEPEST = 250, 40


def below_docstring(function: ast.FunctionDef) -> int:
    """Lines of the body."""
    told = len(function.body) > 1 and ast.get_docstring(function) is not None
    return (function.end_lineno or 0) - function.body[told].lineno + 1


def test_a_docstring_does_not_count() -> None:
    [function] = ast.parse('def f():\n    """Told."""\n    a = 1\n    return a\n').body
    assert isinstance(function, ast.FunctionDef) and below_docstring(function) == 2


def test_no_file_and_no_function_is_long() -> None:
    assert len(FILES) > 90
    long = [file.name for file in FILES if len(file.read_text("utf-8").splitlines()) > LONGEST]
    for file in FILES:
        functions = [
            n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.FunctionDef)
        ]
        long += [f"{file.name}: {one.name}" for one in functions if below_docstring(one) > DEEPEST]
    assert not long
