"""Write what ships of chapter 05's runs: the teacher's outputs and maps, two students' weights.

    python -m kdlib run xray --scale cpu --only 'teacher' --seeds 0      (and alone, and the student below)
    python book/_tools/ship_xray.py

Runs nothing anew: it reads the finished checkpoints of seed 0. The distilled student is the one with T = 4
and alpha = 0.75, a choice made before any run.
"""

import torch
from kdlib.experiments.digests import fingerprint
from shipping import write

from kdlib import data
from kdlib.evaluation import grad_cam, metrics
from kdlib.experiments import ledger, runner
from kdlib.experiments import xray as xray_experiments
from kdlib.training import logits_of

SHIPPED = {
    "teacher": "xray_teacher",
    "alone": "xray_student_alone",
    "hinton-a0.75-T4": "xray_student_distilled",
}
PNEUMONIA = 1


def main() -> None:
    digest = runner.code(xray_experiments)
    folder = runner.runs_folder() / "xray" / "cpu" / digest[:16]
    arms = {arm.name: arm for arm in xray_experiments.arms()}
    records = {r["arm"]: r for r in ledger.records("xray", "cpu") if r["seed"] == 0}
    sets = {split: data.load("chest_xray", split) for split in ("train", "val", "test")}
    for name, file in SHIPPED.items():
        checkpoint = folder / f"{name}.0.{fingerprint(xray_experiments.settings(arms[name]))}.safetensors"
        if name not in records or not checkpoint.is_file():
            raise SystemExit(
                f"{name}, seed 0, was not run here: python -m kdlib run xray --only {name} --seeds 0"
            )
        model, _, _ = xray_experiments.trained(arms[name], 0, folder)
        answers = {split: logits_of(model, images) for split, images in sets.items()}
        if name == "teacher":
            looked = [
                grad_cam.grad_cam(model, images.float() / 255, model.network.layer3, PNEUMONIA)
                for images in sets["test"].images.split(104)
            ]
            tensors = answers | {"maps": torch.cat(looked)}
        else:
            tensors = model.state_dict()
        about = {"test_accuracy": metrics.accuracy(answers["test"], sets["test"].labels)}
        write(file, tensors, records[name], about | {"data": {s: data.digest(d) for s, d in sets.items()}})


if __name__ == "__main__":
    main()
