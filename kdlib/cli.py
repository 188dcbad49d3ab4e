"""The command line, `python -m kdlib`.

`data` lists, fetches, verifies and clears the data sets; `run` runs the experiments that have no record yet;
`show` prints what the records say; `grade` marks learners' notebooks.

It exits with 0 when all is well, 1 when something failed (a line on stderr says what), 2 for wrong usage.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kdlib import data
from kdlib.data import bundle, cache, chest_xray, full
from kdlib.experiments import ledger, runner

FULL_COUNTS = {"cifar10": "train 50,000, test 10,000"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m kdlib", description="The command line of the book's module."
    )
    commands = parser.add_subparsers(title="commands", required=True)
    add_data(commands.add_parser("data", help="list, fetch, verify and clear the data sets"))
    add_run(commands.add_parser("run", help="run the experiments that have no record yet"))
    add_show(commands.add_parser("show", help="print the results of the recorded experiments"))
    add_grade(commands.add_parser("grade", help="grade the notebooks of learners, in a sandbox"))
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever reads has seen enough, as in `show | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, ValueError, ImportError, ArithmeticError) as error:  # the last: training that diverged
        print(f"kdlib: {' '.join(str(error).split())}", file=sys.stderr)
    except KeyboardInterrupt:
        print("kdlib: stopped; called again, it goes on from here", file=sys.stderr)
    return 1


def add_data(parser: argparse.ArgumentParser) -> None:
    """The options of `data`."""
    parser.set_defaults(run=list_data)
    actions = parser.add_subparsers(title="actions (none: list)")
    fetch = actions.add_parser("fetch", help="put a full data set into the cache")
    fetch.add_argument("name", choices=data.SPLITS)
    fetch.add_argument("--from", dest="source", metavar="PATH", help="a copy got elsewhere")
    fetch.add_argument("--resolution", type=int, help="of the X-rays, 8 to 224 pixels (64)")
    fetch.set_defaults(run=fetch_data)
    verify = actions.add_parser("verify", help="compare the bundle and the cache with their SHA-256")
    verify.add_argument("name", nargs="?", choices=data.SPLITS)
    verify.set_defaults(run=verify_data)
    clear = actions.add_parser("clear", help="delete full data sets from the cache")
    clear.add_argument("name", nargs="?", choices=data.SPLITS)
    clear.set_defaults(run=clear_data)


def add_run(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    parser.add_argument("name", choices=runner.EXPERIMENTS)
    parser.add_argument("--scale", default="cpu", choices=runner.SCALES)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="arms that match, as in 'tutorial-*'")
    parser.add_argument("--seeds", type=int, nargs="+", help="these seeds instead of all")
    parser.set_defaults(run=run_experiments)


def run_experiments(arguments: argparse.Namespace) -> int:
    """Run what has no record yet."""
    count = runner.run(arguments.name, arguments.scale, only=arguments.only, seeds=arguments.seeds)
    print(f"{count} runs done; records in {ledger.folder()}")
    return 0


def add_show(parser: argparse.ArgumentParser) -> None:
    """The options of `show`."""
    parser.add_argument("name", nargs="?", choices=runner.EXPERIMENTS)
    parser.add_argument("--scale", default="cpu", choices=runner.SCALES)
    parser.set_defaults(run=show_experiments)


def show_experiments(arguments: argparse.Namespace) -> int:
    """Print one line an arm: the mean over the seeds of its test errors or other headline, with interval.

    1 where a record cannot be trusted.
    """
    bad = 0
    for name in [arguments.name] if arguments.name else runner.EXPERIMENTS:
        try:
            print("\n".join(runner.table(name, arguments.scale)))
        except ledger.RecordError as error:  # the other tables are shown all the same
            print(f"kdlib: {error}", file=sys.stderr)
            bad = 1
    return bad


def add_grade(parser: argparse.ArgumentParser) -> None:
    """The options of `grade`."""
    parser.add_argument("submissions", type=Path, help="a notebook or a folder for each learner")
    parser.add_argument("--checks", type=Path, required=True, metavar="FOLDER", help="holds checks.py")
    parser.add_argument("--out", type=Path, default=Path("grades.csv"), metavar="FILE", help="the table")
    parser.add_argument("--marks", type=Path, metavar="FILE", help="a table of points given by hand")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="notebooks at a time")
    parser.add_argument("--unsafe", action="store_true", help="no sandbox: their code may do what you may do")
    parser.set_defaults(run=grade_submissions)


def grade_submissions(arguments: argparse.Namespace) -> int:
    """Grade a folder; 1 where a notebook could not be graded whole."""
    try:
        from kdlib.grade import grading  # here: it wants psutil, which readers need not have
    except ModuleNotFoundError as error:
        raise ImportError(f"{error}: pip install psutil") from error
    if arguments.jobs < 1:
        raise ValueError(f"--jobs is {arguments.jobs}; it must be 1 or more")

    known = {"jobs": arguments.jobs, "unsafe": arguments.unsafe, "marks": arguments.marks}
    grades = grading.grade_all(arguments.submissions, arguments.checks, arguments.out, **known)
    for grade in grades:
        print(f"{sum(grade.points.values()):6g}  {grade.learner}  {' '.join(grade.remarks)}".rstrip())
    print(f"{len(grades)} graded; {arguments.out}, and a page a learner in {arguments.out.with_suffix('')}")
    if broken := [grade.learner for grade in grades if not grade.whole]:
        print(f"kdlib: could not be graded whole: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def list_data(arguments: argparse.Namespace) -> int:
    """Print each data set's copies: splits and images, path, size, whether it is verified."""
    for name in data.SPLITS:
        print(f"{name}\n  bundled: {bundled_counts(name)}")
        print(f"    {bundle.FOLDER} ({megabytes(bundled_files(name))}): {bundle_state(name)}")
        if name == "mnist":
            continue
        print(f"  full: {FULL_COUNTS.get(name) or bundled_counts(name)}")
        for path in cache.files_of(name):
            print(f"    {path} ({megabytes([path])}): {cached_state(path)}")
        if not cache.files_of(name):
            print(f"    not in {cache.folder()}; python -m kdlib data fetch {name}")
    return 0


