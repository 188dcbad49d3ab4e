"""Code and printed output fit the screen: a long line goes on below, behind a mark that is not copied.

The page knows no columns, so each line gets a box of its own and each block its greatest width; the styles in
`book/assets/code.css` do the rest.
"""

from __future__ import annotations

import re
from html import unescape

BLOCK = re.compile(r'(<div class="highlight"><pre)>(?:<span></span>)?(.*?)</pre>', re.DOTALL)
LINE = '<span class="kd-line"'
DOT = '<span class="o">.</span>'
MAY_END = f"<wbr>{DOT}"  # a line without blanks may end before a dot


def plain(line: str) -> str:
    """A line of highlighted code as it is read."""
    return unescape(re.sub(r"<[^>]*>", "", line)).rstrip()


def box_lines(block: re.Match[str]) -> str:
    """A block of code with a box around each line, which knows its indent: a line that goes on keeps it."""
    if LINE in block[2]:
        return block[0]
    lines = block[2].removesuffix("\n").split("\n")  # Pygments ends its own boxes with each line
    texts = [plain(line) for line in lines]
    boxes = []
    for line, text in zip(lines, texts, strict=True):
        indent = len(text) - len(text.lstrip())
        style = f' style="--indent: {indent}"' if indent else ""
        boxes.append(f"{LINE}{style}>{line.replace(DOT, MAY_END)}</span>\n")
    return f'{block[1]} style="--columns: {max(map(len, texts))}">{"".join(boxes)}</pre>'


def fit_code(page: str) -> str:
    """One HTML page in which every block of code has its lines boxed. Twice changes nothing."""
    return BLOCK.sub(box_lines, page)
