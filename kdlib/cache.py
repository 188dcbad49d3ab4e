"""The cache folder of the whole data sets: one safetensors file each, written whole or not at all.

A file carries the SHA-256 of each of its arrays in its header, so that a changed byte is found when it is
read. All that kdlib writes there for a data set is NAME.safetensors and hidden files .NAME.safetensors.*
"""

import errno
import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open

from kdlib.bundle import Bytes, sha256_of


class CacheError(OSError):
    """The cache folder cannot be written: no room, no right, no folder."""


class AlteredError(OSError):
    """A cached file is not what was written: cut short or changed."""


def folder() -> Path:
    """$KDLIB_DATA, or `kdlib` in the platform's cache folder. It may not exist yet."""
    if given := os.environ.get("KDLIB_DATA"):
        return Path(given).expanduser()
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "kdlib"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "kdlib"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "kdlib"


def save(path: Path, arrays: dict[str, Bytes], about: dict[str, Any]) -> None:
    """Write uint8 arrays and a description to `path`: under another name, forced to the disk, then renamed.

    Another process sees the old file or the new one, never a part. CacheError where it cannot be written;
    what stood at `path` before is then untouched.
    """
    header = {**about, "sha256": {key: sha256_of(values) for key, values in arrays.items()}}
    part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    with explained(path.parent):
        try:
            with part.open("wb") as file:
                write_safetensors(file, arrays, {"kdlib": json.dumps(header)})
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def write_safetensors(file: BinaryIO, arrays: dict[str, Bytes], metadata: dict[str, str]) -> None:
    """Write uint8 arrays one after the other, with no copy of them in memory, as safetensors lays them out.

    The library's own `save_file` makes files that only their owner can read, which a shared cache cannot use.
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for key, values in arrays.items():
        start, end = end, end + values.nbytes
        header[key] = {"dtype": "U8", "shape": values.shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for values in arrays.values():
        file.write(np.ascontiguousarray(values).data)


def read(path: Path, keys: Iterable[str] | None = None) -> dict[str, Bytes]:
    """The arrays `keys` of a cached file (None: all), each compared with its SHA-256.

    FileNotFoundError where there is no such file, AlteredError where it is not whole.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        with safe_open(path, framework="np") as file:
            expected = json.loads(file.metadata()["kdlib"])["sha256"]
            arrays = {key: file.get_tensor(key) for key in (expected if keys is None else keys)}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise AlteredError(f"{path} was cut short or altered ({error})") from error
    for key, values in arrays.items():
        if sha256_of(values) != expected.get(key):
            raise AlteredError(f"{path} was altered: the SHA-256 of {key} is not the one in its header")
    return arrays


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock of `path` among processes, so that two of them do not do the same work.

    The system frees it when a process dies. Where the file system knows no locks, False is given and nothing
    is held: the renaming in `save` still keeps files whole.
    """
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_name(f".{path.name}.lock").open("ab")
    with file:
        try:
            _lock(file.fileno())
            held = True
        except OSError:
            held = False
        yield held


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        while True:
            try:
                return msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
            except OSError as error:
                if error.errno != errno.EDEADLOCK:  # it gave up after ten seconds: wait on
                    raise
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextmanager
def explained(where: Path) -> Iterator[None]:
    """Turn a failed write below `where` into a CacheError that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space there" if full else "make it a folder that you can write to"
        remedy += ", or set KDLIB_DATA to another folder"
        raise CacheError(f"cannot write to {where} ({error}): {remedy}") from error


def files_of(stem: str, *, hidden: bool = False) -> list[Path]:
    """The cached files of the data set `stem`; `hidden` adds locks and unfinished downloads and writes."""
    ours = re.compile(
        rf"{stem}(-\d+)?\.safetensors" + (rf"|\.{stem}(-\d+)?\.safetensors\..+" if hidden else "")
    )
    inside = folder().iterdir() if folder().is_dir() else ()
    return sorted(path for path in inside if ours.fullmatch(path.name) and path.is_file())


def clear(stem: str) -> list[Path]:
    """Delete what kdlib wrote for the data set `stem`, unfinished files too; returns the paths deleted."""
    found = files_of(stem, hidden=True)
    for path in found:
        path.unlink(missing_ok=True)
    return found
