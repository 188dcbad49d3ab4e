"""Chapter 03's parts of the training set, the tutorial's loss, and classes that were never shown."""

from pathlib import Path

import pytest
import torch
from small import Constant

from kdlib.experiments import mnist
from kdlib.experiments.arms import Arm, Job
from kdlib.objectives import Batch


def job(train_set: str, seed: int = 0) -> Job:
    return Job(Arm("x", "mlp_30", options={"train_set": train_set}), seed, Path())


def test_the_parts_of_the_training_set() -> None:
    def part(name: str) -> torch.Tensor:
        return torch.bincount(mnist.train_set(job(name)).labels, minlength=10)

    assert part("all").sum() == 60_000
    assert part("no-threes")[3] == 0 and part("no-threes").sum() == 60_000 - 6_131
    assert part("only-7-8").nonzero().flatten().tolist() == [7, 8]
    assert 5_990 <= part("tenth").sum() <= 6_000
    skewed = part("skewed")
    assert (skewed[:5] > 9 * skewed[5:].max()).all()
    even = part("even")
    assert even.sum() == skewed.sum() == 3354 and even.min() > 290
    assert 590 <= part("percent-1").sum() <= 600
    first, again, other = (mnist.train_set(job("percent-1", seed)).images for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_tutorials_loss_as_written_is_the_reverse_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 8, 10, generator=generator, dtype=torch.float64)
    batch = Batch(torch.zeros(8), torch.arange(8), torch.arange(8))
    monkeypatch.setattr(mnist, "answers", lambda *of: teacher)
    arm = next(arm for arm in mnist.arms() if arm.name == "tutorial-as-written")
    terms = mnist.objective(Job(arm, 0, Path()), mnist.images("mlp_30", "test"))(Constant(student), batch)
    p, q = torch.softmax(teacher / 10, 1), torch.softmax(student / 10, 1)
    torch.testing.assert_close(terms["soft"], (q * (q.log() - p.log())).sum(1).mean())
    torch.testing.assert_close(terms["loss"], 0.1 * terms["hard"] + 0.9 * terms["soft"])


def test_a_bias_gives_a_class_back() -> None:
    labels = torch.tensor([0, 1, 1, 2])
    logits = torch.tensor([[3.0, 0, 0], [2.0, 0, 0], [4.0, 1, 0], [0, 0, 6.0]])
    assert mnist.counted(logits, labels) == {"test_errors": 2, "test_errors_by_class": [0, 2, *[0] * 8]}
    # Above 2 the first 1 is right; above 3 the second one too, but then the 0 is lost.
    assert mnist.best_bias(logits, labels, (1,)) == pytest.approx(2.1, abs=1e-6)
    assert mnist.moved(logits, (1, 2), -1.0)[3].tolist() == [0, -1, 5]


def test_the_networks_have_the_sizes_of_their_sources_and_apart_means_other_weights() -> None:
    arms = {arm.name: arm for arm in mnist.arms()}
    names = ("hinton-teacher", "hinton-alone", "small-alone", "tutorial-teacher", "tutorial-alone")
    sizes = [sum(p.numel() for p in mnist.network(arms[name], 0).parameters()) for name in names]
    assert sizes == [2_395_210, 1_276_810, 24_790, 81_194, 46_164]
    for together, apart in (("few-3-soft", "few-3-apart"), ("tenth-more-data", "tenth-more-apart")):
        first, other = (next(mnist.network(arms[name], 0).parameters()) for name in (together, apart))
        assert not torch.equal(first, other)
        options = [dict(arms[name].options) for name in (together, apart)]
        assert options[1].pop("offset") == 1000 and options[0] == options[1]


def test_omitted_classes_are_judged_with_their_bias_moved(small: Path) -> None:
    from kdlib.experiments import ledger, runner

    runner.run("mnist", "cpu", only="only-7-8", seeds=[0])
    (record,) = ledger.records("mnist", "cpu")
    found = record["metrics"]
    assert sum(found["test_errors_by_class"]) == found["test_errors"]
    assert found["test_accuracy"] == pytest.approx(1 - found["test_errors"] / 60)
    assert found["bias_tuned_on_test"]["test_errors"] <= found["test_errors"]
    assert found["bias_tuned_on_train"].keys() == {"bias", "test_errors", "test_errors_by_class"}
