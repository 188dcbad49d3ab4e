"""Make kdlib/bundled from the full data sets, deterministically.

    python book/_tools/make_bundle.py FULL [DEST]

FULL holds mnist.npz and cifar10.npz (train_images, train_labels, test_images, test_labels; uint8,
[N, C, H, W]) and chest_xray in Kaggle's folder layout. DEST defaults to kdlib/bundled.

MNIST: all 70,000 images, lossless. CIFAR-10: the first 800 training and the first 200 test images of each
class in official order, lossless; and the labels of all 10,000 test images, by which answers in the records
are judged. X-rays: all 5,856, resized to 64x64, WebP quality 90. The same input and the same libwebp give
the same bytes; another libwebp may give other bytes with, where lossless, the same pixels.
"""

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kdlib import files
from kdlib.data import bundle, chest_xray

PER_CLASS = {"train": 800, "test": 200}


def first_of_each_class(labels: bundle.UInt8Array, count: int) -> np.ndarray:
    """Positions of the first `count` examples of each class, in the order of the data set."""
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)]))


def arrays(full: Path) -> dict[str, dict[str, bundle.UInt8Array]]:
    """The bundled arrays, before encoding."""
    mnist = dict(np.load(full / "mnist.npz", allow_pickle=False))
    every = dict(np.load(full / "cifar10.npz", allow_pickle=False))
    cifar10 = {}
    for split, count in PER_CLASS.items():
        keep = first_of_each_class(every[f"{split}_labels"], count)
        cifar10.update({key: every[key][keep] for key in (f"{split}_images", f"{split}_labels")})
    cifar10["whole_test_labels"] = every["test_labels"]
    return {"mnist": mnist, "cifar10": cifar10, "chest_xray": chest_xray.read_folder(full / "chest_xray", 64)}


def sheet(images: bundle.UInt8Array) -> bundle.UInt8Array:
    """Lay [N, C, H, W] images out as one picture [rows * H, 50 * W, C], the last row filled up with zeros."""
    n, channels, height, width = images.shape
    rows = -(-n // bundle.COLUMNS)
    padded = np.zeros((rows * bundle.COLUMNS, channels, height, width), np.uint8)
    padded[:n] = images
    tiles = padded.reshape(rows, bundle.COLUMNS, channels, height, width).transpose(0, 3, 1, 4, 2)
    return tiles.reshape(rows * height, bundle.COLUMNS * width, channels)


def encode(images: bundle.UInt8Array, *, lossless: bool) -> bytes:
    """One WebP sheet of at most 2,500 images."""
    picture = Image.fromarray(sheet(images).squeeze())
    out = io.BytesIO()
    if lossless:
        picture.save(out, "WEBP", lossless=True, quality=75, method=4 if images.shape[1] == 1 else 6)
    else:
        picture.save(out, "WEBP", quality=90, method=6)
    return out.getvalue()


def write_array(name: str, key: str, values: bundle.UInt8Array, dest: Path) -> dict[str, Any]:
    """Write one array's files; returns its manifest entry."""
    stem = f"{name}-{key.replace('_', '-')}"
    lossless = name != "chest_xray"
    if values.ndim == 4:
        step = 50 * bundle.COLUMNS
        parts = {
            f"{stem}-{i // step:02d}.webp": encode(values[i : i + step], lossless=lossless)
            for i in range(0, len(values), step)
        }
    else:
        parts = {f"{stem}.{'u8' if lossless else 'txt'}": values.tobytes()}
    for file, data in parts.items():
        (dest / file).write_bytes(data)
    entry: dict[str, Any] = {"shape": list(values.shape)}
    if lossless:
        entry["sha256"] = bundle.sha256_of(values)
    return entry | {"files": {file: hashlib.sha256(data).hexdigest() for file, data in parts.items()}}


def make(full: Path, dest: Path) -> None:
    """Write all files and the manifest, and remove what an earlier bundle left behind."""
    dest.mkdir(parents=True, exist_ok=True)
    manifest = {
        name: {key: write_array(name, key, values, dest) for key, values in sorted(parts.items())}
        for name, parts in arrays(full).items()
    }
    sealed = manifest | {"seal": files.seal(manifest)}
    (dest / "manifest.json").write_text(json.dumps(sealed, indent=1) + "\n", encoding="utf-8", newline="\n")
    kept = {file for parts in manifest.values() for entry in parts.values() for file in entry["files"]}
    for path in dest.iterdir():
        if path.name not in kept | {"manifest.json"}:
            path.unlink()
    print(f"{dest}: {sum(path.stat().st_size for path in dest.iterdir()):,} bytes in {len(kept) + 1} files")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    make(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else bundle.FOLDER)
