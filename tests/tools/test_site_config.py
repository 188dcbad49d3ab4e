"""The site's settings and extension, without a browser: one small book built from the real configuration."""

from __future__ import annotations

import base64
import filecmp
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
from formulas import as_text

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))
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

The first paragraph with $x^2$ and $80\\,\\%$ describes "the page".

| in a table $c$ |
|---|
| $\\frac{1}{d}$ |

:::{admonition} Its title $e$
See {eq}`eq-f`.
:::

$$
f = \\left( g \\right)
$$ (eq-f)

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

PLAIN = """# A page without formulas

Only words, and {cite:p}`hinton2015`.

```{predict}
How many of a hundred?

- [ ] about *95*
- [x] about 79

Seventy-nine: [this page](plain.md).
```

```{predict}
:number: points
:within: 3

By how much?

By 12.5 points.
```
"""


def notebook() -> str:
    """A notebook that shows a widget with an HTML representation, as kdlib's sliders, and a formula."""
    slider = '<div class="kd-slider" data-slider="loss"><table><caption>still here</caption></table></div>'
    shown = {WIDGET: {"model_id": "a"}, "text/html": slider, "text/plain": "W"}
    printed = {"text/markdown": "A cell prints $k_i$.", "text/plain": "M"}
    cell = {
        "cell_type": "code",
        "id": "b",
        "metadata": {},
        "execution_count": 1,
        "source": "slider",
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": d} for d in (shown, printed)],
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
    for part in ("sliders", "weights"):
        shutil.copytree(ROOT / "kdlib" / part, root / "kdlib" / part)
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
    (root / "notebooks").mkdir()
    (root / "notebooks/01_chapter.ipynb").write_text(notebook().replace("# A chapter", "# Plain"), "utf-8")
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


def test_colab_and_binder_open_the_committed_plain_notebook(site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    place = "notebooks/01_chapter.ipynb"
    assert f"https://colab.research.google.com/github/someone/fork/blob/main/{place}" in page
    assert f"https://mybinder.org/v2/gh/someone/fork/main?urlpath=lab/tree/{place}" in page
    assert "https://github.com/someone/fork/issues/new" in page


def test_the_plain_notebook_is_saved_rather_than_shown(site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    assert re.search(r'<a href="\.\./_sources/book/01_chapter\.ipynb" download', page)
    saved = json.loads((site / "_sources/book/01_chapter.ipynb").read_text("utf-8"))
    assert saved["cells"][0]["source"] == "# Plain"


def test_a_widget_shows_its_html_and_asks_for_no_kernel(site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    assert "still here" in page
    assert "widget-view" not in page and "require.js" not in page and "html-manager" not in page


def test_sliders_are_loaded_once_and_only_where_there_is_one(site):
    page = (site / "book/01_chapter.html").read_text("utf-8")
    loaded = re.findall(r'<script defer="defer" src="\.\./_static/sliders/(\w+)\.js\?v=\w+">', page)
    assert loaded == ["kit", "bars", "axes", "loss", "page"]
    assert len(re.findall(r'href="\.\./_static/sliders/sliders\.css\?v=\w+"', page)) == 1
    assert "_static/sliders" not in (site / "book/plain.html").read_text("utf-8")
    for name in loaded:
        assert filecmp.cmp(site / f"_static/sliders/{name}.js", ROOT / f"kdlib/sliders/js/{name}.js")


def test_the_weights_of_a_model_are_a_script_that_any_page_can_ask_for(site):
    script = (site / "_static/models/xray_student_alone.js").read_text("utf-8")
    stored = re.fullmatch(r'kd\.stored\.xray_student_alone = "([\w+/=]+)";\n', script)
    assert base64.b64decode(stored[1]) == (ROOT / "kdlib/weights/xray_student_alone.safetensors").read_bytes()
    assert len(script) <= 745_000


def test_formulas_are_mathml_wherever_they_stand_and_no_script_draws_them(site):
    page = (site / "book/intro.html").read_text("utf-8")
    made = re.findall(r"<math\b.*?</math>", page, re.DOTALL)
    assert [as_text(formula) for formula in made] == ["x^2", "80%", "c", "1/d", "e", "f=(g)"]
    assert "<msub><mi>k</mi><mi>i</mi></msub>" in (site / "book/01_chapter.html").read_text("utf-8")
    assert not re.search(r"mathjax|\\[(\[a-z]", page, re.IGNORECASE)


def test_a_numbered_display_is_found_by_its_number(site):
    page = (site / "book/intro.html").read_text("utf-8")
    display = re.search(r'<div class="math[^>]*id="equation-eq-f">.*?</div>', page, re.DOTALL)
    assert display and '<span class="eqno">(1)<a' in display[0] and '<math display="block">' in display[0]
    assert re.search(r'href="#equation-eq-f">\(1\)</a>', page)


def test_the_font_of_formulas_travels_with_its_licence(site):
    assert (site / "_static/stix-two-math.woff2").read_bytes()[:4] == b"wOF2"
    assert "SIL OPEN FONT LICENSE" in (site / "_static/stix-two-math-OFL.txt").read_text("utf-8")


def test_a_predict_card_hides_its_answer_and_marks_the_right_option(site):
    page = (site / "book/plain.html").read_text("utf-8")
    first, second = re.findall(r'<div class="admonition kd-predict".*?</details>', page, re.DOTALL)
    shown, hidden = first.split('<details class="kd-reveal">')
    assert "How many of a hundred?" in shown and "Seventy-nine" in hidden and "Seventy" not in shown
    assert [("kd-right" in item, words) for item, words in re.findall(
        r"<li(.*?)>\s*<p>(.*?)</p>", shown, re.DOTALL
    )] == [(False, "about <em>95</em>"), (True, "about 79")]
    assert "[" not in re.sub(r"<.*?>", "", shown)
    assert 'data-number="points" data-within="3.0"' in second
    assert "By 12.5 points" in second.split("<details")[1]
    assert 'src="../_static/predict.js' in page


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Why?\n\nBecause.", "needs options"),
        ("Why?\n\n- [ ] a\n- [ ] b\n\nBecause.", "the right one with"),
        ("Why?\n\n- [x] a\n- [x] b\n\nBecause.", "the right one with"),
        ("Why?\n\n- [x] a\n- [ ] b", "what is revealed"),
        (":number: points\n\nWhy?", "what is revealed"),
    ],
)
def test_a_card_that_lacks_something_is_an_error(tmp_path, body, said):
    from sphinx.testing.util import SphinxTestApp

    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book/_ext')!r})\n"
        "extensions = ['myst_parser', 'kd_predict']\n", "utf-8",
    )
    (tmp_path / "index.md").write_text(f"# A page\n\n```{{predict}}\n{body}\n```\n", "utf-8")
    app = SphinxTestApp("html", srcdir=tmp_path, freshenv=True)
    try:
        app.build()
        assert said in app.warning.getvalue()
    finally:
        app.cleanup()


def test_a_text_without_a_date_is_cited_without_one(tmp_path):
    from sphinx.testing.util import SphinxTestApp

    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book/_ext')!r})\n"
        "extensions = ['myst_parser', 'sphinxcontrib.bibtex', 'kd_cite']\n"
        "bibtex_bibfiles = ['refs.bib']\nbibtex_reference_style = 'undated'\n", "utf-8",
    )
    (tmp_path / "refs.bib").write_text(
        "@misc{dated, author = {Gibbs, Josiah and Ba, Lei}, title = {T}, year = {1902}}\n"
        "@misc{undated, author = {labml.ai}, title = {U}}\n", "utf-8",
    )
    (tmp_path / "index.md").write_text(
        "# A page\n\n{cite:p}`dated,undated`, {cite:p}`undated`. {cite:t}`dated`. {cite:t}`undated`.\n\n"
        "```{bibliography}\n```\n", "utf-8",
    )
    app = SphinxTestApp("html", srcdir=tmp_path, freshenv=True)
    try:
        app.build()
        page = (Path(app.outdir) / "index.html").read_text("utf-8")
    finally:
        app.cleanup()
    said = re.sub(r"<[^>]+>", "", re.search(r"<h1>.*?<p>(.*?)</p>", page, re.DOTALL)[1])
    assert said == "[Gibbs and Ba, 1902; labml.ai], [labml.ai]. Gibbs and Ba [1902]. labml.ai."
    assert not app.warning.getvalue()


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
    assert description
    assert unescape(description[1]) == "The first paragraph with x^2 and 80% describes “the page”."


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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_notebook_is_in_the_contents(path):
    assert path.relative_to(ROOT).with_suffix("").as_posix() in contents()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_widget_can_be_seen_without_a_kernel(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    shown = [output["data"] for cell in cells for output in cell.get("outputs", []) if "data" in output]
    lost = [data[WIDGET] for data in shown if WIDGET in data and "text/html" not in data]
    assert not lost, "a widget without text/html vanishes from the built page: use those of kdlib.sliders"


@pytest.mark.parametrize("name", ["kd.css", "kd.js", "predict.js", "glossary.js"])
def test_styles_and_scripts_name_no_other_host(name):
    code = re.sub(r"(^|\s)//.*$", "", (ROOT / "book/assets" / name).read_text("utf-8"), flags=re.MULTILINE)
    assert "//" not in code and "@import" not in code


def test_what_touches_a_formula_stays_with_it(kd_site):
    formula = '<span class="math notranslate nohighlight"><math><mi>T</mi></math></span>'
    cleaned = kd_site.clean_page(f"<p>{formula} at {formula}, ({formula} and {formula}-fold ({formula}).</p>")
    kept = [f"{formula},", f"({formula}", f"{formula}-fold", f"({formula})."]
    assert re.findall(r'<span class="kd-keep">(.*?</math></span>[^<]*)</span>', cleaned) == kept
    assert kd_site.clean_page(cleaned) == cleaned


def test_no_line_ends_inside_of_a_setting(kd_site):
    page = "<p>at T = 4, as <code>T = 4</code>, alpha = 0.9</p><pre>T = 4</pre><p>LIST = 2</p>"
    cleaned = kd_site.clean_page(page)
    kept = ("at T = 4", "at T\u00a0=\u00a04"), ("alpha = 0.9", "alpha\u00a0=\u00a00.9")
    for plain, together in kept:
        page = page.replace(plain, together)
    assert cleaned == page
    assert kd_site.clean_page(cleaned) == cleaned


def test_a_number_keeps_its_per_cent(kd_site):
    cleaned = kd_site.clean_page('<p>right on <a href="#c5-best">87.0</a> % of them</p>')
    assert ">87.0</a>\u00a0% of them" in cleaned and kd_site.clean_page(cleaned) == cleaned


def test_an_interval_in_a_table_stays_together(kd_site):
    cells = "<td><p>−2.2 (−4.0 to −0.4), fewer</p></td><td>none (to be run)</td>"
    page = f"<p>of 55.4 (54.7 to 56.1) points</p>{cells}"
    cleaned = kd_site.clean_page(page)
    assert cleaned == page.replace("(−4.0 to −0.4)", '<span class="kd-interval">(−4.0 to −0.4)</span>')
    assert kd_site.clean_page(cleaned) == cleaned
