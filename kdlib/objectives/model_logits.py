"""A model's logits on a batch, whatever their type and what they are packed into. Chapter 03."""

from torch import Tensor, nn

from kdlib import checks


def logits_on(model: nn.Module, images: Tensor) -> Tensor:
    """A model's logits on images, in float32 or better. Chapter 03.

    Args:
        model: gives logits, or an object that has them as `.logits`.
        images: where they are floating-point, they are cast to the type of the model's weights.

    Raises:
        TypeError: the model gives anything else.
    """
    weight = next(model.parameters(), None)
    if weight is not None and weight.is_floating_point() and images.is_floating_point():
        images = images.to(weight.dtype)
    output = model(images)
    found = getattr(output, "logits", output)
    if not isinstance(found, Tensor):
        raise TypeError(
            f"the model gives a {type(output).__name__}; it must give logits, or an object that has them as "
            ".logits. Wrap it in a module that returns them: see the page 'Distil your own model'"
        )
    return checks.at_least_float32(found, "logits")
