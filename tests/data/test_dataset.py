"""Loading: what a chapter gets from the bundle, how it is parted, and what wrong arguments say."""

import ast
import hashlib
import io
import json
import pickle
import shutil
from collections import Counter
from pathlib import Path

import make_bundle
import numpy as np
import pytest
import torch
from PIL import Image

from kdlib import data, files
from kdlib.data import bundle, chest_xray

KDLIB = Path(files.__file__).parent


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("KDLIB_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("KDLIB_SCALE", raising=False)
    monkeypatch.delenv("KDLIB_CHEST_XRAY", raising=False)


@pytest.fixture
def copied_bundle(monkeypatch, tmp_path):
    """A copy of the bundle that a test may damage."""
    copy = tmp_path / "bundled"
    shutil.copytree(bundle.FOLDER, copy)
    monkeypatch.setattr(bundle, "FOLDER", copy)
    bundle.array.cache_clear()
    yield copy
    bundle.array.cache_clear()


# What is loaded


def test_mnist_is_the_official_one():
    train, test = data.load("mnist", "train"), data.load("mnist", "test")
    assert train.images.shape == (60_000, 1, 28, 28) and test.images.shape == (10_000, 1, 28, 28)
    assert train.images.dtype == torch.uint8 and train.labels.dtype == torch.int64
    header = bytes.fromhex("00000803 0000ea60 0000001c 0000001c")  # of the idx file whose MD5 is published
    pixels = header + train.images.numpy().tobytes()
    assert hashlib.md5(pixels).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert train.classes == tuple("0123456789") and train.patients is None and train.kinds is None
    assert (train.name, train.split, len(train)) == ("mnist", "train", 60_000)


@pytest.mark.parametrize("scale", ["cpu", "full"])
def test_mnist_is_bundled_whole_so_every_scale_reads_the_bundle(scale):
    assert len(data.load("mnist", "test", scale=scale)) == 10_000


@pytest.mark.parametrize(("split", "each"), [("train", 800), ("test", 200)])
def test_cifar10_bundle_is_balanced(split, each):
    found = data.load("cifar10", split)
    assert found.images.shape == (10 * each, 3, 32, 32)
    assert found.labels.bincount().tolist() == [each] * 10
    assert found.classes[3] == "cat" and len(set(found.classes)) == 10


def test_cifar10_channels_are_red_green_blue():
    mean = data.load("cifar10", "train").images.float().mean((0, 2, 3)) / 255
    torch.testing.assert_close(mean, torch.tensor([0.4914, 0.4822, 0.4465]), atol=0.01, rtol=0)


@pytest.mark.parametrize(
    ("split", "normal", "pneumonia", "patients"),
    [
        ("kaggle_train", 1341, 3875, 2846),
        ("train", 1143, 3304, 2419),
        ("val", 198, 571, 427),
        ("test", 234, 390, 427),
        ("kaggle_val", 8, 8, 15),
    ],
)
def test_xray_splits(split, normal, pneumonia, patients):
    found = data.load("chest_xray", split)
    assert found.images.shape == (normal + pneumonia, 1, 64, 64)
    assert found.labels.bincount().tolist() == [normal, pneumonia]
    assert len(set(found.patients)) == patients
    kinds = Counter(found.kinds)
    assert kinds["normal"] == normal and kinds["bacteria"] + kinds["virus"] == pneumonia
    assert found.classes == ("normal", "pneumonia")


def test_xray_validation_shares_no_patient_with_training_and_both_make_up_the_training_folder():
    whole, train, val = (data.load("chest_xray", split) for split in ("kaggle_train", "train", "val"))
    assert not set(train.patients) & set(val.patients)
    assert sorted(train.patients + val.patients) == sorted(whole.patients)
    for kind in ("normal", "bacteria", "virus"):
        share = val.kinds.count(kind) / whole.kinds.count(kind)
        assert 0.12 < share < 0.18, f"{kind}: {share}"


def test_xray_validation_patients_never_change():
    patients = "\n".join(sorted(set(data.load("chest_xray", "val").patients)))
    assert hashlib.sha256(patients.encode()).hexdigest() == (
        "3ebc1830bc08874d4135009e5795ebcdcd734ed722bdf3b629a3997325aa5184"
    )


def test_validation_does_not_depend_on_the_order_of_the_files():
    files = bundle.array("chest_xray", "files").tobytes().decode().split(" ")
    train = [file for file in files if file.startswith("train/")]
    assert chest_xray.validation_patients(train) == chest_xray.validation_patients(train[::-1])


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("train/PNEUMONIA/person123_bacteria_45.jpeg", (1, "person123", "bacteria")),
        ("test/PNEUMONIA/person1_virus_6.jpeg", (1, "person1", "virus")),
        ("train/PNEUMONIA/person447_virus_921_1.jpeg", (1, "person447", "virus")),
        ("train/NORMAL/IM-0115-0001.jpeg", (0, "IM-0115", "normal")),
        ("train/NORMAL/IM-0543-0001-0002.jpeg", (0, "IM-0543", "normal")),
        ("val/NORMAL/NORMAL2-IM-0927-0001.jpeg", (0, "NORMAL2-IM-0927", "normal")),
    ],
)
def test_file_names_carry_the_patient(file, expected):
    assert chest_xray.parse(file) == expected


