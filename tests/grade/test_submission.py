"""What of a notebook counts: which cells are graded, what of a cell is run, how values travel."""

import json
import time
from pathlib import Path

import pytest
from sheets import DOUBLED, FULL, MEAN, SETUP, notebook

from kdlib.grade import grading, submission, values, worker

EMPTY = "# Exercise ex-t-mean. Keep this line.\ndef mean_of(x):\n    ..."
FUNCTIONS = {"ex-t-doubled": "doubled", "ex-t-mean": "mean_of"}


def test_cells_are_known_by_their_first_line(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", ["%pip install x\n!ls\nimport math", *FULL, "raise Unrelated"])
    cells, remarks = submission.read(submission.content(path), FUNCTIONS)
    assert cells == {"ex-t-doubled": [SETUP, DOUBLED], "ex-t-mean": [SETUP, MEAN]} and not remarks


def test_an_exercise_is_looked_for_in_all_notebooks_of_a_learner(tmp_path: Path) -> None:
    other = SETUP + "\nimport math"
    notebook(tmp_path / "bo" / "01.ipynb", [SETUP, DOUBLED])
    notebook(tmp_path / "bo" / "week" / "02.ipynb", [other, MEAN])
    notebook(tmp_path / "bo" / ".ipynb_checkpoints" / "02-checkpoint.ipynb", [other, MEAN])
    cells, remarks = submission.read(submission.content(tmp_path / "bo"), FUNCTIONS)
    assert cells == {"ex-t-doubled": [SETUP, DOUBLED], "ex-t-mean": [other, MEAN]} and not remarks
    notebook(tmp_path / "bo" / "03.ipynb", [DOUBLED + " + 0"])
    (tmp_path / "bo" / "04.ipynb").write_text("no notebook")
    cells, remarks = submission.read(submission.content(tmp_path / "bo"), FUNCTIONS)
    assert cells["ex-t-doubled"] == [DOUBLED + " + 0"] and cells["ex-t-mean"] == [other, MEAN]
    assert remarks == [
        "04.ipynb: it is no notebook.",
        "ex-t-doubled stands in cells 2 of 01.ipynb and 1 of 03.ipynb. The last one was graded.",
    ]


def test_other_exercises_of_the_book_are_no_remark(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", [DOUBLED, MEAN, "# Exercise ex-02-kl. Keep this line."])
    assert "ex-02-kl" in grading.BOOK
    assert not submission.read(submission.content(path), FUNCTIONS, grading.BOOK)[1]


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([DOUBLED, MEAN, DOUBLED], "ex-t-doubled stands in cells 1 and 3. The last one was graded."),
        ([DOUBLED], "ex-t-mean is missing: no cell begins with '# Exercise ex-t-mean.'."),
        ([DOUBLED, MEAN.split("\n", 1)[1]], "; cell 2, with mean_of, was graded."),
        (
            [DOUBLED, EMPTY, MEAN.split("\n", 1)[1]],
            "ex-t-mean: its cell has no mean_of; cell 3, with mean_of, was graded.",
        ),
        (
            [DOUBLED, "# Exercise ex-t-mean. Keep this line.", "mean_of = torch.mean"],
            "ex-t-mean: its cell has no mean_of; cell 3, with mean_of, was graded.",
        ),
        (
            [DOUBLED, MEAN, "# Exercise ex-t-meam. Keep this line."],
            "ex-t-meam (cell 3) is no exercise of this",
        ),
    ],
)
def test_cells_that_are_twice_missing_or_renamed_are_named(
    tmp_path: Path, sources: list[str], said: str
) -> None:
    path = notebook(tmp_path / "a.ipynb", sources)
    _, remarks = submission.read(submission.content(path), FUNCTIONS)
    assert len(remarks) == 1 and said in remarks[0]


