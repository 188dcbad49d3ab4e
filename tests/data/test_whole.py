"""Whole data sets: copies read, kept, verified and remade; what goes wrong is named and nothing is lost.

The data sets are tiny stand-ins of the same layout; `test_data_slow.py` takes the real ones.
"""

import errno
import hashlib
import io
import os
import pickle
import re
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
from PIL import Image
from safetensors.numpy import load_file

from kdlib import cli, data
from kdlib.data import bundle, cache, chest_xray, cifar10, whole


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
    monkeypatch.setattr(chest_xray, "COUNTS", {part: len(names) for part, names in XRAYS.items()})
    files = [f"{part}/{name}.jpeg" for part, names in XRAYS.items() for name in names]
    monkeypatch.setattr(chest_xray, "kaggle_files", lambda: files)
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
    path = whole.fetch("cifar10", source)
    for split in ("train", "test"):
        found = data.load("cifar10", split, scale="cpu")
        assert np.array_equal(found.images.numpy(), tiny_cifar10.arrays[f"{split}_images"])
        assert found.labels.tolist() == tiny_cifar10.arrays[f"{split}_labels"].tolist()
        assert found.images.dtype == torch.uint8 and found.labels.dtype == torch.int64
    assert set(load_file(path)) == set(tiny_cifar10.arrays)  # safetensors reads what we wrote


def test_cifar10_loaded_twice_is_two_copies(tiny_cifar10, tmp_path):
    whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    data.load("cifar10", "test", scale="full").images.zero_()
    assert data.load("cifar10", "test", scale="full").images.any()


def test_cifar10_that_is_not_the_official_one_is_refused(tiny_cifar10, tmp_path):
    tiny_cifar10.batches["data_batch_3.bin"] = bytes(2 * 3073)
    source = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    with pytest.raises(ValueError, match=r"train_images of .*copy\.tar\.gz is not the official one"):
        whole.fetch("cifar10", source)
    assert not whole.path_of("cifar10").exists()


def test_cifar10_copies_that_cannot_be_used(tiny_cifar10, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist.*fetch cifar10 --from PATH"):
        whole.fetch("cifar10", tmp_path / "nowhere")
    pickled = tmp_path / "cifar-10-batches-py"
    batch_folder({"data_batch_1": b""}, pickled)
    with pytest.raises(FileNotFoundError, match=r"has no data_batch_1\.bin .*pickles: not read"):
        whole.fetch("cifar10", pickled)
    python_version = archive_of({"data_batch_1": b""}, tmp_path / "cifar-10-python.tar.gz")
    with pytest.raises(FileNotFoundError, match=r"holds no data_batch_1\.bin: it is not the binary version"):
        whole.fetch("cifar10", python_version)
    cut = archive_of(tiny_cifar10.batches, tmp_path / "cut.tar.gz")
    cut.write_bytes(cut.read_bytes()[:-400])
    with pytest.raises(ValueError, match=r"cut\.tar\.gz is not a whole \.tar\.gz"):
        whole.fetch("cifar10", cut)
    tiny_cifar10.batches["test_batch.bin"] += b"x"
    with pytest.raises(ValueError, match=r"test_batch\.bin of .* is not 6,146 bytes"):
        whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "long.tar.gz"))


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
    with pytest.raises(FileNotFoundError, match=r"holds no test_batch\.bin"):
        whole.fetch("cifar10", source)


def test_an_npz_with_a_pickle_in_it_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    source = tmp_path / "trap.npz"
    np.savez(source, train_images=np.array([Trap()], dtype=object))
    with pytest.raises(ValueError, match=r"trap\.npz is not an \.npz with train_images"):
        whole.fetch("cifar10", source)
    assert not (tmp_path / "sprung").exists()
    source.write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"trap\.npz is not an \.npz"):
        whole.fetch("cifar10", source)


