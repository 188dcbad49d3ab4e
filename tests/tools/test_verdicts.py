"""What the chapters say in words, held against the records: a verdict that they no longer bear fails here."""

from collections.abc import Mapping
from itertools import pairwise

import pytest
import torch

from kdlib import data, pretrained, results
from kdlib.evaluation import statistics
from kdlib.experiments import ledger, race, signals
from kdlib.softening import class_profiles, soften
from kdlib.training import logits_of

Values = Mapping[str, Mapping[int, float]]


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDLIB_RUNS", raising=False)


def sign(values: Values, first: str, second: str) -> int:
    """1 or -1 where the interval of the paired difference excludes zero, else 0."""
    found = results.difference(values, first, second)
    assert found is not None and found.seeds >= results.ENOUGH, (first, second)
    return (found.low > 0) - (found.high < 0)


def xrays(key: str, when: str = "last", place: str = "test") -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for record in ledger.records("xray", "cpu"):
        found.setdefault(record["arm"], {})[record["seed"]] = 100 * record["metrics"][when][place][key]
    return found


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """The shipped teacher's logits of MNIST's test images, and their labels."""
    test = data.load("mnist", "test", resolution=32)
    return logits_of(pretrained.mnist_teacher(), test).double(), test.labels.long()


def test_chapter_1_the_wrong_classes_count_only_when_they_are_softened(
    digits: tuple[torch.Tensor, torch.Tensor],
) -> None:
    z, labels = digits
    softened = {T: soften(z, T) for T in (1, 2, 4, 100)}
    one_hot = torch.nn.functional.one_hot(labels, 10)
    shares = {T: (p * (1 - one_hot)).sum(1) for T, p in softened.items()}
    typical, mean = shares[1].median(), shares[1].mean()
    assert 1 / 1.5e6 < typical < 1e-6 and 5_000 < mean / typical < 20_000
    assert (shares[1] < 0.01).double().mean() > 0.95 and shares[4].median() > 0.05
    assert shares[1].topk(100).values.sum() > 0.5 * shares[1].sum()
    assert {int((p.argmax(1) != labels).sum()) for p in softened.values()} == {61}
    nearly = (0.99 - 0.01 / 9) * one_hot + 0.01 / 9
    for T, first in ((1, False), (2, False), (4, True)):  # the soft target asks for less than 0.99
        moved = (softened[T] - one_hot).norm(dim=1) / (nearly - one_hot).norm(dim=1)
        assert bool(moved.median() > 1) == first


def test_chapter_1_a_seven_is_like_a_nine_and_an_ordinary_one_like_a_one(
    digits: tuple[torch.Tensor, torch.Tensor],
) -> None:
    z, labels = digits
    sevens = z[labels == 7].argsort(descending=True)
    second = sevens[sevens[:, 0] == 7][:, 1].bincount(minlength=10)
    assert len(sevens) == 1028 and second.argsort(descending=True)[:3].tolist() == [9, 2, 1]
    ordinary = soften(z[2605])
    assert ordinary.argsort(descending=True)[:4].tolist() == [7, 1, 4, 9]
    assert 1e-6 < ordinary[9] < ordinary[1] < 5e-6
    close = class_profiles(soften(z, 4), labels).fill_diagonal_(0)
    pairs = (close + close.T).triu().flatten().topk(3).indices.tolist()
    assert [divmod(k, 10) for k in pairs] == [(4, 9), (3, 5), (7, 9)]


def test_chapter_2_which_mistakes_hurt() -> None:
    errors = ledger.by_arm(ledger.records("loss_bugs", "cpu"))
    worse = ("probabilities", "softmax-twice", "shuffled")
    assert all(sign(errors, arm, "right") == sign(errors, arm, "alone") == 1 for arm in worse)
    assert all(sign(errors, arm, "right") == 1 for arm in ("teacher-twice", "swapped", "alone"))
    assert all(sign(errors, arm, "alone") == 0 for arm in ("teacher-twice", "swapped"))
    assert all(sign(errors, arm, "right") == 0 for arm in ("mean", "no-t-squared", "teacher-in-train"))
    assert sign(errors, "student-in-eval", "right") == -1
    assert len(errors) == 11  # alone, the right loss, and nine mistakes


