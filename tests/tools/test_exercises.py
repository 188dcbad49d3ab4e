"""Exercises: how long, where and why; answers on the page; checks in their places; what teachers are told."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import notebooks
import pytest
from cells import code, prose
from check import exercises as faults_of_exercises
from check import short_cells
from notebooks import BOOK, ROOT, tags
from prose import PARSER, Directive, directives

from kdlib import check
from kdlib.check import Check

PAGES = [path for path in sorted(BOOK.glob("*.ipynb")) if "{exercise}" in path.read_text("utf-8")]
CHAPTERS = [path for path in PAGES if path.name[:2].isdecimal()]
EACH = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
HEAD = re.compile(
    r"\*(\d+) minutes, (on this page|by hand|in Python)\. (?:You|A small project: you) learn [^*]+\.\*$"
)
CHECKS = {name: found for name, found in vars(check).items() if isinstance(found, Check)}


def exercises(path: Path) -> Iterator[Directive]:
    for cell in notebooks.read(path).cells:
        if cell.cell_type == "markdown":
            yield from (found for found in directives(cell.source) if found.name == "exercise")


@EACH
def test_each_exercise_says_how_long_it_takes_where_and_what_is_learned(path: Path) -> None:
    for found in exercises(path):
        first, _, rest = found.body.strip().partition("\n\n")
        head = HEAD.match(first)
        assert head and rest, (found.title, first)
        on_page = any(inner.name == "answer" for inner in directives(found.body))
        assert on_page or head[2] != "on this page", found.title


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_answers_on_the_page_and_goes_from_short_to_long(path: Path) -> None:
    found = list(exercises(path))
    assert len(found) >= 5
    answered = [one for one in found if any(inner.name == "answer" for inner in directives(one.body))]
    assert len(answered) >= 2
    heads = [HEAD.match(one.body.strip().split("\n\n")[0]) for one in found]
    minutes = [int(head[1]) for head in heads if head]
    assert minutes[0] <= 5 and minutes[-1] == max(minutes) >= 20, minutes


def test_each_check_is_an_exercise_of_the_book_with_an_answer_and_its_call() -> None:
    called: dict[str, str] = {}
    for path in PAGES:
        for label, function, name in checked(path):
            called[name] = label
            assert function in answers(path, label), (path.name, label)
    assert called.keys() <= CHECKS.keys()
    assert {name: CHECKS[name].exercise for name in called} == called
    assert len(called) >= 25
    assert set(CHECKS) == set(called), "a check that no exercise uses"


def checked(path: Path) -> Iterator[tuple[str, str, str]]:
    """Label, function and check of each exercise that calls one."""
    label = ""
    for cell in notebooks.read(path).cells:
        for found in directives(cell.source) if cell.cell_type == "markdown" else ():
            label = {"solution-start": found.title, "solution-end": ""}.get(found.name, label)
        if "check" in tags(cell):
            name = re.search(r"^check\.(\w+)\((\w+)\)$", cell.source, re.MULTILINE)
            assert name and label, (path.name, cell.source)
            yield label, name[2], name[1]


def answers(path: Path, label: str) -> set[str]:
    """The functions that the answer of an exercise defines."""
    inside, names = "", set()
    for cell in notebooks.read(path).cells:
        for found in directives(cell.source) if cell.cell_type == "markdown" else ():
            inside = {"solution-start": found.title, "solution-end": ""}.get(found.name, inside)
        if inside == label and "answer" in tags(cell):
            names |= set(re.findall(r"^def (\w+)\(", cell.source, re.MULTILINE))
    return names


# ---- what teachers are told ----

GUIDE, GRADING = (BOOK / f"{name}.md" for name in ("teaching", "grading"))


def rows(page: Path, head: str) -> list[list[str]]:
    """The cells of each row of the table that begins so, without its head."""
    table = page.read_text("utf-8").split(f"\n| {head}", 1)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.split("\n")[2:]]


def referred(text: str) -> set[str]:
    return set(re.findall(r"\{ref\}`(ex-[\w-]+)`", text))


def test_teachers_are_told_which_exercises_are_graded_by_which_check() -> None:
    graded = [found for path in PAGES for found in checked(path)]
    wanted = [[f"{{ref}}`{label}`", f"`{label}`", f"`{f}`", f"`check.{name}`"] for label, f, name in graded]
    told = rows(GRADING, "exercise | label")
    lacking = ["| " + " | ".join(row) + " |" for row in wanted if row not in told]
    assert told == wanted, f"the table of book/grading.md lacks, or has elsewhere: {lacking}"


def test_the_plan_marks_what_a_machine_grades_and_the_guide_how_to_mark_the_rest() -> None:
    graded = {label for path in PAGES for label, _, _ in checked(path)}
    by_machine, by_hand = set[str](), set[str]()
    for _, _, machine, hand in rows(GUIDE, "week | read"):
        by_machine |= referred(machine)
        by_hand |= referred(hand)
    assert by_machine and by_machine <= graded and not by_hand & graded
    assert referred(" ".join(row[0] for row in rows(GRADING, "exercise | what"))) == by_hand


def blocks() -> list[str]:
    """The pieces of the guide's example: texts of the page, answer, call, check, right answers."""
    section = GUIDE.read_text("utf-8").split("## Adding an exercise", 1)[1].split("\n## ")[0]
    return [token.content for token in PARSER.parse(section) if token.info in ("text", "python")]


