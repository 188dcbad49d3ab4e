"""Sizes of the code in kdlib: files of 250 lines and functions of 40 below their docstrings at most."""

import ast
from pathlib import Path

KDLIB = Path(__file__).resolve().parents[2] / "kdlib"
FILES = sorted(KDLIB.rglob("*.py"))
JS = KDLIB / "sliders/js"
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


def python_lines(*names: str) -> int:
    """Code lines of files in kdlib, without blank lines, comments and docstrings."""
    total = 0
    for name in names:
        text = (KDLIB / f"{name}.py").read_text("utf-8")
        told = {
            line
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
            for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
        }
        lines = enumerate(text.splitlines(), start=1)
        total += sum(
            i not in told and bool(line.strip()) and not line.lstrip().startswith("#") for i, line in lines
        )
    return total


def test_what_a_chapter_adds_is_small() -> None:
    """Chapters 9 and 10: export, shards and ranks. Chapter 11: all but its experiments and checks."""
    assert python_lines("ship/onnx", "distributed/ranks", "distributed/meeting", "caching/shards") <= 250
    eleven = "models/transformer data/text objectives/on_policy sliders/mixture sliders/writer"
    assert python_lines(*eleven.split()) <= 350


def code_lines(*names: str) -> int:
    """Of JavaScript, without blank lines and comments."""
    lines = [line for name in names for line in (JS / f"{name}.js").read_text("utf-8").splitlines()]
    return sum(bool(line.strip()) and not line.lstrip().startswith("//") for line in lines)


def test_the_javascript_is_small() -> None:
    assert code_lines("kit", "bars") <= 250
    assert code_lines("writer", "decoder", "mixture", "field") <= 300  # chapter 11
    ship = "net pad digits xrays omitted train live playground plane address"  # chapter 9 and the playground
    assert code_lines(*ship.split()) <= 900
    assert max(code_lines(file.stem) for file in JS.glob("*.js") if file.stem != "kit") <= 150
