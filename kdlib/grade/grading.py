"""Outside of the sandbox: inputs, verdicts, points. One submission, then all of a folder."""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event, current_thread
from typing import Any, NamedTuple
from unicodedata import normalize

from kdlib import check, files, progress
from kdlib.check.checking import observed
from kdlib.grade import feedback, sandbox, submission, values
from kdlib.grade.exercise import FILE, Exercise, load
from kdlib.grade.feedback import Grade

SECONDS, START = 10, 60  # an exercise's, and what a busy machine may take to start Python
PATIENCE = 4 * SECONDS  # of the clock, for who sleeps and for a busy machine
BOOK = {one.exercise for one in vars(check).values() if isinstance(one, check.Check)}  # labels


class Course(NamedTuple):
    """What the grading of all submissions shares; `folder` is where notes go."""

    exercises: list[Exercise]
    key: bytes
    folder: Path
    unsafe: bool
    stop: Event


def found(folder: Path) -> Iterator[tuple[str, Path]]:
    """Learner and path: a notebook a learner, or a folder of them. Hidden ones are left out."""
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        if not submission.is_notebook(path) and not path.is_dir():
            print(f"kdlib: no notebook and no folder, left out: {plain(path.name)}", file=sys.stderr)
            continue
        name = plain(normalize("NFC", path.stem if submission.is_notebook(path) else path.name))
        if len(name.encode()) > 200:  # files are named by it
            name = f"{name[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        yield name, path


def plain(text: str) -> str:
    """Text that any terminal, table or page can show: no control characters."""
    return "".join(c if c.isprintable() else " " if c.isspace() else ascii(c)[1:-1] for c in text[:500])


def grade(got: Grade, notebooks: dict[str, bytes], course: Course, command: list[str]) -> None:
    """Grade one submission, whose grade is 0 before."""
    cells, remarks = submission.read(notebooks, {e.label: e.function for e in course.exercises}, BOOK)
    asked = [(e, e.check.rounds(e.seed)) for e in course.exercises if e.label in cells]
    tasks = [task(e, cells[e.label], rounds) for e, rounds in asked]
    answers = answered(tasks, command, course.stop)
    got.remarks += remarks[:20]
    for e, rounds in asked:
        right, got.messages[e.label] = verdict(e, rounds, answers[e.label])
        got.points[e.label] = e.points if right else 0.0
    said = [*remarks, *got.messages.values()]
    got.whole = not any(one.endswith((submission.NO_NOTEBOOK, sandbox.TOO_LONG)) for one in said)


def answered(tasks: list[dict[str, Any]], command: list[str], stop: Event) -> dict[str, dict[str, Any]]:
    """What the sandbox says of each task. One at which it had to be ended does not cost those after it."""
    answers: dict[str, dict[str, Any]] = {}
    while tasks:
        request = json.dumps({"tasks": tasks, "seconds": SECONDS, "patience": PATIENCE}).encode()
        out, reason = sandbox.run(command, request, START + (PATIENCE + 1) * len(tasks), stop)
        labels = [task["label"] for task in tasks]
        found = {label: answer for label, answer in lines(out).items() if label in labels}
        first = next((i for i, label in enumerate(labels) if label not in found), len(labels))
        answers |= found
        for label in labels[first : first + 1]:
            answers[label] = {"error": reason or "It gave no result. Does it for you?"}
        tasks = [task for task in tasks[first + 1 :] if task["label"] not in found]
    return answers


def task(exercise: Exercise, sources: list[str], rounds: list[tuple[Any, ...]]) -> dict[str, Any]:
    own = {"label": exercise.label, "function": exercise.function, "learns": exercise.check.learns}
    return {**own, "sources": sources, "rounds": values.written(rounds)}


def try_out(exercise: Exercise) -> None:
    """Raise ValueError where a check fails with its own inputs: nobody else should pay for that."""
    rule = exercise.check
    try:
        rounds = rule.rounds(exercise.seed)
        said = rule.judge(rounds, [observed(rule.right, given, rule.learns) for given in rounds])
    except Exception as error:
        raise ValueError(f"the check of {exercise.label} stops: {type(error).__name__}: {error}") from error
    if not said.passed:
        raise ValueError(f"the check of {exercise.label} does not pass its own solution: {said.message}")


def lines(out: bytes) -> dict[str, dict[str, Any]]:
    """The first line of each label that can be read; whoever wrote it, it gives values only."""
    answers: dict[str, dict[str, Any]] = {}
    said = [line for line in out.split(b"\n") if line.startswith(b'{"label": "')]
    for line in said[:1000]:
        with suppress(ValueError, TypeError, RecursionError):
            answer = json.loads(line)
            answers.setdefault(str(answer["label"]), answer)
    return answers


