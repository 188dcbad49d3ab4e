"""`make address`: writes the repository's address where it is needed, to be committed.

The one place that keeps it is `_config.yml` (`repository: url:`); from there it goes into the set-up cell of
every notebook, because Colab opens the committed notebook, and into the line that says how to install kdlib,
of a page and of the README. The address is that of the GitHub workflow it runs in, else that of the git
remote `origin`.
With `--cells`, the cells are rewritten from `_config.yml` alone;
with `--clear`, the address is taken out everywhere; with `--check`, nothing is written.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode, v4
from notebooks import BOOK, ROOT, is_setup, of, read, write

TEMPLATE = Path(__file__).with_name("setup_cell.py.txt")
CONFIG, README = ROOT / "_config.yml", ROOT / "README.md"
# The line `  url: "..."` inside the block `repository:`, with whatever comment follows it.
URL_LINE = re.compile(
    r"^(repository:[^\n]*\n(?:[ \t#][^\n]*\n|\n)*?[ \t]+url:[ \t]*)"
    r"""("[^"\n]*"|'[^'\n]*'|[^\s#]*)""",
    re.MULTILINE,
)
# The line `pip install ...  # kdlib, ...` of a page's text.
INSTALL_LINE = re.compile(r"^pip install .*  # kdlib, .*$", re.MULTILINE)


def from_remote(remote: str) -> str:
    """The https address of a git remote, in any of the forms that git writes: https, ssh, git@host:path."""
    match = re.fullmatch(
        r"(?:https?://(?:[^@/\s]+@)?|ssh://(?:[^@/\s]+@)?|git://|[^@/:\s]+@)"  # scheme or user
        r"(?P<host>[\w.-]+\.[\w-]+)(?::\d+(?=/))?[:/]/?"  # host, port
        r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?",
        remote.strip(),
    )
    if match is None:
        raise ValueError(
            f"{remote.strip()!r} is not the address of a hosted repository; expected a form such as "
            "https://github.com/OWNER/NAME or git@github.com:OWNER/NAME.git"
        )
    return "https://{host}/{owner}/{name}".format(**match.groupdict())


def discover(environment: Mapping[str, str], folder: Path) -> str | None:
    """The address of the workflow, else of the remote `origin`, else None."""
    if repository := environment.get("GITHUB_REPOSITORY", "").strip():
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
            raise ValueError(f"GITHUB_REPOSITORY is {repository!r}; expected OWNER/NAME")
        return from_remote(f"{environment.get('GITHUB_SERVER_URL') or 'https://github.com'}/{repository}")
    try:
        asked = subprocess.run(
            ["git", "remote", "get-url", "origin"], cwd=folder, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:  # no git
        return None
    return from_remote(asked.stdout) if asked.returncode == 0 else None


def configured(config: Path = CONFIG) -> str:
    """The address in `_config.yml`, empty where there is none yet."""
    match = URL_LINE.search(config.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(f"{config} has no line `url:` under `repository:`")
    return match[2].strip("\"'")


def configure(address: str, config: Path = CONFIG) -> bool:
    """Write the address into `_config.yml`, leaving every other character alone."""
    if configured(config) == address:
        return False
    text = URL_LINE.sub(lambda match: f'{match[1]}"{address}"', config.read_text(encoding="utf-8"))
    config.write_text(text, encoding="utf-8", newline="\n")
    return True


def setup_source(address: str) -> str:
    """The text of the set-up cell, the same in every notebook."""
    template = TEMPLATE.read_text(encoding="utf-8").rstrip("\n")
    return template.replace('REPOSITORY = ""', f'REPOSITORY = "{address}"')


def install_line(address: str) -> str:
    """What a reader types to get kdlib."""
    if address:
        return f'pip install "kdlib @ git+{address}"  # kdlib, from this book\'s repository'
    return "pip install -e .  # kdlib, in a clone of this book's repository"


def write_line(address: str, text: Path = README) -> bool:
    """Rewrite the line that installs kdlib in a file of text; true where it differed."""
    before = text.read_text(encoding="utf-8")
    after = INSTALL_LINE.sub(lambda match: install_line(address), before)
    if after != before:
        text.write_text(after, encoding="utf-8", newline="\n")
    return after != before


def installing(nb: NotebookNode) -> list[str]:
    """The lines of the notebook's text that install kdlib."""
    texts = (cell.source for cell in nb.cells if cell.cell_type == "markdown")
    return [line for text in texts for line in INSTALL_LINE.findall(text)]


def set_up(nb: NotebookNode, address: str) -> None:
    """Give the notebook its set-up cell, in place or before its first code, and the line that installs."""
    for text in (cell for cell in nb.cells if cell.cell_type == "markdown"):
        text.source = INSTALL_LINE.sub(lambda match: install_line(address), text.source)
    cell = next((cell for cell in nb.cells if is_setup(cell)), None)
    if cell is None:
        code = [number for number, cell in enumerate(nb.cells) if cell.cell_type == "code"]
        cell = v4.new_code_cell(id="setup")
        nb.cells.insert(code[0] if code else len(nb.cells), cell)
    cell.metadata["tags"] = ["setup", "hide-cell"]
    cell.source = setup_source(address)


def write_cells(address: str, book: Path = BOOK) -> list[Path]:
    """Rewrite the set-up cells and lines that differ; return the notebooks that changed."""
    changed = []
    for path in of(book):
        nb = read(path)
        set_up(nb, address)
        if write(nb, path):
            changed.append(path)
    return changed


def wrong_cells(address: str, book: Path = BOOK) -> list[str]:
    """The notebooks that have not exactly one set-up cell with just this text, or install from elsewhere."""
    expected, line = setup_source(address), install_line(address)
    notebooks = ((path, read(path)) for path in of(book))
    return [
        path.name
        for path, nb in notebooks
        if [cell.source for cell in nb.cells if is_setup(cell)] != [expected] or {*installing(nb)} - {line}
    ]


def check() -> int:
    wrong = wrong_cells(configured())
    if wrong:
        print(
            f"The set-up cell is missing or altered, run `make address`: {', '.join(wrong)}", file=sys.stderr
        )
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--cells", action="store_true", help="take the address from _config.yml")
    mode.add_argument("--clear", action="store_true", help="take the address out")
    mode.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args()
    if options.check:
        return check()
    try:
        address = configured() if options.cells else "" if options.clear else discover(os.environ, ROOT)
    except ValueError as error:
        print(f"Address left as it was: {error}", file=sys.stderr)
        return 1
    if address is None:
        print(
            "No address found, nothing changed: there is neither GITHUB_REPOSITORY nor a git remote `origin` "
            "(git remote add origin https://github.com/OWNER/NAME)",
            file=sys.stderr,
        )
        return 1
    changed = [CONFIG] if configure(address) else []
    changed += write_cells(address)
    changed += [README] if write_line(address) else []
    if changed or not options.cells:
        print(f"{address or 'no address'}: {len(changed)} files changed", *names(changed), sep="\n  ")
    return 0


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


if __name__ == "__main__":
    sys.exit(main())
