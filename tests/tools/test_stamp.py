"""The stamp of a notebook and the digest of a module: what changes them, and what does not."""

import ast
from pathlib import Path

import pytest
import stamp
from cells import code, display, notebook, prose

from kdlib.experiments import digests


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A kdlib of three modules, `plots` standing on `data`, and a record."""
    folder = tmp_path / "kdlib"
    (folder / "records").mkdir(parents=True)
    (folder / "__init__.py").write_text('"""The package."""\n__version__ = "1"\n')
    (folder / "data.py").write_text(
        'def load(name):\n    """Load."""\n    return f"{name!r}: {len(name):>{3}} a"\n'
    )
    (folder / "plots.py").write_text("def show():\n    from kdlib.data import load\n    return load('m')\n")
    (folder / "losses.py").write_text("def kd():\n    return 1\n")
    (folder / "records" / "ledger.json").write_text("[1]")
    return folder


BOOK = notebook(
    prose("# T"), code("start()", "setup"), code("%matplotlib inline\nfrom kdlib import plots\nplots.show()")
)


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("data.py", '"""Load."""', '"""Load, said otherwise."""', False),
        ("data.py", '    """Load."""\n', "", False),
        ("data.py", "    return", "    # why\n    return", False),
        ("data.py", "{3}", "{4}", True),
        ("data.py", " a", " b", True),
        ("plots.py", "'m'", "'n'", True),
        ("__init__.py", '"1"', '"2"', True),
        ("losses.py", "return 1", "return 2", False),  # the notebook does not use it
        ("records/ledger.json", "1", "2", False),
    ],
)
def test_stamp_follows_what_the_notebook_uses(
    package: Path, file: str, old: str, new: str, changes: bool
) -> None:
    before = stamp.stamp(BOOK, package)
    text = (package / file).read_text()
    assert old in text
    (package / file).write_text(text.replace(old, new))
    assert (stamp.stamp(BOOK, package) != before) is changes


def test_stamp_follows_the_records_that_are_named(package: Path) -> None:
    shows = notebook(code("records.show('ledger')"))
    before = stamp.stamp(shows, package)
    (package / "records" / "ledger.json").write_text("[2]")
    assert stamp.stamp(shows, package) != before


def test_stamp_covers_the_code_cells_but_set_up_and_outputs(package: Path) -> None:
    before = stamp.stamp(BOOK, package)
    used = BOOK.cells[2].source
    same = notebook(prose("# Other"), code("start(2)", "setup"), code(used, outputs=(display({"a/b": "c"}),)))
    assert stamp.stamp(same, package) == before
    assert stamp.stamp(notebook(code(used + "  # more")), package) != before
    assert stamp.stamp(notebook(code("a"), code("b")), package) != stamp.stamp(
        notebook(code("b"), code("a")), package
    )
    assert stamp.stamp(notebook(code("a\nb")), package) != stamp.stamp(
        notebook(code("a"), code("b")), package
    )


@pytest.mark.parametrize(
    "source",
    [
        "import kdlib.plots",
        "import kdlib.plots as p, os",
        "from kdlib.plots import show",
        "from kdlib import losses, plots as p",
        "def later():\n    from kdlib import plots",
        "!ls\n%pip list\nfrom kdlib import plots\nplots.show?",
    ],
)
def test_every_form_of_import_is_followed(package: Path, source: str) -> None:
    nb = notebook(code(source))
    before = stamp.stamp(nb, package)
    (package / "data.py").write_text("def load(name):\n    return 7\n")
    assert stamp.stamp(nb, package) != before


def test_stamp_is_the_same_under_every_python() -> None:
    """Written down once: a version of Python that parses or prints trees differently would show here."""
    source = "def f(x: int = 1) -> None:\n    return f'a{x!r:>{3}}b' 'c' f'{x}', None, ..., b'd', 1e-3\n"
    tree = ast.parse(source)
    assert digests.canonical(tree) == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='x',annotation=Name(id='int',"
        "ctx=Load()))],defaults=[Constant(value=1)]),body=[Return(value=Tuple(elts=[JoinedStr(values=["
        "'a',FormattedValue(value=Name(id='x',ctx=Load()),conversion=114,format_spec=JoinedStr(values=['>',"
        "FormattedValue(value=Constant(value=3),conversion=-1)])),'bc',FormattedValue(value=Name(id='x',"
        "ctx=Load()),conversion=-1)]),Constant(),Constant(value=Ellipsis),Constant(value=b'd'),"
        "Constant(value=0.001)],ctx=Load()))],returns=Constant())])"
    )


def test_stamp_follows_the_records_of_an_experiment(package: Path) -> None:
    records = package / "records"
    for name in ("loss.alone.cpu.0", "loss.alone.full.0", "mnist.alone.cpu.0"):
        (records / f"{name}.json").write_text("[1]")
    shows = notebook(code("found = ledger.records('loss', 'cpu')"))
    before = stamp.stamp(shows, package)
    for other in ("loss.alone.full.0", "mnist.alone.cpu.0"):
        (records / f"{other}.json").write_text("[2]")
    assert stamp.stamp(shows, package) == before
    (records / "loss.alone.cpu.1.json").write_text("[1]")
    assert stamp.stamp(shows, package) != before
