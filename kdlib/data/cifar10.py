"""The full CIFAR-10: from its home, or from a copy got elsewhere.

torchvision's own download is the pickled "python version", and unpickling runs whatever code a file holds.
The home offers the same images as a "binary version", which is plain bytes, so that one is taken: of each
image, one byte of label and 3,072 bytes of pixels, red, green and blue planes of 32 x 32.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
"""

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np

from kdlib.data.bundle import UInt8Array, sha256_of
from kdlib.data.download import download

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test": ("test_batch.bin",)}
FILES = BATCHES["train"] + BATCHES["test"]
BATCH_BYTES = 10_000 * 3073
ARCHIVE, ARRAYS = "cifar-10-binary.tar.gz", "cifar10.npz"
SHA256 = {  # of the uint8 arrays, images [N, C, H, W], in official order
    "train_images": "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111",
    "train_labels": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "test_images": "177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
    "test_labels": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
}
HOW = (
    f"python -m kdlib data fetch cifar10 --from PATH: a copy of {ARCHIVE}, an .npz with {', '.join(SHA256)}, "
    f"or a folder with either ({ARRAYS}) or the {len(FILES)} .bin (those without .bin are pickles, not read)"
)


def fetch(archive: Path) -> dict[str, UInt8Array]:
    """Download to `archive` and read it. ConnectionError, with the remedy, where that fails.

    The archive stays, so that whoever cannot write the arrays need not fetch it again; one that is not
    CIFAR-10 is deleted.
    """
    try:
        if not archive.is_file():
            download(URL, archive)
        return read(archive)
    except ConnectionError as error:
        raise ConnectionError(f"cifar10: {error}. Try again later, use scale='quick', or {HOW}") from error
    except ValueError:
        archive.unlink()
        raise


def read(source: Path) -> dict[str, UInt8Array]:
    """Images and labels of a copy: the uint8 arrays named in SHA256, compared with it.

    FileNotFoundError where nothing is there, ValueError where it is not the official CIFAR-10.
    """
    if not source.exists():
        raise FileNotFoundError(f"cifar10: {source} does not exist. Use {HOW}")
    if inside := [source / name for name in (ARCHIVE, ARRAYS) if (source / name).is_file()]:
        return read(inside[0])
    arrays = _from_npz(source) if source.suffix == ".npz" else _from_batches(source)
    for key, expected in SHA256.items():
        if sha256_of(arrays[key]) != expected:
            raise ValueError(f"cifar10: {key} of {source} is not the official one: take another copy")
    return arrays


def _from_batches(source: Path) -> dict[str, UInt8Array]:
    found, arrays = _in_folder(source) if source.is_dir() else _in_archive(source), {}
    for split, names in BATCHES.items():
        for name in names:
            if len(found.get(name, b"")) != BATCH_BYTES:
                raise ValueError(f"cifar10: {source} has no {name} of {BATCH_BYTES:,} bytes. Use {HOW}")
        rows = np.frombuffer(b"".join(found[name] for name in names), np.uint8).reshape(-1, 3073)
        arrays[f"{split}_labels"] = np.ascontiguousarray(rows[:, 0])
        arrays[f"{split}_images"] = np.ascontiguousarray(rows[:, 1:]).reshape(-1, 3, 32, 32)
    return arrays


def _in_folder(folder: Path) -> dict[str, bytes]:
    inside = (part / name for part in (folder, folder / "cifar-10-batches-bin") for name in FILES)
    return {path.name: path.read_bytes() for path in inside if path.is_file()}


def _in_archive(archive: Path) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(archive) as tar:  # members are read, never extracted: no path in it is followed
            for member in tar:
                name = PurePosixPath(member.name).name
                file = tar.extractfile(member) if name in FILES and member.isfile() else None
                if file is not None:
                    found[name] = file.read(BATCH_BYTES + 1)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"cifar10: {archive} is not a whole .tar.gz ({error}): take another copy") from error
    return found


def _from_npz(path: Path) -> dict[str, UInt8Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key].astype(np.uint8) for key in SHA256}
    except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"cifar10: {path} is not an .npz with {', '.join(SHA256)} ({error})") from error
