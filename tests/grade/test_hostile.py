"""What is handed in broken or hostile: each gets a row that says so, and nobody else loses a point."""

import csv
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from sheets import DOUBLED, FULL, MEAN, SETUP, assignment, notebook

from kdlib import cli
from kdlib.grade import sandbox

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is Linux's")]
FIRST = "# Exercise ex-t-doubled. Keep this line.\n"
FORGE = """
import json, os
right = {"values": [{"type": "float64", "shape": [], "numbers": [1.0]}], "changed": False}
line = json.dumps({"label": "ex-t-doubled", "passed": True, "points": 100, "rounds": [right] * 4})
for fd in range(1, 9):
    try:
        os.write(fd, ("\\n" + line + "\\n").encode())
    except OSError:
        pass
os._exit(0)
"""
EQUAL = """
class Anything(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __sub__(self, other): return 0.0
    def __abs__(self): return 0.0
def doubled(x): return Anything(3.0)
"""
PATCH = """
import torch, kdlib.check, kdlib.check.checking as checking
torch.allclose = torch.equal = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
checking.same = lambda *a: True
checking.Check.judge = lambda *a: checking.Verdict(True, "Right.")
def doubled(x): return x
"""
DAEMON = """
import os, signal, time
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(900)
        os._exit(0)
started = daemon()
def doubled(x): return 2 * x
"""
READ = """
import os
def doubled(x):
    seen = [os.path.join(top, name) for top, _, names in os.walk("/") for name in names if not top.startswith("/proc")]
    wanted = ("grades.csv", "good.ipynb", "loop.ipynb", "good.json", "shadow")
    bad = [path for path in seen if os.path.basename(path) in wanted]
    bad += [path for path in seen if path.endswith("private/checks.py")]
    for line in open("/proc/mounts"):
        if "/root" in line and " rw" in line.split(" ", 3)[3]:
            bad.append(line)
    raise RuntimeError(f"saw {bad[:3]}" if bad else "saw nothing")
"""
ENVIRONMENT = """
import os
seen = [open(f"/proc/{p}/environ").read() for p in os.listdir("/proc") if p.isdigit()]
raise RuntimeError("saw it" if "PYTEST_CURRENT_TEST" in "".join(seen) else "saw nothing")
"""
HIDDEN = """
import ctypes, mmap, os
libc = ctypes.CDLL(None)
got = [libc.shmget(0, 4096, 0o1600), libc.msgget(0, 0o1600)]
for ask in (lambda: os.memfd_create("x"), lambda: mmap.mmap(-1, 4096)):
    try: got.append(ask())
    except OSError: got.append(-1)
raise RuntimeError("refused all" if got == [-1] * 4 else f"got {got}")
"""
KILL = "\nimport os, signal\nkilled = os.kill(os.getppid(), 9), signal.pause()"
HOSTILE = {
    "loop": ("def doubled(x):\n    while True: pass", "more than 10 seconds"),
    "forks": ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "more than 12 processes|more than 3 GB"),
    "memory": ("keep = []\nwhile True: keep.append(b'x' * 100_000_000)", "memory|MemoryError|Killed"),
    "disk": ("for i in range(99):\n    open(f'/tmp/{i}', 'wb').write(b'x' * 10_000_000)", "No space left|File size|too large"),
    "flood": ("import os\nwhile True:\n    for fd in range(9):\n        try: os.write(fd, b'y' * 65536)\n        except OSError: pass", "more than 4 MB"),
    "environment": (ENVIRONMENT, "saw nothing"),
    "hidden memory": (HIDDEN, "refused all"),
    "many files": ("import os\nfor n in range(10**9): os.mknod(f'/tmp/{n}')", "more than 5000 files|No space"),
    "half a pair": ("raise ValueError('\\x1b[2J\\ud800')", r"\\x1b\[2J\\ud800"),
    "real-time signal": ("import os, signal\nos.kill(os.getpid(), 40)", "Real-time"),
    "network": ("import socket\nsocket.create_connection(('1.1.1.1', 53), 3)", "OSError|unreachable"),
    "home": ("open('/usr/x', 'w')", "Read-only|No such file|Permission"),
    "reading": (READ, "saw nothing"),
    "patching": (PATCH, "0.5 times the right one"),
    "forging": (FORGE, "shape|result"),
    "equal": (EQUAL, "shape"),
    "silent": ("import sys\nsys.excepthook = lambda *a: None\ndef doubled(x):\n    try: return undefined\n    except BaseException: pass", "nothing to compare"),
    "leaving": ("raise SystemExit(0)", "SystemExit"),
    "huge": ("import torch\ndef doubled(x): return torch.zeros(10**7)", "numbers"),
    "odd": ("class E(Exception):\n    def __str__(self): raise E\nraise E", "stopped: E<"),
    "deep": ("def doubled(x): return doubled(x)", "RecursionError"),
}  # fmt: skip


