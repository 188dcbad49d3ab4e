"""Numbers in prose that link to their proof: copied from the evidence pages, and held to them."""

from pathlib import Path

import notebooks
import proofs
import pytest
from cells import code, display, notebook, prose
from prose import typed_numbers

from kdlib import results

TABLE = "| teacher | [+1.6]{#c4-gain} (+0.9 to +2.3) |\n| rate | [87.0]{#c4-rate} |"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "evidence").mkdir()
    shown = code("table()", outputs=(display({"text/markdown": TABLE}),))
    notebooks.write(notebook(shown), tmp_path / "evidence" / "04_x.ipynb")
    notebooks.write(notebook(prose("A gain of [+9.9](#c4-gain) points.")), tmp_path / "04_x.ipynb")
    (tmp_path / "intro.md").write_text("It gets [?](#c4-rate) %, see [chapter 4](04_x.ipynb).\n", "utf-8")
    return tmp_path


def test_numbers_are_copied_from_the_evidence_and_then_stay(book: Path) -> None:
    assert proofs.proofs(book) == {"c4-gain": "+1.6", "c4-rate": "87.0"}
    assert [path.name for path in proofs.copy(book)] == ["intro.md", "04_x.ipynb"]
    assert (book / "intro.md").read_text(
        "utf-8"
    ) == "It gets [87.0](#c4-rate) %, see [chapter 4](04_x.ipynb).\n"
    assert notebooks.read(book / "04_x.ipynb").cells[0].source == "A gain of [+1.6](#c4-gain) points."
    assert proofs.copy(book) == []


def test_a_number_that_lags_or_has_no_proof_is_a_fault(book: Path) -> None:
    known = proofs.proofs(book)
    assert proofs.unproved("[+1.6](#c4-gain), [87.0](#c4-rate) and [a place](#crossing)", known) == []
    (lag,) = proofs.unproved("[+1.5](#c4-gain)", known)
    assert "c4-gain is +1.6 on its evidence page and +1.5 here: make run" in lag
    (lost,) = proofs.unproved("[+1.5](#c4-loss)", known)
    assert "no evidence page prints a number with the id c4-loss" in lost
    assert proofs.copied("[+1.5](#c4-loss)", known) == "[+1.5](#c4-loss)"


def test_a_number_whose_direction_is_told_in_words_stands_without_its_sign() -> None:
    sentence = 'It makes [?](#c4-gain "{}") more.'
    up, down = sentence.format("+"), sentence.format("−")
    assert proofs.copied(up, {"c4-gain": "+1.6"}) == up.replace("?", "1.6")
    assert proofs.unproved(up.replace("?", "1.6"), {"c4-gain": "+1.6"}) == []
    (lag,) = proofs.unproved(up.replace("?", "1.5"), {"c4-gain": "+1.6"})
    assert "make run" in lag
    (turned,) = proofs.unproved(proofs.copied(down, {"c4-gain": "+1.6"}), {"c4-gain": "+1.6"})
    assert "c4-gain is +1.6 on its evidence page: the sentence was written for a −" in turned


def test_one_id_stands_at_one_number(book: Path) -> None:
    shown = code("x", outputs=(display({"text/markdown": "[2]{#c4-gain}"}),))
    notebooks.write(notebook(shown), book / "evidence" / "05_y.ipynb")
    with pytest.raises(ValueError, match="at two numbers: c4-gain"):
        proofs.proofs(book)


def test_a_linked_number_is_not_taken_for_a_typed_one() -> None:
    assert typed_numbers("from [75.0](#c5-half) to [87.0](#c5-best) %") == []
    assert len(typed_numbers("from 75.0 to [87.0](04_x.ipynb)")) == 2


def test_what_an_evidence_page_prints_is_plain_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDLIB_BOOK", raising=False)
    text = results.proof("c4-gain", "+1.6 (+0.9 to +2.3)")
    assert text == "+1.6 (+0.9 to +2.3)"
    table = results.table(["a", "b"], [["teacher", text]], caption="Points.", name="tab-x")
    assert table == "**Table.** Points.\n\n| a | b |\n| --- | --- |\n| teacher | +1.6 (+0.9 to +2.3) |"


def test_what_an_evidence_page_prints_can_be_cited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KDLIB_BOOK", "1")
    text = results.proof("c4-gain", "+1.6 (+0.9 to +2.3)")
    assert text == "[+1.6]{#c4-gain} (+0.9 to +2.3)" and results.proof("c4-n", "7") == "[7]{#c4-n}"
    table = results.table(["a", "b"], [["teacher", text]], caption="Points.", name="tab-x")
    assert table == (
        ":::{table} Points.\n:name: tab-x\n\n| a | b |\n| --- | --- |\n"
        "| teacher | [+1.6]{#c4-gain} (+0.9 to +2.3) |\n:::"
    )
    assert proofs.PROOF.findall(table) == [("+1.6", "c4-gain")]
