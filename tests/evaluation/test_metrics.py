"""Metrics of two classes, calibration and bootstrap, against scikit-learn and by hand."""

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score, roc_curve
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from kdlib.evaluation import metrics
from kdlib.evaluation.statistics import bootstrap

TWO_CLASS = [
    metrics.auroc,
    metrics.sensitivity,
    metrics.specificity,
    metrics.balanced_accuracy,
    metrics.best_threshold,
]


def from_probabilities(*values: float) -> Tensor:
    """Logits (N, 2) whose probabilities of class 1 are these."""
    ones = torch.tensor(values, dtype=torch.float64)
    return torch.stack([1 - ones, ones], 1).log()


def examples(seed: int, classes: int = 2, n: int = 400) -> tuple[Tensor, Tensor]:
    """Logits that know something about the labels; rounded, so that some are equal."""
    chance = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=chance)
    noise = torch.randn(n, classes, generator=chance)
    return (noise + torch.nn.functional.one_hot(labels, classes)).mul(5).round() / 5, labels


@pytest.mark.parametrize("seed", range(5))
def test_the_metrics_of_two_classes_agree_with_scikit_learn(seed: int) -> None:
    logits, labels = examples(seed)
    ones = logits.double().softmax(1)[:, 1]
    assert metrics.auroc(logits, labels) == pytest.approx(roc_auc_score(labels, ones.numpy().round(12)))
    for threshold in (0.0, 0.3, 0.5, 0.9, 1.0):
        answers = (ones > threshold).long()
        found = [f(logits, labels, threshold) for f in (metrics.sensitivity, metrics.specificity)]
        assert found == pytest.approx([recall_score(labels, answers, pos_label=c) for c in (1, 0)])
        balanced = metrics.balanced_accuracy(logits, labels, threshold)
        assert balanced == pytest.approx(balanced_accuracy_score(labels, answers))


def test_the_metrics_of_two_classes_by_hand() -> None:
    logits, labels = from_probabilities(0.1, 0.4, 0.35, 0.8), torch.tensor([0, 0, 1, 1])
    assert metrics.auroc(logits, labels) == 0.75  # of the four pairs only 0.35 against 0.4 is wrong
    assert metrics.sensitivity(logits, labels) == 0.5
    assert metrics.specificity(logits, labels) == 1
    assert metrics.balanced_accuracy(logits, labels) == 0.75
    assert metrics.sensitivity(logits, labels, threshold=0.3) == 1
    assert metrics.specificity(logits, labels, threshold=0.3) == 0.5


def test_the_larger_logit_decides_at_one_half_and_a_tie_is_class_0() -> None:
    logits, labels = torch.tensor([[1.0, 1.0], [0.0, 0.1]]), torch.tensor([0, 1])
    assert metrics.specificity(logits, labels) == metrics.sensitivity(logits, labels) == 1
    assert metrics.accuracy(logits, labels) == 1


def test_the_auroc_of_very_sure_models_is_exact() -> None:
    # As probabilities these are 1.0 to the last digit.
    logits = torch.tensor([[0.0, 50.0], [0.0, 60.0], [0.0, 70.0], [0.0, 80.0]])
    assert metrics.auroc(logits, torch.tensor([0, 1, 0, 1])) == 0.75


@pytest.mark.parametrize("seed", range(10))
def test_the_best_threshold_is_the_best_of_all(seed: int) -> None:
    logits, labels = examples(seed, n=60)
    threshold = metrics.best_threshold(logits, labels)
    false, true, _ = roc_curve(labels, logits.double().softmax(1)[:, 1].numpy().round(12))
    best = (1 + (true - false).max()) / 2
    assert metrics.balanced_accuracy(logits, labels, threshold) == pytest.approx(best)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
    assert metrics.best_threshold(logits[order], labels[order]) == threshold


@pytest.mark.parametrize(
    ("probabilities", "labels", "threshold"),
    [
        ((0.1, 0.2, 0.6, 0.9), (0, 0, 1, 1), 0.4),  # the middle of the gap
        ((0.1, 0.3, 0.5, 0.9), (0, 1, 0, 1), 0.7),  # 0.2 is as good, 0.7 is nearer to 0.5
        ((0.25, 0.25, 0.75, 0.75), (0, 1, 0, 1), 0.5),  # nothing to choose: 0 is as good
        ((0.2, 0.4, 0.6, 0.8), (1, 1, 0, 0), 0.0),  # worse than a guess: class 1 for all
    ],
)
def test_the_best_threshold_by_hand(
    probabilities: tuple[float, ...], labels: tuple[int, ...], threshold: float
) -> None:
    found = metrics.best_threshold(from_probabilities(*probabilities), torch.tensor(labels))
    assert found == pytest.approx(threshold)


