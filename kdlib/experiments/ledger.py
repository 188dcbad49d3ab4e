"""The ledger: one JSON record a run, the only source of results in the book. Chapter 03.

A record holds what was run (experiment, arm, scale, seed, settings), what came out (metrics, curve, seconds),
where (device, threads, versions) and a digest of the code and the data. Records that travel with kdlib lie in
kdlib/records; new ones go to $KDLIB_RUNS/records where that is set.
"""

import hashlib
import json
import os
import platform
from importlib import resources
from pathlib import Path
from typing import Any

import torch
import torchvision

from kdlib import files

SCHEMA = 2
NAMED = ("experiment", "arm", "scale", "seed")  # the parts of a record's name
Record = dict[str, Any]


class RecordError(ValueError):
    """A record that cannot be trusted: edited by hand, cut short, misnamed, or of another schema."""


def folder() -> Path:
    """Where new records are written: $KDLIB_RUNS/records, or kdlib's own folder."""
    if runs := os.environ.get("KDLIB_RUNS"):
        return Path(runs).expanduser() / "records"
    return shipped()


def shipped() -> Path:
    """Where the records that travel with kdlib lie."""
    return Path(str(resources.files("kdlib.experiments") / "records"))


def name_of(experiment: str, arm: str, scale: str, seed: int) -> str:
    """The file name of a run's record, without .json."""
    return f"{experiment}.{arm}.{scale}.{seed}"


def seal(record: Record) -> str:
    """SHA-256 of a record's content, by which an edit by hand is noticed."""
    content = {key: value for key, value in record.items() if key != "seal"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write(record: Record) -> Path:
    """Write a record under its name, whole or not at all.

    Raises:
        PermissionError: the folder cannot be written; the message says where else records can go.
    """
    path = folder() / f"{name_of(*(record[part] for part in NAMED))}.json"
    record = {"schema": SCHEMA, **record}  # one line a key, so that a difference can be read
    record["seal"] = seal(record)
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replaced(path) as file:
            file.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())
    except OSError as error:
        raise PermissionError(
            f"cannot write the record {path} ({error}); set KDLIB_RUNS to a folder that you can write to"
        ) from error
    return path


def check_writable() -> None:
    """Raise PermissionError where no record could be written, before hours of training find it out."""
    try:
        files.check_writable(folder())
    except OSError as error:
        raise PermissionError(
            f"cannot write records to {folder()} ({error}); set KDLIB_RUNS to a folder that you can write to"
        ) from error


def read(path: Path) -> Record:
    """One record.

    Raises:
        RecordError: it is no JSON, of another schema, was edited, or is of another run than its name says, as
            a copy is that a browser has numbered; the message names the file.
    """
    remedy = "delete it and run the experiment again"
    try:
        record: Record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} is cut short or no JSON ({error}); {remedy}") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise RecordError(f"{path} has another schema than {SCHEMA}; {remedy}")
    if record.get("seal") != seal(record):
        raise RecordError(f"{path} was edited: its content does not match its seal; {remedy}")
    name = name_of(*(record[part] for part in NAMED))
    if path.stem != name:
        raise RecordError(f"{path} holds the record {name}; delete it, or name it {name}.json")
    return record


def records(experiment: str, scale: str) -> list[Record]:
    """An experiment's records at a scale, by arm and seed; a new one replaces a shipped one of its name."""
    found: dict[str, Path] = {}
    for place in (shipped(), folder()):
        if place.is_dir():
            found |= {path.name: path for path in place.glob(f"{experiment}.*.{scale}.*.json")}
    loaded = [read(path) for path in found.values()]
    return sorted(loaded, key=lambda r: (r["arm"], r["seed"]))


def by_arm(found: list[Record], metric: str = "test_errors") -> dict[str, dict[int, float]]:
    """One figure of some records, by arm and seed: {"alone": {0: 323, 1: 310}}. Chapter 02."""
    table: dict[str, dict[int, float]] = {}
    for record in found:
        table.setdefault(record["arm"], {})[record["seed"]] = record["metrics"][metric]
    return table


def exists(experiment: str, arm: str, scale: str, seed: int) -> bool:
    """Whether a run has a record, shipped or new. RecordError where the one that counts cannot be trusted."""
    name = f"{name_of(experiment, arm, scale, seed)}.json"
    found = [place / name for place in (folder(), shipped()) if (place / name).is_file()]
    return bool(found and read(found[0]))


def columns(curve: list[dict[str, float]]) -> dict[str, list[float]]:
    """A curve as a record keeps it: for each figure its values, one an epoch, to six digits."""
    names = curve[0] if curve else {}
    return {name: [float(f"{entry[name]:.6g}") for entry in curve] for name in names}


def machine() -> dict[str, Any]:
    """What a run ran on."""
    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
    }
