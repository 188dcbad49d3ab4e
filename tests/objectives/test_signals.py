"""Hooks, and objectives that teach by other signals: what they train, and what they leave as it was."""

import math

import pytest
import torch
import torch.nn.functional as F

from kdlib import losses, models
from kdlib.losses import features as feature_losses
from kdlib.objectives import Batch, distilled, hooks, networks, signals
from kdlib.training import Recipe, train

IMAGES = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
BATCH = Batch(IMAGES, torch.arange(8) % 10, torch.arange(8), examples=8)


def network(seed: int, *widths: int) -> torch.nn.Module:
    return models.vgg([[w] for w in widths or (4, 6)], seed=seed)


def hooked(model: torch.nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_hooks_give_what_a_layer_computes_and_are_gone_afterwards() -> None:
    model = network(0).eval()
    with hooks.features(model, ["pool1", "fc"]) as found:
        logits = model(IMAGES)
        assert hooked(model) == 2
    torch.testing.assert_close(found["pool1"], model[:5](IMAGES))
    assert torch.equal(found["fc"], logits) and hooked(model) == 0
    with pytest.raises(RuntimeError, match="stop"), hooks.features(model, ["pool1"]):
        raise RuntimeError("stop")
    assert hooked(model) == 0


def test_a_map_is_kept_as_it_was_where_the_next_layer_works_in_place() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True), torch.nn.Flatten())
    with hooks.features(model, ["0", "1"]) as found:
        model(IMAGES)
    assert torch.equal(found["0"], model[0](IMAGES)) and float(found["0"].detach().min()) < 0
    assert torch.equal(found["1"], found["0"].relu())
    slope = torch.autograd.grad(found["0"].square().sum(), model[0].weight)[0]
    expected = torch.autograd.grad(model[0](IMAGES).square().sum(), model[0].weight)[0]
    torch.testing.assert_close(slope, expected)


def test_weights_of_the_terms_and_the_usual_loss_as_one_of_them() -> None:
    model, teacher = network(0), torch.randn(8, 10, generator=torch.Generator().manual_seed(3))

    def kd(student, teacher, labels):
        return losses.distillation_term(student, teacher, 4.0)

    mine = signals.by_logits(kd, teacher, weight=0.9, hard_weight=0.1)(model, BATCH)
    usual = distilled(teacher, temperature=4.0, alpha=0.9)(model, BATCH)
    torch.testing.assert_close(mine["loss"], usual["loss"])
    dkd = signals.dkd_term(4.0, 0.0)(model(IMAGES), teacher, BATCH.labels)
    more = signals.dkd_term(4.0, 2.0)(model(IMAGES), teacher, BATCH.labels)
    assert more.item() > dkd.item() > 0


def test_features_beside_soft_targets_are_hintons_loss_and_the_term() -> None:
    model, teacher = network(0).eval(), network(9, 8, 12).eval()

    def looks(ours, theirs):
        return feature_losses.attention_transfer(ours["pool1"], theirs["pool1"])

    known = {"weight": 3.0, "temperature": 4.0, "alpha": 0.9}
    terms = signals.by_features(looks, teacher, (["pool1"], ["pool1"]), **known)(model, BATCH)
    usual = distilled(teacher, temperature=4.0, alpha=0.9)(model, BATCH)
    torch.testing.assert_close(terms["loss"], usual["loss"] + 3 * terms["soft"])
    guided = networks.WithRegressor(network(0), (4, 8), seed=1).eval()
    terms = signals.hinted(teacher, ("pool1", "pool1"), **known)(guided, BATCH)
    torch.testing.assert_close(terms["loss"], usual["loss"] + 3 * terms["soft"])


def test_every_objective_trains_its_student_and_leaves_the_teacher() -> None:
    teacher = network(9, 8, 12)
    logits = torch.randn(8, 10, generator=torch.Generator().manual_seed(3))

    def looks(ours, theirs):
        return feature_losses.attention_transfer(ours["pool1"], theirs["pool1"])

    cases = [
        (network(0), signals.by_logits(signals.dist_term(4.0), logits, weight=1.0)),
        (network(0), signals.by_logits(signals.standardised_term(2.0), logits, weight=1.0)),
        (network(0), signals.by_features(looks, teacher, (["pool1"], ["pool1"]), weight=1.0)),
        (
            networks.WithRegressor(network(0), (4, 8), seed=1),
            signals.hinted(teacher, ("pool1", "pool1"), weight=1.0),
        ),
        (networks.MutualStudents(network(0), network(1)), signals.mutual(1.0)),
    ]
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    for model, objective in cases:
        first = {name: value.clone() for name, value in model.named_parameters()}
        data = [(BATCH.images, BATCH.labels)]
        terms = objective(model, BATCH)
        assert float(terms["loss"].detach()) >= float(terms["soft"].detach()) > 0
        train(model, data, _with_positions(objective), Recipe(2, 0.1), seed=0, device="cpu")
        assert all(not torch.equal(value, first[name]) for name, value in model.named_parameters())
        assert hooked(model) == hooked(teacher) == 0
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def _with_positions(objective):
    """For a list of batches, which has no positions: those of the one batch there is."""
    return lambda model, batch: objective(model, batch._replace(positions=BATCH.positions))


