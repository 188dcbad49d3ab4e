"""Runs a command that nobody trusts: in bubblewrap, as nobody, with a supervisor that looks and counts.

Inside there is no network, no user namespace, nothing to write to but a small /tmp, and nothing to see but
Python, its packages and kdlib. Linux only; elsewhere a container is the way (the teachers' chapter).
"""

import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import psutil

import kdlib

PACKAGE = Path(kdlib.__file__).resolve().parent
NOBODY = 60_000  # and the numbers above it, one a sandbox: what one forks is not counted for another
MEMORY, PROCESSES, OUTPUT, TMP = 3_000_000_000, 12, 4_000_000, 64_000_000  # bytes, but for the second
TOO_LONG = "It took too long in all. On a busy machine grade again."
LOOK = 0.05  # seconds from one look to the next
# Inside there is nothing but kdlib in its folder.
RUN = f"import sys; sys.path[:0] = [{str(PACKAGE.parent)!r}]; from kdlib.grade import worker; worker.main()"
# Not resolved: a venv's Python is a link, and only by its place does it know its packages.
WORKER = [os.path.abspath(sys.executable), "-I", "-c", RUN]  # noqa: PTH100
THREADS = {"OMP_NUM_THREADS": "1", "HOME": "/tmp", "LANG": "C.UTF-8", "PATH": os.environ.get("PATH", "")}


def visible() -> list[Path]:
    """Python, its packages and kdlib; no folder with anything else."""
    places = [sys.prefix, sys.base_prefix, *(path for path in sys.path if path.endswith("-packages"))]
    places += [str(PACKAGE), "/usr", "/etc/ld.so.cache", "/etc/alternatives"]
    there = {path for path in map(Path, map(os.path.abspath, places)) if path.exists()}
    return sorted(path for path in there if not there & set(path.parents))


def binds(paths: list[Path]) -> list[str]:
    """The options that show the paths, in folders that anyone may enter."""
    parents = sorted({parent for path in paths for parent in path.parents[:-1]})
    made = [option for parent in parents for option in ("--perms", "0755", "--dir", str(parent))]
    return made + [option for path in paths for option in ("--ro-bind", str(path), str(path))]


def sandboxed(command: list[str], slot: int) -> list[str]:
    """The command inside bubblewrap."""
    paths = visible()
    inner = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"]
    inner += ["--as-pid-1", "--new-session", "--cap-drop", "ALL"]
    inner += ["--size", str(TMP), "--perms", "1777", "--tmpfs", "/tmp", *binds(paths), *linked()]
    inner += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/", "--clearenv"]
    inner += [x for name, value in THREADS.items() for x in ("--setenv", name, value)]
    inner += ["--chdir", "/tmp", "--", *command]
    return inner if os.geteuid() else [*as_nobody(paths, NOBODY + slot), *inner]


def linked() -> list[str]:
    """The options that show /bin, /lib and the like, which are links into /usr on most systems."""
    tops = [top for top in (Path("/", name) for name in ("bin", "lib", "lib64", "sbin")) if top.exists()]
    links = [["--symlink", str(top.readlink()), str(top)] for top in tops if top.is_symlink()]
    return sum(links, binds([top for top in tops if not top.is_symlink()]))


def as_nobody(paths: list[Path], user: int) -> list[str]:
    """What root puts before a command, so that another user does it, to whom the paths are open."""
    drop = ["--reuid", str(user), "--regid", str(user), "--clear-groups", "--no-new-privs"]
    drop = ["setpriv", *drop, "--bounding-set=-all", "--inh-caps=-all", "--"]
    closed = [folder for path in paths for folder in path.parents[::-1] if not folder.stat().st_mode & 1]
    if not closed:
        return drop
    enter = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/"]
    enter += [x for folder in dict.fromkeys(closed) for x in ("--perms", "0755", "--tmpfs", str(folder))]
    enter += binds([path for path in paths if any(path.is_relative_to(folder) for folder in closed)])
    enter += [x for cap in ("SETUID", "SETGID", "SETPCAP") for x in ("--cap-add", f"CAP_{cap}")]
    return [*enter, "--", *drop]


def trouble() -> str:
    """Why there is no sandbox here, in words; empty where there is one."""
    if sys.platform != "linux":
        return f"bubblewrap is Linux's; this is {sys.platform}"
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)"
    nothing: Any = {"input": '{"tasks": []}', "text": True, "env": THREADS}
    done = subprocess.run(sandboxed(WORKER, 0), capture_output=True, **nothing)
    if done.returncode == 0:
        return ""
    return f"bubblewrap does not work here: {[*done.stderr.strip().splitlines(), 'it says nothing'][0]}"


def run(command: list[str], request: bytes, seconds: float, stop: Event) -> tuple[bytes, str]:
    """Give a command its request on stdin; what it wrote to stdout, and why it was ended, if it was."""
    with tempfile.TemporaryFile() as given:
        given.write(request)
        given.seek(0)
        pipes: Any = {"stdin": given, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        # Not the teacher's environment: /proc would show the tokens in it.
        with subprocess.Popen(command, env=THREADS, start_new_session=True, **pipes) as process:
            try:
                return supervised(process, time.monotonic() + seconds, stop)
            finally:  # in the sandbox that is the end of each daemon
                for one in reversed(tree(process.pid)):
                    with suppress(psutil.Error):
                        one.kill()


def supervised(process: subprocess.Popen[bytes], deadline: float, stop: Event) -> tuple[bytes, str]:
    """Read until the process ends by itself, or has to."""
    assert process.stdout
    os.set_blocking(process.stdout.fileno(), False)
    out = b""
    while True:
        ended = process.poll() is not None
        select.select([process.stdout], [], [], 0 if ended else LOOK)
        out += (chunk := process.stdout.read(65_536) or b"")
        if ended and not chunk:
            return out, ""
        if len(out) > OUTPUT:
            return out[:OUTPUT], f"It wrote more than {OUTPUT // 1_000_000} MB."
        if time.monotonic() > deadline:
            return out, TOO_LONG
        if stop.is_set():
            return out, "The grader was stopped."
        if reason := greedy(process.pid):
            return out, reason


def greedy(pid: int) -> str:
    """Whether a process and those that it started have too much."""
    family = tree(pid)
    if len(family) > PROCESSES:
        return f"It started more than {PROCESSES} processes."
    memory = 0
    for one in family:
        with suppress(psutil.Error):  # it has just ended
            memory += one.memory_info().rss
    return f"It took more than {MEMORY // 1_000_000_000} GB of memory." if memory > MEMORY else ""


def tree(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []
