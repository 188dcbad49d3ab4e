"""Records come back as they were written, and what was edited, damaged or lost is told with its remedy."""

import errno
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdlib import cli, files
from kdlib.experiments import ledger, runner

RECORD: dict[str, Any] = {
    "experiment": "mnist",
    "arm": "tutorial-alone",
    "scale": "cpu",
    "seed": 0,
    "settings": {"Größe": 1},
    "metrics": {"test_errors": 100, "f1": 0.1 + 0.2},
}
OWN = "delete that line and run again"
SHIPPED = "install kdlib again, or take the file from git"
# The records that travel with kdlib; whoever adds some raises these.
COUNTS = {
    "loss_bugs": 110,
    "mnist": 184,
    "race": 140,
    "cifar": 47,
    "class_similarity": 12,
    "caching_cost": 8,
    "xray": 245,
    "speed": 70,
    "clicks": 440,
    "privileged_resolution": 65,
    "signals": 153,
    "fidelity": 225,
    "ship": 21,
    "ranks": 6,
    "rates": 27,
    "language": 74,
    "language_writing": 34,
    "language_cost": 21,
}


def records(scale: str = "cpu") -> list[ledger.Record]:
    return ledger.records("mnist", scale)


@pytest.fixture(params=["own", "shipped"])
def place(request: pytest.FixtureRequest, apart: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three records: that of $KDLIB_RUNS, or kdlib's own."""
    if request.param == "shipped":
        monkeypatch.delenv("KDLIB_RUNS")
    for seed in range(3):
        ledger.write(RECORD | {"seed": seed})
    return ledger.folder()


def remedy(place: Path) -> str:
    return SHIPPED if place == ledger.shipped() else OWN


def change(path: Path, edit: Callable[[bytes], bytes]) -> None:
    content = path.read_bytes()
    path.write_bytes(edit(content))
    assert path.read_bytes() != content


def test_a_record_comes_back_as_it_was_written(place: Path) -> None:
    assert ledger.write(RECORD | {"arm": "a", "scale": "full"}) == "mnist.a.full.0"
    assert records() == [RECORD | {"seed": seed} for seed in range(3)]
    assert records("full") == [RECORD | {"arm": "a", "scale": "full"}]
    assert ledger.records("race", "cpu") == []
    assert [json.loads(line) for line in (place / "mnist.jsonl").read_text().splitlines()][:3] == records()


def test_records_stand_by_arm_and_seed(apart: Path) -> None:
    for arm, seed in (("b", 0), ("a", 10), ("a", 2)):
        ledger.write(RECORD | {"arm": arm, "seed": seed, "metrics": {"test_errors": seed, "f1": seed / 10}})
    assert [(r["arm"], r["seed"]) for r in records()] == [("a", 2), ("a", 10), ("b", 0)]
    assert ledger.by_arm(records()) == {"a": {2: 2, 10: 10}, "b": {0: 0}}
    assert ledger.by_arm(records(), "f1")["a"] == {2: 0.2, 10: 1.0}


def test_a_new_record_stands_for_a_shipped_one(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("KDLIB_RUNS")
        for seed in (0, 1):
            ledger.write(RECORD | {"seed": seed})
    ledger.write(RECORD | {"metrics": {"test_errors": 90}})
    ledger.write(RECORD | {"metrics": {"test_errors": 80}})  # and a newer one for an older
    assert [r["metrics"]["test_errors"] for r in records()] == [80, 100]


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "edited": ("line 1", lambda text: text.replace(b"100", b"10", 1)),
    "damaged": ("line 2", lambda text: text.replace(b'"seed": 1', b'"seed"\xff 1')),
    "another seed's": ("line 2", lambda text: text.replace(b'"seed": 1', b'"seed": 7')),
    "cut short within": ("line 1", lambda text: text[20:]),
    "no record": ("line 4", lambda text: text + b"[]\n"),
    "empty line": ("line 4", lambda text: text + b"\n"),
    "another experiment's": ("line 4", lambda text: text + text[:100].replace(b"mnist", b"race") + b"\n"),
    "merged badly": ("line 1", lambda text: b"<<<<<<< HEAD\n" + text),
    "other bytes": ("line 1", lambda text: b"\xff\xfe" + text),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_edited_or_damaged_record_is_told(damage: str, place: Path) -> None:
    line, edit = DAMAGES[damage]
    change(place / "mnist.jsonl", edit)
    with pytest.raises(ledger.RecordError, match="was edited or damaged") as told:
        records()
    assert f"{line} of {place / 'mnist.jsonl'}" in str(told.value) and remedy(place) in str(told.value)


def test_a_checksum_is_that_of_one_record(place: Path) -> None:
    change(place / "checksums.txt", lambda text: text.replace(b"alone.cpu.1", b"other.cpu.1"))
    with pytest.raises(ledger.RecordError, match=r"line 2 of .* was edited or damaged"):
        records()


THINNED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "one": ("lacks 1 of 3 records, mnist.tutorial-alone.cpu.0 first", lambda text: text.split(b"\n", 1)[1]),
    "two": ("lacks 2 of 3 records, mnist.tutorial-alone.cpu.0", lambda text: text.split(b"\n", 2)[2]),
    "the end of the last": ("lacks 1 of 3 records, mnist.tutorial-alone.cpu.2 first", lambda text: text[:-5]),
    "all": ("lacks 3 of 3 records", lambda text: b""),
}


@pytest.mark.parametrize("what", THINNED)
@pytest.mark.parametrize("place", ["shipped"], indirect=True)
def test_a_shipped_record_that_is_missing_is_told(what: str, place: Path) -> None:
    message, edit = THINNED[what]
    change(place / "mnist.jsonl", edit)
    with pytest.raises(ledger.RecordError, match=message) as told:
        records()
    assert SHIPPED in str(told.value)


@pytest.mark.parametrize("place", ["shipped"], indirect=True)
def test_a_missing_file_is_told_and_own_records_do_not_hide_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "mnist.jsonl").unlink()
    monkeypatch.setenv("KDLIB_RUNS", str(place.parent / "runs"))
    ledger.write(RECORD)
    assert cli.main(["show", "mnist"]) == 1
    said = capsys.readouterr()
    assert "lacks 3 of 3 records" in said.err and "not run" not in said.out
    (place / "checksums.txt").unlink()
    with pytest.raises(
        ledger.RecordError, match=r"checksums\.txt is missing, so that no result can be shown"
    ):
        records()


