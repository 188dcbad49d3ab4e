"""The playground: two students train in the page on a few points of the plane, one of them with a teacher.

After TensorFlow Playground (Smilkov and others, 2017), but about distillation.
"""

from typing import Any

from kdlib import pretrained
from kdlib.evaluation.statistics import Interval
from kdlib.numbers import percent
from kdlib.results import format_interval
from kdlib.sliders import scripts
from kdlib.sliders.inputs import as_choice, as_index, as_number, setting
from kdlib.sliders.slider import Slider, table

PLAYGROUND = "playground"  # the file of points and teachers, and in its record what PyTorch makes of them
DATASETS = ("blobs", "rings", "spirals")
HOTTEST, SEEDS = 20, 1000
STEPS, EVERY = 1000, 20  # of training, and between two measurements
RECIPE = {"batch": 10, "rate": 0.03, "momentum": 0.9}
LAYERS = (("linear", "0"), ("relu",), ("linear", "2"), ("relu",), ("linear", "4"))  # of the teachers
# What a link hands out: one of a list, or a number between two others.
LINKED: dict[str, Any] = {
    "dataset": DATASETS,
    "labelled": (10, 20, 50, 100, 200),
    "noise": (0, 0.1, 0.2, 0.4),
    "hidden": (2, 4, 8, 16, 32),
    "temperature": {"low": 1, "high": HOTTEST},
    "alpha": {"low": 0, "high": 1},
    "seed": {"low": 0, "high": SEEDS - 1, "whole": True},
}


def playground_slider(
    *,
    dataset: str = "rings",
    labelled: int = 20,
    noise: float = 0.2,
    hidden: int = 16,
    temperature: float = 4.0,
    alpha: float = 0.9,
    learning_rate: float = RECIPE["rate"],
) -> Slider:
    """A student on labels and one that has a teacher as well train in the page on points of the plane.

    Both start from the same weights and see the same points in the same order. The loss of the second is
    `losses.hinton_loss`; its teacher was trained on 5,000 other points. The scores are those of 500 points
    that nobody trains on. See `book/_tools/ship_playground.py`.

    Each argument but the last can be read and set from Python by its name, and `seed` and `steps` as well:
    `steps` is how many are to be trained, up to 1,000, and the same settings give the same students. In the
    book's page the settings stand in the address, so that a link hands them out.

    Args:
        dataset: "blobs", "rings" or "spirals".
        labelled: points that the students are shown: 10, 20, 50, 100 or 200.
        noise: the share of them whose label is wrong: 0, 0.1, 0.2 or 0.4.
        hidden: units of a student's one hidden layer: 2, 4, 8, 16 or 32.
        temperature: T of the soft targets, from 1 to 20.
        alpha: weight of the soft term, from 0 to 1.
        learning_rate: of both students, 1e-6 or more; the reader cannot move it.

    Raises:
        TypeError, ValueError: an argument of another form.
        DamagedError: the shipped points and teachers are missing or altered.
    """
    pretrained.tensors(PLAYGROUND)  # compares the file with its record
    return Slider(
        "playground",
        data={
            "stored": PLAYGROUND,
            "weights": {PLAYGROUND: scripts.weights(PLAYGROUND)},
            "layers": LAYERS,
            "recipe": RECIPE | {"rate": as_number(learning_rate, "learning_rate", 1e-6)},
            "steps": STEPS,
            "every": EVERY,
            "linked": LINKED,
        },
        settings={
            "dataset": setting(as_choice, dataset, "dataset", DATASETS),
            "labelled": setting(as_choice, labelled, "labelled", LINKED["labelled"]),
            "noise": setting(as_choice, noise, "noise", LINKED["noise"]),
            "hidden": setting(as_choice, hidden, "hidden", LINKED["hidden"]),
            "temperature": setting(as_number, temperature, "temperature", 1, HOTTEST),
            "alpha": setting(as_number, alpha, "alpha", 0, 1),
            "seed": setting(as_index, 0, "seed", SEEDS),
            "steps": setting(as_index, 0, "steps", STEPS + 1),
        },
        instead=_table(pretrained.record(PLAYGROUND)["trained"]),
    )


def _table(trained: dict[str, Any]) -> str:
    """What PyTorch gives at some settings, as `book/_tools/ship_playground.py` recorded it."""
    rows = [
        [described(row), *(percent(row[k]) for k in ("teacher", "alone", "distilled")), gained(row)]
        for row in trained["rows"]
    ]
    caption = (
        "Held-out points that a teacher and two students get right. Recorded with PyTorch, the mean of "
        f"{trained['seeds']} seeds, and the paired difference in percentage points with its 95 % interval. "
        "The page draws other random numbers."
    )
    return table(caption, ["setting", "teacher", "alone", "distilled", "difference"], rows)


def described(row: dict[str, Any]) -> str:
    """A recorded setting in words."""
    wrong = f", {100 * row['noise']:g}\N{NO-BREAK SPACE}% of them wrong" if row["noise"] else ""
    about = f"{row['dataset']}, {row['labelled']} labels{wrong}, {row['hidden']} hidden units"
    return f"{about}, T = {row['temperature']:g}, alpha = {row['alpha']:g}"


def gained(row: dict[str, Any]) -> str:
    """Distilled minus alone, in percentage points."""
    return format_interval(Interval(*row["difference"]), 1, sign=True)
