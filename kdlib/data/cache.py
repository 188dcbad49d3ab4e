"""The cache folder of the full data sets: one safetensors file each, written whole or not at all.

A file carries the SHA-256 of each of its arrays in its header, so that a changed byte is found when it is
read. All that kdlib writes there for a data set is NAME.safetensors and hidden files .NAME.safetensors.*
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from kdlib import files
from kdlib.data.bundle import UInt8Array, sha256_of


class AlteredError(OSError):
    """A cached file is not what was written: cut short or changed."""


class ForeignError(OSError):
    """A cached file is whole, but holds another data set than its name says."""


def folder() -> Path:
    """$KDLIB_DATA, or `kdlib` in the platform's cache folder. It may not exist yet.

    OSError where neither is known: no home folder, as in a container with a user that it has no name for.
    """
    own = {"darwin": "~/Library/Caches", "win32": os.environ.get("LOCALAPPDATA") or "~/AppData/Local"}
    base = own.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(os.environ.get("KDLIB_DATA") or f"{base}/kdlib").expanduser()
    except RuntimeError as error:
        raise OSError(f"no cache folder is known ({error}): set KDLIB_DATA to a folder of yours") from error


def save(path: Path, arrays: dict[str, UInt8Array]) -> None:
    """Write uint8 arrays to `path`, whole or not at all.

    WriteError where it cannot be written; what stood at `path` before is then untouched.
    """
    arrays = {key: np.ascontiguousarray(values) for key, values in arrays.items()}  # safetensors asks for it
    header = {"sha256": {key: sha256_of(values) for key, values in arrays.items()}}
    # Not `save_file`, whose files only their owner can read: a cache may be shared.
    content = safetensors.numpy.save(arrays, {"kdlib": json.dumps(header)})
    with files.explained(path.parent), files.replaced(path) as file:
        file.write(content)


def read(
    path: Path, keys: Iterable[str] | None = None, official: Mapping[str, str] | None = None
) -> dict[str, UInt8Array]:
    """The arrays `keys` of a cached file (None: all), each compared with the SHA-256 in the file's header.

    official: the SHA-256 that they must have besides; what the header says is compared, which costs nothing.

    FileNotFoundError where there is no such file, AlteredError where it is not whole, ForeignError where it
    is whole and another, OSError where it cannot be read.
    """
    try:
        path.open("rb").close()  # safetensors takes a file that may not be read for one that is not there
        with safe_open(path, framework="np") as file:
            digests = dict(json.loads(file.metadata()["kdlib"])["sha256"])
            foreign = official is not None and not official.keys() <= digests.keys()
            wanted = () if foreign else digests if keys is None else keys
            arrays = {key: file.get_tensor(key) for key in wanted}
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OSError(
            f"cannot read {path} ({error.strerror}): let yourself read it, or move it away"
        ) from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise AlteredError(f"{path} was cut short or altered ({error})") from error
    if foreign:
        raise ForeignError(f"{path} is whole, but no {path.stem}: move it away")
    for key, values in arrays.items():
        if values.dtype != np.uint8 or sha256_of(values) != digests.get(key):
            raise AlteredError(f"{path} was altered: the SHA-256 of {key} is not the one in its header")
        if official and digests[key] != official[key]:
            raise ForeignError(
                f"{path} is whole, but its {key} is not the official one: "
                f"`python -m kdlib data fetch {path.stem}` replaces it by one that is"
            )
    return arrays


def files_of(name: str) -> list[Path]:
    """The cached files of the data set `name`."""
    return [path for path in _touched(name) if path.is_file()]


def clear(name: str) -> list[Path]:
    """Delete what kdlib wrote for the data set `name`, unfinished files too; returns the paths deleted.

    It waits for a process that is fetching them. The files of the locks stay: one that is deleted locks
    nobody out. WriteError where nothing can be deleted.
    """
    deleted = []
    for path in _touched(name):
        with files.locked(path), files.explained(path.parent):
            for file in (path, *path.parent.glob(f".{path.name}.*")):
                if file.is_file() and file.suffix != ".lock":
                    file.unlink(missing_ok=True)
                    deleted.append(file)
    return deleted


def _touched(name: str) -> list[Path]:
    """The files of a data set that are cached, or of which a lock, a download or an unfinished write is."""
    ours = re.compile(rf"\.?({name}(-\d+)?\.safetensors)(\..+)?")
    inside = folder().iterdir() if folder().is_dir() else ()
    found = (ours.fullmatch(path.name) for path in inside)
    return sorted({folder() / match[1] for match in found if match})
