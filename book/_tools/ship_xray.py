"""Write what ships of chapter 05's runs: the teacher's outputs and maps, two students' weights.

    python -m kdlib run xray --scale cpu --only 'teacher' --seeds 0      (and alone, and the student below)
    python book/_tools/ship_xray.py

Runs nothing anew: it reads the finished checkpoints of seed 0. The distilled student is the one with T = 4
and alpha = 0.75, a choice made before any run.
"""

import torch
from shipping import finished, write

from kdlib import data
from kdlib.evaluation import grad_cam, metrics
from kdlib.experiments.xray import EXPERIMENT
from kdlib.training import logits_of

SHIPPED = {
    "teacher": "xray_teacher",
    "alone": "xray_student_alone",
    "hinton-a0.75-T4": "xray_student_distilled",
}
PNEUMONIA = 1


def main() -> None:
    arms = {arm.name: arm for arm in EXPERIMENT.arms()}
    sets = {split: data.load("chest_xray", split, scale="quick") for split in ("train", "val", "test")}
    digests = {split: data.digest(images) for split, images in sets.items()}
    for name, file in SHIPPED.items():
        model, record = finished(EXPERIMENT, arms[name])
        tensors, answers = model.state_dict(), {split: logits_of(model, part) for split, part in sets.items()}
        if name == "teacher":
            looked = [
                grad_cam.grad_cam(model, images.float() / 255, model.network.layer3, PNEUMONIA)
                for images in sets["test"].images.split(104)
            ]
            tensors = answers | {"maps": torch.cat(looked)}
        about = {"test_accuracy": metrics.accuracy(answers["test"], sets["test"].labels), "data": digests}
        write(file, tensors, record, about)


if __name__ == "__main__":
    main()
