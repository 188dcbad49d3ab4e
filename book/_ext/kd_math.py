"""Sphinx extension: formulas become MathML when the site is built, so that no phone runs a script for them.

math-core writes MathML Core, which browsers draw by themselves. Brackets stretch only with a font made for
it, `book/assets/stix-two-math.woff2`, which `book/_tools/make_math_font.py` makes.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

CONVERTER = LatexToMathML(fancy_error=False)
CLASSES = "math notranslate nohighlight"  # as Sphinx names them
BIG = r"\\[bB]igg?[lrm]?\s*"
logger = logging.getLogger(__name__)

# What would be shown wrongly and without a word, and what to write instead.
FAULTS = {
    r"\\\\\s*\[": r"the length of \\[1ex] shows as text: write \\",
    r"^(?!.*\\begin).*\\\\": r"\\ breaks no line outside of an environment: use aligned",
    r"\\begin\{(?:align|equation|gather|multline)\b": "it numbers itself: use aligned, and a label",
    rf"{BIG}(?:\\[a-zA-Z]+|\\?\S)\s*[\^_]": r"a \big bracket with an index stays small: use \left and \right",
    rf"(?:{BIG}|\\left|\\right)\s*\\(?:[lr]?Vert|\|)": r"a stretched \Vert is too long: use \lVert, \rVert",
}


def mathml(tex: str, display: bool) -> str:
    """The formula `tex` as a `<math>` element; ValueError with the reason where it cannot be one."""
    name = f"the formula {' '.join(tex.split())}"
    for pattern, reason in FAULTS.items():
        if re.search(pattern, tex, re.DOTALL):
            raise ValueError(f"{name}: {reason}")
    try:
        made = str(CONVERTER.convert_with_local_state(tex, displaystyle=display))
    except LatexError as error:
        raise ValueError(f"{name}: {error}") from error
    # A sign that begins an aligned cell or follows {} stands between two terms: space on both sides.
    return re.sub(r'(padding-left: 0;">|<mrow></mrow>)<mo>(?=[+−±]<)', r'\1<mo form="infix">', made)


def plain(node: nodes.math) -> str:
    """A formula where no markup can stand: its TeX where that reads well, as T^2 does, else its letters."""
    tex = node.astext()
    return tex if "\\" not in tex else unescape(re.sub(r"<[^>]*>", "", shown(node)))


def shown(node: nodes.Element) -> str:
    """The formula of a node; where it has a fault, its source and a warning, which fails `make book`."""
    tex = node.astext()
    try:
        return mathml(tex, isinstance(node, nodes.math_block))
    except ValueError as error:
        logger.warning("%s", error, location=node)
        return f"<code>{escape(tex)}</code>"


def inline(self: Any, node: nodes.math) -> None:
    """An inline formula into the page."""
    self.body.append(self.starttag(node, "span", "", CLASS=CLASSES) + shown(node) + "</span>")
    raise nodes.SkipNode


def display(self: Any, node: nodes.math_block) -> None:
    """A displayed formula into the page, with its number where it has a label."""
    self.body.append(self.starttag(node, "div", "", CLASS=CLASSES))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(shown(node) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