def test_cifar10_from_its_home(tiny_cifar10, monkeypatch):
    def download(url, target, *, md5):
        assert (url, md5) == (cifar10.URL, "c32a1d4ab5d03f1284b67883e8d87530")
        archive_of(tiny_cifar10.batches, target)

    monkeypatch.setattr(cifar10, "download", download)
    assert len(data.load("cifar10", "train", scale="cpu")) == 10
    left = sorted(path.name for path in whole.path_of("cifar10").parent.iterdir())
    assert left == [".cifar10.safetensors.lock", "cifar10.safetensors"]


@pytest.fixture
def home(tiny_cifar10, tmp_path, monkeypatch):
    """The archive at the home of CIFAR-10; delete it and the home is gone."""
    archive = archive_of(tiny_cifar10.batches, tmp_path / "home.tar.gz")
    monkeypatch.setattr(cifar10, "URL", archive.as_uri())
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    return archive


def test_a_full_disk_does_not_cost_the_download(home, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched, pytest.raises(cache.CacheError, match="free some space"):
        patched.setattr(os, "fsync", full)
        whole.fetch("cifar10")
    home.unlink()
    path = whole.fetch("cifar10")
    assert sorted(file.name for file in path.parent.iterdir()) == [f".{path.name}.lock", path.name]


def test_a_kill_after_the_download_does_not_cost_it(home, monkeypatch):
    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(cifar10, "read", killed)
        whole.fetch("cifar10")
    home.unlink()
    assert whole.fetch("cifar10").exists()


def test_a_downloaded_archive_that_is_not_cifar10_is_not_kept(tiny_cifar10, home, monkeypatch):
    tiny_cifar10.batches["test_batch.bin"] = bytes(2 * 3073)
    archive_of(tiny_cifar10.batches, home)
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(home.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="not the official one"):
        whole.fetch("cifar10")
    assert [file.name for file in whole.path_of("cifar10").parent.iterdir()] == [".cifar10.safetensors.lock"]


# The cache


def read_only(monkeypatch):
    """No file can be made, changed or deleted any more, whoever runs the tests."""
    real = Path.open

    def opened(path, mode="r", *arguments, **options):
        if set(mode) & set("wa+x"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, mode, *arguments, **options)

    def unlink(path, missing_ok=False):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(Path, "unlink", unlink)


def test_a_verified_set_in_a_cache_that_is_only_read_is_fetched_already(tiny_cifar10, tmp_path, monkeypatch):
    path = whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    read_only(monkeypatch)
    assert whole.fetch("cifar10") == path
    assert len(data.load("cifar10", "train", scale="cpu")) == 10


def test_a_set_made_while_waiting_for_the_lock_is_not_made_again(tiny_cifar10, tmp_path, monkeypatch):
    source = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    real, path = cache._lock, whole.path_of("cifar10")

    def made_meanwhile(descriptor, wait):
        cache.save(path, cifar10.read(source), {"name": "cifar10"})
        return real(descriptor, wait)

    monkeypatch.setattr(cache, "_lock", made_meanwhile)
    assert whole.fetch("cifar10") == path  # nothing listens at the home: a download would fail


def test_a_lock_is_held_by_one(tmp_path):
    path = tmp_path / "below" / "x"
    with cache.locked(path) as first, cache.locked(path, wait=False) as second:
        assert (first, second) == (True, False)
    with cache.locked(path, wait=False) as again:
        assert again is True


def test_clear_waits_for_a_fetch_and_leaves_the_lock(cache_folder, monkeypatch, capsys):
    path, done, other = (
        whole.path_of(*which) for which in (("chest_xray", 8), ("chest_xray", 64), ("cifar10",))
    )
    part = path.with_name(f".{path.name}.download.part")
    fetching, real = ExitStack(), cache._lock

    def until_the_fetch_is_done(descriptor, wait):
        if wait:
            assert part.exists()
            part.rename(path)
            fetching.close()
        return real(descriptor, wait)

    with fetching:
        fetching.enter_context(cache.locked(path))
        part.write_bytes(b"x")
        done.write_bytes(b"x")
        other.write_bytes(b"x")
        monkeypatch.setattr(cache, "_lock", until_the_fetch_is_done)
        assert cache.clear("chest_xray") == [done, path]
    said = capsys.readouterr().err
    assert said == f"kdlib: waiting for another process that works on {path}\n"
    locks = [f".{done.name}.lock", f".{path.name}.lock"]
    assert sorted(file.name for file in cache_folder.iterdir()) == [*locks, other.name]
    assert cache.clear("chest_xray") == []


def test_clear_on_a_disk_that_is_only_read_names_a_remedy(tiny_cifar10, tmp_path, monkeypatch, capsys):
    path = whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    read_only(monkeypatch)
    for opening in ("refused", "allowed"):  # the file of the lock may be open to all in a closed folder
        if opening == "allowed":
            monkeypatch.setattr(cache, "_kept", lambda _: tmp_path / "elsewhere")
            monkeypatch.setattr(Path, "open", lambda path, mode: io.FileIO(path, mode.replace("b", "")))
        assert cli.main(["data", "clear"]) == 1
        said = capsys.readouterr().err
        assert "make it a folder that you can write to" in said and "KDLIB_DATA" in said
    assert path.exists()


def test_the_cache_folder_is_the_platforms(monkeypatch, tmp_path):
    assert cache.folder() == tmp_path / "cache"
    monkeypatch.delenv("KDLIB_DATA")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
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
    path = whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    before = path.stat().st_mtime_ns
    assert whole.fetch("cifar10") == path and path.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["cut", "byte in an array", "byte in the header", "empty"])
