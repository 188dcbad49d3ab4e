"""Files that are whole or not there: written under another name, forced to the disk, then renamed."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


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


def check_writable(folder: Path) -> None:
    """Make a folder where there is none; raise OSError where no file can be written in it."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()
