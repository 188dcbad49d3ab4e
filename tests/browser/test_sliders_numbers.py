"""The arithmetic of the sliders, which JavaScript alone has, against torch and numbers worked by hand."""

import math
from collections import Counter

import pytest
import torch
from sliders import GAINS, TOLD, in_page, schedule_slider

from kdlib.evaluation.statistics import T_QUANTILES, interval
from kdlib.losses import distillation_term, hinton_loss
from kdlib.numbers import percent, signed
from kdlib.objectives import ramps
from kdlib.softening import entropy, soften

pytestmark = pytest.mark.browser

SPACE, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
UNIT = "test errors fewer"


@pytest.fixture
def run(open_page):
    """run("kd.softmax", rows): what a function of the kit gives for each row of arguments."""
    page = open_page(in_page())

    def call(function: str, rows) -> list:
        return page.evaluate(f"(rows) => rows.map((row) => {function}(...row))", [list(row) for row in rows])

    return call


def double(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def logits(count: int, scale: float, seed: int = 0) -> torch.Tensor:
    z = torch.randn(count, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale
    z[0] = 0
    z[1, 3] = 900  # exp would overflow
    return z


def close(found, expected) -> None:
    torch.testing.assert_close(double(found), double(expected), rtol=1e-12, atol=1e-12)


def test_softmax_and_entropy_agree_with_torch(run):
    z, t = logits(200, 20), torch.logspace(-1, 2, 200, dtype=torch.float64)
    found = run("kd.softmax", zip(z.tolist(), t.tolist(), strict=True))
    p = torch.stack([soften(row, float(heat)) for row, heat in zip(z, t, strict=True)])
    close(found, p.tolist())
    close(run("kd.entropy", [[row] for row in p.tolist()]), entropy(p).tolist())


def test_the_divergence_agrees_with_torch_and_is_never_negative(run):
    teacher, student = logits(100, 8), logits(100, 8, seed=1)
    student[2] = teacher[2]
    t = torch.logspace(-1, 2, 100, dtype=torch.float64).tolist()
    found = run("kd.divergence", zip(teacher.tolist(), student.tolist(), t, strict=True))
    rows = zip(student, teacher, t, strict=True)
    close(
        found, [max(0.0, float(distillation_term(s[None], p[None], heat) / heat**2)) for s, p, heat in rows]
    )
    assert found[2] == 0 and min(found) >= 0


def cases() -> list[tuple]:
    """Student, teacher, label and setting, with T^2 and without in turn."""
    student, teacher = logits(40, 5), logits(40, 5, seed=1)
    student[0] = teacher[0]  # equal ones
    student[1], teacher[1] = student[2], teacher[3]  # no overflow here
    heats, alphas = torch.logspace(math.log10(0.5), 2, 40).tolist(), torch.linspace(0, 1, 40).tolist()
    settings = [
        {"temperature": t, "alpha": a, "squared": i % 2 == 0}
        for i, (t, a) in enumerate(zip(heats, alphas, strict=True))
    ]
    return list(zip(student.tolist(), teacher.tolist(), [3] * 40, settings, strict=True))


def soft_term(z, teacher, setting):
    """T^2 KL, or KL alone."""
    t = setting["temperature"]
    return distillation_term(z[None], teacher[None], t) / (1 if setting["squared"] else t**2)


def loss(z, teacher, label, setting):
    """Of one example, by torch."""
    hard = torch.nn.functional.cross_entropy(z[None], torch.tensor([label]))
    return setting["alpha"] * soft_term(z, teacher, setting) + (1 - setting["alpha"]) * hard


def gradient(function, z):
    """By autograd."""
    z = z.detach().requires_grad_()
    return torch.autograd.grad(function(z), z)[0]


def test_the_terms_and_their_gradients_agree_with_torch(run):
    for found, (s, p, label, setting) in zip(run("kd.terms", cases()), cases(), strict=True):
        z, teacher, truth = double(s), double(p), torch.tensor([label])
        soft = soft_term(z, teacher, setting)
        hard = torch.nn.functional.cross_entropy(z[None], truth)
        kl = distillation_term(z[None], teacher[None], setting["temperature"]) / setting["temperature"] ** 2
        pulls = [
            gradient(lambda z, p=teacher, s=setting: soft_term(z, p, s), z),
            gradient(lambda z, y=truth: torch.nn.functional.cross_entropy(z[None], y), z),
        ]
        total = loss(z, teacher, label, setting)
        names = ("kl", "soft", "hard", "total", "softLength", "hardLength")
        close(
            [found[name] for name in names],
            [float(x) for x in (kl, soft, hard, total, *map(torch.norm, pulls))],
        )
        if setting["squared"]:
            terms = hinton_loss(
                z[None], teacher[None], truth, temperature=setting["temperature"], alpha=setting["alpha"]
            )
            close([found["soft"], found["total"]], [float(terms.soft), float(terms.total)])


@pytest.mark.parametrize(("steps", "least"), [(1, 1e-9), (25, 1e-8)])
def test_steps_are_those_of_autograd(run, steps, least):
    found = run("kd.stepped", [(*case, steps) for case in cases()])
    for stepped, (s, p, label, setting) in zip(found, cases(), strict=True):
        z, teacher = double(s), double(p)
        for _ in range(steps):
            z = z - 0.5 * gradient(lambda z, p=teacher, y=label, how=setting: loss(z, p, y, how), z)
        torch.testing.assert_close(double(stepped), z, rtol=0, atol=least)


def test_the_loss_by_hand(run):
    """Two classes, T = 1: teacher 3/4 and 1/4, student 1/2 and 1/2."""
    at_one = {"temperature": 1, "alpha": 0.5, "squared": True}
    case = [0, 0], [math.log(3), 0], 0
    (found,) = run("kd.terms", [(*case, at_one)])
    # KL = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.1308; cross-entropy ln 2; gradients (-1/4, 1/4) and (-1/2, 1/2)
    kl = 0.75 * math.log(1.5) - 0.25 * math.log(2)
    expected = [kl, kl, math.log(2), (kl + math.log(2)) / 2, math.sqrt(1 / 8), math.sqrt(1 / 2)]
    close(list(found.values()), expected)
    # A step of 0.5 against the mean of the two, (-3/8, 3/8).
    close(run("kd.stepped", [(*case, at_one, 1), (*case, at_one, 0)]), [[3 / 16, -3 / 16], [0, 0]])
    # Half of 3/4 - p and half of 1 - p balance at p = 7/8: a logit of ln 7.
    (least,) = run("kd.leastPlace", [(*case, at_one, -10, 10)])
    assert least == pytest.approx(math.log(7), abs=1e-9)
    # At T = 2 the teacher of 9 to 1 has 3/4 again. The soft gradient is T (q - p) with T^2, else (q - p) / T.
    at_two = [{"temperature": 2, "alpha": 1, "squared": squared} for squared in (True, False)]
    hot = [0, 0], [math.log(9), 0], 0
    found = run("kd.gradients", [(*hot, setting) for setting in at_two])
    close([each["soft"] for each in found], [[-1 / 2, 1 / 2], [-1 / 8, 1 / 8]])
    close([each["hard"] for each in found], [[-1 / 2, 1 / 2]] * 2)


def test_a_hundred_steps_reach_the_teacher_with_the_square_and_not_without(run):
    """A teacher much like chapter 2's, at T = 4 and alpha = 0.9."""
    teacher, student = [-4.6, -4.6, 4.7, -1, -5.2, -7.1, -9.9, 6.1, -1, -1.3], [0.0] * 10
    settings = [{"temperature": 4, "alpha": 0.9, "squared": squared} for squared in (True, False)]
    ends = run("kd.stepped", [(student, teacher, 7, setting, 100) for setting in settings])
    near, far = run("kd.divergence", [(teacher, end, 4) for end in ends])
    assert near < 0.01 and far > 0.2


def test_the_minimum_is_where_the_gradient_of_torch_is_zero(run):
    ends = run("kd.cutEnds", [case[:3] for case in cases()])
    rows = [(*case, *end[:2]) for case, end in zip(cases(), ends, strict=True)]
    for least, (s, p, label, setting, low, high) in zip(run("kd.leastPlace", rows), rows, strict=True):

        def slope(place, s=s, p=p, label=label, setting=setting) -> float:
            z = double(s)
            z[label] = place
            return float(gradient(lambda z: loss(z, double(p), label, setting), z)[label])

        if least is None:
            assert slope(high) <= 1e-12
        else:
            assert low < least < high and slope(least - 1e-4) < 1e-12 and slope(least + 1e-4) > -1e-12


def test_the_cut_holds_the_student_its_steps_and_every_loss(run):
    ends = run("kd.cutEnds", [case[:3] for case in cases()])
    for (low, high, most), (s, p, label, _) in zip(ends, cases(), strict=True):
        assert low < s[label] < high
        settings = [
            {"temperature": t, "alpha": a, "squared": q}
            for t in (0.5, 4.0, 100.0)
            for a in (0, 0.9, 1)
            for q in (True, False)
        ]
        stepped = run("kd.stepped", [(s, p, label, setting, 500) for setting in settings])
        assert all(low < z[label] < high for z in stepped)
        for t in (0.5, 4.0, 100.0):
            for place in (low, high):
                z = double(s)
                z[label] = place
                terms = hinton_loss(z[None], double(p)[None], torch.tensor([label]), temperature=t, alpha=1.0)
                assert float(terms.soft) <= most and float(terms.hard) <= most


def test_the_weights_are_those_of_ramps_and_the_mean_is_theirs(run):
    settings = [
        {"kind": kind, "start": start, "end": end, "alpha": alpha}
        for kind in ("at-once", "late", "ramp")
        for start, end, alpha in ((0.0, 0.6, 1.0), (0.3, 0.6, 0.5), (0.25, 1.0, 0.7), (0.99, 1.0, 0.35))
    ]
    steps = [(k + 0.5) / 2000 for k in range(2000)]
    means = run("kd.meanWeight", [[setting] for setting in settings])
    for setting, mean in zip(settings, means, strict=True):
        kind, start, end, alpha = setting.values()
        if kind == "ramp":
            expected = [alpha * ramps.ramp(x, start=start, end=end) for x in steps]
        else:
            expected = [alpha * (ramps.late(x, start=start) if kind == "late" else 1) for x in steps]
        close(run("kd.weight", [(setting, x) for x in steps]), expected)
        assert mean == pytest.approx(math.fsum(expected) / 2000, abs=1e-3)
    assert run("kd.meanWeight", [[{"kind": "ramp", "start": 0, "end": 0.6, "alpha": 1}]]) == [0.7]


# ---- the roulette ----


def drawn(count: int, seed: int, presses: int) -> list[list[int]]:
    """Park and Miller's generator and Fisher and Yates' shuffle, once more."""
    state, found = 1 + seed % (2**31 - 2), []

    def step() -> int:
        nonlocal state
        state = state * 48271 % (2**31 - 1)
        return state

    for _ in range(10):
        step()
    for _ in range(presses):
        deck = list(range(count))
        for i in range(min(count, 10)):
            j = i + step() * (count - i) // (2**31 - 1)
            deck[i], deck[j] = deck[j], deck[i]
        found.append(deck[:10])
    return found


def test_the_draws_are_those_of_the_generator(run):
    rows = [(40, 0, 50), (40, 1, 7), (10, 2**40, 30), (3, 17, 30), (100, 1, 999), (4, 0, 0)]
    assert run("kd.draws", rows) == [drawn(*row) for row in rows]
    # The 10,000th state from 1 is 399,268,537 (C++'s minstd_rand): so is our own copy right.
    state = 1
    for _ in range(10_000):
        state = state * 48271 % (2**31 - 1)
    assert state == 399_268_537


def test_a_draw_does_not_put_back_and_every_run_has_the_same_chance(run):
    (found,) = run("kd.draws", [(10, 17, 999)])
    assert all(sorted(draw) == list(range(10)) for draw in found)
    for place in range(10):
        counts = Counter(draw[place] for draw in found)
        # Chi squared with 9 degrees of freedom stays below 27.9 in 999 of 1,000 cases.
        assert sum((counts[run] - 99.9) ** 2 / 99.9 for run in range(10)) < 27.9


def test_the_interval_is_that_of_statistics(run):
    papers = [list(GAINS.values())[:n] for n in (2, 3, 5, 10, 30, 40)]
    found = run("kd.interval", [(paper, T_QUANTILES) for paper in papers])
    close([list(row.values()) for row in found], [list(interval(paper)[:3]) for paper in papers])


CLAIMS = [
    ([16], UNIT, 0, "Distillation saves 16 test errors."),
    ([-10], UNIT, 0, "Distillation costs 10 test errors."),
    ([1], UNIT, 0, "Distillation saves 1 test error."),
    ([0], UNIT, 0, "Distillation makes no difference."),
    ([0.04], "thousandths of a nat less", 1, "Distillation makes no difference."),
    ([-0.06], "thousandths of a nat less", 1, "Distillation costs 0.1 thousandths of a nat."),
    ([2.5], "percentage points more", 1, "Distillation gains 2.5 percentage points."),
    ([-2.5], "percentage points more", 1, "Distillation loses 2.5 percentage points."),
    ([16, -10], UNIT, 0, "Distillation saves 3.0 test errors on average."),
    ([3, -3], UNIT, 0, "Distillation makes no difference on average."),
    # Mean 2, deviation 1: 4.303 / sqrt(3) = 2.48 on both sides.
    ([1, 2, 3], UNIT, 0, f"Distillation saves 2.0 test errors on average; the 95{SPACE}% interval, "
                         f"{MINUS}0.5 to +4.5, includes zero."),
    ([-5, -6, -7], UNIT, 0, f"Distillation costs 6.0 test errors on average; the 95{SPACE}% interval, "
                            f"{MINUS}8.5 to {MINUS}3.5, excludes zero."),
]  # fmt: skip


def test_claims_by_hand(run):
    found = run("kd.claim", [(values, unit, digits, T_QUANTILES[:9]) for values, unit, digits, _ in CLAIMS])
    assert found == [said for *_, said in CLAIMS]


def test_no_run_stands_on_the_wrong_side_of_zero_or_on_another(run):
    for gains in (
        [16, -10, 0, -1, 7, 5, 8, 7, 4, 4],
        [0.01, -0.01, 0, 50],
        [(i % 7) * 0.1 - 0.2 for i in range(100)],
        [1] * 100,
    ):
        (found,) = run("kd.stack", [(gains, 0, 108, 84)])
        for i, (gain, (x, y)) in enumerate(zip(gains, found["spots"], strict=True)):
            assert x == 0 if gain == 0 else x * gain > 0
            assert abs(x - gain) <= found["size"] + 0.5 and 20 <= y <= 108
            assert len(gains) > 10 or all(
                math.dist((x, y), other) > found["size"] - 1 for other in found["spots"][:i]
            )


# ---- words ----


def test_numbers_are_written_as_python_writes_them(run):
    shares = [0, 1e-6, 0.0037, 0.00999, 0.01, 0.1, 0.5, 0.854, 0.9994, 0.9999, 1]
    assert run("kd.percent", [[share] for share in shares]) == [percent(share) for share in shares]
    powers = {0.0: "0\u00a0%", 0.002: "0.20\u00a0%", 4.4e-6: "4·10⁻⁶", 9.7e-10: "1·10⁻⁹", 3e-12: "3·10⁻¹²"}
    assert run("kd.power", [[share] for share in powers]) == list(powers.values())
    values = [-2.25, -0.05, -0.04, 0, 0.04, 0.05, 0.25, 7.949999, 123.45]
    assert run("kd.signed", [(value, 1) for value in values]) == [signed(value, 1) for value in values]
    assert run("kd.nats", [[0], [0.000012], [0.01234], [0.123456], [12.345]]) == [
        "0", "0.00001", "0.0123", "0.123", "12.35",
    ]  # fmt: skip
    verdicts = ["less than nothing", "no gain detected", "more than nothing", "no gain detected"]
    run_places = [told._asdict() for told in TOLD if told.gain is not None]
    assert run("kd.verdict", [[place] for place in run_places]) == verdicts
    assert run("kd.verdict", [[{"low": 0, "high": 2}], [{"low": -2, "high": 0}]]) == ["no gain detected"] * 2


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        # 1 - (0 + 0.6) / 2 = 0.7
        (("ramp", 0.0, 0.6, 1.0), "the teacher has 70 % of the weight, the labels 30 %. It begins to count "
                                  "with the first steps and has all of its weight, α = 1.00, from 60 % on."),
        # 0.7 * (1 - (0.25 + 0.5) / 2) = 0.4375
        (("ramp", 0.25, 0.5, 0.7), "43.8 % of the weight, the labels 56.2 %"),
        (("ramp", 0.25, 1.0, 0.7), "after 25 % of training and has all of its weight, α = 0.70, at the end."),
        (("late", 0.3, 0.6, 0.5), "35 % of the weight, the labels 65 %. It first counts after 30 % of"),
        (("late", 0.0, 0.6, 0.5), "It counts from the first step, with all of its weight, α = 0.50."),
        (("at-once", 0.3, 0.6, 0.9), "90 % of the weight, the labels 10 %. It counts"),
        (("ramp", 0.0, 0.6, 0.0), "0 % of the weight, the labels 100 %. It never counts"),
    ],
)  # fmt: skip
def test_the_words_of_a_schedule_by_hand(open_page, setting, words):
    page = open_page(in_page(schedule_slider(*setting)))
    said = " ".join(page.locator("[data-kd=said]").text_content().split())
    assert words in said.replace(SPACE, " ")
