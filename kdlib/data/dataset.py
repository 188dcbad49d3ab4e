"""MNIST, CIFAR-10 and chest X-rays as uint8 tensors; every chapter takes its images from here.

    train = data.load("mnist", "train", resolution=32)
    train.images.shape, train.labels[:3], train.classes

A quick run reads the bundle that comes with kdlib; the full CIFAR-10 and X-rays come from a verified cache
(see `kdlib.data.full`). Nothing here reads a pickle. Every chapter uses this module, chapter 01 first.

Sources. MNIST: Yann LeCun and Corinna Cortes, CC BY-SA 3.0. CIFAR-10: Krizhevsky 2009, free for research
with citation. Chest X-rays: Kermany, Zhang and Goldbaum 2018, doi 10.17632/rscbjbr9sj.2, CC BY 4.0.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib import checks
from kdlib.data import bundle, chest_xray, cifar10, full

SCALES = ("quick", "gpu", "cpu", "full")
SPLITS = {"mnist": ("train", "test"), "cifar10": ("train", "test"), "chest_xray": chest_xray.SPLITS}
CLASSES = {"mnist": tuple("0123456789"), "cifar10": cifar10.CLASSES, "chest_xray": chest_xray.CLASSES}
NATIVE = {"mnist": 28, "cifar10": 32, "chest_xray": 64}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A labelled set of images, whole in memory.

    images: uint8 [N, C, H, W], 0 to 255, C = 1 (grey) or 3 (RGB), or tokens [N, L]. labels: int64 [N],
    indices into `classes`, or [N, L].
    patients, kinds: one text an image for chest X-rays (kinds: "normal", "bacteria" or "virus"), else None.
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    patients: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.images.shape)
        kind = str(self.images.dtype).removeprefix("torch.")
        return f"Dataset({self.name} {self.split}: images {shape} {kind}, {len(self.classes)} classes)"

    def subset(self, indices: Tensor | Iterable[int]) -> "Dataset":
        """The examples at `indices` (integers, in any order), or where a boolean mask [N] is true; copies.

        IndexError where they do not fit.
        """
        chosen = indices if isinstance(indices, Tensor) else torch.tensor(list(indices))
        positions = torch.arange(len(self))[chosen if chosen.numel() else chosen.long()]
        if positions.ndim != 1:
            raise IndexError(f"indices has shape {tuple(chosen.shape)}; pass a row of integers, or a mask")
        patients, kinds = (
            names and tuple(names[i] for i in positions.tolist()) for names in (self.patients, self.kinds)
        )
        images, labels = self.images[positions], self.labels[positions]
        return replace(self, images=images, labels=labels, patients=patients, kinds=kinds)


def load(name: str, split: str, *, scale: str | None = None, resolution: int | None = None) -> Dataset:
    """Load one split of a data set.

    name: "mnist", "cifar10" or "chest_xray". Splits of MNIST and CIFAR-10: "train" and "test", as published.
    Splits of the X-rays:

    - "train" and "val": Kaggle's training folder, parted by patient. "val" has 769 images of 427 patients,
      "train" 4,447 of the other 2,419. Of each class, the validation patients are the 15 % whose SHA-256 of
      "kdlib chest_xray validation <patient>" is smallest, which is fixed for ever.
    - "test": Kaggle's test folder, 624 images of 427 patient numbers; 170 of these also occur in the training
      folder, each with bacteria in one and a virus in the other: probably the kinds are numbered apart.
    - "kaggle_train" (5,216 images) and "kaggle_val" (16): Kaggle's folders as they are, to reproduce others.

    scale: "quick" reads the bundle: all of MNIST, the first 800 training and 200 test images of each class of
    CIFAR-10, all X-rays at 64x64. The others read the full data from the cache, and fetch them first where
    they are not there. None takes the environment variable KDLIB_SCALE, or else "quick".

    resolution: height and width in pixels. MNIST 28 or 32, CIFAR-10 32, X-rays 8 to 64 (8 to 224 for the
    full data, resized from the originals). None: 28, 32 and 64. Resizing is bilinear and antialiased.

    Every call returns tensors of its own: changing them changes no later load.

    ValueError for an unknown name, split, scale or resolution; OSError (FileNotFoundError, ConnectionError)
    where the data are missing, cannot be fetched or were altered. Each names the remedy.
    """
    if name not in SPLITS:
        raise ValueError(f"name is {name!r}; the data sets are {', '.join(SPLITS)}")
    if split not in SPLITS[name]:
        raise ValueError(f"split is {split!r}; {name} has {', '.join(SPLITS[name])}")
    scale = (os.environ.get("KDLIB_SCALE") or "quick") if scale is None else scale
    if scale not in SCALES:
        raise ValueError(f"scale (or else KDLIB_SCALE) is {scale!r}; the scales are {', '.join(SCALES)}")
    from_bundle = scale == "quick" or name == "mnist"
    size = _resolution(name, resolution, from_bundle)
    keys = ("images", "files") if name == "chest_xray" else (f"{split}_images", f"{split}_labels")
    if from_bundle:
        images, about = (bundle.array(name, key) for key in keys)
    else:
        images, about = full.read(name, keys, size).values()
    if name == "chest_xray":
        dataset = _xrays(split, images, chest_xray.names(about))
    else:
        own, labels = torch.from_numpy(images.copy()), torch.from_numpy(about.astype(np.int64))
        dataset = Dataset(name, split, own, labels, CLASSES[name])
    if images.shape[-1] == size:
        return dataset
    return replace(dataset, images=resize(dataset.images, size))


def digest(*sets: Dataset) -> str:
    """SHA-256 of the images and labels of data sets."""
    total = hashlib.sha256()
    for data in sets:
        total.update(data.images.cpu().contiguous().numpy().data)
        total.update(data.labels.cpu().contiguous().numpy().data)
    return total.hexdigest()


def resize(images: Tensor, size: int) -> Tensor:
    """Resize uint8 [N, C, H, W] to [N, C, size, size]: bilinear and antialiased, as in Pillow. Chapter 03."""
    return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)


def hold_out(dataset: Dataset, size_or_fraction: int | float, seed: int) -> tuple[Dataset, Dataset]:
    """Part a data set into (rest, held_out), at random from `seed` alone and no global generator. Chapter 03.

    size_or_fraction: a number of images (int, 1 to N - 1) or a share of them (float between 0 and 1). Each
    class is held out in proportion. Where there are patients, a patient's images stay together, so that
    nobody is in both parts; whole patients are taken in random order while they fit. Both parts keep the
    order of the data set. seed: an integer from 0 to 2**40; the same one gives the same parts.

    ValueError where the size is no such number, or leaves a part empty or without an example of a class that
    the data set has; TypeError or ValueError where the seed is no such integer.
    """
    n = len(dataset)
    share = isinstance(size_or_fraction, float) and 0 < size_or_fraction < 1
    size = round(size_or_fraction * n) if share else size_or_fraction
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size < n:
        raise ValueError(f"size_or_fraction is {size_or_fraction!r}; pass 1 to {n - 1} images or a share")
    generator = torch.Generator().manual_seed(checks.seed(seed))
    held_out = torch.zeros(n, dtype=torch.bool)
    groups = _groups(dataset)
    quotas = _quotas([sum(map(len, of_class)) for of_class in groups], size)
    for of_class, quota in zip(groups, quotas, strict=True):
        for i in torch.randperm(len(of_class), generator=generator).tolist():
            if len(of_class[i]) <= quota:
                quota -= len(of_class[i])
                held_out[of_class[i]] = True
    rest, held = dataset.subset(~held_out), dataset.subset(held_out)
    for part, what, way in ((held, "held-out part", "more"), (rest, "rest", "fewer")):
        if missing := set(dataset.labels.tolist()) - set(part.labels.tolist()):
            name = dataset.classes[min(missing)]
            raise ValueError(f"size_or_fraction is {size}: no {name} is in the {what}; hold out {way}")
    return replace(rest, split=f"{dataset.split}:rest"), replace(held, split=f"{dataset.split}:held_out")


def _groups(dataset: Dataset) -> list[list[list[int]]]:
    """For each class, the positions that must stay together: one image, or all images of a patient."""
    names: Iterable[str | int] = dataset.patients or range(len(dataset))
    together: dict[str | int, list[int]] = {}
    for position, name in enumerate(names):
        together.setdefault(name, []).append(position)
    labels = dataset.labels.tolist()
    return [[g for g in together.values() if labels[g[0]] == label] for label in range(len(dataset.classes))]


def _quotas(counts: list[int], size: int) -> list[int]:
    """`size` images shared out among the classes in proportion to `counts`, by the largest remainder."""
    exact = [count * size / sum(counts) for count in counts]
    quotas = [int(share) for share in exact]
    by_remainder = sorted(range(len(counts)), key=lambda i: quotas[i] - exact[i])
    for i in by_remainder[: size - sum(quotas)]:
        quotas[i] += 1
    return quotas


def _xrays(split: str, images: bundle.UInt8Array, files: list[str]) -> Dataset:
    chosen = chest_xray.indices(files, split)
    labels, patients, kinds = zip(*(chest_xray.parse(files[i]) for i in chosen), strict=True)
    own = torch.from_numpy(images[chosen])
    return Dataset("chest_xray", split, own, torch.tensor(labels), CLASSES["chest_xray"], patients, kinds)


def _resolution(name: str, resolution: int | None, from_bundle: bool) -> int:
    sizes = {"mnist": (28, 32), "cifar10": (32,), "chest_xray": range(8, 65)}
    allowed = full.RESOLUTIONS if name == "chest_xray" and not from_bundle else sizes[name]
    value = NATIVE[name] if resolution is None else resolution
    if value not in allowed:
        span = f"{allowed[0]} to {allowed[-1]}" if len(allowed) > 2 else " or ".join(map(str, allowed))
        more = " (to 224 at scale 'gpu', 'cpu' or 'full')" if name == "chest_xray" and from_bundle else ""
        raise ValueError(f"resolution is {resolution!r}; {name} can be had at {span} pixels{more}")
    return int(value)
