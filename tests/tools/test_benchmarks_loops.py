"""The benchmark of whole loops compares like with like, and says so where it cannot be run."""

import importlib.util
import io
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from kdlib import data, models
from kdlib.caching import teacher_cache
from kdlib.data import bundle, chest_xray
from kdlib.data.augment import View

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def loaded(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tar: Path) -> Any:
    """The benchmark without a GPU, but with two steps, a tiny teacher and X-rays packed here."""
    module = loaded("bench_loops")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    tiny = lambda: models.vgg(((4,), (4,)), seed=1).eval()  # noqa: E731
    for name, value in {"STEPS": 2, "XRAYS": 64, "PAIRS": 1, "TAR": tar, "teacher": tiny}.items():
        monkeypatch.setattr(module, name, value)
    return module


@pytest.fixture(scope="module")
def tar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled X-rays enlarged to 224 pixels, those that a count of 64 chooses, as JPEGs in a tar."""
    names = bundle.array("chest_xray", "files").tobytes().decode().split(" ")
    whole = data.load("chest_xray", "kaggle_train")
    path = tmp_path_factory.mktemp("xrays") / "xrays.tar"
    with tarfile.open(path, "w") as archive:
        for i, at in list(enumerate(chest_xray.indices(names, "kaggle_train")))[:: len(whole) // 64]:
            file = io.BytesIO()
            Image.fromarray(whole.images[i, 0].numpy()).resize((224, 224)).save(file, "jpeg", quality=90)
            about = tarfile.TarInfo(f"chest_xray/{names[at]}")
            about.size = file.tell()
            file.seek(0)
            archive.addfile(about, file)
    return path


def moved(model: torch.nn.Module, start: torch.nn.Module) -> torch.Tensor:
    pairs = zip(model.parameters(), start.parameters(), strict=True)
    return torch.cat([(a.detach() - b.detach()).flatten() for a, b in pairs])


def test_every_figure_is_measured_and_the_threads_are_restored(bench: Any) -> None:
    before = torch.get_num_threads()
    found = bench.measure()
    assert torch.get_num_threads() == before
    assert [figure["target"] for figure in found] == [2.5, None, 10, 1.8, None]
    assert len({figure["name"] for figure in found}) == 5
    gpu = found.pop(2)
    assert gpu["name"].endswith("on a GPU") and gpu["not_run"] == "no GPU" and gpu["value"] is None
    for figure in found:
        assert figure["value"] > 0 and figure["better"] == "higher" and figure["unit"] == ""


def test_without_the_jpegs_it_says_so_and_misses_nothing(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = loaded("run")
    monkeypatch.setattr(bench, "TAR", tmp_path / "nothing.tar")
    *measured, gpu, last = bench.measure()
    assert run.line(last).endswith("not run: no JPEGs") and run.met(last) is None
    assert run.line(gpu).endswith("not run: no GPU") and len(measured) == 2
    met, missed = ({**measured[0], "value": value} for value in (3.0, 2.0))
    monkeypatch.setattr(sys, "argv", ["run.py", "loops"])
    for rows, code in (([met, last], 0), ([missed, last], 1)):
        monkeypatch.setattr(run, "measured", lambda module, rows=rows: rows)
        assert run.main() == code
    assert "MISSED" in capsys.readouterr().out


def test_only_the_usual_loop_runs_the_teacher(bench: Any, tmp_path: Path) -> None:
    part = data.load("cifar10", "train", scale="quick").subset(range(128))
    teacher, calls = bench.teacher(), []
    answers = teacher_cache.fill(teacher, part, bench.race.VIEWS, tmp_path / "a.safetensors")
    teacher.register_forward_hook(lambda *_: calls.append(1))
    bench.cached(part, answers, bench.CIFAR)
    assert not calls
    bench.live(torch.utils.data.DataLoader(bench.Pictures(part), 64), teacher)
    assert len(calls) == 2


def test_both_loops_of_a_pair_take_the_same_step(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One batch in float32 without augmentation: what is left are roundings of sums in another order."""
    part = data.load("cifar10", "train", scale="quick").subset(range(0, 8000, 125))
    view, teacher = [View()], bench.teacher()
    monkeypatch.setattr(bench.race, "VIEWS", view)
    answers = teacher_cache.fill(teacher, part, view, tmp_path / "a.safetensors")
    live = bench.live([(part.images.float() / 255, part.labels)], teacher)
    cached = bench.cached(part, answers, replace(bench.CIFAR, half="nowhere"))
    xrays = data.load("chest_xray", "kaggle_train").subset(range(0, 5216, 163))
    decoding = bench.decoding([(xrays.images.float() / 255, xrays.labels)])
    resident = bench.resident(xrays, replace(bench.XRAY, half="nowhere", schedule="constant"))
    for usual, own, start, rate in (
        (live, cached, bench.student(), bench.CIFAR.learning_rate),
        (decoding, resident, models.xray_student(seed=0), bench.XRAY.learning_rate),
    ):
        first, second = moved(usual, start), moved(own, start)
        assert first.abs().max() == pytest.approx(rate, rel=1e-3)  # Adam's first step
        assert float(((first - second).abs() < rate / 100).float().mean()) > 0.98


def test_the_pictures_are_those_in_memory(bench: Any, tar: Path, tmp_path: Path) -> None:
    part = data.load("cifar10", "train", scale="quick").subset(range(5))
    pictures = bench.Pictures(part)
    image, label = pictures[3]
    assert image.shape == (3, 32, 32) and label == int(part.labels[3])
    pictures.transform = pictures.transform.transforms[-1]  # unmoved
    assert torch.equal((255 * pictures[3][0]).round().byte(), part.images[3])
    jpegs, resident = bench.xrays(tar, 64, tmp_path)
    assert len(jpegs) == len(resident) == 64
    assert jpegs.labels == resident.labels.tolist() and set(jpegs.labels) == {0, 1}
    for number, (image, _) in enumerate(jpegs):
        assert image.shape == (1, 64, 64)
        assert (image - resident.images[number].float() / 255).abs().mean() < 0.03


def test_a_ratio_is_the_median_over_pairs_that_alternate(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    times = bench.alternated({name: lambda name=name: order.append(name) for name in ("a", "b")}, 2)
    assert order == ["b", "a", "a", "b", "b", "a"] and [len(t) for t in times.values()] == [2, 2]
    assert bench.ratio({"a": [3, 8, 5], "b": [1, 2, 5]}, "a", "b") == 3