def test_chapter_3_a_teacher_helps_where_it_is_clearly_better() -> None:
    errors = ledger.by_arm(ledger.records("mnist", "cpu"))
    for same in ("tenth-same-data", "skewed-same-data"):
        assert sign(errors, same, same.replace("same-data", "alone")) == 0
    assert sign(errors, "modern-distilled", "modern-alone") == 0
    for more in ("tenth-more-data", "skewed-more-data", "skewed-even-data"):
        assert sign(errors, more, f"{more.split('-')[0]}-alone") == -1
    assert sign(errors, "skewed-even-data", "skewed-more-data") == 0
    mean = {arm: statistics.interval(list(values.values())).mean for arm, values in errors.items()}
    same = {"tenth-teacher": "tenth", "skewed-teacher": "skewed", "modern-teacher": "modern"}
    assert all(0.9 < mean[teacher] / mean[f"{part}-alone"] < 1 for teacher, part in same.items())
    better = [("modern-teacher", "tenth"), ("modern-teacher", "skewed"), ("skewed-even-teacher", "skewed")]
    assert all(mean[teacher] / mean[f"{part}-alone"] < 0.5 for teacher, part in better)
    few = ("few-1", "few-3", "few-10")
    assert all(sign(errors, f"{arm}-soft", f"{arm}-hard") == -1 for arm in few)


def test_chapter_3_the_recipe_counts_and_a_small_student_cannot_bear_a_high_temperature() -> None:
    errors = ledger.by_arm(ledger.records("mnist", "cpu"))
    assert sign(errors, "tutorial-as-written", "tutorial-alone") == 1
    assert sign(errors, "tutorial-mended", "tutorial-alone") == 0
    assert sign(errors, "modern-alone", "tutorial-alone") == -1
    assert sign(errors, "modern-alone", "tutorial-mended") == 0
    signs = [sign(errors, f"small-T{t}", "small-alone") for t in ("1", "2.5", "4", "8", "20")]
    assert signs == [0, 0, 0, 1, 1]
    assert sign(errors, "small-T8", "small-T2.5") == 1 and sign(errors, "small-T1", "small-T2.5") == 0


def test_chapter_3_hintons_experiment_comes_out_but_for_the_distance_to_the_teacher() -> None:
    records = ledger.records("mnist", "cpu")
    errors = ledger.by_arm(records)
    assert all(sign(errors, f"hinton-{arm}", "hinton-alone") == -1 for arm in ("both", "distilled"))
    assert sign(errors, "patient-alone", "hinton-alone") == 0
    assert sign(errors, "patient-distilled", "hinton-distilled") == -1
    published = {"hinton-teacher": 67, "hinton-alone": 146, "hinton-both": 74, "patient-distilled": 74}
    places = [results.compare_published(errors, arm, figure) for arm, figure in published.items()]
    assert [place.split()[0] for place in places] == ["inside", "inside", "outside", "inside"]
    blind = [r["metrics"] for r in records if r["arm"] == "no-threes"]
    assert all(m["test_errors_by_class"][3] < 150 for m in blind)
    assert all(m["bias_tuned_on_train"]["test_errors_by_class"][3] < 35 for m in blind)
def test_chapter_4_the_recipe_gives_more_than_any_teacher() -> None:
    right = ledger.by_arm(ledger.records("cifar", "cpu"), "test_accuracy")
    still = [results.mean(right, f"labml-still-{who}") for who in ("alone", "distilled", "teacher")]
    means = [found.mean for found in still if found]
    assert means == sorted(means)  # labml's order
    for published, mean in zip((0.80, 0.82, 0.85), means, strict=True):
        assert 0 < published - mean <= 0.0205
    recipe = results.difference(right, "fair-alone", "labml-still-alone")
    gains = [right["fair-distilled"][s] - right["fair-alone"][s] for s in range(3)]
    assert recipe and recipe.mean > 4 * max(gains) and min(gains) > 0
    augmented = results.difference(right, "labml-alone", "labml-still-alone")
    assert augmented and augmented.mean > 0.02  # more than labml's teacher
    weak = results.difference(right, "weak-teacher", "fair-alone")
    assert weak and 0 < weak.mean < 0.0015 and sign(right, "weak-distilled", "fair-alone") == 0
    students = ("fair-distilled", "fair-fixed", "fair-smoothed", "fair-alone", "weak-distilled")
    assert all(sign(right, better, worse) == 0 for better, worse in pairwise(students))
    few = [results.difference(right, f"labels-{n}-distilled", f"labels-{n}-alone") for n in (1, 10)]
    known = [*few, results.difference(right, "T-4", "T-alone"), results.difference(right, "T-1", "T-alone")]
    assert [found.mean for found in known if found] == sorted([d.mean for d in known if d], reverse=True)


