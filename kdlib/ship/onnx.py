"""A trained model as one ONNX file, that file in int8, and its answers with ONNX Runtime. Chapter 09.

onnx, onnxscript and onnxruntime are imported by the function that needs them, so that everything else in
kdlib works without. Each function raises ImportError, with what to install, where one is missing.
"""

import warnings
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from kdlib import checks, files

BATCH = 256  # images at a time: more take memory and are not quicker


def export(model: nn.Module, example: Tensor, path: str | Path) -> Path:
    """Write a model with its weights as one ONNX file, which takes any number of images. Chapter 09.

    torch.onnx exports a copy in evaluation mode; the model stays as it is. What the exporter notes about its
    origin, such as paths on this machine, is left out of the file. A file that is there is replaced.

    Args:
        model: from float images (N, C, H, W) to logits (N, classes).
        example: images that it takes; all but their number is fixed in the file.
        path: of the file, such as `student.onnx`.

    Returns:
        `path`. The file has one input, `images`, and one output, `logits`.

    Raises:
        TypeError: an example that is no float tensor.
        ValueError: an example that is not (N, C, H, W), or a model that does not give (N, classes).
        OSError: the file cannot be written.
    """
    for package in ("onnx", "onnxscript"):  # which torch.onnx imports
        _needed(package)
    one = _fitting(example, "example")[:1]
    two = torch.cat([one, one])  # torch.export takes a dimension of 1 for one that never changes
    still = deepcopy(model).cpu().eval()
    with torch.no_grad():  # what does not fit is said in the model's words, not in the exporter's
        checks.answers(still(two), name="what the model gives")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about torch.onnx and onnxscript themselves
        names: dict[str, Any] = {"input_names": ["images"], "output_names": ["logits"]}
        names["dynamic_shapes"] = ({0: torch.export.Dim("batch")},)
        program: Any = torch.onnx.export(still, (two,), dynamo=True, verbose=False, **names)
    return _written(Path(path), _bare(program.model_proto))


def quantise(path: str | Path, images: Tensor, to: str | Path) -> Path:
    """Write an ONNX file's model in int8, with about a quarter of the bytes. Chapter 09.

    Static quantisation by ONNX Runtime: each output channel's weights have a scale of their own, and each
    layer's activations one that spans what `images` cause there.

    Args:
        path: of a file by `export`.
        images: float (N, C, H, W), a few hundred like those that the model will see; never the test set.
        to: the new file.

    Returns:
        `to`. Input and output are float32 as before.

    Raises:
        TypeError: images that are no float tensor.
        ValueError: no ONNX file, one that is in int8 already, or images of another shape.
        OSError: there is no file at `path`, or none can be written at `to`.
    """
    batches = iter(torch.split(_fitting(images, "images", _session(path)).float(), BATCH))
    if any(node.op_type == "QuantizeLinear" for node in _needed("onnx").load(str(path)).graph.node):
        raise ValueError(f"path is {str(path)!r}, a model in int8 already; give the file that `export` wrote")
    reader = SimpleNamespace(get_next=lambda: next(({"images": b.numpy()} for b in batches), None))
    tools, before = (_needed(f"onnxruntime.quantization{part}") for part in ("", ".shape_inference"))
    with TemporaryDirectory() as folder:
        merged, small = str(Path(folder) / "merged.onnx"), Path(folder) / "int8.onnx"
        before.quant_pre_process(str(path), merged)  # layers merged, shapes known
        tools.quantize_static(merged, str(small), reader, per_channel=True)
        return _written(Path(to), small.read_bytes())


def predictor(path: str | Path, threads: int = 1) -> Callable[[Tensor], Tensor]:
    """A function from images to logits that runs an ONNX file with ONNX Runtime on the CPU. Chapter 09.

    Args:
        path: of a file by `export` or `quantise`.
        threads: with which it computes, 1 or more.

    Returns:
        A function from float images (N, C, H, W) to logits, float32 (N, classes) on the CPU. It raises
        TypeError for images that are no float tensor and ValueError for none or another shape.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it is no ONNX file of a model for images, or there is no thread.
    """
    session = _session(path, threads)

    def predict(images: Tensor) -> Tensor:
        batches = torch.split(_fitting(images, "images", session).float(), BATCH)
        return torch.cat([torch.from_numpy(session.run(None, {"images": b.numpy()})[0]) for b in batches])

    return predict


def _session(path: str | Path, threads: int = 1) -> Any:
    """ONNX Runtime's session of a file."""
    runtime, named = _needed("onnxruntime"), f"path is {str(path)!r}"
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads is {threads!r}; give a whole number, 1 or more")
    if not Path(path).is_file():
        raise FileNotFoundError(f"{named}, where there is no file; kdlib.ship.export writes one")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors alone
    # In int8, processors without VNNI would let sums overflow and answer otherwise. Others answer the same,
    # and small networks take half as long again.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # one class for each kind of damage
        raise ValueError(f"{named}, no ONNX model ({error}); kdlib.ship.export writes one") from error
    if (inputs := [each.name for each in session.get_inputs()]) != ["images"]:
        raise ValueError(f"{named}, whose inputs are {inputs}; give a file that kdlib.ship.export wrote")
    return session


def _fitting(value: Tensor, name: str, session: Any = None) -> Tensor:
    """`value` on the CPU, if it is float (N, C, H, W), not empty, and of the size that the session takes."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        what = checks.what(value)
        raise TypeError(f"{name} is {what}; give a tensor of pixels from 0 to 1: images.float() / 255")
    size = tuple(session.get_inputs()[0].shape[1:]) if session else value.shape[1:]
    if value.ndim != 4 or not len(value) or value.shape[1:] != size:
        wanted = ", ".join(map(str, size if session else "CHW"))
        raise ValueError(f"{name} has shape {tuple(value.shape)}; give one image or more, ({wanted}) each")
    return value.detach().cpu()


def _bare(proto: Any) -> bytes:
    """A model for the file, without the exporter's notes: 10 kB, with paths on this machine."""
    graph = proto.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        part.ClearField("metadata_props")
    return bytes(proto.SerializeToString())


def _written(path: Path, content: bytes) -> Path:
    with files.replaced(path) as file:
        file.write(content)
    return path


def _needed(package: str) -> Any:
    """A package that kdlib does not bring along."""
    try:
        return import_module(package)
    except ImportError as error:
        remedy = "pip install onnx onnxscript onnxruntime"
        raise ImportError(f"{package} cannot be imported ({error}): {remedy}") from error
