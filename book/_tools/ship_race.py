"""Write what ships of chapter 04's small race: what its students answer to the bundled test images.

    python book/_tools/ship_race.py

Trains seed 0 of each, about five minutes on one core, and goes on where it was stopped. Two of them are not
in the race: students of the teachers that say less, with sixteen epochs.
"""

from dataclasses import replace

import torch
from shipping import SEED, write

from kdlib import data
from kdlib.evaluation import metrics
from kdlib.experiments import ledger
from kdlib.experiments.arms import Job, fit, settings
from kdlib.experiments.race import EXPERIMENT, LESS
from kdlib.training import logits_of


def main() -> None:
    torch.set_num_threads(1)  # as the records
    test = data.load("cifar10", "test", scale="quick")
    arms = {arm.name: arm for arm in EXPERIMENT.arms()}
    shown = [arms[name] for name in ("alone", "distilled", "alone-16", "distilled-16")]
    shown += [replace(arms["distilled-16"], name=f"{kind}-16", loss=kind) for kind in LESS]
    folder, answers = ledger.runs_folder() / "models", {}
    for arm in shown:
        answers[arm.name] = logits_of(fit(EXPERIMENT, Job(arm, SEED, folder)).model, test)
    right = {name: metrics.accuracy(logits, test.labels) for name, logits in answers.items()}
    made = {"experiment": "race", "arm": ", ".join(answers), "scale": "cpu", "seed": SEED}
    made |= {"settings": {arm.name: settings(arm) for arm in shown}, "commit": ledger.commit()}
    made["processor"] = ledger.machine()["processor"]
    about = {"test_accuracy": right["distilled-16"], "accuracies": right, "data": {"test": data.digest(test)}}
    write("cifar_race", answers, made, about)


if __name__ == "__main__":
    main()
