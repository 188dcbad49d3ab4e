"""Asking a teacher beforehand: what is timed, in which order, and what is made of the seconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kdlib import cli, models
from kdlib.experiments import caching_cost as asking_experiments
from kdlib.experiments import cifar as cifar_experiments
from kdlib.experiments import ledger, runner
from kdlib.experiments.caching_cost import Arm
from kdlib.experiments.cifar import VIEWS
from kdlib.training import teacher_cache

ARMS = {arm.name: arm for arm in asking_experiments.arms()}
TINY = {name: {"blocks": ((4,), (width,))} for name, width in (("half", 6), ("large", 8), ("small", 5))}


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Arm]:
    """Every arm with tiny networks, 300 images after 40 to warm up, and records apart from everyone's."""
    arms = {name: replace(arm, images=300, warm_up=40) for name, arm in ARMS.items()}
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    monkeypatch.setattr(ledger, "shipped", lambda: tmp_path / "shipped")
    monkeypatch.setattr(asking_experiments, "NETWORKS", TINY)
    monkeypatch.setattr(asking_experiments, "arms", lambda: list(arms.values()))
    return arms


class Told(list[Any]):
    """What happened in a run, in order: a fill, an epoch, or a teacher's call on so many images."""

    def of(self, kind: str) -> list[Any]:
        return [entry[1] for entry in self if entry[0] == kind]


@pytest.fixture
def told(few: dict[str, Arm], monkeypatch: pytest.MonkeyPatch) -> Told:
    """Notes fills, epochs and the teachers' calls."""
    events, fill, train, vgg = Told(), teacher_cache.fill, asking_experiments.train, models.vgg

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
        if blocks != TINY["small"]["blocks"]:
            model.register_forward_pre_hook(lambda model, given: called(model, *given))
        return model

    def called(model: nn.Module, images: Tensor) -> None:
        layout = torch.channels_last
        assert not model.training and model.conv1.weight.is_contiguous(memory_format=layout)
        events.append(("teacher", len(images)))

    monkeypatch.setattr(teacher_cache, "fill", filled)
    monkeypatch.setattr(asking_experiments, "train", trained)
    monkeypatch.setattr(models, "vgg", made)
    return events


def test_every_arm_is_recorded_and_shown(few: dict[str, Arm], capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_num_threads()
    assert runner.run("asking", "cpu", seeds=[0, 1]) == 4
    assert torch.get_num_threads() == before
    for record in ledger.records("asking", "cpu"):
        found = record["metrics"]
        assert set(found) == {"fill", "stored", "live", "break_even"}
        assert min(found["fill"], found["stored"], found["live"]) > 0
        assert found["break_even"] == found["fill"] / (found["live"] - found["stored"])
        assert record["threads"] == 1 and record["processor"] and record["curve"] == {}
    assert not list(runner.runs_folder().rglob("*.safetensors"))
    assert runner.older("asking", "cpu") == []
    capsys.readouterr()
    assert cli.main(["show", "asking"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("asking, cpu scale: epochs after which asking beforehand has paid, mean")
    assert [line.split()[0] for line in lines[1:]] == ["half", "large"]
    assert all(line.endswith("seeds 2") for line in lines[1:])


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

    monkeypatch.setattr(asking_experiments, "perf_counter", lambda: now)
    monkeypatch.setattr(teacher_cache, "fill", fill)
    monkeypatch.setattr(asking_experiments, "train", train)
    found = asking_experiments.run(few["half"], 0, Path())["metrics"]
    thousands = 0.3  # of images
    assert found["fill"] == pytest.approx(24 / thousands)
    assert found["stored"] == pytest.approx(3 / thousands)
    assert found["live"] == pytest.approx(4.5 / thousands)
    assert found["break_even"] == pytest.approx(16)  # 24 seconds, and 1.5 saved in each epoch


def test_each_fill_asks_in_all_sixteen_views_and_writes_a_new_file(few: dict[str, Arm], told: Told) -> None:
    for _ in range(2):
        asking_experiments.run(few["half"], 0, Path())
    fills = told.of("fill")
    assert [shape for _, _, shape in fills] == 2 * [(40, 16, 10), (300, 16, 10)]
    assert all(views == VIEWS for _, views, _ in fills)
    assert len({path for path, _, _ in fills}) == 4
    assert not any(path.parent.exists() for path, _, _ in fills)


def test_the_live_teacher_is_asked_at_each_step_and_the_stored_one_never(
    few: dict[str, Arm], told: Told
) -> None:
    asking_experiments.run(few["large"], 0, Path())
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
    asking_experiments.run(few["half"], 3, Path())
    assert threads == [1, before]
    warm, _, stored, live = told.of("epoch")
    assert (warm[1], stored[1], live[1]) == (40, 300, 300)
    assert torch.equal(stored[0], live[0]) and stored[2:4] == live[2:4] == (few["half"].recipe, 3)
    answers, teacher = stored[4].pop("teacher"), live[4].pop("teacher")
    assert isinstance(answers, Tensor) and isinstance(teacher, nn.Module)
    assert stored[4] == live[4] == {"temperature": 4.0, "alpha": 0.9}


def test_the_stored_answers_are_the_teachers(few: dict[str, Arm]) -> None:
    images = cifar_experiments.data.load("cifar10", "train", scale="quick").subset(range(20))
    teacher = models.vgg(**TINY["half"], seed=0)
    seconds, answers = asking_experiments.filled(few["half"], teacher, images)
    assert seconds > 0 and answers.shape == (20, 16, 10) and answers.dtype == torch.float16
    with torch.no_grad():
        plain = teacher(images.images.float() / 255)
    torch.testing.assert_close(answers[:, 0].cpu().float(), plain, atol=0.02, rtol=0.02)


def test_the_arms_are_the_fair_races_student_with_two_teachers() -> None:
    fair = {arm.name: arm for arm in cifar_experiments.arms()}["fair-distilled"]
    for arm in ARMS.values():
        assert arm.recipe == replace(fair.recipe, epochs=1) and arm.student == fair.network
        assert (arm.temperature, arm.alpha, arm.recipe.half) == (fair.temperature, fair.alpha, "everywhere")
        assert arm.threads == 1 and list(asking_experiments.seeds(arm, "cpu")) == [0, 1, 2, 3, 4]
        assert asking_experiments.settings(arm)["list_of_views"] == VIEWS
    assert fair.teacher is not None and ARMS["half"].teacher == fair.teacher.network
    sizes = {}
    for name, arm in ARMS.items():
        teacher = models.vgg(**cifar_experiments.NETWORKS[arm.teacher], seed=0)
        teacher_cache.check_cacheable(teacher)
        sizes[name] = sum(p.numel() for p in teacher.parameters())
    assert sizes == {"half": 3_686_954, "large": 14_728_266}
