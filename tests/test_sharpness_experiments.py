"""Sharp pictures as the privileged feature: the coarse camera, and what each arm trains."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdlib import data, sharpness_experiments
from kdlib.objectives import Batch
from kdlib.sharpness_experiments import Coarse

ARMS = {arm.name: arm for arm in sharpness_experiments.arms()}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred pictures of each split, one epoch."""
    found = {}
    for split in ("train", "val", "test"):
        whole = data.load("chest_xray", split)
        found[split] = whole.subset(range(0, len(whole), len(whole) // 100))
    quick = [replace(a, recipe=replace(a.recipe, epochs=1)) for a in ARMS.values()]
    monkeypatch.setattr(sharpness_experiments, "pictures", lambda split: found[split])
    monkeypatch.setattr(sharpness_experiments, "arms", lambda: quick)


def test_a_coarse_camera_keeps_the_means_of_its_pixels_and_nothing_finer() -> None:
    image = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    shuffled = image.clone()
    shuffled[:, :, :4, :4] = image[:, :, :4, :4].flip(2, 3)  # inside one pixel of the coarse camera
    coarse = Coarse(16)
    assert coarse(image).shape == image.shape
    assert torch.allclose(coarse(image), coarse(shuffled), atol=1e-6)
    assert not torch.allclose(image, shuffled)
    flat = torch.full((1, 1, 64, 64), 0.3)
    assert torch.allclose(coarse(flat), flat) and torch.allclose(Coarse(28)(flat), flat)
    brighter = image.clone()
    brighter[:, :, 20, 20] += 1
    change = (Coarse(28)(brighter) - Coarse(28)(image)).abs()
    assert change.max() > 0.05 and change[:, :, 40:].max() == 0
    with pytest.raises(ValueError, match="must be larger than 64"):
        Coarse(64)(image)


def test_the_rows_of_the_table() -> None:
    assert list(ARMS) == ["sharp", "16-alone", "16-T1", "16-T4", "28-alone", "28-T1", "28-T4"]
    assert all(len(sharpness_experiments.seeds(arm, "cpu")) == 5 for arm in ARMS.values())
    assert len({json.dumps(sharpness_experiments.settings(arm)) for arm in ARMS.values()}) == len(ARMS)
    counts = {sum(p.numel() for p in sharpness_experiments.network(n, 0).parameters()) for n in (16, 28, 64)}
    assert counts == {277_436}


def test_a_student_alone_and_its_taught_twin_differ_in_the_teacher_alone(few: None, tmp_path: Path) -> None:
    alone = sharpness_experiments.run(sharpness_experiments.arms()[1], 0, tmp_path)
    taught_arm = sharpness_experiments.arms()[3]
    taught = sharpness_experiments.run(taught_arm, 0, tmp_path)
    assert alone["data"] == taught["data"] and alone["metrics"] != taught["metrics"]
    assert 0 <= taught["metrics"]["test_auroc"] <= 1 and taught["metrics"]["parameters"] == 277_436
    kept = sorted(p.name.split(".")[0] for p in tmp_path.glob("*.safetensors"))
    assert kept == ["16-T4", "16-alone", "sharp"]
    # the teacher's answers are those to the sharp pictures
    teacher, _ = sharpness_experiments.trained(sharpness_experiments.arms()[0], 0, tmp_path)
    part = sharpness_experiments.pictures("train")
    model = sharpness_experiments.network(16, 0)
    objective = sharpness_experiments.objective(taught_arm, 0, tmp_path)
    at = torch.arange(8)
    images = part.images[:8].float() / 255
    found = objective(model, Batch(images, part.labels[:8], at, examples=len(part)))["soft"]
    p, q = (network(images).detach().div(4).log_softmax(1) for network in (teacher, model))
    assert float(found) == pytest.approx(16 * float((p.exp() * (p - q)).sum(1).mean()), rel=1e-3)


def test_killed_and_run_again_it_is_not_trained_again(few: None, tmp_path: Path) -> None:
    arm = sharpness_experiments.arms()[4]
    first = sharpness_experiments.run(arm, 0, tmp_path)
    assert sharpness_experiments.run(arm, 0, tmp_path)["metrics"] == first["metrics"]
