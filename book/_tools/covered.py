"""Fails where tests and notebooks together leave too much of kdlib untried. Reads coverage's JSON report."""

import json
import sys
from pathlib import Path

LINES, BRANCHES = 95, 85  # per cent


def shortfalls(report: dict) -> list[str]:
    """What falls short, in words; nothing counts as all of nothing."""
    totals = report["totals"]
    figures = (
        ("lines", totals["covered_lines"], totals["num_statements"], LINES),
        ("branches", totals["covered_branches"], totals["num_branches"], BRANCHES),
    )
    return [
        f"coverage of kdlib: {100 * covered / count:.1f} % of {name}, wanted {least} %"
        for name, covered, count, least in figures
        if count and 100 * covered < least * count
    ]


if __name__ == "__main__":
    short = shortfalls(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    sys.exit("\n".join(short) or None)
