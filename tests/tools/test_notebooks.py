"""The book's own notebooks and pages, held to every rule of book/_tools/check.py."""

from pathlib import Path

import check
import pytest
from notebooks import BOOK, of

NOTEBOOKS = of(BOOK)
PAGES = sorted(BOOK.glob("*.md"))


def test_the_book_has_notebooks() -> None:
    assert NOTEBOOKS, "there is no notebook in book/, so that nothing below would be tested"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(BOOK).as_posix())
def test_notebook(path: Path) -> None:
    found = check.faults(path)
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page(path: Path) -> None:
    found = check.page_faults(path)
    assert not found, "\n".join(["", *found])