def test_chapter_4_most_points_need_no_wrong_classes() -> None:
    records = ledger.records("race", "cpu"), ledger.records("class_similarity", "cpu")
    small, fair = (ledger.by_arm(found, "test_accuracy") for found in records)
    like, near = (ledger.by_arm(found, "likeness") for found in records)
    assert sign(small, "distilled", "alone") == sign(small, "flattened", "alone") == 1
    assert sign(small, "flattened", "distilled") == 0 and sign(small, "equally-sure", "flattened") == -1
    gains = [small["distilled"][s] - small["alone"][s] for s in small["alone"]]
    assert -0.01 < min(gains) < 0 and 0.035 < max(gains) < 0.04  # the card's "between -1 and +4"
    assert all(sign(small, f"alpha-{a}", "distilled") == 0 for a in ("0.25", "0.5", "0.75", "1"))
    less = ("flattened", "equally-sure", "smoothed")
    for seed in (1, 2):
        flat, sure, smoothed = (fair[f"fair-{arm}"][seed] for arm in less)
        assert fair["fair-distilled"][seed] > flat > sure and smoothed >= sure
        own, alone = near["fair-distilled"][seed], near["fair-alone"][seed]
        assert own > alone > max(near[f"fair-{arm}"][seed] for arm in less)
    kept = [results.difference(fair, f"fair-{arm}", "fair-alone") for arm in ("flattened", "distilled")]
    assert kept[0] and kept[1] and 1 / 2 < kept[0].mean / kept[1].mean < 1
    assert all(sign(like, "distilled", arm) == 1 for arm in ("alone", *less))
    assert sign(like, "equally-sure", "alone") == 1


def test_chapter_4_what_its_slider_shows() -> None:
    test = data.load("cifar10", "test", scale="quick")
    teacher = (pretrained.cifar_teacher_logits(test) / 4).softmax(1)
    student = {arm: (z / 4).softmax(1) for arm, z in pretrained.cifar_race_logits(test).items()}
    right = teacher.argmax(1) == test.labels
    flat = (race.flattened(pretrained.cifar_teacher_logits(test), 4) / 4).softmax(1)
    doubtful = int(((teacher * (teacher / flat).log()).sum(1) * right).argmax())
    sure = int((teacher.amax(1) * right).argmax())
    dog, cat, frog = (test.classes.index(name) for name in ("dog", "cat", "frog"))
    assert test.labels[[doubtful, sure]].tolist() == [dog, frog]
    assert teacher[doubtful, dog] - teacher[doubtful, cat] < 0.05
    second = {arm: int(p[doubtful].topk(2).indices[1]) for arm, p in student.items()}
    assert second["distilled-16"] == cat != second["flattened-16"]
    assert abs(student["flattened-16"][sure, frog] - teacher[sure, frog]) < 0.02
    assert student["equally-sure-16"][sure, frog] < teacher[sure, frog] - 0.1


def test_chapter_5_the_leap_does_not_come_out_and_no_teacher_helps() -> None:
    half, tuned = xrays("accuracy"), xrays("accuracy", place="test_at_threshold")
    low, high, taught = "source-alone-1e-5", "source-alone-1e-3", "source-distilled"
    assert sign(half, f"{taught}-1e-5", low) == sign(half, f"{taught}-1e-3", high) == 0
    for accuracy in (half, xrays("accuracy", "best")):  # no pair of runs shows a jump upwards
        assert max(accuracy[f"{taught}-1e-3"].values()) < min(accuracy[low].values())
    for arm in (low, high):
        moved = {"tuned": tuned[arm], "half": half[arm]}
        assert sign(moved, "tuned", "half") == 1


