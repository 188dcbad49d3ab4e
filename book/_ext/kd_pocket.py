"""The site's service worker, `sw.js` at its root: the book without a network, once opened over http.

What it does stands in `book/assets/sw.js`. Here it learns which files this build consists of.
"""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

WORKER = Path(__file__).resolve().parents[1] / "assets" / "sw.js"
NOT_SHOWN = ("_sources/*", "*.ipynb", "*.zip", ".*", "objects.inv", "sw.js")


def shown_files(site: Path) -> list[tuple[str, bytes]]:
    """Path in the site and content of every file that pages show, in the order of the paths."""
    paths = {file.relative_to(site).as_posix(): file for file in site.rglob("*") if file.is_file()}
    kept = sorted(path for path in paths if not any(fnmatch(path, pattern) for pattern in NOT_SHOWN))
    return [(path, paths[path].read_bytes()) for path in kept]


def worker(site: Path) -> str:
    """The worker of this build. Another build, another worker: that is how browsers notice."""
    files = shown_files(site)
    checksums = [(path, hashlib.sha256(content).hexdigest()[:16]) for path, content in files]
    size = sum(len(content) for _, content in files)
    first = f"const FILES = new Map({json.dumps(checksums)});\nconst SIZE = {size};\n\n"
    return first + WORKER.read_text("utf-8")


def finish(app: Any, exception: Exception | None) -> None:
    """On `build-finished`, after all that changes a page."""
    if exception is None and app.builder.format == "html":
        site = Path(app.outdir)
        (site / "sw.js").write_text(worker(site), "utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
