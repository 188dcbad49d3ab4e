"""A real JupyterLab: sliders in a notebook that is not trusted and alive with a kernel; a plain notebook."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from sliders import EACH, MAKE, expect, part, tell, track

pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
pytestmark = pytest.mark.browser

FOLDER = Path(__file__).resolve().parent
PLAIN = nbformat.read(FOLDER.parents[1] / "notebooks" / "01_temperature.ipynb", 4).cells
LIVE = [
    f"import sys; sys.path.insert(0, {str(FOLDER)!r}); from sliders import MAKE",
    "slider, other = MAKE['temperature'](), MAKE['schedules']()\nslider",
    "other",
    "words = lambda: f'Python has {slider.temperature}, {slider.index}, {other.start}, {other.end}'\n"
    "shown = display(words(), display_id=True)\n"
    "for each in (slider, other): each.observe(lambda change: shown.update(words()))",
    "slider.temperature = 4; other.start = 0.8",
]


def notebook(cells: list[Any]) -> Any:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def first(sign: str) -> Any:
    """The first cell of a committed plain notebook with something in it."""
    return next(cell for cell in PLAIN if re.search(sign, str(cell)))


CITING, DRAWING, SLIDING, SOLVING, SAYING = PLAIN_CELLS = [
    first(r"\[[^\]]+, \d{4}\]\(https"), first("<img alt"), first("data-slider"), first("# @title Solution"),
    first("<summary>Solution"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab of its own, over a folder with three notebooks."""
    root = tmp_path_factory.mktemp("lab")
    stored = []
    for make in MAKE.values():
        data = make()._repr_mimebundle_()[0]
        kept = {kind: data[kind] for kind in ("text/html", "text/plain")}  # as the notebooks of the book keep
        output = nbformat.v4.new_output("execute_result", kept, execution_count=1)
        stored.append(nbformat.v4.new_code_cell("slider", outputs=[output], execution_count=1))
    nbformat.write(notebook(stored), root / "stored.ipynb")
    nbformat.write(notebook([nbformat.v4.new_code_cell(cell) for cell in LIVE]), root / "live.ipynb")
    nbformat.write(notebook(PLAIN_CELLS), root / "plain.ipynb")
    places = {f"JUPYTER_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    command += [f"--ServerApp.root_dir={root}", "--IdentityProvider.token=", "--ServerApp.port_retries=0"]
    server = subprocess.Popen(
        [*command, "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
        env=os.environ | places | {"PYTHONPATH": os.pathsep.join([str(FOLDER.parents[1]), *sys.path])},
        stderr=subprocess.PIPE,
        text=True,
    )
    address = next(
        (found[0] for line in server.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line))), None
    )
    assert address, "JupyterLab did not start"
    yield address
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def stored(lab, browser):
    page = browser.new_page(viewport={"width": 1200, "height": 6000})  # all cells in sight, so all are drawn
    page.goto(f"{lab}/lab/workspaces/stored/tree/stored.ipynb")
    page.locator(".jp-OutputArea-output table").nth(len(MAKE) - 1).wait_for(timeout=60_000)
    return page


@EACH
def test_a_notebook_that_is_not_trusted_shows_the_table_and_nothing_garbled(stored, kind):
    output = stored.locator(".jp-OutputArea-output").nth(list(MAKE).index(kind))
    expect(output.locator("caption")).to_be_visible()
    around = output.evaluate(
        """(node) => {
            const copy = node.cloneNode(true);
            copy.querySelectorAll("table").forEach((table) => table.remove());
            return copy.textContent.trim();
        }"""
    )
    assert around == "" and output.locator("script, svg, style").count() == 0
    for image in output.locator("img").all():
        side = {"digits": 28, "xrays": 64}.get(kind, 8)
        assert image.evaluate("(node) => node.complete && node.naturalWidth") == side


def test_a_plain_notebook_reads_well_before_it_is_trusted_and_keeps_its_solutions_back(lab, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 3000})
    page.goto(f"{lab}/lab/workspaces/plain/tree/plain.ipynb")
    shown = page.locator(".jp-Notebook .jp-Cell")
    expect(shown).to_have_count(len(PLAIN_CELLS), timeout=60_000)
    citing, drawing, sliding, solving, saying = (shown.nth(number) for number in range(5))
    author = re.search(r"\[([^\]]+, \d{4})\]\((https[^)]+)\)", CITING.source)
    expect(citing.get_by_role("link", name=author[1])).to_have_attribute("href", author[2], timeout=60_000)
    figure = drawing.locator("img")
    expect(figure).to_be_visible(timeout=60_000)
    assert figure.evaluate("(node) => node.complete && node.naturalWidth > 200 && node.alt.length > 20")
    expect(drawing).to_contain_text(re.compile(r"Figure [\d.]+\. "))
    table = sliding.locator("table")
    expect(table.locator("caption")).to_be_visible()
    assert table.evaluate("(node) => node.parentNode.textContent === node.textContent")

    expect(solving).to_contain_text("# @title Solution to exercise")
    code = solving.get_by_text(SOLVING.source.splitlines()[-1])
    expect(code).to_have_count(0)
    expect(solving.locator(".jp-OutputArea-output")).to_have_count(0)
    solving.locator(".jp-InputPlaceholder .jp-Placeholder-content").click()
    expect(code).to_be_visible()
    words = saying.locator("details p").first
    expect(words).not_to_be_visible()
    saying.locator("summary").click()
    expect(words).to_be_visible()
    page.close()


def test_with_a_kernel_both_sides_move(lab, browser):
    page = browser.new_page(viewport={"width": 1200, "height": 2000})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{lab}/lab/workspaces/live/tree/live.ipynb")
    page.get_by_text("| Idle").wait_for(timeout=60_000)  # the kernel has started
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    track(page, "temperature").wait_for(timeout=60_000)
    tell(page, "temperature", "temperature 4, entropy 0.99 nats")  # what the last cell set
    said = page.locator(".jp-OutputArea-output pre")
    expect(said).to_contain_text("4.0, 0, 0.8, 0.81", timeout=20_000)  # the view has pushed the end
    track(page, "temperature").focus()
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("4.5, 0, 0.8, 0.81")
    page.get_by_role("radio", name="second animal").check()
    expect(said).to_contain_text("4.5, 1, 0.8, 0.81")
    expect(part(page, "live").first).to_contain_text("dog")
    assert not errors
