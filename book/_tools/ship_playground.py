"""Write the points and the teachers of the playground, and what its table shows.

    python book/_tools/ship_playground.py

Three data sets of the plane, x and y from -1 to 1: three blobs that overlap, three rings, two spirals. Of
each 300 points for the students to be shown some of, and 500 that score them. A teacher, 16 and 16 hidden
units, was trained on 5,000 others. All is rounded to 16 bits before anything is trained or scored.

The record also holds what the slider's table shows: the page's recipe in PyTorch at the settings of ROWS,
with seeds 0 to 19. Recipe and rows were chosen on points drawn from another seed, with seeds 500 to 519. Of
learning rates from 0.02 to 0.1 all do about as well, but at 0.1 the distilled student fails on the spirals.
The teacher helps most where labels are few or wrong. It does not help where it is so sure at T that its
answers are the labels again, nor where the student is too small for the data. A few minutes.
"""

import math
from collections.abc import Callable
from statistics import fmean
from typing import Any

import torch
from shipping import SEED, write
from torch import Tensor, nn
from torch.nn import functional as F

from kdlib.evaluation.statistics import paired
from kdlib.experiments import ledger
from kdlib.losses import hinton_loss
from kdlib.sliders.playground import RECIPE, STEPS

SIZES = {"teacher": 5000, "train": 300, "test": 500}
WIDTH, TEACHER_STEPS, TEACHER_RATE, TEACHER_BATCH = 16, 3000, 0.01, 200
SEEDS = 20
NAMES = ("dataset", "labelled", "noise", "hidden", "temperature", "alpha")
ROWS = [
    ("rings", 20, 0.2, 16, 4, 0.9),
    ("spirals", 50, 0, 16, 8, 0.9),
    ("spirals", 50, 0, 16, 8, 1),  # no label at all
    ("spirals", 50, 0.2, 16, 8, 0.9),
    ("spirals", 50, 0, 16, 1, 0.9),
    ("blobs", 200, 0, 16, 4, 0.9),
    ("rings", 200, 0, 2, 4, 0.9),
]


def polar(radius: Tensor, turn: Tensor) -> Tensor:
    return torch.stack([radius * turn.cos(), radius * turn.sin()], dim=1)


def blobs(labels: Tensor, random: torch.Generator) -> Tensor:
    """Three that overlap, around the corners of a triangle."""
    middle = polar(torch.tensor(0.42), 2 * math.pi * labels / 3 + math.pi / 2)
    return middle + 0.26 * torch.randn(len(labels), 2, generator=random)


def rings(labels: Tensor, random: torch.Generator) -> Tensor:
    """One within another."""
    radius = torch.tensor([0.12, 0.47, 0.82])[labels] + 0.1 * torch.randn(len(labels), generator=random)
    return polar(radius, 2 * math.pi * torch.rand(len(labels), generator=random))


def spirals(labels: Tensor, random: torch.Generator) -> Tensor:
    """Two that wind about each other, not quite once."""
    along = torch.rand(len(labels), generator=random).sqrt()
    middle = polar(0.1 + 0.8 * along, 1.8 * math.pi * along + math.pi * labels)
    return middle + 0.08 * torch.randn(len(labels), 2, generator=random)


KINDS: dict[str, tuple[int, Callable[[Tensor, torch.Generator], Tensor]]] = {
    "blobs": (3, blobs),
    "rings": (3, rings),
    "spirals": (2, spirals),
}