def test_xrays_are_pictures_of_chests_and_not_shuffled_tiles():
    images = data.load("chest_xray", "kaggle_train").images.float()
    mean = images.mean((0, 1))
    assert mean[:, 28:36].mean() > mean[:, :4].mean() + 20  # the spine is brighter than the left border
    steps = (images[:, :, 1:] - images[:, :, :-1]).abs().mean()
    assert steps < 12  # neighbouring rows are alike


@pytest.mark.parametrize(
    ("position", "file", "quarters"),  # upper left, upper right, lower left, lower right
    [
        (0, "train/NORMAL/IM-0115-0001.jpeg", [118.4, 130.2, 131.6, 135.3]),
        (1340, "train/NORMAL/NORMAL2-IM-1423-0001.jpeg", [85.9, 89.4, 129.9, 104.2]),
        (2600, "train/PNEUMONIA/person1582_bacteria_4143.jpeg", [109.3, 81.3, 85.5, 86.4]),
        (5855, "test/PNEUMONIA/person99_bacteria_474.jpeg", [117.0, 127.5, 124.0, 133.9]),
    ],
)
def test_xrays_have_the_brightness_of_the_originals(position, file, quarters):
    """The means are those of the original JPEG files, resized by Pillow; the bundle is lossy."""
    files = bundle.array("chest_xray", "files").tobytes().decode().split(" ")
    image = bundle.array("chest_xray", "images")[position, 0].astype(float)
    assert files[position] == file
    found = [image[r : r + 32, c : c + 32].mean() for r in (0, 32) for c in (0, 32)]
    assert found == pytest.approx(quarters, abs=1)


# Resolutions


@pytest.mark.parametrize(
    ("name", "split", "resolution"), [("mnist", "test", 32), ("chest_xray", "kaggle_val", 28)]
)
def test_resizing_is_pillows_antialiased_bilinear(name, split, resolution):
    native = data.load(name, split).images[:16]
    found = data.load(name, split, resolution=resolution).images
    assert found.shape[1:] == (1, resolution, resolution) and found.dtype == torch.uint8
    for before, after in zip(native[:, 0].numpy(), found[:, 0].numpy(), strict=False):
        size = (resolution, resolution)
        pillow = np.asarray(Image.fromarray(before).resize(size, Image.Resampling.BILINEAR))
        assert np.abs(pillow.astype(int) - after).max() <= 1


def test_scale_given_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("KDLIB_SCALE", "full")
    assert len(data.load("cifar10", "test", scale="quick")) == 2000
    with pytest.raises(FileNotFoundError, match="chest_xray: no full copy is known"):
        data.load("chest_xray", "test")


# A caller's changes stay the caller's