def verdict(exercise: Exercise, rounds: list[tuple[Any, ...]], answer: dict[str, Any]) -> tuple[bool, str]:
    """Right or not, and why, from what came out of the sandbox. Nothing in it is trusted."""
    try:
        if "error" in answer:
            return False, str(answer["error"])
        both = zip(answer["rounds"], rounds, strict=True)
        seen = [([t.double() for t in values.read(one["values"])], bool(one["changed"])) for one, _ in both]
        said = exercise.check.judge(rounds, seen)
    except Exception:  # whatever they think of
        return False, "It gave no result that can be read."
    return said.passed, said.message


def grade_all(
    submissions: Path, checks: Path, out: Path, *, jobs: int, unsafe: bool = False, marks: Path | None = None
) -> list[Grade]:
    """Grade a folder; writes the table, and a page a learner. What was graded before is kept.

    `marks` is a table of the points that a teacher gave. They win over the machine's.

    Raises:
        ValueError: in words, where the checks are wrong or there is no sandbox and `unsafe` is not given.
    """
    if out.resolve().is_relative_to(submissions.resolve()):
        raise ValueError(f"--out {out} lies among the submissions and would be graded; take another folder")
    if not out.suffix:
        raise ValueError(f"--out {out} is no table's name; take {out}.csv")
    todo, listed = list(found(submissions)), load(checks)
    exercises = [one for one in listed if isinstance(one, Exercise)]
    learners = [learner for learner, _ in todo]
    if twice := {learner for learner in learners if learners.count(learner) > 1}:
        raise ValueError(f"{min(twice)!r} is the name of two submissions in {submissions}")
    by_hand = feedback.by_hand(marks, learners, listed)
    if not unsafe and (trouble := sandbox.trouble()):
        raise ValueError(f"{trouble}. With --unsafe a learner's code could read and delete your files")
    for exercise in exercises:
        try_out(exercise)
    out.with_suffix("").mkdir(parents=True, exist_ok=True)
    # Checks ask for trusted code in many rooms.
    key = b"".join(one.read_bytes() for one in (checks / FILE, *sorted(sandbox.PACKAGE.rglob("*.py"))))
    course, grades = Course(exercises, key, out.with_suffix(""), unsafe, Event()), list[Grade]()
    with ThreadPoolExecutor(jobs) as pool, progress.bar(len(todo), "graded", unit="notebook") as bar:
        try:
            for future in as_completed([pool.submit(one, course, *item) for item in todo]):
                grades.append(got := future.result())
                for label, mark in by_hand[got.learner].items():
                    got.points[label], got.messages[label] = mark
                files.write_text(course.folder / f"{got.learner}.html", feedback.page(got, listed))
                bar.update()
        finally:
            course.stop.set()
            pool.shutdown(cancel_futures=True)
    grades.sort(key=lambda got: got.learner)
    feedback.table(grades, listed, out)
    return grades


def one(course: Course, learner: str, path: Path) -> Grade:
    """A learner's grade by the machine, kept from before or new. Whatever is handed in, there is one."""
    note, digest = course.folder / f"{learner}.json", ""
    none = {e.label: "Not handed in." for e in course.exercises}
    got = Grade(learner, dict.fromkeys(none, 0.0), none)
    if again := re.search(r" \((\d+)\)$", learner):
        got.remarks.append(f"By its ({again[1]}) it may be a second download of {learner[: again.start()]}.")
    try:
        notebooks = submission.content(path)
        digest = hashlib.sha256(course.key + repr(notebooks).encode()).hexdigest()
        if old := kept(note, digest):
            return old
        user = int(current_thread().name.rpartition("_")[2])  # its number in the pool
        command = sandbox.WORKER if course.unsafe else sandbox.sandboxed(sandbox.WORKER, user)
        grade(got, notebooks, course, command)
    except Exception as error:  # the others are graded
        said = error if isinstance(error, ValueError) else f"it cannot be graded ({type(error).__name__})"
        got.remarks.append(f"{path.name}: {said}.")
        got.whole = False
    got.messages = {label: plain(said) for label, said in got.messages.items()}
    got.remarks = [plain(remark) for remark in got.remarks]
    slow = any("It took" in said for said in got.messages.values())  # next time it may be quicker
    if not course.stop.is_set():
        files.write_text(note, json.dumps({"digest": "" if slow else digest, **asdict(got)}))
    return got


def kept(note: Path, digest: str) -> Grade | None:
    """What was graded before, where neither notebooks nor checks have changed since."""
    with suppress(OSError, ValueError, KeyError, TypeError):  # nothing there, or by another version
        old = json.loads(note.read_text("utf-8"))
        if old.pop("digest") == digest:
            return Grade(**old)
    return None
