"""Exercises: how long, where and why; answers on the page; each check in its place."""

import re
from collections.abc import Iterator

import notebooks
import pytest
from notebooks import BOOK, tags
from prose import Directive, directives

from kdlib import check
from kdlib.check import Check

PAGES = [path for path in sorted(BOOK.glob("*.ipynb")) if "{exercise}" in path.read_text("utf-8")]
CHAPTERS = [path for path in PAGES if path.name[0] == "0"]
EACH = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
HEAD = re.compile(
    r"\*(\d+) minutes, (on this page|by hand|in Python)\. (?:You|A small project: you) learn [^*]+\.\*$"
)
CHECKS = {name: found for name, found in vars(check).items() if isinstance(found, Check)}


def exercises(path: notebooks.Path) -> Iterator[Directive]:
    for cell in notebooks.read(path).cells:
        if cell.cell_type == "markdown":
            yield from (found for found in directives(cell.source) if found.name == "exercise")


@EACH
def test_each_exercise_says_how_long_it_takes_where_and_what_is_learned(path: notebooks.Path) -> None:
    for found in exercises(path):
        first, _, rest = found.body.strip().partition("\n\n")
        head = HEAD.match(first)
        assert head and rest, (found.title, first)
        on_page = any(inner.name == "answer" for inner in directives(found.body))
        assert on_page or head[2] != "on this page", found.title


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_answers_on_the_page_and_goes_from_short_to_long(path: notebooks.Path) -> None:
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
        label = ""
        for cell in notebooks.read(path).cells:
            for found in directives(cell.source) if cell.cell_type == "markdown" else ():
                label = {"solution-start": found.title, "solution-end": ""}.get(found.name, label)
            if "check" in tags(cell):
                name = re.search(r"^check\.(\w+)\((\w+)\)$", cell.source, re.MULTILINE)
                assert name and label, (path.name, cell.source)
                called[name[1]] = label
                assert name[2] in answers(path, label), (path.name, label)
    assert called.keys() <= CHECKS.keys()
    assert {name: CHECKS[name].exercise for name in called} == called
    assert len(called) >= 25
    assert set(CHECKS) == set(called), "a check that no exercise uses"


def answers(path: notebooks.Path, label: str) -> set[str]:
    """The functions that the answer of an exercise defines."""
    inside, names = "", set()
    for cell in notebooks.read(path).cells:
        for found in directives(cell.source) if cell.cell_type == "markdown" else ():
            inside = {"solution-start": found.title, "solution-end": ""}.get(found.name, inside)
        if inside == label and "answer" in tags(cell):
            names |= set(re.findall(r"^def (\w+)\(", cell.source, re.MULTILINE))
    return names
