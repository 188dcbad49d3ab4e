"""Sharp pictures as the privileged feature: the coarse camera, and what each arm trains."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdlib import data
from kdlib.experiments import privileged_resolution as sharpness_experiments
from kdlib.experiments.privileged_resolution import Coarse
from kdlib.objectives import Batch

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


def test_the_pictures_are_the_bundles_whatever_the_environment_says(
    scale_cpu_without_data: None,
) -> None:
    bundled = data.load("chest_xray", "val", scale="quick")
    assert torch.equal(sharpness_experiments.pictures.__wrapped__("val").images, bundled.images)


def test_the_rows_of_the_table() -> None:
    names = ["sharp", "16-alone", "16-T1", "16-T4", "28-alone", "28-T1", "28-T4", "half-0", "half-1"]
    assert list(ARMS)[:9] == names
    assert list(ARMS)[9:] == [f"{pixels}-crossed-T{t}" for pixels in (16, 28) for t in (1, 4)]
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


def test_crossed_answers_come_from_the_teacher_that_did_not_see_the_patient(
    few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = sharpness_experiments.pictures("train")
    where = sharpness_experiments.side(part, 3)
    assert abs(float(where.double().mean()) - 0.5) < 0.15
    assert not torch.equal(where, sharpness_experiments.side(part, 4))
    sides: dict[str, set[int]] = {}
    for patient, half in zip(part.patients, where.tolist(), strict=True):
        sides.setdefault(patient, set()).add(half)
    assert all(len(found) == 1 for found in sides.values())
    answers = sharpness_experiments.crossed(3, tmp_path)
    for teacher in sharpness_experiments.halves():
        model, _ = sharpness_experiments.trained(teacher, 3, tmp_path)
        unseen = (where != teacher.part).nonzero()[:, 0]
        with torch.no_grad():
            says = model(part.images[unseen].float() / 255)
        torch.testing.assert_close(answers[unseen], says, rtol=1e-3, atol=1e-3)
    seen_by = {}
    real = sharpness_experiments.train
    monkeypatch.setattr(
        sharpness_experiments,
        "train",
        lambda m, d, *a, **k: seen_by.update({k["description"]: d}) or real(m, d, *a, **k),
    )
    for teacher in sharpness_experiments.halves():
        sharpness_experiments.trained(teacher, 5, tmp_path)
        mine = sharpness_experiments.side(part, 5) == teacher.part
        assert torch.equal(seen_by[f"{teacher.name} seed 5"].labels, part.labels[mine])
