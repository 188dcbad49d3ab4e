"""The plain notebooks: what becomes of MyST, what stays, what is refused; and those committed are current."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import labels
import notebooks
import plain
import pytest
from cells import code, display, notebook, prose
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode

CONTENTS = """root: book/intro
parts:
  - chapters:
      - file: book/references
  - numbered: 1
    chapters:
      - file: book/01_one
      - file: book/02_two
        sections:
          - file: book/02_more
  - chapters:
      - file: book/evidence/02_two
"""
SOURCES = r"""
@article{three, author = {Bucil{\u{a}}, C. and B, D. and E, F.}, title = {T}, year = {2006},
  eprint = {1503.02531}}
@misc{two, author = {{Who is not named} and van der Berg, A.}, title = {T}, url = {https://example.org/a}}
@book{one, author = {Gibbs, Josiah}, title = {T}, year = {1902}}
@article{doi, author = {Xu, Y.}, title = {T}, year = {2020}, doi = {10.1/x}}
"""
GAIN = "| a |\n|---|\n| "
PRINTED = f"```{{table}} Gains.\n:name: tab-gain\n\n{GAIN}[+1.6]{{#c2-gain}} |\n```"
SUMMARY = "<details><summary>Solution to exercise 2.1</summary>\n\n"
OTHERS = {
    "01_one.ipynb": notebook(
        prose("# One\n\n(a-place)=\n## A *place*\n\n$$\nx\n$$ (eq-one)\n"),
        code("1", outputs=(display({"text/plain": "1"}),)),
    ),
    "02_more.ipynb": notebook(
        prose("# More\n\n```{exercise} Later\n:label: ex-late\nWhen?\n```\n\n$$ y $$ (eq-late)")
    ),
    "evidence/02_two.ipynb": notebook(
        prose("# Evidence\n\nOf [chapter 2](../02_two.ipynb), in [words](../references.md)."),
        code("2", outputs=(display({"text/markdown": PRINTED}),)),
    ),
}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of three chapters, an evidence page and two pages of text; chapter 2 is each test's own."""
    (tmp_path / "_config.yml").write_text("html:\n  favicon: x\n")
    (tmp_path / "_toc.yml").write_text(CONTENTS)
    (tmp_path / "book" / "evidence").mkdir(parents=True)
    (tmp_path / "book" / "refs.bib").write_text(SOURCES)
    (tmp_path / "book" / "dot.svg").write_text("<svg/>")
    for name, title in (("intro", "Begin"), ("references", "All sources")):
        (tmp_path / "book" / f"{name}.md").write_text(f"# {title}\n")
    for name, nb in OTHERS.items():
        notebooks.write(nb, tmp_path / "book" / name)
    return tmp_path


def converted(root: Path, *cells: NotebookNode) -> list[NotebookNode]:
    """The cells of the plain notebook of chapter 2, whose page is a title and these cells."""
    notebooks.write(notebook(prose("# Two"), *cells), root / "book" / "02_two.ipynb")
    title, *others = plain.plain(root)[root / "notebooks" / "02_two.ipynb"].cells
    assert title.source == "# Two"
    return others


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("As {cite:t}`three` show.", "As [Bucilă et al. (2006)](https://arxiv.org/abs/1503.02531) show."),
        (
            "So it is {cite:p}`three, doi`.",
            "So it is ([Bucilă et al., 2006](https://arxiv.org/abs/1503.02531); [Xu, 2020](https://doi.org/10.1/x)).",
        ),
        ("{cite:t}`two`", "[Who is not named and van der Berg](https://example.org/a)"),
        ("{cite:p}`one`", "([Gibbs, 1902](../book/refs.bib))"),
        ("[one](01_one.ipynb), [](01_one.ipynb)", "[one](01_one.ipynb), [One](01_one.ipynb)"),
        ("[all](references.md#top)", "[all](../book/references.md#top)"),
        ("[more](https://example.org/a_(b)){.out}", "[more](https://example.org/a_(b))"),
        ("[+1.6](#c2-gain) points", "[+1.6](evidence/02_two.ipynb) points"),
        ('[1.6](#c2-gain "+") points more', "[1.6](evidence/02_two.ipynb) points more"),
        ("{doc}`01_one`, {doc}`the *first*<01_one>`", "[One](01_one.ipynb), [the *first*](01_one.ipynb)"),
        ("{ref}`a-place`, {ref}`there <a-place>`", "[A *place*](01_one.ipynb), [there](01_one.ipynb)"),
        ("By {numref}`tab-gain`", "By [Table 1](evidence/02_two.ipynb)"),
        ("By {numref}`T. %s <tab-gain>`", "By [T. 1](evidence/02_two.ipynb)"),
        ("By {eq}`eq-one`", "By [(1.1)](01_one.ipynb)"),
        ("$$\nz\n$$ (eq-two)\n\nSee {eq}`eq-two`.", "$$\nz\n\\tag{2.1}\n$$\n\nSee (2.1)."),
        (
            "```{math}\n:label: eq-two\n\nz\n```\n\n{eq}`eq-two`, {eq}`eq-late`",
            "$$\nz\n\\tag{2.1}\n$$\n\n(2.1), [(2.2)](02_more.ipynb)",
        ),
        ("(here)=\n## Here\n\n{ref}`here`", "## Here\n\nHere"),
        ("{#id .class}\nA [phrase]{.small}.\n% a comment\n+++\n", "A phrase."),
        ("```{note}\nMind *this*.\n```", "**Note.** Mind *this*."),
        (":::{admonition} Why?\n:class: tip\n- {cite:t}`doi`\n:::", "**Why?**\n\n- [Xu (2020)](https://doi.org/10.1/x)"),
        ("````{warning}\n```python\n{cite:p}`x`\n```\n````", "**Warning.**\n\n```python\n{cite:p}`x`\n```"),
        ("1. One:\n\n   ```{tip}\n   Two.\n   ```\n\n2. Three", "1. One:\n\n   **Tip.** Two.\n\n2. Three"),
        (
            "```{figure} dot.svg\n:alt: A dot.\n:name: fig-dot\n\nOnly $x$.\n```",
            "![A dot.](data:image/svg+xml;base64,PHN2Zy8+)\n\n**Figure 2.1.** Only $x$.",
        ),
        ("```{exercise} By hand\n:label: ex-two\nWhy?\n```", "**Exercise 2.1 (By hand).** Why?"),
        ("```{exercise}\n:label: ex-two\nWhy?\n```", "**Exercise 2.1.** Why?"),
        (
            "```{solution} ex-late\n:class: dropdown\nThen, by {eq}`eq-one`.\n```",
            f"{SUMMARY}Then, by [(1.1)](01_one.ipynb).\n\n</details>",
        ),
        # what looks like MyST and is none
        *[(text, text) for text in (
            "``{cite:p}`x` ``, `[a]{#b}`, \\{eq}`x` and [0, 1]",
            "$a_{x}[1]{#b}$ and 5 % of [these]",
            "```python\n[a]{#b}\n% c\n```",
        )],
        (f"{GAIN}$\\|x\\|$ {{cite:p}}`doi` |", f"{GAIN}$\\|x\\|$ ([Xu, 2020](https://doi.org/10.1/x)) |"),
    ],
)  # fmt: skip
def test_myst_becomes_markdown(book: Path, myst: str, markdown: str) -> None:
    (cell,) = converted(book, prose(myst))
    assert cell.source == markdown


