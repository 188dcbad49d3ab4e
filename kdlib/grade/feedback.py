"""The table of grades for the teacher, and a page for each learner."""

import csv
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from kdlib import files
from kdlib.grade.exercise import Exercise

if TYPE_CHECKING:
    from kdlib.grade.grading import Grade

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{learner}: {total:g} of {most:g} points</title>
<style>
html {{ color-scheme:light dark; font: 1.05rem/1.5 sans-serif; max-width: 44rem; margin: auto; padding: 1em }}
td, th {{ text-align: left; vertical-align: top; padding: 0.4rem 0.8rem 0.4rem 0; overflow-wrap: anywhere }}
</style><h1>{learner}</h1><p>{total:g} of {most:g} points.</p><table>
<tr><th scope="col">Exercise</th><th scope="col">Points</th><th scope="col">What it says</th></tr>
{rows}</table>{remarks}"""


def page(grade: "Grade", exercises: Sequence[Exercise]) -> str:
    """A learner's page. All that comes from a submission is text in it, whatever it looks like."""
    points = {e.label: f"{grade.points[e.label]:g} of {e.points:g}" for e in exercises}
    cells = [map(escape, (label, worth, grade.messages[label])) for label, worth in points.items()]
    rows = [f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in cells]
    said = "".join(f"<li>{escape(remark)}</li>" for remark in grade.remarks)
    total, most = sum(grade.points.values()), sum(e.points for e in exercises)
    remarks = f"<h2>About the notebook</h2>\n<ul>{said}</ul>" if said else ""
    told = {"total": total, "most": most, "rows": "\n".join(rows), "remarks": remarks}
    return PAGE.format(learner=escape(grade.learner), **told)


def table(grades: Sequence["Grade"], exercises: Sequence[Exercise], out: Path) -> None:
    """A row a learner: points for each exercise, their sum, remarks."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["learner", *(e.label for e in exercises), "total", "remarks"])
    for grade in grades:
        points = [grade.points[e.label] for e in exercises]
        row = [harmless(grade.learner), *(f"{p:g}" for p in points), f"{sum(points):g}"]
        writer.writerow([*row, harmless(" ".join(grade.remarks))])
    files.write_text(out, text.getvalue())


def harmless(text: str) -> str:
    """No formula for the program that opens the table."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
