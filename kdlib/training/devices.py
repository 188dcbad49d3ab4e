"""Where to compute, and in which precision. Chapter 03."""

from contextlib import AbstractContextManager, nullcontext

import torch

from kdlib.distributed import ranks


def pick(name: str | torch.device | None = None) -> torch.device:
    """The device called `name`, or the best one here: CUDA, then MPS, then the CPU.

    Among several ranks CUDA is the GPU of this one, and MPS, on which they cannot talk, is left out.

    Raises:
        ValueError: the named device is not there.
    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name is None:
        best = ("cuda", "cpu") if ranks.together() else ("cuda", "mps", "cpu")
        return torch.device(next(d for d in best if present[d]))
    name = str(name)  # a torch.device will do
    if not present.get(name.split(":")[0], False):
        here = ", ".join(d for d, there in present.items() if there)
        raise ValueError(f"device is {name!r}; this machine has {here}")
    return torch.device(name)


def half_precision(device: torch.device) -> torch.dtype | None:
    """The half-precision type that `device` computes natively, or None: then float32 is used.

    bfloat16 from NVIDIA's Ampere on and on processors with AVX512-BF16 or AMX, float16 on older GPUs such as
    Colab's T4, nothing on MPS.
    """
    if device.type == "cpu":
        can = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return torch.bfloat16 if can.get("avx512_bf16") or can.get("amx_bf16") else None
    if device.type != "cuda":
        return None
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


def chosen_half(device: torch.device, where: str) -> torch.dtype | None:
    """`half_precision` on the devices that `where` names: "gpu", "everywhere" or "nowhere"."""
    wanted = {"gpu": device.type != "cpu", "everywhere": True, "nowhere": False}
    if where not in wanted:
        raise ValueError(f"half is {where!r}; it must be gpu, everywhere or nowhere")
    return half_precision(device) if wanted[where] else None


def autocast(device: torch.device, dtype: torch.dtype | None) -> AbstractContextManager[object]:
    """Mixed precision on `device` in `dtype`, or nothing at all where dtype is None."""
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)
