"""The images that come with kdlib: WebP sheets, label files and their manifest in `kdlib/bundled`.

A sheet holds up to 50 x 50 images in reading order. Every file is checked by the SHA-256 of its bytes
before it is decoded; lossless arrays are checked by the SHA-256 of their pixels afterwards.
`book/_tools/make_bundle.py` makes the folder from the full data sets.
"""

import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

UInt8Array = npt.NDArray[np.uint8]

FOLDER = Path(__file__).parents[1] / "bundled"
COLUMNS = ROWS = 50
REMEDY = "Reinstall kdlib (pip install --force-reinstall --no-deps, from git or your clone)."


def manifest() -> dict[str, dict[str, Any]]:
    """What the bundle holds: {data set: {array: {"shape", "files": {name: SHA-256}, "sha256" if lossless}}}.

    Raises FileNotFoundError or OSError where the manifest is missing or unreadable.
    """
    path = FOLDER / "manifest.json"
    try:
        found: dict[str, dict[str, Any]] = json.loads(_read(path))
    except ValueError as error:
        raise OSError(f"{path} is damaged ({error}). {REMEDY}") from None
    return found


@lru_cache(maxsize=12)
def array(name: str, key: str) -> UInt8Array:
    """One bundled array, verified, as read-only uint8; images are [N, C, H, W]. Kept in memory once decoded.

    Raises FileNotFoundError or OSError, naming the file, where one is missing or altered.
    """
    path = FOLDER / "manifest.json"
    try:
        entry = manifest()[name][key]
        shape, files, expected = tuple(entry["shape"]), dict(entry["files"]), entry.get("sha256")
    except (KeyError, TypeError, ValueError) as error:
        raise OSError(f"{path} is damaged at {name} {key} ({error!r}). {REMEDY}") from None
    parts = []
    for file, sha256 in files.items():
        path = FOLDER / file
        data = _read(path)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise OSError(f"{path} is not the file that kdlib came with: it was altered. {REMEDY}")
        parts.append(_tiles(data, path, shape) if file.endswith(".webp") else np.frombuffer(data, np.uint8))
    whole = np.concatenate(parts)[: shape[0]]
    if whole.shape != shape or (expected and sha256_of(whole) != expected):
        raise OSError(f"{path} and the sheets before it do not hold the pixels of {name} {key}. {REMEDY}")
    whole.flags.writeable = False
    return whole


def verify(name: str) -> None:
    """Read and check every bundled array of data set `name`; raises as `array` does."""
    array.cache_clear()
    for key in manifest()[name]:
        array(name, key)


def sha256_of(values: UInt8Array) -> str:
    """SHA-256 of an array's bytes in C order, as hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def sheet(images: UInt8Array) -> UInt8Array:
    """Lay [N, C, H, W] images out as one picture [rows * H, 50 * W, C], the last row filled up with zeros."""
    n, channels, height, width = images.shape
    rows = -(-n // COLUMNS)
    padded = np.zeros((rows * COLUMNS, channels, height, width), np.uint8)
    padded[:n] = images
    tiles = padded.reshape(rows, COLUMNS, channels, height, width).transpose(0, 3, 1, 4, 2)
    return tiles.reshape(rows * height, COLUMNS * width, channels)


def _tiles(data: bytes, path: Path, shape: tuple[int, ...]) -> UInt8Array:
    """The inverse of `sheet`, from a WebP file's bytes; grey images come back with one channel."""
    _, channels, height, width = shape
    try:
        picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except OSError as error:
        remedy = "pip install --upgrade pillow"
        raise OSError(f"{path} is whole, but Pillow cannot decode it ({error}): {remedy}") from None
    if channels == 1:
        picture = picture[..., 1:2]  # grey is stored as three equal channels; lossy WebP keeps green best
    rows = picture.shape[0] // height
    tiles = picture.reshape(rows, height, COLUMNS, width, channels).transpose(0, 2, 4, 1, 3)
    return tiles.reshape(-1, channels, height, width)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing from this installation of kdlib. {REMEDY}") from None
