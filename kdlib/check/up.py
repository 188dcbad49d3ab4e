"""Checks of chapter 10: the gradient of a shared batch, and the mean and variance of all its parts."""

from torch import Tensor

from kdlib.check.checking import Check, Draw


def whole_gradient(gradients: Tensor, counts: Tensor) -> Tensor:
    """The gradient (P,) of a batch from those of its parts (R, P), each a mean over so many examples (R,)."""
    return (counts[:, None] * gradients).sum(0) / counts.sum()


def whole_moments(counts: Tensor, means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) of all examples, from those of each part (R, C)."""
    mean = whole_gradient(means, counts)
    return mean, whole_gradient(variances + (means - mean) ** 2, counts)


def _counts(draw: Draw) -> Tensor:
    """Examples of each of three parts, of the gradients' type, as matrix products need it."""
    return (draw.labels(3, 3) * 7 + 3 + draw.labels(3, 5)).double()


def _moments(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    return _counts(draw), draw.normal(3, 4), draw.normal(3, 4).exp()


averaged = Check("ex-10-averaged", lambda draw: (draw.normal(3, 6), _counts(draw)), whole_gradient, "How much does one example count on its rank, and how much should it?", {
    "All ranks count alike in yours. Weight each by its examples.": lambda g, n: g.mean(0),
    "You add the gradients up. The loss is a mean, so divide.": lambda g, n: g.sum(0),
    "You divide by the number of ranks. The weights add up to the number of examples.": lambda g, n: (n[:, None] * g).mean(0),
    "This is the sum over the examples. Divide by how many there are.": lambda g, n: (n[:, None] * g).sum(0),
    "You divide each gradient by its examples. It is a mean already: multiply.": lambda g, n: (g / n[:, None]).sum(0) / (1 / n).sum(),
    "You divide each gradient by its examples and add up.": lambda g, n: (g / n[:, None]).sum(0)})

joint = Check("ex-10-joint", _moments, whole_moments, "How far is an example from the mean of all? Go by way of its own part's mean.", {
    "You average the variances. How far the parts' means lie apart is missing.": lambda n, m, v: (whole_gradient(m, n), whole_gradient(v, n)),
    "All ranks count alike in yours. Weight each by its examples.": lambda n, m, v: whole_moments(0 * n + 1, m, v),
    "The mean is not weighted by the examples.": lambda n, m, v: (m.mean(0), whole_gradient(v + (m - m.mean(0)) ** 2, n)),
    "The variance is not weighted by the examples.": lambda n, m, v: (whole_gradient(m, n), (v + (m - whole_gradient(m, n)) ** 2).mean(0)),
    "You divide by one example less, as for a sample. Batch norm divides by all.": lambda n, m, v: (whole_gradient(m, n), whole_moments(n, m, v)[1] * n.sum() / (n.sum() - 1)),
    "The distance of the means is squared in a variance.": lambda n, m, v: (whole_gradient(m, n), whole_gradient(v + (m - whole_gradient(m, n)).abs(), n)),
    "This is the mean of the squares. Subtract the square of the mean.": lambda n, m, v: (whole_gradient(m, n), whole_gradient(v + m**2, n))})
