"""A chapter with an evidence page keeps to its lesson: words, tables, Predict cards, and no prose by code."""

import re
from pathlib import Path

import notebooks
import pytest
from notebooks import BOOK
from prose import directives

WORDS, TABLES, INTERVALS, CARDS = 2600, 3, 8, 4
CHAPTERS = [BOOK / path.name for path in sorted((BOOK / "evidence").glob("*.ipynb"))]
EACH = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def lesson(path: Path) -> str:
    """The chapter's text up to its exercises, with what its cells print as prose."""
    texts = []
    for cell in notebooks.read(path).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## Exercises"):
            break
        outputs = (output.get("data", {}) for output in cell.get("outputs", []))
        texts += [cell.source] if cell.cell_type == "markdown" else []
        texts += ["".join(data.get("text/markdown", "")) for data in outputs]
    return "\n\n".join(texts)


@EACH
def test_a_chapter_is_no_longer_than_its_lesson(path: Path) -> None:
    text = lesson(path)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("|", "```", ":"))]
    assert 500 < len(" ".join(lines).split()) <= WORDS
    assert len(re.findall(r"^\s*\|(?:\s*:?-{3,}:?\s*\|)+\s*$", text, re.MULTILINE)) <= TABLES
    assert len(re.findall(r"\d \([−+]?\d[\d.,]* to [−+]?\d", text)) <= INTERVALS


@EACH
def test_a_chapter_asks_for_predictions_and_says_what_to_remember(path: Path) -> None:
    text = lesson(path)
    assert len([found for found in directives(text) if found.name == "predict"]) >= CARDS
    for part in ("The short answer", "kd-pitfall", "Three sentences to remember"):
        assert part in text, part
    assert f"](evidence/{path.name})" in text


@EACH
def test_no_code_of_a_chapter_or_its_evidence_is_hidden_for_good(path: Path) -> None:
    for page in (path, BOOK / "evidence" / path.name):
        tags = {tag for cell in notebooks.read(page).cells for tag in notebooks.tags(cell)}
        assert not tags & {"remove-input", "remove-cell"}, page


@EACH
def test_the_student_is_distilled_in_plain_pytorch(path: Path) -> None:
    """Chapters 3 to 7 show loss, step and loop with nothing of kdlib's training."""
    if not "03" <= path.stem[:2] <= "07":
        pytest.skip("its lesson is another one")
    shown = [cell for cell in notebooks.read(path).cells if "hide-input" not in notebooks.tags(cell)]
    source = "\n".join(cell.source for cell in shown if cell.cell_type == "code")
    for part in ("zero_grad()", ".backward()", "step()"):
        assert part in source, part
