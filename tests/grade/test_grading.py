"""Grading without a sandbox: what is refused in words, what is kept, what is written."""

import csv
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from threading import Event

import pytest
from sheets import DOUBLED, FULL, MEAN, SETUP, assignment, notebook

from kdlib import cli
from kdlib.check import Check
from kdlib.grade import Exercise, exercise, feedback, grading, sandbox, submission

BEGIN = "from kdlib import check\nfrom kdlib.grade import Exercise\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no EXERCISES"),
        ("EXERCISES = []", "has no EXERCISES"),
        ("1 / 0", "stopped: ZeroDivisionError"),
        (f"{BEGIN}EXERCISES = [Exercise(check.kl, 'kl')] * 2", "twice"),
        (f"{BEGIN}Exercise(check.kl, 'kl', points=0)", "points is 0"),
        (f"{BEGIN}Exercise(check.kl, 'k l')", "function is 'k l'"),
    ],
)  # fmt: skip
def test_wrong_checks_are_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "checks.py").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=said):
        exercise.load(tmp_path)


def test_checks_that_are_missing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no checks\.py"):
        exercise.load(tmp_path)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"rounds": 3},
        {"rounds": []},
        {"rounds": [None] * 4},
        {"rounds": [{"values": 1, "changed": 0}]},
        {"rounds": [{"values": [None], "changed": False}] * 4},
        {"rounds": [{"values": [3], "changed": False}] * 4},
    ],
)
def test_an_answer_that_cannot_be_read_is_worth_nothing(tmp_path: Path, answer: dict[str, object]) -> None:
    first = exercise.load(assignment(tmp_path))[0]
    passed, said = grading.verdict(first, first.check.rounds(7), answer)
    assert not passed and said == "It gave no result that can be read."


def test_the_first_line_of_a_label_counts_and_noise_is_left_out() -> None:
    out = b'noise\n{"label": 3}\n{"label": "a", "n": 1}\n\xff\n[]\n{"label": "a", "n": 2}\n' + b"[" * 99_999
    assert grading.lines(out) == {"a": {"label": "a", "n": 1}}


def test_a_flood_of_lines_takes_no_time() -> None:
    start = time.monotonic()
    assert grading.lines(b"\n" * 2_000_000 + b'{"label": "\n' * 150_000) == {}
    assert time.monotonic() - start < 5


def graded(folder: Path, *more: str) -> dict[str, dict[str, str]]:
    out = folder / "grades.csv"
    arguments = ["grade", str(folder / "inbox"), "--checks", str(folder / "private"), "--out", str(out)]
    assert cli.main([*arguments, *more]) == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        return {row["learner"]: row for row in csv.DictReader(file)}


def test_a_class_is_graded_and_what_did_not_change_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment(tmp_path / "private")
    notebook(tmp_path / "inbox" / "ann.ipynb", FULL)
    notebook(tmp_path / "inbox" / "bo" / "mine.ipynb", [SETUP, DOUBLED.replace("x + x", "x ** 2")])
    notebook(tmp_path / "inbox" / "bo" / "more.ipynb", [SETUP, MEAN])
    (tmp_path / "inbox" / ".hidden").touch()
    rows = graded(tmp_path, "--unsafe")
    assert {name: row["total"] for name, row in rows.items()} == {"ann": "3", "bo": "1"}
    page = (tmp_path / "grades" / "bo.html").read_text("utf-8")
    assert "That is the square." in page and "1 of 3 points" in page
    assert "2 graded" in capsys.readouterr().out

    ran = []

    def again(got: grading.Grade, *rest: object) -> None:
        ran.append(got.learner)

    monkeypatch.setattr(grading, "grade", again)
    assert graded(tmp_path, "--unsafe") == rows and not ran
    notebook(tmp_path / "inbox" / "ann.ipynb", [*FULL, ""])
    graded(tmp_path, "--unsafe")
    assert ran == ["ann"]
    with (tmp_path / "private" / "checks.py").open("a") as file:
        file.write("\n")
    graded(tmp_path, "--unsafe")
    assert sorted(ran) == ["ann", "ann", "bo"]


