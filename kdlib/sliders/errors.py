"""A slider over what the errors of two students depend on, and their paired difference. Chapter 03."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from kdlib.evaluation.statistics import ENOUGH, interval, paired
from kdlib.numbers import fixed
from kdlib.results import format_interval
from kdlib.sliders.inputs import as_choice, as_index, as_list, as_number, setting
from kdlib.sliders.slider import Slider, table

VARIED = ("images", "steps", "temperature")
MOST = 7  # values of one track that a phone can show


class Pair(NamedTuple):
    """The test errors of two students that differ in the teacher alone, {seed: errors} each.

    Attributes:
        value: of what is varied: "600", "2.5".
        alone: of the student alone.
        distilled: of the distilled student.
    """

    value: str
    alone: Mapping[int, float]
    distilled: Mapping[int, float]


def errors_slider(
    runs: Mapping[str, Sequence[Pair]],
    teacher: Mapping[int, float],
    *,
    about: Mapping[str, str] = MappingProxyType({}),
) -> Slider:
    """Errors of teacher, student alone and distilled student, and the difference within a seed. Chapter 03.

    Means and 95 % intervals are over the seeds that both students have, so that the difference of the two
    means is the mean difference. What is `varied`, and the place on each track by its own name (`images`,
    `steps`, `temperature`), can be read and set from Python.

    Args:
        runs: what can be varied, the first shown first: "images", "steps" or "temperature", for each 2 to 7
            pairs in order.
        teacher: {seed: errors} of the teachers; their mean is drawn.
        about: by the same names, a few words on the students.

    Raises:
        TypeError: an entry that is no `Pair`, errors that are no dict of numbers.
        ValueError: no dict or another name, too few or too many pairs, fewer than three seeds in common.
    """
    if not isinstance(runs, Mapping) or not runs or not set(runs) <= set(VARIED):
        raise ValueError(f"runs is {runs!r:.99}; give a dict {{name: pairs}}, some of {', '.join(VARIED)}")
    told = {
        name: [_measured(pair, f"{name}[{i}]") for i, pair in enumerate(as_list(pairs, name, 2, MOST))]
        for name, pairs in runs.items()
    }
    mean = interval(list(_errors(teacher, "teacher").values())).mean
    return Slider(
        "errors",
        data={"runs": told, "teacher": mean, "about": {name: about.get(name, "") for name in runs}},
        settings={
            "varied": setting(as_choice, next(iter(runs)), "varied", list(runs)),
            **{name: setting(as_index, 0, name, len(pairs)) for name, pairs in told.items()},
        },
        instead=table(
            f"Test errors with 95\N{NO-BREAK SPACE}% intervals; the teacher makes {fixed(mean, 0)}.",
            ["what is varied", "alone", "distilled", "distilled minus alone", "seeds"],
            [_row(name, each) for name, pairs in told.items() for each in pairs],
        ),
    )


def _measured(pair: Any, name: str) -> dict[str, Any]:
    """The means of both students and of their difference, over the seeds that both have."""
    if not isinstance(pair, Pair):
        raise TypeError(f"{name} is {pair!r}; give Pair(value, alone, distilled)")
    known = {what: _errors(getattr(pair, what), f"{name}.{what}") for what in ("alone", "distilled")}
    both = known["alone"].keys() & known["distilled"].keys()
    if len(both) < ENOUGH:
        raise ValueError(f"{name} has {len(both)} seeds in common; give {ENOUGH} or more")
    means = {what: interval([of[seed] for seed in both]) for what, of in known.items()}
    return {"value": pair.value, **means, "gap": paired(known["distilled"], known["alone"])}


def _row(name: str, found: dict[str, Any]) -> list[str]:
    """What `_measured` gave, for the table."""
    intervals = [format_interval(found[what], sign=what == "gap") for what in ("alone", "distilled", "gap")]
    return [f"{name}: {found['value']}", *intervals, f"{found['gap'].seeds}"]


def _errors(values: Any, name: str) -> dict[int, float]:
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} is {values!r}; give a dict {{seed: errors}}")
    return {seed: as_number(number, f"{name}[{seed}]", 0) for seed, number in values.items()}
