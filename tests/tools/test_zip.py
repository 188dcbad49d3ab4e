"""The site as one file."""

import os
import zipfile
from pathlib import Path

import pytest
import zip_site


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "html"
    for name in ("index.html", "book/intro.html", "_static/kd.css", "sw.js", ".buildinfo"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(f"This is {name}.\n" * 9)
    return site


def test_the_zip_holds_the_site_in_a_folder_of_its_name(site: Path, tmp_path: Path) -> None:
    zip_site.zip_site(site, tmp_path / "book-1.2.zip")
    with zipfile.ZipFile(tmp_path / "book-1.2.zip") as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
    assert names == [f"book-1.2/{name}" for name in ("_static/kd.css", "book/intro.html", "index.html")]
    for name in names:
        inside = name.removeprefix("book-1.2/")
        assert (tmp_path / name).read_bytes() == (site / inside).read_bytes()


def test_the_same_site_gives_the_same_bytes_at_another_time(site: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "book.zip", tmp_path / "b" / "book.zip"
    for target, day in ((first, 1), (second, 2)):
        target.parent.mkdir()
        for file in site.rglob("*"):
            os.utime(file, (day * 86400, day * 86400))
            file.chmod(0o755 if file.is_dir() or day == 2 else 0o644)
        zip_site.zip_site(site, target)
    assert first.read_bytes() == second.read_bytes()
    (site / "index.html").write_text("Something else.")
    zip_site.zip_site(site, second)
    assert first.read_bytes() != second.read_bytes()


def test_without_a_site_there_is_no_zip(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run `make book` first"):
        zip_site.zip_site(tmp_path, tmp_path / "book.zip")
    assert not (tmp_path / "book.zip").exists()