def test_of_ones_own_records_some_may_be_deleted(apart: Path) -> None:
    for seed in range(3):
        ledger.write(RECORD | {"seed": seed})
    change(ledger.folder() / "mnist.jsonl", lambda text: text.split(b"\n", 1)[1])
    assert [r["seed"] for r in records()] == [1, 2]


def test_a_line_that_was_not_written_to_its_end_is_no_record_and_gives_way(apart: Path) -> None:
    ledger.write(RECORD)
    for name in ("mnist.jsonl", "checksums.txt"):
        with (ledger.folder() / name).open("a") as file:
            file.write('{"experiment": "mn')
    assert [r["seed"] for r in records()] == [0]
    ledger.write(RECORD | {"seed": 1})
    assert [r["seed"] for r in records()] == [0, 1]
    assert "mn\n" not in (ledger.folder() / "checksums.txt").read_text()


def test_killed_between_checksum_and_line_it_is_done_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended, calls = ledger._append, []

    def killed(path: Path, line: str) -> None:
        calls.append(path.name)
        if path.suffix == ".jsonl":
            raise KeyboardInterrupt
        appended(path, line)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ledger, "_append", killed)
        ledger.write(RECORD | {"seed": 3, "seconds": 1.5})
    assert calls == ["checksums.txt", "mnist.jsonl"]
    if place != ledger.shipped():
        assert len(records()) == 3
    ledger.write(RECORD | {"seed": 3, "seconds": 1.6})
    assert records()[3]["seconds"] == 1.6


def test_line_ends_of_another_system_change_no_record(place: Path) -> None:
    for name in ("mnist.jsonl", "checksums.txt"):
        change(place / name, lambda text: text.replace(b"\n", b"\r\n"))
    assert len(records()) == 3


