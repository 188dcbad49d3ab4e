"""Which words of a page the glossary marks, without a browser."""

import re
from pathlib import Path

import kd_glossary
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from myst_parser.parsers.docutils_ import Parser
from sphinx.testing.util import SphinxTestApp

ROOT = Path(__file__).resolve().parents[2]
FORMS = {
    "logit": "logit", "entropy": "entropy", "cross-entropy": "ce", "held out": "held", "KL": "kl",
    "view": "view", "in view": "", "epoch": "epoch",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A logit, two logits. Logits", ["logit", "logits", "Logits"]),
        ("Entropies and the entropy's", ["Entropies", "entropy"]),
        ("the cross-entropy, a cross entropy", ["cross-entropy", "cross entropy"]),
        ("on held-out images, held\nout", ["held-out", "held\nout"]),
        ("KL, not kl or KLD", ["KL"]),
        ("logitech, relogit, log-softmax-logit", []),
        ("with 67 in view, the view", ["in view", "view"]),
    ],
)
def test_whole_words_are_found_in_their_forms(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end, _ in kd_glossary.occurrences(text, FORMS)] == found


def test_without_words_nothing_is_found() -> None:
    assert list(kd_glossary.occurrences("a logit", {})) == []


def marked(text: str, limit: int = kd_glossary.LIMIT) -> list[str]:
    """A page's text with its marked words in brackets, a paragraph each."""
    settings = {"myst_enable_extensions": ["dollarmath"]}
    page = publish_doctree(text, parser=Parser(), settings_overrides=settings)
    kd_glossary.mark(page, FORMS, limit)
    for found in list(page.findall(kd_glossary.word)):
        found.replace_self(nodes.Text(f"[{found.astext()}]"))
    return [" ".join(paragraph.astext().split()) for paragraph in page.findall(nodes.paragraph)]


def test_only_the_first_occurrence_on_a_page_is_marked() -> None:
    assert marked("One logit, another logit.\n\n- Logits\n- an epoch") == [
        "One [logit], another logit.", "Logits", "an [epoch]",
    ]  # fmt: skip


def test_the_rest_of_the_text_stays_as_it_was() -> None:
    text = "A *student* has $z$, a logit for `code` and an entropy."
    assert marked(text) == ["A student has z, a [logit] for code and an [entropy]."]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "# A logit",
        "[a logit](https://example.org)",
        "`logit`",
        "```\nlogit\n```",
        "$logit$",
        "| a logit |\n|---|\n| logit |",
        "![a logit](a.png)",
    ],
)
def test_what_is_no_running_text_is_left_alone(elsewhere: str) -> None:
    assert marked(f"{elsewhere}\n\nHere a logit.")[-1] == "Here a [logit]."


def test_a_word_that_the_page_explains_itself_is_not_marked() -> None:
    assert marked("It is called a **logit**. Take the logit.") == ["It is called a logit. Take the logit."]
    assert marked("**Use a logit.** Take the logit.") == ["Use a logit. Take the [logit]."]


def test_a_page_has_no_more_marks_than_the_limit() -> None:
    assert marked("logit entropy KL epoch", limit=2) == ["[logit] [entropy] KL epoch"]


GLOSSARY = """# Notation

## Words

logit, score
: What the softmax gets, $z$. See [the page](../index.md).

  More of it.

entropy
: A number.

epoch
: A pass.

## Colours

red
: No word.
"""
INDEX = """# A page

A score, and red.

````{exercise}
:label: ex-a
What is its epoch?
````

```{solution} ex-a
An entropy.
```

```{toctree}
book/notation
```
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("book")
    (root / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book/_ext')!r})\n"
        "extensions = ['myst_parser', 'sphinx_exercise', 'kd_glossary']\n"
        "myst_enable_extensions = ['deflist', 'dollarmath']\n", "utf-8",
    )  # fmt: skip
    (root / "book").mkdir()
    (root / "book/notation.md").write_text(GLOSSARY, "utf-8")
    (root / "index.md").write_text(INDEX, "utf-8")
    app = SphinxTestApp("html", srcdir=root, freshenv=True)
    try:
        app.build()
        names = ("index", "book/notation")
        return {name: (Path(app.outdir) / f"{name}.html").read_text("utf-8") for name in names}
    finally:
        app.cleanup()


def test_a_marked_word_links_to_its_entry_and_its_meaning_is_in_the_page(pages: dict[str, str]) -> None:
    link = '<a class="kd-word" href="book/notation.html#word-logit" aria-describedby="word-logit">score</a>'
    assert link in pages["index"] and ">red</a>" not in pages["index"]
    assert re.search(r'<dt id="word-logit">logit, score', pages["book/notation"])
    meanings = pages["index"].split('<div class="kd-meanings" hidden>')[1]
    said = re.search(r'<div id="word-logit">(.*?)</div>', meanings, re.DOTALL)[1]
    assert '<p class="kd-term">logit</p>' in said and "the page" in said
    assert "<a" not in said and "More of it" not in said and "math" in said


def test_exercises_are_marked_and_their_solutions_are_not(pages: dict[str, str]) -> None:
    assert ">epoch</a>" in pages["index"] and ">entropy</a>" not in pages["index"]


def test_the_glossary_itself_is_not_marked(pages: dict[str, str]) -> None:
    assert "kd-word" not in pages["book/notation"] and "kd-meanings" not in pages["book/notation"]


def test_a_book_without_a_glossary_is_built(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book/_ext')!r})\n"
        "extensions = ['myst_parser', 'kd_glossary']\n", "utf-8",
    )  # fmt: skip
    (tmp_path / "index.md").write_text("# A page\n\nA logit.\n", "utf-8")
    app = SphinxTestApp("html", srcdir=tmp_path, freshenv=True)
    try:
        app.build()
        assert "kd-word" not in (Path(app.outdir) / "index.html").read_text("utf-8")
        assert not app.warning.getvalue()
    finally:
        app.cleanup()


def test_a_term_stands_in_the_books_glossary_once_and_its_meaning_is_short() -> None:
    text = (ROOT / "book/notation.md").read_text("utf-8").split("## Words\n")[1].split("\n## ")[0]
    terms = re.findall(r"^(.+)\n: (.+)", text, re.MULTILINE)
    forms = [form for term, _ in terms for form in term.split(", ")]
    assert len(terms) >= 35 and len(forms) == len(set(forms))
    names = [term.split(",")[0].lower() for term, _ in terms]
    assert names == sorted(names)
    assert not [term for term, meaning in terms if len(meaning) > 220]
