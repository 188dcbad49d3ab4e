"""What must hold for every notebook and page, one function a rule. Each returns the faults it finds.

`tests/test_notebooks.py` applies them to the book; by hand: `python book/_tools/check.py [NOTEBOOK ...]`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import proofs
from address import configured, install_line, installing, setup_source
from figure_text import IN_A_BOX, LEAST, PHONE, small_text
from nbformat import NotebookNode
from notebooks import BOOK, ROOT, chosen, is_setup, python_source, read, tags
from prose import directives, typed_numbers
from run import PICTURES, WIDGET_VIEW
from stamp import stamp

LONGEST_CELL = 25
EXERCISES = 5


def code_cells(nb: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """Each code cell with its name in a message: its number among all cells and its first line."""
    for number, cell in enumerate(nb.cells):
        if cell.cell_type == "code":
            yield f"cell {number} ({cell.source.split(chr(10))[0][:40]!r})", cell


def fresh(nb: NotebookNode) -> list[str]:
    if nb.metadata.get("kdlib", {}).get("stamp") == stamp(nb):
        return []
    return ["its code, kdlib or a record changed after its outputs were made: make run"]


def setup(nb: NotebookNode, address: str | None = None) -> list[str]:
    address = configured() if address is None else address
    if {*installing(nb)} - {install_line(address)}:
        return ["the line that installs kdlib names another address: make address"]
    expected = setup_source(address)
    found = [cell for cell in nb.cells if is_setup(cell)]
    if [cell.source for cell in found] != [expected] or "hide-cell" not in tags(found[0]):
        return ["the set-up cell is missing, doubled or altered: make address, or make run"]
    first = next(cell for cell in nb.cells if cell.cell_type == "code")
    return [] if first is found[0] else ["the set-up cell is not the first code cell"]


def short_cells(nb: NotebookNode) -> list[str]:
    return [
        f"{name} has {cell.source.count(chr(10)) + 1} lines, at most {LONGEST_CELL} can be read at a glance"
        for name, cell in code_cells(nb)
        if cell.source.count("\n") >= LONGEST_CELL
    ]


def outputs(nb: NotebookNode) -> list[str]:
    """Stored outputs: there where nbval compares them; no error or warning; nothing new in each run."""
    faults = []
    for name, cell in code_cells(nb):
        if "nbval-check-output" in tags(cell) and not cell.outputs:
            faults.append(f"{name} is tagged nbval-check-output and has no stored output: make run")
        for output in cell.outputs:
            data = output.get("data", {})
            text = "".join([output.get("text", ""), data.get("text/plain", "")])
            if output.output_type == "error":
                faults.append(f"{name} ends in {output.ename}; catch it and print it")
            if output.get("name") == "stderr":
                faults.append(f"{name} writes to stderr, which readers see as an alarm: {output.text[:80]!r}")
            if WIDGET_VIEW in data:
                lack = "" if "text/html" in data else "; and without text/html it vanishes from the page"
                faults.append(f"{name} stores a widget's random id: make run{lack}")
            if re.search(r"^\|\s+\|.*\n\|\s*---", data.get("text/markdown", ""), re.MULTILINE):
                faults.append(f"{name} prints a table whose first column has no head to read aloud")
            if address := re.search(r"\bat 0x[0-9a-f]{6,}|<[\w.]+ at 0x", text):
                faults.append(f"{name} shows a memory address, another in each run: {address[0]!r}")
    return faults


def figures(nb: NotebookNode) -> list[str]:
    """Every stored picture has a text alternative, a caption and a name that no other has."""
    faults, names = [], []
    for name, cell in code_cells(nb):
        pictures = [out for out in cell.outputs if any(kind in out.get("data", {}) for kind in PICTURES)]
        if not pictures:
            continue
        image = cell.metadata.get("mystnb", {}).get("image", {})
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if len(pictures) > 1:
            faults.append(f"{name} shows {len(pictures)} pictures under one caption: one figure a cell")
        if len(image.get("alt", "")) < 20 or len(figure.get("caption", "")) < 20 or not figure.get("name"):
            faults.append(f"{name} shows a picture without alt text, caption or name: use plots.show")
        names.append(figure.get("name"))
    return faults + [f"two figures are named {name}" for name in {n for n in names if names.count(n) > 1}]


def readable(nb: NotebookNode) -> list[str]:
    """The text of every stored drawing can be read on a phone."""
    faults, shown = [], PHONE
    for number, cell in enumerate(nb.cells):
        for gate in re.findall(r"\{(?:exercise|solution)-(start|end)\}", cell.source):
            shown = IN_A_BOX if gate == "start" else PHONE
        for output in cell.get("outputs", []):
            if small := small_text(output.get("data", {}).get("image/svg+xml", ""), shown):
                words = f"{', '.join(small[:3])}; at least {LEAST} can be read"
                faults.append(f"cell {number} shows text of a figure too small for a phone: {words}")
    return faults


def counts(nb: NotebookNode) -> list[str]:
    found = [cell.execution_count for _, cell in code_cells(nb)]
    if found == list(range(1, len(found) + 1)):
        return []
    return [f"execution counts are {found}, not 1 to {len(found)}: make run"]


def metadata(nb: NotebookNode) -> list[str]:
    """Only what `make run` leaves: no ids of accounts, times, collapsed cells or saved widget states."""
    faults = []
    if extra := set(nb.metadata) - {"kernelspec", "language_info", "kdlib"}:
        faults.append(f"metadata of the notebook: {', '.join(sorted(extra))}: make run")
    for number, cell in enumerate(nb.cells):
        if extra := set(cell.metadata) - {"tags", "mystnb"}:
            faults.append(f"metadata of cell {number}: {', '.join(sorted(extra))}: make run")
    return faults


def exercises(nb: NotebookNode) -> list[str]:
    """At least five exercises with a label each, and a solution for each label."""
    found = [d for cell in nb.cells if cell.cell_type == "markdown" for d in directives(cell.source)]
    posed = [d.options.get("label") for d in found if d.name in ("exercise", "exercise-start")]
    solved = [d.title for d in found if d.name in ("solution", "solution-start")]
    labels = [label for label in posed if label]
    faults = [f"exercise {label} has no solution" for label in labels if label not in solved]
    faults += [f"solution {label} has no exercise" for label in solved if label not in labels]
    if len(posed) != len(labels):
        faults.append("an exercise has no :label:")
    if len(labels) < EXERCISES:
        faults.append(f"it has {len(labels)} exercises, a chapter has at least {EXERCISES}")
    return faults


def decimals(nb: NotebookNode) -> list[str]:
    return [
        f"cell {number}: {fault}"
        for number, cell in enumerate(nb.cells)
        if cell.cell_type == "markdown"
        for fault in typed_numbers(cell.source)
    ]


MACHINE_PATH = re.compile(
    r"(?<![\w.~/:+-])(?:/(?:home|root|Users|tmp|private|mnt|opt|srv|usr/(?:local|lib))/[\w.-]+|[A-Z]:\\+Users\\)"
)


def machine_paths(text: str) -> list[str]:
    """Paths of the machine that made the file: useless, and more than readers should know."""
    found = {match[0] for match in MACHINE_PATH.finditer(text)} | {p for p in (str(ROOT),) if p in text}
    return [f"it names a path of this machine: {path}" for path in sorted(found)]


TWO_SIZED = ("cifar10", "chest_xray")  # with the book come a part of one, and smaller pictures of the other


def one_size(nb: NotebookNode) -> list[str]:
    """The teachers' answers that come with the book fit the pictures that do, not those of another scale.

    So a page loads scale="quick". With scale=SCALE it asks a teacher of its own at the other scales: shipped
    answers stand under `if SCALE == "quick":`.
    """
    faults, asks, sized = [], [], False
    for name, cell in code_cells(nb):
        for call in elsewhere(ast.parse(python_source(cell.source))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if ast.unparse(call.func.value) == "pretrained" and call.func.attr.endswith(("_logits", "_maps")):
                asks.append(f'{name} asks shipped answers at any SCALE: put it under `if SCALE == "quick":`')
            if call.func.attr == "load" and getattr(next(iter(call.args), None), "value", "") in TWO_SIZED:
                scale = {word.arg: ast.unparse(word.value) for word in call.keywords}.get("scale")
                sized = sized or scale == "SCALE"
                if scale not in ("'quick'", "SCALE"):
                    faults.append(f'{name} loads other pictures at another SCALE; give scale="quick"')
    return faults + (asks if sized else [])


def elsewhere(node: ast.AST) -> Iterator[ast.AST]:
    """What runs at other scales too: all of a cell but what stands under `if SCALE == "quick":`."""
    yield node
    quick = isinstance(node, ast.If) and ast.unparse(node.test) == "SCALE == 'quick'"
    for part in node.orelse if quick else ast.iter_child_nodes(node):
        yield from elsewhere(part)


def cited(text: str) -> list[str]:
    """Numbers that are links to a proof say what the evidence says."""
    return proofs.unproved(text, known_proofs())


@cache
def known_proofs() -> dict[str, str]:
    return proofs.proofs()


def numbers(nb: NotebookNode) -> list[str]:
    return [fault for cell in nb.cells if cell.cell_type == "markdown" for fault in cited(cell.source)]


RULES = (fresh, setup, short_cells, outputs, figures, readable, counts, metadata, decimals, numbers, one_size)


def faults(path: Path) -> list[str]:
    """All faults of one notebook."""
    nb = read(path)
    chapter = re.match(r"\d\d_", path.name) and path.parent.name != "evidence"
    rules = (*RULES, exercises) if chapter else RULES
    return [fault for rule in rules for fault in rule(nb)] + machine_paths(path.read_text(encoding="utf-8"))


def page_faults(path: Path) -> list[str]:
    """All faults of a page without code."""
    text = path.read_text(encoding="utf-8")
    return typed_numbers(text) + cited(text) + machine_paths(text)


def main() -> int:
    found = [f"{path.name}: {fault}" for path in chosen(sys.argv[1:]) for fault in faults(path)]
    if not sys.argv[1:]:
        found += [
            f"{path.name}: {fault}" for path in sorted(BOOK.glob("*.md")) for fault in page_faults(path)
        ]
    print("\n".join(found) or "no fault found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
