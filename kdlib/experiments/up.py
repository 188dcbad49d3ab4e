"""The measurements of chapter 10: two processes beside one, and a teacher's answers asked for or looked up.

`ranks` compares weights: a seed fixes initial weights and order, and a processor changes rounding only.
`rates` takes times: a seed is a repetition. Run it in one process on a machine that does nothing else and has
two processor cores.
"""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor, nn

from kdlib import data, models
from kdlib.caching import shards, teacher_cache
from kdlib.data import Dataset
from kdlib.data.augment import View
from kdlib.distributed import ranks
from kdlib.experiments.arms import THREE, Arm, Experiment, Job
from kdlib.experiments.speed import threads
from kdlib.objectives import Teacher, distilled, supervised
from kdlib.training import Recipe, checkpoints, train

RECIPE = Recipe(1, 0.05)
# Steps after which weights are compared.
COUNTED = {"lenet": (1, 2, 5, 10, 20, 40, 80, 120), "vgg": (1, 2, 5, 10, 20, 40, 60)}
TIMED = {"lenet": 300, "vgg": 60}  # steps of an epoch; the last of three is timed
WAYS = {
    "one": {"processes": 1, "each": 1},  # and the threads of each
    "threads": {"processes": 1, "each": 2},
    "two": {"processes": 2, "each": 1},
}
SOURCES = ("live", "memory", "shards")  # of the teacher's answers


def network(name: str, seed: int) -> nn.Module:
    """A LeNet-5 for digits, or a small network with batch norm for colour photographs."""
    if name == "lenet":
        return models.lenet5((6, 12), (90, 64), seed=seed)
    return models.vgg(models.VGG_QUICK, seed=seed)


def images(name: str, steps: int) -> Dataset:
    """Training images for so many steps."""
    whole = data.load("mnist" if name == "lenet" else "cifar10", "train", scale="quick", resolution=32)
    return whole.subset(range(steps * RECIPE.batch_size))


def work(name: str, epochs: int, steps: list[int], seed: int, folder: Path) -> None:
    """Train a network anew for each number of steps, alone or as one of the ranks, and keep it."""
    with ranks.joined():
        for count in steps:
            model, recipe = network(name, seed), replace(RECIPE, epochs=epochs)
            curve = train(model, images(name, count), supervised, recipe, seed=seed, device="cpu").curve
            if ranks.rank() == 0:
                checkpoints.write(folder / f"{count}.safetensors", model.state_dict(), {"curve": curve})


def started(
    name: str, epochs: int, steps: list[int], seed: int, *, processes: int = 1, each: int = 1
) -> dict[int, tuple[dict[str, Tensor], dict[str, Any]]]:
    """What `work` keeps, in so many processes of so many threads; by steps."""
    with TemporaryDirectory() as folder:
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        given = [name, str(epochs), ",".join(map(str, steps)), str(seed), folder]
        call = [sys.executable, *torchrun * (processes > 1), "-m", "kdlib.experiments.up", *given]
        paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        subprocess.run(call, env=os.environ | paths | {"OMP_NUM_THREADS": str(each)}, check=True)
        return {n: checkpoints.read(Path(folder) / f"{n}.safetensors") for n in steps}


def apart(job: Job) -> dict[str, Any]:
    """The largest difference of a weight between one process and two, by steps."""
    name, found = job.arm.network, {}
    made = [started(name, 1, list(COUNTED[name]), job.seed, processes=n) for n in (1, 2)]
    for steps in COUNTED[name]:
        one, two = (trained[steps][0] for trained in made)
        found[str(steps)] = max(float((one[k] - two[k]).abs().max()) for k in one if "running" not in k)
    measured = {"apart_20": found["20"], "apart": found}
    return {"metrics": measured, "data": data.digest(images(name, COUNTED[name][-1]))}


def timed(job: Job) -> dict[str, Any]:
    """Training images a second in the last of three epochs."""
    name, options = job.arm.network, job.arm.options
    part = images(name, TIMED[name])
    if "source" in options:
        with threads(1), TemporaryDirectory() as folder:
            seconds = taught(options["source"], part, job.seed, Path(folder))
    else:
        made = started(name, 3, [TIMED[name]], job.seed, **options)[TIMED[name]]
        seconds = made[1]["curve"][-1]["seconds"]
    metrics = {"images_per_second": len(part) / seconds}
    return {"metrics": metrics, "data": data.digest(part)}


def taught(source: str, part: Dataset, seed: int, folder: Path) -> float:
    """Seconds of the last of three epochs of a student whose teacher answers so."""
    teacher, views = models.vgg(models.VGG_HALF_WIDTH, seed=100).eval(), [View()]
    stored: Teacher = teacher
    if source == "memory":
        stored = teacher_cache.fill(teacher, part, views, folder / "answers.safetensors")[:, 0]
    if source == "shards":
        stored = shards.fill(teacher, part, views, folder, shard=1000)[:, 0]
    objective = distilled(stored, temperature=4.0, alpha=0.9)
    model, recipe = network("vgg", seed), replace(RECIPE, epochs=3)
    return train(model, part, objective, recipe, seed=seed, device="cpu").curve[-1]["seconds"]


def compared_arms() -> list[Arm]:
    """The networks whose weights are compared, without batch norm and with it."""
    return [Arm(name, name, RECIPE, options={"processes": 2}, **THREE) for name in TIMED]


def timed_arms() -> list[Arm]:
    """Each network in three ways, and a student whose teacher answers in three."""
    return [
        *(Arm(f"{net}-{way}", net, RECIPE, options=WAYS[way], **THREE) for net, way in product(TIMED, WAYS)),
        *(Arm(f"vgg-{source}", "vgg", RECIPE, options={"source": source}, **THREE) for source in SOURCES),
    ]


APART = ("apart_20", "largest difference of a weight after 20 steps", 8)
RANKS = Experiment("ranks", compared_arms, headline=APART, time=apart)
RATES = Experiment("rates", timed_arms, headline=("images_per_second", "images a second", 0), time=timed)

if __name__ == "__main__":
    name, epochs, steps, seed, folder = sys.argv[1:]
    work(name, int(epochs), [int(count) for count in steps.split(",")], int(seed), Path(folder))
