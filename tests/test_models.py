"""The networks: counts from the sources, weights that depend on the seed alone."""

import pytest
import torch

from kdlib import models, pretrained


@pytest.mark.parametrize(
    ("channels", "hidden", "parameters"), [((6, 16), (120, 84), 81_194), ((6, 12), (90, 64), 46_164)]
)
def test_lenet5_has_the_parameters_of_the_source(
    channels: tuple[int, int], hidden: tuple[int, int], parameters: int
) -> None:
    model = models.lenet5(channels, hidden, seed=0)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_the_seed_alone_fixes_the_weights_and_the_global_state_is_left_alone() -> None:
    torch.manual_seed(1)
    first = models.lenet5(seed=7)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    second = models.lenet5(seed=7)
    other = models.lenet5(seed=8)
    for a, b, c in zip(first.parameters(), second.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_the_shipped_teacher_is_the_recorded_one() -> None:
    record = pretrained.record("mnist_lenet5_teacher")
    teacher = pretrained.mnist_teacher()
    assert not teacher.training
    assert sum(p.numel() for p in teacher.parameters()) == record["parameters"] == 81_194


def test_unknown_weights_are_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"name is 'resnet'; the shipped weights are .*mnist_lenet5_teacher"):
        pretrained.record("resnet")


def test_an_altered_weights_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    altered = pretrained.record("mnist_lenet5_teacher") | {"weights_sha256": "0" * 64}
    monkeypatch.setattr(pretrained, "record", lambda name: altered)
    with pytest.raises(ValueError, match="not the file that was recorded; install kdlib again"):
        pretrained.mnist_teacher()
