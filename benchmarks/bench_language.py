"""Chapter 11's decoder: what `train` costs beside the bare step, and what the cache saves when it writes."""

import statistics
import time
from typing import Any

import torch
import torch.nn.functional as F
from bench_training import seconds

from kdlib import losses, models, pretrained
from kdlib.data import Dataset, text
from kdlib.experiments import language
from kdlib.experiments.language_cost import anew
from kdlib.objectives import distilled, supervised
from kdlib.training import Recipe, train

BATCH, STEPS, REPEATS, PROMPT, LENGTH = 32, 20, 5, 16, 112
RECIPE = Recipe(epochs=1, learning_rate=5e-3, batch_size=BATCH, optimizer="adamw")


def student() -> models.Decoder:
    return models.transformer(2, 64, seed=0)


def bare(part: Dataset, teacher: models.Decoder | None) -> float:
    """Seconds of forward, backward and optimiser step on tokens that are ready."""
    model = student()
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3, weight_decay=0.0)
    batches = list(zip(part.images.long().split(BATCH), part.labels.split(BATCH), strict=True))
    start = time.perf_counter()
    for x, y in batches:
        z = model(x)
        if teacher is None:
            loss = F.cross_entropy(z.flatten(0, 1), y.flatten())
        else:
            with torch.no_grad():
                told = teacher(x)
            loss = losses.distillation_term(z, told, 1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


def measure() -> list[dict[str, Any]]:
    """Medians of ratios of runs that alternate, on one thread."""
    torch.set_num_threads(1)
    part = text.windows("train", language.CONTEXT).subset(range(BATCH * STEPS))
    teacher = pretrained.shakespeare_teacher()
    soft, prompts = distilled(teacher, temperature=1.0, alpha=1.0), part.images[:BATCH, :PROMPT]
    ratios: dict[str, list[float]] = {"trained": [], "distilled": [], "cache": [], "own": []}
    for repeat in range(REPEATS + 1):
        alone = bare(part, None), seconds(lambda: train(student(), part, supervised, RECIPE, seed=0))
        taught = bare(part, teacher), seconds(lambda: train(student(), part, soft, RECIPE, seed=0))
        slow = seconds(lambda: anew(teacher, prompts, LENGTH))
        quick = seconds(lambda: models.write(teacher, prompts, LENGTH))
        slow_too = seconds(lambda: anew(student(), prompts, LENGTH))
        quick_too = seconds(lambda: models.write(student(), prompts, LENGTH))
        if repeat:  # the first is a warm-up
            ratios["trained"].append(alone[0] / alone[1])
            ratios["distilled"].append(taught[0] / taught[1])
            ratios["cache"].append(slow / quick)
            ratios["own"].append(slow_too / quick_too)
    figures = [
        ("decoder trained, share of the bare step's windows/s", "trained", 0.92),
        ("decoder distilled, teacher live, share of the bare step's windows/s", "distilled", 0.92),
        ("teacher writes with its cache, times the loop without", "cache", 5.0),
        ("student writes with its cache, times the loop without", "own", 5.0),
    ]
    return [
        {"name": name, "value": round(statistics.median(ratios[key]), 3), "unit": "", "target": target}
        | {"better": "higher"}
        for name, key, target in figures
    ]
