"""Citations by author and year, in which a text without a date has no year: [labml.ai], not [labml.ai, n.d.].

Several in one bracket are parted by semicolons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pybtex.style.template import field, first_of, join, optional
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle
from sphinxcontrib.bibtex.style.referencing.basic_author_year import (
    BasicAuthorYearParentheticalReferenceStyle,
    BasicAuthorYearTextualReferenceStyle,
)
from sphinxcontrib.bibtex.style.template import reference

YEAR = optional[field("year")]


class Parenthetical(BasicAuthorYearParentheticalReferenceStyle):
    """{cite:p}: [Hinton et al., 2015]."""

    def inner(self, role_name: str) -> Any:
        who = self.person.author_or_editor_or_title(full="s" in role_name)
        return reference[join(sep=self.author_year_sep)[who, YEAR]]


class Textual(BasicAuthorYearTextualReferenceStyle):
    """{cite:t}: Hinton et al. [2015]."""

    def inner(self, role_name: str) -> Any:
        who = self.person.author_or_editor_or_title(full="s" in role_name)
        when = join[self.bracket.left, reference[field("year")], self.bracket.right]
        return first_of[optional[join(sep=self.text_reference_sep)[who, when]], reference[who]]


@dataclass
class Undated(AuthorYearReferenceStyle):
    """The usual style with these two in place of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for style in (Parenthetical(bracket=BracketStyle(sep="; ")), Textual()):
            self.role_style |= dict.fromkeys(style.role_names(), style)


def setup(app: Any) -> dict[str, bool]:
    register_plugin("sphinxcontrib.bibtex.style.referencing", "undated", Undated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