def fetch_data(arguments: argparse.Namespace) -> int:
    """Fetch one full data set."""
    if arguments.resolution is not None and arguments.name != "chest_xray":
        raise ValueError(f"--resolution is {arguments.resolution}; only chest_xray has a choice")
    if arguments.name == "mnist":
        print("all of mnist is bundled; there is nothing to fetch")
        return 0
    size = 64 if arguments.resolution is None else arguments.resolution
    path = full.fetch(arguments.name, arguments.source, size)
    print(f"{arguments.name}: {path} ({megabytes([path])}), verified")
    return 0


def verify_data(arguments: argparse.Namespace) -> int:
    """Verify the bundle and the cache; 1 where a file is damaged."""
    sound = True
    for name in [arguments.name] if arguments.name else data.SPLITS:
        states = {f"{name}, bundled": bundle_state(name)}
        states |= {str(path): cached_state(path) for path in cache.files_of(name)}
        for what, state in states.items():
            print(f"{what}: {state}")
        sound = sound and set(states.values()) == {"verified"}
    return 0 if sound else 1


def clear_data(arguments: argparse.Namespace) -> int:
    """Delete full data sets from the cache; the bundle stays."""
    names = [arguments.name] if arguments.name else list(full.NAMES)
    deleted = [path for name in names for path in cache.clear(name)]
    for path in deleted:
        print(f"deleted {path}")
    if not deleted:
        print(f"nothing of {' or '.join(names)} in {cache.folder()}")
    return 0


def bundled_counts(name: str) -> str:
    """Splits and their numbers of images in the bundle, as text."""
    if name == "chest_xray":
        known = chest_xray.kaggle_files()
        counts = {split: len(chest_xray.indices(known, split)) for split in data.SPLITS[name]}
    else:
        arrays = bundle.manifest()[name]
        counts = {split: arrays[f"{split}_images"]["shape"][0] for split in data.SPLITS[name]}
    return ", ".join(f"{split} {count:,}" for split, count in counts.items())


def bundled_files(name: str) -> list[Path]:
    """The files of the bundle that belong to a data set."""
    return [bundle.FOLDER / file for entry in bundle.manifest()[name].values() for file in entry["files"]]


def bundle_state(name: str) -> str:
    """ "verified", or what is wrong with the bundled files and what to do."""
    try:
        bundle.array.cache_clear()
        for key in bundle.manifest()[name]:
            bundle.array(name, key)
    except OSError as error:
        return f"DAMAGED: {error}"
    return "verified"


def cached_state(path: Path) -> str:
    """ "verified", or what is wrong with the cached file."""
    try:
        full.verified(path)
    except cache.AlteredError as error:
        return f"DAMAGED: {error}; it is remade when it is next read, X-rays from KDLIB_CHEST_XRAY"
    except OSError as error:
        return f"NOT USABLE: {error}"
    return "verified"


def megabytes(paths: Sequence[Path]) -> str:
    """The size of some files, as text."""
    return f"{sum(path.stat().st_size for path in paths if path.exists()) / 1e6:.1f} MB"
