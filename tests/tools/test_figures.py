"""The figures as files for slides."""

import csv
import xml.etree.ElementTree as ET
from pathlib import Path

import figures
import notebooks
import pytest


@pytest.fixture(scope="module")
def found() -> list[figures.Figure]:
    return list(figures.figures())


def test_every_stored_drawing_of_the_book_is_among_them(found: list[figures.Figure]) -> None:
    cells = [cell for path in notebooks.of(notebooks.BOOK) for cell in notebooks.read(path).cells]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    drawn = [data["image/svg+xml"] for data in outputs if "image/svg+xml" in data]
    assert len(drawn) > 40
    assert set(drawn) <= {figure.drawing for figure in found} and len(found) == len(drawn) + 1


def test_each_has_a_name_of_its_own_a_number_and_words_without_markup(found: list[figures.Figure]) -> None:
    assert len({figure.file for figure in found}) == len(found)
    for figure in found:
        assert figure.number.startswith("Figure ") and figure.link.startswith("book/")
        assert min(len(figure.caption), len(figure.alt)) >= 20
        assert not [markup for markup in ("](", "{", "`", "\n") if markup in figure.caption]


@pytest.mark.parametrize(
    ("page", "name", "file"),
    [
        ("03_mnist", "fig-c3-when", "03_mnist-when"),
        ("06_privileged", "fig-when", "06_privileged-when"),
        ("evidence/03_mnist", "fig-c3-small", "03_mnist-evidence-small"),
        ("intro", "fig-distillation", "intro-distillation"),
    ],
)
def test_a_file_is_named_by_chapter_and_figure(page: str, name: str, file: str) -> None:
    assert figures.file_name(page, name) == file


def test_the_folder_holds_drawings_their_list_and_a_word_and_nothing_old(
    found: list[figures.Figure], tmp_path: Path
) -> None:
    folder = tmp_path / "figures"
    for some in (found[2:4], found[:2]):
        figures.write(some, folder)
    assert {file.name for file in folder.iterdir()} == {
        "figures.csv", "README.txt", *(f"{figure.file}.svg" for figure in found[:2]),
    }  # fmt: skip
    with (folder / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["caption"] for row in rows] == [figure.caption for figure in found[:2]]
    for figure in found[:2]:
        assert ET.parse(folder / f"{figure.file}.svg").getroot().tag.endswith("svg")


def test_without_a_browser_the_drawings_are_there_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "FOLDER", tmp_path / "figures")
    monkeypatch.setattr(figures, "figures", lambda: [figures.Figure("a", "", "", "", "", "", "<svg/>")])
    assert figures.main() == 0
    said = capsys.readouterr().out
    assert "1 figures" in said and "SVG alone" in said and "/nowhere/chrome" in said
    assert (tmp_path / "figures/a.svg").read_text() == "<svg/>"
