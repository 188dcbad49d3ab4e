"""The rules that notebooks and pages are held to: each meets a breach of it."""

import re
from pathlib import Path

import address
import check
import notebooks
import pytest
import stamp
from cells import code, display, notebook, prose
from nbformat import NotebookNode, v4

ROOT = Path(__file__).resolve().parents[2]


def good() -> NotebookNode:
    """A notebook without fault."""
    picture = display({"image/svg+xml": "<svg/>"})
    described = {
        "image": {"alt": "A square with a circle in it."},
        "figure": {"caption": "Square and circle here.", "name": "f"},
    }
    shape = v4.new_output("execute_result", {"text/plain": "(3, 10)"}, execution_count=2)
    nb = notebook(
        prose("# Chapter\n\nAt $T = 0.5$ the student of `alpha=0.9` sees 10 classes."),
        code(address.setup_source(""), "setup", "hide-cell"),
        code('data.load("cifar10", "test", scale="quick")', "nbval-check-output", outputs=(shape,)),
        code("plots.show(fig)", outputs=(picture,), mystnb=described),
        *(
            prose(f"```{{exercise}} Title\n:label: ex-{n}\nDo.\n```\n\n```{{solution}} ex-{n}\nSo.\n```")
            for n in range(3)
        ),
        *(prose(f":::{{exercise-start}}\n:class: x\n:label: ex-{n}\n:::\nDo.") for n in (3, 4)),
        *(prose(f"```{{solution-start}} ex-{n}\n:class: dropdown\n```") for n in (3, 4)),
    )
    for count, cell in enumerate((cell for cell in nb.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    nb.metadata["kdlib"] = {"stamp": stamp.stamp(nb)}
    return nb


def found(nb: NotebookNode) -> list[str]:
    rules = [check.fresh, check.short_cells, check.outputs, check.figures, check.counts, check.metadata]
    rules.append(check.one_size)
    faults = [fault for rule in rules for fault in rule(nb)]
    return faults + check.setup(nb, "") + check.decimals(nb) + check.exercises(nb)


def test_a_good_notebook_has_no_fault() -> None:
    assert found(good()) == []


def breach(number: int, **changes: object):
    """A change of one cell of the good notebook."""

    def change(nb: NotebookNode) -> None:
        nb.cells[number].update(changes)

    return change


ERROR = v4.new_output("error", ename="KeyError", evalue="x", traceback=[])
STDERR = v4.new_output("stream", name="stderr", text="UserWarning: old")
VIEW = display({check.WIDGET_VIEW: "{}"})
HEADLESS = display({"text/markdown": "|  | runs |\n| --- | --- |\n| planned | 3 |"})
OBJECT = display({"text/plain": "<kdlib.models.Net at 0x7f3b2c001d50>"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (breach(2, source="logits.shape  # new"), "its code, kdlib or a record changed .*: make run"),
        (breach(1, source="pass"), "set-up cell is missing, doubled or altered"),
        (breach(1, metadata={"tags": ["setup"]}), "set-up cell is missing, doubled or altered"),
        (lambda nb: nb.cells.insert(0, code("1")), "not the first code cell"),
        (breach(2, source="\n".join("a" * 26)), "26 lines, at most 25"),
        (breach(2, source='x = data.load("cifar10", "test")'), 'other pictures at .*give scale="quick"'),
        (breach(2, outputs=[]), "tagged nbval-check-output and has no stored output"),
        (breach(3, outputs=[ERROR]), "ends in KeyError"),
        (breach(3, outputs=[STDERR]), "writes to stderr"),
        (breach(3, outputs=[HEADLESS]), "whose first column has no head"),
        (breach(3, outputs=[VIEW]), "random id.*without text/html it vanishes"),
        (breach(3, outputs=[OBJECT]), "memory address"),
        (breach(3, metadata={}), "picture without alt text, caption or name"),
        (breach(3, metadata={"mystnb": {"image": {"alt": "A square"}}}), "without alt text, caption"),
        (breach(3, outputs=[display({"image/png": ""})] * 2), "2 pictures under one caption"),
        (lambda nb: nb.cells.append(nb.cells[3]), "two figures are named f"),
        (breach(3, execution_count=7), r"execution counts are \[1, 2, 7\]"),
        (breach(3, metadata={"collapsed": True}), "metadata of cell 3: collapsed"),
        (lambda nb: nb.metadata.update(widgets={}), "metadata of the notebook: widgets"),
        (breach(0, source="The student reached 91.2 %."), r"typed by hand, '91\.2 %'"),
        (lambda nb: nb.cells.pop(), "exercise ex-4 has no solution"),
        (breach(4, source=""), "it has 4 exercises"),
        (breach(4, source="```{exercise} Title\nDo.\n```"), "an exercise has no :label:"),
    ],
)
def test_each_rule_finds_its_breach(change, words: str) -> None:
    nb = good()
    change(nb)
    assert any(re.search(words, fault) for fault in found(nb)), found(nb)


WHOLE = 'test = data.load("cifar10", "test", scale=SCALE)\n'
ASK = "told = pretrained.cifar_teacher_logits(test)\n"
QUICK, OTHER = f'if SCALE == "quick":\n    {ASK}', f"else:\n    {ASK}"


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        (WHOLE, 0),
        (WHOLE + QUICK, 0),
        (WHOLE + ASK, 1),
        (WHOLE + QUICK + OTHER, 1),
        (WHOLE + QUICK.replace("==", "!="), 1),
        (WHOLE.replace("SCALE", '"quick"') + ASK, 0),
        (WHOLE.replace("SCALE", '"gpu"'), 1),
    ],
)
def test_shipped_answers_are_not_asked_for_other_pictures(source: str, faults: int) -> None:
    assert len(check.one_size(notebook(code(source)))) == faults
    in_two = [code(line) for line in (WHOLE, source.replace(WHOLE, ""))]  # the rule holds across cells
    assert len(check.one_size(notebook(*in_two))) == faults or WHOLE not in source


