"""Whether two functions gave the same, and in words how they differ: lists of tensors, one list a round."""

import torch
from torch import Tensor


def in_pieces(found: list[Tensor], wanted: list[Tensor]) -> list[Tensor]:
    """A list of numbers for a tensor, or a tensor for several numbers, as what is wanted; all else as it is."""
    sizes = [right.numel() for right in wanted]
    if len(found) == len(wanted) or sum(ours.numel() for ours in found) != sum(sizes):
        return found
    pieces = torch.split(torch.cat([ours.flatten() for ours in found]), sizes)
    return [piece.view_as(right) for piece, right in zip(pieces, wanted, strict=True)]


def same(found: list[Tensor], wanted: list[Tensor], tolerance: float) -> bool:
    """Whether two observations agree: as many values, of the same shapes, within the tolerance."""
    return len(found) == len(wanted) and all(
        a.shape == b.shape and torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        for a, b in zip(found, wanted, strict=True)
    )


def unlike(found: list[list[Tensor]], wanted: list[list[Tensor]], learns: int, tolerance: float) -> str:
    """In words how a function differs from the right one, round by round, where no known mistake explains it."""
    pairs = [pair for ours, right in zip(found, wanted, strict=True) for pair in zip(ours, right, strict=False)]
    if len(found[0]) != len(wanted[0]):
        more = sum(ours.numel() for ours in found[0]) > sum(right.numel() for right in wanted[0])
        return f"Your function gives {'more' if more else 'fewer'} values than are wanted."
    for ours, right in pairs:
        if ours.shape != right.shape:
            return f"Your result has the shape {tuple(ours.shape)}; {tuple(right.shape)} is wanted."
        if ours.isnan().any() and not right.isnan().any():
            return "Your result holds NaN. Is there a logarithm of 0 or of less, a root of 0 with its gradient, or 0 divided by 0?"
    ours, right = (torch.cat([values[0].flatten() for values in of]) for of in (found, wanted))
    if same([ours], [right], tolerance):
        if learns:
            return "The value is right, the gradient is not. Is something detached, or not, that should be?"
        return "The first result is right, another is not."
    ratio = ours / right
    if bool(ratio.isfinite().all()) and same([ratio], [ratio[0].expand_as(ratio)], min(tolerance, 1e-4)):
        times = until_they_differ(float(ratio[0]), 1, least=4)[0]
        factor = "has the wrong sign" if abs(ratio[0] + 1) < 1e-4 else f"is {times} times the right one"
        return f"Your result {factor}. Is something missing, or one too many?"
    at = int(((ours - right).abs() - tolerance * right.abs()).argmax())
    have, want = until_they_differ(float(ours[at]), float(right[at]), least=6)
    return f"Not yet: you have {have} where {want} is right."


def until_they_differ(a: float, b: float, least: int) -> tuple[str, str]:
    """Two numbers in so many digits, or as many more as show that they are not the same."""
    digits = next((n for n in range(least, 17) if f"{a:.{n}g}" != f"{b:.{n}g}"), 17)
    return f"{a:.{digits}g}", f"{b:.{digits}g}"
