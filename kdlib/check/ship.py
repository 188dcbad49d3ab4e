"""Checks of chapter 09: weights of few bits, and a batch norm that goes into its convolution."""

from torch import Tensor

from kdlib.check.checking import Check, Draw


def rounded_weights(weight: Tensor, bits: int) -> Tensor:
    """Weights (O, I) on 2^(bits - 1) - 1 steps to either side, each output with a step of its own."""
    step: Tensor = weight.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    return (weight / step).round() * step


def fold(w: Tensor, b: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (O, I) and bias (O,) of the layer that does what it and the batch norm after it did; eps is 1e-5."""
    factor = gamma / (variance + 1e-5).sqrt()
    return w * factor[:, None], (b - mean) * factor + beta


def _weights(draw: Draw) -> tuple[Tensor, int]:
    return draw.normal(5, 8) * draw.normal(5, 1).exp() + 0.3, round(draw.number(3, 6))


def _layer(draw: Draw) -> tuple[Tensor, ...]:
    """A layer and its batch norm, whose variances are so small that eps shows."""
    return draw.normal(5, 8), *(draw.normal(5) + 0.5 for _ in range(4)), 0.01 * draw.normal(5) ** 2 + 1e-3


rounded = Check("ex-09-rounded", _weights, rounded_weights, "Which step makes the largest weight of an output the last level?", {
    "All outputs share one step in yours. Give each a step of its own.": lambda w, b: rounded_weights(w.flatten()[None], b).view_as(w),
    "Your steps belong to inputs. Take the largest weight of each row.": lambda w, b: rounded_weights(w.T, b).T,
    "You cut off. Round to the nearest level.": lambda w, b: (w / (s := w.abs().amax(1, keepdim=True) / (2 ** (b - 1) - 1))).trunc() * s,
    "One bit is for the sign: there are 2^(bits - 1) - 1 levels to either side.": lambda w, b: rounded_weights(w, b + 1),
    "These are the numbers of the levels. Multiply by the step.": lambda w, b: (w / (w.abs().amax(1, keepdim=True) / (2 ** (b - 1) - 1))).round(),
    "A negative weight may be the largest. Take absolute values.": lambda w, b: (w / (s := w.amax(1, keepdim=True) / (2 ** (b - 1) - 1))).round() * s})

folded = Check("ex-09-folded", _layer, fold, "Write gamma (w x + b - mean) / sqrt(variance + eps) + beta as one product and one sum.", {
    "The bias goes through the batch norm too. Scale it as the weights.": lambda w, b, g, c, m, v: (fold(w, b, g, c, m, v)[0], fold(w, 0 * b, g, c, m, v)[1] + b),
    "You drop the layer's own bias.": lambda w, b, g, c, m, v: fold(w, 0 * b, g, c, m, v),
    "You divide by the variance. Divide by its square root.": lambda w, b, g, c, m, v: fold(w, b, g, c, m, (v + 1e-5) ** 2 - 1e-5),
    "The small number is missing. Add eps, 1e-5, to the variance.": lambda w, b, g, c, m, v: fold(w, b, g, c, m, v - 1e-5),
    "The small number is added after the root. Add it to the variance.": lambda w, b, g, c, m, v: fold(w, b, g, c, m, (v.sqrt() + 1e-5) ** 2 - 1e-5),
    "Each output has a factor of its own: gamma belongs to rows.": lambda w, b, g, c, m, v: (w * (g / (v + 1e-5).sqrt()).mean(), fold(w, b, g, c, m, v)[1]),
    "You forget gamma.": lambda w, b, g, c, m, v: fold(w, b, g / g, c, m, v),
    "You add the mean. It is subtracted.": lambda w, b, g, c, m, v: fold(w, b, g, c, -m, v),
    "You forget beta.": lambda w, b, g, c, m, v: fold(w, b, g, 0 * c, m, v)})
