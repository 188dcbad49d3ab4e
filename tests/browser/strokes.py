"""Twenty digits as somebody draws them: lists of strokes, each a list of points on a paper of 100 x 100."""

from math import cos, pi, sin
from typing import Any

Stroke = list[tuple[float, float]]


def arc(x: float, y: float, across: float, down: float, start: float, end: float) -> Stroke:
    """A part of an ellipse, in turns from the right, clockwise on the screen."""
    steps = [start + (end - start) * i / 24 for i in range(25)]
    return [(x + across * cos(2 * pi * turn), y + down * sin(2 * pi * turn)) for turn in steps]


DRAWN: list[tuple[int, list[Stroke]]] = [
    (0, [arc(50, 50, 24, 36, -0.25, 0.77)]),
    (0, [arc(55, 45, 16, 24, -0.2, 0.85)]),
    (1, [[(52, 15), (50, 85)]]),
    (1, [[(35, 35), (55, 15), (50, 86)]]),
    (2, [[*arc(48, 32, 20, 18, -0.48, 0.08), (28, 80), (74, 78)]]),
    (2, [[*arc(50, 36, 22, 22, -0.45, 0.12), (30, 76), (44, 72), (76, 80)]]),
    (3, [[*arc(46, 30, 20, 17, -0.45, 0.22), *arc(46, 65, 24, 20, -0.22, 0.42)]]),
    (3, [[(30, 18), (70, 18), (48, 44), *arc(46, 64, 24, 20, -0.2, 0.4)]]),
    (4, [[(40, 15), (26, 55), (74, 52)], [(62, 25), (58, 88)]]),
    (4, [[(36, 20), (34, 52), (66, 50)], [(68, 16), (64, 86)]]),
    (5, [[(70, 16), (36, 18), (33, 44), *arc(46, 62, 23, 21, -0.28, 0.4)]]),
    (5, [[(40, 20), (36, 46), *arc(47, 64, 20, 20, -0.25, 0.4)], [(40, 20), (72, 17)]]),
    (6, [[(62, 14), (42, 36), (32, 62), *arc(50, 66, 18, 18, 0.5, 1.45)]]),
    (6, [[(58, 16), (38, 44), *arc(48, 66, 16, 17, 0.55, 1.5)]]),
    (7, [[(26, 20), (74, 20), (44, 86)]]),
    (7, [[(28, 26), (72, 22), (50, 84)]]),
    (8, [[*arc(50, 32, 16, 16, 0.2, -0.75), *arc(50, 66, 20, 18, -0.25, 0.78)]]),
    (8, [[(66, 24), *arc(50, 30, 15, 14, -0.1, -0.7), *arc(50, 64, 18, 19, -0.2, 0.7), (66, 26)]]),
    (9, [[*arc(48, 34, 18, 18, 0.0, -1.0), (64, 60), (58, 86)]]),
    (9, [[*arc(50, 34, 17, 19, -0.05, -1.0), (66, 88)]]),
]


def by_mouse(page: Any, pad: Any, strokes: list[Stroke], scale: float = 1, shift: float = 0) -> None:
    """Draw on a paper that is 100 wide."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for stroke in strokes:
        for i, point in enumerate(stroke):
            x, y = ((shift + scale * z) * box["width"] / 100 for z in point)
            page.mouse.move(box["x"] + x, box["y"] + y)
            if i == 0:
                page.mouse.down()
        page.mouse.up()
