"""How large the text of a figure is on a phone, read from matplotlib's SVG."""

import re

PHONE = 382  # pixels: how wide a figure is shown on a screen of 390 (book/assets/kd.css)
IN_A_BOX = 361  # and within an exercise or a solution, behind its line
LEAST = 10  # pixels

WIDTH = re.compile(r'<svg\b[^>]*\bwidth="([\d.]+)pt"')
# A comment with the text stands before its outlines, which are drawn for a size of 100 points and scaled.
TEXT = re.compile(r"<!-- (.*?) -->\s*<g [^>]*\bscale\(([\d.]+) -[\d.]+\)")


def small_text(drawing: str, shown: float) -> list[str]:
    """The texts of a drawing shown `shown` pixels wide that are below 10 pixels, with their sizes.

    The exponent of a power of ten, which TeX sets at seven tenths, counts as its power.
    """
    found = WIDTH.search(drawing)
    if found is None:
        return []
    width = float(found[1])
    pixels = min(shown / width, 4 / 3)  # a point is four thirds of a pixel; no figure is shown larger
    sizes = [(text, 100 * float(scale) * pixels) for text, scale in TEXT.findall(drawing)]
    return [f"{text!r} at {size:.1f} px" for text, size in sizes if size < LEAST]