def test_the_guides_exercise_is_one_of_the_page(tmp_path: Path) -> None:
    posed, closed, answer, call, *_ = blocks()
    path = tmp_path / "01_temperature.ipynb"
    nb = notebooks.read(BOOK / path.name)
    last = max(at for at, cell in enumerate(nb.cells) if "{exercise}" in cell.source)
    nb.cells[last:last] = [prose(posed), code(answer, "answer"), code(call, "check"), prose(closed)]
    notebooks.write(nb, path)
    test_each_exercise_says_how_long_it_takes_where_and_what_is_learned(path)
    test_a_chapter_answers_on_the_page_and_goes_from_short_to_long(path)
    assert ("ex-01-margin", "margin", "margin") in checked(path)
    assert answers(path, "ex-01-margin") == {"margin"}
    assert not faults_of_exercises(nb) and not short_cells(nb)


def hand_on(path: Path) -> None:
    """Add the guide's check to the import and to `__all__`, in the order of the alphabet."""
    source = path.read_text("utf-8")
    head, names = re.findall(r"^(from kdlib\.check\.temperature import )(.+)$", source, re.MULTILINE)[0]
    source = source.replace(head + names, head + ", ".join(sorted([*names.split(", "), "margin"])))
    after = min(name for name in CHECKS if name > "margin")
    path.write_text(source.replace(f'"{after}"', f'"margin", "{after}"'), "utf-8")


@pytest.mark.skipif("margin" in CHECKS, reason="the guide's example is in the book")
def test_the_guides_check_passes_lint_types_and_the_tests_of_checks(tmp_path: Path) -> None:
    """Each block is pasted where the guide says, into a copy of the house."""
    _, _, answer, _, check_itself, right_ones = blocks()
    large = shutil.ignore_patterns("__pycache__", "bundled", "weights", "records")
    for folder in ("kdlib", "tests/check"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=large)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    checks, right = tmp_path / "kdlib/check", tmp_path / "tests/check/right_ones.py"
    with (checks / "temperature.py").open("a") as file:
        file.write(f"\n\n{check_itself}")
    hand_on(checks / "__init__.py")
    functions, entry = right_ones.split("RIGHT = {\n")
    with right.open("a") as file:
        file.write(f"\n\n{answer}\n\n{functions}\nRIGHT |= {{\n{entry}\nRIGHT['margin'] += (margin,)\n")
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    for tool in (
        ["ruff", "check", "kdlib"],
        ["mypy", "--cache-dir", str(ROOT / ".mypy_cache")],
        ["pytest", "tests/check", "-k", "margin or every_check"],
    ):
        command = [sys.executable, "-m", *tool]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout, done.stdout


def test_every_answer_of_the_pages_passes_its_check() -> None:
    shown = [
        (path.name, cell.source, output["data"]["text/plain"])
        for path in sorted(BOOK.glob("*.ipynb"))
        for cell in notebooks.read(path).cells
        if "check" in tags(cell)
        for output in cell.outputs
    ]
    assert len(shown) >= 30
    assert [one for one in shown if one[2] != "✓ Right."] == []
