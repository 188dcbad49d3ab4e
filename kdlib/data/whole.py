"""The whole CIFAR-10 and chest X-rays: fetched once, kept verified in the cache folder, remade where altered.

MNIST is not among them: the bundle has all of it.
"""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from kdlib.data import cache, chest_xray, cifar10
from kdlib.data.bundle import UInt8Array, sha256_of

NAMES = ("cifar10", "chest_xray")
RESOLUTIONS = tuple(range(8, 225))  # of the X-rays; CIFAR-10 is 32 x 32


def path_of(name: str, resolution: int = 64) -> Path:
    """Where the whole data set is or would be kept; the X-rays have one file for each resolution."""
    stem = f"{name}-{resolution}" if name == "chest_xray" else name
    return cache.folder() / f"{stem}.safetensors"


def read(name: str, keys: Iterable[str], resolution: int = 64) -> dict[str, UInt8Array]:
    """Arrays of a whole data set, verified; fetched first where it is not in the cache, remade where altered.

    cifar10: train_images [50000, 3, 32, 32], train_labels, test_images, test_labels. chest_xray: images
    [5856, 1, resolution, resolution] and files (their names, joined by spaces). Errors as `fetch`.
    """
    path = path_of(name, resolution)
    try:
        return cache.read(path, keys)
    except FileNotFoundError:
        pass
    except cache.AlteredError as error:
        warnings.warn(f"{error}; it is being remade", stacklevel=3)
    return cache.read(fetch(name, resolution=resolution), keys)


def fetch(name: str, source: str | os.PathLike[str] | None = None, resolution: int = 64) -> Path:
    """Put a whole data set into the cache and return its path; where it is verified already, do nothing.

    source: a copy on this machine (see `cifar10.read` and `chest_xray.find_source`), read even where the
    cache has one. None: CIFAR-10 from its home; X-rays from KDLIB_CHEST_XRAY or kagglehub.

    ValueError for an unknown name or resolution, or a source that is not the data set; FileNotFoundError
    and ConnectionError where it cannot be had; CacheError where it cannot be written. Nothing cached is lost.
    """
    if name not in NAMES:
        raise ValueError(f"name is {name!r}; {' and '.join(NAMES)} can be fetched (mnist is bundled whole)")
    if name == "chest_xray" and resolution not in RESOLUTIONS:
        raise ValueError(f"resolution is {resolution!r}; chest_xray can be had at 8 to 224 pixels")
    path = path_of(name, resolution)
    if source is None and _is_whole(path):  # before the lock, which a cache that is only read cannot give
        return path
    archive = path.with_name(f".{path.name}.download")
    with cache.locked(path) as held:
        for old in path.parent.glob(f".{path.name}.*.tmp") if held else ():  # left by a killed process
            old.unlink(missing_ok=True)
        if source is None and _is_whole(path):  # another process may have made it while this one waited
            return path
        if name == "cifar10":
            arrays = cifar10.read(Path(source)) if source else cifar10.fetch(archive)
        else:
            arrays = chest_xray.read_folder(chest_xray.find_source(source), resolution)
        cache.save(path, arrays, {"name": name})
        archive.unlink(missing_ok=True)  # not before: a full disk or a kill must not cost the download
    return path


def verify(path: Path) -> None:
    """Compare every array of a cached file with its SHA-256, CIFAR-10's with the known ones too.

    FileNotFoundError or AlteredError.
    """
    arrays = cache.read(path)
    if path == path_of("cifar10"):
        for key, expected in cifar10.SHA256.items():
            if key not in arrays or sha256_of(arrays[key]) != expected:
                raise cache.AlteredError(f"{path} was altered: {key} is not the official one")


def _is_whole(path: Path) -> bool:
    try:
        verify(path)
    except (FileNotFoundError, cache.AlteredError):
        return False
    return True
