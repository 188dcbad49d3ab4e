"""The site's settings and extension, without a browser: one small book built from the real configuration."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kd_site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kd_site", ROOT / "book" / "_ext" / "kd_site.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- buttons that need an address ----


@pytest.mark.parametrize("url", ["", "  ", None])
def test_without_an_address_no_button_needs_one(kd_site, url):
    options = kd_site.theme_options(url, "Book")
    assert options["repository_url"] == "" and options["launch_buttons"] == {}
    assert not options["use_issues_button"] and not options["use_repository_button"]


@pytest.mark.parametrize("url", ["https://github.com/o/r", "https://github.com/o/r/", "https://github.com/o/r.git"])
def test_with_a_github_address_colab_binder_and_feedback_are_offered(kd_site, url):
    options = kd_site.theme_options(url, "Book")
    assert options["repository_url"] == "https://github.com/o/r"
    assert {"colab_url", "binderhub_url"} <= options["launch_buttons"].keys()
    assert options["use_issues_button"] and options["use_repository_button"]


def test_colab_is_not_offered_for_an_address_that_it_cannot_open(kd_site):
    assert kd_site.theme_options("https://gitlab.com/o/r", "Book")["launch_buttons"] == {}


# ---- one small book, built as the real one is ----

PAGE = """# A page with formulas

The first paragraph with $x^2$ describes "the page".

```{exercise}
:label: ex-a
Why?
```

```{solution} ex-a
:class: dropdown
Because.
```

