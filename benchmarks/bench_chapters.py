"""How long the cells of each page take at scale quick, on one thread, its exercises' solutions included.

The first two code cells, set-up and imports, are left out: the book promises 25 seconds apart from these.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book" / "_tools"))
from notebooks import ROOT, read
from run import execute  # not the one beside this file

TARGET, APART = 25.0, 2


def measure() -> list[dict[str, Any]]:
    """A figure a page."""
    promised = {"unit": "s", "target": TARGET, "better": "lower"}
    pages = sorted((ROOT / "book").glob("*.ipynb"))
    return [{"name": f"cells of {page.stem}", "value": seconds(page), **promised} for page in pages]


def seconds(page: Path) -> float:
    """Of all code cells but the first two, by the kernel's own clock."""
    notebook = read(page)
    execute(notebook, page.parent, record_timing=True)
    cells = [cell.metadata.execution for cell in notebook.cells if cell.cell_type == "code"]
    ends = [[when(cell[f"iopub.status.{state}"]) for state in ("busy", "idle")] for cell in cells[APART:]]
    return sum((idle - busy).total_seconds() for busy, idle in ends)


def when(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00"))
