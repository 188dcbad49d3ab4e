"""Files that are whole or not there, locks, and files that travel with kdlib and are what they were.

A new file is written under another name, forced to the disk, then renamed. Of those that travel, a JSON file
holds a seal, which covers all the rest of it, and the SHA-256 of the binary files that belong to it.
"""

import errno
import hashlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

REMEDY = (
    "install kdlib again (pip install --force-reinstall --no-deps), "
    "or in a clone: git checkout kdlib/weights kdlib/bundled"
)


class WriteError(OSError):
    """A folder cannot be written: there is no room, no right or no folder. The message says what to do."""


class DamagedError(OSError):
    """A file that travels with kdlib is missing or is not what it was."""


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path` when the block ends well.

    Another process sees the old content or the new, never a part; where the block fails, what stood at
    `path` before is untouched and nothing else is left. Its folder must exist. FileExistsError where `path`
    is no plain file: a folder or a device stays.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(f"{path} is there and no plain file; give another name")
    part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small file whole, in UTF-8."""
    with replaced(path) as file:
        file.write(text.encode())


def check_writable(folder: Path) -> None:
    """Make a folder where there is none; raise OSError where no file can be written in it."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()


@contextmanager
def explained(folder: Path, *, only_full: bool = False) -> Iterator[None]:
    """Turn a failed write or deletion below `folder` into a WriteError that says what to do.

    only_full: leave all errors as they are but those of a full disk.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if only_full and not full:
            raise
        remedy = "free some space there" if full else "make it a folder that you can write to"
        remedy += ", or set KDLIB_DATA (data) or KDLIB_RUNS (runs and records) to another folder"
        raise WriteError(f"cannot write to {folder} ({error}): {remedy}") from error


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool | None]:
    """Hold the lock of `path` among processes, so that two of them do not do the same work.

    Gives True when it is held, False when another process holds it (only where `wait` is False; else this
    one says that it waits, and does), and None where the file system knows no locks: `replaced` still keeps
    files whole. The system frees the lock when a process dies. WriteError where its file cannot be opened.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(lock.lock_file).touch()
    held = _try(lock, wait=False)
    if held is False and wait:
        print(f"kdlib: waiting for another process that works on {path}", file=sys.stderr, flush=True)
        held = _try(lock, wait=True)
    try:
        yield held
    finally:
        lock.release()


def _try(lock: FileLock, *, wait: bool) -> bool | None:
    """True: locked. False: another process has it. None: there are no locks here."""
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        return False
    except OSError:
        return None
    return True


def shipped(path: Path, sha256: str | None = None) -> bytes:
    """The content of a file that travels with kdlib, compared with its SHA-256 where one is given.

    DamagedError, naming the file and the remedy, where it cannot be read or is another.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedError(f"{path} cannot be read ({error.strerror}): {REMEDY}") from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise DamagedError(f"{path} was altered: {REMEDY}")
    return content


def sealed(path: Path) -> dict[str, Any]:
    """What a JSON file that travels with kdlib holds, without the seal with which it is compared.

    DamagedError as in `shipped`.
    """
    content = shipped(path)
    with suppress(ValueError, TypeError, AttributeError, KeyError):
        found: dict[str, Any] = json.loads(content)
        if found.pop("seal") == seal(found):
            return found
    raise DamagedError(f"{path} was altered: {REMEDY}")


def seal(content: dict[str, Any]) -> str:
    """SHA-256 of what a JSON file holds, whatever its layout."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
