"""What runs inside the sandbox: reads a request from stdin, writes a line of JSON an exercise to stdout.

Each exercise has a process of its own, in which the set-up cells run, then its cell, and then its function is
called. What is learned here is values; an answer that is invented is worth what its values are worth.
"""

import ast
import ctypes
import json
import os
import re
import resource
import signal
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from kdlib.check.checking import observed
from kdlib.grade import values

WORDS, FILES = 300, 5_000  # characters of a message, files in /tmp
NOT_PYTHON = re.compile(r"^([ \t]*)(?:[%!].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
DEFINED = ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
ASSIGNED = ast.Assign | ast.AnnAssign | ast.AugAssign
AROUND = ast.Try | ast.If | ast.With  # run where there is a definition or an import inside
# The sheets' set-up cells, which learners may lose.
GIVEN = "import math, numpy as np, torch, torch.nn.functional as F; from torch import nn"
LEFT_OUT = "Lines outside of definitions, imports and assignments are not run."
ALONE_HERE = "Only this cell and the set-up cell are graded: define or import it in this cell."
HINTS = {KeyError: f". {LEFT_OUT}", NameError: f". {ALONE_HERE} {LEFT_OUT}"}
ALONE = os.getpid() == 1  # in the sandbox, where nobody can stop this process, and it may kill all others
LIMITS = {resource.RLIMIT_FSIZE: 16_000_000, resource.RLIMIT_NOFILE: 128, resource.RLIMIT_CORE: 0}
# Elsewhere all that the teacher runs would count. Of the addresses torch alone needs half.
LIMITS |= {resource.RLIMIT_AS: 8_000_000_000, resource.RLIMIT_NPROC: 24} if ALONE else {}
# By machine: its number in the kernel, mmap, and the calls whose memory no process answers for:
# shmget, msgget, vmsplice, memfd_create, io_uring_setup, memfd_secret.
CALLS = {"x86_64": (0xC000003E, 9, (29, 68, 278, 319, 425, 447))}
CALLS |= {"aarch64": (0xC00000B7, 222, (194, 186, 75, 279, 425, 447))}


def main() -> None:
    """Answer the request."""
    out = os.dup(1)
    for fd in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
    request = json.load(sys.stdin)
    torch.set_num_threads(1)
    for kind, most in LIMITS.items():
        limit(kind, most)
    if ALONE and (known := CALLS.get(os.uname().machine)):
        forbid(*known)
    for task in request["tasks"]:
        if error := apart(out, request, task):
            say(out, {"label": task["label"], "error": error})


def limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most, most) if hard == resource.RLIM_INFINITY else (min(most, hard),) * 2)


def forbid(machine: int, mmap: int, calls: Iterable[int]) -> None:
    """Refuse the calls, and to map memory that is shared, with a seccomp filter."""
    load, equal, at_least, has, give = 0x20, 0x15, 0x35, 0x45, 0x06  # of classic BPF
    refuse, allow, kill = (give, 0, 0, 0x50001), (give, 0, 0, 0x7FFF0000), (give, 0, 0, 0x80000000)
    lines = [(load, 0, 0, 4), (equal, 1, 0, machine), kill, (load, 0, 0, 0), (at_least, 0, 1, 1 << 30), kill]
    lines += [line for call in calls for line in ((equal, 0, 1, call), refuse)]
    lines += [(equal, 0, 3, mmap), (load, 0, 0, 40), (has, 0, 1, 1), refuse, allow]  # 1: MAP_SHARED
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = struct.pack("HP", len(lines), ctypes.addressof(code))
    if ctypes.CDLL(None).prctl(22, 2, program, 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError("the kernel takes no seccomp filter")


def say(out: int, line: dict[str, Any]) -> None:
    data = json.dumps(line).encode() + b"\n"
    while data:
        data = data[os.write(out, data) :]


def apart(out: int, request: dict[str, Any], task: dict[str, Any]) -> str:
    """Do one task in a process of its own; what to say where no answer was written before."""
    seconds = request["seconds"]
    long = f"It took more than {seconds} seconds. Is there a loop without an end?"
    child = os.fork()
    if child == 0:
        limit(resource.RLIMIT_CPU, seconds)  # of the processor, so that others at work cost no points
        try:
            say(out, {"label": task["label"], **answer(task)})
        finally:
            os._exit(0)
    end, said, before = time.monotonic() + request["patience"], "", made()
    while not said:
        found, status, used = os.wait4(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status)
        if found:
            said = f"It was stopped: {signal.strsignal(-code)}." if code < 0 else "The cell ended Python."
            if code < 0 and used.ru_utime + used.ru_stime > 0.8 * seconds:
                said = long
        elif time.monotonic() > end:
            said = long
        elif ALONE and made() - before > FILES:
            said = f"It made more than {FILES} files."
        time.sleep(0.01)
    if ALONE or not found:  # what it left behind ends with it
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(-1 if ALONE else child, signal.SIGKILL)
            while True:
                os.waitpid(-1, 0)
    return said


def made() -> int:
    """How many files there are in /tmp."""
    tmp = os.statvfs("/tmp")
    return tmp.f_files - tmp.f_ffree


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """What a learner's function gives for each round of inputs, or the error in words."""
    here, failed = dict[str, Any](__name__="__main__"), list[str]()
    said = f"The cell defines no function {task['function']}. {LEFT_OUT}"
    *setup, own = task["sources"]
    try:
        for source, place in [*((one, "set-up") for one in (GIVEN, *setup)), (own, "exercise's")]:
            run(source, here, failed, f" (before that, in the {place} cell: ")
        function = here.get(task["function"])
        if callable(function):
            seen = [observed(function, tuple(values.read(one)), task["learns"]) for one in task["rounds"]]
            return {"rounds": [{"values": values.written(found), "changed": it} for found, it in seen]}
    except BaseException as error:  # SystemExit too
        said = f"Your code stopped: {in_words(error)}"
    return {"error": "".join([said, *failed[:1]])}


def run(source: str, here: dict[str, Any], failed: list[str], place: str) -> None:
    """A cell's definitions, imports and assignments. One that fails is put into words and left out.

    A try of the function below it, or an import that nobody needs, must cost no grade.
    """
    with telling(failed, place):
        for node in parsed(source).body:
            inside = ast.walk(node) if isinstance(node, AROUND) else [node]
            if isinstance(node, ASSIGNED) or any(isinstance(one, DEFINED) for one in inside):
                with telling(failed, place):
                    exec(compile(ast.Module([node], []), "<cell>", "exec"), here)


@contextmanager
def telling(failed: list[str], place: str) -> Iterator[None]:
    """An error ends what is inside, no more, and is kept in words."""
    try:
        yield
    except Exception as error:
        failed.append(f"{place}{in_words(error)})")


def parsed(source: str) -> ast.Module:
    """A cell. Only where it is no Python, lines such as %pip, !ls and name? are left out."""
    try:
        return ast.parse(source, "<cell>")
    except SyntaxError:
        return ast.parse(NOT_PYTHON.sub(r"\1pass", source), "<cell>")


def in_words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:WORDS] + HINTS.get(type(error), "")
    except BaseException:
        return type(error).__name__[:WORDS]
