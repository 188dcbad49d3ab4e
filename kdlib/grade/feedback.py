"""What a learner gets: the tables of grades and of marks given by hand, and a page for each learner."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from html import escape
from pathlib import Path
from unicodedata import normalize

from kdlib import files
from kdlib.grade.exercise import ByHand, Exercise

COLUMNS = ("learner", "exercise", "points", "note")
Marks = dict[str, dict[str, tuple[float, str]]]
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{learner}: {total:g} of {most:g} points</title><style>
html {{ color-scheme:light dark; font: 1.05rem/1.5 sans-serif; max-width: 44rem; margin: auto; padding: 1em }}
td, th {{ text-align: left; vertical-align: top; padding: 0.4rem 0.8rem 0.4rem 0; overflow-wrap: anywhere }}
</style><h1>{learner}</h1><p>{total:g} of {most:g} points.</p><table>
<tr><th scope="col">Exercise</th><th scope="col">Points</th><th scope="col">What it says</th></tr>
{rows}</table>{remarks}"""


@dataclass
class Grade:
    """Points and words for each label, what was odd about what was handed in, whether all could be read."""

    learner: str
    points: dict[str, float] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    whole: bool = True


def page(got: Grade, exercises: Sequence[Exercise | ByHand]) -> str:
    """A learner's page. All that comes from a submission is text in it, whatever it looks like."""
    given = [(e.label, f"{got.points[e.label]:g} of {e.points:g}", got.messages[e.label]) for e in exercises]
    rows = "\n".join(f"<tr><td>{'</td><td>'.join(map(escape, row))}</td></tr>" for row in given)
    said = "".join(f"<li>{escape(remark)}</li>" for remark in got.remarks)
    total, most = sum(got.points.values()), sum(e.points for e in exercises)
    remarks = f"<h2>About the notebook</h2>\n<ul>{said}</ul>" if said else ""
    return PAGE.format(learner=escape(got.learner), total=total, most=most, rows=rows, remarks=remarks)


def table(grades: Sequence[Grade], exercises: Sequence[Exercise | ByHand], out: Path) -> None:
    """A row a learner: points for each exercise, their sum, remarks."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["learner", *(e.label for e in exercises), "total", "remarks"])
    for grade in grades:
        points = [f"{x:g}" for x in (*(grade.points[e.label] for e in exercises), sum(grade.points.values()))]
        writer.writerow([harmless(grade.learner), *points, harmless(" ".join(grade.remarks))])
    files.write_text(out, "\ufeff" + text.getvalue())  # by this mark Excel knows UTF-8


def harmless(text: str) -> str:
    """No formula for the program that opens the table, not even for one that splits it at semicolons."""
    return re.sub(r"(^|;)(?=[=+\-@\t\r])", r"\1'", text)


def by_hand(path: Path | None, learners: Iterable[str], exercises: Sequence[Exercise | ByHand]) -> Marks:
    """Points and words of each learner by label: those of a teacher's table, 0 for what it lacks.

    The table has the columns learner, exercise, points, note, with commas or semicolons between; it is never
    written. Of two rows for one exercise of a learner the later counts. ValueError says what is wrong where.
    """
    not_yet = {e.label: (0.0, "Not marked yet.") for e in exercises if isinstance(e, ByHand)}
    marks, most = {learner: dict(not_yet) for learner in learners}, {e.label: e.points for e in exercises}
    text = normalize("NFC", path.read_text("utf-8-sig")) if path else ",".join(COLUMNS)
    rows = csv.DictReader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise ValueError(f"{path} has no column {missing[0]}; it needs {', '.join(COLUMNS)}")
    for row in rows:
        learner, label, points, note = ((row[name] or "").strip() for name in COLUMNS)
        for kind, name, known in (("learner", learner, marks), ("exercise", label, most)):
            if name not in known:
                near = ", ".join(get_close_matches(name, known, cutoff=0.5)) or "none"
                raise ValueError(f"{path}, line {rows.line_num}: no {kind} is {name!r}; near it: {near}")
        number = points.replace(",", ".")
        if not number.replace(".", "", 1).isdecimal() or float(number) > most[label]:
            raise ValueError(f"{path}, line {rows.line_num}: points is {points!r}; give 0 to {most[label]:g}")
        marks[learner][label] = float(number), f"Marked by hand. {note}".strip()
    return marks
