"""How an arm is trained: twins start alike and see the same, and a teacher is asked once."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small import ALONE, SOFT, TAUGHT_BY, Constant, made, toy
from torch import Tensor, nn

from kdlib import losses
from kdlib.caching import teacher_cache
from kdlib.data import augment
from kdlib.data.augment import View
from kdlib.experiments import arms, runner
from kdlib.experiments.arms import Arm, Experiment, Job, answers, fit, objective, order, settings, spread
from kdlib.objectives import Batch
from kdlib.training import Recipe, logits_of, train

VIEWS = (View(), View(True, 1, 0))


class Watched:
    """Notes the initial weights and the batches of each training."""

    def __init__(self) -> None:
        self.weights: list[Tensor] = []
        self.batches: list[list[Batch]] = []
        self.how: list[dict[str, Any]] = []

    def train(self, model: nn.Module, part: Any, objective: Any, recipe: Recipe, **how: Any) -> Any:
        self.weights.append(torch.cat([p.detach().flatten().clone() for p in model.parameters()]))
        self.batches.append([])
        self.how.append(how | {"recipe": recipe})

        def noted(model: nn.Module, batch: Batch) -> Any:
            self.batches[-1].append(batch)
            return objective(model, batch)

        return train(model, part, noted, recipe, **how)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    found = Watched()
    monkeypatch.setattr(arms, "train", found.train)
    return found


def test_an_order_comes_from_its_seed_alone() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, again, other = (order(50, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert sorted(first.tolist()) == list(range(50))


@pytest.mark.parametrize("views", [(), VIEWS])
def test_twins_start_alike_and_see_the_same_images_in_the_same_order(
    views: tuple[View, ...], watched: Watched, tmp_path: Path
) -> None:
    alone, taught = (replace(arm, views=views) for arm in (ALONE, replace(ALONE, name="taught", **SOFT)))
    for arm, seed in ((alone, 3), (taught, 3), (alone, 4)):
        fit(toy(), Job(arm, seed, tmp_path))
    first, teacher, second, other = range(4)
    assert watched.weights[teacher].numel() > watched.weights[first].numel()
    assert torch.equal(watched.weights[first], watched.weights[second])
    assert not torch.equal(watched.weights[first], watched.weights[other])
    shown = [[(b.positions, b.views, b.images) for b in epochs] for epochs in watched.batches]
    assert len(shown[first]) == len(shown[second]) == 2 * 3
    for mine, its in zip(shown[first], shown[second], strict=True):
        assert all(a is b is None or torch.equal(a, b) for a, b in zip(mine, its, strict=True))
    assert not torch.equal(shown[first][0][0], shown[other][0][0])
    assert (shown[first][0][1] is None) == (not views)


def test_what_was_trained_is_only_read(watched: Watched, tmp_path: Path) -> None:
    validation = toy(validation=lambda job: made(6, seed=2))
    first, again = (fit(validation, Job(ALONE, 0, tmp_path)) for _ in range(2))
    assert len(watched.batches[0]) == 6 and not watched.batches[1]
    assert first.curve == again.curve and len(first.curve) == 2 and "validation_loss" in first.curve[0]
    assert first.best_weights and again.best_weights
    for one, two in ((first.model.state_dict(), again.model.state_dict()), (first[2], again[2])):
        assert all(torch.equal(one[key], two[key]) for key in two)


def test_an_arm_of_other_settings_is_not_taken_for_it(watched: Watched, tmp_path: Path) -> None:
    for changed in ({}, {"temperature": 2.0}, {"options": {"x": 1}}, {"network": "large"}):
        fit(toy(), Job(replace(ALONE, **changed), 0, tmp_path))
    assert all(watched.batches) and len(list(tmp_path.glob("alone.0.*.safetensors"))) == 4
    fit(toy(), Job(replace(ALONE, seeds=range(90), full=range(2)), 0, tmp_path))  # which are no settings
    assert not watched.batches[-1]


def test_an_augmentation_is_known_by_its_name(watched: Watched, tmp_path: Path) -> None:
    fit(toy(), Job(replace(ALONE, augment="shift"), 0, tmp_path))
    fit(toy(), Job(ALONE, 0, tmp_path))
    assert watched.how[0]["augment"] is augment.shift and "augment" not in watched.how[1]


def test_a_short_run_is_in_double_precision_on_few_images_for_two_epochs(
    watched: Watched, tmp_path: Path
) -> None:
    long = replace(ALONE, recipe=Recipe(50, 0.01, batch_size=4, half="everywhere"))
    fitted = fit(toy(), Job(long, 0, tmp_path, few=8))
    assert next(fitted.model.parameters()).dtype == torch.float64
    assert len(fitted.curve) == 2 and watched.how[0]["recipe"].half == "nowhere"
    assert [len(batch.images) for batch in watched.batches[0]] == [4] * 4


def test_few_examples_are_evenly_spread() -> None:
    whole = made(48)
    assert torch.equal(spread(whole, 4).images, whole.images[[0, 12, 24, 36]])
    assert spread(whole, 48) is whole and spread(whole, 100) is whole and spread(whole, None) is whole


def test_a_teacher_of_one_seed_may_serve_all(watched: Watched, tmp_path: Path) -> None:
    for seed in (1, 2):
        fit(toy(), Job(replace(ALONE, **SOFT, teacher_seed=0), seed, tmp_path))
    assert [how["seed"] for how in watched.how] == [0, 1, 0, 2] and not watched.batches[2]


def test_losses_that_all_experiments_know(tmp_path: Path) -> None:
    logits = torch.tensor([[2.0, -1.0, 0.0], [0.0, 1.0, 3.0]])
    part, labels = made(2), torch.tensor([0, 1])
    batch = Batch(torch.zeros(2), labels, torch.arange(2), examples=2)

    def loss(**changes: Any) -> Any:
        job = Job(replace(ALONE, **changes), 0, tmp_path)
        return objective(toy(), job, part)(Constant(logits), batch)

    log = logits.log_softmax(1)
    hard = -log[[0, 1], labels].mean()
    torch.testing.assert_close(loss()["loss"], hard)
    for share, options in ((0.1, {}), (0.3, {"smoothing": 0.3})):
        target = torch.eye(3)[:2] * (1 - share) + share / 3
        torch.testing.assert_close(
            loss(loss="smoothed", options=options)["loss"], -(target * log).sum(1).mean()
        )
    told = logits_of(fit(toy(), Job(TAUGHT_BY, 0, tmp_path)).model, part)
    terms = loss(**SOFT)
    torch.testing.assert_close(terms["soft"], losses.distillation_term(logits, told, 4.0))
    torch.testing.assert_close(terms["loss"], 0.5 * terms["soft"] + 0.5 * hard)


def test_a_student_of_views_is_told_the_answer_to_the_view_that_it_sees(tmp_path: Path) -> None:
    arm, part = replace(ALONE, **SOFT, views=VIEWS), made()
    told = answers(toy(), Job(arm, 0, tmp_path), part)
    assert told.shape == (48, 2, 3) and told.dtype == torch.float16
    teacher = fit(toy(), Job(TAUGHT_BY, 0, tmp_path)).model
    moved = torch.zeros_like(part.images)
    moved[:, :, 1:] = part.images.flip(3)[:, :, :-1]
    for number, images in enumerate((part.images, moved)):
        expected = teacher(images.float() / 255).detach()
        torch.testing.assert_close(told[:, number].cpu().float(), expected, atol=2e-3, rtol=2e-3)


def test_answers_are_asked_once_for_all_students_and_never_mistaken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    fill = teacher_cache.answers
    monkeypatch.setattr(teacher_cache, "answers", lambda *of: asked.append(of[1]) or fill(*of))
    arm = replace(ALONE, **SOFT, views=VIEWS)
    job = Job(arm, 0, tmp_path)

    def times(job: Job, part: Any = None) -> int:
        before = len(asked)
        answers(toy(), job, made() if part is None else part)
        return len(asked) - before

    assert times(job) == 1
    for same in (
        replace(arm, name="x", alpha=1.0),
        replace(arm, temperature=1.0),
        replace(arm, network="large"),
    ):
        assert times(job.of(same)) == 0
    assert times(job.of(arm, 1)) == 1  # another seed has another teacher
    other = job.of(replace(arm, views=VIEWS[:1]))
    assert times(job, made(40)) == times(other) == 1  # other images, other views
    assert times(job.of(replace(arm, teacher=replace(TAUGHT_BY, recipe=Recipe(1, 0.1))))) == 1
    one = replace(arm, teacher_seed=0)
    assert times(job.of(one, 5)) == times(job.of(one, 6)) == 0  # seed 0's, asked above


def test_settings_are_plain_and_leave_out_what_is_as_always() -> None:
    arm = replace(ALONE, **SOFT, views=VIEWS, options={"pair": (1, 2)})
    kept = settings(arm)
    assert json.loads(json.dumps(kept)) == kept
    assert kept.keys() == {"network", "recipe", "teacher", "loss", "temperature", "alpha", "options", "views"}
    assert kept["views"] == [[False, 0, 0], [True, 1, 0]] and kept["options"] == {"pair": [1, 2]}
    assert kept["teacher"].keys() == {"network", "recipe"} and settings(Arm("x", seeds=range(9))) == {}


# Each student and the ones beside it that may differ in what teaches them alone.
TWINS: dict[str, dict[str, list[str]]] = {
    "loss_bugs": {"alone": ["*"]},
    "mnist": {
        "tutorial-alone": ["tutorial-as-written", "tutorial-mended"],
        "modern-alone": ["modern-distilled"],
        "tenth-alone": ["tenth-same-data", "tenth-more-data"],
        "skewed-alone": ["skewed-same-data", "skewed-more-data", "skewed-even-data"],
        "hinton-alone": ["hinton-distilled", "hinton-both"],
        "patient-alone": ["patient-distilled"],
        "small-alone": [f"small-T{t:g}" for t in (1, 2.5, 4, 8, 20)],
        **{f"few-{percent}-hard": [f"few-{percent}-soft"] for percent in (1, 3, 10)},
    },
    "race": {
        "alone": ["distilled", "smoothed", "flattened", "equally-sure"]
        + [f"alpha-{alpha:g}" for alpha in (0.25, 0.5, 0.75, 1)]
        + [f"T-{t}" for t in (1, 2, 8)],
        "alone-16": ["distilled-16"],
        "alone-64": ["distilled-64"],
    },
    "cifar": {
        "labml-alone": ["labml-distilled"],
        "labml-still-alone": ["labml-still-distilled"],
        "fair-alone": ["fair-smoothed", "fair-distilled", "fair-fixed", "weak-distilled"],
        "T-alone": [f"T-{t}" for t in (1, 2, 4, 8, 16)],
        "labels-1-alone": ["labels-1-distilled"],
        "labels-10-alone": ["labels-10-distilled"],
        "full-alone": ["full-smoothed", "full-distilled", "full-fixed"],
    },
    "class_similarity": {"fair-alone": ["*"]},
    "xray": {
        "alone": [f"{loss}-a{a:g}-T{t}" for loss in ("hinton", "mage") for a in (0.25, 1) for t in (1, 8)]
        + ["kinds-T1", "kinds-T4"],
        "source-alone-1e-5": ["source-distilled-1e-5"],
        "source-alone-1e-3": ["source-distilled-1e-3"],
        "moved-alone": ["moved-smoothed", "moved-distilled-T1", "moved-distilled-T4"],
    },
    "privileged_resolution": {
        f"{pixels}-alone": [f"{pixels}-{kind}T{t}" for kind in ("", "crossed-") for t in (1, 4)]
        for pixels in (16, 28)
    },
    "signals": {"alone": ["soft", "decoupled", "dist", "standardised", "attention", "relational", "self"]},
    "fidelity": {
        "alone": ["T-1", "T-2.5", "T-8", "smoothed-alone", "smoothed-T-2.5", "wide-60-T-8", "half-all"],
        "thousand-alone": ["on-thousand"],
        "twin-alone": ["twin"],
    },
}
TAUGHT = {"teacher", "loss", "temperature", "alpha", "teacher_seed"}


def untaught(arm: Arm) -> dict[str, Any]:
    kept = {key: value for key, value in settings(arm).items() if key not in TAUGHT}
    if "setting" in kept.get("options", {}):  # the strength of a signal of chapter 07
        del kept["options"]
    return kept


@pytest.mark.parametrize("name", TWINS)
def test_a_student_alone_and_its_taught_twins_differ_in_what_teaches_them(name: str) -> None:
    experiment: Experiment = runner.EXPERIMENTS[name]
    known = {arm.name: arm for arm in experiment.arms()}
    for alone, twins in TWINS[name].items():
        for twin in known if twins == ["*"] else twins:
            assert untaught(known[alone]) == untaught(known[twin]), twin
            assert experiment.network
            weights = [experiment.network(known[arm], 5).state_dict() for arm in (alone, twin)]
            assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
            assert known[alone].seeds == known[twin].seeds or name in ("fidelity", "race", "signals"), twin
