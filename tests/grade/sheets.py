"""Small assignments and notebooks, and what a class hands in."""

import json
from pathlib import Path

PRIVATE = """
from kdlib.check import Check
from kdlib.grade import Exercise


def doubled(x):
    return 2 * x


def mean_of(x):
    return x.mean()


EXERCISES = [
    Exercise(Check("ex-t-doubled", lambda draw: (draw.normal(3, 2),), doubled, "Times two.", {"That is the square.": lambda x: x**2}), "doubled", points=2, seed=7),
    Exercise(Check("ex-t-mean", lambda draw: (draw.normal(4),), mean_of, "Add, divide.", {"That is the sum.": lambda x: x.sum()}, learns=True), "mean_of", seed=7),
]
"""
DOUBLED = "# Exercise ex-t-doubled. Keep this line.\ndef doubled(x):\n    return x + x"
MEAN = "# Exercise ex-t-mean. Keep this line.\ndef mean_of(x):\n    return x.sum() / len(x)"
SETUP = "# Set-up of the exercises. Keep this line.\nimport torch"
FULL = [SETUP, DOUBLED, MEAN]


def notebook(path: Path, sources: list[str]) -> Path:
    """Write a notebook with these code cells."""
    cells = [
        {"cell_type": "code", "source": source.splitlines(True), "metadata": {}, "outputs": []}
        for source in sources
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    return path


def assignment(folder: Path) -> Path:
    """A folder of private checks."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checks.py").write_text(PRIVATE, "utf-8")
    return folder
