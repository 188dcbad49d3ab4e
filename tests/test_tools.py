"""The tools that write and check notebooks, on small notebooks made here: each rule meets a breach of it."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import address
import check
import covered
import notebooks
import pytest
import run
import stamp
import yaml
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode, v4

ROOT = Path(__file__).resolve().parents[1]


def code(source: str, *tags: str, outputs: tuple[NotebookNode, ...] = (), **metadata: object) -> NotebookNode:
    meta = {"tags": list(tags), **metadata} if tags else metadata
    return v4.new_code_cell(textwrap.dedent(source).strip(), metadata=meta, outputs=list(outputs))


def prose(source: str) -> NotebookNode:
    return v4.new_markdown_cell(textwrap.dedent(source).strip())


def notebook(*cells: NotebookNode) -> NotebookNode:
    return v4.new_notebook(cells=list(cells))


def display(data: dict[str, str], **metadata: object) -> NotebookNode:
    return v4.new_output("display_data", data, metadata=metadata)


# --- address ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/someone/kd-book",
        "https://github.com/someone/kd-book.git",
        "https://github.com/someone/kd-book/",
        "https://someone:secret@github.com/someone/kd-book.git\n",
        "git@github.com:someone/kd-book.git",
        "git@github.com:someone/kd-book",
        "ssh://git@github.com/someone/kd-book.git",
        "ssh://git@github.com:22/someone/kd-book.git",
        "git://github.com/someone/kd-book.git",
    ],
)
def test_every_form_of_a_remote_gives_the_https_address(remote: str) -> None:
    assert address.from_remote(remote) == "https://github.com/someone/kd-book"


def test_names_with_dots_stay_whole() -> None:
    assert address.from_remote("git@git.example.org:a.b/c.d.git") == "https://git.example.org/a.b/c.d"


@pytest.mark.parametrize(
    "remote", ["/srv/git/book.git", "../book", "https://github.com/book", "file:///x/y", ""]
)
def test_other_remotes_are_named(remote: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a hosted repository") as caught:
        address.from_remote(remote)
    assert repr(remote) in str(caught.value)


def test_the_workflow_comes_before_the_remote(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    assert address.discover({}, tmp_path) is None
    subprocess.run([*git, "remote", "add", "origin", "git@github.com:from/remote.git"], check=True)
    assert address.discover({}, tmp_path) == "https://github.com/from/remote"
    workflow = {"GITHUB_REPOSITORY": "from/workflow"}
    assert address.discover(workflow, tmp_path) == "https://github.com/from/workflow"
    workflow["GITHUB_SERVER_URL"] = "https://git.example.org"
    assert address.discover(workflow, tmp_path) == "https://git.example.org/from/workflow"
    with pytest.raises(ValueError, match=r"GITHUB_REPOSITORY is 'workflow'"):
        address.discover({"GITHUB_REPOSITORY": "workflow"}, tmp_path)


def test_without_git_there_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert address.discover({}, tmp_path) is None


@pytest.mark.parametrize("before", ['""', "''", '"https://old.example/a/b"', "https://old.example/a/b"])
def test_configuration_keeps_every_other_character(tmp_path: Path, before: str) -> None:
    text = '# url: ""\na:\n  url: "x"\nrepository:\n  # where\n  branch: main\n  url: {}  # one place\nz: 1\n'
    config = tmp_path / "_config.yml"
    config.write_text(text.format(before))
    assert address.configure("https://github.com/a/b", config)
    assert config.read_text() == text.format('"https://github.com/a/b"')
    assert address.configured(config) == "https://github.com/a/b"
    assert not address.configure("https://github.com/a/b", config)
    assert address.configure("", config) and address.configured(config) == ""


def test_configuration_without_the_line_is_named(tmp_path: Path) -> None:
    config = tmp_path / "_config.yml"
    config.write_text("repository:\n  branch: main\nother:\n  url: x\n")
    with pytest.raises(ValueError, match=r"no line `url:` under `repository:`"):
        address.configured(config)


def test_the_books_own_configuration_has_the_line() -> None:
    assert address.configured().startswith(("https://", "")) and "\n" not in address.configured()


def test_address_reaches_every_set_up_cell_once(tmp_path: Path) -> None:
    notebooks.write(notebook(prose("# One"), code("1"), code("2")), tmp_path / "a.ipynb")
    notebooks.write(notebook(code("old", "setup"), code("2")), tmp_path / "b.ipynb")
    here = "https://github.com/a/b"
    assert address.wrong_cells(here, tmp_path) == ["a.ipynb", "b.ipynb"]
    assert [path.name for path in address.write_cells(here, tmp_path)] == ["a.ipynb", "b.ipynb"]
    assert address.wrong_cells(here, tmp_path) == []
    assert address.write_cells(here, tmp_path) == []  # nothing is written twice
    sources = [cell.source for cell in notebooks.read(tmp_path / "a.ipynb").cells]
    assert sources == ["# One", address.setup_source(here), "1", "2"]
    assert len(notebooks.read(tmp_path / "b.ipynb").cells) == 2
    assert address.wrong_cells("https://github.com/c/d", tmp_path) == ["a.ipynb", "b.ipynb"]


# --- the set-up cell -------------------------------------------------------------------------------------


class Shell(InteractiveShell):
    """IPython that writes down what %pip was asked for, and asks nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.register_magic_function(self.asked.append, magic_name="pip")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("KDLIB_SCALE", "")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return Shell()


