"""Outside of the sandbox: inputs, verdicts, points. One submission, then all of a folder."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, current_thread
from typing import Any, NamedTuple

from kdlib import __version__, files, progress
from kdlib.grade import feedback, sandbox, submission, values
from kdlib.grade.exercise import FILE, Exercise, load

SECONDS, START = 10, 60  # an exercise's, and what a busy machine may take to start Python


@dataclass
class Grade:
    """What a learner gets: points and words for each label, and what was odd about the notebook."""

    learner: str
    points: dict[str, float] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


class Course(NamedTuple):
    """What the grading of all submissions shares; `folder` is where notes and pages go."""

    exercises: list[Exercise]
    key: bytes
    folder: Path
    unsafe: bool
    stop: Event


def found(folder: Path) -> Iterator[tuple[str, Path]]:
    """Learner and path: a file a learner, or a folder with one notebook in it. Hidden ones are left out."""
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            name = plain(path.stem if path.suffix == ".ipynb" else path.name)
            if len(name.encode()) > 200:  # files are named by it
                name = f"{name[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
            yield name, path


def plain(text: str) -> str:
    """Text that any terminal, table or page can show: no control characters."""
    return "".join(c if c.isprintable() else " " if c.isspace() else ascii(c)[1:-1] for c in text[:500])


def grade(got: Grade, notebook: bytes, exercises: list[Exercise], command: list[str], stop: Event) -> None:
    """Grade one submission, whose grade is 0 before. ValueError where it is no notebook."""
    given = submission.read(notebook, {e.label: e.function for e in exercises})
    got.remarks += given.remarks[:20]
    asked = [(e, e.check.rounds(e.seed)) for e in exercises if e.label in given.cells]
    tasks = [task(e, given.cells[e.label], rounds) for e, rounds in asked]
    request = {"setup": given.setup, "tasks": tasks, "seconds": SECONDS}
    out, reason = sandbox.run(command, json.dumps(request).encode(), START + (SECONDS + 1) * len(tasks), stop)
    got.remarks += [reason] if reason else []
    answers = lines(out)
    for e, rounds in asked:
        answer = answers.get(e.label, {"error": reason or "It gave no result. Does it for you?"})
        right, got.messages[e.label] = verdict(e, rounds, answer)
        got.points[e.label] = e.points if right else 0.0


def task(exercise: Exercise, source: str, rounds: list[tuple[Any, ...]]) -> dict[str, Any]:
    own = {"label": exercise.label, "function": exercise.function, "learns": exercise.check.learns}
    return {**own, "source": source, "rounds": values.written(rounds)}


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


def grade_all(submissions: Path, checks: Path, out: Path, *, jobs: int, unsafe: bool = False) -> list[Grade]:
    """Grade a folder; writes the table, and a page a learner. What was graded before is kept.

    Raises:
        ValueError: in words, where the checks are wrong or there is no sandbox and `unsafe` is not given.
    """
    if not submissions.is_dir():
        raise ValueError(f"{submissions} is no folder")
    exercises, todo = load(checks), list(found(submissions))
    learners = [learner for learner, _ in todo]
    if twice := {learner for learner in learners if learners.count(learner) > 1}:
        raise ValueError(f"{min(twice)!r} is the name of two submissions in {submissions}")
    if not unsafe and (trouble := sandbox.trouble()):
        raise ValueError(f"{trouble}. With --unsafe a learner's code could read and delete your files")
    out.with_suffix("").mkdir(parents=True, exist_ok=True)
    key = (checks / FILE).read_bytes() + __version__.encode()
    course, grades = Course(exercises, key, out.with_suffix(""), unsafe, Event()), list[Grade]()
    with ThreadPoolExecutor(jobs) as pool, progress.bar(len(todo), "graded", unit="notebook") as bar:
        try:
            for future in as_completed([pool.submit(one, course, *item) for item in todo]):
                grades.append(future.result())
                bar.update()
        except BaseException:
            course.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    grades.sort(key=lambda got: got.learner)
    feedback.table(grades, exercises, out)
    return grades


def one(course: Course, learner: str, path: Path) -> Grade:
    """A learner's grade, kept from before or new, and its page. Whatever is handed in, there is one."""
    note, digest = course.folder / f"{learner}.json", ""
    none = {e.label: "Not handed in." for e in course.exercises}
    got = Grade(learner, dict.fromkeys(none, 0.0), none)
    try:
        notebook = submission.content(path)
        digest = hashlib.sha256(course.key + notebook).hexdigest()
        if old := kept(note, digest):
            return old
        user = int(current_thread().name.rpartition("_")[2])  # its number in the pool
        command = sandbox.WORKER if course.unsafe else sandbox.sandboxed(sandbox.WORKER, user)
        grade(got, notebook, course.exercises, command, course.stop)
    except Exception as error:  # the others are graded
        said = error if isinstance(error, ValueError) else f"it cannot be graded ({type(error).__name__})"
        got.remarks.append(f"{path.name}: {said}.")
    got.messages = {label: plain(said) for label, said in got.messages.items()}
    got.remarks = [plain(remark) for remark in got.remarks]
    if not course.stop.is_set():
        files.write_text(note, json.dumps({"digest": digest, **asdict(got)}))
        files.write_text(note.with_suffix(".html"), feedback.page(got, course.exercises))
    return got


def kept(note: Path, digest: str) -> Grade | None:
    """What was graded before, where neither notebook nor checks have changed since."""
    with suppress(OSError, ValueError, KeyError, TypeError):  # nothing there, or by another version
        old = json.loads(note.read_text("utf-8"))
        if old.pop("digest") == digest:
            return Grade(**old)
    return None