@pytest.mark.parametrize(
    "text",
    [
        "an accuracy of 0.93 on the test set",
        "As {cite}`hinton2015` says, 91.2 % are right.",
        "reached 91.2 %, at last",
        "97% of all sevens",
        "about 97 percent",
        "fell by −3.5 percentage points",
        "gained 2 percentage points",
        "```{note}\nThe entropy is 1.58 bits.\n```",
        "```{exercise} The 0.5 mark\n:label: a\nWhy 3.25?\n```",
        "| model | accuracy |\n|---|---|\n| teacher | 91.2 |",
        "See the table {cite}`hinton2015`.\n\nOther words.\n\n| a |\n|---|\n| 91.2 |",
        "```python\nx = 1\n```\nThe answer is 0.7.\n```python\ny = 2\n```",
    ],
)
def test_results_typed_by_hand_are_found(text: str) -> None:
    assert check.typed_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "at $T = 0.5$ and\n$$\n0.1 + 0.2\n$$ or `alpha=0.9`",
        "```python\nlr = 0.1\n```\n\n~~~\n0.2\n~~~",
        "```{math}\n0.1\n```",
        "[the text](https://example.org/2.5/x) and <https://example.org/0.5>",
        "Python 3.11 to 3.13, CC BY 4.0, version 1.0.4, section 3.2, Hinton 2015, 60,000 images, 28 x 28",
        "```{image} a.svg\n:width: 50%\n```",
        "| model | accuracy |\n|---|---|\n| teacher | 91.2 |\n\nFrom {cite}`hinton2015`.",
        "Errors in {cite:t}`hinton2015`:\n\n| model | accuracy |\n|---|---|\n| teacher | 91.2 |",
        "Errors {cite}`a`:\n| model | accuracy |\n|---|---|\n| teacher {cite}`b` | 91.2 % |\nAnd on.",
        ":::{list-table} From {cite}`a`\n* - 91.2\n:::",
    ],
)
def test_settings_and_cited_tables_are_allowed(text: str) -> None:
    assert check.typed_numbers(text) == []


@pytest.mark.parametrize(
    "text",
    ['File "/home/me/x.py"', "/Users/me/book", r"C:\\Users\\me", "/usr/lib/python3/a", str(ROOT / "x")],
)
def test_paths_of_a_machine_are_found(text: str) -> None:
    assert check.machine_paths(text)


@pytest.mark.parametrize("text", ["https://x.org/home/me", "~/home/x", "kdlib/tmp/x", "a/home/b", "and/or"])
def test_other_slashes_are_allowed(text: str) -> None:
    assert check.machine_paths(text) == []


def test_a_file_is_checked_whole(tmp_path: Path) -> None:
    nb = good()
    nb.cells[2].source = "open('/home/me/x')"
    notebooks.write(nb, tmp_path / "01_x.ipynb")
    said = "\n".join(check.faults(tmp_path / "01_x.ipynb"))
    assert "/home/me" in said and "make run" in said
