"""The measurements of chapter 05 on size and speed: which there are, and what each does.

Nothing is trained: how large a network is and how long it takes does not depend on what it has learnt. Every
network answers one image at a time, in float32 on the CPU, in torch's usual memory layout. A seed is a
repetition. Run it in one process on a machine that does nothing else: two threads on a busy one wait for each
other, and take many times as long as one.
"""

import os
import platform
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from safetensors.torch import save as packed
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kdlib import models

HEADLINE = ("latency_ms", "median milliseconds for one image", 3)


@dataclass(frozen=True)
class Arm:
    """One row of a table."""

    name: str
    model: str  # resnet18, student or chain
    size: int  # height and width of the image in pixels
    threads: int = 1
    depth: int = 0  # layers of a chain
    width: int = 0  # their channels
    calls: int = 200  # that are timed, after a tenth as many that are not


def arms() -> list[Arm]:
    """Every row of chapter 05's tables of size and speed."""
    return [*pair(), *chains()]


def seeds(arm: Arm, scale: str) -> range:
    """The repetitions of an arm at a scale."""
    return range(5 if scale == "cpu" else 10)


def pair() -> list[Arm]:
    """The teacher and the student on X-rays, at the size that they were trained on and at a usual one."""
    calls = {("resnet18", 224): 60}  # seconds, as the others
    return [
        Arm(f"{model}-{size}-threads{threads}", model, size, threads, calls=calls.get((model, size), 200))
        for model in ("resnet18", "student")
        for size in (64, 224)
        for threads in (1, 2)
    ]


def chains() -> list[Arm]:
    """Does speed follow the number of layers? Depth with equal multiply-adds, multiply-adds with equal depth.

    3 layers of 96 channels, 12 of 48 and 48 of 24 have as many multiply-adds as one another; 12 of 24 have
    as many as 3 of 48.
    """
    shapes = ((3, 96), (12, 48), (48, 24), (12, 24), (3, 48), (3, 24))
    return [
        Arm(f"chain-{depth}x{width}", "chain", 32, depth=depth, width=width, calls=100)
        for depth, width in shapes
    ]


def settings(arm: Arm) -> dict[str, Any]:
    """The arm's settings, as its record keeps them."""
    return {key: value for key, value in asdict(arm).items() if key != "name"} | {"precision": "float32"}


def run(arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
    """Count and time one arm's network; give what was measured and the machine. No file is written."""
    model = network(arm, seed).eval()
    channels = arm.width if arm.model == "chain" else 1
    image = torch.rand(1, channels, arm.size, arm.size, generator=torch.Generator().manual_seed(seed))
    with threads(arm.threads):
        times = latencies(model, image, calls=arm.calls, warm_up=arm.calls // 10)
    measured = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "multiply_adds": multiply_adds(model, image),
        "bytes": stored_bytes(model),
        "latency_ms": float(times.quantile(0.5)),
        "latency_p95_ms": float(times.quantile(0.95)),
    }
    machine = {"device": "cpu", "processor": processor(), "threads": arm.threads}
    machine["wait_policy"] = os.environ.get("OMP_WAIT_POLICY")  # two threads are faster if they spin
    return {"metrics": measured, "curve": [], "data": None, "machine": machine}


def network(arm: Arm, seed: int) -> nn.Module:
    """The arm's network with initial weights."""
    if arm.model == "resnet18":
        return models.resnet18(2, channels=1, size=arm.size, seed=seed)
    if arm.model == "student":
        return models.xray_student(size=arm.size, seed=seed)
    return chain(arm.depth, arm.width, seed=seed)


def chain(depth: int, width: int, *, seed: int) -> nn.Sequential:
    """A plain chain of 3x3 convolutions of equal width, each with padding 1 and a ReLU. Chapter 05.

    The first layer has `width` input channels too. So an image of S x S pixels takes exactly
    9 * depth * width^2 * S^2 multiply-adds, and shapes with equal depth * width^2 differ in depth alone.

    Args:
        depth: layers, 1 or more.
        width: channels of each.
        seed: fixes the initial weights; the global random state is neither used nor changed.

    Returns:
        A model from float images (N, width, S, S) to features of the same shape.
    """
    layers = OrderedDict[str, nn.Module]()
    with models._initialised(seed):
        for number in range(1, depth + 1):
            layers[f"conv{number}"] = nn.Conv2d(width, width, 3, padding=1)
            layers[f"relu{number}"] = nn.ReLU()
    return nn.Sequential(layers)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch compute with `count` threads, and with as many as before afterwards. Chapter 05."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def latencies(model: nn.Module, image: Tensor, *, calls: int, warm_up: int) -> Tensor:
    """How long a model takes for one image, call by call, in milliseconds. Chapter 05.

    Args:
        model: in the mode in which it shall be timed, on the CPU.
        image: its input, (1, C, H, W).
        calls: that are timed, 1 or more.
        warm_up: calls before them that are not: the first ones also choose kernels and get memory.

    Returns:
        float64 (calls,).
    """
    times = []
    with torch.inference_mode():
        for _ in range(warm_up):
            model(image)
        for _ in range(calls):
            start = perf_counter()
            model(image)
            times.append(1000 * (perf_counter() - start))
    return torch.tensor(times, dtype=torch.float64)


def multiply_adds(model: nn.Module, image: Tensor) -> int:
    """Multiply-adds of a model for `image`: half of what torch's counter of operations counts. Chapter 05.

    It counts convolutions and matrix products without their biases, and nothing for ReLU, batch norm and
    pooling.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    return int(counter.get_total_flops()) // 2


def stored_bytes(model: nn.Module) -> int:
    """The size in bytes of a safetensors file of the model's weights and buffers. Chapter 05."""
    return len(packed({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))


def processor() -> str:
    """The processor's name, or at least its kind; Linux alone keeps it in a file. Chapter 05."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
