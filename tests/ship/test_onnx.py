"""A student as an ONNX file: the answers of PyTorch, fewer bytes in int8, and what is refused."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import Tensor, nn

from kdlib import data, models, pretrained, ship
from kdlib.data import Dataset
from kdlib.evaluation import metrics
from kdlib.experiments.arms import spread
from kdlib.training import logits_of

# Between logits that reach 30: PyTorch and ONNX Runtime add up in another order. Found are 1e-5.
APART = 1e-4
SIZES = {"chest_xray": 64, "mnist": 32}
Files = dict[str, Path]


def pixels(images: Tensor) -> Tensor:
    return images.float() / 255


def part(name: str, split: str, n: int) -> Dataset:
    return spread(data.load(name, split, scale="quick", resolution=SIZES[name]), n)


MODELS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "xray": ("chest_xray", lambda: pretrained.xray_student("distilled")),
    "mnist": ("mnist", pretrained.mnist_teacher),
}
BOTH = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Both models as files, and in int8."""
    folder, found = tmp_path_factory.mktemp("shipped"), {}
    for name, (images, model) in MODELS.items():
        some = pixels(part(images, "train", 100).images)
        found[name] = ship.export(model(), some, folder / f"{name}.onnx")
        found[f"{name}-int8"] = ship.quantise(found[name], some, folder / f"{name}-int8.onnx")
    return found


@BOTH
@pytest.mark.parametrize("n", [1, 2, 5, 300])
def test_the_file_answers_as_pytorch_does_whatever_the_number_of_images(
    name: str, n: int, shipped: Files
) -> None:
    of, model = MODELS[name]
    images = pixels(part(of, "test", n).images)
    with torch.no_grad():
        wanted = model()(images)
    found = ship.predictor(shipped[name])(images)
    assert found.dtype == torch.float32 and found.shape == wanted.shape
    torch.testing.assert_close(found, wanted, rtol=0, atol=APART)
    torch.testing.assert_close(found.softmax(1), wanted.softmax(1), rtol=0, atol=1e-5)


@BOTH
def test_the_whole_test_set_is_answered_alike(name: str, shipped: Files) -> None:
    of, model = MODELS[name]
    test = data.load(of, "test", scale="quick", resolution=SIZES[of])
    found = ship.predictor(shipped[name])(pixels(test.images))
    torch.testing.assert_close(found, logits_of(model(), test), rtol=0, atol=APART)


@BOTH
def test_int8_takes_a_quarter_of_the_bytes_and_answers_nearly_alike(name: str, shipped: Files) -> None:
    of, model = MODELS[name]
    test = part(of, "test", 500)
    wanted = logits_of(model(), test)
    found = ship.predictor(shipped[f"{name}-int8"])(pixels(test.images))
    size = shipped[name].stat().st_size / shipped[f"{name}-int8"].stat().st_size
    assert 3 < size < 4
    assert abs(metrics.accuracy(found, test.labels) - metrics.accuracy(wanted, test.labels)) <= 0.01
    assert (found.argmax(1) == wanted.argmax(1)).double().mean() >= 0.99
    moved = (found.softmax(1) - wanted.softmax(1)).abs()
    assert 1e-4 < moved.max() < 0.2 and moved.mean() < 0.01


def test_a_file_holds_all_weights_in_itself_and_no_path_of_this_machine(shipped: Files) -> None:
    assert sorted(path.name for path in shipped["xray"].parent.iterdir()) == sorted(
        path.name for path in shipped.values()
    )
    weights = 4 * 277_436
    assert weights < shipped["xray"].stat().st_size < 1.01 * weights
    for path in shipped.values():
        onnx.checker.check_model(onnx.load(path), full_check=True)
        assert b"site-packages" not in path.read_bytes()
    (images,), (logits,) = (getattr(onnx.load(shipped["xray"]).graph, end) for end in ("input", "output"))
    assert (images.name, logits.name) == ("images", "logits")
    shape = images.type.tensor_type.shape.dim
    assert [dim.dim_value for dim in shape] == [0, 1, 64, 64] and shape[0].dim_param


