"""What the students of chapter 11 write at five sampling temperatures.

To write more safely needs no training: divide the logits by a temperature below 1. So a student that was
taught to write safely is compared with the others at several of them. Each goes on from the beginnings of
256 windows of test text; three things are measured of what it adds: what the teacher says of it, how varied
it is, and which of its words are words.
"""

import re
from typing import Any

import torch

from kdlib import models
from kdlib.data import digest, text
from kdlib.experiments import language
from kdlib.experiments.arms import Arm, Experiment, Job, fit
from kdlib.training import logits_of

TEMPERATURES = (1.2, 1.1, 1.0, 0.9, 0.8)
STUDENTS = ("alone", "forward", "jensen_shannon", "reverse", "on_policy", "on_policy_forward", "sequence")


def arms() -> list[Arm]:
    """The shipped teacher, and students after their training."""
    rows = {arm.name: arm for arm in language.arms()}
    trained = [Arm(name, start=rows[name], seeds=rows[name].seeds) for name in STUDENTS]
    return [Arm("teacher", "teacher", seeds=range(1)), *trained]


def measured(job: Job) -> dict[str, Any]:
    """By sampling temperature: `own`, `distinct` and `words` of what is written; `test`, of predictions."""
    arm, teacher, test = job.arm, language.teacher(None), language.test_set(job)
    model = fit(language.EXPERIMENT, job.of(arm.start)).model if arm.start else teacher
    assert isinstance(model, models.Decoder)
    logits, prompts = logits_of(model, test), test.images[: language.WRITTEN, : language.PROMPT]
    found: dict[str, Any] = {"own": {}, "distinct": {}, "words": {}, "test": {}}
    for t in TEMPERATURES:
        draw, length = torch.Generator().manual_seed(job.seed), language.CONTEXT - language.PROMPT
        own = models.write(model, prompts, length, temperature=t, draw=draw)
        judged, key = language.judged(teacher, own), str(t)
        found["own"][key], found["distinct"][key] = judged["bits"], judged["distinct"]
        found["words"][key] = words(own)
        found["test"][key] = language.predicted(logits / t, test.labels)["bits"]
    if arm.start is None:  # what people wrote behind the same prompts
        found["plays_words"] = words(test.images[: len(prompts)])
    return {"metrics": {"own_bits": found["own"]["1.0"], **found}, "data": digest(test)}


def words(tokens: torch.Tensor) -> float:
    """Of the words behind the prompt that are whole, the share that the training text has too."""
    known = set(re.findall(r"[a-z']+", text.load("train").lower()))
    written = [text.decode(row[language.PROMPT :]).lower() for row in tokens]
    # The first and the last may be parts of words.
    found = [word for one in written for word in re.findall(r"[a-z']+", one)[1:-1]]
    return sum(word in known for word in found) / max(1, len(found))


WRITING = Experiment(
    "language_writing",
    arms,
    headline=("own_bits", "bits per character, judged by the teacher", 3),
    time=measured,
)