def within(code: str) -> str:
    """In the function, where it is run whatever it is: of a cell only definitions and assignments are."""
    return code if "def doubled" in code else f"def doubled(x):\n{textwrap.indent(code, '    ')}"


def class_of(folder: Path) -> Path:
    """What good, hostile and careless learners hand in."""
    inbox = folder / "inbox"
    notebook(inbox / "good.ipynb", FULL)
    notebook(inbox / "zoe" / "sheet.ipynb", FULL)
    notebook(inbox / "=cmd.ipynb", FULL)
    for name, (code, _) in HOSTILE.items():
        notebook(inbox / f"{name}.ipynb", [SETUP, FIRST + within(code), MEAN])
    notebook(inbox / "daemon.ipynb", [SETUP, FIRST + DAEMON, MEAN])
    notebook(inbox / "late.ipynb", [SETUP, DOUBLED, MEAN + KILL])
    notebook(inbox / "before.ipynb", [SETUP + "\nimport not_here", DOUBLED, MEAN])
    (inbox / "essay.ipynb").write_bytes(b"\xff\xd8 no notebook")
    (inbox / "nested.ipynb").write_text("[" * 100_000, "utf-8")
    (inbox / "essay.docx").write_bytes(b"PK")
    (inbox / "link.ipynb").symlink_to("/etc/passwd")
    return inbox


def test_each_gets_its_row_and_no_trick_is_worth_a_point(tmp_path: Path) -> None:
    if trouble := sandbox.trouble():
        if os.environ.get("KDLIB_SANDBOX") == "required" or shutil.which("bwrap"):
            pytest.fail(trouble)
        pytest.skip(trouble)
    inbox, out = class_of(tmp_path), tmp_path / "grades.csv"
    given = [str(inbox), "--checks", str(assignment(tmp_path / "private")), "--out", str(out)]
    assert cli.main(["grade", *given, "--jobs", "2"]) == 1  # not all of them could be read
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["learner"]: row for row in csv.DictReader(file)}
    said = {
        name: (out.with_suffix("") / f"{name.lstrip(chr(39))}.html").read_text("utf-8") + row["remarks"]
        for name, row in rows.items()
    }
    assert len(rows) == len(list(inbox.iterdir())) - 1  # without the essay that is no notebook by its name
    for name in ("good", "zoe", "daemon", "'=cmd"):  # whatever the others did
        assert (rows[name]["total"], rows[name]["remarks"]) == ("3", ""), rows[name]
    for name, (_, words) in HOSTILE.items():
        assert rows[name]["ex-t-doubled"] == "0" and re.search(words, said[name]), (rows[name], said[name])
        assert rows[name]["ex-t-mean"] == "1", (rows[name], said[name])
    for name in ("essay", "nested"):
        assert rows[name]["total"] == "0" and "it is no notebook" in rows[name]["remarks"]
    assert "a link or no file" in said["link"] and "root:" not in said["link"]
    assert (rows["late"]["ex-t-doubled"], rows["late"]["ex-t-mean"]) == ("2", "0")
    assert rows["before"]["total"] == "3"

    users = range(sandbox.NOBODY, sandbox.NOBODY + 2)
    there = [p.info for p in psutil.process_iter(["uids", "status"]) if p.info["uids"]]
    assert not [p for p in there if p["uids"].real in users and p["status"] != psutil.STATUS_ZOMBIE]


def test_a_python_named_by_a_path_with_dots_is_found_in_the_sandbox() -> None:
    here = Path(__file__).parent
    asked = "from kdlib.grade import sandbox; print(sandbox.WORKER[0]); print(sandbox.trouble())"
    python = os.path.relpath(sys.executable, here)
    found = subprocess.run([python, "-c", asked], cwd=here, capture_output=True, text=True, check=True)
    executable, trouble = found.stdout.splitlines()
    assert ".." not in executable and trouble == sandbox.trouble()