def test_without_a_sandbox_it_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment(tmp_path / "private")
    notebook(tmp_path / "inbox" / "ann.ipynb", FULL)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    monkeypatch.setattr(sandbox.sys, "platform", "linux")
    arguments = ["grade", str(tmp_path / "inbox"), "--checks", str(tmp_path / "private")]
    assert cli.main([*arguments, "--out", str(tmp_path / "grades.csv")]) == 1
    said = capsys.readouterr().err
    assert "bubblewrap is not installed" in said and "--unsafe" in said
    assert not (tmp_path / "grades.csv").exists()


def test_grades_among_the_submissions_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment(tmp_path / "private")
    notebook(tmp_path / "inbox" / "ann.ipynb", FULL)
    arguments = ["grade", str(tmp_path / "inbox"), "--checks", str(tmp_path / "private")]
    assert cli.main([*arguments, "--out", str(tmp_path / "inbox" / "week" / "grades.csv"), "--unsafe"]) == 1
    assert "lies among the submissions" in capsys.readouterr().err


def test_an_exercise_at_which_the_sandbox_ends_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: object, request: bytes, *rest: object) -> tuple[bytes, str]:
        out = b""
        for task in json.loads(request)["tasks"]:
            if task["label"] == "greedy":
                return out, "It took more than 3 GB of memory."
            out += json.dumps({"label": task["label"], "rounds": []}).encode() + b"\n"
        return out, ""

    monkeypatch.setattr(sandbox, "run", run)
    tasks = [{"label": label} for label in ("first", "greedy", "then", "last")]
    found = grading.answered(tasks, [], Event())
    assert found.pop("greedy") == {"error": "It took more than 3 GB of memory."}
    assert found == {label: {"label": label, "rounds": []} for label in ("first", "then", "last")}


@pytest.mark.parametrize("name", ["nowhere", "inbox/ann.ipynb"])
def test_a_folder_that_is_none_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook(tmp_path / "inbox" / "ann.ipynb", FULL)
    assert cli.main(["grade", str(tmp_path / name), "--checks", str(tmp_path)]) == 1
    assert re.search("No such file|Not a directory", capsys.readouterr().err)


def test_the_guides_checks_grade_two_sheets_of_a_learner(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    guide = (root / "book" / "grading.md").read_text("utf-8")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "checks.py").write_text(guide.split("```python\n")[1].split("```")[0], "utf-8")
    for learner, folder in (("ann", "teachers"), ("bo", "learners")):
        (tmp_path / "inbox" / learner).mkdir(parents=True)
        for name in ("01_temperature.ipynb", "02_loss.ipynb"):
            shutil.copy(root / "classroom" / folder / name, tmp_path / "inbox" / learner)
    rows = graded(tmp_path, "--unsafe")
    assert {name: (row["total"], row["remarks"]) for name, row in rows.items()} == {
        "ann": ("3", ""),
        "bo": ("0", ""),
    }
    assert "Is there a return?" in (tmp_path / "grades" / "bo.html").read_text("utf-8")


def test_two_submissions_of_one_name_are_refused(tmp_path: Path) -> None:
    notebook(tmp_path / "inbox" / "ann.ipynb", FULL)
    notebook(tmp_path / "inbox" / "ann" / "a.ipynb", FULL)
    with pytest.raises(ValueError, match="'ann' is the name of two submissions"):
        grading.grade_all(
            tmp_path / "inbox", assignment(tmp_path / "p"), tmp_path / "g.csv", jobs=1, unsafe=True
        )


