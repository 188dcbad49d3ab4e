"""Files: locks among processes, and what travels with kdlib, compared with what it was."""

import errno
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from filelock import FileLock

from kdlib import files, pretrained
from kdlib.data import bundle


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "below" / "x"
    with files.locked(path) as first, files.locked(path, wait=False) as second:
        assert (first, second) == (True, False)
    with files.locked(path, wait=False) as again:
        assert again is True


def test_a_lock_is_waited_for_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other process holds it until it dies; the system then frees it."""
    path = tmp_path / "x"
    code = (
        "import sys; from pathlib import Path; from kdlib import files\n"
        f"with files.locked(Path({str(path)!r})): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    with files.locked(path, wait=False) as held:
        assert held is False

    acquire = FileLock.acquire

    def killed_meanwhile(lock: FileLock, *, blocking: bool) -> object:
        if blocking:
            other.kill()
        return acquire(lock, blocking=blocking)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FileLock, "acquire", killed_meanwhile)
        with files.locked(path) as held:
            assert held is True
    other.communicate()
    assert capsys.readouterr().err == f"kdlib: waiting for another process that works on {path}\n"


def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(FileLock, "acquire", no_locks)
    with files.locked(tmp_path / "x") as held, files.locked(tmp_path / "x", wait=False) as also:
        assert held is None and also is None


def test_a_lock_whose_file_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / ".x.lock").mkdir()
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(files.WriteError, match=r"cannot write to .*make it a folder"),
        files.locked(tmp_path / "file" / "x"),
    ):
        pass


@pytest.mark.parametrize("text", ['{"b": [1, 2.5], "a": "x"}', '{\n "a": "x",\n "b": [1, 2.5]\n}\n'])
def test_a_seal_is_of_what_a_file_holds(tmp_path: Path, text: str) -> None:
    """Not of how it is laid out: the layout of a text may change on checkout."""
    found = json.loads(text)
    assert files.seal(found) == hashlib.sha256(b'{"a": "x", "b": [1, 2.5]}').hexdigest()
    path = tmp_path / "x.json"
    path.write_text(json.dumps(found | {"seal": files.seal(found)}, indent=3))
    assert files.sealed(path) == found
    path.write_text(path.read_text().replace("2.5", "2.6"))
    with pytest.raises(files.DamagedError, match=r"x\.json was altered: install kdlib again .*git checkout"):
        files.sealed(path)


TRAVELLING = sorted([*pretrained.FOLDER.iterdir(), *bundle.FOLDER.glob("*.[ju]*")])


@pytest.mark.parametrize("seed", range(16))
def test_a_flipped_byte_is_found_and_its_own_file_blamed(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed)
    path = chance.choice(TRAVELLING)
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= chance.randrange(1, 256)
    (tmp_path / path.name).write_bytes(content)
    for room, copied in (
        (pretrained, path.parent == pretrained.FOLDER),
        (bundle, path.parent == bundle.FOLDER),
    ):
        if copied:
            for other in path.parent.iterdir():
                if other != path:
                    (tmp_path / other.name).symlink_to(other)
            monkeypatch.setattr(room, "FOLDER", tmp_path)
    bundle.array.cache_clear()
    try:
        with pytest.raises(files.DamagedError) as caught:
            for name in pretrained.SHIPPED:
                pretrained.tensors(name)
            for name, arrays in bundle.manifest().items():
                for key in arrays:
                    if not key.endswith("images"):
                        bundle.array(name, key)
        assert str(tmp_path / path.name) in str(caught.value)
    finally:
        bundle.array.cache_clear()
