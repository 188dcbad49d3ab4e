"""What a reader gets: the wheel, installed without the clone in sight, and plain notebooks run elsewhere."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Those of the classroom have the same code; one of them, as it is handed out, stands for all.
SHEET = ROOT / "classroom" / "learners" / "02_loss.ipynb"
NOTEBOOKS = [*sorted((ROOT / "notebooks").rglob("*.ipynb")), SHEET]
OURS = ("kdlib", "__editable__")  # what an editable install leaves in site-packages


def call(*command: object, **options: object) -> str:
    """What a command prints; it fails with all that it said."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what git knows, as from a download of the repository."""
    source = tmp_path_factory.mktemp("source")
    for name in call("git", "ls-files", "-z", cwd=ROOT).split("\0")[:-1]:
        if name.startswith("kdlib/") or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source)
    return next(folder.glob("kdlib-*.whl"))


@pytest.fixture(scope="module")
def reader(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the libraries of this one, as a reader's machine has torch, but kdlib from the wheel."""
    folder = tmp_path_factory.mktemp("reader")
    libraries = folder / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(OURS):
            (libraries / entry.name).symlink_to(entry)
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    own = call(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").strip()
    (Path(own) / "libraries.pth").write_text(str(libraries))
    before = installed(python)
    call(python, "-m", "pip", "install", "--quiet", "--no-index", wheel)  # whatever else it needs would fail
    after = installed(python)
    assert after.pop("kdlib") and after == before  # torch and numpy among them
    return python


def installed(python: Path) -> dict[str, str]:
    """Versions by name."""
    return {p["name"]: p["version"] for p in json.loads(call(python, "-m", "pip", "list", "--format=json"))}


def elsewhere(folder: Path) -> dict[str, object]:
    """Options of a process that knows nothing of the clone, its data or its runs."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KDLIB", "PYTHON", "VIRTUAL_ENV"))}
    own = {"KDLIB_DATA": str(folder / "data"), "KDLIB_RUNS": str(folder / "runs"), "OMP_NUM_THREADS": "1"}
    own |= {"IPYTHONDIR": str(folder / "ipython"), "JUPYTER_DATA_DIR": str(folder / "jupyter")}
    return {"cwd": folder, "env": kept | own}


@pytest.mark.slow
def test_the_wheel_has_all_that_the_package_has(wheel: Path) -> None:
    names = set(call(sys.executable, "-m", "zipfile", "--list", wheel).split())
    package = {n for n in call("git", "ls-files", "-z", "kdlib", cwd=ROOT).split("\0")[:-1]}
    assert package - names == set()
    assert not [name for name in names if name.endswith(".ipynb")]
    assert wheel.stat().st_size < 45e6


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="links need a right there that users lack")
def test_every_notebook_runs_from_the_wheel(reader: Path, tmp_path: Path) -> None:
    assert str(ROOT) not in call(reader, "-c", "import kdlib; print(kdlib.__file__)", **elsewhere(tmp_path))

    def run(notebook: Path) -> str:
        folder = tmp_path / notebook.relative_to(ROOT).with_suffix("")
        folder.mkdir(parents=True)
        shutil.copy(notebook, folder)
        options = ["--to", "notebook", "--execute", "--inplace", "--ExecutePreprocessor.kernel_name=python3"]
        options += ["--ExecutePreprocessor.timeout=300", "--log-level=ERROR"]
        done = subprocess.run(
            [str(reader), "-m", "nbconvert", *options, notebook.name],
            capture_output=True,
            text=True,
            **elsewhere(folder),
        )
        return "" if done.returncode == 0 else f"{notebook.relative_to(ROOT)}: {done.stderr[-2000:]}"

    assert NOTEBOOKS
    with ThreadPoolExecutor(2) as pool:
        failed = [words for words in pool.map(run, NOTEBOOKS) if words]
    assert not failed, "\n\n".join(failed)