def test_what_a_learner_writes_is_text_in_page_and_table(tmp_path: Path) -> None:
    one = [Exercise(Check("ex-t", lambda draw: (1,), abs, "", {}), "f")]
    got = grading.Grade("<b>=x", {"ex-t": 0.0}, {"ex-t": "<script>alert(1)</script>"}, ["=1+1", "<i>"])
    page = feedback.page(got, one)
    assert "<script>alert" not in page and "<b>" not in page and "<i>" not in page
    feedback.table([grading.Grade("=cmd", {"ex-t": 1.0}, {"ex-t": ""}, ["@x"])], one, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text("utf-8-sig").splitlines()[1] == '"\'=cmd","1","1","\'@x"'


def test_no_cell_is_a_formula_where_semicolons_separate(tmp_path: Path) -> None:
    one = [Exercise(Check("ex-t", lambda draw: (1,), abs, "", {}), "f")]
    got = grading.Grade("Gus;=1+1;", {"ex-t": 1.0}, {"ex-t": ""}, ["a;=2+2;b.ipynb: it is no notebook."])
    feedback.table([got], one, tmp_path / "t.csv")
    for separator in (",", ";"):
        with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, delimiter=separator))
        assert not [cell for row in rows for cell in row if cell.startswith("=")]


def test_names_and_words_from_outside_are_plain_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def rude(got: grading.Grade, *rest: object) -> None:
        got.messages["ex-t-mean"] = "\x1b[2J\ud800\u202e\0 end\nof it"
        got.remarks += ["\x1b[2J"] * 2

    monkeypatch.setattr(grading, "grade", rude)
    assignment(tmp_path / "private")
    for name in ("a\x1b[31m\nb", "n" * 249, "a", "a.html", "a.json"):
        notebook(tmp_path / "inbox" / f"{name[:249]}.ipynb", FULL)
    notebook(tmp_path / "inbox" / os.fsdecode(b"\xff") / "x.ipynb", FULL)
    rows = graded(tmp_path, "--unsafe")
    assert len(rows) == 6 and {"a\\x1b[31m b", "\\udcff", "a", "a.html", "a.json"} < set(rows)
    assert "\x1b" not in capsys.readouterr().out
    page = (tmp_path / "grades" / "a.html").read_text("utf-8")
    assert "<h1>a</h1>" in page and r"\x1b[2J\ud800\u202e\x00 end of it" in page


def test_what_cannot_be_read_is_a_row_and_nobody_else_is_hurt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(got: grading.Grade, notebooks: dict[str, bytes], *rest: object) -> None:
        if "lost.ipynb" in notebooks:
            raise MemoryError

    monkeypatch.setattr(grading, "grade", broken)
    assignment(tmp_path / "private")
    inbox = tmp_path / ".hidden" / "inbox"
    notebook(inbox / "good" / "a.ipynb", FULL)
    notebook(inbox / "lost.ipynb", ["lost"])
    (inbox / "none").mkdir()
    (inbox / "linked").mkdir()
    (inbox / "linked" / "b.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(inbox / "pipe.ipynb")
    with (inbox / "large.ipynb").open("wb") as file:
        file.truncate(50_000_000_000)
    (tmp_path / "grades").mkdir()
    (tmp_path / "grades" / "good.json").write_text("broken")
    got = grading.grade_all(inbox, tmp_path / "private", tmp_path / "grades.csv", jobs=1, unsafe=True)
    said = {one.learner: " ".join(one.remarks) for one in got}
    assert said.pop("good") == ""
    assert "(MemoryError)" in said["lost"] and "holds no notebook" in said["none"]
    assert "a link or no file (b.ipynb)" in said["linked"]
    assert "no file" in said["pipe"] and "more than 20 MB" in said["large"]


def test_many_cells_give_few_remarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "run", lambda *given: (b"", ""))
    odd = [f"# Exercise ex-{n}." for n in range(10_000)]
    path = notebook(tmp_path / "a.ipynb", odd)
    got = grading.Grade("a")
    course = grading.Course(exercise.load(assignment(tmp_path / "p")), b"", tmp_path, True, grading.Event())
    grading.grade(got, submission.content(path), course, [])
    assert len(got.remarks) == 20


