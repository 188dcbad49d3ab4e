"""What is graded. The teachers' chapter shows a file of private checks."""

import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # whoever reads markers alone needs no torch
    from kdlib.check import Check

FILE, NAME = "checks.py", "EXERCISES"


@dataclass(frozen=True)
class Exercise:
    """One exercise of an assignment.

    Args:
        check: decides what is right; its label names the cell.
        function: the name that the learner's function has.
        points: what a right answer is worth, above 0; a wrong one is worth nothing.
        seed: of the inputs. One that is not public keeps anybody from answering by a table.
    """

    check: "Check"
    function: str
    points: float = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.function.isidentifier():
            raise ValueError(f"function is {self.function!r}; give a function's name, such as 'kl'")
        if not 0 < self.points < float("inf"):
            raise ValueError(f"points is {self.points!r}; give a number above 0")

    @property
    def label(self) -> str:
        """The exercise's label in the book, such as ex-02-kl."""
        return self.check.exercise


class ByHand(NamedTuple):
    """An exercise that the teacher marks: its label, and the points that it is worth."""

    label: str
    points: float = 1


def load(folder: Path) -> list[Exercise | ByHand]:
    """The exercises of a folder of private checks. ValueError says what is wrong with it."""
    path = folder / FILE
    if not path.is_file():
        raise ValueError(f"there is no {FILE} in {folder}; it holds {NAME}, a list of Exercise")
    try:
        found = runpy.run_path(str(path)).get(NAME)
    except Exception as error:
        raise ValueError(f"{path} stopped: {type(error).__name__}: {error}") from error
    if not isinstance(found, list) or not found or {*map(type, found)} - {Exercise, ByHand}:
        raise ValueError(f"{path} has no {NAME}, a list of Exercise and ByHand")
    labels = [one.label for one in found]
    if twice := {label for label in labels if labels.count(label) > 1}:
        raise ValueError(f"{path} holds {min(twice)} twice")
    return found
