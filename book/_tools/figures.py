"""`make figures`: every figure of the book as a file for slides, from stored outputs; nothing is executed.

SVG always; PNG, as wide as a projector, where Playwright and a Chromium are at hand (`make install`). The
figures are dark ink on white paper: the dark pages invert them when they are shown.
"""

import csv
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from labels import contents, page_file, sources, targets, texts
from notebooks import ROOT, read
from prose import directives
from to_markdown import Page

FOLDER = ROOT / "_build" / "figures"
WIDE = 1920  # pixels of a PNG: a projector's
README = """\
The figures of the book, one file each: SVG for slides that take it (PowerPoint, LibreOffice, Beamer
through Inkscape), PNG of {wide} pixels for the others (Google Slides, say). They were not drawn anew: these
are the pictures of the pages. Their number, chapter, place in the site, caption and text alternative stand
in figures.csv.

Figures are under CC BY 4.0: name the book, and link to the page. Photographs in them (MNIST, CIFAR-10, chest
X-rays) keep their own terms, which the file LICENSE of the book's repository tells.
"""


class Figure(NamedTuple):
    """A figure of a page, and what a reader is told of it."""

    file: str  # without ending
    number: str
    chapter: str
    link: str
    caption: str
    alt: str
    drawing: str


def file_name(page: str, name: str) -> str:
    """As 03_mnist-when for fig-c3-when of chapter 3, 03_mnist-evidence-small for one of its evidence."""
    folder, _, chapter = page.rpartition("/")
    return "-".join(filter(None, (chapter, folder, re.sub(r"^fig-(c\d+-)?", "", name))))


def figures(root: Path = ROOT) -> Iterator[Figure]:
    """All figures in the order of the contents."""
    known = targets(root)
    cited = sources(root / "book" / "refs.bib")
    for name, _ in contents(root):
        path, page = page_file(name, root), Page(name, root, known, cited)
        for label, caption, alt, drawing in [*written(path, root), *stored(path)]:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", page.plain(caption))
            link = f"book/{name}.html#{label}"
            told = known[label].words, known[name].words, link, " ".join(words.split()), alt
            yield Figure(file_name(name, label), *told, drawing)


def written(path: Path, root: Path) -> Iterator[tuple[str, str, str, str]]:
    """Label, caption, text alternative and SVG of each figure that a page's text brings as a file."""
    for found in (found for text in texts(path) for found in directives(text) if found.name == "figure"):
        if found.title.endswith(".svg"):
            drawing = (path.parent / found.title).read_text("utf-8")
            yield found.options["name"], found.body, found.options["alt"], drawing


def stored(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """The same of each figure that a notebook's cells have drawn."""
    for cell in read(path).cells if path.suffix == ".ipynb" else ():
        for output in cell.get("outputs", ()):
            if drawing := output.get("data", {}).get("image/svg+xml"):
                figure, image = cell.metadata["mystnb"]["figure"], cell.metadata["mystnb"]["image"]
                yield figure["name"], figure["caption"], image["alt"], drawing


def write(found: list[Figure], folder: Path) -> None:
    """The folder anew: a drawing each, their list, and a word on how to use them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for figure in found:
        (folder / f"{figure.file}.svg").write_text(figure.drawing, "utf-8", newline="\n")
    with (folder / "figures.csv").open("w", encoding="utf-8-sig", newline="") as file:  # Excel wants the mark
        table = csv.writer(file)
        table.writerow(Figure._fields[:-1])
        table.writerows(figure[:-1] for figure in found)
    (folder / "README.txt").write_text(README.format(wide=WIDE), "utf-8")


def draw(folder: Path) -> None:
    """A PNG beside every SVG, by Chromium. ImportError or FileNotFoundError where there is none."""
    from chromium import launch, program
    from playwright.sync_api import sync_playwright

    program()  # says what to do where there is none
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": WIDE, "height": 100})
        for drawing in sorted(folder.glob("*.svg")):
            image = f'<img src="{drawing.resolve().as_uri()}" style="display: block; width: {WIDE}px">'
            sheet = folder / "sheet.html"
            sheet.write_text(f'<body style="margin: 0">{image}', "utf-8")
            page.goto(sheet.resolve().as_uri())
            page.locator("img").screenshot(path=drawing.with_suffix(".png"))
            sheet.unlink()
        browser.close()


def main() -> int:
    found = list(figures())
    write(found, FOLDER)
    print(f"{len(found)} figures: {FOLDER.relative_to(ROOT)}, listed in figures.csv")
    try:
        draw(FOLDER)
    except (ImportError, FileNotFoundError) as error:
        print(f"SVG alone, no PNG ({error}). For PNG: make install, and a Chromium.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
