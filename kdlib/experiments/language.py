"""The experiments of chapter 11: a small decoder that learns from a larger one to write like Shakespeare.

All students of a seed go on from the same start, which was trained on labels, and read the same windows in
the same order. Their teacher is the shipped one, of seed 0 and in 16 bits, for all seeds; teachers of other
seeds show how much one training differs from the next. Nothing is chosen on test text.
"""

from dataclasses import replace
from functools import cache
from math import log
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlib import losses, models, pretrained
from kdlib.data import Dataset, text
from kdlib.evaluation import fidelity
from kdlib.experiments.arms import ADAMW, Arm, Experiment, Fitted, Job, spread
from kdlib.losses import divergences
from kdlib.objectives import Objective, on_policy, signals
from kdlib.training import Recipe, logits_of

CONTEXT, STRIDE, PROMPT, WRITTEN = 128, 64, 16, 256
LAYERS = {"teacher": (4, 128), "student": (2, 64)}  # and widths
RECIPE = Recipe(3, 5e-3, batch_size=32, **ADAMW)  # 491 steps an epoch, of 4,096 characters
LARGE = replace(RECIPE, epochs=20, learning_rate=4e-3)
TEACHER = Arm("teacher", "teacher", LARGE, options={"dropout": 0.1}, seeds=range(3))
START = Arm("start", "student", replace(RECIPE, epochs=5, learning_rate=1e-2))
ALONE = Arm("alone", "student", RECIPE, start=START)
LONG = 15  # epochs that take about as long as the three in which the student writes: see language_cost
DIVERGENCES = {
    "forward": losses.distillation_term,
    "reverse": divergences.reverse_kl,
    "jensen_shannon": divergences.jensen_shannon,
    "on_policy": divergences.reverse_kl,
    "on_policy_forward": losses.distillation_term,
}


def taught(loss: str, name: str = "", **more: Any) -> Arm:
    """A student that hears its teacher's answers alone, without labels."""
    return replace(ALONE, name=name or loss, loss=loss, temperature=1.0, alpha=1.0, **more)


def arms() -> list[Arm]:
    """Every row of chapter 11's tables."""
    few: dict[str, Any] = {"seeds": range(3)}
    long = replace(RECIPE, epochs=LONG)
    rows = [TEACHER, START, ALONE, *(taught(loss) for loss in DIVERGENCES if loss != "on_policy_forward")]
    rows.append(taught("on_policy_forward", **few))
    rows.append(replace(ALONE, name="sequence", options={"text": "teacher's"}))
    rows.append(replace(ALONE, name="alone-long", recipe=long, **few))
    rows += [taught(loss, f"{loss}-long", recipe=long, **few) for loss in ("forward", "reverse")]
    rows += [taught("forward", f"top-{k}", options={"top_k": k}, **few) for k in (1, 4, 16)]
    rows += [taught("forward", f"rest-{k}", options={"top_k": k, "rest": True}, **few) for k in (1, 4, 16)]
    rows += [replace(taught("forward", f"T-{t}", **few), temperature=float(t)) for t in (2, 4)]
    return rows


def network(arm: Arm, seed: int) -> nn.Module:
    """A decoder with random weights."""
    layers, width = LAYERS[arm.network]
    return models.transformer(layers, width, dropout=arm.options.get("dropout", 0.0), seed=seed)


def train_set(job: Job) -> Dataset:
    """Overlapping windows of the plays, or as many texts that the teacher wrote."""
    written = job.arm.options.get("text") == "teacher's"
    return written_by_teacher(job.few) if written else spread(windows(), job.few)


def objective(job: Job, part: Dataset) -> Objective:
    """What the arms minimise that learn from the teacher's answers."""
    arm = job.arm
    divergence = DIVERGENCES[arm.loss]
    if arm.loss.startswith("on_policy"):
        return on_policy(teacher(job.few), divergence, temperature=arm.temperature, prompt=PROMPT)
    told = teacher_answers(job.few)
    if arm.options.get("rest"):
        return signals.by_logits(of_kept, with_rest(told, arm.options["top_k"]), weight=1.0, hard_weight=0.0)
    if k := arm.options.get("top_k"):
        told = divergences.from_top_k(*told.topk(k), told.shape[-1])
    term = lambda ours, theirs, labels: divergence(ours, theirs.float(), arm.temperature)  # noqa: E731
    return signals.by_logits(term, told, weight=1.0, hard_weight=0.0)


