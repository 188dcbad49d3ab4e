"""The arms of chapter 05's experiments on chest X-rays: which runs there are, and with what settings.

What each of them does stands in `kdlib.experiments.xray`.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from kdlib.data.augment import View
from kdlib.training import Recipe


@dataclass(frozen=True)
class Arm:
    """One row of a table. `teacher` is the arm whose model, of the same seed, teaches, at its last epoch."""

    name: str
    model: str  # resnet18 or student
    recipe: Recipe
    teacher: "Arm | None" = None
    objective: str = "labels"  # labels, smoothed, hinton or mage
    temperature: float = 1.0
    alpha: float = 0.0
    parted: str = "once"  # or anew from the seed, by patient or by image
    classes: int = 2  # or 3: normal, bacteria, virus
    resolution: int = 64  # above 64 the whole data set is read
    views: tuple[View, ...] = ()  # in which the training images are shown; none: as they are
    weights: str | None = None  # from which resnet18 starts: imagenet, or its seed's


LATER = ("views", "weights")  # records older than these fields must not age: see `settings`
KINDS = ("normal", "bacteria", "virus")
HELD_OUT = 0.15  # of the training folder, where it is parted anew
# Few enough for a teacher to be asked for all its answers once. None is mirrored: a heart lies on the left.
MOVES = ((0, 0), (-3, -2), (-2, 3), (2, -3), (3, 2), (-4, 1), (4, -1), (0, 4))
VIEWS = tuple(View(False, *move) for move in MOVES)  # up to 4 of 64 pixels
COMMON: dict[str, Any] = {"schedule": "one_cycle", "half": "everywhere"}
SMALL = Recipe(15, 1e-3, optimizer="adam", batch_size=32, **COMMON)
TEACHER = Arm("teacher", "resnet18", Recipe(15, 1e-3, optimizer="adamw", weight_decay=0.01, **COMMON))
KINDS_TEACHER = replace(TEACHER, name="kinds-teacher", classes=len(KINDS))
# The article names learning rates, 40 epochs and the best epoch; optimiser and batch size it leaves open.
SOURCE = Recipe(40, 1e-5, optimizer="adam", batch_size=32, half="everywhere")
SOURCE_TEACHER = Arm("source-teacher", "resnet18", SOURCE)


def arms() -> list[Arm]:
    """Every row of chapter 05's tables, teachers before their students."""
    return [*grid(), *leak(), *kinds(), *source(), *moved(), *large(), *from_imagenet(), *longer()]


def seeds(arm: Arm, scale: str) -> range:
    """The seeds of an arm at a scale; none where it is not run at that scale."""
    if scale == "full":
        return range(10)
    few = {"source": 3, "moved": 3, "imagenet": 0, "large": 0, "long": 0}
    return range(few.get(arm.name.split("-")[0], 5))


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them: without the later fields where these say nothing."""

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: value for key, value in pairs if value or key not in LATER}

    found = asdict(arm, dict_factory=kept)  # its teacher's too
    return {key: value for key, value in found.items() if key != "name"} | {"held_out": HELD_OUT}


def grid() -> list[Arm]:
    """Mage's grid of alpha and T, with the right loss and with its own (`mean` over classes, no T^2)."""
    student: dict[str, Any] = {"model": "student", "recipe": SMALL, "teacher": TEACHER}
    rows = [TEACHER, Arm("alone", "student", SMALL)]
    for objective in ("hinton", "mage"):
        for alpha in (0.25, 0.5, 0.75, 1.0):
            for t in (1.0, 2.0, 4.0, 8.0):
                name = f"{objective}-a{alpha:g}-T{t:g}"
                rows.append(Arm(name, objective=objective, temperature=t, alpha=alpha, **student))
    return rows


def source() -> list[Arm]:
    """The article's own setting, and its learning rates exchanged: what made 72 % into 86 %?"""
    fast = replace(SOURCE, learning_rate=1e-3)
    taught: dict[str, Any] = {"teacher": SOURCE_TEACHER, "objective": "mage", "alpha": 0.25}
    return [
        SOURCE_TEACHER,
        Arm("source-alone-1e-5", "student", SOURCE),
        Arm("source-alone-1e-3", "student", fast),
        Arm("source-distilled-1e-5", "student", SOURCE, **taught),
        Arm("source-distilled-1e-3", "student", fast, **taught),
    ]


def leak() -> list[Arm]:
    """The student alone with the folder parted anew, rightly or with patients in both parts.

    Compare their figures on validation.
    """
    return [Arm(f"parted-by-{by}", "student", SMALL, parted=by) for by in ("patient", "image")]


def kinds() -> list[Arm]:
    """A teacher that also tells bacteria from viruses, and students of it that do not."""
    student: dict[str, Any] = {"objective": "hinton", "alpha": 0.5, "teacher": KINDS_TEACHER}
    rows = [Arm(f"kinds-T{t:g}", "student", SMALL, temperature=t, **student) for t in (1.0, 4.0)]
    return [KINDS_TEACHER, *rows]


def moved() -> list[Arm]:
    """Teacher and students trained on moved pictures, which the teacher cannot so well learn by heart.

    Each student sees the same views; a distilled one is told the teacher's answers to them. Smoothed labels
    are the control: soft targets that know nothing.
    """
    teacher = replace(TEACHER, name="moved-teacher", views=VIEWS)
    alone = Arm("moved-alone", "student", SMALL, views=VIEWS)
    taught = replace(alone, teacher=teacher, objective="hinton")
    return [
        teacher,
        alone,
        replace(alone, name="moved-smoothed", objective="smoothed"),
        replace(taught, name="moved-distilled-T1", alpha=1.0),
        replace(taught, name="moved-distilled-T4", alpha=0.75, temperature=4.0),
    ]


def large() -> list[Arm]:
    """The pair and one cell of the grid on larger pictures."""
    rows = []
    for size in (128, 224):
        teacher = replace(TEACHER, name=f"large-{size}-teacher", resolution=size)
        alone = Arm(f"large-{size}-alone", "student", SMALL, resolution=size)
        rows += [teacher, alone, one_cell(f"large-{size}-distilled", teacher)]
    return rows


def from_imagenet() -> list[Arm]:
    """A teacher that saw a million other pictures first, and its student; compare those of `large` at 224.

    Where its weights cannot be had, the other arms run with `--only '[!i]*'`.
    """
    teacher = replace(TEACHER, name="imagenet-teacher", resolution=224, weights="imagenet")
    return [teacher, one_cell("imagenet-distilled", teacher)]


def longer() -> list[Arm]:
    """The grid with the right loss once more, everybody for the article's 40 epochs."""
    teacher = replace(TEACHER, name="long-teacher", recipe=replace(TEACHER.recipe, epochs=40))
    students = [
        replace(
            arm,
            name=f"long-{arm.name.removeprefix('hinton-')}",
            recipe=replace(arm.recipe, epochs=40),
            teacher=arm.teacher and teacher,
        )
        for arm in grid()[1:]
        if arm.objective != "mage"
    ]
    return [teacher, *students]


def one_cell(name: str, teacher: Arm) -> Arm:
    """The student of the cell alpha = 0.75, T = 4, at its teacher's resolution."""
    soft: dict[str, Any] = {"objective": "hinton", "temperature": 4.0, "alpha": 0.75}
    return Arm(name, "student", SMALL, teacher, resolution=teacher.resolution, **soft)
