"""The measurements of chapter 05 on size and speed: what is counted, and what is timed."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kdlib.experiments import ledger, runner, speed
from kdlib.experiments.arms import Job

ARMS = {arm.name: arm for arm in speed.arms()}


class Watched(nn.Module):
    """A model that notes, at each call, under which circumstances it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.seen: list[tuple[int, bool, bool]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append((torch.get_num_threads(), torch.is_inference_mode_enabled(), self.training))
        return self.weight * images


def measured(name: str) -> dict[str, float]:
    once = replace(ARMS[name], options={**ARMS[name].options, "calls": 1})
    found: dict[str, float] = speed.measure(Job(once, 0, Path()))["metrics"]
    return found


def test_what_is_recorded_names_its_threads_and_leaves_no_file(small: Path) -> None:
    before = torch.get_num_threads()
    for name in ("student-64-threads1", "student-64-threads2"):
        runner.run("speed", "cpu", only=name, seeds=[0])
    assert torch.get_num_threads() == before
    for record in ledger.records("speed", "cpu"):
        assert 0 < record["metrics"]["latency_ms"] <= record["metrics"]["latency_p95_ms"]
        assert (record["device"], record["half"], record["curve"], record["data"]) == ("cpu", None, {}, None)
        assert record["threads"] == record["settings"]["options"]["threads"] == int(record["arm"][-1])
        assert "wait_policy" in record and record["processor"]
    assert not list(small.rglob("*.safetensors"))


def test_the_student_is_counted_as_by_hand() -> None:
    small, large = measured("student-64-threads1"), measured("student-224-threads1")
    assert small["parameters"] == large["parameters"] == 277_436
    convolutions = 64 * 64 * 16 * 9 + 32 * 32 * 32 * 16 * 9 + 16 * 16 * 64 * 32 * 9
    linear = 4096 * 62 + 62 * 2
    assert small["multiply_adds"] == convolutions + linear == 10_281_084
    assert large["multiply_adds"] == (224 // 64 + 0.5) ** 2 * convolutions + linear == 123_084_924


def test_resnet_18_is_counted_as_its_paper_and_torchvision_do() -> None:
    found = measured("resnet18-224-threads1")
    assert found["parameters"] == 11_177_538
    thousand = found["multiply_adds"] + 512 * (1000 - 2)  # with ImageNet's classes
    assert thousand == 1_814_073_344  # torchvision's page says 1.81 GFLOPS, the paper 1.8 * 10^9
    assert measured("resnet18-64-threads1")["multiply_adds"] < found["multiply_adds"] / 12


def test_the_bytes_are_those_of_a_file(tmp_path: Path) -> None:
    model = speed.network(ARMS["resnet18-64-threads1"], 0)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    file = tmp_path / "model.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, file)
    assert speed.stored_bytes(model) == file.stat().st_size
    assert {t.dtype for name, t in load_file(file).items() if "num_batches" not in name} == {torch.float32}


def test_the_chains_differ_in_depth_or_in_multiply_adds_alone() -> None:
    adds = {name: measured(name)["multiply_adds"] for name in ARMS if name.startswith("chain")}
    assert adds == {
        "chain-3x96": 254_803_968,
        "chain-12x48": 254_803_968,
        "chain-48x24": 254_803_968,
        "chain-12x24": 63_700_992,
        "chain-3x48": 63_700_992,
        "chain-3x24": 15_925_248,
    }
    for name in adds:
        arm = ARMS[name]
        model = speed.network(arm, 0)
        depth, width = arm.options["depth"], arm.options["width"]
        for kind in (nn.Conv2d, nn.ReLU):
            assert sum(isinstance(layer, kind) for layer in model.modules()) == depth
        assert model(torch.zeros(1, width, 32, 32)).shape == (1, width, 32, 32)
        assert arm.options["threads"] == 1


def test_a_chains_weights_come_from_the_seed_alone_and_its_features_do_not_vanish() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again, other = (speed.chain(48, 24, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first[0].weight, again[0].weight) and not torch.equal(first[0].weight, other[0].weight)
    with torch.no_grad():
        features = first(torch.rand(1, 24, 32, 32))
    assert features[features > 0].min() > 1e-20  # processors take longer over numbers below 1e-38


def test_a_latency_is_one_call_in_milliseconds_after_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count()
    monkeypatch.setattr(speed, "perf_counter", lambda: next(clock) ** 2 / 1000)
    model = Watched()
    found = speed.latencies(model, torch.ones(1, 1, 8, 8), calls=3, warm_up=2)
    torch.testing.assert_close(found, torch.tensor([1.0, 5.0, 9.0], dtype=torch.float64))  # 1-0, 9-4, 25-16
    assert len(model.seen) == 5 and all(inference for _, inference, _ in model.seen)


def test_an_arm_is_timed_with_its_threads_in_evaluation_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    model, clock = Watched(), iter([0.0, 0.001, 0.0, 0.003, 0.0, 0.002, 0.0, 0.004, 0.0, 0.010])
    monkeypatch.setattr(speed, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(speed, "network", lambda arm, seed: model)
    before = torch.get_num_threads()
    found = speed.measure(Job(speed.timed_arm("x", "student", 64, 2, 5), 0, Path()))
    assert {(threads, training) for threads, inference, training in model.seen if inference} == {(2, False)}
    assert found["metrics"]["latency_ms"] == pytest.approx(3)
    assert found["metrics"]["latency_p95_ms"] == pytest.approx(4 + 0.8 * 6)  # four fifths of the way to 10
    assert found["machine"]["threads"] == 2
    assert torch.get_num_threads() == before


def test_threads_are_restored_after_an_error_too() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="broke"), speed.threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise RuntimeError("broke")
    assert torch.get_num_threads() == before


def test_every_arm_is_timed_often_enough() -> None:
    assert len(ARMS) == 14 and all((len(arm.seeds), len(arm.full)) == (5, 10) for arm in ARMS.values())
    assert min(arm.options["calls"] for arm in ARMS.values()) >= 60
    pair = {
        (a.network, a.options["size"], a.options["threads"]) for a in ARMS.values() if a.network != "chain"
    }
    assert pair == {(m, s, t) for m in ("resnet18", "student") for s in (64, 224) for t in (1, 2)}