def test_the_best_threshold_parts_neighbouring_floats() -> None:
    high = 0.75
    low = np.nextafter(high, 0)
    odds = torch.tensor([math.log(p / (1 - p)) for p in (0.4, low, high)], dtype=torch.float64)
    logits, labels = torch.stack([torch.zeros(3, dtype=torch.float64), odds], 1), torch.tensor([1, 0, 1])
    assert odds.sigmoid().unique().numel() == 3
    threshold = metrics.best_threshold(logits, labels)
    assert metrics.balanced_accuracy(logits, labels, threshold) == 0.75  # one of two ill, and the well one
    labels = torch.tensor([1, 0])  # the wrong way round, so that one class for all is better
    assert metrics.balanced_accuracy(logits[1:], labels, metrics.best_threshold(logits[1:], labels)) == 0.5


def test_reliability_and_calibration_error_by_hand() -> None:
    # Four bins: the sureness 0.5 lies in the second, 0.6 and 0.7 in the third, 0.9 in the fourth.
    logits, labels = from_probabilities(0.5, 0.6, 0.3, 0.9), torch.tensor([0, 0, 0, 1])
    confidence, accuracy, count = metrics.reliability(logits, labels, bins=4)
    assert count.tolist() == [0, 1, 2, 1]
    assert confidence[1:].tolist() == pytest.approx([0.5, 0.65, 0.9])
    assert accuracy[1:].tolist() == [1.0, 0.5, 1.0]
    assert math.isnan(confidence[0]) and math.isnan(accuracy[0])
    error = metrics.expected_calibration_error(logits, labels, bins=4)
    assert error == pytest.approx((1 * 0.5 + 2 * 0.15 + 1 * 0.1) / 4)


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("bins", [1, 7, 15])
def test_calibration_agrees_with_torchmetrics_and_scikit_learn(classes: int, bins: int) -> None:
    logits, labels = examples(0, classes)
    logits += torch.rand(logits.shape, generator=torch.Generator().manual_seed(1))
    confidence, answers = logits.double().softmax(1).max(1)
    reference = multiclass_calibration_error(logits.double().softmax(1), labels, classes, n_bins=bins)
    assert metrics.expected_calibration_error(logits, labels, bins) == pytest.approx(
        float(reference), abs=2e-6
    )
    share, mean = calibration_curve((answers == labels).numpy(), confidence.numpy(), n_bins=bins)
    found = metrics.reliability(logits, labels, bins)
    filled = found.examples > 0
    assert found.accuracy[filled].numpy() == pytest.approx(share)
    assert found.confidence[filled].numpy() == pytest.approx(mean)


def test_a_model_sure_to_the_last_digit_is_in_the_last_bin() -> None:
    # torchmetrics has a bin of its own for a confidence of exactly 1, and says 0.05.
    logits, labels = torch.tensor([[100.0, 0.0], [0.0, math.log(19)]]), torch.tensor([1, 1])
    found = metrics.reliability(logits, labels, bins=10)
    assert found.examples.tolist() == [0] * 9 + [2]
    assert metrics.expected_calibration_error(logits, labels, bins=10) == pytest.approx(0.975 - 0.5)


@pytest.mark.parametrize("metric", TWO_CLASS)
def test_a_class_without_an_example_is_named(metric: Callable[..., float]) -> None:
    logits = from_probabilities(0.2, 0.7)
    for label in (0, 1):
        labels = torch.tensor([1 - label] * 2)
        if metric in (metrics.sensitivity, metrics.specificity) and label == (metric is metrics.specificity):
            assert metric(logits, labels) == 0.5  # it needs only the class that is there
            continue
        with pytest.raises(ValueError, match=f"no example of class {label} in this split; the "):
            metric(logits, labels)


EVERY = [*TWO_CLASS, metrics.errors, metrics.accuracy, metrics.macro_f1, metrics.reliability]
EVERY += [metrics.expected_calibration_error]
NAN = torch.tensor([[0.0, math.nan], [0.0, 1.0]])