def test_a_check_that_fails_by_itself_is_told_before_anybody_is_graded(tmp_path: Path) -> None:
    notebook(tmp_path / "inbox" / "a.ipynb", FULL)
    slips = {
        "draw.numbr(2)": "the check of ex-t stops: AttributeError",
        "(draw.number(1, 2), 3)": "the check of ex-t stops: TypeError",
        "(float('nan'),)": "ex-t does not pass its own solution",
    }
    for given, said in slips.items():
        own = f'Check("ex-t", lambda draw: {given}, lambda x: x if x == x else [], "", {{}})'
        (tmp_path / "p").mkdir(exist_ok=True)
        (tmp_path / "p" / "checks.py").write_text(
            "from kdlib.check import Check\nfrom kdlib.grade import Exercise\n"
            f'EXERCISES = [Exercise({own}, "f", seed=1)]\n'
        )
        with pytest.raises(ValueError, match=said):
            grading.grade_all(tmp_path / "inbox", tmp_path / "p", tmp_path / "g.csv", jobs=1, unsafe=True)
        assert not (tmp_path / "g.csv").exists()


def test_another_kdlib_grades_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(grading, "grade", lambda got, *rest: asked.append(got.learner))
    monkeypatch.setattr(sandbox, "PACKAGE", tmp_path)
    (tmp_path / "losses" / "more").mkdir(parents=True)  # trusted code is not in check alone
    assignment(tmp_path / "private")
    notebook(tmp_path / "inbox" / "a.ipynb", FULL)
    for text in ("one", "one", "other"):
        (tmp_path / "losses" / "more" / "some.py").write_text(text)
        graded(tmp_path, "--unsafe")
    assert asked == ["a", "a"]