CARD = """```{predict}
How many of *100* ({cite:t}`doi`)?

- [ ] about 95
- [x] about 79,
  as [one](01_one.ipynb) says
- [ ] 50

Seventy-nine: [+1.6](#c2-gain) %.
```"""


def test_a_card_asks_without_a_hint_and_folds_the_answer(book: Path) -> None:
    (cell,) = converted(book, prose(CARD))
    assert cell.source == (
        "**Predict.** How many of *100* ([Xu (2020)](https://doi.org/10.1/x))?\n\n"
        "- about 95\n- about 79,\n  as [one](01_one.ipynb) says\n- 50\n\n"
        "<details><summary>Show the answer</summary>\n\n"
        "✓ about 79,\n  as [one](01_one.ipynb) says\n\n"
        "Seventy-nine: [+1.6](evidence/02_two.ipynb) %.\n\n</details>"
    )


def test_a_card_that_asks_for_a_number_says_its_unit(book: Path) -> None:
    (cell,) = converted(
        book, prose("```{predict}\n:number: points\n:within: 3\n\nBy how much?\n\nBy 12.\n\nSo.\n```")
    )
    assert cell.source == (
        "**Predict.** By how much?\n\n*A number: points.*\n\n"
        "<details><summary>Show the answer</summary>\n\nBy 12.\n\nSo.\n\n</details>"
    )


def test_a_solution_is_folded_and_its_code_runs_as_before(book: Path) -> None:
    shown = display({"text/markdown": "So **7**."})
    said, worked, more, after = converted(
        book,
        prose("```{solution-start} ex-late\n:class: dropdown\n```\n\nThis *way*:"),
        code("x = 7\nx", "nbval-check-output", outputs=(shown,)),
        prose("Seven.\n\n```{solution-end}\n```\n\nOn we go."),
        code("y = 1"),
    )
    assert said.source == f"{SUMMARY}This *way*:\n\n</details>"
    assert more.source == f"{SUMMARY}Seven.\n\n</details>\n\nOn we go."
    assert worked.source == '# @title Solution to exercise 2.1, code {display-mode: "form"}\nx = 7\nx'
    assert worked.outputs == [shown] and worked.metadata == {
        "tags": ["nbval-check-output"],
        "cellView": "form",
        "collapsed": True,
        "jupyter": {"source_hidden": True, "outputs_hidden": True},
    }
    assert after.source == "y = 1" and after.metadata == {}


