"""Where a convolutional network looks: Grad-CAM. Chapter 05 writes it in the open."""

import torch
from torch import Tensor, nn


def grad_cam(model: nn.Module, images: Tensor, layer: nn.Module, target: int) -> Tensor:
    """Which places of a layer spoke for a class: equations 1 and 2 of Selvaraju et al. (2017). Chapter 05.

    Each channel is weighted by the mean gradient of the class's logit with respect to it; the weighted sum is
    cut at zero. The map is as coarse as the layer. It shows what raised this logit, not why, and not whether
    the model is right.

    Args:
        model: from images to logits (N, classes). It is put into evaluation mode.
        images: float (N, C, H, W) as the model takes them, on its device.
        layer: a module inside the model with an output (N, channels, h, w).
        target: index of the class.

    Returns:
        float (N, h, w), each map divided by its largest value: from 0 to 1, all 0 where nothing spoke for
        the class.

    Raises:
        ValueError: a layer that is not in the model, was not reached, or has no map as its output; a class
            that the model does not have; a map that the layer behind it has changed in place.
    """
    if layer not in model.modules():
        raise ValueError("layer is not a part of the model; take one of model.named_modules()")
    outputs: list[tuple[Tensor, int]] = []
    hook = layer.register_forward_hook(
        lambda module, inputs, output: outputs.append((output, getattr(output, "_version", 0)))
    )
    try:
        model.eval()
        with torch.enable_grad():
            logits = model(images.detach().requires_grad_())  # frozen weights have no gradient of their own
            features = _features(outputs)
            if not 0 <= target < logits.shape[1]:
                raise ValueError(f"target is {target}; the model has the classes 0 to {logits.shape[1] - 1}")
            (gradients,) = torch.autograd.grad(logits[:, target].sum(), features)
    finally:
        hook.remove()
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    maps = (weights * features.detach()).sum(dim=1).relu()
    largest = maps.amax(dim=(1, 2), keepdim=True)
    return torch.where(largest > 0, maps / largest, maps)


def _features(outputs: list[tuple[Tensor, int]]) -> Tensor:
    """The one output that the hook saw, if it is a map and still what it was."""
    if len(outputs) != 1:
        raise ValueError(f"layer was used {len(outputs)} times; take one that each image passes once")
    ((output, version),) = outputs
    if not isinstance(output, Tensor) or output.ndim != 4:
        raise ValueError("layer does not give maps (N, channels, h, w); take a convolution or what follows")
    if output._version != version:
        raise ValueError("the next one changes what layer gives in place; take that one or set inplace=False")
    return output