@pytest.mark.parametrize(("name", "split"), [("mnist", "test"), ("chest_xray", "kaggle_val")])
def test_changing_a_tensor_changes_no_later_load(name, split):
    first = data.load(name, split)
    before = first.images.clone(), first.labels.clone()
    first.images.zero_()
    first.labels.fill_(7)
    again = data.load(name, split)
    assert torch.equal(again.images, before[0]) and torch.equal(again.labels, before[1])


# A damaged bundle


@pytest.mark.parametrize(
    ("name", "split", "file"),
    [
        ("mnist", "test", "mnist-test-images-02.webp"),
        ("mnist", "test", "mnist-test-labels.u8"),
        ("cifar10", "test", "cifar10-test-images-00.webp"),
        ("chest_xray", "test", "chest_xray-images-01.webp"),
        ("chest_xray", "test", "chest_xray-files.txt"),
    ],
)
@pytest.mark.parametrize("where", [4, 0.5, -1])
def test_one_altered_byte_is_found_and_the_file_named(copied_bundle, name, split, file, where):
    damaged = bytearray((copied_bundle / file).read_bytes())
    damaged[int(where * len(damaged)) if where == 0.5 else where] ^= 1
    (copied_bundle / file).write_bytes(damaged)
    with pytest.raises(OSError, match=rf"{file} was altered: install kdlib again"):
        data.load(name, split)


def test_a_missing_bundle_file_is_named(copied_bundle):
    (copied_bundle / "mnist-test-images-03.webp").unlink()
    with pytest.raises(
        files.DamagedError, match=r"03\.webp cannot be read \(No such file.*: install kdlib again"
    ):
        data.load("mnist", "test")


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"seal": "0"}', "\xff"])
def test_a_damaged_manifest_is_named(copied_bundle, text):
    (copied_bundle / "manifest.json").write_text(text)
    with pytest.raises(files.DamagedError, match=r"manifest\.json was altered: install kdlib again"):
        data.load("mnist", "test")


def test_a_digest_altered_in_the_manifest_blames_the_manifest(copied_bundle):
    path = copied_bundle / "manifest.json"
    digest = bundle.manifest()["mnist"]["test_labels"]["files"]["mnist-test-labels.u8"]
    path.write_text(path.read_text().replace(digest, digest[::-1]))
    with pytest.raises(files.DamagedError, match=r"manifest\.json was altered"):
        data.load("mnist", "test")


def test_other_pixels_from_the_same_bytes_are_found(copied_bundle):
    manifest = bundle.manifest()
    manifest["mnist"]["test_images"]["sha256"] = "0" * 64
    (copied_bundle / "manifest.json").write_text(json.dumps(manifest | {"seal": files.seal(manifest)}))
    with pytest.raises(OSError, match="mnist test_images is whole, but Pillow gives other pixels"):
        data.load("mnist", "test")


def test_a_pillow_without_webp_is_told_to_upgrade(copied_bundle, monkeypatch):
    def no_webp(*_):
        raise Image.UnidentifiedImageError("cannot identify image file")

    monkeypatch.setattr(Image, "open", no_webp)
    with pytest.raises(OSError, match=r"mnist-test-images-00\.webp is whole.*pip install --upgrade pillow"):
        data.load("mnist", "test")


