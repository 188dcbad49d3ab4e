"""The line that each notebook starts with: scale of experiments, look of figures, folder of runs."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from kdlib import __version__

NEEDED = ["torch", "torchvision", "matplotlib", "anywidget", "safetensors", "tqdm", "PIL", "torchmetrics"]
NEEDED += ["filelock"]
DRIVE = Path("/content/drive")
SCALES = ("quick", "gpu")
FROM_OUTSIDE = os.environ.get("KDLIB_SCALE")  # before any notebook sets it


def start(scale: str = "quick", drive: bool = False) -> str:
    """Set the scale, give figures the book's style, and print one line that says what runs where.

    Set-up cell of every chapter. Harmless anywhere and when called again.

    Args:
        scale: "quick" (half a minute a chapter on two cores) or "gpu" (whole data, at most ten minutes on a
            GPU such as Colab's); kept in the environment variable KDLIB_SCALE. Where that was set before
            Python started, it counts instead: `KDLIB_SCALE=gpu jupyter lab` changes every notebook.
        drive: on Colab, keep runs in the folder `kdlib-runs` of your Google Drive, where they outlive the
            session: Drive is mounted and KDLIB_RUNS names the folder. Elsewhere it changes nothing.

    Returns:
        The scale that counts.

    Raises:
        ValueError: another scale.
        ModuleNotFoundError: kdlib is read from a clone and what it needs is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"{', '.join(missing)} cannot be imported; install what the book needs with "
            f"`pip install -e .` in {Path(__file__).resolve().parents[1]}"
        )
    import torch

    from kdlib import plots

    origin = "KDLIB_SCALE" if FROM_OUTSIDE else "scale"
    scale = FROM_OUTSIDE or scale
    if scale not in SCALES:
        raise ValueError(
            f"{origin} is {scale!r}; a notebook runs at {' or '.join(SCALES)}. Whole experiments, which take "
            "hours, are started on the command line: python -m kdlib run"
        )
    os.environ["KDLIB_SCALE"] = scale
    plots.use_style()
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else "no GPU"
    facts = [f"kdlib {__version__}", f"torch {torch.__version__.split('+')[0]}", device, f"scale {scale}"]
    if cuda != (scale == "gpu"):
        facts[-1] += ' ("gpu" would suit this machine)' if cuda else ' (hours without a GPU: "quick" suits)'
    if drive:
        facts.append(runs_on_drive())
    print(", ".join(facts))
    return scale


def kept(name: str) -> Path:
    """The file in which a long training of a notebook keeps its place. Chapter 05.

    As `checkpoint` of `training.train`, so that a cell that was cut off goes on where it was; on Colab with
    drive=True in another session too.
    """
    from kdlib.experiments import ledger

    return ledger.runs_folder() / "notebooks" / f"{name}.safetensors"


def runs_on_drive() -> str:
    """Mount Google Drive on Colab and let KDLIB_RUNS name a folder there; return what was done, in words."""
    if "google.colab" not in sys.modules:
        return "no Google Drive here: runs stay on this machine"
    from google.colab import drive

    if not (DRIVE / "MyDrive").is_dir():
        drive.mount(str(DRIVE))
    runs = DRIVE / "MyDrive" / "kdlib-runs"
    runs.mkdir(parents=True, exist_ok=True)
    os.environ["KDLIB_RUNS"] = str(runs)
    return f"runs in {runs}"
