"""The figures as pictures for slides, drawn by the browser (make test-browser)."""

from __future__ import annotations

from pathlib import Path

import figures
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def test_a_picture_is_as_wide_as_a_projector_and_looks_like_its_drawing(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="100pt" height="50pt" viewBox="0 0 100 50">'
        '<rect width="100" height="50" fill="#fff"/><rect width="50" height="50" fill="#0072b2"/></svg>'
    )
    figures.draw(tmp_path)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (1920, 960)
        assert [picture.convert("RGB").getpixel((x, 500)) for x in (480, 1440)] == [(0, 114, 178), (255,) * 3]
    assert {file.name for file in tmp_path.iterdir()} == {"a.svg", "a.png"}
