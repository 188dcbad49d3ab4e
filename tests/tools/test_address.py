"""The repository's address, and the set-up cell that carries it."""

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import address
import check
import notebooks
import pytest
from cells import code, notebook, prose
from IPython.core.interactiveshell import InteractiveShell


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


def test_address_reaches_the_line_that_says_how_to_install(tmp_path: Path) -> None:
    text = "# One\n\n```bash\npip install -e .  # kdlib, in a clone\npip install torch  # alone\n```"
    notebooks.write(notebook(prose(text), code("1")), tmp_path / "a.ipynb")
    here = "https://github.com/a/b"
    address.write_cells(here, tmp_path)
    source = notebooks.read(tmp_path / "a.ipynb").cells[0].source
    command = shlex.split(source.splitlines()[3], comments=True)
    assert command == ["pip", "install", f"kdlib @ git+{here}"] and "pip install torch  # alone" in source
    assert address.wrong_cells(here, tmp_path) == [] and address.wrong_cells("", tmp_path) == ["a.ipynb"]
    nb = notebooks.read(tmp_path / "a.ipynb")
    assert check.setup(nb, here) == []
    assert check.setup(nb, "https://github.com/c/d") == [
        "the line that installs kdlib names another address: make address"
    ]
    address.write_cells("", tmp_path)
    (line,) = address.installing(notebooks.read(tmp_path / "a.ipynb"))
    assert shlex.split(line, comments=True) == ["pip", "install", "-e", "."]


def test_the_readme_says_how_to_install_from_the_address(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(address.README.read_text("utf-8"), "utf-8")
    assert address.install_line(address.configured()) in readme.read_text("utf-8").splitlines()
    here = "https://github.com/a/b"
    assert address.write_line(here, readme) and not address.write_line(here, readme)
    assert address.install_line(here) in readme.read_text("utf-8").splitlines()


def test_the_page_for_practitioners_says_how_to_install_in_its_first_line() -> None:
    first = notebooks.read(notebooks.BOOK / "distil_your_own.ipynb").cells[0].source
    _, after = first.split("\n\n", 1)
    assert after.splitlines()[1] == address.install_line(address.configured())


class Shell(InteractiveShell):
    """IPython that writes down what %pip was asked for, and asks nobody."""

    pip_works = True

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


def lose_kdlib(shell: Shell, monkeypatch: pytest.MonkeyPatch, instead: object = None) -> None:
    """Hide kdlib until pip has installed it."""
    found = importlib.util.find_spec

    def find_spec(name: str) -> object:
        hidden = name == "kdlib" and not (shell.asked and shell.pip_works)
        return instead if hidden else found(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_set_up_leaves_an_installed_kdlib_alone(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    path = list(sys.path)
    for _ in range(2):
        shell.run_cell(address.setup_source("https://github.com/a/b")).raise_error()
    assert shell.asked == [] and sys.path == path
    assert os.environ["KDLIB_SCALE"] == "quick"
    assert capsys.readouterr().out.count("scale quick") == 2


def test_set_up_installs_a_missing_kdlib_from_git(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_kdlib(shell, monkeypatch)
    shell.run_cell(address.setup_source("https://github.com/a/b")).raise_error()
    assert shell.asked == ['install --quiet "kdlib @ git+https://github.com/a/b"']


def test_set_up_is_not_misled_by_a_folder_of_that_name(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = importlib.util.spec_from_loader("kdlib", loader=None, is_package=True)
    lose_kdlib(shell, monkeypatch, instead=namespace)
    shell.run_cell(address.setup_source("https://github.com/a/b")).raise_error()
    assert len(shell.asked) == 1


@pytest.mark.parametrize("folder", [False, True])
def test_set_up_says_so_where_pip_fails(shell: Shell, monkeypatch: pytest.MonkeyPatch, folder: bool) -> None:
    namespace = importlib.util.spec_from_loader("kdlib", loader=None, is_package=True)
    lose_kdlib(shell, monkeypatch, instead=namespace if folder else None)
    shell.pip_works = False
    with pytest.raises(ImportError, match=r"not be installed from https://github.com/a/b; see pip's"):
        shell.run_cell(address.setup_source("https://github.com/a/b")).raise_error()


def a_kdlib(folder: Path, named: str) -> Path:
    """A stand-in for the package in `folder`, which says its name when a notebook starts."""
    (folder / "kdlib").mkdir(parents=True)
    (folder / "kdlib" / "__init__.py").touch()
    (folder / "kdlib" / "notebook.py").write_text(f"def start(**_): print('from', {named!r})\n")
    return folder


def opened_in(folder: Path, *installed: Path) -> subprocess.CompletedProcess[str]:
    """The set-up cell run in IPython in `folder`, with these folders in front of all that is installed."""
    run = (
        "from IPython.core.interactiveshell import InteractiveShell as S; import sys\n"
        "S().run_cell(sys.stdin.read()).raise_error()"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", run],
        input=address.setup_source(""),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, installed)), "IPYTHONDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_set_up_takes_the_clone_it_lies_in_and_no_older_kdlib(tmp_path: Path) -> None:
    older = a_kdlib(tmp_path / "site-packages", "an older one")
    clone = a_kdlib(tmp_path / "any name", "the clone")
    (clone / "book").mkdir()
    (tmp_path / "downloads").mkdir()
    for folder, installed in ((clone / "book", ()), (clone / "book", (older,)), (clone, (older,))):
        assert opened_in(folder, *installed).stdout == "from the clone\n"
    assert opened_in(tmp_path / "downloads", older).stdout == "from an older one\n"


def test_set_up_without_address_says_how_to_install(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_kdlib(shell, monkeypatch)
    with pytest.raises(
        ModuleNotFoundError, match=r"clone the book's repository, run `pip install -e \.` in it"
    ):
        shell.run_cell(address.setup_source("")).raise_error()


def test_set_up_is_short() -> None:
    assert len(address.setup_source("").splitlines()) <= check.LONGEST_CELL