def test_chapter_5_soft_targets_rank_no_better_and_augmentation_does() -> None:
    area = xrays("auroc")
    assert sign(area, "hinton-a0.75-T1", "alone") == 0 and sign(area, "hinton-a0.75-T4", "alone") == -1
    assert sign(area, "teacher", "alone") == 0
    assert sign(area, "moved-alone", "alone") == 1 and sign(area, "moved-teacher", "moved-alone") == 1
    assert sign(area, "moved-distilled-T1", "moved-alone") == 0
    leak = xrays("accuracy", place="validation")
    assert sign(leak, "parted-by-image", "parted-by-patient") == 0


def test_chapter_7_nothing_beats_plain_soft_targets_and_inside_the_teacher_is_nothing_to_be_had() -> None:
    records = [r for r in ledger.records("signals", "cpu") if r["metrics"]["judged_on"] == "test"]
    right = ledger.by_arm(records, "accuracy")
    assert all(sign(right, method, "soft") <= 0 for method in right)
    assert all(sign(right, method, "alone") == 1 for method in ("soft", "decoupled", "dist", "ensemble"))
    nothing = ("smoothed", "hint", "attention", "mutual", "self")
    assert all(sign(right, method, "alone") == 0 for method in nothing)
    gain = {method: results.difference(right, method, "alone") for method in signals.NAMES if method in right}
    assert gain["relational"] and gain["relational"].low > 0 and gain["relational"].mean < 0.006
    assert all(sign(right, method, "soft") == -1 for method in ("hint", "attention", "relational"))
    assert sign(right, "standardised", "alone") == 1 and sign(right, "standardised", "soft") == -1
    four = {method: {seed: x for seed, x in row.items() if seed < 4} for method, row in right.items()}
    assert sign(four, "mutual", "alone") == 1 and sign(four, "relational", "alone") == 0
    nats = ledger.by_arm(records, "cross_entropy")
    assert sign(nats, "soft", "alone") == sign(nats, "dist", "alone") == 1
    assert sign(nats, "standardised", "alone") == sign(nats, "ensemble", "alone") == -1
    assert gain["soft"] and gain["ensemble"] and 0.004 < gain["ensemble"].mean < 0.006 < gain["soft"].mean
    beside = ("hint_soft", "attention_soft", "relational_soft")
    assert all(sign(right, method, "soft") == 0 and sign(right, method, "alone") == 1 for method in beside)


def test_chapter_8_better_is_not_alike_and_a_better_teacher_teaches_hardly_better() -> None:
    records = ledger.records("fidelity", "cpu")
    errors = ledger.by_arm(records)
    agreement = ledger.by_arm([r for r in records if "test_agreement" in r["metrics"]], "test_agreement")
    assert sign(errors, "T-2.5", "alone") == -1 and sign(agreement, "T-2.5", "alone") == 1
    assert sign(errors, "twin", "twin-alone") == 1 and sign(agreement, "twin", "twin-alone") == 1
    gains = [errors["alone"][s] - errors["T-2.5"][s] for s in errors["alone"]]
    assert len(gains) == 30 and 1 / 4 < sum(gain < 0 for gain in gains) / 30 < 2 / 5
    assert statistics.interval(gains).low > 0
    assert sign(errors, "wide-1200-teacher", "teacher") == -1
    assert sign(errors, "wide-1200-T-2.5", "T-2.5") == 0
    assert sign(errors, "smoothed-T-2.5", "T-2.5") == 1 and sign(errors, "smoothed-T-1", "T-1") == 0
    assert sign(errors, "smoothed-teacher", "teacher") == 0


def test_chapter_8_clouds_teach_more_than_noise_and_x_rays() -> None:
    right = ledger.by_arm(ledger.records("fidelity", "cpu"), "test_accuracy")
    assert sign(right, "on-clouds", "on-noise") == sign(right, "on-clouds", "on-xrays") == 1
    assert sign(right, "on-thousand", "thousand-alone") == 1


