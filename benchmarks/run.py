"""`make bench`: measures what the book promises, prints a line a figure, and fails where a target is missed.

Each module benchmarks/bench_*.py has one function, `measure() -> list[dict]`, and each dict says

    name    what is measured
    value   the number
    unit    for example "s"; "" for ratios
    target  the promised number, or None
    better  "lower" or "higher"
    not_run why nothing was measured; only where something is missing that not every machine has

All figures and the machine go into benchmarks/results.json. With names (`python benchmarks/run.py slider`)
only those modules run, and the file is left alone.
"""

import datetime
import importlib
import json
import math
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "pillow",
    "matplotlib",
    "anywidget",
    "jupyter-book",
    "playwright",
)


def machine() -> dict[str, Any]:
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := installed(name))},
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def cpu() -> str:
    """The processor's name; Linux alone keeps it in a file."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def met(figure: dict[str, Any]) -> bool | None:
    """Whether the figure is a number and on the right side of its target; None where it was not run."""
    value, target = figure["value"], figure.get("target")
    if figure["better"] not in ("lower", "higher"):
        raise ValueError(f"better is {figure['better']!r} in {figure['name']!r}; say lower or higher")
    if figure.get("not_run"):
        return None
    if value is None or not math.isfinite(value):
        return False
    return target is None or (value <= target if figure["better"] == "lower" else value >= target)


def line(figure: dict[str, Any]) -> str:
    """`name: value (target)`."""
    if figure.get("not_run"):
        return f"{figure['name']}: not run: {figure['not_run']}"
    unit = f" {figure['unit']}" if figure.get("unit") else ""
    if figure["value"] is None:
        return f"{figure['name']}: nothing measured"
    value = f"{figure['value']:.4g}"
    if figure.get("target") is None:
        return f"{figure['name']}: {value}{unit} (no target)"
    side = "at most" if figure["better"] == "lower" else "at least"
    missed = "" if met(figure) else " MISSED"
    return f"{figure['name']}: {value}{unit} ({side} {figure['target']:.4g}{unit}){missed}"


def measured(module: str) -> list[dict[str, Any]]:
    """The module's figures; one that breaks is a missed figure, and the others are still measured."""
    try:
        return list(importlib.import_module(module).measure())
    except Exception as error:
        broke = f"{module} broke: {type(error).__name__}: {error}"
        return [{"name": broke, "value": None, "unit": "", "target": None, "better": "lower"}]


def main() -> int:
    sys.path.insert(0, str(HERE))
    only = [f"bench_{name.removeprefix('bench_')}" for name in sys.argv[1:]]
    figures = []
    for module in only or sorted(path.stem for path in HERE.glob("bench_*.py")):
        for figure in measured(module):
            print(line(figure), flush=True)
            figures.append({**figure, "met": met(figure)})
    if not figures:
        print("There is no benchmark: benchmarks/bench_*.py")
        return 1
    if not only:
        text = json.dumps({"machine": machine(), "figures": figures}, indent=1) + "\n"
        (HERE / "results.json").write_text(text, encoding="utf-8")
    return 0 if all(figure["met"] or figure["met"] is None for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
