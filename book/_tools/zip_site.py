"""`make zip`: the built site as one file, to be unpacked anywhere and opened without a network."""

import sys
import tomllib
import zipfile
from pathlib import Path

from notebooks import ROOT

SITE = ROOT / "_build" / "html"
NOT_SHIPPED = ("sw.js", ".buildinfo", "objects.inv")  # of use to a server, to Sphinx and to other books
BEGINNING = (1980, 1, 1, 0, 0, 0)  # of time, as zip files know it


def version() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def zip_site(site: Path, target: Path) -> None:
    """Write all files of `site` to `target`, in a folder of its name; the same files give the same bytes.

    Raises:
        FileNotFoundError: there is no built site.
    """
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"there is no site in {site}: run `make book` first")
    files = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in files:
            if name in NOT_SHIPPED:
                continue
            entry = zipfile.ZipInfo(f"{target.stem}/{name}", BEGINNING)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix, wherever it is made
            archive.writestr(entry, (site / name).read_bytes(), zipfile.ZIP_DEFLATED, 9)


def main() -> int:
    target = ROOT / "_build" / f"book-{version()}.zip"
    zip_site(SITE, target)
    print(f"The book: {target.relative_to(ROOT)}, {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
