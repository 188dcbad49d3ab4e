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

    The hooks are removed at the end of the block, also where an error ends it. What a layer gave is not
    copied; if a later one has changed it in place, as ReLU(inplace=True) does, that is an error.

    Args:
        model: any module.
        layers: names as in `model.named_modules()`.

    Raises:
        ValueError: no layer, or a name that the model does not have; at the end of the block, an output that
            was changed in place.
    """
    known = dict(model.named_modules())
    wanted = list(layers)
    if not wanted:
        raise ValueError("layers is empty; name at least one")
    if missing := [name for name in wanted if not name or name not in known]:
        raise ValueError(f"layers holds {missing[0]!r}; the model's are {', '.join(filter(None, known))}")
    found: dict[str, Tensor] = {}
    versions: dict[str, int] = {}
    hooks = [known[name].register_forward_hook(partial(_keep, found, versions, name)) for name in wanted]
    try:
        yield found
        for name, version in versions.items():
            check_unchanged(found[name], version, f"what layer {name!r} gave")
    finally:
        for hook in hooks:
            hook.remove()


def check_unchanged(output: object, version: int, what: str) -> None:
    """Raise ValueError if an output was changed in place since its version was `version`."""
    if version_of(output) != version:
        raise ValueError(
            f"{what} was changed in place by the layer behind it; name that layer, or build it with "
            "inplace=False"
        )


def version_of(output: object) -> int:
    """How often a tensor was changed in place; 0 in inference mode, which does not count."""
    return output._version if isinstance(output, Tensor) and not output.is_inference() else 0


def _keep(found: dict[str, Tensor], versions: dict[str, int], name: str, *call: Any) -> None:
    found[name], versions[name] = call[-1], version_of(call[-1])  # the module, what it was given, its output
