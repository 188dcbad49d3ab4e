"""Sphinx extension of this book: buttons that need an address, and a site that calls no other host.

Settings without logic stand in `_config.yml`; the looks stand in `book/assets/kd.css`.
"""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import shutil
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from kd_code import fit_code
from kd_math import plain
from kd_photos import lay_photographs

# What the theme brings and no page loads: source maps, a second format of the icon font, translations,
# and a script of 1.5 MB that draws the icons which the icon font draws already.
UNUSED = (
    "**/*.map",
    "**/*.LICENSE.txt",
    "**/*.ttf",
    "**/.gitignore",
    "*-macros.html",
    "scripts/fontawesome.js",
    "locales",
)

# The theme reads the reader's choice of light or dark early, but the system's preference late: pages flash.
THEME_EARLY = 'localStorage.getItem("theme") || "auto"'
THEME_EARLY_FIXED = (
    'localStorage.getItem("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")'
)

# One source: the sliders of kdlib, which Jupyter runs too. This file of theirs needs no torch.
SLIDERS = runpy.run_path(str(Path(__file__).resolve().parents[2] / "kdlib/sliders/scripts.py"))

MORE = "further pages of this chapter"

FRONT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={page}">
<link rel="icon" href="_static/favicon.svg">
<title>{title}</title>
</head>
<body><main><h1><a href="{page}">{title}</a></h1></main></body>
</html>
"""


def theme_options(url: str, title: str) -> dict[str, Any]:
    """Options of the theme. The buttons that need the repository's address exist only where there is one.

    `url` is `repository.url` of `_config.yml`. Colab opens notebooks of GitHub alone.
    """
    url = (url or "").strip().rstrip("/").removesuffix(".git")
    options: dict[str, Any] = {
        "logo": {"text": title, "alt_text": ""},
        "primary_sidebar_end": [],  # the theme's place for an advertisement
        "show_toc_level": 2,
        "pygments_dark_style": "github-dark",
        "repository_url": url,
        "use_repository_button": bool(url),
        "use_issues_button": bool(url),
        "launch_buttons": {},
    }
    if re.fullmatch(r"https://github\.com/[^/\s]+/[^/\s]+", url):
        options["launch_buttons"] = {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        }
    return options


def configure(app: Any, config: Any) -> None:
    """On `config-inited`: fill in the theme's options."""
    given = dict(config.html_theme_options)
    config.html_theme_options = given | theme_options(given.get("repository_url", ""), config.html_title)


