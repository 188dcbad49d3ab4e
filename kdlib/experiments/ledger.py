"""The ledger: a record a run, the only source of results in the book. Chapter 03.

A record says what was run (experiment, arm, scale, seed, settings), what came out (metrics, curve, seconds),
where (device, threads, versions), with which code (a commit) and which data (a digest). One file an
experiment, NAME.jsonl, holds a record a line, and checksums.txt beside it the SHA-256 of each line under its
record's name: what was edited, damaged or lost is noticed. Records that travel with kdlib lie in
kdlib/experiments/records; new ones go to $KDLIB_RUNS/records where that is set.
"""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import torch

from kdlib import files
from kdlib.data import cache

CHECKSUMS = "checksums.txt"
Record = dict[str, Any]


class RecordError(ValueError):
    """Records that cannot be trusted: edited by hand, cut short or missing."""


def shipped() -> Path:
    """Where the records that travel with kdlib lie."""
    return Path(str(resources.files("kdlib.experiments") / "records"))


def runs_folder() -> Path:
    """Where checkpoints lie: $KDLIB_RUNS, or `runs` in the platform's cache folder."""
    given = os.environ.get("KDLIB_RUNS")
    return Path(given).expanduser() if given else cache.folder() / "runs"


def folder() -> Path:
    """Where new records are written: $KDLIB_RUNS/records, or kdlib's own folder."""
    return runs_folder() / "records" if os.environ.get("KDLIB_RUNS") else shipped()


def name_of(record: Record) -> str:
    """The name of a run: experiment, arm, scale and seed."""
    return ".".join(str(record[part]) for part in ("experiment", "arm", "scale", "seed"))


def write(record: Record) -> str:
    """Append a record to its experiment's file; returns its name.

    Raises:
        WriteError: the folder cannot be written; the message says where else records can go.
    """
    name, line = name_of(record), json.dumps(record)
    with files.locked(folder() / CHECKSUMS), files.explained(folder()):
        # The checksum first: a run that is killed between the two has no record and is done again.
        _append(folder() / CHECKSUMS, f"{_sha256(line)} {name}")
        _append(folder() / f"{record['experiment']}.jsonl", line)
    return name


def _append(path: Path, line: str) -> None:
    """Add a line, after cutting off one that was not written to its end."""
    with path.open("ab+") as file:
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def records(experiment: str, scale: str) -> list[Record]:
    """An experiment's records at a scale, by arm and seed; a new one replaces a shipped one of its name.

    Raises:
        RecordError: a record was edited or damaged, or one of the shipped ones is missing.
    """
    found = _read(shipped(), experiment) | (_read(folder(), experiment) if folder() != shipped() else {})
    chosen = [record for record in found.values() if record["scale"] == scale]
    return sorted(chosen, key=lambda record: (record["arm"], record["seed"]))


def exists(record: Record) -> bool:
    """Whether a run of this experiment, arm, scale and seed has a record: a lost one can be run again."""
    places = {shipped(), folder()}
    return any(name_of(record) in _read(place, record["experiment"], whole=False) for place in places)


def _read(place: Path, experiment: str, *, whole: bool = True) -> dict[str, Record]:
    """An experiment's records in a folder by name, each compared with its checksum.

    `whole`: of those that are shipped none may be missing.
    """
    path, ours = place / f"{experiment}.jsonl", place == shipped()
    remedy = "install kdlib again, or take the file from git" if ours else "delete that line and run again"
    if ours and not (place / CHECKSUMS).is_file():
        raise RecordError(f"{place / CHECKSUMS} is missing, so that no result can be shown; {remedy}")
    known = {line for line in _lines(place / CHECKSUMS) if f" {experiment}." in line}
    found: dict[str, Record] = {}
    for number, line in enumerate(_lines(path), start=1):
        try:
            record: Record = json.loads(line)
            genuine = f"{_sha256(line)} {name_of(record)}" in known
        except (ValueError, KeyError, TypeError):
            genuine = False
        if not genuine:
            raise RecordError(f"line {number} of {path} was edited or damaged; {remedy}")
        found[name_of(record)] = record
    names = {line.split(" ", 1)[1] for line in known}
    if whole and ours and (missing := sorted(names - found.keys())):
        lost = f"{len(missing)} of {len(names)} records, {missing[0]} first"
        raise RecordError(f"{path} lacks {lost}; {remedy}")
    return found


def _lines(path: Path) -> list[str]:
    """The whole lines of a file; none where there is no file."""
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n") if path.is_file() else ""
    return text.split("\n")[:-1]


def _sha256(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def by_arm(found: Iterable[Record], metric: str = "test_errors") -> dict[str, dict[int, float]]:
    """One figure of some records, by arm and seed: {"alone": {0: 323, 1: 310}}. Chapter 02."""
    table: dict[str, dict[int, float]] = {}
    for record in found:
        table.setdefault(record["arm"], {})[record["seed"]] = record["metrics"][metric]
    return table


def columns(curve: list[dict[str, float]]) -> dict[str, list[float]]:
    """A curve as a record keeps it: for each figure its values, one an epoch, to six digits."""
    names = curve[0] if curve else {}
    return {name: [float(f"{entry[name]:.6g}") for entry in curve] for name in names}


def machine() -> dict[str, Any]:
    """What a run ran on."""
    versions = {name: metadata.version(name) for name in ("torch", "torchvision")}
    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), **versions},
    }


def commit() -> str:
    """The commit of the code: git's, with a + where kdlib was changed since, or that which pip installed."""
    try:
        _git("ls-files", "--error-unmatch", __file__)  # else the repository is of something else
        changed = _git("status", "--porcelain", "--", "..", ":!records")  # where runs write their records
        return _git("rev-parse", "--short=12", "HEAD") + "+" * bool(changed)
    except (OSError, subprocess.SubprocessError):
        origin = metadata.distribution("kdlib").read_text("direct_url.json")
        found = json.loads(origin or "{}").get("vcs_info", {}).get("commit_id")
        return found[:12] if found else f"kdlib {metadata.version('kdlib')}"


def _git(*command: str) -> str:
    call = ["git", "-C", str(Path(__file__).parent), *command]
    return subprocess.run(call, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
