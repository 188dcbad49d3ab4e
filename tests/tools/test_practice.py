"""What the pages for practitioners say in words, held against what their cells print."""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from statistics import mean

import notebooks
import pytest
from notebooks import BOOK

from kdlib.evaluation import statistics

PAGES = [BOOK / "distil_your_own.ipynb", BOOK / "recipes.ipynb"]
CONTROLS = ["smoothed", "same data", "same data, unlabelled", "answers only", "unlabelled"]
Errors = dict[str, dict[int, float]]


def printed(path: Path) -> str:
    outputs = (out for cell in notebooks.read(path).cells for out in cell.get("outputs", []))
    return "".join(out.get("text", "") for out in outputs)


@pytest.fixture(scope="module")
def said() -> str:
    return printed(PAGES[0])


@pytest.fixture(scope="module")
def errors(said: str) -> Errors:
    pairs = re.findall(r"seed (\d): alone (\d+), distilled (\d+)", said)
    rows = re.findall(rf"^({'|'.join(CONTROLS)}) +((?:\d+ ?)+)$", said, re.MULTILINE)
    found: Errors = {name: dict(enumerate(map(int, counts.split()))) for name, counts in rows}
    found["alone"] = {int(seed): int(count) for seed, count, _ in pairs}
    return found | {"distilled": {int(seed): int(count) for seed, _, count in pairs}}


def test_the_teacher_saves_about_half_with_each_seed(errors: Errors) -> None:
    assert len(errors["alone"]) == 5
    saved = [1 - errors["distilled"][seed] / alone for seed, alone in errors["alone"].items()]
    assert all(0.4 < share < 0.6 for share in saved)


def test_only_a_better_teacher_helps_and_unlabelled_images_save_more(errors: Errors, said: str) -> None:
    assert set(errors) == {*CONTROLS, "alone", "distilled"}
    gaps = {name: statistics.paired(errors[name], errors["alone"]) for name in errors}
    for weak in ("same data", "same data, unlabelled"):
        assert gaps[weak].low < 0 < gaps[weak].high
    assert gaps["smoothed"].low > 0 and gaps["distilled"].high < 0
    labels = statistics.paired(errors["answers only"], errors["distilled"])
    assert labels.low < 0 < labels.high and abs(labels.mean) < 5, "with the labels or without them"
    for arm in ("distilled", "answers only"):
        assert statistics.paired(errors["unlabelled"], errors[arm]).high < 0
    teacher, same_data, mixed_up = (int(count) for count in re.findall(r"(\d+) of 2,000", said))
    assert teacher < min(errors["distilled"].values()) and mixed_up > 1700, "classes in another order"
    assert same_data == pytest.approx(mean(errors["alone"].values()), rel=0.05)


def test_the_grid_scatters_as_seeds_do_and_falls_with_the_temperature(said: str) -> None:
    rows = re.findall(r"T = (\d+), alpha = ([\d.]+): (\d+) of 500", said)
    grid = {(int(T), float(alpha)): int(count) for T, alpha, count in rows}
    settings = list(grid.values())
    seeds = [int(count) for count in re.findall(r"five seeds of .*: ((?:\d+ ?)+)", said)[0].split()]
    assert len(settings) == 6 and len(seeds) == 5
    assert 2 / 3 < (max(settings) - min(settings)) / (max(seeds) - min(seeds)) < 3 / 2
    assert all(grid[2, alpha] > grid[4, alpha] > grid[8, alpha] for alpha in (0.5, 0.9))
    luck, lead = map(float, re.findall(r"luck alone ([\d.]+) .* leads by ([\d.]+)", said)[0])
    assert lead == pytest.approx(mean(settings) - min(settings), abs=0.06) and lead < 1.5 * luck


def test_the_square_of_the_temperature_keeps_the_pull(said: str) -> None:
    pulls = re.findall(r"with T\^2 ([\d.]+), without ([\d.]+)", said)
    kept, lost = ([float(pull) for pull in column] for column in zip(*pulls, strict=True))
    assert max(kept) < 3 * min(kept) and 80 < max(lost) / min(lost) < 150


def test_every_recipe_does_what_it_prints() -> None:
    said = printed(PAGES[1])
    assert said.count(": True\n") == 10 and "False" not in said
    pattern = r"(teacher: |student: |hint's loss ).*from ([\d.]+) to ([\d.]+)"
    falls = {what.strip(": "): (float(first), float(last)) for what, first, last in re.findall(pattern, said)}
    assert len(falls) == 3 and all(last < 0.8 * first for first, last in falls.values())
    assert falls["student"] > falls["teacher"], "one measure for both, and the teacher leads"
    wrong = [int(count) for count in re.findall(r"(\d+) of 500 wrong", said)]
    assert len(wrong) == 5 and max(wrong) < 250, "by chance 450 would be"
    assert int(re.findall(r"the epoch with (\d+) wrong", said)[0]) == min(wrong[:3])
    exact, floored, bare = map(float, re.findall(r"([\d.]+) from the teacher at T = 4", said))
    assert exact == 0 and 20 * floored < bare


@pytest.mark.parametrize("gone", [[], ["accelerate"], ["transformers", "accelerate"]])
def test_where_a_framework_is_missing_its_recipes_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, gone: list[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in gone else name)
    (cell,) = (cell for cell in notebooks.read(PAGES[1]).cells if "if missing:" in cell.source)
    with pytest.raises(ModuleNotFoundError) if gone else nullcontext() as caught:
        exec(cell.source, {})
    if gone:
        assert f"    %pip install {' '.join(gone)}\n" in str(caught.value)


def recipes() -> Iterator[str]:
    for cell in notebooks.read(PAGES[1]).cells:
        if cell.cell_type == "markdown":
            yield from re.findall(r"\(recipe-([\w-]+)\)=", cell.source)


def test_the_first_page_links_to_every_recipe() -> None:
    text = "\n".join(cell.source for cell in notebooks.read(PAGES[0]).cells if cell.cell_type == "markdown")
    assert len(set(recipes())) == 11
    assert not [name for name in recipes() if f"](#recipe-{name})" not in text]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_code_is_hidden_for_good_and_the_forty_lines_are_forty(path: Path) -> None:
    cells = notebooks.read(path).cells
    assert not {"remove-input", "remove-cell"} & {tag for cell in cells for tag in notebooks.tags(cell)}
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    shown = [source for source in code if re.search(r"def (soft_term|fit|errors)\(", source)]
    if path == PAGES[0]:
        lines = [line for source in shown for line in source.splitlines() if line.strip()]
        assert len(shown) == 3 and 35 <= len(lines) <= 42
        assert "kdlib" not in "".join(shown)
