"""What tables say of the records: means, differences within each seed, and their wording. Chapter 03.

`values` is {arm: {seed: number}}, as `ledger.by_arm` gives it. An arm without a record reads "not run".
"""

import os
from collections.abc import Iterable, Mapping, Sequence

from kdlib.evaluation import statistics
from kdlib.evaluation.statistics import ENOUGH, Interval
from kdlib.numbers import fixed, signed

Values = Mapping[str, Mapping[int, float]]


def mean(values: Values, arm: str) -> Interval | None:
    """The mean of an arm over its seeds, with its interval; None where it was not run. Chapter 03."""
    return statistics.interval(list(values[arm].values())) if values.get(arm) else None


def difference(values: Values, first: str, second: str) -> Interval | None:
    """The mean of first - second within each seed that both have; None where there is none. Chapter 03."""
    if not values.get(first, {}).keys() & values.get(second, {}).keys():
        return None
    return statistics.paired(dict(values[first]), dict(values[second]))


def format_interval(found: Interval | None, digits: int = 0, *, sign: bool = False) -> str:
    """An interval in words: "12 (10 to 14)", "12 (one seed)", "12 (two seeds)" or "not run". Chapter 03.

    Two seeds have an interval too, but nobody should lean on it: it is wide by a factor of thirteen, and of
    no width where they happen to agree.

    Args:
        found: of `mean` or `difference`.
        digits: decimals.
        sign: whether positive numbers have one too, as differences should.
    """
    if found is None:
        return "not run"
    number = signed if sign else _plain
    if found.seeds < ENOUGH:
        return f"{number(found.mean, digits)} ({'one seed' if found.seeds == 1 else 'two seeds'})"
    return f"{number(found.mean, digits)} ({number(found.low, digits)} to {number(found.high, digits)})"


def format_mean(values: Values, arm: str, digits: int = 1) -> str:
    """The mean of an arm in words, with its interval. Chapter 05."""
    return format_interval(mean(values, arm), digits)


def format_difference(values: Values, first: str, second: str, digits: int = 1) -> str:
    """The difference first - second in words, with a sign and its interval. Chapter 05."""
    return format_interval(difference(values, first, second), digits, sign=True)


def compare_published(values: Values, arm: str, published: float, digits: int = 0) -> str:
    """Whether a figure from one run lies where one more run of an arm would: "inside 62 to 77". Chapter 03.

    The range has so many digits behind the point. "not known" below two seeds: one says nothing of how far
    runs lie apart.
    """
    if len(values.get(arm, {})) < 2:
        return "not known"
    found = statistics.prediction_interval(list(values[arm].values()))
    where = "inside" if found.low <= published <= found.high else "outside"
    return f"{where} {_plain(found.low, digits)} to {_plain(found.high, digits)}"


def compared(values: Values, first: str, second: str, digits: int = 1) -> str:
    """The difference of two arms' errors in words: "−7.2 (−9.0 to −5.4), fewer". Chapter 03.

    "fewer" and "more" say that the interval excludes zero; otherwise no difference was detected.
    """
    found = difference(values, first, second)
    if found is None or found.seeds < ENOUGH:
        return format_interval(found, digits, sign=True)
    verdict = "fewer" if found.high < 0 else "more" if found.low > 0 else "no difference detected"
    return f"{format_interval(found, digits, sign=True)}, {verdict}"


def seeds(values: Values, *arms: str) -> str:
    """How many seeds the arms have: "5 seeds", or "2 to 5 seeds" where they differ. Chapter 03."""
    counts = sorted({len(values.get(arm, {})) for arm in arms})
    if not counts or counts == [0]:
        return "not run"
    if len(counts) > 1:
        return f"{counts[0]} to {counts[-1]} seeds"
    return "1 seed" if counts == [1] else f"{counts[0]} seeds"


def _plain(x: float, digits: int) -> str:
    return fixed(x, digits).replace("-", "\N{MINUS SIGN}")


def _for_the_book() -> bool:
    """Whether the book's builder reads what is printed, as `make run` says; else a notebook shows it."""
    return "KDLIB_BOOK" in os.environ


def proof(name: str, text: str) -> str:
    """`text` with its first number as the one that a chapter cites by that name. Evidence pages.

    For the book proof("c4-gain", "+1.6 (+0.9 to +2.3)") is "[+1.6]{#c4-gain} (+0.9 to +2.3)"; in a notebook
    that is run elsewhere it is the text.
    """
    if not _for_the_book():
        return text
    number, gap, rest = text.partition(" (")
    return f"[{number}]{{#{name}}}{gap}{rest}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, name: str = "") -> str:
    """A table in Markdown with a caption and a number. Evidence pages.

    Args:
        head: the columns' titles.
        rows: their cells, Markdown too.
        caption: what the table shows, with its units.
        name: its label in the book, for example "tab-leak".
    """
    lines = [head, ["---"] * len(head), *rows]
    body = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    if not _for_the_book():
        return f"**Table.** {caption}\n\n{body}"
    label = f":name: {name}\n" if name else ""
    return f":::{{table}} {caption}\n{label}\n{body}\n:::"
