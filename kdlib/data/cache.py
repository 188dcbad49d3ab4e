"""The cache folder of the whole data sets: one safetensors file each, written whole or not at all.

A file carries the SHA-256 of each of its arrays in its header, so that a changed byte is found when it is
read. All that kdlib writes there for a data set is NAME.safetensors and hidden files .NAME.safetensors.*
"""

import errno
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open

from kdlib import files
from kdlib.data.bundle import UInt8Array, sha256_of


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


def save(path: Path, arrays: dict[str, UInt8Array], about: dict[str, Any]) -> None:
    """Write uint8 arrays and a description to `path`, whole or not at all.

    CacheError where it cannot be written; what stood at `path` before is then untouched.
    """
    header = {**about, "sha256": {key: sha256_of(values) for key, values in arrays.items()}}
    with explained(path.parent), files.replaced(path) as file:
        write_safetensors(file, arrays, {"kdlib": json.dumps(header)})


def write_safetensors(file: BinaryIO, arrays: dict[str, UInt8Array], metadata: dict[str, str]) -> None:
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


def read(path: Path, keys: Iterable[str] | None = None) -> dict[str, UInt8Array]:
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
def locked(path: Path, *, wait: bool = True) -> Iterator[bool | None]:
    """Hold the lock of `path` among processes, so that two of them do not do the same work.

    Gives True when it is held, False when another process holds it (only where `wait` is False; else this
    one says that it waits, and does), and None where the file system knows no locks: the renaming in `save`
    still keeps files whole. The system frees the lock when a process dies. CacheError where the file of the
    lock cannot be opened.
    """
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_name(f".{path.name}.lock").open("ab")
    with file:
        held = _try(file.fileno(), wait=False)
        if held is False and wait:
            print(f"kdlib: waiting for another process that works on {path}", file=sys.stderr, flush=True)
            held = _try(file.fileno(), wait=True)
        yield held


def _try(descriptor: int, *, wait: bool) -> bool | None:
    """True: locked. False: another process has it. None: there are no locks here."""
    try:
        _lock(descriptor, wait)
    except (BlockingIOError, PermissionError):  # what POSIX and Windows call "taken"
        return None if wait else False
    except OSError:
        return None
    return True


def _lock(descriptor: int, wait: bool) -> None:
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        while True:
            try:
                return msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if error.errno != errno.EDEADLOCK:  # it gave up after ten seconds: wait on
                    raise
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


@contextmanager
def explained(where: Path) -> Iterator[None]:
    """Turn a failed write or deletion below `where` into a CacheError that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space there" if full else "make it a folder that you can write to"
        runs = os.environ.get("KDLIB_RUNS")
        below = runs and Path(runs).expanduser() in (where, *where.parents)
        remedy += f", or set {'KDLIB_RUNS' if below else 'KDLIB_DATA'} to another folder"
        raise CacheError(f"cannot write to {where} ({error}): {remedy}") from error


def files_of(stem: str, *, hidden: bool = False) -> list[Path]:
    """The cached files of the data set `stem`; `hidden` adds downloads and writes, unfinished ones too."""
    ours = re.compile(
        rf"{stem}(-\d+)?\.safetensors" + (rf"|\.{stem}(-\d+)?\.safetensors\.(?!lock$).+" if hidden else "")
    )
    inside = folder().iterdir() if folder().is_dir() else ()
    return sorted(path for path in inside if ours.fullmatch(path.name) and path.is_file())


def clear(stem: str) -> list[Path]:
    """Delete what kdlib wrote for the data set `stem`, unfinished files too; returns the paths deleted.

    It waits for a process that is fetching them. The files of the locks stay: one that is deleted locks
    nobody out. CacheError where nothing can be deleted.
    """
    deleted = []
    for kept in sorted({_kept(path) for path in files_of(stem, hidden=True)}):
        with locked(kept), explained(kept.parent):
            for path in files_of(stem, hidden=True):  # again: the process waited for has changed them
                if _kept(path) == kept:
                    path.unlink(missing_ok=True)
                    deleted.append(path)
    return deleted


def _kept(path: Path) -> Path:
    """The cached file that a hidden one belongs to; any other is its own."""
    return path.with_name(path.name.lstrip(".").partition(".safetensors")[0] + ".safetensors")
