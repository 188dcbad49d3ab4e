"""Every check accepts what is right, however it is written, and says of each known mistake what it is."""

import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from right_ones import RIGHT

from kdlib import check
from kdlib.check.checking import Check, Draw

CHECKS = {name: found for name in check.__all__ if isinstance(found := getattr(check, name), Check)}
EACH = pytest.mark.parametrize("name", CHECKS)


def test_every_check_has_right_answers_in_other_words() -> None:
    assert RIGHT.keys() == CHECKS.keys() and len(CHECKS) >= 25
    assert len({found.exercise for found in CHECKS.values()}) == len(CHECKS)


@EACH
def test_what_is_right_passes_however_it_is_written(name: str) -> None:
    for function in (CHECKS[name].right, *RIGHT[name]):
        for seed in range(3):
            verdict = CHECKS[name](function, seed=seed)
            assert verdict, (function.__name__, verdict)


@EACH
@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_each_known_mistake_is_named(name: str) -> None:
    found = CHECKS[name]
    assert len(found.wrong) >= 6
    for message, mistake in found.wrong.items():
        for seed in range(3):
            assert repr(found(mistake, seed=seed)) == f"✗ {message}"


@EACH
def test_an_exercise_as_it_is_handed_out_fails(name: str) -> None:
    assert "Is there a return?" in CHECKS[name](lambda *given: None).message
    assert not CHECKS[name](lambda *given: given[0])
    assert len(CHECKS[name].hint()) > 10


@EACH
def test_inputs_come_from_the_seed_and_batch_and_classes_differ(name: str) -> None:
    rounds = [[torch.as_tensor(x) for x in CHECKS[name].inputs(Draw(seed))] for seed in (1, 1, 2)]
    first, again, other = rounds
    assert all(torch.equal(x, y) for x, y in zip(first, again, strict=True))
    assert any(not torch.equal(x, y) for x, y in zip(first, other, strict=True))
    tensors = [x for x in CHECKS[name].inputs(Draw(1)) if torch.is_tensor(x)]
    assert all(x.dtype in (torch.float64, torch.int64) for x in tensors)
    assert all(x.shape[0] != x.shape[-1] for x in tensors if x.ndim > 1)


