"""The stamp of a notebook: what changes it, and what does not."""

from pathlib import Path

import pytest
import stamp
from cells import code, display, notebook, prose


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A kdlib of two modules, a room of two, JavaScript, and records of two experiments."""
    folder = tmp_path / "kdlib"
    for path, text in {
        "__init__.py": '"""The package."""\n',
        "plots.py": "def show():\n    return 1\n",
        "models.py": "def lenet():\n    return 1\n",
        "losses/__init__.py": "from kdlib.losses.kd import term\n",
        "losses/kd.py": "def term():\n    return 1\n",
        "losses/logits.py": "def dist():\n    return 1\n",
        "sliders/__init__.py": "",
        "sliders/kit.js": "1",
        "experiments/__init__.py": "",
        "experiments/ledger.py": "def records():\n    return 1\n",
        "experiments/records/mnist.jsonl": "[1]\n",
        "experiments/records/race.jsonl": "[1]\n",
        "experiments/records/checksums.txt": "1\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def changing(source: str, package: Path) -> set[str]:
    """The files of the package whose change changes the stamp of a notebook with this cell."""
    found, nb = set(), notebook(code(source))
    before = stamp.stamp(nb, package)
    for path in (path for path in package.rglob("*") if path.is_file()):
        content = path.read_bytes()
        path.write_bytes(content + b"# changed\n")
        if stamp.stamp(nb, package) != before:
            found.add(path.relative_to(package).as_posix())
        path.write_bytes(content)
    assert stamp.stamp(nb, package) == before
    return found


LOSSES = {"losses/__init__.py", "losses/kd.py", "losses/logits.py"}
RACE = {"experiments/ledger.py", "experiments/records/race.jsonl"}


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("from kdlib import plots", {"plots.py"}),
        ("from kdlib import models, plots as p", {"models.py", "plots.py"}),
        ("import kdlib.plots", {"plots.py"}),
        ("import kdlib.plots as p, os", {"plots.py"}),
        ("from kdlib.plots import show", {"plots.py"}),
        ("from kdlib import losses", LOSSES),
        ("from kdlib.losses import term", LOSSES),  # a name that the room hands on may come from all of it
        ("from kdlib.losses import kd", {"losses/kd.py"}),
        ("from kdlib.losses.kd import term", {"losses/kd.py"}),
        ("import kdlib.losses", LOSSES),
        ("from kdlib import sliders", {"sliders/__init__.py"}),  # and not its JavaScript
        ("def later():\n    from kdlib import plots", {"plots.py"}),
        ("!ls\n%pip list\nfrom kdlib import plots\nplots.show?", {"plots.py"}),
        ("%%bash\nfrom kdlib import plots", set()),
        ("import torch, kdlib_other\nfrom torch import nn", set()),
        ("from kdlib.experiments import ledger\nledger.records('race', 'cpu')", RACE),
        ('from kdlib.experiments import ledger\nx = ledger.records(\n    "race", "cpu"\n)', RACE),
        ("records('mnist', 'cpu'); records('gone', 'cpu')", {"experiments/records/mnist.jsonl"}),
    ],
)
def test_the_stamp_follows_what_the_notebook_imports_and_reads(
    source: str, files: set[str], package: Path
) -> None:
    assert changing(source, package) == files


def test_a_new_file_in_a_room_changes_the_stamp(package: Path) -> None:
    nb = notebook(code("from kdlib import losses"))
    before = stamp.stamp(nb, package)
    (package / "losses" / "features.py").write_text("")
    assert stamp.stamp(nb, package) != before


def test_line_ends_of_another_system_change_nothing(package: Path) -> None:
    nb = notebook(code("from kdlib import plots"))
    before = stamp.stamp(nb, package)
    path = package / "plots.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert stamp.stamp(nb, package) == before


def test_the_stamp_covers_the_code_cells_but_set_up_and_outputs(package: Path) -> None:
    used = "from kdlib import plots\nplots.show()"
    before = stamp.stamp(notebook(prose("# T"), code("start()", "setup"), code(used)), package)
    assert len(before) == 16 and set(before) <= set("0123456789abcdef")
    same = notebook(prose("# Other"), code("start(2)", "setup"), code(used, outputs=(display({"a/b": "c"}),)))
    assert stamp.stamp(same, package) == before
    cells = [[used + "  # more"], [used, "1"], ["1", used], ["1\n" + used]]
    others = [notebook(*map(code, sources)) for sources in cells]
    assert len({before, *(stamp.stamp(nb, package) for nb in others)}) == 5


def test_the_rooms_of_kdlib_are_followed() -> None:
    sources = ["from kdlib.losses import hinton_loss", "from kdlib.experiments import ledger", "import kdlib"]
    files = [{*stamp.depended_on(source, stamp.PACKAGE)} for source in sources]
    assert stamp.PACKAGE / "losses" / "kd.py" in files[0]
    assert files[1] == {stamp.PACKAGE / "experiments" / "ledger.py"}
