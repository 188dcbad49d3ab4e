"""`make run` on small notebooks made here: a second run changes no byte, a failing one changes nothing."""

import sys
from pathlib import Path

import notebooks
import pytest
import run
import stamp
from cells import code, display, notebook, prose

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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.ipynb"
    notebooks.write(notebook(prose("# A"), code("x = 1"), code("# why\nx / 0"), code("x")), path)
    before = path.read_bytes()
    monkeypatch.setattr(sys, "argv", ["run.py", str(path)])
    assert run.main() == 1
    said = capfd.readouterr().out
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