@pytest.mark.parametrize(("channels", "count"), [(1, 130), (3, 50)])
def test_images_come_back_from_a_sheet(channels, count):
    images = np.random.default_rng(0).integers(0, 256, (count, channels, 4, 6), dtype=np.uint8)
    laid_out = make_bundle.sheet(images)
    assert laid_out.shape == (4 * -(-count // 50), 300, channels)
    assert np.array_equal(laid_out[:4, 6:12], images[1].transpose(1, 2, 0))
    out = io.BytesIO()
    Image.fromarray(laid_out.squeeze()).save(out, "WEBP", lossless=True)
    assert np.array_equal(bundle._tiles("sheet", out.getvalue(), images.shape)[:count], images)


def test_grey_images_come_back_from_the_green_channel():
    colours = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 6), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(make_bundle.sheet(colours)).save(out, "WEBP", lossless=True)
    assert np.array_equal(bundle._tiles("sheet", out.getvalue(), (50, 1, 4, 6)), colours[:, 1:2])


def test_the_bundle_is_small_enough_and_holds_nothing_else():
    files = {path.name: path.stat().st_size for path in bundle.FOLDER.iterdir()}
    listed = {
        file for parts in bundle.manifest().values() for entry in parts.values() for file in entry["files"]
    }
    assert set(files) == listed | {"manifest.json", "shakespeare.txt.xz"}
    assert sum(files.values()) <= 36e6
    assert all(b"\n" not in (bundle.FOLDER / file).read_bytes() for file in files if file.endswith(".txt"))


# Parting a data set


def toy(labels, patients=None):
    n = len(labels)
    images = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1)
    return data.Dataset("toy", "train", images, torch.tensor(labels), ("a", "b"), patients, patients)


def test_subset_takes_positions_or_a_mask_and_keeps_rows_together():
    whole = toy([0, 1, 0, 1], ("p", "q", "r", "s"))
    for indices in ([3, 0], torch.tensor([3, 0]), (3, -4)):
        part = whole.subset(indices)
        assert part.images.flatten().tolist() == [3, 0] and part.labels.tolist() == [1, 0]
        assert part.patients == ("s", "p") == part.kinds and len(part) == 2
    assert whole.subset(whole.labels == 1).images.flatten().tolist() == [1, 3]
    assert len(whole.subset([])) == 0
    assert toy([0, 1]).subset(iter([1])).patients is None


@pytest.mark.parametrize("size", [40, 0.4])
def test_hold_out_is_stratified_and_whole(size):
    whole = toy([0] * 75 + [1] * 25)
    rest, held = data.hold_out(whole, size, seed=3)
    assert held.labels.bincount().tolist() == [30, 10] and rest.labels.bincount().tolist() == [45, 15]
    assert sorted(torch.cat([rest.images, held.images]).flatten().tolist()) == list(range(100))
    assert held.images.flatten().tolist() == sorted(held.images.flatten().tolist())
    assert (rest.split, held.split) == ("train:rest", "train:held_out")


def test_hold_out_meets_the_size_by_the_largest_remainder():
    _, held = data.hold_out(toy([0] * 66 + [1] * 34), 10, seed=0)  # exact shares 6.6 and 3.4
    assert held.labels.bincount().tolist() == [7, 3]


def test_hold_out_depends_on_its_seed_alone():
    whole = toy([0, 1] * 50)
    state = torch.get_rng_state()
    picks = [data.hold_out(whole, 20, seed)[1].images.flatten().tolist() for seed in (1, 1, 2)]
    assert picks[0] == picks[1] != picks[2]
    assert torch.equal(torch.get_rng_state(), state)


def test_hold_out_keeps_patients_together():
    whole = data.load("chest_xray", "train", resolution=8)
    rest, held = data.hold_out(whole, 0.2, seed=0)
    assert not set(rest.patients) & set(held.patients)
    assert len(rest) + len(held) == len(whole)
    assert 0.195 * len(whole) <= len(held) <= 0.2 * len(whole) + 1
    assert held.labels.float().mean().item() == pytest.approx(whole.labels.float().mean().item(), abs=0.01)


def test_hold_out_parts_a_data_set_of_one_of_its_classes():
    rest, held = data.hold_out(toy([1] * 5), 1, seed=0)
    assert (len(rest), held.labels.tolist()) == (4, [1])


# No pickle


def test_kdlib_names_no_unpickler():
    for path in KDLIB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "_pickle", "cPickle", "dill", "joblib", "cloudpickle"}, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("torch", "load"), f"{path}:{node.lineno}"
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                assert "allow_pickle" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"


def test_no_bundled_load_unpickles(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a pickle was loaded")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    bundle.array.cache_clear()
    for name, splits in data.SPLITS.items():
        assert len(data.load(name, splits[-1])) > 0
