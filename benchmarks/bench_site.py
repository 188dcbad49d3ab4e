"""The site's weight and the time to build it, when installed and in a fresh copy.

A page weighs what a browser loads to show it, each file compressed by gzip as web servers do.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
LOADED = re.compile(r'<(?:script|img|source|iframe)\b[^>]*?\ssrc="([^"]+)"|<link\b([^>]*)>')
MEGABYTE = 1e6


def loaded_files(page: Path) -> set[Path]:
    """The files of the site that `page` loads: scripts, styles, pictures, the fonts of icons and formulas."""
    files = set()
    for src, link in LOADED.findall(page.read_text("utf-8")):
        if link and not re.search(r'rel="(?:stylesheet|icon|preload)"', link):
            continue
        href = src or re.findall(r'href="([^"]+)"', link)[0]
        if not href.startswith(("data:", "http:", "https:")):
            files.add((page.parent / unquote(href.split("?")[0])).resolve())
    for style in [file for file in files if file.suffix == ".css"]:
        for font in re.findall(r"url\(\"?([^)\"]+\.woff2)\"?\)", style.read_text("utf-8")):
            if "fa-" not in font or "fa-solid" in font:  # other icons load only where a page shows such a one
                files.add((style.parent / font).resolve())
    return files


def compressed(files: set[Path]) -> int:
    """Bytes of `files`, each compressed on its own."""
    return sum(len(gzip.compress(file.read_bytes(), mtime=0)) for file in files)


def page_weights() -> list[dict[str, Any]]:
    """Compressed weight in MB of each page with something to touch, all that it loads at first included."""
    if not SITE.is_dir():
        raise FileNotFoundError(f"there is no site in {SITE}: run `make book` first")
    rows = []
    chapters = sorted(SITE.glob("book/[0-9][0-9]_*.html"))
    for page in [SITE / "book/intro.html", *chapters, SITE / "book/playground.html"]:
        files = {page.resolve()} | loaded_files(page)
        name = f"page weight, {page.stem}"
        rows.append({"name": name, "value": compressed(files) / MEGABYTE, "unit": "MB", "target": 1.0})
    return rows


def seconds_to_build(folder: Path) -> float:
    """Wall-clock seconds of `make book` in `folder`."""
    start = time.perf_counter()
    subprocess.run(["make", "--silent", "book"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def build_time_installed() -> dict[str, Any]:
    """Seconds of `make book` here, the site's tools being installed."""
    return {"name": "make book, installed", "value": seconds_to_build(ROOT), "unit": "s", "target": 60.0}


def build_time_fresh() -> dict[str, Any]:
    """Seconds of a first `make book` in a copy of the tracked and new files, the tools' download included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, Path(folder) / name)
        try:
            seconds = seconds_to_build(Path(folder))
        except subprocess.CalledProcessError:  # no network, say: the other figures are still worth having
            seconds = None
    return {"name": "make book, fresh", "value": seconds, "unit": "s", "target": 120.0}


def measure() -> list[dict[str, Any]]:
    """All figures of the site. The build comes first, so that the weights are those of the present book."""
    built = build_time_installed()
    figures = [built, build_time_fresh(), *page_weights()]
    return [{**figure, "better": "lower"} for figure in figures]
