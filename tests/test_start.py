"""kdlib.notebook.start, which the set-up cell of every notebook calls."""

import ast
import os
import sys
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pytest
import torch

from kdlib import __version__, notebook, plots


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever start sets is put back after the test."""
    for name in ("KDLIB_SCALE", "KDLIB_RUNS"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(notebook, "FROM_OUTSIDE", None)
    with plt.rc_context():
        yield


def test_sets_the_scale_and_the_style_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    plt.rcParams["axes.spines.top"] = True
    notebook.start(scale="gpu")
    assert notebook.start(scale="gpu") == "gpu"  # a second call does the same again
    lines = capsys.readouterr().out.splitlines()
    assert os.environ["KDLIB_SCALE"] == "gpu"
    assert plt.rcParams["axes.spines.top"] is plots.STYLE["axes.spines.top"] is False
    assert len(lines) == 2 and lines[0] == lines[1]
    assert lines[0].startswith(f"kdlib {__version__}, torch ") and "scale gpu" in lines[0]


def test_the_scale_that_suits_the_machine_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for cuda, scale, said in (
        (False, "quick", "no GPU, scale quick"),
        (False, "gpu", 'no GPU, scale gpu (hours without a GPU: "quick" suits)'),
        (True, "quick", 'Tesla T4, scale quick ("gpu" would suit this machine)'),
        (True, "gpu", "Tesla T4, scale gpu"),
    ):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
        notebook.start(scale=scale)
        assert capsys.readouterr().out.endswith(f", {said}\n")


def test_a_training_keeps_its_place_where_runs_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    assert notebook.kept("xray-teacher") == tmp_path / "notebooks" / "xray-teacher.safetensors"


def test_all_that_kdlib_imports_is_asked_for() -> None:
    """IPython runs the notebook; torch and anywidget bring numpy and traitlets."""
    known = {"kdlib", "IPython", "numpy", "traitlets", *sys.stdlib_module_names, *notebook.NEEDED}
    for path in Path(notebook.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= known, path.name
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "kdlib").split(".")[0] in known, path.name


def test_the_scale_of_the_environment_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "FROM_OUTSIDE", "gpu")
    assert notebook.start(scale="quick") == os.environ["KDLIB_SCALE"] == "gpu"
    monkeypatch.setattr(notebook, "FROM_OUTSIDE", "huge")
    with pytest.raises(ValueError, match="KDLIB_SCALE is 'huge'; a notebook runs at quick or gpu"):
        notebook.start()


def test_what_is_missing_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "find_spec", lambda name: None if name == "anywidget" else object())
    with pytest.raises(ModuleNotFoundError, match=r"^anywidget cannot be imported.*pip install -e \."):
        notebook.start()


def test_drive_changes_nothing_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    notebook.start(drive=True)
    assert os.environ["KDLIB_RUNS"] == ""
    assert "no Google Drive here" in capsys.readouterr().out


def test_drive_keeps_runs_on_colab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted: list[str] = []

    class Drive(ModuleType):
        @staticmethod
        def mount(folder: str) -> None:
            mounted.append(folder)
            (Path(folder) / "MyDrive").mkdir(parents=True)

    colab = ModuleType("google.colab")
    colab.drive = Drive("drive")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setattr(notebook, "DRIVE", tmp_path / "drive")
    notebook.start(drive=True)
    notebook.start(drive=True)  # is mounted by now
    assert mounted == [str(tmp_path / "drive")]
    assert os.environ["KDLIB_RUNS"] == str(tmp_path / "drive" / "MyDrive" / "kdlib-runs")
    assert Path(os.environ["KDLIB_RUNS"]).is_dir()
