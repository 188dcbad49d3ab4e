"""The whole CIFAR-10: from its home, or from a copy got elsewhere.

torchvision's own download is the pickled "python version", and unpickling runs whatever code a file holds.
The home offers the same images as a "binary version", which is plain bytes, so that one is taken: of each
image, one byte of label and 3,072 bytes of pixels, red, green and blue planes of 32 x 32.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
"""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from kdlib.data.bundle import UInt8Array, sha256_of
from kdlib.data.download import download

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test": ("test_batch.bin",)}
BATCH_BYTES = 10_000 * 3073
SHA256 = {  # of the uint8 arrays, images [N, C, H, W], in official order
    "train_images": "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111",
    "train_labels": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "test_images": "177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
    "test_labels": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
}
HOW = (
    "python -m kdlib data fetch cifar10 --from PATH, where PATH is a copy got elsewhere: "
    "cifar-10-binary.tar.gz, a folder with its data_batch_*.bin, or an .npz with train_images, train_labels, "
    "test_images and test_labels"
)


def fetch(archive: Path) -> dict[str, UInt8Array]:
    """Download to `archive` and read it. ConnectionError, with the remedy, where that fails.

    The archive stays, so that whoever cannot write the arrays need not fetch it again; one that is not
    CIFAR-10 is deleted.
    """
    try:
        download(URL, archive, md5=MD5)
    except ConnectionError as error:
        raise ConnectionError(f"cifar10: {error}. Try again later, use scale='quick', or {HOW}") from error
    try:
        return read(archive)
    except (ValueError, FileNotFoundError):
        archive.unlink(missing_ok=True)
        raise


def read(source: Path) -> dict[str, UInt8Array]:
    """Images and labels of a copy: the uint8 arrays named in SHA256, compared with it.

    FileNotFoundError where nothing usable is there, ValueError where it is not the official CIFAR-10.
    """
    if source.is_dir():
        arrays = _from_folder(source)
    elif not source.is_file():
        raise FileNotFoundError(f"cifar10: {source} does not exist. Use {HOW}")
    elif source.suffix == ".npz":
        arrays = _from_npz(source)
    else:
        arrays = _from_archive(source)
    for key, expected in SHA256.items():
        if sha256_of(arrays[key]) != expected:
            raise ValueError(
                f"cifar10: {key} of {source} is not the official one (SHA-256): take another copy"
            )
    return arrays


def _from_folder(folder: Path) -> dict[str, UInt8Array]:
    inside = folder if (folder / "test_batch.bin").is_file() else folder / "cifar-10-batches-bin"

    def batch(name: str) -> bytes:
        if not (inside / name).is_file():
            raise FileNotFoundError(
                f"cifar10: {folder} has no {name} (the batches without .bin are pickles: not read)"
            )
        return (inside / name).read_bytes()

    return _decode(batch, folder)


def _from_archive(path: Path) -> dict[str, UInt8Array]:
    wanted = {name for names in BATCHES.values() for name in names}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as tar:  # members are read, never extracted: no path in it is followed
            for member in tar:
                name = PurePosixPath(member.name).name
                file = tar.extractfile(member) if name in wanted and member.isfile() else None
                if file is not None:
                    found[name] = file.read(BATCH_BYTES + 1)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"cifar10: {path} is not a whole .tar.gz ({error}): take another copy") from error

    def batch(name: str) -> bytes:
        if name not in found:
            raise FileNotFoundError(f"cifar10: {path} holds no {name}: it is not the binary version")
        return found[name]

    return _decode(batch, path)


def _decode(batch: Callable[[str], bytes], source: Path) -> dict[str, UInt8Array]:
    arrays = {}
    for split, names in BATCHES.items():
        parts = []
        for name in names:
            data = batch(name)
            if len(data) != BATCH_BYTES:
                raise ValueError(
                    f"cifar10: {name} of {source} is not {BATCH_BYTES:,} bytes: take another copy"
                )
            parts.append(np.frombuffer(data, np.uint8).reshape(-1, 3073))
        rows = np.concatenate(parts)
        arrays[f"{split}_labels"] = np.ascontiguousarray(rows[:, 0])
        arrays[f"{split}_images"] = np.ascontiguousarray(rows[:, 1:]).reshape(-1, 3, 32, 32)
    return arrays


def _from_npz(path: Path) -> dict[str, UInt8Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: np.asarray(file[key]).astype(np.uint8, casting="unsafe") for key in SHA256}
    except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"cifar10: {path} is not an .npz with {', '.join(SHA256)} ({error})") from error
