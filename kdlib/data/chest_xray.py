"""Chest X-Ray Images (Pneumonia): file names, patients, splits and Kaggle's folder layout.

Source: Kermany, Zhang and Goldbaum 2018, doi 10.17632/rscbjbr9sj.2, CC BY 4.0; Kaggle's data set
paultimothymooney/chest-xray-pneumonia. A file name carries the patient, and for pneumonia the kind:
person123_bacteria_45.jpeg, person123_virus_67.jpeg, IM-0115-0001.jpeg, NORMAL2-IM-0927-0001.jpeg.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from kdlib import progress
from kdlib.data import bundle
from kdlib.data.bundle import UInt8Array

KAGGLE = "paultimothymooney/chest-xray-pneumonia"
CLASSES = ("normal", "pneumonia")
COUNTS = {
    "train/NORMAL": 1341,
    "train/PNEUMONIA": 3875,
    "val/NORMAL": 8,
    "val/PNEUMONIA": 8,
    "test/NORMAL": 234,
    "test/PNEUMONIA": 390,
}
SPLITS = ("train", "val", "test", "kaggle_train", "kaggle_val")
VALIDATION_FRACTION = 0.15
REMEDY = "unpack Kaggle's archive again"
HOW = (
    "python -m kdlib data fetch chest_xray --from FOLDER (Kaggle's layout: train, val and test), "
    f"or set KDLIB_CHEST_XRAY to that folder, or pip install kagglehub (Kaggle's {KAGGLE})"
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
        wanted = "person<number>_bacteria_<number>" if label else "IM-<number>-<number>"
        raise ValueError(
            f"{file}: the name carries no patient (wanted a name like {wanted}.jpeg); "
            "take the file out of the folder, or give it Kaggle's name"
        )
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


def find_source(folder: str | os.PathLike[str] | None) -> Path:
    """The folder with train, val and test: the one given, KDLIB_CHEST_XRAY, or kagglehub's download.

    FileNotFoundError with the three ways to name one where there is none.
    """
    given = folder or os.environ.get("KDLIB_CHEST_XRAY")
    if not given:
        try:
            import kagglehub
        except ImportError:
            raise FileNotFoundError(f"chest_xray: no whole copy is known. Use {HOW}.") from None
        try:
            given = str(kagglehub.dataset_download(KAGGLE))
        except Exception as error:  # kagglehub raises its own and requests' kinds of errors
            raise ConnectionError(f"chest_xray: kagglehub failed ({error}). Use {HOW}.") from error
    for candidate in (Path(given), Path(given) / "chest_xray"):
        if all((candidate / part).is_dir() for part in ("train", "val", "test")):
            return candidate
    raise FileNotFoundError(
        f"chest_xray: neither {given} nor its chest_xray holds train, val and test. Use {HOW}."
    )


def list_files(folder: Path) -> list[str]:
    """The 5,856 file names relative to `folder`, in a fixed order (train, val, test; class; name).

    FileNotFoundError where a folder's count is not Kaggle's, ValueError where a name carries no patient or is
    none of Kaggle's; both name files.
    """
    files = {part: sorted(path.name for path in (folder / part).glob("*.jpeg")) for part in COUNTS}
    listed = [f"{part}/{name}" for part in COUNTS for name in files[part]]
    found = {part: len(names) for part, names in files.items()}
    wrong = ", ".join(
        f"{part} {found[part]} of {count}" for part, count in COUNTS.items() if found[part] != count
    )
    if wrong:
        raise FileNotFoundError(
            f"chest_xray: {folder} is not Kaggle's folder; .jpeg files found of those wanted: {wrong}"
            f"{_differences(folder, listed)}; {REMEDY}, into an empty folder"
        )
    for file in listed:
        parse((folder / file).as_posix())
    if told := _differences(folder, listed):  # as many files, but others: another split, or a leak
        raise ValueError(f"chest_xray: {folder} is not Kaggle's folder{told}; {REMEDY}, into an empty folder")
    return listed


def kaggle_files() -> list[str]:
    """The 5,856 names that Kaggle's files have. Errors as `kdlib.data.bundle.array`."""
    return bundle.array("chest_xray", "files").tobytes().decode().split(" ")


def _differences(folder: Path, listed: list[str]) -> str:
    """What is missing in a folder and what should not be there, as text: up to three names of each."""
    known = kaggle_files()
    others = sorted(path for part in COUNTS for path in (folder / part).glob("*"))
    found = {
        "missing": sorted(set(known) - set(listed)),
        "not Kaggle's": sorted(set(listed) - set(known)),
        "not named .jpeg, in small letters, as Kaggle's are": [
            path.relative_to(folder).as_posix()
            for path in others
            if path.suffix.lower() in (".jpg", ".jpeg", ".png") and path.suffix != ".jpeg"
        ],
    }
    return "".join(f"; {what}: {_some(names)}" for what, names in found.items() if names)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def read_folder(folder: Path, resolution: int) -> dict[str, UInt8Array]:
    """All images of a Kaggle folder as {"images": [5856, 1, R, R], "files": the names, joined by spaces}.

    Colour is turned to grey; both sides are resized to `resolution` by Pillow's antialiased bilinear filter.
    ValueError, naming the file, where one is not an image or too small; see `list_files` for the rest.
    """
    files = list_files(folder)
    images = np.empty((len(files), 1, resolution, resolution), np.uint8)
    shown = progress.bar(len(files), "chest_xray", unit=" images")
    with shown, ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures: Iterator[UInt8Array] = pool.map(lambda file: read_image(folder / file, resolution), files)
        for i, picture in enumerate(pictures):
            images[i, 0] = picture
            shown.update()
    return {"images": images, "files": np.frombuffer(" ".join(files).encode(), np.uint8)}


def read_image(path: Path, resolution: int) -> UInt8Array:
    """One X-ray as grey uint8 [R, R].

    ValueError, naming the file, where it is not a whole image, or is a small copy whose longer side has fewer
    than `resolution` pixels.
    """
    try:
        with Image.open(path) as image:
            # The longer side, for Kaggle's originals are 384 pixels wide or more, but down to 127 high.
            if max(image.size) < resolution:
                width, height = image.size
                raise ValueError(
                    f"chest_xray: {path} is {width} x {height} pixels, smaller than the {resolution} wanted; "
                    f"ask for at most {max(image.size)} pixels, or take Kaggle's originals"
                )
            return np.asarray(image.convert("L").resize((resolution, resolution), Image.Resampling.BILINEAR))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"chest_xray: {path} is not a readable image ({error}); get it again, or {REMEDY}"
        ) from error
