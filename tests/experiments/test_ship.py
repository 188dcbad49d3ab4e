"""The measurements of chapter 09: which images a file is made from and judged by, and what is counted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from small import part
from torch import Tensor

from kdlib import data
from kdlib import ship as room
from kdlib.experiments import runner, ship
from kdlib.experiments.arms import Arm, Job


def measured(name: str) -> dict[str, Any]:
    arms: dict[str, Arm] = {arm.name: arm for arm in runner.EXPERIMENTS["ship"].arms()}
    return ship.measure(Job(arms[name], 0, Path()))


@pytest.mark.parametrize("name", ["alone", "mnist-teacher"])
def test_int8_is_calibrated_on_256_training_images_and_judged_on_the_test_set(
    name: str, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Tensor] = []
    quantise = room.quantise
    monkeypatch.setattr(
        room, "quantise", lambda file, images, to: given.append(images) or quantise(file, images, to)
    )
    plain, tiny = measured(name), measured(f"{name}-int8")
    of, size = ("chest_xray", 64) if name == "alone" else ("mnist", 32)
    train, test = part(of, "train", 2000, size), part(of, "test", 60, size)
    known = {tuple(image.flatten().tolist()) for image in train.images.float() / 255}
    (images,) = given
    assert len(images) == 256 and {tuple(image.flatten().tolist()) for image in images} <= known
    assert len({tuple(image.flatten().tolist()) for image in images}) > 250
    assert plain["data"] == data.digest(test) != tiny["data"]
    for found in (plain["metrics"], tiny["metrics"]):
        assert sum(map(sum, found["test_confusion"])) == 60
        assert found["test_accuracy"] == pytest.approx(1 - found["test_errors"] / 60)
        assert ("test_auroc" in found) == (name == "alone")
    assert plain["metrics"]["largest_difference"] < 1e-5 < tiny["metrics"]["largest_difference"] < 0.2
    assert plain["metrics"]["bytes"] > 2 * tiny["metrics"]["bytes"]
    assert "eager_ms" in plain["metrics"] and "eager_ms" not in tiny["metrics"]


def test_the_teacher_of_initial_weights_is_timed_and_never_judged(small: Path) -> None:
    found = measured("teacher")
    assert found["metrics"].keys() == {"bytes", "onnx_ms", "onnx_p95_ms", "eager_ms", "eager_p95_ms"}
    assert found["machine"]["threads"] == 1 and found["machine"]["onnxruntime"]


def test_a_call_is_timed_with_one_image_on_one_thread(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    opened: list[int] = []
    predictor = room.predictor

    def noted(file: Path, threads: int = 1) -> Any:
        answer = predictor(file, threads)
        opened.append(threads)
        return lambda images: asked.append((len(images), torch.get_num_threads())) or answer(images)

    monkeypatch.setattr(room, "predictor", noted)
    before = torch.get_num_threads()
    with ship.threads(before + 1):
        measured("mnist-teacher-int8")
        assert torch.get_num_threads() == before + 1
    assert opened == [1]
    assert asked == [(1, 1), (1, 1), (60, before + 1)]  # two calls are timed, then the test set


def test_differences_are_of_probabilities_and_answers_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship, "ranking_change", lambda *_: [])  # three images are too few to draw from
    torchs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    found = torch.tensor([[7.0, 7.0], [1.0, 0.0], [3.0, 0.0]])  # the first differs in logits alone
    told = ship.judged(found, torchs, torch.tensor([0, 1, 0]))
    moved = 0.7310585786 - 0.2689414214  # of sigmoid(1) and sigmoid(-1)
    assert told["largest_difference"] == pytest.approx(moved)
    assert told["mean_difference"] == pytest.approx(moved / 3)
    assert (told["other_answers"], told["test_errors"], told["test_confusion"]) == (1, 1, [[2, 0], [1, 0]])


def test_the_change_of_a_ranking_is_that_of_the_file_and_has_an_interval() -> None:
    labels = torch.arange(40) % 2
    torchs = torch.stack([torch.zeros(40), labels.float()], 1)  # ranks perfectly
    found = torchs.clone()
    found[0, 1] = 2.0  # one normal image above the 20 of the other class
    value, low, high = ship.ranking_change(found, torchs, labels)
    assert value == pytest.approx(-1 / 20) and low < value < high <= 0
    assert ship.ranking_change(torchs, torchs, labels) == [0, 0, 0]


def test_every_trained_network_stands_beside_its_int8_file() -> None:
    arms = {arm.name: arm for arm in ship.arms()}
    for name in ("alone", "distilled", "mnist-teacher"):
        plain, tiny = arms[name], arms[f"{name}-int8"]
        assert plain.network == tiny.network
        assert tiny.options == {**plain.options, "calibrated": {"images": 256, "seed": 0}}
    assert all((len(arm.seeds), len(arm.full)) == (3, 0) for arm in arms.values())
    assert min(arm.options["calls"] for arm in arms.values()) >= 200 and len(arms) == 7
