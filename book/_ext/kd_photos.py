"""Figures with photographs, in the dark: their paper is inverted as a plot's is, the photographs are not.

The drawing is laid over itself a second time, cut to the photographs. `book/assets/kd.css` shows this second
layer in the dark alone; both are one file.
"""

from __future__ import annotations

import re
from pathlib import Path

ABOVE = '<img class="kd-photographs"'
PHOTO = re.compile(rf'<img\b[^>]*\bclass="kd-photo"[^>]*\bsrc="([^"]+\.svg)"[^>]*>(?!{ABOVE})')
SIZE = re.compile(r'<svg\b[^>]*\bviewBox="0 0 ([\d.]+) ([\d.]+)"')
# matplotlib cuts each picture to its axes; the picture itself may reach a fraction of a point beyond.
CUT = re.compile(r'<g clip-path="url\(#(\w+)\)">\s*<image\b')
AXES = re.compile(
    r'<clipPath id="(\w+)">\s*<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>'
)

Box = tuple[float, float, float, float]  # left, top, right, bottom


def photographs(drawing: str, margin: float = 0) -> list[Box]:
    """The photographs in matplotlib's SVG, in per cent of its size, each with `margin` points around it."""
    size = SIZE.search(drawing)
    if size is None:
        return []
    width, height = (float(length) / 100 for length in size.groups())
    cut = set(CUT.findall(drawing))
    found = [list(map(float, numbers)) for name, *numbers in AXES.findall(drawing) if name in cut]
    return [
        ((x - margin) / width, (y - margin) / height, (x + w + margin) / width, (y + h + margin) / height)
        for x, y, w, h in found
    ]


def outline(boxes: list[Box]) -> str:
    """One line around all boxes, for CSS: from corner to corner, and back the same way, which has no area."""
    around = [
        point
        for left, top, right, bottom in boxes
        for point in ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    ]
    back = [(left, top) for left, top, _, _ in boxes[-2::-1]]
    return ", ".join(f"{x:.2f}% {y:.2f}%" for x, y in around + back)


def lay_photographs(page: str, folder: Path) -> str:
    """One HTML page of `folder` whose photographs lie over their inverted paper. Twice changes nothing."""

    def layers(image: re.Match[str]) -> str:
        drawing = (folder / image[1]).read_text("utf-8")
        if not photographs(drawing):
            return image[0]
        # A little less of the photograph, and more cut out of the paper: no edge shines through.
        photos = f"polygon({outline(photographs(drawing, -0.8))})"
        paper = f"polygon(evenodd, {outline([(0, 0, 100, 100), *photographs(drawing, 0.5)])})"
        above = f'{ABOVE} alt="" src="{image[1]}" style="clip-path: {photos}">'
        return f'<span class="kd-layers" style="--paper: {paper}">{image[0]}{above}</span>'

    return PHOTO.sub(layers, page)
