"""A slider over the threshold between two classes: its mistakes, and the ROC curve. Chapter 05."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import torch
from torch import Tensor

from kdlib import checks
from kdlib.numbers import percent, signed
from kdlib.sliders.inputs import as_choice, as_number, setting
from kdlib.sliders.slider import Slider, table

MODELS = ("teacher", "alone", "distilled")
LIMIT, STEP = 20, 0.25  # in nats of log-odds; what lies beyond the limit counts in the bins at the ends
PLACES = torch.arange(-LIMIT, LIMIT + STEP, STEP, dtype=torch.float64)  # where the threshold may stand
WANTED = 95  # % of the positive class on validation, for the threshold that a button offers


def threshold_slider(
    odds: Mapping[str, Mapping[str, Tensor]],
    truths: Mapping[str, Tensor],
    *,
    positive: str = "pneumonia",
    negative: str = "normal",
    at: float = 0.0,
) -> Slider:
    """The mistakes of each model at a threshold on its log-odds, and its ROC curve. Chapter 05.

    What lies above the threshold is called positive; at 0, a probability of one half, the larger logit
    decides. Stored are counts for bins of 0.25, the slider's step, from -20 to 20, and for one bin more at
    either end, in which all beyond it counts. So the counts are exact wherever the threshold stands. Where a
    split is called "validation", a button offers the highest threshold at which the model finds 95 % of its
    positives or more (the lowest, -20, if there is none).

    The `threshold` (rounded to the step), `split` and `model` of the result can be read and set from Python.

    Args:
        odds: {split: {model: log-odds}}, 1 or 2 splits, the one that is shown first before the other. The
            models are 1 to 3 of "teacher", "alone" and "distilled", the same in each split, the first of them
            shown first. Log-odds are float, (N,): the logit of the positive class minus that of the other.
        truths: {split: labels}, integers, (N,): 1 is positive, 0 is not.
        positive: the name of class 1.
        negative: the name of class 0.
        at: where the threshold starts, from -20 to 20.

    Raises:
        TypeError: odds or truths that are no dict, integer tensors as log-odds, labels that are not integers.
        ValueError: another number of splits, another model, shapes that do not fit together, NaN or infinity,
            a split without examples of both classes, a threshold out of range.
    """
    models = _models(odds)
    counts = {split: {m: _counts(odds, truths, split, m) for m in models} for split in odds}
    chosen = {m: _chosen(counts["validation"][m]) for m in models} if "validation" in counts else {}
    rows = [
        [f"{m}, {split}", signed(threshold, 2), *_mistakes(counts[split][m], threshold)]
        for m, split in product(models, odds)
        for threshold in dict.fromkeys([0.0, chosen.get(m, 0.0)])
    ]
    return Slider(
        "threshold",
        data={
            "places": {"limit": LIMIT, "step": STEP},
            "classes": [str(negative), str(positive)],
            "counts": {split: {m: found.tolist() for m, found in of.items()} for split, of in counts.items()},
            "enough": {"percent": WANTED, "places": chosen},
        },
        settings={
            "threshold": setting(_as_place, at),
            "split": setting(as_choice, next(iter(odds)), "split", list(odds)),
            "model": setting(as_choice, models[0], "model", models),
        },
        instead=table(
            f"Mistakes where {positive} is what has log-odds above the threshold: 0 is one half"
            + (f"; the other one finds {WANTED}\N{NO-BREAK SPACE}% on validation." if chosen else "."),
            ["model, pictures", "threshold", f"{positive} missed", "false alarms", "accuracy"],
            rows,
        ),
    )


def _models(odds: Any) -> list[str]:
    """The names of the models, once they are found to be the same in each split."""
    if not isinstance(odds, Mapping) or not all(isinstance(of, Mapping) for of in odds.values()):
        raise TypeError(f"odds is {checks.what(odds)}; give a dict {{split: {{model: log-odds}}}}")
    models = list(next(iter(odds.values()), ()))
    alike = all(set(of) == set(models) <= set(MODELS) for of in odds.values())
    if not 1 <= len(odds) <= 2 or not models or not alike:
        found = "; ".join(f"{split}: {', '.join(map(str, of))}" for split, of in odds.items())
        wanted = f"1 or 2 splits, and for each the same 1 to 3 of {', '.join(MODELS)}"
        raise ValueError(f"odds has {found or 'nothing'}; give {wanted}")
    return models


def _counts(odds: Any, truths: Any, split: str, model: str) -> Tensor:
    """(2, bins), how many of each class lie up to the first place, between each two, beyond the last."""
    name, of = f"odds[{split!r}][{model!r}]", f"truths[{split!r}]"
    if not isinstance(truths, Mapping) or split not in truths:
        raise TypeError(f"truths is {checks.what(truths)}; give a dict with labels for {split!r}")
    z, labels = checks.logits(odds[split][model], name).cpu(), checks.labels(truths[split], 2, of).cpu()
    if z.shape != labels.shape:
        shapes = f"{name} has shape {tuple(z.shape)} and {of} {tuple(labels.shape)}"
        raise ValueError(f"{shapes}; give (N,) for both, as logits[:, 1] - logits[:, 0] is")
    if int(labels.sum()) in (0, len(labels)):
        raise ValueError(f"{of} holds one class; sensitivity and specificity need both")
    bins = torch.bucketize(z.detach().double(), PLACES)
    return torch.stack([bins[labels == k].bincount(minlength=len(PLACES) + 1) for k in (0, 1)])


def _chosen(counts: Tensor) -> float:
    """The highest place with the sensitivity that is wanted; the first where there is none."""
    missed = counts[1].cumsum(0)
    enough = 100 * (missed[-1] - missed[:-1]) >= WANTED * missed[-1]
    return float(PLACES[max(0, int(enough.sum()) - 1)])


def _mistakes(counts: Tensor, threshold: float) -> list[str]:
    """Misses, false alarms and accuracy, as the table has them."""
    up_to = int((threshold >= PLACES).sum())
    alarms, missed = int(counts[0, up_to:].sum()), int(counts[1, :up_to].sum())
    well, ill = counts.sum(1).tolist()
    return [f"{missed} of {ill}", f"{alarms} of {well}", percent(1 - (missed + alarms) / (ill + well))]


def _as_place(value: Any) -> float:
    """The place that is nearest."""
    return STEP * round(as_number(value, "threshold", -LIMIT, LIMIT) / STEP)