def describe(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """On `html-page-context`: the first paragraph becomes the page's description for search engines."""
    if doctree is None:
        return
    for paragraph in doctree.findall(nodes.paragraph):
        texts = paragraph.findall(nodes.Text)
        words = "".join(plain(t.parent) if isinstance(t.parent, nodes.math) else t.astext() for t in texts)
        words = " ".join(words.split())[:200]
        tag = f'<meta name="description" content="{escape(words)}">'
        context["metatags"] = context.get("metatags", "") + tag
        return


def launch_plain(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """On `html-page-context`, after the theme: the rocket opens the plain notebook of the page."""
    plain = pagename.replace("book/", "notebooks/", 1)
    for group in context.get("header_buttons", ()):
        if group.get("label") == "launch-buttons":
            for button in group["buttons"]:
                button["url"] = button["url"].replace(f"/{pagename}.ipynb", f"/{plain}.ipynb")


def slider_scripts(kinds: Iterable[str]) -> list[str]:
    """The files for sliders of these kinds, each once: the kit, theirs, and what starts them."""
    return list(dict.fromkeys([*(part for kind in kinds for part in SLIDERS["parts"](kind)), "page"]))


def place_sliders(app: Any) -> None:
    """On `builder-inited`: the sliders into the site, before pages name them with a checksum.

    The weights of a model are a script too, of one long string: from `file://` a page can fetch nothing else.
    """
    static = Path(app.outdir) / "_static"
    shutil.copytree(SLIDERS["JS"], static / "sliders", dirs_exist_ok=True)
    (static / "models").mkdir(exist_ok=True)
    builds = {}
    for name in SLIDERS["MODELS"]:
        script = f'kd.stored.{name} = "{SLIDERS["weights"](name)}";\n'
        (static / "models" / f"{name}.js").write_text(script, "utf-8")
        builds[name] = f"?v={hashlib.sha256(script.encode()).hexdigest()[:8]}"
    with (static / "sliders" / "net.js").open("a", encoding="utf-8") as net:
        net.write(f"kd.builds = {json.dumps(builds)};\n")


def add_sliders(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """On `html-page-context`: a page that holds sliders loads what moves these, once."""
    if kinds := re.findall(r'data-slider="(\w+)"', context.get("body", "")):
        for name in slider_scripts(kinds):
            app.add_js_file(f"sliders/{name}.js", loading_method="defer")
        app.add_css_file("sliders/sliders.css")


def clean_page(page: str) -> str:
    """One HTML page, made lighter, valid and easier to read aloud. Cleaning twice changes nothing."""
    page = page.replace(THEME_EARLY, THEME_EARLY_FIXED)
    page = re.sub(r'\s*<script defer src="[^"]*/fontawesome\.js[^"]*"></script>', "", page)
    page = re.sub(r"\s*<!-- So that users can add custom icons -->", "", page)
    # The header of the theme below the theme: a second search field, and menu buttons that take the place of
    # the visible ones, as the script serves the first that it finds. The script measures it, so it stays.
    header = '<header id="pst-header" class="bd-header" hidden></header>'
    page = re.sub(r'<header id="pst-header".*?</header>', header, page, flags=re.DOTALL)
    # A second title and table of contents, for print alone: the page has one h1 and the contents once.
    page = re.sub(r'<div id="jb-print-docs-body".*?(?=<div id="searchbox">)', "", page, flags=re.DOTALL)
    # sphinx-exercise gives every exercise of a page the same id.
    page = re.sub(r'<section id="(exercise|solution)-content">', r'<section class="\1-content">', page)
    # Roles that docutils gives the references and that browsers may not combine; a landmark for the sidebar.
    page = page.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    page = page.replace(' role="doc-biblioentry"', "")
    sidebar = '<div id="pst-primary-sidebar" '
    page = re.sub(sidebar + "(?=class)", sidebar + 'role="complementary" aria-label="The book" ', page)
    # The arrow that unfolds a chapter's further pages has no words.
    toggle = '<span class="toctree-toggle"'
    page = page.replace(f"<summary>{toggle}", f'<summary aria-label="{MORE}">{toggle}')
    # What touches a formula, a comma or a bracket, stays on its line.
    formula = r'<span class="math [^>]*><math>(?:(?!</math>).)*</math></span>'
    kept = '<span class="kd-keep">'
    page = re.sub(rf"(?<!{kept})(?<!{kept}\()(\(?{formula}[^\s<]+|\({formula})", rf"{kept}\1</span>", page)
    page = re.sub(r"<p\b.*?</p>", keep_equations, page, flags=re.DOTALL)
    # Nor does one begin with the per cent of a number that is a link.
    page = page.replace("</a> %", "</a>\u00a0%")
    # An interval in a table is one thing: it breaks as a whole, and is set below its number on a phone.
    page = re.sub(r"<td\b.*?</td>", keep_intervals, page, flags=re.DOTALL)
    # Notebooks are saved rather than shown as text.
    page = re.sub(r'<a href="([^"]*_sources/[^"]*)" target="_blank"', r'<a href="\1" download', page)
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1'
    first, *rest = re.split(rf'{viewport}[.0]*"\s*/?>', page)
    return page if len(rest) < 2 else f'{first}{viewport}" />{"".join(rest)}'


def keep_equations(paragraph: re.Match[str]) -> str:
    """A paragraph in which no line ends inside of "T = 4"; code stays as it is, since it is copied."""
    parts = re.split(r"(<code\b.*?</code>)", paragraph[0], flags=re.DOTALL)
    parts[::2] = [re.sub(r"\b(T|alpha) = (?=\d)", "\\1\u00a0=\u00a0", part) for part in parts[::2]]
    return "".join(parts)


def keep_intervals(cell: re.Match[str]) -> str:
    """A table cell with every "(54.7 to 56.1)" in it marked, for the styles to keep together."""
    opened = '<span class="kd-interval">'
    return re.sub(rf"(?<!{opened})(\([^\s()<>]+ to [^\s()<>]+\))", rf"{opened}\1</span>", cell[0])


def finish(app: Any, exception: Exception | None) -> None:
    """On `build-finished`: plain notebooks into the site, unused files out, pages cleaned, a front door."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    for pattern in UNUSED:
        for path in list(static.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for file in site.rglob("*.html"):
        page = fit_code(clean_page(file.read_text("utf-8")))
        file.write_text(lay_photographs(page, file.parent), "utf-8")
    # The download button hands out the notebook that Jupyter, VS Code and Colab show well.
    sources = site / "_sources" / "book"
    for offered in sources.rglob("*.ipynb"):
        notebook = Path(app.srcdir) / "notebooks" / offered.relative_to(sources)
        if notebook.is_file():  # a test says which are missing
            shutil.copyfile(notebook, offered)
    front = FRONT.format(page=f"{app.config.root_doc}.html", title=escape(app.config.html_title))
    (site / "index.html").write_text(front, "utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("config-inited", configure)
    app.connect("html-page-context", describe)
    app.connect("builder-inited", place_sliders)
    app.connect("html-page-context", add_sliders)
    app.connect("html-page-context", launch_plain, priority=600)  # the theme's own come at 501
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
