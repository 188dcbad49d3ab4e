"""Chapter 04's flattened teacher: as soft and as often right as the teacher, and without its likenesses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdlib import data, pretrained
from kdlib.experiments import flattened_teacher as flat_experiments
from kdlib.experiments import race as race_experiments
from kdlib.experiments import runner
from kdlib.experiments.flattened_teacher import equally_sure, flattened

ARMS = {arm.name: arm for arm in flat_experiments.arms()}


def test_a_flattened_answer_keeps_its_first_choice_and_shares_the_rest_evenly() -> None:
    # at T = 2 the logits 2 log(6), 2 log(3), 2 log(1) are softened to 0.6, 0.3, 0.1
    logits = 2 * torch.tensor([[6.0, 3.0, 1.0], [1.0, 3.0, 6.0]]).log()
    assert torch.allclose(
        (flattened(logits, 2.0) / 2).softmax(1), torch.tensor([[0.6, 0.2, 0.2], [0.2, 0.2, 0.6]])
    )


def test_an_equally_sure_answer_keeps_the_first_choice_and_the_mean_sureness() -> None:
    # softened at T = 2 to 0.6, 0.3, 0.1 and to 0.1, 0.8, 0.1: 0.7 on average
    logits = 2 * torch.tensor([[6.0, 3.0, 1.0], [1.0, 8.0, 1.0]]).log()
    assert torch.allclose(
        (equally_sure(logits, 2.0) / 2).softmax(1), torch.tensor([[0.7, 0.15, 0.15], [0.15, 0.7, 0.15]])
    )


def test_of_two_largest_only_one_keeps_its_probability() -> None:
    p = flattened(torch.tensor([5.0, 5.0, 0.0, 0.0]), 1.0).softmax(0)
    assert float(p.sum()) == pytest.approx(1) and p[0] == pytest.approx(0.4966, abs=1e-4)
    assert p[1] == p[2] == p[3]


def test_flattening_the_bundled_answers_leaves_choices_and_sureness_alone() -> None:
    answers = pretrained.cifar_teacher_logits(data.load("cifar10", "train"))[::50]
    flat = flattened(answers, 4.0)
    assert flat.shape == answers.shape and bool(flat.isfinite().all())
    assert torch.equal(flat.argmax(-1), answers.argmax(-1))
    before, after = ((z / 4).softmax(-1).amax(-1) for z in (answers, flat))
    assert torch.allclose(before, after, atol=1e-6)


def test_the_controls_differ_from_the_race_in_what_they_are_taught_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at = range(0, 2000, 7)
    whole = {split: data.load("cifar10", split) for split in ("train", "test")}
    parts = {split: images.subset(at) for split, images in whole.items()}
    answers = {id(parts[split]): pretrained.cifar_teacher_logits(whole[split])[at] for split in parts}
    monkeypatch.setattr(data, "load", lambda name, split, scale: parts[split])
    monkeypatch.setattr(pretrained, "cifar_teacher_logits", lambda dataset: answers[id(dataset)])
    found = {}
    for experiment in (race_experiments, flat_experiments):
        for arm in experiment.arms():
            if arm.name in ("distilled", *ARMS):
                short = replace(arm, recipe=replace(arm.recipe, epochs=1))
                found[arm.name] = experiment.run(short, 3, tmp_path)
                json.dumps([found[arm.name], experiment.settings(short)])
    assert len({record["data"] for record in found.values()}) == 1
    assert len({record["curve"][0]["loss"] for record in found.values()}) == len(found) == 4
    for name in ("flattened", "equally-sure"):
        hard = found[name]["curve"][0]["hard"]
        assert hard == pytest.approx(found["distilled"]["curve"][0]["hard"], rel=0.2)
    race = {arm.name: arm for arm in race_experiments.arms()}["distilled"]
    for name in ("flattened", "equally-sure"):
        told = ARMS[name]
        assert (told.alpha, told.temperature, told.recipe) == (race.alpha, race.temperature, race.recipe)
        assert [flat_experiments.seeds(told, scale) for scale in runner.SCALES] == [
            race_experiments.seeds(race, scale) for scale in runner.SCALES
        ]