def test_a_damaged_cache_file_is_named_in_a_warning_and_remade(tiny_cifar10, tmp_path, monkeypatch, damage):
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    path = whole.fetch("cifar10", archive)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[-1000:]
    elif damage == "empty":
        content.clear()
    else:
        at = 3073 if damage == "byte in an array" else content.index(b"sha256") + 40
        content[at] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(cifar10, "fetch", lambda _: cifar10.read(archive))
    with pytest.warns(UserWarning, match=r"cifar10\.safetensors was .*altered.* it is being remade"):
        found = data.load("cifar10", "train", scale="cpu")
    assert np.array_equal(found.images.numpy(), tiny_cifar10.arrays["train_images"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.load("cifar10", "train", scale="cpu")


def test_a_cache_file_that_agrees_with_itself_but_is_not_cifar10_fails_verification(tiny_cifar10, tmp_path):
    path = whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    cache.save(path, tiny_cifar10.arrays | {"test_labels": np.zeros(2, np.uint8)}, {})
    with pytest.raises(cache.AlteredError, match="test_labels is not the official one"):
        whole.verify(path)


def test_a_full_disk_is_named_and_the_old_file_kept(tiny_cifar10, tmp_path, monkeypatch):
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    path = whole.fetch("cifar10", archive)
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        cache.CacheError, match=r"cannot write to .*cache .*free some space there, or set KDLIB_DATA"
    ):
        whole.fetch("cifar10", archive)
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".*.tmp"))