@pytest.mark.parametrize("body", ["mean(p, q)", "sum(mean(p, q) for _ in range(1))"])
def test_a_helper_of_another_cell_is_named(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDLIB_BOOK", raising=False)
    here = {"__name__": "__main__", "mean_kl": None, "right": check.kl.right}
    helper, answer = "def mean(p, q): return right(p, q)", f"def mean_kl(p, q): return {body}"
    for cell, source in enumerate((helper, answer)):
        exec(compile(source, f"cell {cell}", "exec"), here)
    verdict = check.kl(here["mean_kl"])
    assert verdict and verdict.message.startswith("Right. It uses mean from another cell")
    exec(compile("def log(x): return x", "cell 2", "exec"), here)  # no method's name counts
    exec(compile(f"{helper}\n{answer.replace('return', 'p.log(); return')}", "cell 3", "exec"), here)
    assert check.kl(here["mean_kl"]).message == "Right."


def test_what_no_known_mistake_explains_is_said_in_words() -> None:
    right = check.kd_term.right
    for function, said in (
        (lambda s, t, T: -right(s, t, T), "wrong sign"),
        (lambda s, t, T: 3 * right(s, t, T), "is 3 times the right one"),
        (lambda s, t, T: right(s, t, T) + 1, "Not yet: you have"),
        (lambda s, t, T: 1.0003 * right(s, t, T), "is 1.0003 times the right one"),
        (lambda s, t, T: right(s, t, T).expand(2), r"the shape \(2,\)"),
        (lambda s, t, T: right(s, t, T) * float("nan"), "NaN"),
        (lambda s, t, T: (right(s, t, T), 1.0), "gives more values than are wanted"),
        (lambda s, t, T: right(s, t, T) + 0 * s.sum() + t.sum() - t.detach().sum(), "gradient is not"),
        (lambda s, t: s, "stopped: TypeError"),
        (lambda s, t, T: right(s.numpy(), t, T), "stopped: RuntimeError"),
    ):
        with pytest.raises(AssertionError, match=said):
            raise AssertionError(check.kd_term(function).message)


def test_too_few_numbers_are_called_few_in_a_list_too() -> None:
    shorter = check.ramp(lambda progress, start, end: [0.0, 0.5, 1.0])
    assert shorter.message == "Your function gives fewer values than are wanted."


def test_a_wrong_number_is_shown_in_as_many_digits_as_it_takes() -> None:
    exact = Check("ex-t-exact", lambda draw: (draw.normal(5),), lambda x: x + 100, "Add.", {}, tolerance=1e-9)
    said = exact(lambda x: x + 100 + 1e-5 * x.abs()).message
    have, want = re.findall(r"\d+\.\d+", said)
    assert said.startswith("Not yet: you have") and have != want


def tried_in_this_order(odds, y):
    def both(t):
        alarm = (odds > t).float()
        return float(alarm[y == 1].mean() - alarm[y == 0].mean())

    return max(odds.tolist(), key=both)


def bins_without_upper_end(z, y, bins):
    confidence, answer = z.softmax(1).max(1)
    gaps = confidence - (answer == y).double()
    inside = [(confidence >= k / bins) & (confidence < (k + 1) / bins) for k in range(bins)]
    return sum(gaps[here].sum().abs() for here in inside) / len(y)


def searched_above_1(z, share):
    tries = torch.linspace(1, 50, 100_000, dtype=z.dtype)
    return float(tries[int(((z / tries[:, None]).softmax(1).amax(1) - share).abs().argmin())])


def kept_without_gradient(z_s, log_p, places):
    log_q = z_s.detach().log_softmax(-1).gather(-1, places)
    rest_p, rest_q = ((1 - x.exp().sum(-1)).clamp(min=1e-12) for x in (log_p, log_q))
    return ((log_p.exp() * (log_p - log_q)).sum(-1) + rest_p * (rest_p / rest_q).log()).mean()


def softened_after(shift):
    def softened(z, T):
        powers = ((z - shift(z)) / T).exp()
        return powers / powers.sum(-1, keepdim=True)

    return softened


WRONG = [  # right but for one rare case
    ("soften", softened_after(lambda z: z.mean(-1, keepdim=True)), "NaN where logits are large"),
    ("soften", softened_after(lambda z: z.amin(-1, keepdim=True)), "NaN where logits are large"),
    ("soften", softened_after(lambda z: z[:, :1]), "first logit"),
    ("soften", softened_after(lambda z: z.max()), "whole batch"),
    ("soften", lambda z, T: (z / T).clamp(max=80).softmax(-1), "Not yet"),
    ("smoothed", lambda y, n, e: F.one_hot(y) * (1 - e) + e / n, "number of classes"),
    ("mixed_target", lambda y, p, a: (1 - a) * F.one_hot(y) + a * p, "must match"),
    ("mutual", lambda a, b, y: check.mutual.right(a, b, y) + 0 * (F.one_hot(y) * a).sum(), "must match"),
    ("seeds_for", lambda s, half: int((1.96 * s / half) ** 2) + 1, "comes out whole"),
    ("runs_for", lambda gain, s: int((2 * s / gain) ** 2) + 1, "comes out whole"),
    ("best_threshold", tried_in_this_order, "equally good"),
    ("kept_term", kept_without_gradient, "cut off"),
    ("calibration_error", bins_without_upper_end, "exactly 1"),
    ("calibration_error", lambda z, y, n: check.calibration_error.right(z, y, 5), "Not yet"),
    ("temperature_for", searched_above_1, "above 1 only"),
    ("until_end", lambda tokens, end: check.until_end.right(tokens, 2), "Not yet"),
]


@pytest.mark.parametrize(("name", "function", "said"), WRONG)
def test_what_is_wrong_in_a_rare_case_fails(name: str, function: Callable[..., object], said: str) -> None:
    for seed in range(3):
        verdict = CHECKS[name](function, seed=seed)
        assert not verdict and said in verdict.message, verdict


def test_the_solution_is_shown_after_a_try_and_the_hint_without_quotes() -> None:
    fresh = Check("ex-t-fresh", lambda draw: (draw.normal(2),), torch.exp, "Exponentials.", {})
    assert repr(fresh.hint()) == "Exponentials."
    assert repr(fresh.solution()).startswith("First try")

    def doubled(x):
        return 2 * x

    own = Check("ex-t-own", lambda draw: (draw.normal(2),), doubled, "Twice.", {})
    assert not own(lambda x: x)
    assert repr(own.solution()).strip().startswith("def doubled(x):")


def test_a_function_that_changes_what_it_is_given_is_told_so() -> None:
    def in_place(logits, T):
        logits /= T
        return logits.softmax(-1)

    def in_place_where_gradients_count(s, t, T):
        s /= T
        return check.kd_term.right(s, t / T, 1) * T**2

    assert "Work on copies" in check.soften(in_place).message
    assert "Work on copies" in check.kd_term(in_place_where_gradients_count).message
    assert check.soften(check.soften.right)  # and the next one is given whole tensors


def test_a_call_in_place_of_a_function_is_refused() -> None:
    with pytest.raises(TypeError, match="without"):
        check.soften(torch.ones(3))  # type: ignore[arg-type]


def test_a_verdict_is_true_or_false_and_reads_well() -> None:
    good, bad = check.soften(check.soften.right), check.soften(lambda z, T: z)
    assert good and repr(good) == "✓ Right." and not bad and repr(bad).startswith("✗ ")
