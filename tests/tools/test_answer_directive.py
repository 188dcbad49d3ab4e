"""The directive of exercises that are answered on the page: what it writes and what it refuses."""

import re
from pathlib import Path

import notebooks
import pytest
from sphinx.testing.util import SphinxTestApp
from to_markdown import Page

CHOICE = "- [ ] *8* : 2\n\n  That halves.\n\n- [x] 4 : 2\n\n  A root."
NUMBER = """:number: runs
:within: 0.5

- [x] $16.5$

  Solve for n.

- [ ] 4

  The square.

- [ ] else

  Start anew."""
ORDER = ":order:\n\n1. one\n2. two\n3. three\n\n- [x] in order\n\n  So.\n\n- [ ] 3 before 2\n\n  No."


def built(folder: Path, body: str) -> tuple[str, str]:
    """The page that holds the directive, and what Sphinx complained of."""
    extensions = notebooks.ROOT / "book" / "_ext"
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(extensions)!r})\n"
        "extensions = ['myst_parser', 'kd_predict', 'kd_answer']\nmyst_enable_extensions = ['dollarmath']\n",
        "utf-8",
    )
    (folder / "index.md").write_text(f"# A page\n\n```{{answer}}\n{body}\n```\n", "utf-8")
    app = SphinxTestApp("html", srcdir=folder, freshenv=True)
    try:
        app.build()
        return (Path(app.outdir) / "index.html").read_text("utf-8"), app.warning.getvalue()
    finally:
        app.cleanup()


def test_a_choice_marks_the_right_one_and_folds_what_is_said(tmp_path: Path) -> None:
    page, complaint = built(tmp_path, CHOICE)
    assert not complaint and 'data-kind="choice"' in page
    wrong, right = re.findall(r"<li.*?</li>", page[page.index('class="kd-answer"') :], re.DOTALL)[:2]
    assert "kd-right" in right and "kd-right" not in wrong and "[" not in re.sub("<.*?>", "", wrong + right)
    assert re.search(r'<details class="kd-said">.*A root\.', right, re.DOTALL)


def test_a_number_keeps_unit_and_tolerance(tmp_path: Path) -> None:
    page, complaint = built(tmp_path, NUMBER)
    assert not complaint and 'data-kind="number"' in page
    assert 'data-number="runs"' in page and 'data-within="0.5"' in page


def test_an_order_is_mixed_and_knows_its_places(tmp_path: Path) -> None:
    page, complaint = built(tmp_path, ORDER)
    places = re.search(r'data-places="([\d,]+)"', page)
    assert not complaint and places
    shown = re.findall(r"<p>(one|two|three)</p>", page)
    assert shown != ["one", "two", "three"]
    assert [("one", "two", "three")[int(place) - 1] for place in places[1].split(",")] == shown


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Nothing.", "holds its options"),
        (f"Why?\n\n{CHOICE}", "holds its options"),
        (CHOICE.replace("[x]", "[ ]"), "one [x]"),
        (CHOICE.replace("[ ]", "[x]"), "one [x]"),
        ("- [ ] a\n- [x] b\n\n  B.", "a paragraph that is said to it"),
        (NUMBER.replace("4", "four"), "is no number"),
        (ORDER.replace("3 before 2", "2 before 3"), "wrong pairs"),
        (ORDER.replace("3 before 2", "4 before 2"), "wrong pairs"),
        (f":order:\n\n{CHOICE}", "holds its options"),
    ],
)
def test_what_lacks_something_is_an_error(tmp_path: Path, body: str, said: str) -> None:
    assert said in built(tmp_path, body)[1]


def plain(body: str) -> str:
    return Page("01_one", notebooks.ROOT, {}, {}).plain(f"```{{answer}}\n{body}\n```")


def test_the_plain_notebook_asks_and_folds_the_answers() -> None:
    asked, answers = plain(CHOICE).split("<details>")
    assert asked.strip() == "- *8* : 2\n- 4 : 2"
    assert "- ✗ *8* : 2: That halves.\n- ✓ 4 : 2: A root." in answers
    assert plain(NUMBER).startswith("*A number: runs.*\n\n<details>")
    asked, answers = plain(ORDER).split("<details>")
    assert asked.strip() == "- one\n- three\n- two"
    assert "- ✓ one; two; three: So.\n- ✗ *three* before *two*: No." in answers
