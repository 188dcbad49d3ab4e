"""What the site does to code, photographs and the service worker, without a browser."""

import json
import re
from html import unescape
from pathlib import Path

import figure_text
import kd_code
import kd_photos
import kd_pocket
import pytest

ROOT = Path(__file__).resolve().parents[2]

# ---- code ----

CODE = (
    '<div class="highlight"><pre><span></span><span class="k">def</span> <span class="nf">f</span>(x):\n'
    '    <span class="k">return</span> x<span class="o">.</span>a <span class="o">&lt;</span> 2\n\n\n'
    "f(1)  # &amp; so on\n</pre></div>"
)
PLAIN = "def f(x):\n    return x.a < 2\n\n\nf(1)  # & so on\n"


def test_each_line_of_code_has_a_box_and_knows_its_indent() -> None:
    page = kd_code.fit_code(f"<p>a</p>{CODE}<p>b</p>")
    assert re.findall(r'<span class="kd-line"(?: style="--indent: (\d+)")?>', page) == ["", "4", "", "", ""]
    assert '<pre style="--columns: 18">' in page
    assert "x<wbr><span" in page, "a long line without blanks could not end"


def test_boxes_leave_the_text_of_the_code_as_it_was() -> None:
    assert unescape(re.sub(r"<[^>]+>", "", kd_code.fit_code(CODE))) == PLAIN


def test_boxing_twice_changes_nothing_and_other_preformatted_text_stays() -> None:
    page = f"{CODE}<pre>alone</pre>"
    once = kd_code.fit_code(page)
    assert kd_code.fit_code(once) == once
    assert once.endswith("<pre>alone</pre>")


# ---- photographs ----

DRAWING = """<svg width="200pt" height="100pt" viewBox="0 0 200 100">
<g clip-path="url(#a)">
 <image xlink:href="data:," transform="scale(1 -1)" x="20" y="-9"/></g>
<g clip-path="url(#b)"><path d="M 0 0"/></g>
<defs>
  <clipPath id="a">
   <rect x="20" y="10" width="60" height="50"/>
  </clipPath>
  <clipPath id="b">
   <rect x="100" y="10" width="60" height="50"/>
  </clipPath>
</defs></svg>"""


def test_a_photograph_is_found_and_a_plot_beside_it_is_not() -> None:
    assert kd_photos.photographs(DRAWING) == [(10, 10, 40, 60)]
    assert kd_photos.photographs(DRAWING, margin=2) == [(9, 8, 41, 62)]


def area(outline: str) -> float:
    """By the shoelace formula, in thousandths of the whole."""
    points = [tuple(map(float, point.replace("%", "").split())) for point in outline.split(", ")]
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return sum(x * v - u * y for (x, y), (u, v) in pairs) / 2 / 10


def test_an_outline_of_several_boxes_holds_their_area_and_no_more() -> None:
    boxes = [(0.0, 0.0, 10.0, 20.0), (50.0, 0.0, 60.0, 10.0), (0.0, 50.0, 20.0, 60.0)]
    assert area(kd_photos.outline(boxes)) == pytest.approx(20 + 10 + 20)


def test_photographs_are_laid_over_their_paper(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(DRAWING)
    (tmp_path / "b.svg").write_text("<svg/>")
    drawings = ("kd-photo", "a.svg"), ("kd-plot", "a.svg"), ("kd-photo", "b.svg")
    page = "".join(f'<img alt="A." class="{kind}" src="{file}" />' for kind, file in drawings)
    laid = kd_photos.lay_photographs(page, tmp_path)
    assert laid.count('<img class="kd-photographs" alt="" src="a.svg"') == laid.count('src="b.svg"') == 1
    assert re.sub(r"</?span[^>]*>|<img class=.kd-photographs[^>]*>", "", laid) == page
    assert kd_photos.lay_photographs(laid, tmp_path) == laid


# ---- the text of figures ----


def text(size: float) -> str:
    move = f"translate(1 2) scale({size / 100} -{size / 100})"
    return f'<svg width="300pt"><!-- T = 4 -->\n<g style="fill: #222222" transform="{move}">'


@pytest.mark.parametrize(
    ("size", "shown", "found"),
    [
        (8, 300, ["'T = 4' at 8.0 px"]),  # a point is a pixel
        (10, 300, []),
        (10, 270, ["'T = 4' at 9.0 px"]),
        (8, 390, []),  # 10.4
        (7, 1000, ["'T = 4' at 9.3 px"]),  # not enlarged beyond four thirds
    ],
)
def test_small_text_of_a_figure_is_named(size: float, shown: float, found: list[str]) -> None:
    assert figure_text.small_text(text(size), shown) == found


def test_the_text_of_the_drawing_on_the_first_page_can_be_read_on_a_phone() -> None:
    drawing = (ROOT / "book/assets/distillation.svg").read_text("utf-8")
    assert figure_text.TEXT.search(drawing)
    assert figure_text.small_text(drawing, figure_text.PHONE) == []


# ---- the service worker ----


def test_the_worker_knows_what_pages_show_and_changes_with_it(tmp_path: Path) -> None:
    for name in ("index.html", "book/a.html", "_sources/book/a.ipynb", ".buildinfo", "objects.inv", "sw.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("abc")
    worker = kd_pocket.worker(tmp_path)
    files = json.loads(re.search(r"new Map\((.*)\);", worker)[1])
    # SHA-256 of "abc", from FIPS 180-2
    assert files == [[name, "ba7816bf8f01cfea"] for name in ("book/a.html", "index.html")]
    assert "const SIZE = 6;" in worker
    assert kd_pocket.worker(tmp_path) == worker
    (tmp_path / "book/a.html").write_text("abd")
    assert kd_pocket.worker(tmp_path) != worker
