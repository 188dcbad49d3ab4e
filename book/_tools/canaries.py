"""What every arm's canary sings with the code as it is, written beside the records.

    python book/_tools/canaries.py

For whoever has decided that it is right: a slow test compares it with the figures stored there. A canary is
two figures from two epochs on a few examples, which a change of an arm's code changes.
"""

import json
import tempfile
from pathlib import Path

import torch.nn.functional as F

from kdlib.experiments import ledger, runner
from kdlib.experiments.arms import Arm, Experiment, Job, fit, spread
from kdlib.experiments.speed import threads
from kdlib.training import logits_of


def canary(experiment: Experiment, arm: Arm, folder: Path) -> list[float]:
    """Two figures that a change of an arm's code changes.

    They are the loss after two epochs on a few examples, and what was learnt: the cross-entropy on as many
    test examples, or else the headline. All arms of an experiment may share a folder.
    """
    job = Job(arm, [*arm.seeds, 0][0], folder, few=experiment.canary)
    fitted = fit(experiment, job)
    if experiment.test_set is None:
        return [fitted.curve[-1]["loss"], experiment.measure(job, fitted)[experiment.headline[0]]]
    test = spread(experiment.test_set(job), job.few)
    learnt = F.cross_entropy(logits_of(fitted.model, test).double().flatten(0, -2), test.labels.flatten())
    return [fitted.curve[-1]["loss"], float(learnt)]


def canaries(experiment: Experiment) -> dict[str, list[float]]:
    """The canary of every arm that is trained at scale cpu, under the names by which they are stored."""
    arms = [arm for arm in experiment.arms() if arm.recipe and not experiment.time and len(arm.seeds)]
    with threads(1), tempfile.TemporaryDirectory() as folder:
        return {f"{experiment.name}.{arm.name}": canary(experiment, arm, Path(folder)) for arm in arms}


def main() -> None:
    path = ledger.shipped() / "canaries.json"
    figures = {arm: found for of in runner.EXPERIMENTS.values() for arm, found in canaries(of).items()}
    rows = [f"{json.dumps(arm)}: {json.dumps(found)}" for arm, found in figures.items()]
    older_ones = json.dumps(runner.stored_canaries()["older"])
    path.write_text('{"older": ' + older_ones + ',\n"figures": {\n' + ",\n".join(rows) + "\n}}\n", "utf-8")
    print(f"written: {path}")


if __name__ == "__main__":
    main()