@pytest.mark.parametrize("metric", EVERY)
@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        (torch.zeros(3, 2), [0, 1], ValueError, "2 labels for 3 rows of logits"),
        (torch.eye(3)[:, :2], [1], ValueError, "1 labels for 3 rows of logits"),
        (NAN, [0, 1], ValueError, "logits: 1 of 4 values are NaN or infinite"),
        (torch.zeros(0, 2), [], ValueError, r"shape \(0, 2\); give \(N, classes\) with at least 1 example"),
        (torch.zeros(6, 6, 2), [0] * 6, ValueError, r"shape \(6, 6, 2\); .*logits.flatten\(0, -2\)"),
        (torch.zeros(2), [0], ValueError, r"shape \(2,\); give \(N, classes\)"),
        (torch.zeros(2, 2), [0, 2], ValueError, "labels runs from 0 to 2; with 2 classes"),
        (torch.zeros(2, 2), [0, -100], ValueError, "labels runs from -100 to 0"),
        (torch.zeros(2, 2), [0.0, 1.0], TypeError, "labels is torch.float32 of shape"),
        (torch.zeros(2, 2).long(), [0, 1], TypeError, "logits has dtype torch.int64"),
    ],
)
def test_what_no_metric_can_judge_is_named(
    metric: Callable[..., float], logits: Tensor, labels: list[float], error: type[Exception], message: str
) -> None:
    truth = torch.tensor(labels) if labels else torch.zeros(0, dtype=torch.long)
    with pytest.raises(error, match=message):
        metric(logits, truth)


@pytest.mark.parametrize("metric", TWO_CLASS)
def test_three_classes_are_not_two(metric: Callable[..., float]) -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 3\); the .* is one of two classes: give \(N, 2\)"):
        metric(torch.zeros(2, 3), torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        *(
            (
                lambda x=x: metrics.balanced_accuracy(NAN.nan_to_num(), torch.tensor([0, 1]), x),
                r"threshold is .*0 to 1",
            )
            for x in (-0.1, 1.1, math.nan)
        ),
        (lambda: metrics.reliability(from_probabilities(0.2), torch.tensor([0]), bins=0), "bins is 0"),
    ],
)
def test_a_setting_out_of_range_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_labels_of_any_integer_type_are_judged_alike() -> None:
    logits, labels = examples(0)
    for metric in EVERY:
        found, expected = (metric(logits, given) for given in (labels.byte(), labels))
        if isinstance(found, tuple):
            assert all(
                torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(found, expected, strict=True)
            )
        else:
            assert found == expected


def test_importing_the_rooms_of_the_method_imports_neither_torchmetrics_nor_torchvision() -> None:
    rooms = (
        "kdlib.evaluation.metrics, kdlib.evaluation.fidelity, kdlib.training, kdlib.objectives, kdlib.losses"
    )
    code = f"import sys, {rooms}; print([m for m in ('torchmetrics', 'torchvision') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_a_bootstrap_interval_of_a_share_is_the_binomials() -> None:
    right = torch.arange(400) < 300
    value, low, high = bootstrap(lambda at: right[at].double().mean(), 400, samples=4000, seed=0)
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert value == 0.75
    assert [low, high] == pytest.approx([0.75 - half, 0.75 + half], abs=0.1 * half)


def test_the_bootstrap_by_hand() -> None:
    # Two of {0, 1}: the means 0, 1/2 and 1 have the chances 1/4, 1/2 and 1/4.
    values = torch.tensor([0.0, 1.0])
    assert bootstrap(lambda at: values[at].mean(), 2, seed=0) == (0.5, 0.0, 1.0)
    assert bootstrap(lambda at: 7.0, 1, samples=1, seed=0) == (7.0, 7.0, 7.0)


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    chance, covered = torch.Generator().manual_seed(0), 0
    for seed in range(200):
        drawn = torch.randn(40, generator=chance)
        found = bootstrap(lambda at, drawn=drawn: drawn[at].mean(), 40, samples=200, seed=seed)
        covered += found.low <= 0 <= found.high
    assert 180 <= covered <= 196


def test_the_seed_alone_decides_the_bootstrap() -> None:
    logits, labels = examples(0, n=50)
    torch.manual_seed(1)
    first = bootstrap(lambda at: metrics.auroc(logits[at], labels[at]), 50, samples=20, seed=3)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    assert bootstrap(lambda at: metrics.auroc(logits[at], labels[at]), 50, samples=20, seed=3) == first
    assert bootstrap(lambda at: metrics.auroc(logits[at], labels[at]), 50, samples=20, seed=4) != first
    assert first.low < first.value == metrics.auroc(logits, labels) < first.high


def test_a_bootstrap_of_nothing_or_of_no_number_is_refused() -> None:
    for n, samples in ((0, 10), (10, 0)):
        with pytest.raises(ValueError, match=f"n is {n} and samples {samples}"):
            bootstrap(lambda at: 0.0, n, samples=samples, seed=0)
    with pytest.raises(ValueError, match=r"statistic is 1.0 of all examples.*samples not finite"):
        bootstrap(lambda at: 1.0 if len(at.unique()) == 2 else math.nan, 2, seed=0)
