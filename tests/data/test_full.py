"""Full data sets: copies read, kept, verified and remade; what goes wrong is named and nothing is lost.

The data sets are tiny stand-ins of the same layout; `test_slow.py` takes the real ones.
"""

import errno
import io
import os
import pickle
import sys
import tarfile
import types
import warnings
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image
from safetensors.numpy import load_file

from kdlib import cli, data, files
from kdlib.data import bundle, cache, chest_xray, cifar10, full


@pytest.fixture(autouse=True)
def cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("KDLIB_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("KDLIB_SCALE", raising=False)
    monkeypatch.delenv("KDLIB_CHEST_XRAY", raising=False)
    monkeypatch.setattr(cifar10, "URL", "http://127.0.0.1:9/nothing-listens-here")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return tmp_path / "cache"


@pytest.fixture
def tiny_cifar10(monkeypatch):
    """Six batches of two images as bytes, accepted as if they were the official ones; and their arrays."""
    rows = np.random.default_rng(0).integers(0, 256, (12, 3073), dtype=np.uint8)
    rows[:, 0] = range(10, 22)
    rows[:, 0] %= 10
    arrays = {
        "train_images": rows[:10, 1:].reshape(10, 3, 32, 32),
        "train_labels": rows[:10, 0],
        "test_images": rows[10:, 1:].reshape(2, 3, 32, 32),
        "test_labels": rows[10:, 0],
    }
    monkeypatch.setattr(cifar10, "BATCH_BYTES", 2 * 3073)
    monkeypatch.setattr(cifar10, "SHA256", {key: bundle.sha256_of(values) for key, values in arrays.items()})
    names = [name for split in ("train", "test") for name in cifar10.BATCHES[split]]
    batches = {name: rows[2 * i : 2 * i + 2].tobytes() for i, name in enumerate(names)}
    return types.SimpleNamespace(arrays=arrays, batches=batches)


def batch_folder(batches, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in batches.items():
        (folder / name).write_bytes(content)
    return folder


def archive_of(batches, path: Path, prefix="cifar-10-batches-bin/") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in batches.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


XRAYS = {
    "train/NORMAL": ["IM-0001-0001", "IM-0002-0001", "NORMAL2-IM-0003-0001", "IM-0004-0001"],
    "train/PNEUMONIA": [f"person{i}_{'virus' if i % 2 else 'bacteria'}_{i}" for i in range(1, 8)],
    "val/NORMAL": ["IM-0007-0001"],
    "val/PNEUMONIA": ["person30_bacteria_1"],
    "test/NORMAL": ["IM-0008-0001", "IM-0009-0001"],
    "test/PNEUMONIA": ["person41_virus_1"],
}


@pytest.fixture
def tiny_xrays(monkeypatch, tmp_path):
    """A folder in Kaggle's layout, 16 images of several modes and sizes, taken as whole.

    Some are less than 224 pixels high, as some of Kaggle's are.
    """
    kaggles = [f"{part}/{name}.jpeg" for part, stems in XRAYS.items() for name in sorted(stems)]
    monkeypatch.setattr(chest_xray, "kaggle_files", lambda: kaggles)
    generator = np.random.default_rng(1)
    for part, names in XRAYS.items():
        folder = tmp_path / "kaggle" / "chest_xray" / part
        folder.mkdir(parents=True)
        (folder / ".DS_Store").write_bytes(b"no image")
        for i, name in enumerate(names):
            shape = (240 + 8 * i, 256, 3) if i % 2 else (130, 240)
            Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"{name}.jpeg")
    return tmp_path / "kaggle"


# CIFAR-10 from a copy


@pytest.mark.parametrize("kind", ["archive", "flat archive", "folder", "folder above", "npz", "wide npz"])
def test_cifar10_from_a_copy_got_elsewhere(tiny_cifar10, tmp_path, kind):
    if "archive" in kind:
        prefix = "" if kind == "flat archive" else "cifar-10-batches-bin/"
        source = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz", prefix)
    elif "folder" in kind:
        inside = batch_folder(tiny_cifar10.batches, tmp_path / "copy" / "cifar-10-batches-bin")
        source = inside.parent if kind == "folder above" else inside
    else:
        dtype = np.int64 if kind == "wide npz" else np.uint8
        source = tmp_path / "copy.npz"
        np.savez(source, **{key: values.astype(dtype) for key, values in tiny_cifar10.arrays.items()})
    path = full.fetch("cifar10", source)
    for split in ("train", "test"):
        found = data.load("cifar10", split, scale="cpu")
        assert np.array_equal(found.images.numpy(), tiny_cifar10.arrays[f"{split}_images"])
        assert found.labels.tolist() == tiny_cifar10.arrays[f"{split}_labels"].tolist()
        assert found.images.dtype == torch.uint8 and found.labels.dtype == torch.int64
    assert set(load_file(path)) == set(tiny_cifar10.arrays)  # safetensors reads what we wrote


def test_cifar10_loaded_twice_is_two_copies(tiny_cifar10, tmp_path):
    full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    data.load("cifar10", "test", scale="full").images.zero_()
    assert data.load("cifar10", "test", scale="full").images.any()


def test_cifar10_that_is_not_the_official_one_is_refused(tiny_cifar10, tmp_path):
    tiny_cifar10.batches["data_batch_3.bin"] = bytes(2 * 3073)
    source = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    with pytest.raises(ValueError, match=r"train_images of .*copy\.tar\.gz is not the official one"):
        full.fetch("cifar10", source)
    assert not full.path_of("cifar10").exists()


def test_cifar10_copies_that_cannot_be_used(tiny_cifar10, tmp_path):
    batch_folder({"data_batch_1": b""}, tmp_path / "cifar-10-batches-py")
    archive_of({"data_batch_1": b""}, tmp_path / "cifar-10-python.tar.gz")
    for name in ("cifar-10-batches-py", "cifar-10-python.tar.gz"):
        with pytest.raises(
            ValueError, match=rf"{name} has no data_batch_1\.bin .*--from PATH: .*are pickles"
        ):
            full.fetch("cifar10", tmp_path / name)
    cut = archive_of(tiny_cifar10.batches, tmp_path / "cut.tar.gz")
    cut.write_bytes(cut.read_bytes()[:-400])
    with pytest.raises(ValueError, match=r"cut\.tar\.gz is not a whole \.tar\.gz"):
        full.fetch("cifar10", cut)
    tiny_cifar10.batches["test_batch.bin"] += b"x"
    with pytest.raises(ValueError, match=r"long\.tar\.gz has no test_batch\.bin of 6,146 bytes"):
        full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "long.tar.gz"))