def test_chapter_6_a_teacher_that_knows_too_much_teaches_nothing_and_the_cut_decides() -> None:
    losses = ledger.by_arm(ledger.records("clicks", "cpu"), "test_logloss")
    assert sign(losses, "alone", "after-noise-0-a1") == 1 and sign(losses, "alone", "after-leak-8-a1") == 0
    gains = {arm: results.difference(losses, "alone", arm) for arm in losses if arm.startswith("after-")}
    assert max(gains, key=lambda arm: gains[arm].mean if gains[arm] else 0) == "after-noise-0-a1"
    first, ramp, once, late = "after-noise-0.5-a1", "beside-ramp-a1", "beside-at-once-a1", "beside-late-a1"
    assert all(sign(losses, other, first) == 1 for other in (ramp, once, late))
    assert sign(losses, late, ramp) == 1 and sign(losses, "beside-at-once-a1", "beside-at-once-a0.5") == 0
    assert sign(losses, "pulled-at-once", "alone") == 1
    assert sign(losses, "pulled-kl-at-once", "alone") == 0
    assert 1 - gain_of(losses, late) / gain_of(losses, first) > 1 / 3


def gain_of(losses: Values, arm: str) -> float:
    found = results.difference(losses, "alone", arm)
    assert found is not None
    return found.mean


def test_chapter_6_a_sharper_teacher_hands_nothing_on() -> None:
    area = ledger.by_arm(ledger.records("privileged_resolution", "cpu"), "test_auroc")
    for pixels in (28, 16):
        assert sign(area, "sharp", f"{pixels}-alone") == 1
        assert sign(area, f"{pixels}-T1", f"{pixels}-alone") == 0
        assert sign(area, f"{pixels}-crossed-T1", f"{pixels}-alone") == 0


def test_chapter_5_asking_about_unseen_images_did_not_help() -> None:
    area = xrays("auroc")
    assert sign(area, "unseen-T1", "alone") == 0 and sign(area, "unseen-T4", "alone") == -1
    assert all(sign(area, f"half-teacher-{k}", "alone") == 0 for k in (0, 1))
    assert sign(area, "unseen-T4", "hinton-a0.75-T4") == 0


def test_distil_your_own_no_signal_beats_soft_targets_and_features_alone_add_nothing() -> None:
    """Chapter 7's comparison, as the table "Which method, when" sums it up."""
    table = [record for record in ledger.records("signals", "cpu") if not record["arm"].startswith("try-")]
    accuracy = ledger.by_arm(table, "accuracy")
    assert all(sign(accuracy, arm, "soft") != 1 for arm in accuracy if arm not in ("soft", "teacher"))
    assert all(sign(accuracy, arm, "alone") == 0 for arm in ("hint", "attention"))


def test_chapter_9_export_changes_nothing_and_int8_saves_bytes_and_no_time() -> None:
    runs = ledger.records("ship", "cpu")
    first = {r["arm"]: r["metrics"] for r in reversed(runs)}

    def mean(arm: str, key: str) -> float:
        return results.mean(ledger.by_arm([r for r in runs if key in r["metrics"]], key), arm).mean

    for name in ("alone", "distilled", "mnist-teacher"):
        assert first[name]["other_answers"] == 0 and first[name]["largest_difference"] < 3e-6
    assert first["distilled-int8"]["other_answers"] == 0
    ends = {arm: first[arm]["auroc_change"][1:] for arm in ("alone-int8", "distilled-int8")}
    assert [high < 0 for _, high in ends.values()] == [True, False]  # "for one of the two students"
    apart = xrays("auroc")["alone"].values()  # in percent
    assert (max(apart) - min(apart)) / 100 > 3 * max(abs(end) for pair in ends.values() for end in pair)
    student, teacher = mean("distilled", "bytes"), mean("teacher", "bytes")
    assert teacher / student > student / mean("distilled-int8", "bytes") > 3.5
    assert mean("distilled-int8", "onnx_ms") > mean("distilled", "onnx_ms")  # "It takes longer"
    assert mean("distilled", "eager_ms") > 3 * mean("distilled", "onnx_ms")
