"""`make run [NOTEBOOKS=...]`: executes notebooks in place, tidies what they show, and stamps them.

A notebook in which a cell fails is left as it was. What differs from run to run without meaning anything
(times, random model ids, the patch version of Python) is left out, so that a second run changes no byte.
"""

import asyncio
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import proofs
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebooks import chosen, read, write
from stamp import stamp
from traitlets import default

TIMEOUT = 300  # seconds a cell
WORKERS = 2  # notebooks at once, with one thread each
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/svg+xml", "image/png", "image/jpeg")
KEPT_CELL_METADATA = ("tags", "mystnb")


class OneSpec(KernelSpecManager):
    """Knows one kernel: this interpreter, whatever kernels the user has registered under the same name."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict(["--IPKernelApp.log_level=ERROR"]))


class ThisPython(AsyncKernelManager):
    @default("kernel_spec_manager")
    def _one_spec(self) -> KernelSpecManager:
        return OneSpec(parent=self)


def environment(scratch: Path) -> dict[str, str]:
    """The kernel's environment: the user's own, without what could change an output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KDLIB_", "MPL"))}
    style = scratch / "matplotlibrc"
    style.touch()
    return {
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        **kept,
        "PYTHONHASHSEED": "0",
        "TQDM_DISABLE": "1",  # bars print times
        "KDLIB_BOOK": "1",  # tables with captions and labels
        "IPYTHONDIR": str(scratch / "ipython"),
        "MATPLOTLIBRC": str(style),
        "KDLIB_RUNS": str(scratch / "runs"),
        "KDLIB_DATA": str(scratch / "data"),
    }


def execute(nb: NotebookNode, folder: Path, timeout: int = TIMEOUT, *, record_timing: bool = False) -> None:
    """Run every cell in a fresh kernel, in place. Raises nbclient's errors."""
    with tempfile.TemporaryDirectory(prefix="kdlib-run-", ignore_cleanup_errors=True) as scratch:
        client = NotebookClient(
            nb,
            kernel_name="python3",
            kernel_manager_class=ThisPython,
            timeout=timeout,
            resources={"metadata": {"path": str(folder)}},
            record_timing=record_timing,
            store_widget_state=False,
            coalesce_streams=True,
        )
        client.execute(env=environment(Path(scratch)))


def tidy(nb: NotebookNode) -> None:
    """Keep of the notebook's metadata and outputs what a reader sees, and nothing that changes by itself."""
    nb.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
    )
    for cell in nb.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA})
        if cell.cell_type == "code":
            for output in cell.outputs:
                data = output.get("data", {})
                if "text/html" in data:  # the widget's own page representation; the model's id is random
                    data.pop(WIDGET_VIEW, None)
            describe_figure(cell)


def describe_figure(cell: NotebookNode) -> None:
    """Move the figure's text alternative and caption to where the site takes them from.

    `kdlib.plots.show` puts them into the output's metadata and, for people in Jupyter, displays the caption
    after the figure; the site shows it as a figcaption, so that this second output is dropped.
    """
    found = [
        output.metadata[kind]
        for output in cell.outputs
        for kind in PICTURES
        if "caption" in output.get("metadata", {}).get(kind, {})
    ]
    if len(found) > 1:
        raise ValueError("a cell shows more than one figure: give each a cell of its own, for its caption")
    if not found:
        if "mystnb" in cell.metadata:  # the cell once showed a figure
            for key in ("image", "figure"):
                cell.metadata["mystnb"].pop(key, None)
            if not cell.metadata["mystnb"]:
                del cell.metadata["mystnb"]
        return
    figure = found[0]
    shown = cell.metadata.setdefault("mystnb", NotebookNode())
    shown.setdefault("image", NotebookNode()).update(
        alt=" ".join(figure["alt"].split()), classes="kd-photo" if figure.get("photo") else "kd-plot"
    )
    shown.setdefault("figure", NotebookNode()).update(caption=figure["caption"], name=figure["name"])
    cell.outputs = [output for output in cell.outputs if not is_caption(output)]


def is_caption(output: NotebookNode) -> bool:
    return 'class="kd-caption"' in output.get("data", {}).get("text/html", "")


def failure(nb: NotebookNode, error: Exception) -> str:
    """Which cell failed, and its last words."""
    where = ""
    for number, cell in enumerate(nb.cells):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            where = f"cell {number} ({first_line(cell.source)!r}): "
    words = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else str(error)
    return f"{where}{words}"


def first_line(source: str) -> str:
    return next((line for line in source.splitlines() if line.strip() and not line.startswith("#")), "")


def run(path: Path, timeout: int = TIMEOUT) -> bool:
    """Execute, tidy, stamp and save one notebook. True where the file changed."""
    nb = read(path)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    before = stamp(nb)
    try:
        execute(nb, path.resolve().parent, timeout)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise RuntimeError(failure(nb, error)) from error
    tidy(nb)
    if stamp(nb) != before:
        raise RuntimeError("kdlib changed while the notebook ran; run it again")
    nb.metadata["kdlib"] = {"stamp": before}
    return write(nb, path)


def attempt(path: Path) -> int:
    """Run one notebook and print a line on it; 1 where it failed."""
    start, failed = time.perf_counter(), 0
    try:
        result = "written" if run(path) else "unchanged"
    except (RuntimeError, ValueError, SyntaxError) as error:
        result, failed = f"FAILED, left as it was: {error}", 1
    print(f"{path.name}: {time.perf_counter() - start:.1f} s, {result}", flush=True)
    return failed


def main() -> int:
    if sys.platform == "win32":  # zmq needs this event loop
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    paths = chosen(sys.argv[1:])
    with ProcessPoolExecutor(min(WORKERS, len(paths))) as pool:
        failed = max(pool.map(attempt, paths))
    for path in proofs.copy():
        print(f"{path.name}: numbers copied from the evidence")
    return failed


if __name__ == "__main__":
    sys.exit(main())