@pytest.mark.parametrize("name", ["cifar10.npz", "cifar-10-binary.tar.gz"])
def test_a_copy_inside_of_a_folder_is_found(tiny_cifar10, tmp_path, name):
    (tmp_path / "my data").mkdir()
    if name == "cifar10.npz":
        np.savez(tmp_path / "my data" / name, **tiny_cifar10.arrays)
    else:
        archive_of(tiny_cifar10.batches, tmp_path / "my data" / name)
    assert full.fetch("cifar10", tmp_path / "my data").exists()


def test_a_folder_without_batches_is_told_what_is_accepted(tmp_path, capsys):
    (tmp_path / "holiday").mkdir()
    assert cli.main(["data", "fetch", "cifar10", "--from", str(tmp_path / "holiday")]) == 1
    said = capsys.readouterr().err
    for accepted in ("cifar-10-binary.tar.gz", ".npz with train_images", "cifar10.npz", "the 6 .bin"):
        assert accepted in said, accepted


def test_archive_members_other_than_files_are_not_followed(tiny_cifar10, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(tiny_cifar10.batches.pop("test_batch.bin"))
    source = tmp_path / "link.tar"
    with tarfile.open(source, "w") as tar:
        for name, content in tiny_cifar10.batches.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
    with pytest.raises(ValueError, match=r"has no test_batch\.bin"):
        full.fetch("cifar10", source)


def test_an_npz_with_a_pickle_in_it_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    source = tmp_path / "trap.npz"
    np.savez(source, train_images=np.array([Trap()], dtype=object))
    with pytest.raises(ValueError, match=r"trap\.npz is not an \.npz with train_images"):
        full.fetch("cifar10", source)
    assert not (tmp_path / "sprung").exists()
    source.write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"trap\.npz is not an \.npz"):
        full.fetch("cifar10", source)