def test_an_answer_beside_its_own_cell_counts_where_that_one_is_empty(tmp_path: Path) -> None:
    own = MEAN.split("\n", 1)[1]
    for sources, graded in (([EMPTY, own], own), ([own, MEAN], MEAN), ([EMPTY], EMPTY)):
        path = notebook(tmp_path / "a.ipynb", [SETUP, *sources])
        assert submission.read(submission.content(path), FUNCTIONS)[0]["ex-t-mean"] == [SETUP, graded]


def test_an_untouched_second_download_costs_nothing(tmp_path: Path) -> None:
    empty = "# Exercise ex-t-doubled. Keep this line.\ndef doubled(x):\n    ..."
    notebook(tmp_path / "a" / "02_loss.ipynb", [SETUP, DOUBLED, MEAN])
    notebook(tmp_path / "a" / "02_loss (1).ipynb", [SETUP, empty, EMPTY])
    cells, remarks = submission.read(submission.content(tmp_path / "a"), FUNCTIONS)
    assert cells == {"ex-t-doubled": [SETUP, DOUBLED], "ex-t-mean": [SETUP, MEAN]} and not remarks


@pytest.mark.parametrize(
    "body",
    [
        " ...",
        "\n    pass",
        '\n    """Words: (x).\n\n    More, \'return\'."""\n\n    ...\n',
        "\n    'Words.'\n    # return x\n    raise NotImplementedError('later')\n\n\nf(3)",
        '\n    "Words."',
    ],
)
def test_a_stub_defines_nothing(body: str) -> None:
    assert not submission.defines(f"import math\ndef f(x, y: tuple = (1, 2)) -> dict[str, int]:{body}", "f")


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return x",
        "def f(x):\n    for k in x:\n        pass\n    else:\n        ...",
        "def f(x):\n    pass\n    return x",
        "def f(x):\n    x += 1\n    pass",
        "def f(x):\n    ...\n\ndef f(x):\n    return x",
        "f = torch.mean",
        "f: Callable = torch.mean",
        "if True:\n    def f(x):\n        return x",
        "def f(x",
    ],
)
def test_what_is_no_stub_is_an_answer(source: str) -> None:
    assert submission.defines(source, "f")


def test_a_try_of_a_function_is_no_answer() -> None:
    for source in ("f(2) == 4", "f == g", "f(x, T=4)", "# def f(x): return x", "ff = 3"):
        assert not submission.defines(source, "f")


def test_a_right_function_below_a_stub_is_graded_and_said_so(tmp_path: Path) -> None:
    own = MEAN.split("\n", 1)[1]
    path = notebook(tmp_path / "a.ipynb", [SETUP, DOUBLED, EMPTY.replace("...", "pass"), own])
    cells, remarks = submission.read(submission.content(path), FUNCTIONS)
    assert cells["ex-t-mean"] == [SETUP, own]
    assert remarks == ["ex-t-mean: its cell has no mean_of; cell 4, with mean_of, was graded."]


FLOODS = ["def f(" * 16_000, "def f" + "(" * 99_000, '"' * 99_999, ("'" * 3 + '"' * 3) * 16_000]
FLOODS += ["def f():" * 12_000]
FLOODS += ["def f():\n" * 11_000 + " x", "def f():" + " " * 99_000 + "x", "def f():" + "pass " * 19_000 + "x"]
RAISE = "raise NotImplementedError"
FLOODS += [f"def f():\n    {f'{RAISE} ' * 3_500}\n    return x", "def f():" + f"{RAISE}\n" * 3_800]
FLOODS += [" 'x' 'x'" * 12_000, "f\t" * 30_000, " " * 99_999, "\n " * 49_000, "def f()" + "()" * 49_000]


@pytest.mark.parametrize("flood", FLOODS, ids=range(len(FLOODS)))
def test_a_flood_takes_no_time_to_look_through(flood: str) -> None:
    start = time.monotonic()
    submission.defines(flood, "f")
    assert time.monotonic() - start < 2