def drawn(kind: str, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points, as 16 bits hold them, and their classes."""
    classes, place = KINDS[kind]
    labels = torch.randint(classes, (count,), generator=random)
    return place(labels, random).clamp(-1, 1).half().float(), labels


def teacher(points: Tensor, labels: Tensor) -> nn.Sequential:
    """A trained teacher whose weights were rounded to 16 bits."""
    torch.manual_seed(SEED)
    hidden = (nn.Linear(2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU())
    model = nn.Sequential(*hidden, nn.Linear(WIDTH, int(labels.max()) + 1))
    optimizer = torch.optim.Adam(model.parameters(), TEACHER_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, TEACHER_RATE, TEACHER_STEPS)
    for _ in range(TEACHER_STEPS):
        now = torch.randint(len(points), (TEACHER_BATCH,))
        optimizer.zero_grad()
        F.cross_entropy(model(points[now]), labels[now]).backward()
        optimizer.step()
        schedule.step()
    return model.half().float().eval()


def noisy(labels: Tensor, classes: int, noise: float) -> Tensor:
    """The labels, of which a share is wrong."""
    wrong = round(noise * len(labels))
    moved = labels.clone()
    moved[:wrong] = (labels[:wrong] + torch.randint(1, classes, (wrong,))) % classes
    return moved


def fitted(
    setting: dict[str, Any], points: Tensor, labels: Tensor, told: Tensor, seed: int
) -> dict[str, nn.Sequential]:
    """The page's two students; `told` are the teacher's logits for the points."""
    torch.manual_seed(seed)
    classes, hidden, batch = told.shape[1], setting["hidden"], int(RECIPE["batch"])
    shown = torch.randperm(len(points))[: setting["labelled"]]
    x, z, y = points[shown], told[shown], noisy(labels[shown], classes, setting["noise"])
    order: list[int] = []
    while len(order) < STEPS * batch:
        order += torch.randperm(len(x)).tolist()
    models = {}
    for name, alpha in (("alone", 0.0), ("distilled", setting["alpha"])):
        torch.manual_seed(seed)  # the same first weights
        model = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, classes))
        optimizer = torch.optim.SGD(model.parameters(), RECIPE["rate"], momentum=RECIPE["momentum"])
        for step in range(STEPS):
            now = order[step * batch : (step + 1) * batch]
            optimizer.zero_grad()
            loss = hinton_loss(model(x[now]), z[now], y[now], temperature=setting["temperature"], alpha=alpha)
            loss.total.backward()
            optimizer.step()
        models[name] = model
    return models


@torch.no_grad()
def accuracy(model: nn.Module, points: Tensor, labels: Tensor) -> float:
    return (model(points).argmax(1) == labels).float().mean().item()


def row(setting: dict[str, Any], sets: dict[str, Any], model: nn.Sequential) -> dict[str, Any]:
    """A row of the table: held-out points right, and the paired difference in percentage points."""
    with torch.no_grad():
        told = model(sets["train"][0])
    right: dict[str, dict[int, float]] = {"alone": {}, "distilled": {}}
    for seed in range(SEEDS):
        for name, student in fitted(setting, *sets["train"], told, seed).items():
            right[name][seed] = accuracy(student, *sets["test"])
    hundredfold = {name: {seed: 100 * x for seed, x in of.items()} for name, of in right.items()}
    found = paired(hundredfold["distilled"], hundredfold["alone"])
    means = {name: round(fmean(of.values()), 4) for name, of in right.items()}
    difference = [round(x, 2) for x in found[:3]] + [found.seeds]
    return {**setting, "teacher": round(accuracy(model, *sets["test"]), 4), **means, "difference": difference}


def made() -> tuple[dict[str, dict[str, Any]], dict[str, nn.Sequential]]:
    """By data set: its parts, pairs of points and labels, and its teacher."""
    sets, teachers = {}, {}
    for number, kind in enumerate(KINDS):
        random = torch.Generator().manual_seed(SEED + number)
        sets[kind] = {part: drawn(kind, count, random) for part, count in SIZES.items()}
        teachers[kind] = teacher(*sets[kind]["teacher"])
    return sets, teachers


def main() -> None:
    torch.set_num_threads(1)
    sets, teachers = made()
    tensors: dict[str, Tensor] = {}
    for kind, model in teachers.items():
        tensors |= {f"{kind}.{name}": weight for name, weight in model.state_dict().items()}
        for part in ("train", "test"):
            points, labels = sets[kind][part]
            tensors |= {f"{kind}.{part}_points": points, f"{kind}.{part}_labels": labels.byte()}
    settings = {"points": SIZES, "hidden": [WIDTH, WIDTH], "steps": TEACHER_STEPS, "rate": TEACHER_RATE}
    settings |= {"batch": TEACHER_BATCH, "optimizer": "adam", "schedule": "one_cycle"}
    scores = {kind: round(accuracy(model, *sets[kind]["test"]), 4) for kind, model in teachers.items()}
    wanted = [dict(zip(NAMES, setting, strict=True)) for setting in ROWS]
    rows = [row(setting, sets[setting["dataset"]], teachers[setting["dataset"]]) for setting in wanted]
    about = {"held_out_accuracy": scores, "trained": {"seeds": SEEDS, "rows": rows}}
    write("playground", tensors, {"seed": SEED, "settings": settings, "commit": ledger.commit()}, about)


if __name__ == "__main__":
    main()