def test_other_files_are_named_and_no_learners(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assignment(tmp_path / "private")
    notebook(tmp_path / "inbox" / "ann.IPYNB", FULL)
    for name in ("notes.txt", "Tom.zip"):
        (tmp_path / "inbox" / name).touch()
    assert set(graded(tmp_path, "--unsafe")) == {"ann"}
    said = capsys.readouterr().err
    assert "left out: Tom.zip" in said and "left out: notes.txt" in said


def test_names_are_alike_however_their_accents_are_written(tmp_path: Path) -> None:
    notebook(tmp_path / "inbox" / "Jose\u0301.ipynb", FULL)
    assert [name for name, _ in grading.found(tmp_path / "inbox")] == ["Jos\u00e9"]


@pytest.mark.parametrize("path", ["Tom (1).ipynb", "Tom (1)/a.ipynb"])
def test_a_learner_who_may_be_there_twice_is_remarked(tmp_path: Path, path: str) -> None:
    assignment(tmp_path / "private")
    notebook(tmp_path / "inbox" / path, FULL)
    said = graded(tmp_path, "--unsafe")["Tom (1)"]
    assert said["total"] == "3" and "By its (1) it may be a second download of Tom." in said["remarks"]


def test_a_table_without_a_suffix_is_refused_before_grading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook(tmp_path / "inbox" / "ann.ipynb", FULL)
    arguments = ["grade", str(tmp_path / "inbox"), "--checks", str(assignment(tmp_path / "private"))]
    assert cli.main([*arguments, "--out", str(tmp_path / "week3"), "--unsafe"]) == 1
    assert "week3.csv" in capsys.readouterr().err and not (tmp_path / "week3").exists()


def test_the_exit_code_says_that_a_notebook_could_not_be_graded_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment(tmp_path / "private")
    notebook(tmp_path / "inbox" / "ann.ipynb", FULL)
    notebook(tmp_path / "inbox" / "bo" / "a.ipynb", FULL)
    (tmp_path / "inbox" / "bo" / "b.ipynb").write_text("no notebook")
    (tmp_path / "inbox" / "cy").mkdir()
    out = str(tmp_path / "grades.csv")
    for _ in ("new", "kept"):
        arguments = ["grade", str(tmp_path / "inbox"), "--checks", str(tmp_path / "private"), "--out", out]
        assert cli.main([*arguments, "--unsafe"]) == 1
        assert "could not be graded whole: bo, cy\n" in capsys.readouterr().err


def test_who_ran_out_of_time_in_all_is_named_and_graded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment(tmp_path / "private")
    notebook(tmp_path / "inbox" / "ann.ipynb", FULL)
    arguments = ["grade", str(tmp_path / "inbox"), "--checks", str(tmp_path / "private"), "--unsafe"]
    with monkeypatch.context() as busy:
        busy.setattr(sandbox, "run", lambda *given: (b"", sandbox.TOO_LONG))
        assert cli.main([*arguments, "--out", str(tmp_path / "grades.csv")]) == 1
    assert "could not be graded whole: ann" in capsys.readouterr().err
    assert graded(tmp_path, "--unsafe")["ann"]["total"] == "3"


HAND = "EXERCISES += [ByHand('ex-t-essay', points=3)]\n"


def by_hand(folder: Path, text: str) -> Path:
    """A class of two, an exercise more that the teacher marks, and the file of marks."""
    private = assignment(folder / "private") / "checks.py"
    private.write_text(private.read_text("utf-8") + f"from kdlib.grade import ByHand\n{HAND}", "utf-8")
    notebook(folder / "inbox" / "Jose\u0301.ipynb", FULL)
    notebook(folder / "inbox" / "bo.ipynb", [SETUP, DOUBLED])
    (folder / "marks.csv").write_text(text, "utf-8")
    return folder / "marks.csv"


@pytest.mark.parametrize(
    "text",
    [
        "learner,exercise,points,note\nJos\u00e9,ex-t-essay,2.5,Why <so>?\nbo,ex-t-mean,1,On paper.\n",
        "\ufefflearner;exercise;points;note\nJose\u0301;ex-t-essay;2,5;Why <so>?\nbo;ex-t-mean;1;On paper.\n",
    ],
)
def test_points_given_by_hand_are_added_shown_and_win(tmp_path: Path, text: str) -> None:
    path = by_hand(tmp_path, text)
    for _ in ("new", "kept"):
        rows = graded(tmp_path, "--unsafe", "--marks", str(path))
        assert {name: row["total"] for name, row in rows.items()} == {"Jos\u00e9": "5.5", "bo": "3"}
        assert (rows["Jos\u00e9"]["ex-t-essay"], rows["bo"]["ex-t-mean"]) == ("2.5", "1")
        first, second = ((tmp_path / "grades" / f"{name}.html").read_text("utf-8") for name in rows)
        assert "5.5 of 6 points" in first and "Marked by hand. Why &lt;so&gt;?" in first
        assert "Marked by hand. On paper." in second and "0 of 3</td><td>Not marked yet." in second
    assert path.read_text("utf-8") == text
    assert graded(tmp_path, "--unsafe")["bo"]["total"] == "2"  # without them the machine's stay


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("boo,ex-t-essay,1,", "line 2: no learner is 'boo'; near it: bo"),
        ("bo,ex-t-esay,1,", "line 2: no exercise is 'ex-t-esay'; near it: ex-t-essay"),
        ("bo,ex-t-essay,4,", "points is '4'; give 0 to 3"),
        ("bo,ex-t-essay,-1,", "points is '-1'"),
        ("bo,ex-t-essay,nan,", "points is 'nan'"),
        ("bo,ex-t-essay", "points is ''"),
        ("bo,ex-t-essay,1,\n\nzzz,ex-t-mean,1,", "line 4: no learner is 'zzz'; near it: none"),
    ],
)
def test_a_mark_that_nobody_can_get_is_refused_before_grading(
    tmp_path: Path, row: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = by_hand(tmp_path, f"learner,exercise,points,note\n{row}\n")
    arguments = ["grade", str(tmp_path / "inbox"), "--checks", str(tmp_path / "private"), "--unsafe"]
    assert cli.main([*arguments, "--out", str(tmp_path / "grades.csv"), "--marks", str(path)]) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "grades").exists()