def lose_kdlib(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "kdlib" else found(name))


def test_set_up_leaves_an_installed_kdlib_alone(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    path = list(sys.path)
    for _ in range(2):
        shell.run_cell(address.setup_source("https://github.com/a/b")).raise_error()
    assert shell.asked == [] and sys.path == path
    assert os.environ["KDLIB_SCALE"] == "quick"
    assert capsys.readouterr().out.count("scale quick") == 2


def test_set_up_installs_a_missing_kdlib_from_git(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_kdlib(monkeypatch)
    shell.run_cell(address.setup_source("https://github.com/a/b")).raise_error()
    assert shell.asked == ['install --quiet "kdlib @ git+https://github.com/a/b"']


def test_set_up_is_not_misled_by_a_folder_of_that_name(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = importlib.util.spec_from_loader("kdlib", loader=None, is_package=True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: namespace if name == "kdlib" else name)
    shell.run_cell(address.setup_source("https://github.com/a/b")).raise_error()
    assert len(shell.asked) == 1


def test_set_up_finds_the_clone_it_lies_in(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lose_kdlib(monkeypatch)
    (tmp_path / "any name" / "kdlib").mkdir(parents=True)
    (tmp_path / "any name" / "kdlib" / "notebook.py").touch()
    (tmp_path / "any name" / "book").mkdir()
    monkeypatch.chdir(tmp_path / "any name" / "book")
    shell.run_cell(address.setup_source("")).raise_error()
    assert shell.asked == [] and sys.path[0] == str(tmp_path / "any name")


def test_set_up_without_address_says_how_to_install(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_kdlib(monkeypatch)
    with pytest.raises(
        ModuleNotFoundError, match=r"clone the book's repository, run `pip install -e \.` in it"
    ):
        shell.run_cell(address.setup_source("")).raise_error()


def test_set_up_is_short() -> None:
    assert len(address.setup_source("").splitlines()) <= check.LONGEST_CELL


# --- run -------------------------------------------------------------------------------------------------

FIGURE = """
    from IPython.display import display
    described = {"alt": "A square with a circle\\nin it.", "caption": "Square and circle, both plain.",
                 "name": "fig-square", "photo": False}
    display({"image/svg+xml": "<svg/>", "text/plain": "square"}, raw=True,
            metadata={"image/svg+xml": described})
    display({"text/html": '<p class="kd-caption">Square and circle, both plain.</p>'}, raw=True)
"""
WIDGET = """
    import uuid
    view = {"model_id": uuid.uuid4().hex}
    display({"application/vnd.jupyter.widget-view+json": view, "text/html": "<b>4</b>"}, raw=True)
"""


def test_a_second_run_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KDLIB_SCALE", "full")  # the user's settings stay outside
    path = tmp_path / "a.ipynb"
    notebooks.write(
        notebook(
            code("import os, sys\nprint(os.environ.get('KDLIB_SCALE'), hash('seed'), sys.executable)"),
            code(FIGURE, "remove-input", collapsed=True),
            code(WIDGET),
            code(
                "import time\nprint(1, flush=True)\ntime.sleep(0.1)\nprint(2)",
                mystnb={"image": {"alt": "old"}},
            ),
        ),
        path,
    )
    assert run.run(path)
    first = path.read_bytes()
    assert not run.run(path)
    assert path.read_bytes() == first and first.endswith(b"}\n") and b"\r" not in first

    nb = notebooks.read(path)
    said, figure, widget, stream = nb.cells
    assert said.outputs[0].text.startswith("None ") and sys.executable in said.outputs[0].text
    assert figure.metadata == {
        "tags": ["remove-input"],
        "mystnb": {
            "image": {"alt": "A square with a circle in it.", "classes": "kd-plot"},
            "figure": {"caption": "Square and circle, both plain.", "name": "fig-square"},
        },
    }
    assert len(figure.outputs) == 1 and "image/svg+xml" in figure.outputs[0].data
    assert widget.outputs[0].data == {"text/html": "<b>4</b>"}
    assert [output.text for output in stream.outputs] == ["1\n2\n"] and stream.metadata == {}
    assert [cell.execution_count for cell in nb.cells] == [1, 2, 3, 4]
    assert nb.metadata.kdlib.stamp == stamp.stamp(nb) and "version" not in nb.metadata.language_info
    assert [file.name for file in tmp_path.iterdir()] == ["a.ipynb"]


def test_a_failing_cell_leaves_the_notebook_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.ipynb"
    notebooks.write(notebook(prose("# A"), code("x = 1"), code("# why\nx / 0"), code("x")), path)
    before = path.read_bytes()
    monkeypatch.setattr(sys, "argv", ["run.py", str(path)])
    assert run.main() == 1
    said = capsys.readouterr().out
    assert "bad.ipynb" in said and "cell 2 ('x / 0')" in said and "ZeroDivisionError" in said
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["bad.ipynb"]


def test_a_cell_that_never_ends_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "slow.ipynb"
    notebooks.write(notebook(code("import time\ntime.sleep(60)")), path)
    with pytest.raises(RuntimeError, match="timed out"):
        run.run(path, timeout=1)


def test_two_figures_in_a_cell_are_refused() -> None:
    described = {"alt": "a", "caption": "b", "name": "c"}
    picture = display({"image/svg+xml": "<svg/>"}, **{"image/svg+xml": described})
    with pytest.raises(ValueError, match="more than one figure"):
        run.describe_figure(code("1", outputs=(picture, picture)))


# --- stamp -----------------------------------------------------------------------------------------------


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
    tree = stamp.ast.parse(source)
    assert stamp.canonical(tree) == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='x',annotation=Name(id='int',"
        "ctx=Load()))],defaults=[Constant(value=1)]),body=[Return(value=Tuple(elts=[JoinedStr(values=["
        "'a',FormattedValue(value=Name(id='x',ctx=Load()),conversion=114,format_spec=JoinedStr(values=['>',"
        "FormattedValue(value=Constant(value=3),conversion=-1)])),'bc',FormattedValue(value=Name(id='x',"
        "ctx=Load()),conversion=-1)]),Constant(),Constant(value=Ellipsis),Constant(value=b'd'),"
        "Constant(value=0.001)],ctx=Load()))],returns=Constant())])"
    )


# --- check -----------------------------------------------------------------------------------------------


def good() -> NotebookNode:
    """A notebook without fault."""
    picture = display({"image/svg+xml": "<svg/>"})
    described = {
        "image": {"alt": "A square with a circle in it."},
        "figure": {"caption": "Square and circle here.", "name": "f"},
    }
    shape = v4.new_output("execute_result", {"text/plain": "(3, 10)"}, execution_count=2)
    nb = notebook(
        prose("# Chapter\n\nAt $T = 0.5$ the student of `alpha=0.9` sees 10 classes."),
        code(address.setup_source(""), "setup", "hide-cell"),
        code("logits.shape", "nbval-check-output", outputs=(shape,)),
        code("plots.show(fig)", outputs=(picture,), mystnb=described),
        *(
            prose(f"```{{exercise}} Title\n:label: ex-{n}\nDo.\n```\n\n```{{solution}} ex-{n}\nSo.\n```")
            for n in range(3)
        ),
        *(prose(f":::{{exercise-start}}\n:class: x\n:label: ex-{n}\n:::\nDo.") for n in (3, 4)),
        *(prose(f"```{{solution-start}} ex-{n}\n:class: dropdown\n```") for n in (3, 4)),
    )
    for count, cell in enumerate((cell for cell in nb.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    nb.metadata["kdlib"] = {"stamp": stamp.stamp(nb)}
    return nb


def found(nb: NotebookNode) -> list[str]:
    rules = [check.fresh, check.short_cells, check.outputs, check.figures, check.counts, check.metadata]
    faults = [fault for rule in rules for fault in rule(nb)]
    return faults + check.setup(nb, "") + check.decimals(nb) + check.exercises(nb)


def test_a_good_notebook_has_no_fault() -> None:
    assert found(good()) == []


def breach(number: int, **changes: object):
    """A change of one cell of the good notebook."""

    def change(nb: NotebookNode) -> None:
        nb.cells[number].update(changes)

    return change


ERROR = v4.new_output("error", ename="KeyError", evalue="x", traceback=[])
STDERR = v4.new_output("stream", name="stderr", text="UserWarning: old")
VIEW = display({check.WIDGET_VIEW: "{}"})
OBJECT = display({"text/plain": "<kdlib.models.Net at 0x7f3b2c001d50>"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (breach(2, source="logits.shape  # new"), "its code, kdlib or a record changed .*: make run"),
        (breach(1, source="pass"), "set-up cell is missing, doubled or altered"),
        (breach(1, metadata={"tags": ["setup"]}), "set-up cell is missing, doubled or altered"),
        (lambda nb: nb.cells.insert(0, code("1")), "not the first code cell"),
        (breach(2, source="\n".join("a" * 26)), "26 lines, at most 25"),
        (breach(2, outputs=[]), "tagged nbval-check-output and has no stored output"),
        (breach(3, outputs=[ERROR]), "ends in KeyError"),
        (breach(3, outputs=[STDERR]), "writes to stderr"),
        (breach(3, outputs=[VIEW]), "random id.*without text/html it vanishes"),
        (breach(3, outputs=[OBJECT]), "memory address"),
        (breach(3, metadata={}), "picture without alt text, caption or name"),
        (breach(3, metadata={"mystnb": {"image": {"alt": "A square"}}}), "without alt text, caption"),
        (breach(3, outputs=[display({"image/png": ""})] * 2), "2 pictures under one caption"),
        (lambda nb: nb.cells.append(nb.cells[3]), "two figures are named f"),
        (breach(3, execution_count=7), r"execution counts are \[1, 2, 7\]"),
        (breach(3, metadata={"collapsed": True}), "metadata of cell 3: collapsed"),
        (lambda nb: nb.metadata.update(widgets={}), "metadata of the notebook: widgets"),
        (breach(0, source="The student reached 91.2 %."), r"typed by hand, '91\.2 %'"),
        (lambda nb: nb.cells.pop(), "exercise ex-4 has no solution"),
        (breach(4, source=""), "it has 4 exercises"),
        (breach(4, source="```{exercise} Title\nDo.\n```"), "an exercise has no :label:"),
    ],
)
def test_each_rule_finds_its_breach(change, words: str) -> None:
    nb = good()
    change(nb)
    assert any(check.re.search(words, fault) for fault in found(nb)), found(nb)


@pytest.mark.parametrize(
    "text",
    [
        "an accuracy of 0.93 on the test set",
        "reached 91.2 %, at last",
        "97% of all sevens",
        "about 97 percent",
        "fell by −3.5 percentage points",
        "gained 2 percentage points",
        "```{note}\nThe entropy is 1.58 bits.\n```",
        "```{exercise} The 0.5 mark\n:label: a\nWhy 3.25?\n```",
        "| model | accuracy |\n|---|---|\n| teacher | 91.2 |",
        "See the table {cite}`hinton2015`.\n\nOther words.\n\n| a |\n|---|\n| 91.2 |",
        "```python\nx = 1\n```\nThe answer is 0.7.\n```python\ny = 2\n```",
    ],
)
def test_results_typed_by_hand_are_found(text: str) -> None:
    assert check.typed_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "at $T = 0.5$ and\n$$\n0.1 + 0.2\n$$ or `alpha=0.9`",
        "```python\nlr = 0.1\n```\n\n~~~\n0.2\n~~~",
        "```{math}\n0.1\n```",
        "[the text](https://example.org/2.5/x) and <https://example.org/0.5>",
        "Python 3.11 to 3.13, CC BY 4.0, version 1.0.4, section 3.2, Hinton 2015, 60,000 images, 28 x 28",
        "```{image} a.svg\n:width: 50%\n```",
        "| model | accuracy |\n|---|---|\n| teacher | 91.2 |\n\nFrom {cite}`hinton2015`.",
        "Errors in {cite:t}`hinton2015`:\n\n| model | accuracy |\n|---|---|\n| teacher | 91.2 |",
        "Errors {cite}`a`:\n| model | accuracy |\n|---|---|\n| teacher {cite}`b` | 91.2 % |\nAnd on.",
        "```{list-table} From {cite}`a`\n* - 91.2\n```",
    ],
)
def test_settings_and_cited_tables_are_allowed(text: str) -> None:
    assert check.typed_numbers(text) == []


@pytest.mark.parametrize(
    "text",
    ['File "/home/me/x.py"', "/Users/me/book", r"C:\\Users\\me", "/usr/lib/python3/a", str(ROOT / "x")],
)
def test_paths_of_a_machine_are_found(text: str) -> None:
    assert check.machine_paths(text)


@pytest.mark.parametrize("text", ["https://x.org/home/me", "~/home/x", "kdlib/tmp/x", "a/home/b", "and/or"])
def test_other_slashes_are_allowed(text: str) -> None:
    assert check.machine_paths(text) == []


def test_a_file_is_checked_whole(tmp_path: Path) -> None:
    nb = good()
    nb.cells[2].source = "open('/home/me/x')"
    notebooks.write(nb, tmp_path / "01_x.ipynb")
    said = "\n".join(check.faults(tmp_path / "01_x.ipynb"))
    assert "/home/me" in said and "make run" in said


# --- coverage and make -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "branches", "short"), [(95, 85, 0), (94, 85, 1), (95, 84, 1), (0, 0, 2), (100, 100, 0)]
)
def test_coverage_falls_short_of_either_mark(lines: int, branches: int, short: int) -> None:
    totals = {
        "covered_lines": lines,
        "num_statements": 100,
        "covered_branches": branches,
        "num_branches": 100,
    }
    assert len(covered.shortfalls({"totals": totals})) == short


def make(*arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, also where these tests are themselves run by make."""
    if shutil.which("make") is None or sys.platform == "win32":
        pytest.skip("there is no make here")
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    environment["PATH"] = path + environment["PATH"]
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("named", "said"), [((), "none was found"), (("PYTHON=python3.9",), "python3.9 is not one")]
)
def test_make_names_a_python_that_is_too_old(tmp_path: Path, named: tuple[str, ...], said: str) -> None:
    for name in ("python", "python3", "python3.9", "python3.11", "python3.12", "python3.13"):
        old = tmp_path / name
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
        old.chmod(0o755)
    done = make("book", f"VENV={tmp_path / 'venv'}", *named, path=f"{tmp_path}:")
    assert done.returncode != 0 and not (tmp_path / "venv").exists()
    assert f"needs Python 3.11 to 3.13; {said} (Python 3.9.2)" in done.stdout
    assert "make book PYTHON=" in done.stdout


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {name for line in check.re.findall(r"(?m)^\.PHONY: (.*)$", makefile) for name in line.split()}
    assert {line.split()[1] for line in make().stdout.splitlines()} == targets


# --- workflows, Binder, benchmarks -----------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda p: p.name)
def test_workflows_call_targets_and_files_that_exist(path: Path) -> None:
    text = path.read_text()
    workflow = yaml.safe_load(text)
    assert workflow["jobs"] and workflow["permissions"] == {"contents": "read"}
    makefile = (ROOT / "Makefile").read_text()
    for target in check.re.findall(r"run: make ([\w-]+)", text):
        assert check.re.search(rf"(?m)^{target}:", makefile), target
    for script in check.re.findall(r"\.ci/\w+", text):
        assert os.access(ROOT / script, os.X_OK), script
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "run" in step or check.re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])


def test_binder_has_all_that_kdlib_needs() -> None:
    conda = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}  # names that differ
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        conda.get(name := check.re.split("[>=<]", need)[0], name) + need[len(name) :]
        for need in project["dependencies"]
    }
    assert wanted <= set(yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text())["dependencies"])
    assert os.access(ROOT / ".binder" / "postBuild", os.X_OK)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """benchmarks/run.py, looking for its modules in a folder of our own."""
    spec = importlib.util.spec_from_file_location("bench_runner", ROOT / "benchmarks" / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["run.py"])
    return module


FIGURE_LINE = '{{"name": "time of a", "value": {}, "unit": "s", "target": {}, "better": "{}"}}'


@pytest.mark.parametrize(
    ("value", "target", "better", "said", "status"),
    [
        ("0.25", "1.5", "lower", "time of a: 0.25 s (at most 1.5 s)", 0),
        ("2", "1.5", "lower", "time of a: 2 s (at most 1.5 s) MISSED", 1),
        ("2", "1.5", "higher", "time of a: 2 s (at least 1.5 s)", 0),
        ("1", "1.5", "higher", "time of a: 1 s (at least 1.5 s) MISSED", 1),
        ("1e9", "None", "lower", "time of a: 1e+09 s (no target)", 0),
        ("float('nan')", "1.5", "lower", "time of a: nan s (at most 1.5 s) MISSED", 1),
        ("1 / 0", "1.5", "lower", "broke: ZeroDivisionError", 1),
    ],
)
def test_bench_compares_each_figure_with_its_target(
    bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], value, target, better, said, status
) -> None:
    name = f"bench_{abs(hash((value, better)))}"  # a module is imported once
    measure = f"def measure():\n    return [{FIGURE_LINE.format(value, target, better)}]\n"
    (tmp_path / f"{name}.py").write_text(measure)
    assert bench.main() == status
    assert said in capsys.readouterr().out
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["machine"]["cpu"] and written["machine"]["versions"]["torch"]
    assert [figure["met"] for figure in written["figures"]] == [status == 0]


def test_bench_without_benchmarks_fails(bench) -> None:
    assert bench.main() == 1