def test_a_guided_student_is_the_student_and_its_regressor_comes_from_the_seed() -> None:
    student = network(0)
    guided, again = (networks.WithRegressor(s, (4, 8), seed=2) for s in (student, network(0)))
    guided.eval()
    assert torch.equal(guided(IMAGES), student(IMAGES))
    assert torch.equal(guided.regressor.weight, again.regressor.weight)
    assert guided.regressor(torch.zeros(1, 4, 5, 5)).shape == (1, 8, 5, 5)


def test_mutual_learning_by_hand() -> None:
    cohort = networks.MutualStudents(network(0), network(1))
    terms = signals.mutual(3.0)(cohort, BATCH)
    a, b = (s(IMAGES).log_softmax(1) for s in cohort.students)
    hard = F.nll_loss(a, BATCH.labels) + F.nll_loss(b, BATCH.labels)
    told = ((a.exp() * (a - b)).sum(1) + (b.exp() * (b - a)).sum(1)).mean()
    assert float(terms["loss"]) == pytest.approx(float(hard + 3 * told), rel=1e-4)
    assert torch.equal(cohort.eval()(IMAGES), cohort.students[0](IMAGES))


def test_in_mutual_learning_the_others_answers_are_cut_off() -> None:
    cohort = networks.MutualStudents(network(0), network(1))
    terms = signals.mutual(1.0)(cohort, BATCH)
    first = cohort.students[0]
    together = torch.autograd.grad(terms["loss"], list(first.parameters()), retain_graph=True)
    own, other = first(IMAGES), cohort.students[1](IMAGES).detach()
    alone = F.cross_entropy(own, BATCH.labels) + losses.distillation_term(own, other, 1.0)
    for x, y in zip(together, torch.autograd.grad(alone, list(first.parameters())), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-3, atol=1e-5)


def test_a_pool_averages_its_members() -> None:
    members = [network(0).eval(), network(1).eval()]
    pool = networks.Ensemble(members, 4.0)
    mean = sum((m(IMAGES) / 4).softmax(1) for m in members) / 2
    torch.testing.assert_close((pool(IMAGES) / 4).softmax(1), mean)


TEACHER = network(9)
LAST = ["fc"], ["fc"]


def features(*layers: str) -> None:
    with hooks.features(network(0), layers):
        pass


def hinted(model: torch.nn.Module, *layers: str) -> None:
    signals.hinted(TEACHER, layers, weight=1.0)(model, BATCH)


def with_regressor(out: int = 5) -> torch.nn.Module:
    return networks.WithRegressor(network(0), (4, out), seed=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: features("pool1", "pool9"), ValueError, r"'pool9'.*pool1"),
        (lambda: features(), ValueError, "empty"),
        (
            lambda: signals.by_features(lambda a, b: a["fc"].sum(), TEACHER, LAST, weight=1, alpha=2),
            ValueError,
            "alpha is 2",
        ),
        (
            lambda: signals.by_features(lambda a, b: a["fc"].sum(), TEACHER, (["fc"], ["fc"]), weight=-1),
            ValueError,
            "weight is -1",
        ),
        (lambda: signals.mutual(math.nan), ValueError, "weight is nan"),
        (lambda: hinted(network(0), "pool1", "pool1"), TypeError, "give WithRegressor"),
        (lambda: hinted(with_regressor(), "pool1", "pool2"), ValueError, "channels"),
        (lambda: hinted(with_regressor(), "pool1", "pool7"), ValueError, "'pool7'"),
        (lambda: hinted(with_regressor(), "flatten", "pool1"), ValueError, "takes maps .*For tokens write"),
        (lambda: signals.mutual(1.0)(network(0), BATCH), TypeError, "give MutualStudents"),
        (lambda: networks.MutualStudents(TEACHER, TEACHER), ValueError, "two students"),
        (lambda: networks.Ensemble([], 1.0), ValueError, "empty"),
        (lambda: distilled("teacher", temperature=1, alpha=1), TypeError, "teacher is a str; give a model"),
        (
            lambda: distilled(None, temperature=1, alpha=1)(network(0), BATCH),
            ValueError,
            r"teacher is None; .*\(images, labels, teacher_logits\)",
        ),
    ],
)
def test_bad_input_is_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_who_teaches_is_looked_at() -> None:
    model = network(0)
    with pytest.raises(TypeError, match="teacher is a list; give a model"):
        signals.by_logits(signals.dist_term(4.0), [model], weight=1.0)
    itself = signals.by_logits(signals.dist_term(4.0), model, weight=1.0)
    places = (["pool1"], ["pool1"])
    looks = signals.by_features(lambda ours, theirs: ours["pool1"].sum(), model, places, weight=1)
    for objective in (itself, looks):
        with pytest.raises(ValueError, match="teacher and student are the same object"):
            objective(model, BATCH)