def test_a_cache_folder_that_cannot_be_made_is_named(tiny_cifar10, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("KDLIB_DATA", str(tmp_path / "file" / "below"))
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    with pytest.raises(
        cache.CacheError, match=r"cannot write to .*file.below .*make it a folder .* set KDLIB_DATA"
    ):
        whole.fetch("cifar10", archive)


def test_leftovers_of_a_killed_process_are_removed(tiny_cifar10, tmp_path):
    path = whole.path_of("cifar10")
    path.parent.mkdir()
    left = path.with_name(f".{path.name}.123-abc.tmp")
    left.write_bytes(b"half")
    whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
    assert path.exists() and not left.exists()


def test_a_file_system_without_locks_is_no_obstacle(tiny_cifar10, tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(cache, "_lock", no_locks)
    with cache.locked(tmp_path / "x") as held, cache.locked(tmp_path / "x", wait=False) as also:
        assert held is None and also is None
    left = whole.path_of("cifar10").with_name(".cifar10.safetensors.123-abc.tmp")
    left.parent.mkdir()
    left.write_bytes(b"another process may be at work on it")
    assert whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")).exists()
    assert left.exists()


def test_without_network_or_copy_the_error_says_where_a_copy_goes(monkeypatch):
    with pytest.raises(
        ConnectionError, match=r"cifar10: cannot download http.*scale='quick', or .*fetch cifar10 --from"
    ):
        data.load("cifar10", "train", scale="full")
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(
        FileNotFoundError, match=r"no whole copy.*fetch chest_xray --from FOLDER.*KDLIB_CHEST_XRAY"
    ):
        data.load("chest_xray", "train", scale="full")


def test_fetch_refuses_names_and_resolutions():
    with pytest.raises(ValueError, match=r"name is 'mnist'; cifar10 and chest_xray can be fetched"):
        whole.fetch("mnist")
    with pytest.raises(ValueError, match="resolution is 300; chest_xray can be had at 8 to 224"):
        whole.fetch("chest_xray", resolution=300)


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
        whole.fetch("cifar10", source)
        assert len(data.load("cifar10", "train", scale="cpu")) == 10


# X-rays from Kaggle's folder


@pytest.mark.parametrize("below", ["", "chest_xray"])
def test_xrays_from_a_kaggle_folder(tiny_xrays, below):
    whole.fetch("chest_xray", tiny_xrays / below, 16)
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


def test_xrays_through_kagglehub(tiny_xrays, monkeypatch):
    asked = []

    def dataset_download(name):
        asked.append(name)
        if len(asked) == 1:
            raise RuntimeError("403")
        return str(tiny_xrays)

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=dataset_download))
    with pytest.raises(ConnectionError, match=r"kagglehub failed \(403\)\. Use .*--from FOLDER"):
        data.load("chest_xray", "test", scale="cpu")
    assert len(data.load("chest_xray", "test", scale="cpu")) == 3
    assert asked == ["paultimothymooney/chest-xray-pneumonia"] * 2


def test_xray_folder_faults_are_named_and_nothing_is_overwritten(tiny_xrays, tmp_path):
    path = whole.fetch("chest_xray", tiny_xrays)
    before = path.read_bytes()
    folder = tiny_xrays / "chest_xray" / "train" / "NORMAL"

    def refused(error, message):
        with pytest.raises(error, match=message):
            whole.fetch("chest_xray", tiny_xrays)
        assert path.read_bytes() == before

    whole_image = (folder / "IM-0001-0001.jpeg").read_bytes()
    (folder / "IM-0001-0001.jpeg").write_bytes(whole_image[:-300])
    again = r"IM-0001-0001\.jpeg is not a readable image .*; get it again, or unpack Kaggle's archive again$"
    refused(ValueError, again)
    (folder / "IM-0001-0001.jpeg").write_bytes(b"text")
    refused(ValueError, again)
    (folder / "IM-0001-0001.jpeg").rename(folder / "scan.jpeg")
    refused(ValueError, rf"{re.escape(folder.as_posix())}/scan\.jpeg: the name carries no patient .*; take ")
    (folder / "scan.jpeg").unlink()
    (tiny_xrays / "chest_xray/test/PNEUMONIA/person41_virus_1.jpeg").unlink()
    refused(
        FileNotFoundError,
        r"is not Kaggle's folder; .*: train/NORMAL 3 of 4, test/PNEUMONIA 0 of 1; "
        r"missing: test/PNEUMONIA/person41_virus_1\.jpeg, train/NORMAL/IM-0001-0001\.jpeg; "
        "unpack Kaggle's archive again, into an empty folder$",
    )
    with pytest.raises(
        FileNotFoundError,
        match=r"neither .*empty nor its chest_xray holds train, val and test\. Use .*kagglehub",
    ):
        whole.fetch("chest_xray", tmp_path / "empty")


