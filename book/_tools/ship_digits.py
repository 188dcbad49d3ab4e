"""Write the digits on which the slider of omitted classes trains in the page, and the teacher's logits.

    python book/_tools/ship_digits.py

Of each class 200 training digits and 100 test digits, the first in an order drawn from a fixed seed, class
after class in turn: the first 500 hold 50 of each. The training digits are among those that the teacher was
trained on. They are 14 x 14 pixels, resized as everywhere, and 4 bits each, two in a byte with the left one
high. The teacher saw them whole, at 32 x 32; the network in the page sees the small ones. The test digits
select nothing.

The record also holds what the slider's table shows: the page's recipe in PyTorch, five seeds, without the 3s.
The recipe was chosen on the 5,000 training digits that the teacher held out, with three seeds each: 50 and
100 hidden units with 20 and 40 epochs, 64 and 100 with 30, at learning rates of 0.02, 0.03, 0.05 and 0.1. At
0.1 the taught network fails; from 0.02 to 0.05 both do about equally well, at T = 4, 8 and 20 too, and 100
units or 40 epochs gain half a point. So 64 units and 1,200 steps (21 epochs), which take a few seconds in a
page, and a rate of 0.03. The bias, too, is chosen on the held-out digits, for each seed and network.
"""

from collections import defaultdict
from statistics import fmean
from typing import Any

import torch
from shipping import SEED, write
from torch import Tensor, nn
from torch.nn import functional as F

from kdlib import data, pretrained
from kdlib.experiments import ledger
from kdlib.losses import distillation_term
from kdlib.sliders.omitted import LARGEST_BIAS, RECIPE, STEPS, TEMPERATURE
from kdlib.training import logits_of

SIDE, PER_CLASS = 14, {"train": 200, "test": 100}
LEFT_OUT, SEEDS = 3, 5
TEACHER = "mnist_lenet5_teacher"


def chosen(labels: Tensor, count: int) -> Tensor:
    """Positions of `count` digits of each class, in turn: a 0, a 1, ..., a 9, a 0, ..."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SEED))
    rows = [order[labels[order] == label][:count] for label in range(10)]
    return torch.stack(rows, dim=1).flatten()


def packed(images: Tensor) -> Tensor:
    """uint8 (N, 1, H, W) as (N, SIDE * SIDE / 2): 4 bits a pixel."""
    small = (data.resize(images, SIDE).flatten(1).float() / 17).round().byte()
    return small[:, 0::2] * 16 + small[:, 1::2]


def split(name: str) -> dict[str, data.Dataset]:
    """The digits of a split at 28 and at 32 pixels."""
    found = {}
    for size in (28, 32):
        images = data.load("mnist", name, resolution=size)
        images = data.hold_out(images, 5000, seed=0)[0] if name == "train" else images  # the teacher's own
        found[str(size)] = images.subset(chosen(images.labels, PER_CLASS[name]))
    return found


def unpacked(pixels: Tensor) -> Tensor:
    """As the page reads them: float32 (N, SIDE * SIDE), 0 to 1."""
    return torch.stack([pixels >> 4, pixels & 15], dim=-1).flatten(1).float() / 15


def fitted(name: str, tensors: dict[str, Tensor], seed: int) -> nn.Sequential:
    """The page's recipe without LEFT_OUT: "alone" on labels or "distilled" on the teacher's logits alone."""
    torch.manual_seed(seed)
    hidden, batch = int(RECIPE["hidden"]), int(RECIPE["batch"])
    model = nn.Sequential(nn.Linear(SIDE * SIDE, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    optimizer = torch.optim.SGD(model.parameters(), RECIPE["rate"], momentum=RECIPE["momentum"])
    labels = tensors["train_labels"].long()
    kept = labels != LEFT_OUT
    x, y, z = (rows[kept] for rows in (unpacked(tensors["train_pixels"]), labels, tensors["train_logits"]))
    order: list[int] = []
    for _ in range(STEPS):
        order = order if len(order) >= batch else torch.randperm(len(x)).tolist()
        now, order = order[:batch], order[batch:]
        logits = model(x[now])
        taught = name == "distilled"
        loss = distillation_term(logits, z[now], TEMPERATURE) if taught else F.cross_entropy(logits, y[now])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def shares(logits: Tensor, labels: Tensor, bias: float) -> dict[str, float]:
    """Of all digits right, of LEFT_OUT found, of the others lost that were right without the bias."""
    moved = logits.clone()
    moved[:, LEFT_OUT] += bias
    right, before = moved.argmax(1) == labels, logits.argmax(1) == labels
    own = labels == LEFT_OUT
    parts = {"all": right, "found": right[own], "lost": (before & ~right)[~own]}
    return {"bias": bias} | {key: part.float().mean().item() for key, part in parts.items()}


def trained(tensors: dict[str, Tensor], held: data.Dataset) -> dict[str, Any]:
    """Shares of the test digits, the means over the seeds, by network and by how the bias was found.

    That is none, its own, which is best on the held-out digits, and for both networks "distilled's".
    """
    biases = [step / 4 for step in range(4 * LARGEST_BIAS + 1)]
    found = defaultdict(list)
    for seed in range(SEEDS):
        logits, best = {}, {}
        for name in ("alone", "distilled"):
            model = fitted(name, tensors, seed)
            with torch.no_grad():
                tuning, logits[name] = (
                    model(unpacked(pixels)) for pixels in (packed(held.images), tensors["test_pixels"])
                )
            best[name] = max(biases, key=lambda b: shares(tuning, held.labels, b)["all"])
        for name, z in logits.items():
            for how, bias in {"none": 0.0, "its own": best[name], "distilled's": best["distilled"]}.items():
                found[name, how].append(shares(z, tensors["test_labels"].long(), bias))
    return {
        "without": LEFT_OUT,
        "seeds": SEEDS,
        "rows": [
            {"network": name, "chosen": how, **{k: round(fmean(row[k] for row in of), 4) for k in of[0]}}
            for (name, how), of in found.items()
        ],
    }


def main() -> None:
    torch.set_num_threads(1)
    sets = {name: split(name) for name in PER_CLASS}
    tensors = {}
    for name, of in sets.items():
        tensors |= {f"{name}_pixels": packed(of["28"].images), f"{name}_labels": of["28"].labels.byte()}
    tensors["train_logits"] = logits_of(pretrained.mnist_teacher(), sets["train"]["32"]).half().float()
    settings = {"side": SIDE, "bits": 4, "digits of each class": PER_CLASS, "teacher": TEACHER}
    made = {"seed": SEED, "settings": settings, "commit": ledger.commit()}
    about = {"data": {name: data.digest(of["28"]) for name, of in sets.items()}}
    about["trained"] = trained(tensors, data.hold_out(data.load("mnist", "train"), 5000, seed=0)[1])
    write("mnist_digits", tensors, made, about)


if __name__ == "__main__":
    main()