def with_rest(told: Tensor, k: int) -> Tensor:
    """The k largest log-probabilities, and behind them their places, (N, L, 2k)."""
    found = torch.empty(*told.shape[:-1], 2 * k)
    for some in torch.split(torch.arange(len(told)), 512):
        found[some] = torch.cat(told[some].float().log_softmax(-1).topk(k), dim=-1)
    return found


def of_kept(ours: Tensor, theirs: Tensor, labels: Tensor) -> Tensor:
    """The term of what `with_rest` kept."""
    log_p, places = theirs.chunk(2, dim=-1)
    return divergences.kept_kl(ours, log_p, places.long())


def measure(job: Job, fitted: Fitted) -> dict[str, Any]:
    """How well the model predicts test text, and what its teacher says of the text that it writes itself."""
    model, test = fitted.model, test_set(job)
    assert isinstance(model, models.Decoder)
    judge = model if job.arm.network == "teacher" else teacher(job.few)
    logits, guide = logits_of(model, test), logits_of(judge, test)
    measured = {f"test_{name}": value for name, value in predicted(logits, test.labels).items()}
    measured["teacher_agreement"] = fidelity.agreement(logits.flatten(0, 1), guide.flatten(0, 1))
    measured["train_seconds"] = sum(entry["seconds"] for entry in fitted.curve)
    prompts = test.images[:WRITTEN, :PROMPT]
    own = models.write(model, prompts, CONTEXT - PROMPT, draw=torch.Generator().manual_seed(job.seed))
    measured |= {f"own_{name}": value for name, value in judged(judge, own).items()}
    if job.arm.network == "teacher":  # what people wrote behind the same prompts
        measured |= {f"plays_{name}": v for name, v in judged(judge, test.images[: len(own)].long()).items()}
    return measured


def predicted(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Bits per character of logits (N, L, V) with the next ones (N, L), and how many are the likeliest."""
    nats = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    return {"bits": float(nats) / log(2), "accuracy": float((logits.argmax(-1) == labels).double().mean())}


def judged(judge: models.Decoder, tokens: Tensor) -> dict[str, float]:
    """What a judge says of texts (N, CONTEXT) behind the prompt, in bits per character; how varied they are.

    Also in parts of 16 characters, by where the part ends. distinct: of all 4-grams the share that differ.
    """
    with torch.no_grad():
        shares = torch.cat([judge(part[:, :-1]).log_softmax(-1) for part in torch.split(tokens, 64)])
    bits = -shares.gather(-1, tokens[:, 1:, None])[:, PROMPT - 1 :, 0] / log(2)
    ends = range(PROMPT + 16, CONTEXT + 1, 16)
    parts = {f"bits_{end}": float(bits[:, end - PROMPT - 16 : end - PROMPT].mean()) for end in ends}
    grams = tokens[:, PROMPT:].unfold(1, 4, 1).flatten(0, 1)
    return {"bits": float(bits.mean()), **parts, "distinct": len(torch.unique(grams, dim=0)) / len(grams)}


def test_set(job: Job) -> Dataset:
    """The test text, each character once."""
    return spread(text.windows("test", CONTEXT), job.few)


@cache
def windows() -> Dataset:
    """The training text, each character twice: early in one window and late in another."""
    return text.windows("train", CONTEXT, STRIDE)


@cache
def teacher(few: int | None) -> models.Decoder:
    """The shipped teacher; in double precision for a canary."""
    model = pretrained.shakespeare_teacher()
    return model.double() if few else model


@cache
def teacher_answers(few: int | None) -> Tensor:
    """The teacher's logits for the training windows, in 16 bits, asked for once a process."""
    part = spread(windows(), few)
    rows = torch.split(torch.arange(len(part)), 512)
    return torch.cat([logits_of(teacher(few), part.subset(some)).half() for some in rows])


@cache
def written_by_teacher(few: int | None) -> Dataset:
    """Texts that begin as the training windows do, with one character, and that the teacher went on with."""
    part = spread(windows(), few)
    draw, firsts = torch.Generator().manual_seed(0), torch.split(part.images[:, :1], 512)
    own = torch.cat([models.write(teacher(few), first, CONTEXT, draw=draw) for first in firsts])
    tokens, following = own[:, :-1].to(torch.int16), own[:, 1:].contiguous()
    return replace(part, split="teacher's", images=tokens, labels=following)


HEADLINE = ("test_bits", "bits per character of test text", 3)
EXPERIMENT = Experiment(
    "language", arms, network, train_set, test_set, measure, objective, HEADLINE, canary=16
)
