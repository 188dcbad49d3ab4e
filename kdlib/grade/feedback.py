"""What a learner gets; the table of grades for the teacher, and a page for each learner."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from kdlib import files
from kdlib.grade.exercise import Exercise

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


def page(got: Grade, exercises: Sequence[Exercise]) -> str:
    """A learner's page. All that comes from a submission is text in it, whatever it looks like."""
    given = [(e.label, f"{got.points[e.label]:g} of {e.points:g}", got.messages[e.label]) for e in exercises]
    rows = "\n".join(f"<tr><td>{'</td><td>'.join(map(escape, row))}</td></tr>" for row in given)
    said = "".join(f"<li>{escape(remark)}</li>" for remark in got.remarks)
    total, most = sum(got.points.values()), sum(e.points for e in exercises)
    remarks = f"<h2>About the notebook</h2>\n<ul>{said}</ul>" if said else ""
    return PAGE.format(learner=escape(got.learner), total=total, most=most, rows=rows, remarks=remarks)


def table(grades: Sequence[Grade], exercises: Sequence[Exercise], out: Path) -> None:
    """A row a learner: points for each exercise, their sum, remarks."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["learner", *(e.label for e in exercises), "total", "remarks"])
    for grade in grades:
        points = [grade.points[e.label] for e in exercises]
        row = [harmless(grade.learner), *(f"{p:g}" for p in points), f"{sum(points):g}"]
        writer.writerow([*row, harmless(" ".join(grade.remarks))])
    files.write_text(out, "\ufeff" + text.getvalue())  # by this mark Excel knows UTF-8


def harmless(text: str) -> str:
    """No formula for the program that opens the table, not even for one that splits it at semicolons."""
    return re.sub(r"(^|;)(?=[=+\-@\t\r])", r"\1'", text)
