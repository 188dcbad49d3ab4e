"""The commands: make, .ci/run, and the mark that coverage must reach."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import covered
import pytest

ROOT = Path(__file__).resolve().parents[2]


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


def make(*arguments: str, path: str = "", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, also where these tests are themselves run by make."""
    if shutil.which("make") is None or sys.platform == "win32":
        pytest.skip("there is no make here")
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    environment["PATH"] = path + environment["PATH"]
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
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


def test_the_plain_commands_begin_by_asking_for_the_right_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """On another Python pip would end in ResolutionImpossible."""
    commands = (ROOT / "README.md").read_text().split("Without make", 1)[1].split("```bash\n", 1)[1]
    program, _, code = shlex.split(commands.splitlines()[0])
    made: list[list[str]] = []
    monkeypatch.setattr(venv, "main", made.append)
    for version in ((3, 10, 12), (3, 14, 0)):
        monkeypatch.setattr(sys, "version_info", version)
        with pytest.raises(SystemExit, match=r"^Python 3\.11 to 3\.13 wanted$"):
            exec(code)
    assert program == "python" and made == []
    monkeypatch.setattr(sys, "version_info", (3, 13, 1))
    exec(code)
    assert made == [[".venv"]]


def test_a_browser_that_is_not_there_is_said_once() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "browser", "tests/browser"]
    environment = os.environ | {"CHROMIUM": "/nowhere/chrome", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert said.count("CHROMIUM is '/nowhere/chrome', which is no program") == 1 and "failed" not in said


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {name for line in re.findall(r"(?m)^\.PHONY: (.*)$", makefile) for name in line.split()}
    assert {line.split()[1] for line in make().stdout.splitlines()} == targets


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_make_test_runs_in_a_folder_with_a_space(tmp_path: Path) -> None:
    clone = tmp_path / "my book"
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / "book").mkdir()
    for name in ("pyproject.toml", "requirements.txt", "book/01.ipynb"):
        (clone / name).touch()
    for name in ("python", "ruff", "mypy", "lint-imports"):
        script(clone / ".venv" / "bin" / name, 'echo "$KDLIB_DATA|$KDLIB_RUNS|$*"')
    for name in (".installed-site", ".installed-all"):
        (clone / ".venv" / name).touch()
    done = make("-f", str(ROOT / "Makefile"), "test", folder=clone)
    assert done.returncode == 0, done.stderr
    assert f"{clone}/_build/test/data|{clone}/_build/test/runs|-m pytest" in done.stdout


@pytest.mark.parametrize("root", [False, True])
def test_ci_installs_make_or_says_how(tmp_path: Path, root: bool) -> None:
    if sys.platform == "win32":
        pytest.skip("there is no bash here")
    (tmp_path / ".ci").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    for name in ("dirname", "chmod"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    script(tmp_path / "bin" / "chromium", "")
    script(tmp_path / "bin" / "python3", "")
    script(tmp_path / "bin" / "id", f"echo {0 if root else 1000}")
    installs = 'case "$*" in *install*make*) echo "#!/bin/sh" > "$0.make"; chmod +x "$0.make";; esac'
    script(tmp_path / "bin" / "apt-get", installs.replace("$0.make", str(tmp_path / "bin" / "make")))
    done = subprocess.run(
        [shutil.which("bash"), tmp_path / ".ci" / "run"],
        env={"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    if root:
        assert done.returncode == 0 and "make test-browser: passed" in done.stdout
    else:
        assert done.returncode == 1 and "apt-get install make" in done.stderr