def test_a_function_of_the_page_is_nobodys_answer(tmp_path: Path) -> None:
    own = "def doubled(x):\n    return 2 * x"
    path = notebook(tmp_path / "a.ipynb", [own, SETUP, MEAN])
    cells, _ = submission.read(submission.content(path), FUNCTIONS)
    assert cells == {"ex-t-mean": [SETUP, MEAN]}
    path = notebook(tmp_path / "a.ipynb", [SETUP, own, MEAN])
    assert submission.read(submission.content(path), FUNCTIONS)[0]["ex-t-doubled"] == [SETUP, own]


def test_magic_lines_do_not_stop_a_cell() -> None:
    here: dict[str, object] = {}
    failed: list[str] = []
    worker.run("if 1:\n    %time x\n!ls\ny = 2\nx?", here, failed, "")
    assert here["y"] == 2 and not failed


def test_python_that_looks_like_magic_is_left_alone() -> None:
    here: dict[str, int] = {}
    worker.run("x = (7\n     % 4)", here, [], "")
    assert here["x"] == 3


def answered(source: str, setup: str = SETUP) -> dict[str, object]:
    rounds = values.written([(2.0,), (3.0,)])
    return worker.answer({"sources": [setup, source], "function": "f", "learns": False, "rounds": rounds})


def numbers(source: str, setup: str = SETUP) -> list[object]:
    return [one["values"][0]["numbers"] for one in answered(source, setup)["rounds"]]


@pytest.mark.parametrize(
    "stray",
    [
        "print(f(test.labels))",
        "result = f(test.labels)\nprint(result)",
        "raise ValueError",
        "assert f(2) == 5",
        "for x in digits:\n    f(x)",
        "import math\nraise SystemExit",
        "result: float = f('a') / 2",
        "import seaborn as sns",
        "def show(z=logits):\n    return z",
        "class Show(Plot):\n    pass",
        "if True:\n    import seaborn\n    print(f(test.labels))",
        "for x in digits:\n    import seaborn",
    ],
)
def test_a_try_of_the_function_in_its_cell_costs_nothing(stray: str) -> None:
    cell = f"import math\nTWICE = 2\nTWICE += 0\n\ndef f(x):\n    return math.fabs(TWICE * x)\n\n{stray}"
    assert numbers(cell) == [[4.0], [6.0]] and numbers(f"{stray}\n{cell}") == [[4.0], [6.0]]


def test_what_is_missing_in_the_cell_is_said_so() -> None:
    for cell in ("def f(x):\n    return soften(x)", "def f(x: soften):\n    return x"):
        said = answered(cell)["error"]
        assert "NameError: name 'soften' is not defined. Only this cell and" in said and "define" in said
    assert "Only this cell" not in answered("def f(x):\n    return x / 0")["error"]


@pytest.mark.parametrize("setup", ["import seaborn as sns\nTWO = 2", "TWO = 2\nimport torch.nothing"])
def test_an_import_that_nobody_needs_costs_nothing_in_the_set_up_cell(setup: str) -> None:
    assert numbers("def f(x):\n    return TWO * x", f"{SETUP}\n{setup}") == [[4.0], [6.0]]


NEEDS = "def f(x):\n    return two * x"


@pytest.mark.parametrize(
    ("setup", "cell", "said"),
    [
        ("from nowhere import two", NEEDS, "(before that, in the set-up cell: ModuleNotFoundError: No mod"),
        ("x = (", NEEDS, "(before that, in the set-up cell: SyntaxError: '(' was never closed"),
        ("", f"from nowhere import two\n{NEEDS}", "(before that, in the exercise's cell: Mod"),
        ("", "def f(x):\n    return (x", "not run. (before that, in the exercise's cell: Syn"),
        ("", "a = b\ndef f(x):\n    return 1 / 0", "by zero (before that, in the exercise's cell: N"),
    ],
)
def test_a_message_says_in_which_cell_it_stopped_first(setup: str, cell: str, said: str) -> None:
    assert said in answered(cell, f"{SETUP}\n{setup}")["error"]