@pytest.mark.parametrize("tag", ["hide-cell", "hide-input", "remove-cell", "remove-input"])
def test_what_the_page_folds_is_folded_and_its_output_is_shown(book: Path, tag: str) -> None:
    shown = display({"text/plain": "1"})
    (cell,) = converted(book, code("1", tag, outputs=(shown,)))
    assert cell.source == "1" and cell.outputs == [shown]
    assert cell.metadata == {"tags": [tag], "cellView": "form", "jupyter": {"source_hidden": True}}


def test_outputs_are_shown_before_a_notebook_is_trusted(book: Path) -> None:
    """JupyterLab then runs no script and draws no SVG but in an image."""
    slider = (
        '<div data-slider="x"><table></table><script type="application/json">{"a": "\\u003c"}</script></div>'
    )
    drawing = '<svg xmlns="a" id=\'é\'>\n<use href="#a"/>100%41 &lt; 1</svg>'
    described = {"image/svg+xml": {"alt": 'A "dot" & more.'}}
    outputs = (
        display({"text/html": slider, "text/plain": "x slider"}),
        display({"image/svg+xml": drawing, "text/plain": "<figure>"}, **described),
    )
    figure = {"figure": {"name": "fig-dot", "caption": "After {cite:t}`doi`, $T = 4$."}}
    (cell,) = converted(book, code("1", outputs=outputs, mystnb=figure))
    first, second, third = (output.data for output in cell.outputs)
    assert first == {"text/html": '<div data-slider="x"><table></table></div>', "text/plain": "x slider"}
    alt, source = re.fullmatch(r"<img alt=\"([^\"]*)\" src='([^']*)'>", second["text/html"]).groups()
    assert unescape(alt) == 'A "dot" & more.' and set(second) == {"text/html", "text/plain"}
    kind, text = unescape(source).replace("\n", "").split(",", 1)  # as a browser reads an address
    assert kind == "data:image/svg+xml;charset=utf-8" and "#" not in text and unquote(text) == drawing
    assert third == {"text/markdown": "**Figure 2.1.** After [Xu (2020)](https://doi.org/10.1/x), $T = 4$."}
    assert "mystnb" not in cell.metadata


def test_a_link_to_a_setting_of_the_site_is_plain_words(book: Path) -> None:
    given = '<ul><li><a href="playground.html?T=4&a=1">rings</a></li> <a href="https://a.b/c.html?d">e</a></ul>'
    (cell,) = converted(book, code("1", outputs=(display({"text/html": given}),)))
    shown = '<ul><li>rings</li> <a href="https://a.b/c.html?d">e</a></ul>'
    assert cell.outputs[0].data == {"text/html": shown}


def test_an_evidence_notebook_lies_in_a_folder_of_its_own(book: Path) -> None:
    converted(book)
    words, table = plain.plain(book)[book / "notebooks" / "evidence" / "02_two.ipynb"].cells
    assert (
        words.source == "# Evidence\n\nOf [chapter 2](../02_two.ipynb), in [words](../../book/references.md)."
    )
    assert table.outputs[0].data["text/markdown"] == f"**Table 1.** Gains.\n\n{GAIN}+1.6 |"


def test_pages_of_text_are_linked_on_the_site_where_it_has_an_address(book: Path) -> None:
    (book / "_config.yml").write_text("html:\n  baseurl: https://example.org/kd/\n")
    (cell,) = converted(book, prose("[all](references.md), [one](01_one.ipynb) {cite:p}`one`"))
    references = "https://example.org/kd/book/references.html"
    assert cell.source == f"[all]({references}), [one](01_one.ipynb) ([Gibbs, 1902]({references}))"


def test_numbers_go_on_over_the_pages_of_a_chapter(book: Path) -> None:
    cells = [prose(f"```{{exercise}}\n:label: ex-{n}\nWhy?\n```") for n in "ab"]
    assert [cell.source for cell in converted(book, *cells)] == [
        "**Exercise 2.1.** Why?",
        "**Exercise 2.2.** Why?",
    ]
    assert labels.targets(book)["ex-late"] == ("Exercise 2.3", "02_more")


