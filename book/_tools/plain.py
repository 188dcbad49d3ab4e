"""`make notebooks`: writes notebooks/, the book's pages for Jupyter, VS Code and Colab, which know no MyST.

Text becomes plain Markdown; code cells and their outputs stay. What a page folds is folded in JupyterLab and
Colab; of a solution the code with its outputs, and the text in <details>.
"""

import re
import sys
from html import escape
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import notebooks
import yaml
from labels import contents, page_file, sources, targets
from nbformat import NotebookNode, v4
from notebooks import ROOT, read, tags
from to_markdown import Page, details, titled

FOLDED = {"hide-cell", "hide-input", "remove-cell", "remove-input"}
FORM = {"cellView": "form", "jupyter": {"source_hidden": True}}  # folded in Colab, in JupyterLab


def plain(root: Path = ROOT) -> dict[Path, NotebookNode]:
    """Every plain notebook by its place. ValueError names page and cell of what has no plain form."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    site = (config.get("html", {}).get("baseurl") or "").rstrip("/")
    known = targets(root), sources(root / "book" / "refs.bib"), site
    names = [name for name, _ in contents(root) if page_file(name, root).suffix == ".ipynb"]
    return {root / "notebooks" / f"{name}.ipynb": converted(Page(name, root, *known)) for name in names}


def converted(page: Page) -> NotebookNode:
    """The plain notebook of a page."""
    nb = read(page_file(page.name, page.root))
    nb.metadata.pop("kdlib", None)
    for number, cell in enumerate(nb.cells):
        try:
            convert_code(page, cell) if cell.cell_type == "code" else convert_text(page, cell)
        except ValueError as error:
            raise ValueError(f"book/{page.name}.ipynb, cell {number}: {error}") from error
    nb.cells = [cell for cell in nb.cells if cell.source]
    return nb


def convert_text(page: Page, cell: NotebookNode) -> None:
    """Markdown for MyST, in place; what belongs to a solution is folded."""
    shown = []
    for solution, pieces in groupby(page.pieces(cell.source), key=itemgetter(0)):
        text = "\n\n".join(piece for _, piece in pieces)
        shown.append(details(solution, text) if solution else text)
    cell.source = "\n\n".join(shown)


def convert_code(page: Page, cell: NotebookNode) -> None:
    """Folded where the page folds it, with plain outputs and the caption below its figure, in place."""
    figure = cell.metadata.pop("mystnb", {}).get("figure")
    if page.solution or FOLDED & {*tags(cell)}:
        cell.metadata |= FORM
    if page.solution:
        cell.source = f'# @title {page.solution}, code {{display-mode: "form"}}\n{cell.source}'
        cell.metadata |= {"collapsed": True, "jupyter": {"source_hidden": True, "outputs_hidden": True}}
    for output in (output for output in cell.outputs if "data" in output):
        show_safely(page, output)
    if figure:
        caption = titled(page.target(figure["name"]).words, page.inline(figure["caption"]))
        shown = [output.get("data", {}).get("text/html", "") for output in cell.outputs]
        at = next((number for number, html in enumerate(shown, 1) if html.startswith("<img")), len(shown))
        cell.outputs.insert(at, v4.new_output("display_data", {"text/markdown": caption}))


def show_safely(page: Page, output: NotebookNode) -> None:
    """Plain Markdown, no script, drawings as images: an untrusted notebook shows no others in JupyterLab."""
    data = output.data
    if "text/markdown" in data:
        data["text/markdown"] = page.plain(data["text/markdown"])
    if "text/html" in data:  # a slider's data serve the site alone
        html = re.sub("<script.*?</script>", "", data["text/html"], flags=re.DOTALL)
        data["text/html"] = re.sub(r'<a href="\w+\.html\?[^"]*">(.*?)</a>', r"\1", html)  # a setting, by link
    if drawing := data.pop("image/svg+xml", ""):
        said = escape(output.metadata.pop("image/svg+xml", {}).get("alt", ""))
        # Near to the text of the page's own drawing, which git packs together.
        for sign, code in (("%", "%25"), ("#", "%23"), ("'", "%27"), ("\n", "%0A\n"), ("&", "&amp;")):
            drawing = drawing.replace(sign, code)
        data["text/html"] = f"<img alt=\"{said}\" src='data:image/svg+xml;charset=utf-8,{drawing}'>"


def lagging(root: Path = ROOT) -> list[str]:
    """The notebooks that are missing, old, or left of a page that is gone."""
    return notebooks.lagging(plain(root), root / "notebooks")


def main(root: Path = ROOT) -> int:
    try:
        notebooks.renew(plain(root), root / "notebooks")
    except ValueError as error:
        print(f"Plain notebooks left as they were: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
