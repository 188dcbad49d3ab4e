"""Write the two MNIST students that run in chapter 09's page: one alone, one taught by the shipped teacher.

    python book/_tools/ship_mnist.py

Both start from the same weights and see the same images in the same order, shifted as the teacher's were.
Recipe, temperature and alpha are those of chapter 03's arm "modern-distilled", fixed beforehand; the test
images are looked at once, after the last epoch. About ten minutes on one core; goes on where it was stopped.
"""

from dataclasses import asdict

import torch
from shipping import SEED, write

from kdlib import data, models, pretrained
from kdlib.data import augment
from kdlib.evaluation import metrics
from kdlib.experiments import ledger
from kdlib.experiments.mnist import MODERN, NETWORKS
from kdlib.objectives import distilled, supervised
from kdlib.training import logits_of, train

TEACHER, TEMPERATURE, ALPHA = "mnist_lenet5_teacher", 10.0, 0.9


def main() -> None:
    torch.set_num_threads(1)  # as the records
    rest, _ = data.hold_out(data.load("mnist", "train", resolution=32), 5000, seed=0)  # the teacher's own
    test = data.load("mnist", "test", resolution=32)
    taught = distilled(pretrained.mnist_teacher(), temperature=TEMPERATURE, alpha=ALPHA)
    for name, objective in {"alone": supervised, "distilled": taught}.items():
        model = models.lenet5(**NETWORKS["lenet_student"], seed=SEED)
        checkpoint = ledger.runs_folder() / "models" / f"mnist-student-{name}.safetensors"
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        how = {"seed": SEED, "augment": augment.shift, "device": "cpu", "checkpoint": checkpoint}
        train(model, rest, objective, MODERN, **how)
        logits = logits_of(model.half().float(), test)  # as it ships
        settings = {"network": "lenet_student", "recipe": asdict(MODERN)}
        settings |= {"augment": "shift", "images": len(rest)}
        if name == "distilled":
            settings |= {"teacher": TEACHER, "temperature": TEMPERATURE, "alpha": ALPHA}
        made = {"experiment": "mnist", "arm": f"shipped-{name}", "scale": "cpu", "seed": SEED}
        made |= {"settings": settings, "commit": ledger.commit(), "processor": ledger.machine()["processor"]}
        about = {"test_accuracy": metrics.accuracy(logits, test.labels)}
        write(f"mnist_student_{name}", model.state_dict(), made, about)


if __name__ == "__main__":
    main()
