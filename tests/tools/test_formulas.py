"""Formulas as MathML: true to a second converter, and nothing shown wrongly in silence."""

from __future__ import annotations

import logging

import formulas
import kd_math
import pytest
from cells import code, display, notebook, prose
from docutils import nodes
from nbformat import writes

COMPARE = """formulas that are new or read otherwise: `python book/_tools/compare_formulas.py` (with npm and a
network) compares them with Temml and writes tests/tools/formulas.txt, to be committed"""


def test_every_formula_reads_as_when_it_was_compared_with_temml() -> None:
    book, checked = formulas.of_the_book(), formulas.stored()
    made = {tex: formulas.as_text(kd_math.mathml(tex, shown)) for tex, shown in book}
    other = {tex: text for tex, text in made.items() if checked.get(tex) != text}
    assert made
    assert not other, "\n".join([COMPARE, *other])


# ---- the text by which converters are compared ----

WRITTEN = {
    "T^2": "T^2",
    "p_i": "p_i",
    r"\frac{a + b}{c}": "{a+b}/c",
    r"z'_t": "z_t^′",
    r"\sqrt{n + 1}": "√{n+1}",
    r"\sum_{i=1}^n e^{z_i/T}": "∑_{i=1}^ne^{z_i/T}",
    r"\bar z \le 80\,\%": "z^¯≤80%",
    r"\begin{aligned} a &= b \\ &< c \end{aligned}": "a=b;<c",
    r"\mathrm{KL}(p \,\Vert\, q)": "KL(p‖q)",
}


@pytest.mark.parametrize("tex", WRITTEN)
def test_the_text_of_a_formula(tex: str) -> None:
    assert formulas.as_text(kd_math.mathml(tex, True)) == WRITTEN[tex]


PLACES = """
# Why $a$

| head $b$ |
|---|
| cell $c$ |

:::{admonition} Title with $d$
:class: note
- Text with $e$, and `code with $x$`
:::

````{exercise}
:label: ex
$$
f
  = g
$$ (eq-f)

```{math}
:label: eq-g
h
```
````

```python
price = "$x$"
```
"""


def test_formulas_are_found_wherever_they_stand(tmp_path, monkeypatch) -> None:
    printed = display({"text/markdown": "A cell prints $i$ and $95\\,\\%$."})
    figure = {"figure": {"caption": "At $j$"}}
    cell = code("draw()", outputs=(printed,), mystnb=figure)
    (tmp_path / "chapter.ipynb").write_text(writes(notebook(prose("Chapter $k$"), cell)), "utf-8")
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "page.md").write_text(PLACES, "utf-8")
    monkeypatch.setattr(formulas, "BOOK", tmp_path)
    found = dict(formulas.of_the_book())
    assert {tex for tex, shown in found.items() if shown} == {"f = g", "h"}
    assert {tex for tex, shown in found.items() if not shown} == set("abcdeijk")


# ---- what may not pass ----


@pytest.mark.parametrize(
    "tex",
    [
        r"\unknown",
        r"\frac{1}",
        "a & b",
        r"a \\ b",
        r"\begin{aligned} a &= b \\[1ex] &= c \end{aligned}",
        r"\begin{align} a &= b \end{align}",
        r"\bigl( a \bigr)^2",
        r"\Big]_0",
        r"\big\lVert a \big\rVert",
        r"\left\| a \right\|",
    ],
)
def test_a_formula_that_would_be_shown_wrongly_is_named(tex: str, caplog, monkeypatch) -> None:
    with pytest.raises(ValueError):
        kd_math.mathml(tex, True)
    monkeypatch.setattr(logging.getLogger("sphinx"), "propagate", True)
    with caplog.at_level(logging.WARNING):
        page = kd_math.shown(nodes.math_block(text=tex))
    assert " ".join(tex.split()) in caplog.text
    assert page.startswith("<code>") and "<math" not in page


LIKE_IT = [r"\bigl( a^2 \bigr)", r"\left( a \right)^2", r"\lVert a \rVert^2", r"\bigoplus_i"]


@pytest.mark.parametrize("tex", LIKE_IT)
def test_what_looks_like_it_passes(tex: str) -> None:
    assert "<math" in kd_math.mathml(tex, True)


def test_a_sign_between_the_lines_of_a_display_has_space_on_both_sides() -> None:
    rows = r"\begin{aligned} L = {} & a \\ & + b \\ & {} - c \end{aligned}"
    assert kd_math.mathml(rows, True).count('<mo form="infix">') == 2
    assert "infix" not in kd_math.mathml("-1 + x", True)


@pytest.mark.parametrize("tex, words", [("T^2", "T^2"), (r"80\,\%", "80%"), (r"\alpha < 1", "α<1")])
def test_a_formula_where_no_markup_can_stand(tex: str, words: str) -> None:
    assert kd_math.plain(nodes.math(text=tex)) == words
