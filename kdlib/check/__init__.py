"""Checks that answer back: `kdlib.check.kd_term(your_function)` says in words what is wrong with it.

    >>> from kdlib import check
    >>> check.soften(lambda logits, T: (logits * T).softmax(-1))
    ✗ You multiply by T. A high temperature must flatten the output, so divide.

One file a chapter. A check runs anywhere, on the CPU, in a moment; `check.kd_term.hint()` gives a nudge.

A check sees what a function gives, not how: a tool that an exercise forbids, such as `torch.softmax` in ex-01-soften,
is not noticed. Whether it was used is for whoever reads the code.
"""

from kdlib.check.checking import Check, Verdict
from kdlib.check.doubts import calibration_error, fair_score, runs_for
from kdlib.check.language import kept_term, reverse_kl, surprise_by_position, until_end
from kdlib.check.loss import kd_term, kl, masked_term
from kdlib.check.privileged import mixed_target, ramp, side_by_side
from kdlib.check.proof import bias_for, paired_interval, seeds_for, stored_batch
from kdlib.check.recipe import batch_norm, smoothed, top_k
from kdlib.check.ship import folded, rounded
from kdlib.check.signals import angles, ensemble_logits, masked_hint, mutual
from kdlib.check.temperature import likeness, soften, temperature_for
from kdlib.check.threshold import best_threshold, predictive_value, sorted_auroc
from kdlib.check.up import averaged, joint

__all__ = [
    "Check", "Verdict", "angles", "averaged", "batch_norm", "best_threshold", "bias_for", "calibration_error",
    "ensemble_logits", "fair_score", "folded", "joint", "kd_term", "kept_term", "kl", "likeness",
    "masked_hint", "masked_term", "mixed_target", "mutual", "paired_interval", "predictive_value", "ramp",
    "reverse_kl", "rounded", "runs_for", "seeds_for", "side_by_side", "smoothed", "soften", "sorted_auroc",
    "stored_batch", "surprise_by_position", "temperature_for", "top_k", "until_end",
]  # fmt: skip