def test_a_lost_set_up_cell_costs_nothing() -> None:
    cell = "def f(x):\n    z = F.relu(nn.ReLU()(torch.tensor(2.0 * x)))\n    return np.sqrt(math.pow(z, 2))"
    assert numbers(cell, "") == [[4.0], [6.0]]
    assert numbers("math = 2\n\ndef f(x):\n    return math * x") == [[4.0], [6.0]]


@pytest.mark.parametrize(
    "cell",
    [
        f"try:\n    from nowhere import two\nexcept ImportError:\n    two = 2\n\n{NEEDS}",
        "if True:\n    def f(x):\n        return 2 * x",
        "with torch.no_grad():\n    def f(x):\n        return 2 * x",
    ],
)
def test_what_is_defined_within_a_try_an_if_or_a_with_is_there(cell: str) -> None:
    assert numbers(cell) == [[4.0], [6.0]]


@pytest.mark.parametrize("around", ["if True:", "with torch.no_grad():"])
def test_without_a_definition_in_it_it_is_not_run(around: str) -> None:
    assert numbers(f"{around}\n    raise SystemExit\ndef f(x):\n    return 2 * x") == [[4.0], [6.0]]


@pytest.mark.parametrize(
    "cell",
    [
        "TABLE = {}\nTABLE.update({2.0: 4})\n\ndef f(x):\n    return TABLE[x]",
        "for two in [2]: pass\n\ndef f(x):\n    return two * x",
        "exec('def f(x): return 2 * x')",
    ],
)
def test_lines_that_were_left_out_are_told_where_something_is_missing(cell: str) -> None:
    assert "Lines outside of definitions, imports and assignments are not run." in answered(cell)["error"]


def test_a_flood_of_set_up_takes_neither_time_nor_memory() -> None:
    cells = [{"cell_type": "code", "source": source} for source in (SETUP + " " * 200, DOUBLED)] * 40_000
    huge = {"cell_type": "code", "source": SETUP + "\n" * 9_000_000}
    start = time.monotonic()
    cells, _ = submission.read({"a": json.dumps({"cells": [huge, *cells]}).encode()}, FUNCTIONS)
    assert time.monotonic() - start < 5
    assert len("".join(cells["ex-t-doubled"])) < 1_000_000


def test_many_empty_lines_take_no_time() -> None:
    start = time.monotonic()
    with pytest.raises(SyntaxError):
        worker.parsed("\n" * 200_000 + "x x")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"cells": [1]}', b'{"cells": 3}', b"\xff" * 9])
def test_a_file_that_is_no_notebook_is_refused(content: bytes) -> None:
    cells, remarks = submission.read({"a.ipynb": content}, FUNCTIONS)
    assert not cells and remarks[0] == "a.ipynb: it is no notebook."


def test_values_go_through_json_and_come_back() -> None:
    import torch

    given = [
        torch.tensor([[1.5, float("nan")], [2.0, float("-inf")]], dtype=torch.float64),
        torch.arange(3),
        2,
        0.5,
    ]
    back = values.read(json.loads(json.dumps(values.written(given))))
    assert torch.equal(back[0].nan_to_num(7), given[0].nan_to_num(7)) and torch.equal(back[1], given[1])
    assert back[2:] == [2, 0.5] and back[1].dtype == torch.int64


@pytest.mark.parametrize(
    "value",
    [
        {"type": "float64", "shape": [2], "numbers": [1.0]},
        {"type": "object", "shape": [1], "numbers": [1.0]},
        {"type": "float64", "shape": "x", "numbers": [1.0]},
        {"type": "int64", "shape": [1], "numbers": [10**30]},
        {"type": "float64", "shape": [1], "numbers": ["1; import os"]},
        {"type": [], "shape": [1], "numbers": [1.0]},
        None,
        {},
    ],
)
def test_values_that_were_forged_badly_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no tensor"):
        values.read(value)