def test_records_merged_in_git_in_any_order_are_read(place: Path) -> None:
    for name in ("mnist.jsonl", "checksums.txt"):
        change(place / name, lambda text: b"".join(reversed(text.splitlines(keepends=True))))
    assert [r["seed"] for r in records()] == [0, 1, 2]


def test_a_folder_that_cannot_be_written_says_where_records_can_go(apart: Path) -> None:
    apart.mkdir()
    (apart / "records").write_text("a file where the folder should be")
    with pytest.raises(files.WriteError, match=r"make it a folder .*, or set .* KDLIB_RUNS") as told:
        ledger.write(RECORD)
    assert str(apart / "records") in str(told.value)


def test_a_record_for_which_there_is_no_room_says_so_once(
    apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(files.WriteError, match=r"No space left .*free some space .* KDLIB_RUNS") as told:
        ledger.write(RECORD)
    assert str(told.value).count("cannot write") == 1


def test_one_bad_record_does_not_hide_the_other_tables(
    apart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.write(RECORD)
    change(ledger.folder() / "mnist.jsonl", lambda text: b"{\n")
    assert cli.main(["show"]) == 1
    said = capsys.readouterr()
    assert "mnist.jsonl was edited or damaged" in said.err and "mnist, cpu scale" not in said.out
    for name in runner.EXPERIMENTS:
        assert name == "mnist" or f"{name}, cpu scale" in said.out


def test_a_curve_is_kept_as_columns_of_six_digits() -> None:
    curve = [{"loss": 0.123456789, "seconds": 1.0}, {"loss": 1234567.8, "seconds": 2.0}]
    assert ledger.columns(curve) == {"loss": [0.123457, 1234570.0], "seconds": [1.0, 2.0]}
    assert ledger.columns([]) == {}


def test_a_record_names_the_machine() -> None:
    machine = ledger.machine()
    assert json.loads(json.dumps(machine)) == machine
    assert machine["threads"] >= 1 and set(machine["versions"]) == {"python", "torch", "torchvision"}


class Installed:
    """kdlib as pip knows it."""

    version = "0.9"
    found: str | None = None

    def read_text(self, name: str) -> str | None:
        return self.found if name == "direct_url.json" else None


def test_a_record_names_the_commit_and_whether_the_code_was_changed_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*command: str) -> str:
        about = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false")
        call = ["git", "-C", str(tmp_path), *about, *command]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()

    code = tmp_path / "kdlib" / "experiments" / "ledger.py"
    (code.parent / "records").mkdir(parents=True)
    code.write_text("1")
    git("init", "--quiet")
    monkeypatch.setattr(ledger, "__file__", str(code))
    monkeypatch.setattr(ledger.metadata, "distribution", lambda name: Installed())
    assert ledger.commit() == "kdlib 0.9"  # installed below a repository of something else
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    head = git("rev-parse", "HEAD")[:12]
    (tmp_path / "notes.txt").write_text("beside kdlib")
    (code.parent / "records" / "mnist.jsonl").write_text("what the run before wrote")
    assert ledger.commit() == head
    code.write_text("2")
    assert ledger.commit() == f"{head}+"


def test_without_git_the_commit_is_what_pip_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_git(*arguments: Any, **options: Any) -> None:
        raise FileNotFoundError("git")

    installed = Installed()
    monkeypatch.setattr(subprocess, "run", no_git)
    monkeypatch.setattr(ledger.metadata, "distribution", lambda name: installed)
    assert ledger.commit() == "kdlib 0.9"
    installed.found = json.dumps({"url": "https://x", "vcs_info": {"commit_id": "0123456789abcdef0123"}})
    assert ledger.commit() == "0123456789ab"


def test_the_package_has_all_records_that_it_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDLIB_RUNS", raising=False)
    found = {name: sum(len(ledger.records(name, s)) for s in runner.SCALES) for name in runner.EXPERIMENTS}
    assert found == COUNTS
    names = [line.split()[1] for line in (ledger.shipped() / "checksums.txt").read_text().splitlines()]
    assert len(names) == len(set(names)) == sum(COUNTS.values())
