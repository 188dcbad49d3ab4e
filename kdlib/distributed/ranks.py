"""One training by several processes, the ranks, which torchrun starts: one a GPU, or one a core. Chapter 10.

    with ranks.joined():
        train(model, data, objective, recipe, seed=0, checkpoint=path)

Every rank draws the same batch and takes a part of it. Then the ranks add up their gradients, each counted by
its examples: where the loss is a mean over examples, and no layer or term looks across them (as batch norm
does), a step is that of one process with the whole batch, but for rounding.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from kdlib.distributed import meeting


@contextmanager
def joined() -> Iterator[None]:
    """Within the block this process is one of those that torchrun started. Chapter 10.

    Each takes the GPU of its number, or the CPU where there is none; only rank 0 shows progress. Without
    torchrun nothing is done at all.

    Raises:
        ValueError: torchrun started more processes on this machine than it has GPUs.
    """
    if not dist.is_available() or not dist.is_torchelastic_launched():
        yield
        return
    if gpus := torch.cuda.device_count():
        if (here := int(os.environ["LOCAL_RANK"])) >= gpus:
            raise ValueError(f"rank {here} of this machine has no GPU; give torchrun --nproc-per-node {gpus}")
        torch.cuda.set_device(here)
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", **meeting.place())
    if rank():
        os.environ["TQDM_DISABLE"] = "1"
    yield
    # Not where the block failed: the others may wait for this rank, and only its end tells them.
    dist.barrier()  # else some of those that end first are now and then aborted
    dist.destroy_process_group()


def together() -> bool:
    """Whether this process has joined others."""
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """The number of this process, from 0; 0 where there is one process."""
    return dist.get_rank() if together() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if together() else 1


def part(examples: int) -> slice:
    """Which examples of a batch this rank takes: all, where there are fewer than ranks."""
    return slice(rank(), None, world()) if examples >= world() else slice(None)


def fewest(examples: int) -> int:
    """How many examples of a batch the rank with the fewest gets."""
    return examples // world() or examples


def check(steps: int | None, done: int) -> None:
    """Compare what each rank is going to do, as ranks that do not keep step would wait for ever.

    Args:
        steps: batches an epoch. done: epochs in the checkpoint.

    Raises:
        ValueError: they differ, or it is not known how many steps there are.
    """
    if world() == 1:
        return
    found = [torch.zeros(2, dtype=torch.int64) for _ in range(world())]
    dist.all_gather(found, torch.tensor([-1 if steps is None else steps, done]))
    counts, epochs = torch.stack(found).T.tolist()
    if min(counts) < 0 or len(set(counts)) > 1:
        loader = "a DataLoader with sampler=torch.utils.data.DistributedSampler(data)"
        raise ValueError(f"the ranks have {counts} batches, -1 for data without a length; give {loader}")
    if len(set(epochs)) > 1:
        raise ValueError(f"checkpoint: the ranks read {epochs} epochs; name a file that all of them see")


def from_first(tensors: Iterable[Tensor]) -> None:
    """Give the tensors of every rank the values of rank 0."""
    held = [tensor.detach() for tensor in tensors]
    if world() == 1 or not held:
        return
    plain = torch.cat([tensor.reshape(-1).view(torch.uint8) for tensor in held])  # of all types in one go
    dist.broadcast(plain, 0)
    for tensor, values in zip(held, torch.split(plain, [t.nbytes for t in held]), strict=True):
        tensor.copy_(values.clone().view(tensor.dtype).view(tensor.shape))


def figures(entry: dict[str, float]) -> dict[str, float]:
    """Rank 0's figures of an epoch, so that all ranks decide alike."""
    values = torch.tensor(list(entry.values()), dtype=torch.float64)
    from_first([values])
    return dict(zip(entry, values.tolist(), strict=True))


def add_up(model: nn.Module, terms: dict[str, Tensor], examples: int) -> dict[str, Tensor]:
    """Make the gradients, and the terms of the loss, those of the whole batch. Chapter 10.

    A number that one rank has infinite, as gradients in float16 may be, is infinite or NaN for all: the
    scaler of each then leaves the step out.

    Args:
        model: after backward.
        terms: of this rank's part, scalars; with `loss`.
        examples: how many this rank has.
    """
    terms = {name: value.detach() for name, value in terms.items()}
    if world() == 1:
        return terms
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    held = [*gradients, *terms.values()]
    whole = torch.cat([*(tensor.reshape(-1) for tensor in held), torch.ones(1, device=held[0].device)])
    dist.all_reduce(whole.mul_(examples))  # in one go; the last number becomes the examples of all
    sums = torch.split((whole / whole[-1])[:-1], [tensor.numel() for tensor in held])
    for gradient, values in zip(gradients, sums[: len(gradients)], strict=True):
        gradient.copy_(values.view(gradient.shape))
    return {name: values[0] for name, values in zip(terms, sums[len(gradients) :], strict=True)}


def wait() -> None:
    """Until all ranks have come here."""
    if world() > 1:
        dist.barrier()
