"""Reading what a network computes on its way, without touching the network. Chapter 07."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn


@contextmanager
def features(model: nn.Module, layers: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """Within the block, what the named layers gave in the last forward pass. Chapter 07.

        with features(model, ["pool3"]) as found:
            logits = model(images)
        found["pool3"]  # (B, C, H, W)

    The hooks are removed at the end of the block, also where an error ends it. What a layer gave is copied,
    as a later one may change it in place: ReLU(inplace=True) does.

    Args:
        model: any module.
        layers: names as in `model.named_modules()`.

    Raises:
        ValueError: no layer, or a name that the model does not have.
    """
    known = dict(model.named_modules())
    wanted = list(layers)
    if not wanted:
        raise ValueError("layers is empty; name at least one")
    if missing := [name for name in wanted if not name or name not in known]:
        raise ValueError(f"layers holds {missing[0]!r}; the model's are {', '.join(filter(None, known))}")
    found: dict[str, Tensor] = {}
    hooks = [known[name].register_forward_hook(partial(_keep, found, name)) for name in wanted]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _keep(found: dict[str, Tensor], name: str, module: nn.Module, given: Any, output: Any) -> None:
    if not isinstance(output, Tensor):
        raise TypeError(f"layer {name!r} gives a {type(output).__name__}; name a layer that gives a tensor")
    found[name] = output.clone()