def test_int8_stores_weights_in_int8_with_a_scale_for_each_channel(shipped: Files) -> None:
    stored = {each.name: each for each in onnx.load(shipped["xray-int8"]).graph.initializer}
    for layer, channels in (("conv1", 16), ("conv2", 32), ("conv3", 64), ("fc1", 62)):
        weights = stored[f"{layer}.weight_quantized"]
        assert weights.data_type == onnx.TensorProto.INT8 and weights.dims[0] == channels
        assert list(stored[f"{layer}.weight_scale"].dims) == [channels]


def test_ranges_come_from_all_the_images_that_are_given(shipped: Files, tmp_path: Path) -> None:
    """Black images alone give ranges in which X-rays do not fit; one bright batch behind them mends that."""
    images = pixels(part("chest_xray", "train", 50).images)
    dark = torch.zeros(300, 1, 64, 64)  # more than one batch
    wanted = ship.predictor(shipped["xray"])(images).softmax(1)
    apart = []
    for given in (dark, torch.cat([dark, images])):
        small = ship.quantise(shipped["xray"], given, tmp_path / "int8.onnx")
        apart.append(float((ship.predictor(small)(images).softmax(1) - wanted).abs().max()))
    assert apart[1] < 0.1 < apart[0]


class Noisy(nn.Module):
    """A classifier that draws dropout and keeps running means as long as it is in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Dropout(0.5), nn.Linear(108, 2)
        )

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.layers(images)
        return found


def test_a_model_in_training_is_written_in_evaluation_mode_and_left_as_it_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(7)
    model, images = Noisy(), torch.rand(6, 1, 8, 8)
    model.layers[3].eval()  # one part that was frozen stays so
    before = {key: value.clone() for key, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = ship.export(model, images, str(tmp_path / "noisy.onnx"))
        small = ship.quantise(str(file), images, str(tmp_path / "small.onnx"))
        answers = [ship.predictor(str(path))(images) for path in (file, file, small)]
    assert capfd.readouterr() == ("", "")
    assert not [
        record for record in caplog.records if record.name == "root"
    ]  # where onnxruntime's tools warn
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert torch.equal(answers[0], answers[1])
    with torch.no_grad():
        torch.testing.assert_close(answers[0], model.eval()(images), rtol=0, atol=1e-5)


def test_images_of_any_float_type_and_layout_get_the_same_answer(shipped: Files) -> None:
    ask, images = ship.predictor(shipped["mnist"]), pixels(part("mnist", "test", 4).images)
    wanted = ask(images)
    for other in (images.double(), images.clone().requires_grad_(), images.mT.contiguous().mT):
        assert torch.equal(ask(other), wanted)
    torch.testing.assert_close(ask(images[:1].expand(4, -1, -1, -1)), wanted[:1].expand(4, -1))


def test_a_file_is_replaced_whole_or_stays(shipped: Files, tmp_path: Path) -> None:
    file = tmp_path / "student.onnx"
    file.write_bytes(shipped["xray"].read_bytes())
    with pytest.raises(ValueError, match="what the model gives"):
        ship.export(nn.Conv2d(1, 2, 3), torch.rand(1, 1, 64, 64), file)
    assert file.read_bytes() == shipped["xray"].read_bytes()
    assert ship.quantise(file, torch.rand(4, 1, 64, 64), file) == file  # in its own place
    assert file.stat().st_size < shipped["xray"].stat().st_size / 3
    assert [path.name for path in tmp_path.iterdir()] == ["student.onnx"]


MODEL, SMALL = models.lenet5(seed=0), torch.rand(2, 1, 32, 32)
REFUSED: list[tuple[Callable[[Files], Any], type[Exception], str]] = [
    (
        lambda at: ship.export(MODEL, SMALL.byte(), "x"),
        TypeError,
        r"example is torch.uint8 .*\.float\(\) / 255",
    ),
    (lambda at: ship.export(MODEL, None, "x"), TypeError, "example is NoneType"),  # type: ignore[arg-type]
    (
        lambda at: ship.export(MODEL, SMALL[0], "x"),
        ValueError,
        r"example has shape \(1, 32, 32\); .*\(C, H, W\) each",
    ),
    (lambda at: ship.export(MODEL, SMALL[..., :28], "x"), ValueError, r"this model takes \(N, 1, 32, 32\)"),
    (lambda at: ship.export(MODEL, SMALL, at["gone"] / "x"), FileNotFoundError, "gone"),
    (
        lambda at: ship.predictor(at["gone"]),
        FileNotFoundError,
        r"path is '.*gone.onnx', where there is no file; .*export",
    ),
    (lambda at: ship.predictor(__file__), ValueError, r"path is '.*\.py', no ONNX model \(.*\); .*export"),
    (lambda at: ship.predictor(at["cut"]), ValueError, r"path is '.*cut.onnx', no ONNX model"),
    (lambda at: ship.predictor(at["empty"]), ValueError, r"path is '.*empty.onnx', no ONNX model"),
    (
        lambda at: ship.predictor(at["other"]),
        ValueError,
        r"whose inputs are \['tokens'\]; give a file that .*export",
    ),
    (lambda at: ship.predictor(at["mnist"], 0), ValueError, "threads is 0; give a whole number"),
    (lambda at: ship.predictor(at["mnist"], 1.5), ValueError, "threads is 1.5"),  # type: ignore[arg-type]
    (
        lambda at: ship.predictor(at["mnist"])(SMALL.byte()),
        TypeError,
        r"images is torch.uint8 .*\.float\(\) / 255",
    ),
    (
        lambda at: ship.predictor(at["mnist"])(SMALL[:0]),
        ValueError,
        r"images has shape \(0, 1, 32, 32\); give one image or more, \(1, 32, 32\) each",
    ),
    (
        lambda at: ship.predictor(at["mnist"])(SMALL[..., :28]),
        ValueError,
        r"\(2, 1, 32, 28\).* \(1, 32, 32\) each",
    ),
    (lambda at: ship.quantise(at["gone"], SMALL, "x"), FileNotFoundError, "where there is no file"),
    (lambda at: ship.quantise(at["xray"], SMALL, "x"), ValueError, r"\(1, 64, 64\) each"),
    (lambda at: ship.quantise(at["mnist-int8"], SMALL, "x"), ValueError, "in int8 already; give the file"),
]


@pytest.mark.parametrize(("call", "error", "said"), REFUSED)
def test_what_does_not_fit_is_said_in_words(
    call: Callable[[Files], Any],
    error: type[Exception],
    said: str,
    shipped: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    at = {name: tmp_path / f"{name}.onnx" for name in ("gone", "cut", "empty", "other")}
    at["cut"].write_bytes(shipped["mnist"].read_bytes()[:9000])
    at["empty"].touch()
    other = onnx.load(shipped["mnist"])
    other.graph.input[0].name = other.graph.node[0].input[0] = "tokens"
    onnx.save(other, at["other"])
    with pytest.raises(error, match=said):
        call(shipped | at)
    assert not Path("x").exists()


WITHOUT = """
import importlib.abc, sys

