"""A page of the site from its file, on a small phone without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def opened(browser: Any, path: Path, **options: Any) -> Any:
    """The page; `options` are Playwright's for a context: has_touch, java_script_enabled, color_scheme."""
    context = browser.new_context(viewport={"width": 390, "height": 664}, **options)
    context.set_offline(True)
    page = context.new_page()
    page.goto(path.as_uri())
    return page
