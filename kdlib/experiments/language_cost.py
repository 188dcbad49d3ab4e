"""What chapter 11's ways to learn cost: a step of each, and a text with and without a cache.

A seed is a repetition. Run it in one process on a machine that does nothing else.
"""

from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from kdlib import losses, models
from kdlib.data import Dataset, digest
from kdlib.experiments import language
from kdlib.experiments.arms import THREE, Arm, Experiment, Job
from kdlib.experiments.speed import threads
from kdlib.objectives import Objective, distilled, on_policy, signals, supervised
from kdlib.training import logits_of, train

STEPS, TEXTS = 20, 32
LEARNING = ("labels", "stored", "live", "on_policy")  # from the teacher's answers, but for the first
WRITING = ("write-cached", "write-anew")


def arms() -> list[Arm]:
    """Steps of a student that learns in four ways, and of the teacher; a teacher that writes in two."""
    large: dict[str, Any] = {"way": "labels", **language.TEACHER.options}
    return [
        *(Arm(name, "student", language.RECIPE, options={"way": name}, **THREE) for name in LEARNING),
        Arm("teacher", "teacher", language.RECIPE, options=large, **THREE),
        *(Arm(name, "teacher", options={"way": name}, **THREE) for name in WRITING),
    ]


def timed(job: Job) -> dict[str, Any]:
    """Milliseconds for a training step of 32 windows, or for a character of each of 32 texts."""
    part = language.windows().subset(range(STEPS * language.RECIPE.batch_size))
    with threads(1):
        seconds = learning(job, part) if job.arm.recipe else writing(job, part.images[:TEXTS])
    return {"metrics": {"milliseconds": 1000 * seconds}, "data": digest(part)}


def learning(job: Job, part: Dataset) -> float:
    """Seconds for a step, from the last of three short epochs."""
    teacher = language.teacher(None)
    goals: dict[str, Objective] = {
        "labels": supervised,
        "stored": signals.by_logits(kl, logits_of(teacher, part).half(), weight=1.0, hard_weight=0.0),
        "live": distilled(teacher, temperature=1.0, alpha=1.0),
        "on_policy": on_policy(teacher, losses.distillation_term, temperature=1.0, prompt=language.PROMPT),
    }
    model, goal = language.network(job.arm, job.seed), goals[job.arm.options["way"]]
    curve = train(model, part, goal, language.RECIPE, seed=job.seed, device="cpu").curve
    return curve[-1]["seconds"] / STEPS


def kl(ours: Tensor, theirs: Tensor, labels: Tensor) -> Tensor:
    """The divergence from answers that were stored in 16 bits."""
    return losses.distillation_term(ours, theirs.float(), 1.0)


def writing(job: Job, windows: Tensor) -> float:
    """Seconds for a character of each text."""
    teacher, prompts = language.teacher(None), windows[:, : language.PROMPT]
    write = models.write if job.arm.name == "write-cached" else anew
    start, length = perf_counter(), language.CONTEXT - language.PROMPT
    write(teacher, prompts, length)
    return (perf_counter() - start) / length


@torch.no_grad()
def anew(model: models.Decoder, prompts: Tensor, length: int) -> Tensor:
    """As `models.write` does, but everything is read again for each character."""
    text = prompts.long()
    for _ in range(length):
        shares = model(text)[:, -1].softmax(-1)
        text = torch.cat([text, torch.multinomial(shares, 1)], dim=1)
    return text


COST = Experiment(
    "language_cost", arms, headline=("milliseconds", "ms a step, or a character of 32 texts", 1), time=timed
)
