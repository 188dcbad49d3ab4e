"""Records and command lines that no other test gives: each is refused with its name and what to do."""

import re
from pathlib import Path
from typing import Any

import pytest

from kdlib import cli
from kdlib.experiments import ledger
from kdlib.experiments import loss_bugs as loss_experiments


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of records, and none that is shipped."""
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    monkeypatch.setattr(ledger, "shipped", lambda: tmp_path / "shipped")
    folder = tmp_path / "records"
    folder.mkdir()
    return folder


def a_record() -> bytes:
    run = {"experiment": "loss", "arm": "alone", "scale": "cpu", "seed": 0, "metrics": {"test_errors": 1}}
    return ledger.write(run | {"code": "old"}).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: b"", "is cut short or no JSON"),
        (lambda text: text[: len(text) // 2], "is cut short or no JSON"),
        (lambda text: b"\xff\xfe" + text, "is cut short or no JSON"),
        (lambda text: text.replace(b'"schema": 2', b'"schema": 1'), "has another schema than 2"),
        (lambda text: text.replace(b'"test_errors": 1', b'"test_errors": 0'), "was edited"),
        (lambda text: text.replace(b'"seal"', b'"seals"'), "was edited"),
    ],
    ids=["empty", "half", "bytes", "older", "edited", "unsealed"],
)
def test_show_names_a_record_that_cannot_be_trusted(
    change: Any, message: str, records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ledger.SCHEMA == 2  # else write the older one anew here
    text = a_record()
    (path,) = records.iterdir()
    path.write_bytes(change(text))
    assert path.read_bytes() != text
    assert cli.main(["show"]) == 1
    said = capsys.readouterr().err
    assert f"kdlib: {path} {message}" in said and "delete it and run the experiment again" in said


def test_a_run_whose_record_cannot_be_written_says_where_it_could_be(
    records: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = {"metrics": {"test_errors": 1}, "curve": [], "data": "x"}
    monkeypatch.setattr(loss_experiments, "run", lambda arm, seed, folder: measured)
    records.rmdir()
    records.write_text("a file where the folder should be")
    assert cli.main(["run", "loss", "--only", "alone", "--seeds", "0"]) == 1
    said = capsys.readouterr().err
    assert "kdlib: cannot write" in said and "set KDLIB_RUNS to a folder that you can write to" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run nosuch", r"argument name: invalid choice: 'nosuch' \(choose from '?loss'?, "),
        (
            "run loss --scale quick",
            r"argument --scale: invalid choice: 'quick' \(choose from '?cpu'?, '?full'?\)",
        ),
        ("run loss --seeds x", "argument --seeds: invalid int value: 'x'"),
        ("run loss --seeds", "argument --seeds: expected at least one argument"),
        ("run", "the following arguments are required: name"),
        ("show nosuch", "argument name: invalid choice: 'nosuch'"),
        ("nosuch", "invalid choice: 'nosuch' .*data'?, '?run'?, '?show"),
    ],
)
def test_the_command_line_names_a_wrong_argument(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments.split())
    assert stopped.value.code == 2
    assert re.search(message, capsys.readouterr().err)


def test_negative_seeds_run_nothing(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "loss", "--only", "alone", "--seeds", "-1"]) == 1
    assert "seeds holds -1" in capsys.readouterr().err
    assert list(records.iterdir()) == []
