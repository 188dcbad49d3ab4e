"""The measurements of chapter 05 on size and speed: which there are, and what each does.

Nothing is trained: how large a network is and how long it takes does not depend on what it has learnt. Every
network answers one image at a time, in float32 on the CPU, in torch's usual memory layout. A seed is a
repetition. Run it in one process on a machine that does nothing else: two threads on a busy one wait for each
other, and take many times as long as one.
"""

import os
import platform
import timeit
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from safetensors.torch import save as packed
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kdlib import models
from kdlib.experiments.arms import Arm, Experiment, Job
from kdlib.experiments.measures import parameters


def arms() -> list[Arm]:
    """Every row of chapter 05's tables of size and speed.

    The teacher and the student on X-rays, at the size that they were trained on and at a usual one. Then
    chains: does speed follow the number of layers? 3 layers of 96 channels, 12 of 48 and 48 of 24 have as
    many multiply-adds as one another; 12 of 24 have as many as 3 of 48.
    """
    rows = []
    for name, size, threads in product(("resnet18", "student"), (64, 224), (1, 2)):
        calls = 60 if (name, size) == ("resnet18", 224) else 200  # seconds, as the others
        rows.append(timed_arm(f"{name}-{size}-threads{threads}", name, size, threads, calls))
    shapes = ((3, 96), (12, 48), (48, 24), (12, 24), (3, 48), (3, 24))
    return rows + [timed_arm(f"chain-{d}x{w}", "chain", 32, 1, 100, depth=d, width=w) for d, w in shapes]


def timed_arm(name: str, network: str, size: int, threads: int, calls: int, **shape: int) -> Arm:
    """One row: `size` pixels a side, `calls` that are timed after a tenth as many that are not."""
    return Arm(name, network, options={"size": size, "threads": threads, "calls": calls, **shape})


def measure(job: Job) -> dict[str, Any]:
    """Count and time one arm's network."""
    how, model = job.arm.options, network(job.arm, job.seed).eval()
    generator = torch.Generator().manual_seed(job.seed)
    image = torch.rand(1, how.get("width", 1), how["size"], how["size"], generator=generator)
    with threads(how["threads"]):
        times = timed("latency", model, image, how["calls"])
    measured = {
        "parameters": parameters(model),
        "multiply_adds": multiply_adds(model, image),
        "bytes": stored_bytes(model),
        **times,
    }
    machine = {"device": "cpu", "processor": processor(), "threads": how["threads"]}
    machine["wait_policy"] = os.environ.get("OMP_WAIT_POLICY")  # two threads are faster if they spin
    return {"metrics": measured, "data": None, "machine": machine}


def network(arm: Arm, seed: int) -> nn.Module:
    """The arm's network with initial weights."""
    how = arm.options
    if arm.network == "resnet18":
        return models.resnet18(2, channels=1, size=how["size"], seed=seed)
    if arm.network == "student":
        return models.xray_student(size=how["size"], seed=seed)
    return chain(how["depth"], how["width"], seed=seed)


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
    with models.initialised(seed):
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


def latencies(model: Callable[[Tensor], Tensor], image: Tensor, *, calls: int, warm_up: int) -> Tensor:
    """How long a model takes for one image, call by call, in milliseconds. Chapter 05.

    Args:
        model: in the mode in which it shall be timed, on the CPU.
        image: its input, (1, C, H, W).
        calls: that are timed, 1 or more.
        warm_up: calls before them that are not: the first ones also choose kernels and get memory.

    Returns:
        float64 (calls,).
    """
    with torch.inference_mode():
        for _ in range(warm_up):
            model(image)
        seconds = timeit.repeat(partial(model, image), timer=perf_counter, number=1, repeat=calls)
    return 1000 * torch.tensor(seconds, dtype=torch.float64)


def timed(name: str, model: Callable[[Tensor], Tensor], image: Tensor, calls: int) -> dict[str, float]:
    """The median and the 95th percentile of milliseconds for one image, after a tenth as many calls."""
    times = latencies(model, image, calls=calls, warm_up=calls // 10)
    return {f"{name}_ms": float(times.quantile(0.5)), f"{name}_p95_ms": float(times.quantile(0.95))}


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


HEADLINE = ("latency_ms", "median milliseconds for one image", 3)
EXPERIMENT = Experiment("speed", arms, time=measure, headline=HEADLINE)
