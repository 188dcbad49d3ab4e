"""Where Chromium is and how it is started: the same for tests, benchmarks and figures."""

from __future__ import annotations

import os
import shutil
from typing import Any

# The headless shell is the same browser without a window of its own: it opens a page in half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program() -> str:
    """The browser that CHROMIUM names, or else the first on the PATH; FileNotFoundError if there is none."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        where = f"CHROMIUM is {named!r}, which is no program" if named else "no Chromium on the PATH"
        raise FileNotFoundError(f"{where}: install one, or set CHROMIUM to its path")
    return found


def launch(playwright: Any) -> Any:
    """That browser, started."""
    return playwright.chromium.launch(executable_path=program(), args=FLAGS)
