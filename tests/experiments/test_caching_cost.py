"""Asking a teacher beforehand: what is timed, in which order, and what is made of the seconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small import part
from torch import Tensor, nn

from kdlib import models
from kdlib.caching import teacher_cache
from kdlib.experiments import caching_cost, cifar, runner
from kdlib.experiments.arms import Arm, Job
from kdlib.experiments.race import VIEWS

ARMS = {arm.name: arm for arm in caching_cost.arms()}


@pytest.fixture
def few(small: Path) -> dict[str, Arm]:
    """Every arm with tiny networks, and 300 images after 40 to warm up."""
    return {arm.name: arm for arm in runner.EXPERIMENTS["caching_cost"].arms()}


def measured(arm: Arm, seed: int = 0) -> dict[str, Any]:
    return caching_cost.measure(Job(arm, seed, Path()))


class Told(list[Any]):
    """What happened in a run, in order: a fill, an epoch, or a teacher's call on so many images."""

    def of(self, kind: str) -> list[Any]:
        return [entry[1] for entry in self if entry[0] == kind]


@pytest.fixture
def told(few: dict[str, Arm], monkeypatch: pytest.MonkeyPatch) -> Told:
    """Notes fills, epochs and the teachers' calls."""
    events, fill, train, vgg = Told(), teacher_cache.fill, caching_cost.train, models.vgg

    def filled(teacher: nn.Module, images: Any, views: Any, path: Path, **rest: Any) -> Tensor:
        assert not path.exists()
        logits = fill(teacher, images, views, path, **rest)
        assert path.is_file() and rest == {"half": "everywhere"}
        events.append(("fill", (path, views, tuple(logits.shape))))
        return logits

    def trained(student: nn.Module, images: Any, objective: Any, recipe: Any, **rest: Any) -> Any:
        weights = torch.cat([p.detach().flatten().clone() for p in student.parameters()])
        events.append(("epoch", (weights, len(images), recipe, rest["seed"], objective.keywords)))
        return train(student, images, objective, recipe, **rest)

    def made(blocks: Any, **rest: Any) -> nn.Module:
        model = vgg(blocks, **rest)
        if blocks != cifar.NETWORKS["small"]["blocks"]:
            model.register_forward_pre_hook(lambda model, given: called(model, *given))
        return model

    def called(model: nn.Module, images: Tensor) -> None:
        layout = torch.channels_last
        assert not model.training and model.conv1.weight.is_contiguous(memory_format=layout)
        events.append(("teacher", len(images)))

    monkeypatch.setattr(teacher_cache, "fill", filled)
    monkeypatch.setattr(caching_cost, "train", trained)
    monkeypatch.setattr(models, "vgg", made)
    return events


def test_asking_has_paid_once_the_saved_seconds_are_those_of_filling(
    few: dict[str, Arm], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0

    def fill(teacher: nn.Module, images: Any, views: Any, path: Path, half: str) -> Tensor:
        nonlocal now
        now += 24.0 if len(images) == 300 else 1000.0  # the warm-up does not count
        return torch.zeros(len(images), len(views), 10)

    def train(student: nn.Module, images: Any, objective: Any, recipe: Any, **rest: Any) -> None:
        nonlocal now
        stored = isinstance(objective.keywords["teacher"], Tensor)
        now += (3.0 if stored else 4.5) if len(images) == 300 else 1000.0

    monkeypatch.setattr(caching_cost, "perf_counter", lambda: now)
    monkeypatch.setattr(teacher_cache, "fill", fill)
    monkeypatch.setattr(caching_cost, "train", train)
    found = measured(few["half"])["metrics"]
    thousands = 0.3  # of images
    assert found["fill"] == pytest.approx(24 / thousands)
    assert found["stored"] == pytest.approx(3 / thousands)
    assert found["live"] == pytest.approx(4.5 / thousands)
    assert found["break_even"] == pytest.approx(16)  # 24 seconds, and 1.5 saved in each epoch


def test_each_fill_asks_in_all_sixteen_views_and_writes_a_new_file(few: dict[str, Arm], told: Told) -> None:
    for _ in range(2):
        measured(few["half"])
    fills = told.of("fill")
    assert [shape for _, _, shape in fills] == 2 * [(40, 16, 10), (300, 16, 10)]
    assert all(views == VIEWS for _, views, _ in fills)
    assert len({path for path, _, _ in fills}) == 4
    assert not any(path.parent.exists() for path, _, _ in fills)


def test_the_live_teacher_is_asked_at_each_step_and_the_stored_one_never(
    few: dict[str, Arm], told: Told
) -> None:
    measured(few["large"])
    kinds = [kind for kind, _ in told]
    # A fill is noted where it ends, an epoch where it begins.
    warm = 16 * ["teacher"] + ["fill", "epoch", "epoch", "teacher"]
    assert kinds == warm + 2 * 16 * ["teacher"] + ["fill", "epoch", "epoch"] + 3 * ["teacher"]
    sizes = told.of("teacher")[17:]
    assert sum(sizes[:-3]) == 16 * 300 and sizes[-3:] == [128, 128, 44]


def test_both_epochs_are_of_the_same_student_with_one_thread(
    few: dict[str, Arm], told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    before = torch.get_num_threads()
    measured(few["half"], 3)
    assert threads == [1, before]
    warm, _, stored, live = told.of("epoch")
    assert (warm[1], stored[1], live[1]) == (40, 300, 300)
    assert torch.equal(stored[0], live[0]) and stored[2:4] == live[2:4] == (few["half"].recipe, 3)
    answers, teacher = stored[4].pop("teacher"), live[4].pop("teacher")
    assert isinstance(answers, Tensor) and isinstance(teacher, nn.Module)
    assert stored[4] == live[4] == {"temperature": 4.0, "alpha": 0.9}


def test_the_stored_answers_are_the_teachers(few: dict[str, Arm]) -> None:
    images = part("cifar10", "train", 20)
    teacher = cifar.network(few["half"], 0)
    seconds, answers = caching_cost.filled(teacher, images)
    assert seconds > 0 and answers.shape == (20, 16, 10) and answers.dtype == torch.float16
    with torch.no_grad():
        plain = teacher(images.images.float() / 255)
    torch.testing.assert_close(answers[:, 0].cpu().float(), plain, atol=0.02, rtol=0.02)


def test_the_arms_are_the_fair_races_student_with_two_teachers() -> None:
    fair = {arm.name: arm for arm in cifar.arms()}["fair-distilled"]
    sizes = {}
    for name, arm in ARMS.items():
        assert fair.recipe and arm.recipe == replace(fair.recipe, epochs=1) and arm.views == VIEWS
        assert (arm.temperature, arm.alpha, arm.recipe.half) == (fair.temperature, fair.alpha, "everywhere")
        assert arm.options["threads"] == 1 and list(arm.seeds) == [0, 1, 2, 3, 4]
        teacher = cifar.network(arm, 0)
        teacher_cache.check_cacheable(teacher)
        sizes[name] = sum(p.numel() for p in teacher.parameters())
    assert fair.network == "small" and fair.teacher and ARMS["half"].network == fair.teacher.network
    assert sizes == {"half": 3_686_954, "large": 14_728_266}


def test_a_measurement_names_its_threads_and_leaves_them_as_they_were(few: dict[str, Arm]) -> None:
    before = torch.get_num_threads()
    found = measured(few["half"])
    assert torch.get_num_threads() == before and found["machine"].keys() == {"processor", "threads"}
    metrics = found["metrics"]
    assert metrics["break_even"] == metrics["fill"] / (metrics["live"] - metrics["stored"])
