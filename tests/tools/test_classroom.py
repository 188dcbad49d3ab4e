"""The classroom's notebooks: what learners get, what teachers get, and a learner who fills one in."""

import ast
from itertools import pairwise
from pathlib import Path

import notebooks
import pytest
from cells import code, notebook, prose
from nbclient import NotebookClient
from nbformat import NotebookNode, v4

import classroom

CONFIG = "repository:\n  url: '{}'\n  branch: main\n"
CONTENTS = "root: book/intro\nparts:\n  - numbered: 1\n    chapters:\n      - file: book/01_one\n"
QUESTION = """
````{exercise} Which
:label: ex-which

Which one?

```{answer}
- [ ] this

  No.

- [x] that

  Yes.
```
````
"""
PAGE = (
    prose(
        "# One\n\n[the proof](evidence/01_one.ipynb), [there](01_one.ipynb#x), [y](https://elsewhere.org/y)"
    ),
    code("chapter = 1", "hide-input", outputs=(v4.new_output("stream", text="x"),)),
    prose("## Exercises\n" + QUESTION),
    prose("```{solution-start} ex-which\n```"),
    prose("Because of that."),
    prose("```{solution-end}\n```"),
    prose("```{exercise} Twice\n:label: ex-twice\nWrite `twice(x)`.\n```"),
    prose("```{solution-start} ex-twice\n```"),
    code(
        'import os\n\n\ndef twice(x):\n    """2 x, any shape."""\n    return 2 * x\n\n\nprint(twice(1))',
        "answer",
    ),
    code("from kdlib import check\n\ncheck.twice(twice)", "check"),
    code("used = twice(chapter)"),
    prose("It doubles.\n\n```{solution-end}\n```"),
    prose(
        "```{exercise} Measure\n:label: ex-measure\n*9 minutes, in Python. You learn x.*\n\nMeasure it.\n```"
    ),
    prose("```{solution-start} ex-measure\n```"),
    code("measured = 3"),
    prose("```{solution-end}\n```\n\n## Read on"),
)


@pytest.fixture
def made(tmp_path: Path) -> dict[str, list[NotebookNode]]:
    """The cells of both notebooks of a small chapter."""
    return sheets(tmp_path, "")


def sheets(tmp_path: Path, address: str) -> dict[str, list[NotebookNode]]:
    (tmp_path / "_config.yml").write_text(CONFIG.format(address))
    (tmp_path / "_toc.yml").write_text(CONTENTS)
    (tmp_path / "book" / "evidence").mkdir(parents=True)
    (tmp_path / "book" / "refs.bib").touch()
    (tmp_path / "book" / "intro.md").write_text("# Begin\n")
    notebooks.write(notebook(prose("# Proof")), tmp_path / "book" / "evidence" / "01_one.ipynb")
    notebooks.write(notebook(*PAGE), tmp_path / "book" / "01_one.ipynb")
    found = classroom.classroom(tmp_path)
    assert {path.relative_to(tmp_path / "classroom").as_posix() for path in found} == {
        "learners/01_one.ipynb",
        "teachers/01_one.ipynb",
    }
    return {path.parent.name: nb.cells for path, nb in found.items()}


def test_a_learner_gets_the_chapter_and_no_solution(made: dict[str, list[NotebookNode]]) -> None:
    cells = made["learners"]
    text = "\n".join(cell.source for cell in cells)
    for gone in ("Because of that", "return 2", "measured", "used =", "It doubles", "Yes.", "No.", "[x]"):
        assert gone not in text, gone
    for there in (
        "Which one?",
        "- this\n- that",
        "chapter = 1",
        "## Read on",
        "../../notebooks/evidence/01_one.ipynb",
    ):
        assert there in text, there
    assert all(not cell.outputs for cell in cells if cell.cell_type == "code")


def test_where_a_learner_writes_is_marked(made: dict[str, list[NotebookNode]]) -> None:
    sources = [cell.source for cell in made["learners"]]
    answer = (
        '# Exercise ex-twice. Keep this line.\nimport os\n\ndef twice(x):\n    """2 x, any shape."""\n    ...'
    )
    at = sources.index(answer)
    assert sources[at + 1] == "from kdlib import check\n\ncheck.twice(twice)"
    assert "*Your answer to exercise 1.1:*" in sources and "# Your code for exercise 1.3." in sources
    how = next(i for i, source in enumerate(sources) if source.startswith("## Exercises"))
    assert sources[how + 1].startswith("# Set-up of the exercises. Keep this line.\nimport math")