class Gone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {gone}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Gone())
import torch
from kdlib import experiments, models, ship
from kdlib.experiments import runner
for call in (
    lambda: ship.export(models.lenet5(seed=0), torch.rand(1, 1, 32, 32), "x"),
    lambda: ship.quantise("x", torch.rand(1, 1, 32, 32), "y"),
    lambda: ship.predictor("x"),
):
    try:
        call()
    except ImportError as error:
        print(error)
    except FileNotFoundError:
        print("there")
"""


@pytest.mark.parametrize(
    ("gone", "missed"),
    [
        (("onnx", "onnxscript", "onnxruntime"), ("onnx", "onnxruntime", "onnxruntime")),
        (("onnxscript",), ("onnxscript", "", "")),
    ],
)
def test_without_the_packages_the_rest_works_and_the_message_says_what_to_install(
    gone: tuple[str, ...], missed: tuple[str, ...], tmp_path: Path
) -> None:
    code = WITHOUT.format(gone=set(gone))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for line, package in zip(done.stdout.splitlines(), missed, strict=True):
        if package:
            assert line.startswith(f"{package} cannot be imported (")
            assert "pip install onnx onnxscript onnxruntime" in line
        else:
            assert line == "there"


def test_importing_the_room_imports_none_of_them() -> None:
    code = "import sys, kdlib.ship; print(sys.modules.keys() & {'onnx', 'onnxscript', 'onnxruntime'})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
