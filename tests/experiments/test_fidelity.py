"""The experiments of chapter 08: what an arm learns on, who teaches it, and what its record holds."""

from pathlib import Path

import torch

from kdlib.evaluation.fidelity import divergence
from kdlib.experiments import fidelity, ledger, runner
from kdlib.experiments.arms import Job, fit
from kdlib.training import logits_of

ARMS = {arm.name: arm for arm in fidelity.arms()}


def test_the_rows_are_those_of_the_chapter() -> None:
    assert len(ARMS) == 30
    for arm in ARMS.values():
        assert len(arm.seeds) == (30 if arm.name in ("teacher", "alone", "T-2.5") else 5)
        if arm.teacher is not None:  # a teacher teaches, a student does not
            assert "dropout" in arm.teacher.options and "dropout" not in arm.options
            assert arm.alpha == 1.0


def test_sets_of_other_sizes_are_seen_in_about_as_many_steps() -> None:
    sizes = {"thousand": 1000, "xrays": 4447, "first": 30_000, "other": 30_000}
    for arm in ARMS.values():
        images = sizes.get(arm.options.get("transfer", "all"), 60_000)
        if arm.network == "small":
            assert arm.recipe and 9380 <= arm.recipe.epochs * -(-images // 128) <= 9600


def test_a_student_is_compared_with_its_own_teacher_and_alone_with_the_usual_one(small: Path) -> None:
    for name in ("teacher", "alone", "T-1", "smoothed-T-1", "on-xrays"):
        runner.run("fidelity", "cpu", only=name, seeds=[1])
    found = {record["arm"]: record["metrics"] for record in ledger.records("fidelity", "cpu")}
    assert "test_agreement" not in found["teacher"] and "teacher_chooses" not in found["teacher"]
    assert found["alone"]["test_divergence"] != found["T-1"]["test_divergence"]
    for name, images in (("alone", 2000), ("T-1", 2000), ("on-xrays", 4447)):
        assert 0 <= found[name]["test_agreement"] <= 1 and sum(found[name]["teacher_chooses"]) == images
    assert found["alone"]["teacher_chooses"] == found["T-1"]["teacher_chooses"]
    for name, teacher in (("alone", "teacher"), ("smoothed-T-1", "smoothed-teacher")):
        jobs = (runner.Job(ARMS[arm], 1, small / "models") for arm in (name, teacher))
        student, guide = (
            logits_of(fit(fidelity.EXPERIMENT, job).model, fidelity.digits("test")) for job in jobs
        )
        assert found[name]["test_divergence"] == divergence(student, guide)


def test_students_of_a_seed_begin_alike_and_a_twin_not_as_its_teacher() -> None:
    def first(name: str) -> torch.Tensor:
        return next(fidelity.network(ARMS[name], 2).parameters())

    assert torch.equal(first("alone"), first("on-noise")) and torch.equal(first("twin"), first("twin-alone"))
    assert first("twin").shape == first("teacher").shape and not torch.equal(first("twin"), first("teacher"))


def test_what_a_seed_sees(small: Path) -> None:
    def seen(name: str, seed: int) -> torch.Tensor:
        return fidelity.train_set(Job(ARMS[name], seed, Path())).images

    first, other = (seen(f"half-{part}", 4) for part in ("first", "other"))
    assert len(first) == len(other) == 1000 and torch.equal(first, seen("half-teacher", 4))
    known = {image.numpy().tobytes() for image in first}
    assert not any(image.numpy().tobytes() in known for image in other)
    assert len(seen("on-thousand", 4)) == 1000 and len(seen("half-all", 4)) == 2000
    for made_up in ("on-noise", "on-clouds"):
        assert len(seen(made_up, 4)) == 2000 and not torch.equal(seen(made_up, 4), seen(made_up, 5))