def test_marks_without_a_column_are_refused(tmp_path: Path) -> None:
    path = by_hand(tmp_path, "learner,exercise,points\nbo,ex-t-essay,1\n")
    with pytest.raises(ValueError, match="has no column note; it needs learner, exercise, points, note"):
        feedback.by_hand(path, ["bo"], exercise.load(tmp_path / "private"))


def test_a_second_download_comes_after_the_first(tmp_path: Path) -> None:
    names = ["01_x.ipynb", "02_loss.ipynb", "02_loss (2).IPYNB", "02_loss (10).ipynb", "02_loss-Copy1.ipynb"]
    for name in reversed(names):
        notebook(tmp_path / "a" / name, FULL)
    assert list(submission.content(tmp_path / "a")) == names


def test_the_guides_marks_are_taken(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "book" / "grading.md").read_text("utf-8")
    checks, more = (block.split("```")[0] for block in page.split("```python\n")[1:3])
    (tmp_path / "checks.py").write_text(checks + more, "utf-8")
    (tmp_path / "marks.csv").write_text(page.split("```text\n")[1].split("```")[0], "utf-8")
    marks = feedback.by_hand(tmp_path / "marks.csv", ["Ann Lee", "Bo Berg"], exercise.load(tmp_path))
    assert marks["Ann Lee"]["ex-02-store"][0] == 0.5 and marks["Bo Berg"]["ex-02-kl"][0] == 1


@pytest.mark.skipif(not shutil.which("bash"), reason="the guide's lines are for bash")
def test_the_guides_lines_give_a_folder_a_learner(tmp_path: Path) -> None:
    section = (Path(__file__).resolve().parents[2] / "book" / "grading.md").read_text("utf-8")
    section = section.split("## From a learning platform")[1].split("\n## ")[0]
    folders, files, canvas = (block.split("```")[0] for block in section.split("```bash\n")[1:])
    given = {
        folders: ["Ann Lee_12345_assignsubmission_file/a.ipynb", "Bo_O_7_assignsubmission_file_/a.ipynb"],
        files: ["Ann Lee_12345_assignsubmission_file_a.ipynb", "Bo_O_7_assignsubmission_file_a.ipynb"],
        canvas: ["leeann_12345_67890_02_loss.ipynb", "leeann_LATE_12345_67891_b.ipynb", "bo_7_9_a-1.ipynb"],
    }
    for at, (lines, names) in enumerate(given.items()):
        for name in names:
            notebook(tmp_path / str(at) / name, FULL)
        subprocess.run(["bash", "-ec", lines], cwd=tmp_path / str(at), check=True)
    learners = [[name for name, _ in grading.found(tmp_path / str(at))] for at in range(3)]
    assert learners == [["Ann Lee_12345", "Bo_O_7"]] * 2 + [["bo_7", "leeann_12345"]]
    assert len(list((tmp_path / "2" / "leeann_12345").iterdir())) == 2


def test_the_plan_of_twelve_weeks_tells_machine_from_hand() -> None:
    page = (Path(__file__).resolve().parents[2] / "book" / "teaching.md").read_text("utf-8")
    rows = page.split("\n| week | chapter")[1].split("\n\n")[0].split("\n")[2:]
    machine, hand = (re.findall(r"ex-[\w-]+", " ".join(row.split("|")[at] for row in rows)) for at in (3, 4))
    assert len(rows) == 12 and set(machine) <= grading.BOOK and not set(hand) & grading.BOOK
