"""The full CIFAR-10 and chest X-rays: fetched once, kept verified in the cache folder, remade where altered.

MNIST is not among them: the bundle has all of it.
"""

import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kdlib import files
from kdlib.data import cache, chest_xray, cifar10
from kdlib.data.bundle import UInt8Array

NAMES = ("cifar10", "chest_xray")
RESOLUTIONS = range(8, 225)  # of the X-rays; CIFAR-10 is 32 x 32


def path_of(name: str, resolution: int = 64) -> Path:
    """Where the full data set is or would be kept; the X-rays have one file for each resolution.

    ValueError for an unknown name or resolution.
    """
    if name not in NAMES:
        raise ValueError(f"name is {name!r}; {' and '.join(NAMES)} can be fetched (all of mnist is bundled)")
    if name == "cifar10":
        return cache.folder() / "cifar10.safetensors"
    if resolution not in RESOLUTIONS:
        raise ValueError(f"resolution is {resolution!r}; chest_xray can be had at 8 to 224 pixels")
    return cache.folder() / f"chest_xray-{resolution}.safetensors"


def read(name: str, keys: Iterable[str], resolution: int = 64) -> dict[str, UInt8Array]:
    """Arrays of a full data set, verified; fetched first where it is not in the cache, remade where altered.

    cifar10: train_images [50000, 3, 32, 32], train_labels, test_images, test_labels. chest_xray: images
    [5856, 1, resolution, resolution] and files (their names, joined by spaces). Errors as `fetch`, and
    ForeignError for a file that is whole and not CIFAR-10.
    """
    path = path_of(name, resolution)
    try:
        if path.exists():
            return verified(path, keys)
    except cache.AlteredError as error:
        warnings.warn(f"{error}; it is being remade", stacklevel=3)
    return verified(fetch(name, resolution=resolution), keys)


def fetch(name: str, source: str | Path | None = None, resolution: int = 64) -> Path:
    """Put a full data set into the cache and return its path; where it is verified already, do nothing.

    source: a copy on this machine (see `cifar10.read` and `chest_xray.find_source`), read even where the
    cache has one. None: CIFAR-10 from its home; X-rays from KDLIB_CHEST_XRAY.

    ValueError for an unknown name or resolution, or a source that is not the data set; FileNotFoundError
    and ConnectionError where it cannot be had; WriteError where it cannot be written, OSError where a file
    that is there cannot be read. Nothing cached is lost.
    """
    path = path_of(name, resolution)
    if source is None and _is_whole(path):  # before the lock, which a cache that is only read cannot give
        return path
    archive = path.with_name(f".{path.name}.download")
    with files.locked(path) as held:
        for old in path.parent.glob(f".{path.name}.*.tmp") if held else ():  # left by a killed process
            old.unlink(missing_ok=True)
        if source is None and _is_whole(path):  # another process may have made it while this one waited
            return path
        if name == "cifar10":
            arrays = cifar10.read(Path(source)) if source else cifar10.fetch(archive)
        else:
            arrays = chest_xray.read_folder(chest_xray.find_source(source), resolution)
        cache.save(path, arrays)
        archive.unlink(missing_ok=True)  # not before: a full disk or a kill must not cost the download
    return path


def verified(path: Path, keys: Iterable[str] | None = None) -> dict[str, UInt8Array]:
    """Arrays of a cached file (None: all), compared with their SHA-256, of CIFAR-10 with the official ones.

    Errors as `cache.read`.
    """
    return cache.read(path, keys, cifar10.SHA256 if path.stem == "cifar10" else None)


def _is_whole(path: Path) -> bool:
    with suppress(FileNotFoundError, cache.AlteredError, cache.ForeignError):
        return bool(verified(path))
    return False