def test_files_too_many_and_files_of_another_ending_are_named(tiny_xrays):
    folder = tiny_xrays / "chest_xray" / "train" / "PNEUMONIA"
    for number in (3, 1, 4, 2):
        (folder / f"person99_virus_{number}.jpeg").write_bytes(b"")
    extra = ", ".join(rf"train/PNEUMONIA/person99_virus_{number}\.jpeg" for number in (1, 2, 3))
    with pytest.raises(
        FileNotFoundError, match=f": train/PNEUMONIA 11 of 7; not Kaggle's: {extra} and 1 more; unpack"
    ):
        whole.fetch("chest_xray", tiny_xrays)
    for path in folder.glob("person99*"):
        path.unlink()
    (folder / "person1_virus_1.jpeg").rename(folder / "person1_virus_1.JPG")
    with pytest.raises(
        FileNotFoundError,
        match=r"6 of 7; missing: train/PNEUMONIA/person1_virus_1\.jpeg; "
        r"not named \.jpeg, in small letters, as Kaggle's are: train/PNEUMONIA/person1_virus_1\.JPG; unpack",
    ):
        whole.fetch("chest_xray", tiny_xrays)


def test_as_many_files_as_kaggles_but_another_one_are_refused(tiny_xrays):
    folder = tiny_xrays / "chest_xray" / "train" / "PNEUMONIA"
    (folder / "person1_virus_1.jpeg").rename(folder / "person99_virus_1.jpeg")  # as if of another patient
    with pytest.raises(
        ValueError,
        match=r"is not Kaggle's folder; missing: train/PNEUMONIA/person1_virus_1\.jpeg; not Kaggle's: "
        r"train/PNEUMONIA/person99_virus_1\.jpeg; unpack",
    ):
        whole.fetch("chest_xray", tiny_xrays)


def test_the_names_that_are_compared_are_kaggles():
    files = chest_xray.kaggle_files()
    parts = Counter(file.rsplit("/", 1)[0] for file in files)
    assert len(set(files)) == 5856 and parts == chest_xray.COUNTS


def test_a_picture_that_would_have_to_be_enlarged_is_refused(tiny_xrays):
    file = tiny_xrays / "chest_xray/test/NORMAL/IM-0009-0001.jpeg"
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(file)
    assert whole.fetch("chest_xray", tiny_xrays, 64).exists()
    with pytest.raises(
        ValueError,
        match=r"IM-0009-0001\.jpeg is 64 x 48 pixels, smaller than the 65 wanted; "
        "ask for at most 64 pixels, or take Kaggle's originals",
    ):
        whole.fetch("chest_xray", tiny_xrays, 65)
    assert not whole.path_of("chest_xray", 65).exists()


def test_an_altered_xray_cache_without_a_source_is_named_and_kept(tiny_xrays, monkeypatch):
    path = whole.fetch("chest_xray", tiny_xrays)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.warns(UserWarning, match="altered"), pytest.raises(FileNotFoundError, match="no whole copy"):
        data.load("chest_xray", "test", scale="full")
    assert path.read_bytes() == content


# The command line


def test_cli_lists_and_verifies(tiny_cifar10, tmp_path, capsys):
    archive = archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz")
    assert cli.main(["data", "fetch", "cifar10", "--from", str(archive)]) == 0
    path = whole.path_of("cifar10")
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
    path = whole.fetch("cifar10", archive_of(tiny_cifar10.batches, tmp_path / "copy.tar.gz"))
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
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    for arguments, message in (
        (["fetch", "chest_xray"], "kdlib: chest_xray: no whole copy is known"),
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

    monkeypatch.setattr(whole, "fetch", stopped)
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
    assert "mnist is whole in the bundle" in capsys.readouterr().out


def test_python_dash_m(monkeypatch, capsys):
    import runpy

    monkeypatch.setattr(sys, "argv", ["kdlib", "data", "verify", "mnist"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("kdlib", run_name="__main__")
    assert stop.value.code == 0 and "mnist, bundled: verified" in capsys.readouterr().out
