"""Chest X-Ray Images (Pneumonia): file names, patients, splits and Kaggle's folder layout.

Source: Kermany, Zhang and Goldbaum 2018, doi 10.17632/rscbjbr9sj.2, CC BY 4.0; Kaggle's data set
paultimothymooney/chest-xray-pneumonia. A file name carries the patient, and for pneumonia the kind:
person123_bacteria_45.jpeg, person123_virus_67.jpeg, IM-0115-0001.jpeg, NORMAL2-IM-0927-0001.jpeg.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from kdlib import progress
from kdlib.data import bundle
from kdlib.data.bundle import UInt8Array

CLASSES = ("normal", "pneumonia")
SPLITS = ("train", "val", "test", "kaggle_train", "kaggle_val")
VALIDATION_FRACTION = 0.15
PICTURES = (".jpeg", ".jpg", ".png")
HOW = (
    "Unpack Kaggle's paultimothymooney/chest-xray-pneumonia and run `python -m kdlib data fetch chest_xray "
    "--from FOLDER`, or set KDLIB_CHEST_XRAY to that folder (with train, val and test)"
)

_PNEUMONIA = re.compile(r"(person\d+)_(bacteria|virus)(?:_\d+)+")
_NORMAL = re.compile(r"((?:NORMAL2-)?IM-\d+)(?:-\d+)+")


def parse(file: str) -> tuple[int, str, str]:
    """(label, patient, kind) of a file such as "train/PNEUMONIA/person123_bacteria_45.jpeg".

    The label is an index into CLASSES; the kind is "normal", "bacteria" or "virus". ValueError, naming the
    file, where the name carries no patient.
    """
    path = PurePosixPath(file)
    label = int(path.parent.name == "PNEUMONIA")
    match = (_PNEUMONIA if label else _NORMAL).fullmatch(path.stem)
    if match is None:
        raise ValueError(f"{file}: the name carries no patient, as all of Kaggle's names do")
    return label, match[1], match[2] if label else "normal"


def indices(files: Sequence[str], split: str) -> list[int]:
    """Positions in `files` that belong to `split`, one of SPLITS; see `kdlib.data.load` for what they are."""
    folder = {"val": "train", "kaggle_train": "train", "kaggle_val": "val"}.get(split, split)
    inside = [i for i, file in enumerate(files) if file.startswith(folder + "/")]
    if split not in ("train", "val"):
        return inside
    held_out = validation_patients([files[i] for i in inside])
    return [i for i in inside if (parse(files[i])[1] in held_out) == (split == "val")]


def validation_patients(files: Sequence[str]) -> set[str]:
    """The validation patients: of each class, the 15 % whose names have the smallest SHA-256.

    The digest is of the text "kdlib chest_xray validation <patient>", so the choice depends on nothing but
    the names: no random generator, library version or order of files can change it.
    """
    held_out: set[str] = set()
    for wanted in range(len(CLASSES)):
        patients = {patient for label, patient, _ in map(parse, files) if label == wanted}
        ranked = sorted(patients, key=_rank)
        held_out.update(ranked[: round(VALIDATION_FRACTION * len(ranked))])
    return held_out


def _rank(patient: str) -> bytes:
    return hashlib.sha256(f"kdlib chest_xray validation {patient}".encode()).digest()


def find_source(folder: str | Path | None) -> Path:
    """The folder with train, val and test: the one given or KDLIB_CHEST_XRAY, or its chest_xray.

    FileNotFoundError with the two ways to name one where there is none.
    """
    given = folder or os.environ.get("KDLIB_CHEST_XRAY")
    if not given:
        raise FileNotFoundError(f"chest_xray: no full copy is known. {HOW}")
    for candidate in (Path(given), Path(given) / "chest_xray"):
        if all((candidate / part).is_dir() for part in ("train", "val", "test")):
            return candidate
    raise FileNotFoundError(f"chest_xray: {given} has no train, val and test, nor its chest_xray. {HOW}")


def kaggle_files() -> list[str]:
    """The 5,856 names that Kaggle's files have, by folder. Errors as `kdlib.data.bundle.array`."""
    return names(bundle.array("chest_xray", "files"))


def names(files: UInt8Array) -> list[str]:
    """File names that are kept as one text, as images are: an array of its bytes."""
    return files.tobytes().decode().split(" ")


def read_folder(folder: Path, resolution: int) -> dict[str, UInt8Array]:
    """All images of a Kaggle folder as {"images": [5856, 1, R, R], "files": the names, joined by spaces}.

    Colour is turned to grey; both sides are resized to `resolution` by Pillow's antialiased bilinear filter.
    ValueError, naming files, where some are missing, are not Kaggle's, are no images or are too small.
    """
    files = kaggle_files()
    check_folder(folder, files)
    images = np.empty((len(files), 1, resolution, resolution), np.uint8)
    with progress.bar(len(files), "chest_xray", unit=" images") as bar, ThreadPoolExecutor() as pool:
        for i, picture in enumerate(pool.map(lambda file: read_image(folder / file, resolution), files)):
            images[i, 0] = picture
            bar.update()
    return {"images": images, "files": np.frombuffer(" ".join(files).encode(), np.uint8)}


def check_folder(folder: Path, files: Sequence[str]) -> None:
    """Raise ValueError unless `folder` holds these pictures and no others: another split, or a leak."""
    paths = [path for part in ("train", "val", "test") for path in (folder / part).glob("*/*")]
    found = {path.relative_to(folder).as_posix() for path in paths if path.suffix.lower() in PICTURES}
    missing, others = sorted(set(files) - found), sorted(found - set(files))
    if missing or others:
        raise ValueError(
            f"chest_xray: {folder} is not Kaggle's folder: {len(missing):,} of its files are missing "
            f"{missing[:3]}, {len(others):,} others are there {others[:3]}; unpack its archive anew"
        )


def read_image(path: Path, resolution: int) -> UInt8Array:
    """One X-ray as grey uint8 [R, R].

    ValueError, naming the file, where it is not a whole image, or is a small copy whose longer side has fewer
    than `resolution` pixels.
    """
    try:
        with Image.open(path) as image:
            grey = image.convert("L").resize((resolution, resolution), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"chest_xray: {path} is damaged ({error}); unpack Kaggle's archive again") from error
    # The longer side, for Kaggle's originals are 384 pixels wide or more, but down to 127 high.
    if max(image.size) < resolution:
        raise ValueError(f"chest_xray: {path} is too small; ask for at most {max(image.size)} pixels")
    return np.asarray(grey)
