"""Slow checks of the data: the bundle made again, full data sets, several processes, a kill."""

import io
import json
import signal
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import make_bundle
import numpy as np
import pytest
from PIL import Image

from kdlib import cli, data
from kdlib.data import bundle, chest_xray, cifar10, full

pytestmark = pytest.mark.slow
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"  # beside the clone
needs_full_data = pytest.mark.skipif(
    not (SHARED / "unpack.py").exists(), reason="needs the full data sets in ../shared/data"
)


@pytest.fixture(scope="module")
def data_sets(tmp_path_factory):
    """The full data sets, laid out and verified."""
    folder = tmp_path_factory.mktemp("full")
    subprocess.run([sys.executable, SHARED / "unpack.py", folder], check=True)
    return folder


@pytest.fixture(autouse=True)
def cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("KDLIB_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("KDLIB_SCALE", raising=False)
    monkeypatch.setenv("no_proxy", "*")


@needs_full_data
def test_the_bundle_is_what_its_script_makes(data_sets, tmp_path):
    """Lossless by pixels, text by bytes; lossy by bytes, or within a few levels where libwebp is another."""
    make_bundle.make(data_sets, tmp_path / "made")
    kept, made = bundle.manifest(), json.loads((tmp_path / "made" / "manifest.json").read_text())
    for name, parts in kept.items():
        assert made[name].keys() == parts.keys()
        for key, entry in parts.items():
            assert made[name][key]["shape"] == entry["shape"]
            assert made[name][key].get("sha256") == entry.get("sha256")
            for file, sha256 in entry["files"].items():
                if not file.endswith(".webp"):
                    assert made[name][key]["files"][file] == sha256
                elif name == "chest_xray" and made[name][key]["files"][file] != sha256:
                    old, new = (
                        np.asarray(Image.open(f / file)).astype(int)
                        for f in (bundle.FOLDER, tmp_path / "made")
                    )
                    assert np.abs(old - new).mean() < 1.5
    assert sum(path.stat().st_size for path in (tmp_path / "made").iterdir()) <= 36e6


@needs_full_data
def test_the_bundle_holds_the_full_datas_own_images(data_sets):
    mnist, cifar = np.load(data_sets / "mnist.npz"), np.load(data_sets / "cifar10.npz")
    for split in ("train", "test"):
        assert np.array_equal(data.load("mnist", split).images.numpy(), mnist[f"{split}_images"])
        assert np.array_equal(data.load("mnist", split).labels.numpy(), mnist[f"{split}_labels"])
        bundled = data.load("cifar10", split)
        for label in range(10):
            of_class = cifar[f"{split}_images"][cifar[f"{split}_labels"] == label]
            found = bundled.images[bundled.labels == label].numpy()
            assert np.array_equal(found, of_class[: len(found)])
    bundled = data.load("chest_xray", "test")
    for i in (0, 233, 234, 623):
        file = [f for f in chest_xray.kaggle_files() if f.startswith("test/")][i]
        with Image.open(data_sets / "chest_xray" / file) as image:
            original = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(bundled.images[i, 0].numpy() - original).mean() < 4


@needs_full_data
def test_full_data_sets_from_copies(data_sets, tmp_path, capsys):
    arrays = np.load(data_sets / "cifar10.npz")
    archive = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for split, names in cifar10.BATCHES.items():
            pixels = arrays[f"{split}_images"].reshape(-1, 3072)
            rows = np.concatenate([arrays[f"{split}_labels"][:, None], pixels], axis=1)
            for name, batch in zip(names, np.split(rows, len(names)), strict=True):
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = batch.size
                tar.addfile(member, io.BytesIO(batch.tobytes()))
    assert cli.main(["data", "fetch", "cifar10", "--from", str(archive)]) == 0
    assert cli.main(["data", "fetch", "chest_xray", "--from", str(data_sets), "--resolution", "96"]) == 0
    assert cli.main(["data", "verify"]) == 0
    train = data.load("cifar10", "train", scale="full")
    assert train.images.shape == (50_000, 3, 32, 32) and train.labels.bincount().tolist() == [5000] * 10
    xrays = data.load("chest_xray", "val", scale="cpu", resolution=96)
    quick = data.load("chest_xray", "val")
    assert xrays.images.shape == (769, 1, 96, 96)
    assert xrays.patients == quick.patients and xrays.kinds == quick.kinds
    assert xrays.labels.tolist() == quick.labels.tolist()
    assert "DAMAGED" not in capsys.readouterr().out


# Other processes, with a tiny stand-in for CIFAR-10

PREPARE = """
import io, os, signal, sys, tarfile
import numpy as np
from kdlib.data import bundle, cifar10, full
rows = np.random.default_rng(0).integers(0, 10, (12, 3073), dtype=np.uint8)
parts = {"train": rows[:10], "test": rows[10:]}
cifar10.BATCH_BYTES = 2 * 3073
for split, part in parts.items():
    cifar10.SHA256[split + "_images"] = bundle.sha256_of(part[:, 1:].reshape(-1, 3, 32, 32))
    cifar10.SHA256[split + "_labels"] = bundle.sha256_of(part[:, 0])
cifar10.URL = sys.argv[1]
"""
FETCH = PREPARE + "full.fetch('cifar10')\nprint(len(full.read('cifar10', ['train_labels'])['train_labels']))"
KILLED = PREPARE + "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\nfull.fetch('cifar10')"


@pytest.fixture
def home():
    """A server with the stand-in's archive; counts how often it was asked."""
    rows = np.random.default_rng(0).integers(0, 10, (12, 3073), dtype=np.uint8)
    names = [name for split in ("train", "test") for name in cifar10.BATCHES[split]]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for i, name in enumerate(names):
            member = tarfile.TarInfo(name)
            member.size = 2 * 3073
            tar.addfile(member, io.BytesIO(rows[2 * i : 2 * i + 2].tobytes()))
    content = buffer.getvalue()
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/x.tar.gz", asked
        server.shutdown()
        thread.join()


def test_several_processes_fetch_once_and_all_read_it(home):
    address, asked = home
    command = [sys.executable, "-c", FETCH, address]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=120)[0] for process in running] == ["10\n"] * 4
    assert len(asked) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_process_killed_while_it_writes_leaves_nothing_that_is_taken_for_whole(home):
    address, asked = home
    killed = subprocess.run([sys.executable, "-c", KILLED, address], timeout=120)
    assert killed.returncode == -signal.SIGKILL
    path = full.path_of("cifar10")
    assert not path.exists() and list(path.parent.glob(".*.tmp"))
    again = subprocess.run(
        [sys.executable, "-c", FETCH, address], capture_output=True, text=True, timeout=120
    )
    assert again.stdout == "10\n", again.stderr
    assert path.exists() and not list(path.parent.glob(".*.tmp"))
    assert len(asked) == 1  # the archive outlived the kill