def test_cifar10_from_its_home(tiny_cifar10, monkeypatch):
    def download(url, target):
        assert url == cifar10.URL
        archive_of(tiny_cifar10.batches, target)

    monkeypatch.setattr(cifar10, "download", download)
    assert len(data.load("cifar10", "train", scale="cpu")) == 10
    left = sorted(path.name for path in full.path_of("cifar10").parent.iterdir())
    assert left == [".cifar10.safetensors.lock", "cifar10.safetensors"]


@pytest.fixture
def home(tiny_cifar10, tmp_path, monkeypatch):
    """The archive at the home of CIFAR-10; delete it and the home is gone."""
    archive = archive_of(tiny_cifar10.batches, tmp_path / "home.tar.gz")
    monkeypatch.setattr(cifar10, "URL", archive.as_uri())
    return archive


def test_a_full_disk_does_not_cost_the_download(home, monkeypatch):
    def no_room(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched, pytest.raises(files.WriteError, match="free some space"):
        patched.setattr(os, "fsync", no_room)
        full.fetch("cifar10")
    home.unlink()
    path = full.fetch("cifar10")
    assert sorted(file.name for file in path.parent.iterdir()) == [f".{path.name}.lock", path.name]


def test_a_kill_after_the_download_does_not_cost_it(home, monkeypatch):
    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(cifar10, "read", killed)
        full.fetch("cifar10")
    home.unlink()
    assert full.fetch("cifar10").exists()


def test_a_downloaded_archive_that_is_not_cifar10_is_not_kept(tiny_cifar10, home, monkeypatch):
    tiny_cifar10.batches["test_batch.bin"] = bytes(2 * 3073)
    archive_of(tiny_cifar10.batches, home)
    with pytest.raises(ValueError, match="not the official one"):
        full.fetch("cifar10")
    assert [file.name for file in full.path_of("cifar10").parent.iterdir()] == [".cifar10.safetensors.lock"]


# The cache


def read_only(monkeypatch):
    """No file can be made, changed or deleted any more, whoever runs the tests."""
    real = Path.open

    def opened(path, mode="r", *arguments, **options):
        if set(mode) & set("wa+x"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, mode, *arguments, **options)

    def refused(path, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(Path, "unlink", refused)
    monkeypatch.setattr(Path, "touch", refused)


def test_a_verified_set_in_a_cache_that_is_only_read_is_fetched_already(tiny_cifar10, tmp_path, monkeypatch):
    path = full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    read_only(monkeypatch)
    assert full.fetch("cifar10") == path
    assert len(data.load("cifar10", "train", scale="cpu")) == 10


def test_a_set_made_while_waiting_for_the_lock_is_not_made_again(tiny_cifar10, tmp_path, monkeypatch):
    source = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    real, path = FileLock.acquire, full.path_of("cifar10")

    def made_meanwhile(lock, **options):
        cache.save(path, cifar10.read(source))
        return real(lock, **options)

    monkeypatch.setattr(FileLock, "acquire", made_meanwhile)
    assert full.fetch("cifar10") == path  # nothing listens at the home: a download would fail


def test_clear_waits_for_a_fetch_and_leaves_the_lock(cache_folder, monkeypatch, capsys):
    path, done, other = (
        full.path_of(*which) for which in (("chest_xray", 8), ("chest_xray", 64), ("cifar10",))
    )
    part = path.with_name(f".{path.name}.download.part")
    fetching, real = ExitStack(), FileLock.acquire

    def until_the_fetch_is_done(lock, *, blocking):
        if blocking:
            assert part.exists()
            part.rename(path)
            fetching.close()
        return real(lock, blocking=blocking)

    with fetching:
        fetching.enter_context(files.locked(path))
        part.write_bytes(b"x")
        done.write_bytes(b"x")
        other.write_bytes(b"x")
        monkeypatch.setattr(FileLock, "acquire", until_the_fetch_is_done)
        assert cache.clear("chest_xray") == [done, path]
    said = capsys.readouterr().err
    assert said == f"kdlib: waiting for another process that works on {path}\n"
    locks = [f".{done.name}.lock", f".{path.name}.lock"]
    assert sorted(file.name for file in cache_folder.iterdir()) == [*locks, other.name]
    assert cache.clear("chest_xray") == []


def test_clear_on_a_disk_that_is_only_read_names_a_remedy(tiny_cifar10, tmp_path, monkeypatch, capsys):
    path = full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    touch = Path.touch
    read_only(monkeypatch)
    for opening in ("refused", "allowed"):  # the file of the lock may be open to all in a closed folder
        if opening == "allowed":
            monkeypatch.setattr(Path, "touch", touch)
        assert cli.main(["data", "clear"]) == 1
        said = capsys.readouterr().err
        assert "make it a folder that you can write to" in said and "KDLIB_DATA" in said
    assert path.exists()


def test_the_cache_folder_is_the_platforms(monkeypatch, tmp_path):
    assert cache.folder() == tmp_path / "cache"
    monkeypatch.delenv("KDLIB_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for platform, expected in (
        ("linux", ".cache/kdlib"),
        ("darwin", "Library/Caches/kdlib"),
        ("win32", "local/kdlib"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache.folder() == tmp_path / expected
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "kdlib"


def test_a_second_fetch_reads_the_cache_and_not_the_network(tiny_cifar10, tmp_path):
    path = full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    before = path.stat().st_mtime_ns
    assert full.fetch("cifar10") == path and path.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["cut", "byte in an array", "byte in the header", "empty"])
def test_a_damaged_cache_file_is_named_in_a_warning_and_remade(tiny_cifar10, tmp_path, monkeypatch, damage):
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    path = full.fetch("cifar10", archive)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[-1000:]
    elif damage == "empty":
        content.clear()
    else:
        array = tiny_cifar10.arrays["train_images"].tobytes()
        at = content.index(array if damage == "byte in an array" else b"sha256") + 40
        content[at] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(cifar10, "fetch", lambda _: cifar10.read(archive))
    with pytest.warns(UserWarning, match=r"cifar10\.safetensors was .*altered.* it is being remade"):
        found = data.load("cifar10", "train", scale="cpu")
    assert np.array_equal(found.images.numpy(), tiny_cifar10.arrays["train_images"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.load("cifar10", "train", scale="cpu")


def test_a_whole_file_of_something_else_is_told_to_be_moved(tiny_cifar10, tmp_path, capsys):
    path = full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    cache.save(path, {"images": np.zeros((2, 1, 8, 8), np.uint8)})
    with pytest.raises(cache.ForeignError, match="is whole, but no cifar10: move it away"):
        data.load("cifar10", "train", scale="cpu")
    assert cli.main(["data", "verify", "cifar10"]) == 1
    assert "NOT USABLE" in capsys.readouterr().out


def test_a_cache_file_that_agrees_with_itself_but_is_not_cifar10_is_refused(tiny_cifar10, tmp_path, capsys):
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    path = full.fetch("cifar10", archive)
    cache.save(path, tiny_cifar10.arrays | {"test_labels": np.zeros(2, np.uint8)})
    before = path.read_bytes()
    assert len(data.load("cifar10", "train", scale="cpu")) == 10  # this half of it is as it should be
    with pytest.raises(
        cache.ForeignError, match=r"test_labels is not the official one: .*data fetch cifar10"
    ):
        data.load("cifar10", "test", scale="cpu")
    assert path.read_bytes() == before
    assert cli.main(["data", "verify", "cifar10"]) == 1
    said = capsys.readouterr().out
    assert "NOT USABLE" in said and "remade" not in said
    full.fetch("cifar10", archive)
    assert (
        data.load("cifar10", "test", scale="cpu").labels.tolist()
        == tiny_cifar10.arrays["test_labels"].tolist()
    )


@pytest.mark.parametrize("kind", ["refused", "folder"])
def test_a_cache_file_that_cannot_be_read_is_no_altered_one(
    tiny_cifar10, tmp_path, monkeypatch, capsys, kind
):
    """It is neither called cut short nor fetched anew."""
    path = full.path_of("cifar10")
    if kind == "folder":
        path.mkdir(parents=True)
    else:
        full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
        real = Path.open

        def opened(file, *arguments, **options):
            if file == path:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
            return real(file, *arguments, **options)

        monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(cifar10, "fetch", None)
    why = "Is a directory" if kind == "folder" else "Permission denied"
    for act in (lambda: data.load("cifar10", "train", scale="cpu"), lambda: full.fetch("cifar10")):
        with pytest.raises(
            OSError, match=rf"cannot read .*cifar10\.safetensors \({why}\): let yourself read it"
        ):
            act()
    assert cli.main(["data", "verify", "cifar10"]) == (1 if kind == "refused" else 0)
    said = capsys.readouterr().out
    assert "remade" not in said and "cut short" not in said


def test_without_a_home_folder_the_variable_is_named(monkeypatch, capsys):
    def nobody(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("KDLIB_DATA")
    monkeypatch.setattr(Path, "expanduser", nobody)
    with pytest.raises(OSError, match=r"no cache folder is known .*: set KDLIB_DATA"):
        data.load("cifar10", "train", scale="cpu")
    assert cli.main(["data"]) == 1
    assert "set KDLIB_DATA to a folder of yours" in capsys.readouterr().err


def test_an_array_of_another_type_is_altered(tiny_cifar10, tmp_path):
    path = full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    path.write_bytes(path.read_bytes().replace(b'"U8"', b'"I8"', 1))
    with pytest.raises(cache.AlteredError, match="was altered"):
        full.verified(path)


def test_a_full_disk_is_named_and_the_old_file_kept(tiny_cifar10, tmp_path, monkeypatch):
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    path = full.fetch("cifar10", archive)
    before = path.read_bytes()

    def no_room(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(
        files.WriteError, match=r"cannot write to .*cache .*free some space there, or set KDLIB_DATA"
    ):
        full.fetch("cifar10", archive)
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".*.tmp"))


def test_a_cache_folder_that_cannot_be_made_is_named(tiny_cifar10, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("KDLIB_DATA", str(tmp_path / "file" / "below"))
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    with pytest.raises(
        files.WriteError, match=r"cannot write to .*file.below .*make it a folder .* set KDLIB_DATA"
    ):
        full.fetch("cifar10", archive)


def test_leftovers_of_a_killed_process_are_removed(tiny_cifar10, tmp_path):
    path = full.path_of("cifar10")
    path.parent.mkdir()
    left = path.with_name(f".{path.name}.123-abc.tmp")
    left.write_bytes(b"half")
    full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    assert path.exists() and not left.exists()


def test_a_file_system_without_locks_is_no_obstacle(tiny_cifar10, tmp_path, monkeypatch):
    def no_locks(*_, **__):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(FileLock, "acquire", no_locks)
    left = full.path_of("cifar10").with_name(".cifar10.safetensors.123-abc.tmp")
    left.parent.mkdir()
    left.write_bytes(b"another process may be at work on it")
    assert full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")).exists()
    assert left.exists()


def test_without_network_or_copy_the_error_says_where_a_copy_goes(monkeypatch):
    with pytest.raises(
        ConnectionError, match=r"cifar10: cannot download http.*scale='quick', or .*fetch cifar10 --from"
    ):
        data.load("cifar10", "train", scale="full")
    with pytest.raises(
        FileNotFoundError, match=r"no full copy.*fetch chest_xray --from FOLDER.*KDLIB_CHEST_XRAY"
    ):
        data.load("chest_xray", "train", scale="full")


def test_no_cached_load_unpickles(tiny_cifar10, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a pickle was loaded")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    for kind in ("tar.gz", "npz"):
        source = tmp_path / f"copy.{kind}"
        if kind == "npz":
            np.savez(source, **tiny_cifar10.arrays)
        else:
            archive_of(tiny_cifar10.batches, source)
        full.fetch("cifar10", source)
        assert len(data.load("cifar10", "train", scale="cpu")) == 10


# X-rays from Kaggle's folder


@pytest.mark.parametrize("below", ["", "chest_xray"])
def test_xrays_from_a_kaggle_folder(tiny_xrays, below):
    full.fetch("chest_xray", tiny_xrays / below, 16)
    found = data.load("chest_xray", "kaggle_train", scale="full", resolution=16)
    assert found.images.shape == (11, 1, 16, 16) and found.labels.tolist() == [0] * 4 + [1] * 7
    assert found.patients[:5] == ("IM-0001", "IM-0002", "IM-0004", "NORMAL2-IM-0003", "person1")
    assert found.kinds[4:6] == ("virus", "bacteria")
    with Image.open(tiny_xrays / "chest_xray/train/NORMAL/IM-0002-0001.jpeg") as image:
        grey = image.convert("L").resize((16, 16), Image.Resampling.BILINEAR)
    assert np.array_equal(found.images[1, 0].numpy(), np.asarray(grey))
    sizes = {
        split: len(data.load("chest_xray", split, scale="cpu", resolution=16)) for split in chest_xray.SPLITS
    }
    assert sizes == {"train": 9, "val": 2, "test": 3, "kaggle_train": 11, "kaggle_val": 2}


def test_xrays_are_fetched_on_demand_at_each_resolution_from_the_folder_in_the_environment(
    tiny_xrays, monkeypatch
):
    monkeypatch.setenv("KDLIB_CHEST_XRAY", str(tiny_xrays))
    for resolution in (None, 8, 224):
        found = data.load("chest_xray", "test", scale="cpu", resolution=resolution)
        assert found.images.shape[-1] == (resolution or 64)
    names = [path.name for path in cache.files_of("chest_xray")]
    assert names == ["chest_xray-224.safetensors", "chest_xray-64.safetensors", "chest_xray-8.safetensors"]


def test_xray_folder_faults_are_named_and_nothing_is_overwritten(tiny_xrays, tmp_path):
    path = full.fetch("chest_xray", tiny_xrays)
    before = path.read_bytes()
    folder = tiny_xrays / "chest_xray" / "train" / "NORMAL"

    def refused(message):
        with pytest.raises(ValueError, match=message):
            full.fetch("chest_xray", tiny_xrays)
        assert path.read_bytes() == before

    whole_image = (folder / "IM-0001-0001.jpeg").read_bytes()
    (folder / "IM-0001-0001.jpeg").write_bytes(whole_image[:-300])
    again = r"IM-0001-0001\.jpeg is damaged .*; unpack Kaggle's archive again$"
    refused(again)
    (folder / "IM-0001-0001.jpeg").write_bytes(b"text")
    refused(again)
    (folder / "IM-0001-0001.jpeg").rename(folder / "scan.jpeg")
    (tiny_xrays / "chest_xray/test/PNEUMONIA/person41_virus_1.jpeg").unlink()
    refused(
        r"is not Kaggle's folder: 2 of its files are missing \['test/PNEUMONIA/person41_virus_1\.jpeg', "
        r"'train/NORMAL/IM-0001-0001\.jpeg'\], 1 others are there \['train/NORMAL/scan\.jpeg'\]; unpack"
    )
    for number in (3, 1, 4, 2):  # and one of another ending
        (folder / f"IM-9999-000{number}.JPG").write_bytes(b"")
    refused(r"5 others are there \[('train/NORMAL/IM-9999-000[123]\.JPG'(, )?){3}\]")
    with pytest.raises(
        FileNotFoundError, match=r"empty has no train, val and test, nor its chest_xray\. Unpack"
    ):
        full.fetch("chest_xray", tmp_path / "empty")


def test_the_names_that_are_compared_are_kaggles():
    names = chest_xray.kaggle_files()
    assert len(set(names)) == 5856
    assert Counter(name.rsplit("/", 1)[0] for name in names) == {
        "train/NORMAL": 1341,
        "train/PNEUMONIA": 3875,
        "val/NORMAL": 8,
        "val/PNEUMONIA": 8,
        "test/NORMAL": 234,
        "test/PNEUMONIA": 390,
    }


def test_a_picture_that_would_have_to_be_enlarged_is_refused(tiny_xrays):
    file = tiny_xrays / "chest_xray/test/NORMAL/IM-0009-0001.jpeg"
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(file)
    assert full.fetch("chest_xray", tiny_xrays, 64).exists()
    with pytest.raises(
        ValueError,
        match=r"IM-0009-0001\.jpeg is too small; ask for at most 64 pixels",
    ):
        full.fetch("chest_xray", tiny_xrays, 65)
    assert not full.path_of("chest_xray", 65).exists()


def test_an_altered_xray_cache_without_a_source_is_named_and_kept(tiny_xrays, monkeypatch):
    path = full.fetch("chest_xray", tiny_xrays)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="altered"), pytest.raises(FileNotFoundError, match="no full copy"):
        data.load("chest_xray", "test", scale="full")
    assert path.read_bytes() == content


# The command line


def test_cli_lists_and_verifies(tiny_cifar10, tmp_path, capsys):
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    assert cli.main(["data", "fetch", "cifar10", "--from", str(archive)]) == 0
    path = full.path_of("cifar10")
    assert f"cifar10: {path} (0.0 MB), verified" in capsys.readouterr().out
    assert cli.main(["data"]) == 0
    listed = capsys.readouterr().out
    assert "mnist\n  bundled: train 60,000, test 10,000\n" in listed
    assert "train 4,447, val 769, test 624, kaggle_train 5,216, kaggle_val 16" in listed
    assert listed.count("verified") == 4 and "python -m kdlib data fetch chest_xray" in listed
    path.write_bytes(path.read_bytes()[:-1])
    assert cli.main(["data", "verify", "cifar10"]) == 1
    said = capsys.readouterr().out
    assert "cifar10, bundled: verified" in said and f"{path}: DAMAGED" in said.splitlines()[-1]


def test_cli_names_a_damaged_bundle(tmp_path, monkeypatch, capsys):
    bundle.array.cache_clear()
    broken = tmp_path / "bundled"
    broken.mkdir()
    (broken / "manifest.json").write_text((bundle.FOLDER / "manifest.json").read_text())
    monkeypatch.setattr(bundle, "FOLDER", broken)
    assert cli.main(["data", "verify", "mnist"]) == 1
    assert "mnist, bundled: DAMAGED" in capsys.readouterr().out
    bundle.array.cache_clear()


def test_cli_clear_deletes_what_kdlib_wrote_and_nothing_else(tiny_cifar10, tmp_path, capsys):
    assert cli.main(["data", "clear"]) == 0
    assert "nothing of cifar10 or chest_xray" in capsys.readouterr().out
    path = full.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    half = path.with_name(f".{path.name}.download.part")
    kept = [
        path.with_name(name)
        for name in ("cifar10.npz", "cifar10-teacher.safetensors", "chest_xray-64.safetensors")
    ]
    for file in [half, *kept]:
        file.write_bytes(b"x")
    assert cli.main(["data", "clear", "cifar10"]) == 0
    lock = path.with_name(f".{path.name}.lock")
    assert sorted(path.parent.iterdir()) == sorted([lock, *kept])
    assert f"deleted {path}" in capsys.readouterr().out


def test_cli_failures_are_one_line(tmp_path, monkeypatch, capsys):
    for arguments, message in (
        (["fetch", "chest_xray"], "kdlib: chest_xray: no full copy is known"),
        (["fetch", "cifar10"], "kdlib: cifar10: cannot download"),
        (["fetch", "cifar10", "--from", str(tmp_path / "nowhere")], "nowhere does not exist"),
        (["fetch", "chest_xray", "--resolution", "500"], "resolution is 500"),
        (["fetch", "mnist", "--resolution", "32"], "--resolution is 32; only chest_xray has a choice"),
    ):
        assert cli.main(["data", *arguments]) == 1
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(full, "fetch", stopped)
    assert cli.main(["data", "fetch", "cifar10"]) == 1
    assert "kdlib: stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["data", "fetch", "imagenet"], ["data", "burn"], ["data", "fetch"]]
)
def test_cli_wrong_usage_is_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2


def test_cli_says_that_mnist_needs_no_fetching(capsys):
    assert cli.main(["data", "fetch", "mnist"]) == 0
    assert "all of mnist is bundled" in capsys.readouterr().out