@pytest.mark.parametrize(
    ("myst", "said"),
    [
        ("```{tabs}\nx\n```", "the directive {tabs} has no plain form"),
        ("```{note}\n{abbr}`x`\n```", "the role {abbr} has no plain form"),
        ("{cite:p}`three,nobody`", "nobody is cited and not in book/refs.bib"),
        ("[x](gone.ipynb)", "it links to gone.ipynb, which is not there"),
        ("[+1](#c2-gone)", "nothing in the book has the label or id 'c2-gone'"),
        ("```{solution-start} ex-gone\n```", "nothing in the book has the label or id 'ex-gone'"),
    ],
)
def test_what_has_no_plain_form_is_named_and_nothing_is_written(
    book: Path, myst: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"book/02_two.ipynb, cell 2: {said}")):
        converted(book, prose("Fine."), prose(myst))
    assert plain.main(book) == 1 and said in capsys.readouterr().err
    assert not (book / "notebooks").exists()


def test_notebooks_are_written_once_and_those_of_lost_pages_go(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    converted(book, prose("Old."))
    names = {"notebooks/01_one.ipynb", "notebooks/02_two.ipynb", "notebooks/02_more.ipynb"}
    names.add("notebooks/evidence/02_two.ipynb")
    assert set(plain.lagging(book)) == names
    assert plain.main(book) == 0 and plain.lagging(book) == []
    assert plain.main(book) == 0 and capsys.readouterr().out.endswith("0 of 4 written\n")
    (book / "notebooks" / "00_gone.ipynb").write_text("{}")
    converted(book, prose("New."))
    assert plain.lagging(book) == ["notebooks/00_gone.ipynb", "notebooks/02_two.ipynb"]
    assert plain.main(book) == 0
    assert {path.relative_to(book).as_posix() for path in (book / "notebooks").rglob("*.ipynb")} == names


# ---- the book's own ----

NOTEBOOKS = sorted((notebooks.ROOT / "notebooks").rglob("*.ipynb"))
EACH = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: path.relative_to(notebooks.ROOT / "notebooks").as_posix()
)


def test_the_committed_notebooks_are_those_of_the_pages() -> None:
    lagging = plain.lagging()
    assert not lagging, f"behind their pages: {', '.join(lagging)}; make notebooks"


MYST = re.compile(
    r"\{[\w:-]+\}$"  # a role, whose text is code to Markdown
    r"|\]\{[#.\w]|^\([\w-]+\)=|^:[\w-]+:|^:{3}|^% |^\+\+\+|\[[ x]\]|^\{[#.]",
    re.MULTILINE,
)


def source_of_myst(markdown: str) -> Iterator[str]:
    """What a reader of plain Markdown would see of directives, roles, labels and attributes."""
    for token in MarkdownIt("commonmark").enable("table").use(dollarmath_plugin).parse(markdown):
        if token.type == "fence" and token.info.startswith("{"):
            yield token.info
        for child in token.children or ():
            if child.type == "text" and (found := MYST.search(child.content)):
                yield f"{found[0]} in {child.content}"
    yield from re.findall(r"\$\$ *\([\w:-]+\)", markdown)  # a label of an equation


@pytest.mark.parametrize(
    "myst",
    ["{eq}`a`", "```{note}\na\n```", ":::{note}\na\n:::", "(a)=\n# B", "[1]{#a}", "$$\na\n$$ (b)", "- [x] a",
     "% a", "+++", "{#a}\nb", ":label: a"],
)  # fmt: skip
def test_the_look_for_myst_finds_it(myst: str) -> None:
    assert list(source_of_myst(myst))


@EACH
def test_nothing_of_myst_shows(path: Path) -> None:
    for cell in notebooks.read(path).cells:
        texts = [cell.source] if cell.cell_type == "markdown" else []
        texts += [
            output.data.get("text/markdown", "") for output in cell.get("outputs", ()) if "data" in output
        ]
        found = [fault for text in texts for fault in source_of_myst(text)]
        assert not found, f"{cell.id}: {found}"


@EACH
def test_code_is_that_of_the_page(path: Path) -> None:
    page = notebooks.BOOK / path.relative_to(notebooks.ROOT / "notebooks")
    ours, theirs = (
        [cell for cell in notebooks.read(each).cells if cell.cell_type == "code"] for each in (path, page)
    )
    title = r'# @title Solution to exercise [\d.]+, code \{display-mode: "form"\}\n'
    assert [re.sub(title, "", cell.source) for cell in ours] == [cell.source for cell in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        said = [[output.get("text", output.get("data", {}).get("text/plain")) for output in cell.outputs]
                for cell in (mine, other)]  # fmt: skip
        assert [text for text in said[0] if text is not None] == said[1]


@EACH
def test_links_lead_to_files_that_are_there(path: Path) -> None:
    text = "\n".join(cell.source for cell in notebooks.read(path).cells if cell.cell_type == "markdown")
    for url in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"\w+:", url):
            assert (path.parent / url.split("#")[0]).is_file(), url
