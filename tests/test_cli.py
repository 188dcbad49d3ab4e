"""`python -m kdlib` as a shell starts it: what it says when it is cut off, stopped or has nowhere to go."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kdlib import cli, files
from kdlib.data import bundle

KDLIB = [sys.executable, "-m", "kdlib"]


def environment(**changed: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[1])} | changed


def test_it_verifies_what_is_bundled() -> None:
    done = subprocess.run(
        [*KDLIB, "data", "verify", "mnist"], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "mnist, bundled: verified\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_whoever_reads_may_stop_reading() -> None:
    """As in `python -m kdlib data | head -1`; the first line is written when all of it is."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [*KDLIB, "data", "verify", "mnist"],
            env=environment(),
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_while_torch_is_imported_leaves_a_line_and_no_traceback(tmp_path: Path) -> None:
    """A stand-in for torch, found first, presses the keys."""
    (tmp_path / "torch.py").write_text("raise KeyboardInterrupt")  # a shell's background ignores the signal
    both = os.pathsep.join([str(tmp_path), str(Path(files.__file__).parents[1])])
    done = subprocess.run(
        [*KDLIB, "show"], env=environment(PYTHONPATH=both), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "kdlib: stopped\n")


def test_a_damaged_bundle_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "FOLDER", tmp_path)
    bundle.array.cache_clear()
    assert cli.main(["data"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"kdlib: {tmp_path / 'manifest.json'} cannot be read" in said


def test_a_package_that_is_missing_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(arguments: object) -> int:
        raise ImportError("onnx is missing; pip install onnx")

    monkeypatch.setattr(cli, "show_experiments", missing)
    assert cli.main(["show"]) == 1
    assert capsys.readouterr().err == "kdlib: onnx is missing; pip install onnx\n"