```{exercise}
:label: ex-b
Why not?
```
"""

PLAIN = "# A page without formulas\n\nOnly words, and {cite:p}`hinton2015`.\n"


def notebook() -> str:
    """A notebook whose one output is a widget with an HTML representation, as kdlib's sliders have."""
    slider = '<div class="kd-slider" data-slider="loss"><table><caption>still here</caption></table></div>'
    shown = {WIDGET: {"model_id": "a"}, "text/html": slider, "text/plain": "W"}
    cell = {
        "cell_type": "code",
        "id": "b",
        "metadata": {},
        "execution_count": 1,
        "source": "slider",
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": shown}],
    }
    title = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A chapter"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"a": {"state": {}}}, "version_major": 2}}
    meta = {"kernelspec": kernel, "language_info": {"name": "python"}, "widgets": state}
    return json.dumps({"cells": [title, cell], "metadata": meta, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The HTML of three pages, in a folder with a space, with an address, beside files that are no pages."""
    root = tmp_path_factory.mktemp("site") / "a clone"
    book = root / "book"
    book.mkdir(parents=True)
    for part in ("_ext", "assets"):
        shutil.copytree(ROOT / "book" / part, book / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "kdlib/sliders/js", root / "kdlib/sliders/js")
    shutil.copy(ROOT / "book" / "refs.bib", book)
    shutil.copy(ROOT / "book" / "references.md", book)
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    config["repository"]["url"] = "https://github.com/someone/fork"
    (root / "_config.yml").write_text(yaml.safe_dump(config), "utf-8")
    chapters = [{"file": f"book/{page}"} for page in ("plain", "01_chapter", "references")]
    toc = {"format": "jb-book", "root": "book/intro", "chapters": chapters}
    (root / "_toc.yml").write_text(yaml.safe_dump(toc), "utf-8")
    (book / "intro.md").write_text(PAGE, "utf-8")
    (book / "plain.md").write_text(PLAIN, "utf-8")
    (book / "01_chapter.ipynb").write_text(notebook(), "utf-8")
    for stray in ("book/.pytest_cache/README.md", ".venv/lib/pkg/doc.md", "tests/notes.md", "README.md"):
        (root / stray).parent.mkdir(parents=True, exist_ok=True)
        (root / stray).write_text("# Not a page\n\n{doc}`nowhere`\n", "utf-8")
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    done = subprocess.run(
        [*command, "build", ".", "-n", "-W", "--keep-going", "-q"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_build" / "html"


def test_only_the_pages_of_the_table_of_contents_are_built(site):
    built = {file.relative_to(site).as_posix() for file in site.rglob("*.html")}
    pages = {f"book/{name}.html" for name in ("intro", "plain", "01_chapter", "references")}
    assert built == pages | {"index.html", "search.html"}


def test_colab_opens_the_committed_notebook(site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    assert "https://colab.research.google.com/github/someone/fork/blob/main/book/01_chapter.ipynb" in page
    assert "https://mybinder.org/v2/gh/someone/fork/main?urlpath=lab/tree/book/01_chapter.ipynb" in page
    assert "https://github.com/someone/fork/issues/new" in page


def test_the_notebook_is_saved_rather_than_shown(site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    assert re.search(r'<a href="\.\./_sources/book/01_chapter\.ipynb" download', page)
    assert json.loads((site / "_sources/book/01_chapter.ipynb").read_text("utf-8"))["cells"]


def test_a_widget_shows_its_html_and_asks_for_no_kernel(site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    assert "still here" in page
    assert "widget-view" not in page and "require.js" not in page and "html-manager" not in page


def test_sliders_are_loaded_once_and_only_where_there_is_one(site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    assert len(re.findall(r'<script defer="defer" src="\.\./_static/sliders\.js\?v=\w+">', page)) == 1
    assert len(re.findall(r'href="\.\./_static/sliders\.css\?v=\w+"', page)) == 1
    assert "sliders." not in (site / "book/plain.html").read_text("utf-8")
    script = (site / "_static/sliders.js").read_text("utf-8")
    for name in ("kit", "temperature", "loss", "answers", "schedules", "information", "roulette", "page"):
        assert script.count((ROOT / f"kdlib/sliders/js/{name}.js").read_text("utf-8")) == 1


def test_mathjax_is_local_and_loaded_only_where_there_are_formulas(site):
    assert (site / "_static/mathjax/tex-svg-full.js").stat().st_size > 1_000_000
    assert "tex-svg-full.js" in (site / "book/intro.html").read_text("utf-8")
    for page in ("book/plain.html", "search.html"):
        assert "mathjax/" not in (site / page).read_text("utf-8")


def test_no_page_loads_anything_from_another_host(site):
    loaded = re.compile(r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="([^"]*)"')
    for page in site.rglob("*.html"):
        urls = loaded.findall(page.read_text("utf-8"))
        assert not [url for url in urls if url.startswith(("http:", "https:", "//"))], page


def test_ids_are_unique_and_there_is_one_h1(site):
    for name in ("intro", "plain", "01_chapter"):
        page = (site / f"book/{name}.html").read_text("utf-8")
        ids = re.findall(r'\sid="([^"]*)"', page)
        assert len(ids) == len(set(ids)), name
        assert page.count("<h1") == 1 and '<html lang="en"' in page


def test_the_first_paragraph_describes_the_page(site):
    page = (site / "book/intro.html").read_text("utf-8")
    description = re.search(r'<meta name="description" content="([^"]*)">', page)
    assert description and unescape(description[1]) == "The first paragraph with x^2 describes “the page”."


def test_the_front_door_leads_to_the_first_page(site):
    assert 'url=book/intro.html"' in (site / "index.html").read_text("utf-8")


def test_cleaning_a_page_twice_changes_nothing(site, kd_site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    assert kd_site.clean_page(page) == page


def test_the_arrow_of_a_chapter_with_further_pages_has_a_name(kd_site):
    page = '<details><summary><span class="toctree-toggle" role="presentation"></span></summary></details>'
    cleaned = kd_site.clean_page(page)
    assert '<summary aria-label="further pages of this chapter"><span' in cleaned
    assert kd_site.clean_page(cleaned) == cleaned


def test_the_system_preference_for_dark_is_read_before_the_page_is_drawn(site):
    assert "prefers-color-scheme: dark" in (site / "book/plain.html").read_text("utf-8").split("<body")[0]


# ---- the real book's files ----


def contents() -> set[str]:
    return set(re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text("utf-8")))


@pytest.mark.parametrize("page", sorted(contents()))
def test_every_page_of_the_contents_exists(page):
    assert [file for ending in (".md", ".ipynb") if (file := ROOT / f"{page}{ending}").is_file()]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_notebook_is_in_the_contents(path):
    assert f"book/{path.stem}" in contents()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_widget_can_be_seen_without_a_kernel(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    shown = [output["data"] for cell in cells for output in cell.get("outputs", []) if "data" in output]
    lost = [data[WIDGET] for data in shown if WIDGET in data and "text/html" not in data]
    assert not lost, "a widget without text/html vanishes from the built page: use those of kdlib.sliders"


@pytest.mark.parametrize("name", ["kd.css", "kd.js"])
def test_styles_and_scripts_name_no_other_host(name):
    code = re.sub(r"^\s*//.*$", "", (ROOT / "book/assets" / name).read_text("utf-8"), flags=re.MULTILINE)
    assert "//" not in code and "@import" not in code


def test_punctuation_stays_with_its_formula(kd_site):
    formula = '<span class="math notranslate nohighlight">\\(T\\)</span>'
    cleaned = kd_site.clean_page(f"<p>at {formula}, and on</p>")
    assert f'<span class="kd-keep">{formula},</span> and' in cleaned
    assert kd_site.clean_page(cleaned) == cleaned


def test_no_line_ends_inside_of_a_setting(kd_site):
    page = "<p>at T = 4, as <code>T = 4</code>, alpha = 0.9</p><pre>T = 4</pre><p>LIST = 2</p>"
    cleaned = kd_site.clean_page(page)
    kept = ("at T = 4", "at T\u00a0=\u00a04"), ("alpha = 0.9", "alpha\u00a0=\u00a00.9")
    for plain, together in kept:
        page = page.replace(plain, together)
    assert cleaned == page
    assert kd_site.clean_page(cleaned) == cleaned


def test_an_interval_in_a_table_stays_together(kd_site):
    cells = "<td><p>−2.2 (−4.0 to −0.4), fewer</p></td><td>none (to be run)</td>"
    page = f"<p>of 55.4 (54.7 to 56.1) points</p>{cells}"
    cleaned = kd_site.clean_page(page)
    assert cleaned == page.replace("(−4.0 to −0.4)", '<span class="kd-interval">(−4.0 to −0.4)</span>')
    assert kd_site.clean_page(cleaned) == cleaned