def test_who_is_asked_for_a_bet_has_a_place_above_the_code() -> None:
    cells = notebooks.read(classroom.ROOT / "classroom" / "learners" / "01_temperature.ipynb").cells
    pairs = [(one, cell) for one, cell in pairwise(cells) if cell.source.startswith("# Exercise ex-")]
    above = {cell.source.split()[2]: one for one, cell in pairs}
    assert above["ex-01-bisect."].source.startswith("*Your bet and your words on")
    assert "Your bet" not in above["ex-01-soften."].source, "nothing is asked in words"


def test_a_teacher_gets_everything_solved(made: dict[str, list[NotebookNode]]) -> None:
    text = "\n".join(cell.source for cell in made["teachers"])
    for there in ("Because of that.", "    return 2 * x", "measured = 3", "used = twice", "It doubles."):
        assert there in text, there
    assert "# Exercise ex-twice. Keep this line.\nimport os" in text and "<details>" not in text


def test_a_teacher_reads_the_right_option_and_what_is_said_to_each(
    made: dict[str, list[NotebookNode]],
) -> None:
    text = "\n".join(cell.source for cell in made["teachers"])
    assert "**Answers.**\n\n- ✗ this: No.\n- ✓ that: Yes." in text
    assert "**Answers.**" not in "\n".join(cell.source for cell in made["learners"])


def test_the_links_of_a_sheet_lead_somewhere_without_the_clone(tmp_path: Path) -> None:
    text = sheets(tmp_path, "https://example.org/a/b")["learners"][0].source
    assert "](https://example.org/a/b/blob/main/notebooks/evidence/01_one.ipynb)" in text
    assert "](https://example.org/a/b/blob/main/classroom/learners/01_one.ipynb#x)" in text
    assert "](https://elsewhere.org/y)" in text


def test_an_answer_that_defines_no_function_is_refused() -> None:
    with pytest.raises(ValueError, match="defines a function"):
        classroom.emptied("x = 1")


def test_a_long_signature_and_comments_stay_out_of_the_body() -> None:
    source = "def f(\n    a,\n    b=2,\n):\n    # the trick\n    return a\n"
    assert classroom.emptied(source) == "def f(\n    a,\n    b=2,\n):\n    ..."


def test_the_committed_classroom_is_that_of_the_pages() -> None:
    lagging = classroom.lagging()
    assert not lagging, f"behind their pages: {', '.join(lagging)}; make notebooks"


LEARNERS = sorted((notebooks.ROOT / "classroom" / "learners").glob("*.ipynb"))


def run(cells: list[NotebookNode], folder: Path) -> list[str]:
    """What the check cells show, in a real kernel, away from the clone's files."""
    nb = notebook(*cells)
    NotebookClient(nb, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    checks = [cell for cell in nb.cells if "check" in notebooks.tags(cell)]
    return [cell.outputs[-1]["data"]["text/plain"] for cell in checks]


def wrong(cell: NotebookNode) -> NotebookNode:
    """A learner's first try: each function gives back what it was given."""
    source = cell.source
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            first = node.args.args[0].arg
            source = source.replace("    ...", f"    return {first}", 1)
    return code(source)


@pytest.mark.slow
@pytest.mark.parametrize("path", LEARNERS, ids=lambda path: path.stem)
def test_a_learner_tries_and_gets_it_right(path: Path, tmp_path: Path) -> None:
    """As handed out, with a wrong try, and with the teacher's answers, each in a kernel of its own."""
    sheet = notebooks.read(path).cells
    solved = {cell.id: cell for cell in notebooks.read(path.parents[1] / "teachers" / path.name).cells}
    kept = [cell for cell in sheet if {"answer", "check"} & {*notebooks.tags(cell)} or cell.id == "imports"]
    checks = [cell for cell in kept if "check" in notebooks.tags(cell)]
    if not checks:
        pytest.skip("no exercise of this page has a check")
    for turn, mark in ((kept, "✗"), ([*map(tried, kept)], "✗"), ([solved[cell.id] for cell in kept], "✓")):
        said = run(turn, tmp_path)
        assert len(said) == len(checks) and all(line.startswith(mark) for line in said), said


def tried(cell: NotebookNode) -> NotebookNode:
    return wrong(cell) if "answer" in notebooks.tags(cell) else cell


def test_a_checked_exercise_that_asks_for_more_has_a_cell_for_it() -> None:
    cells = classroom.classroom()[classroom.ROOT / "classroom/learners/07_signals.ipynb"].cells
    sources = [cell.source for cell in cells]
    at = sources.index("# Your further code for exercise 7.8.")
    assert "check.angles(angles)" in sources[at - 1]
    assert "# Your further code for exercise 7.5." not in sources  # which asks for a function alone
