"""Sharp pictures as the privileged feature: the coarse camera, and whom a teacher knows by heart."""

from pathlib import Path

import pytest
import torch
from small import Constant

from kdlib import data
from kdlib.experiments import privileged_resolution as resolution
from kdlib.experiments import runner, xray
from kdlib.experiments.arms import Job, fit, objective
from kdlib.experiments.privileged_resolution import EXPERIMENT, HALVES, Coarse
from kdlib.losses import distillation_term
from kdlib.objectives import Batch
from kdlib.training import logits_of

ARMS = {arm.name: arm for arm in resolution.arms()}


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


def test_the_pictures_are_the_bundles_whatever_the_environment_says(scale_cpu_without_data: None) -> None:
    bundled = data.load("chest_xray", "val", scale="quick")
    assert torch.equal(xray.folder_of.__wrapped__("val").images, bundled.images)


def test_teacher_and_students_are_the_same_network_with_other_weights_and_eyes() -> None:
    sharp, coarse = (resolution.network(ARMS[name], 0) for name in ("sharp", "16-alone"))
    assert (
        sum(p.numel() for p in coarse.parameters()) == sum(p.numel() for p in sharp.parameters()) == 277_436
    )
    assert not torch.equal(next(sharp.parameters()), next(coarse.parameters()))
    assert isinstance(coarse[0], Coarse) and coarse[0].pixels == 16
    assert resolution.network(ARMS["28-T4"], 0)[0].pixels == 28


def soft_term(name: str, told: torch.Tensor, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """What an arm's objective says of constant answers, and what it should say by these told ones."""
    job, part = Job(ARMS[name], 3, folder), xray.folder_of("train")
    answers = torch.randn(len(part), 2, generator=torch.Generator().manual_seed(0))
    batch = Batch(torch.zeros(len(part)), part.labels, torch.arange(len(part)), examples=len(part))
    found = objective(EXPERIMENT, job, part)(Constant(answers), batch)
    torch.testing.assert_close(found["loss"], 0.25 * found["hard"] + 0.75 * found["soft"])
    return found["soft"], distillation_term(answers, told, job.arm.temperature)


def test_a_taught_student_is_told_the_answers_to_the_sharp_pictures(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharp = resolution.network(ARMS["sharp"], 3).eval()
    monkeypatch.setattr("kdlib.experiments.arms.taught_by", lambda *of: sharp)
    told = logits_of(sharp, xray.folder_of("train"))
    torch.testing.assert_close(*soft_term("16-T4", told, small))


def test_crossed_answers_come_from_the_teacher_that_did_not_see_the_patient(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = xray.folder_of("train")
    where = resolution.side(part, 3)
    assert abs(float(where.double().mean()) - 0.5) < 0.15
    assert not torch.equal(where, resolution.side(part, 4))
    assert torch.equal(resolution.side(part.subset([5, 2]), 3), where[[5, 2]])  # of a part as of the whole
    sides: dict[str, set[int]] = {}
    for patient, half in zip(part.patients or (), where.tolist(), strict=True):
        sides.setdefault(patient, set()).add(half)
    assert len(sides) < len(part) and all(len(found) == 1 for found in sides.values())
    told = torch.empty(len(part), 2)
    for teacher in HALVES:
        job = runner.Job(teacher, 3, small)
        monkeypatch.setattr(
            resolution, "fit", lambda experiment, job: fit(experiment, runner.Job(job.arm, 3, small))
        )
        seen = resolution.train_set(job)
        mine = where == teacher.options["half"]
        assert torch.equal(seen.images, part.images[mine])
        told[~mine] = logits_of(fit(EXPERIMENT, job).model, part.subset(~mine))
    torch.testing.assert_close(*soft_term("28-crossed-T1", told, small))
