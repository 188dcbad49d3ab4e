"""The progress bar: shown to whoever looks, silent in log files, the same text in a notebook."""

import io
import sys
import types

import nbformat
import numpy as np
import pytest
from PIL import Image
from tqdm.std import tqdm

from kdlib import progress
from kdlib.data import chest_xray
from kdlib.data.download import download


class Screen(io.StringIO):
    """A stand-in for stderr that is a terminal or is not."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def look_like(monkeypatch, name):
    """Make this process look as if it ran in a terminal, in a notebook, in IPython or into a file."""
    screen = Screen(terminal=name in ("terminal", "ipython"))
    shells = {
        "notebook": types.SimpleNamespace(kernel=object()),
        "ipython": object(),
        "ipython into a file": object(),
    }
    ipython = types.SimpleNamespace(get_ipython=lambda: shells.get(name))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)


def drive():
    with progress.bar(4, "epochs", initial=1, unit=" epochs") as bar:
        bar.update(3)
    return bar


@pytest.mark.parametrize("name", ["terminal", "notebook", "ipython"])
def test_shown(monkeypatch, name):
    screen = look_like(monkeypatch, name)
    assert type(drive()) is tqdm  # text, and not a widget
    assert "epochs: 100%" in screen.getvalue() and "4/4 [" in screen.getvalue()


@pytest.mark.parametrize("name", ["file", "ipython into a file"])
def test_silent(monkeypatch, name):
    screen = look_like(monkeypatch, name)
    drive()
    assert screen.getvalue() == ""


def test_silent_where_nobody_imported_ipython_or_there_is_no_stderr(monkeypatch):
    screen = look_like(monkeypatch, "file")
    monkeypatch.delitem(sys.modules, "IPython")
    drive()
    monkeypatch.setattr(sys, "stderr", None)
    drive()
    assert screen.getvalue() == ""


@pytest.mark.parametrize(("value", "shown"), [("1", False), ("true", False), ("0", True), ("", True)])
def test_tqdm_disable(monkeypatch, value, shown):
    monkeypatch.setenv("TQDM_DISABLE", value)
    screen = look_like(monkeypatch, "notebook")
    drive()
    assert bool(screen.getvalue()) is shown


def test_unknown_totals_and_scaled_units(monkeypatch):
    screen = look_like(monkeypatch, "terminal")
    with progress.bar(None, "bytes", unit="B", unit_scale=True) as bar:
        bar.update(12_300_000)
    assert "bytes: 12.3MB" in screen.getvalue()


def test_a_notebook_sees_the_download_and_the_reading(monkeypatch, tmp_path):
    screen = look_like(monkeypatch, "notebook")
    (tmp_path / "home.bin").write_bytes(bytes(300_000))
    download((tmp_path / "home.bin").as_uri(), tmp_path / "got")
    assert "home.bin: 100%" in screen.getvalue() and "300k/300k" in screen.getvalue()
    monkeypatch.setattr(chest_xray, "kaggle_files", lambda: ["train/NORMAL/IM-0001-0001.jpeg"])
    folder = tmp_path / "train" / "NORMAL"
    folder.mkdir(parents=True)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "IM-0001-0001.jpeg")
    chest_xray.read_folder(tmp_path, 8)
    assert "chest_xray: 100%" in screen.getvalue()


@pytest.mark.slow
def test_a_real_notebook_stores_text_and_no_widget():
    from nbclient import NotebookClient

    code = "from kdlib import progress\nwith progress.bar(3, 'epochs') as bar:\n    bar.update(3)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert {(output.output_type, output.name) for output in outputs} == {("stream", "stderr")}
    assert "3/3" in "".join(output.text for output in outputs)
    assert "widgets" not in notebook.metadata
