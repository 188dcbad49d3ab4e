"""The sliders as a reader has them: in a page opened from a file, without a kernel and without a network."""

from itertools import pairwise

import pytest
import torch
from axe import faults
from sliders import (
    ANIMALS,
    ANSWERS,
    EACH,
    GAINS,
    LABELS,
    MAKE,
    NAMES,
    PHONE,
    expect,
    in_page,
    part,
    press,
    settled,
    tell,
    track,
)

from kdlib.evaluation.statistics import interval
from kdlib.losses import distillation_term
from kdlib.numbers import percent, signed
from kdlib.sliders import loss_slider, seed_roulette, temperature_slider
from kdlib.softening import entropy, soften

pytestmark = pytest.mark.browser

BACK = {"light": ("#ffffff", "#222832"), "dark": ("#14181e", "#ced6dd")}  # of the site, and its ink


def widths(scope, kind: str) -> list[float]:
    """The lengths of the bars of a kind, as shares of the room that they have."""
    bars = part(scope, "bars").locator("[role=img]")
    full = float(bars.locator(".kd-room").first.get_attribute("width"))
    return [float(bar.get_attribute("width")) / full for bar in bars.locator(f"rect.{kind}").all()]


def expect_temperature(scope, temperature: float, index: int = 0, logits=ANIMALS, labels=LABELS) -> None:
    """Every number and length shown is that of soften(logits, temperature)."""
    p = soften(torch.tensor(logits[index], dtype=torch.float64), temperature)
    nats = f"{float(entropy(p)):.2f}"
    tell(scope, "temperature", f"temperature {temperature:.3g}, entropy {nats} nats")
    assert widths(scope, "kd-teacher") == pytest.approx(p.tolist(), abs=1e-4)
    shares = [percent(float(share)) for share in p]
    expect(part(scope, "bars").locator("text.kd-end")).to_contain_text(shares)
    top = int(p.argmax())
    words = f"At temperature {temperature:.3g} the largest share is {labels[top]} with {shares[top]}"
    expect(part(scope, "said")).to_contain_text(words)
    list_ = "; ".join(f"{label}: {share}" for label, share in zip(labels, shares, strict=True))
    expect(part(scope, "bars").locator("[role=img]")).to_have_attribute(
        "aria-label", f"Probabilities at T = {temperature:.3g}. {list_}"
    )


# ---- keys, mouse, touch ----


def test_arrow_keys_go_twenty_steps_a_decade(open_page):
    page = open_page(in_page(MAKE["temperature"]()))
    expect_temperature(page, 1)
    track(page, "temperature").focus()
    press(page, *["ArrowRight"] * 8)
    expect_temperature(page, 2.5)
    for key, temperature in (("ArrowDown", 2.2), ("Home", 0.1), ("ArrowLeft", 0.1), ("End", 100)):
        press(page, key)
        expect_temperature(page, temperature)
    page.get_by_role("button", name="Back to T = 1").click()
    settled(page)
    expect_temperature(page, 1)


def test_a_drag_by_mouse_follows_the_axis(open_page):
    page = open_page(in_page(MAKE["temperature"]()))
    box, plot = track(page, "temperature").bounding_box(), part(page, "entropy").bounding_box()
    x = lambda unit: plot["x"] + plot["width"] * unit / 320  # noqa: E731
    page.mouse.move(x(30 + 276 / 3), box["y"] + 22)  # T = 1
    page.mouse.down()
    page.mouse.move(x(30 + 276 * 2 / 3), box["y"] + 22, steps=5)  # T = 10
    page.mouse.up()
    expect_temperature(page, 10)


def test_touch_moves_a_track_and_scrolling_leaves_it_where_it_was(open_page):
    page = open_page(in_page(MAKE["temperature"]()), **PHONE, viewport={"width": 360, "height": 700})
    plot, box = part(page, "entropy").bounding_box(), track(page, "temperature").bounding_box()
    page.touchscreen.tap(plot["x"] + plot["width"] * 214 / 320, box["y"] + box["height"] / 2)
    expect_temperature(page, 10)
    finger = page.context.new_cdp_session(page)
    for kind, unit in (("touchStart", 214), ("touchMove", 180), ("touchMove", 122), ("touchEnd", None)):
        spot = {"x": plot["x"] + plot["width"] * (unit or 0) / 320, "y": box["y"] + box["height"] / 2}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [spot] if unit else []})
    expect_temperature(page, 1)
    x, y = box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2
    for kind, up in [("touchStart", 0), *(("touchMove", 20 * step) for step in range(1, 9))]:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y - up}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("scrollY > 50")
    settled(page)
    expect_temperature(page, 1)


TRACKS = [
    ("temperature", "temperature"),
    ("loss", "temperature"),
    ("loss", "alpha"),
    ("answers", "temperature"),
    ("threshold", "threshold"),
    ("schedules", "start"),
    ("schedules", "end"),
    ("schedules", "alpha"),
    ("errors", "images"),
    ("information", "index"),
    ("roulette", "runs"),
    ("digits", "temperature"),
    ("xrays", "temperature"),
    ("mixture", "mean"),
    ("mixture", "width"),
    ("omitted", "temperature"),
    ("omitted", "bias"),
    ("playground", "temperature"),
    ("playground", "alpha"),
    ("writer", "length"),
    ("writer", "temperature"),
]


@pytest.mark.parametrize(("kind", "moved"), TRACKS)
def test_every_track_moves_by_keys_by_mouse_and_by_touch_and_back(open_page, kind, moved):
    page = open_page(in_page(MAKE[kind]()), **PHONE, viewport={"width": 390, "height": 844})
    input_ = track(page, moved)
    said = lambda: (settled(page), input_.get_attribute("aria-valuetext"))[1]  # noqa: E731
    start, heard = said(), []
    input_.focus()
    for key in ("Home", "ArrowRight", "End", "ArrowLeft"):
        press(page, key)
        heard.append(said())
    assert heard[0] != heard[1] and heard[2] != heard[3] and heard[0] != heard[2]
    box = input_.bounding_box()
    assert box["height"] >= 44
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 22)
    settled(page)
    clicked = said()
    page.touchscreen.tap(box["x"] + box["width"] - 12, box["y"] + 22)
    assert len({clicked, said()}) == 2
    page.get_by_role("button").last.click()
    assert said() == start


def test_the_loss_has_two_tracks_and_no_minimum_without_the_teacher(open_page):
    page = open_page(in_page(MAKE["loss"]()))
    # The loss of these logits at T = 4 and alpha = 0.9 is 0.9 * 1.364 + 0.1 * 1.055.
    tell(page, "temperature", "temperature 4, loss 1.33")
    expect(part(page, "said")).to_contain_text("Loss = 0.90 × 1.36 + 0.10 × 1.05 = 1.33.")
    track(page, "alpha").focus()
    press(page, "ArrowRight")
    tell(page, "alpha", "alpha 0.91, loss 1.34")
    press(page, "Home")
    expect(part(page, "plot")).to_contain_text("no minimum up to")
    tell(page, "alpha", "alpha 0.00, loss 1.05")
    p, q = (soften(torch.tensor(z, dtype=torch.float64), 4.0) for z in ([5.0, 2.0, 0.5], [2.0, 2.5, 0.5]))
    assert widths(page, "kd-teacher") == pytest.approx(p.tolist(), abs=1e-4)
    assert widths(page, "kd-distilled") == pytest.approx(q.tolist(), abs=1e-4)
    page.get_by_role("button", name="Reset").click()
    settled(page)
    tell(page, "alpha", "alpha 0.90, loss 1.33")


def test_steps_lead_to_the_teacher_and_without_the_square_not_as_far(open_page):
    teacher = [-4.6, -4.6, 4.7, -1, -5.2, -7.1, -9.9, 6.1, -1, -1.3]  # much as in chapter 2
    page = open_page(in_page(loss_slider([0.0] * 10, teacher, 7, list("0123456789"))))

    def distance() -> float:
        pairs = zip(widths(page, "kd-teacher"), widths(page, "kd-distilled"), strict=True)
        return max(abs(p - q) for p, q in pairs)

    far = [distance()]
    for press_ in range(1, 11):
        page.get_by_role("button", name="10 steps").click()
        settled(page)
        far.append(distance())
        expect(part(page, "plot")).to_contain_text(f", {10 * press_} steps")
        expect(part(page, "live")).to_contain_text(f"After {10 * press_} steps: Loss = 0.90 × ")
    assert all(now < before for before, now in pairwise(far)) and far[-1] < 0.02
    page.get_by_role("radio", name="without T²").check()
    settled(page)
    assert far[-1] + 0.05 < distance() < far[0]
    expect(part(page, "plot").locator(".kd-legend")).to_contain_text("α KL")
    page.get_by_role("button", name="Reset").click()
    settled(page)
    expect(page.get_by_role("radio", name="with T²", exact=True)).to_be_checked()
    assert distance() == far[0]
    expect(part(page, "plot")).not_to_contain_text("steps")


def test_the_point_moves_with_the_steps_and_they_come_to_an_end(open_page):
    slider = MAKE["loss"]()
    slider.steps = 495
    page = open_page(in_page(slider))
    (z,) = page.evaluate("[kd.stepped([2, 2.5, 0.5], [5, 2, 0.5], 0, "
                         "{ temperature: 4, alpha: 0.9, squared: true }, 495)]")  # fmt: skip
    low, high = (page.evaluate("kd.cutEnds([2, 2.5, 0.5], [5, 2, 0.5], 0)")[i] for i in (0, 1))
    dot = part(page, "plot").locator("circle")
    assert float(dot.get_attribute("cx")) == pytest.approx(34 + 272 * (z[0] - low) / (high - low), abs=0.01)
    button = page.get_by_role("button", name="10 steps")
    button.focus()
    press(page, "Enter", "Space")
    expect(part(page, "plot")).to_contain_text(", 500 steps")


@pytest.mark.parametrize("width", [320, 390, 800])
def test_the_page_of_the_loss_does_not_move(open_page, width):
    page = open_page(in_page(crowd("loss")), viewport={"width": width, "height": 800})
    heights = set()
    for radio in page.get_by_role("radio").all():
        radio.check()
        page.get_by_role("button", name="10 steps").click()
        for name in ("temperature", "alpha"):
            for key in ("Home", "PageUp", "PageUp", "PageUp", "End"):
                track(page, name).focus()
                press(page, key)
                heights.add(page.locator(".kd-view").bounding_box()["height"])
    assert len(heights) == 1


def test_no_figure_touches_the_bars_or_another(open_page):
    """At T = 0.5 many shares are below 0.01 %."""
    for kind in ("loss", "temperature"):
        page = open_page(in_page(crowd(kind)), viewport={"width": 390, "height": 664})
        track(page, "temperature").focus()
        press(page, "Home")
        expect(part(page, "bars")).to_contain_text("<0.01")
        room = part(page, "bars").locator(".kd-room").first.bounding_box()
        texts = [node.bounding_box() for node in part(page, "bars").locator("text.kd-end").all()]
        texts = [box for box in texts if box["x"] > room["x"] and box["y"] > room["y"] - 5]
        assert texts and min(box["x"] for box in texts) >= room["x"] + room["width"] + 2
        for first in texts:
            assert not any(first["x"] < box["x"] < first["x"] + first["width"] + 2
                           for box in texts if abs(box["y"] - first["y"]) < 4)  # fmt: skip


def test_a_logarithmic_axis_shows_the_order_that_a_linear_one_hides(open_page):
    logits = [[0.0, 14.0, 3.0, -9.0]]
    page = open_page(in_page(temperature_slider(logits, ["a", "b", "c", "d"])))
    assert max(sorted(widths(page, "kd-teacher"))[:3]) < 1e-4
    axis = page.get_by_role("group", name="Axis")
    expect(axis.get_by_role("radio", name="linear")).to_be_checked()
    height = page.locator(".kd-view").bounding_box()["height"]
    axis.get_by_role("radio", name="linear").focus()
    press(page, "ArrowRight")
    expect(axis.get_by_role("radio", name="logarithmic")).to_be_checked()
    shares = soften(torch.tensor(logits[0], dtype=torch.float64), 1.0)
    expected = [max(0.0, 1 + float(p.log10()) / 9) for p in shares]  # from 1e-9, and nothing for d
    assert widths(page, "kd-teacher") == pytest.approx(expected, abs=1e-4)
    assert widths(page, "kd-ghost") == pytest.approx(expected, abs=1e-4)
    assert expected[3] == 0 < expected[0] < expected[2] < expected[1]
    expect(part(page, "bars")).to_contain_text("10⁻⁹10⁻⁶10⁻³1")
    assert page.locator(".kd-view").bounding_box()["height"] == height


def test_answers_without_images_are_chosen_by_words(open_page):
    page = open_page(in_page(MAKE["answers"](images=None)))
    group = page.get_by_role("group", name="Example")
    assert [text.strip() for text in group.locator("label").all_inner_texts()] == list(NAMES)
    page.get_by_role("radio", name=NAMES[1]).click()
    settled(page)
    assert f"True class: {LABELS[2]}" in page.locator("[data-kd=said]").inner_text()


@pytest.mark.parametrize("index", [0, 1])
def test_answers_show_bars_the_largest_shares_and_the_distances(open_page, index):
    page = open_page(in_page(MAKE["answers"]()))
    page.get_by_role("radio", name=NAMES[index]).click()
    settled(page)
    track(page, "temperature").focus()
    press(page, "ArrowRight")
    z = torch.tensor([rows[index] for rows in ANSWERS.values()], dtype=torch.float64)
    p = soften(z, 4.5)
    for kind, shares in zip(("kd-teacher", "kd-scratch", "kd-distilled"), p, strict=True):
        assert widths(page, kind) == pytest.approx(shares.tolist(), abs=1e-4)
    far = [float(distillation_term(s[None], z[:1], 4.5) / 4.5**2) for s in z[1:]]
    digits = [2 if x >= 1 else 3 if x >= 0.1 else 4 if x >= 0.01 else 5 for x in far]
    list_ = f"alone {far[0]:.{digits[0]}f}, distilled {far[1]:.{digits[1]}f}"
    tell(page, "temperature", f"temperature 4.5, distance from the teacher: {list_} nats")
    tops = "; ".join(
        f"{name}: {LABELS[int(row.argmax())]} {percent(float(row.max()))}"
        for name, row in zip(ANSWERS, p, strict=True)
    )
    truth = LABELS[[0, 2][index]]
    expect(part(page, "said")).to_contain_text(f"True class: {truth}. At temperature 4.5, {tops}.")
    expect(part(page, "bars").locator("text.kd-head.kd-end")).to_have_text(truth)
    assert part(page, "bars").locator(".kd-tick").count() == 1
    said = part(page, "bars").locator("[role=img]").get_attribute("aria-label")
    assert said.startswith(f"Shares at T = 4.5. cat: teacher {percent(float(p[0, 0]))}, alone ")


def test_start_and_end_push_each_other(open_page):
    page = open_page(in_page(MAKE["schedules"]()))
    track(page, "start").focus()
    press(page, "End")
    tell(page, "start", "start 0.99, teacher 0.5\N{NO-BREAK SPACE}% of the weight")
    expect(track(page, "end")).to_have_value("1")
    track(page, "end").focus()
    press(page, "Home")
    expect(track(page, "start")).to_have_value("0")
    tell(page, "end", "end 0.01, teacher 99.5\N{NO-BREAK SPACE}% of the weight")


def test_the_choice_of_a_schedule_begins_where_it_was_run(open_page):
    page = open_page(in_page(MAKE["schedules"]()))
    page.get_by_role("radio", name="late").check()
    settled(page)
    expect(part(page, "live")).to_contain_text("It first counts after 30\N{NO-BREAK SPACE}% of training")
    expect(track(page, "end")).to_be_disabled()
    press(page, "ArrowLeft")  # a radio group
    expect(page.get_by_role("radio", name="at once")).to_be_checked()
    expect(track(page, "start")).to_be_disabled()
    page.get_by_role("button").click()
    settled(page)
    expect(page.get_by_role("radio", name="ramp")).to_be_checked()
    expect(track(page, "end")).to_be_enabled()
    expect(track(page, "start")).to_have_value("0")
    assert page.get_by_role("group", name="Schedule").count() == 1


def test_what_was_not_run_has_a_cross_and_no_dot(open_page):
    page = open_page(in_page(MAKE["information"]()))
    assert part(page, "gain").locator("circle").count() == 4
    assert part(page, "gain").locator("text", has_text="×").count() == 1
    track(page, "index").focus()
    press(page, "ArrowRight", "ArrowRight")
    words = "gain +7.9 (+6.2 to +9.6) thousandths: more than nothing"
    tell(page, "index", f"noise 0.5: teacher 0.352, {words}")
    expect(part(page, "said")).to_contain_text(f"the student’s {words}.", use_inner_text=True)
    press(page, "ArrowRight")
    tell(page, "index", "leak 1: teacher 0.250, gain not run")


def test_the_roulette_tells_nothing_before_the_first_draw(open_page):
    page = open_page(in_page(MAKE["roulette"]()))
    assert part(page, "plot").locator("circle").count() == 0
    words = page.locator(".kd-view").inner_text() + part(page, "plot").locator("svg").get_attribute(
        "aria-label"
    )
    assert "mean" not in words and "wrong" not in words and "other way" not in words
    page.get_by_role("button", name="Draw one run").click()
    settled(page)
    assert part(page, "plot").locator("circle.kd-run").count() == 40 + 1
    assert part(page, "plot").locator("circle.kd-drawn").count() == 1 + 1
    expect(part(page, "said")).to_contain_text("All 40 runs together: +")


def test_the_axis_of_the_roulette_is_the_same_on_both_sides_and_holds_most_intervals(open_page):
    page = open_page(in_page(MAKE["roulette"]()))
    marks = part(page, "plot").locator("text.kd-middle").all_text_contents()[:-1]
    numbers = [float(mark.replace("−", "-")) for mark in marks]
    assert numbers == [-x for x in numbers[::-1]]
    track(page, "runs").focus()
    press(page, "ArrowRight", "ArrowRight")
    whole = 0
    for _ in range(40):
        page.get_by_role("button", name="Draw 3 runs").click()
        settled(page)
        row = part(page, "plot").locator("path.kd-line").last.get_attribute("d")
        whole += row.count("v8") == 2  # both ends are drawn
    assert whole >= 32


def test_all_runs_together_have_the_interval_of_the_table(open_page):
    gains = {seed: float(gain) for seed, gain in list(GAINS.items())[:20]}
    slider = seed_roulette(gains)
    slider.draws = 1
    page = open_page(in_page(slider))
    mean, low, high, _ = interval(list(gains.values()))
    words = f"All 20 runs together: {signed(mean, 1)} ({signed(low, 1)} to {signed(high, 1)})"
    expect(part(page, "said")).to_contain_text(words)


def test_a_draw_marks_its_runs_claims_and_counts_and_a_longer_paper_continues_it(open_page):
    page = open_page(in_page(MAKE["roulette"]()))
    papers = page.evaluate("kd.draws(40, 0, 3)")
    for _ in range(3):
        page.get_by_role("button", name="Draw").click()
        settled(page)
    gains = [GAINS[seed] for seed in range(40)]
    wrong = sum(gains[paper[0]] < 0 for paper in papers)
    expect(part(page, "live")).to_contain_text(f"Draw 3, seed {papers[2][0]}: Distillation ")
    expect(part(page, "said")).to_contain_text(f"Of 3 papers with 1 run, {wrong} had the wrong sign.")
    track(page, "runs").focus()
    press(page, "ArrowRight", "ArrowRight")
    tell(page, "runs", "3 runs")
    seeds = ", ".join(map(str, papers[2][:3]))
    expect(part(page, "said")).to_contain_text(f"Draw 3, seeds {seeds}: Distillation ")
    titles = part(page, "plot").locator(".kd-drawn title").all_text_contents()
    assert sorted(titles) == sorted(f"seed {s}: {gains[s]:+.0f}".replace("-", "−") for s in papers[2][:3])
    button = page.get_by_role("button", name="Draw 3 runs")
    button.focus()
    press(page, "Enter", "Space")
    expect(part(page, "said")).to_contain_text("Of 5 papers with 3 runs")
    page.get_by_role("button", name="Start again").click()
    settled(page)
    assert part(page, "plot").locator("circle").count() == 0


def test_the_draws_come_to_an_end(open_page):
    slider = MAKE["roulette"]()
    slider.draws = 998
    page = open_page(in_page(slider))
    for _ in range(2):
        page.get_by_role("button", name="Draw one run").click()
        settled(page)
        expect(part(page, "said")).to_contain_text("Draw 999, ")


@pytest.mark.parametrize("width", [340, 390, 800])
def test_the_page_of_the_roulette_does_not_move(open_page, width):
    page = open_page(in_page(MAKE["roulette"]()), viewport={"width": width, "height": 800})
    high = "document.querySelector('.kd-view').getBoundingClientRect().height"
    heights = {page.evaluate(high)}
    for runs in range(5):
        for _ in range(6):
            page.get_by_role("button", name="Draw").click()
            settled(page)
            heights.add(page.evaluate(high))
        track(page, "runs").focus()
        press(page, "ArrowRight")
        assert (
            runs == 4 or f"Draw {(2, 3, 5, 10)[runs]} runs" in page.get_by_role("button").first.text_content()
        )
    assert len(heights) == 1


# ---- several on a page, frames, text ----


@pytest.mark.parametrize("kind", ["temperature", "answers"])
def test_choosing_an_example_is_said_once(open_page, kind):
    page = open_page(in_page(MAKE[kind]()))
    expect(part(page, "live")).to_be_empty()
    choice = page.get_by_role("radio", name="second animal")
    choice.click()
    settled(page)
    expect(part(page, "chosen-index")).to_have_text("second animal")
    before = part(page, "live").text_content()
    assert "dog" in before
    track(page, "temperature").focus()
    press(page, "End")
    assert part(page, "live").text_content() == before  # the track speaks for itself
    choice.focus()
    press(page, "ArrowLeft")  # a radio group
    expect(page.get_by_role("radio", name="first animal")).to_be_checked()


def test_an_outline_stays_at_temperature_one(open_page):
    page = open_page(in_page(MAKE["temperature"](temperature=4)))
    page.get_by_role("radio", name="second animal").click()
    settled(page)
    usual = soften(torch.tensor(ANIMALS[1], dtype=torch.float64)).tolist()
    assert widths(page, "kd-ghost") == pytest.approx(usual, abs=1e-4)
    expect_temperature(page, 4, 1)


def test_equal_sliders_on_one_page_are_independent(open_page):
    page = open_page(in_page(*[MAKE["temperature"]()] * 2))
    expect(page.locator(".kd-live")).to_have_count(2)
    first, second = page.locator(".kd-slider").all()
    track(second, "temperature").focus()
    press(page, "End")
    first.get_by_role("radio", name="second animal").click()
    settled(page)
    expect_temperature(first, 1, 1)
    expect_temperature(second, 100)


@EACH
def test_many_events_are_painted_once_a_frame(open_page, kind):
    page = open_page(in_page(MAKE[kind]()))
    painted = page.evaluate(
        """async () => {
            const input = document.querySelector("input[type=range]");
            const shown = document.querySelector("[data-kd=said]");
            let paints = 0;
            new MutationObserver(() => (paints += 1)).observe(shown, { childList: true });
            for (let i = 0; i < 50; i++) {
                input.value = Number(input.min) + ((input.max - input.min) * i) / 50;
                input.dispatchEvent(new Event("input", { bubbles: true }));
                await Promise.resolve();
            }
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            return paints;
        }"""
    )
    assert painted == 1


def test_a_button_too_is_painted_once_a_frame_and_says_nothing_where_nothing_changed(open_page):
    page = open_page(in_page(MAKE["roulette"]()))
    paints = page.evaluate(
        """async () => {
            const [draw, again] = document.querySelectorAll("button");
            let paints = 0;
            new MutationObserver(() => (paints += 1)).observe(
              document.querySelector("[data-kd=said]"), { childList: true });
            for (let i = 0; i < 5; i++) { draw.click(); await Promise.resolve(); }
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            return paints;
        }"""
    )
    assert paints == 1
    expect(part(page, "live")).to_contain_text("Draw 5, ")
    page = open_page(in_page(MAKE["loss"]()))
    page.get_by_role("button", name="Reset").click()
    track(page, "alpha").focus()
    press(page, "Home")
    expect(part(page, "live")).to_be_empty()  # the track speaks for itself


def test_labels_stay_text(open_page):
    labels = ["<b>bold</b>", 'it\'s "q" & </script>', "😀 cat"]
    page = open_page(in_page(temperature_slider(ANIMALS, labels, names=labels[:2])))
    expect(part(page, "said").locator("b")).to_have_text("<b>bold</b>")
    expect_temperature(page, 1, labels=labels)
    expect(page.get_by_role("radio", name=labels[1])).to_be_attached()


# ---- looks ----


def crowd(kind: str):
    """As much as the chapters show: ten classes, ten examples, long names."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 10, 10, generator=generator) * 6
    labels = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    digits = [str(i) for i in range(10)]
    names = [f"test image {i}, a {label}" for i, label in enumerate(labels)]
    images = torch.randint(0, 256, (10, 3, 32, 32), generator=generator, dtype=torch.uint8)
    if kind == "temperature":
        return temperature_slider(logits[0], digits, images=images[:, 0], names=names)
    if kind == "loss":
        return loss_slider(logits[0, 0] / 3, logits[1, 0], 7, digits)
    if kind == "answers":
        from kdlib.sliders import answers_slider

        models = dict(zip(("teacher", "alone", "distilled"), logits, strict=True))
        return answers_slider(models, labels, images=images, names=names, truths=list(range(10)))
    return MAKE[kind]()


@EACH
@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_a_slider_whole(open_page, kind, width):
    """No text below 10 px or beyond the edge, targets for a finger, tracks in sight of what they move."""
    slider = crowd(kind)
    if kind == "roulette":
        slider.draws, slider.runs = 999, 10
    page = open_page(in_page(slider), **PHONE, viewport={"width": width, "height": 664})
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    boxes = """[...document.querySelectorAll(".kd-view svg text:not(:empty)")]
      .filter((text) => text.checkVisibility()).map((text) =>
      [...[text, text.ownerSVGElement].map((node) => node.getBoundingClientRect().toJSON()),
        text.ownerSVGElement.viewBox.baseVal.width])"""
    for text, svg, units in page.evaluate(boxes):
        assert 13 * svg["width"] / units >= 10
        assert text["left"] >= svg["left"] - 1 and text["right"] <= svg["right"] + 2
    for_fingers = page.locator(".kd-view :is(button, label, [type=range]):visible")
    targets = [node.bounding_box() for node in for_fingers.all()]
    assert min(box["height"] for box in targets) >= 44
    inputs = [node.bounding_box() for node in page.locator("input[type=range]:visible").all()]
    for first, second in pairwise(inputs):
        assert first["y"] + first["height"] <= second["y"] + 5  # a finger meets one of the two
    top = page.locator(".kd-panels svg").first.bounding_box()["y"]
    bottom = max(box["y"] + box["height"] for box in inputs)
    assert bottom - top <= 600, (
        "the picture and its tracks do not fit a phone of 664 px below the page's header"
    )
    labels = [node.bounding_box() for node in page.locator("[data-kd=bars] text.kd-end").all()]
    rows = sorted({round(box["y"]) for box in labels})
    assert all(second - first >= 13 for first, second in pairwise(rows))


def contrast(colour: str, back: str) -> float:
    def luminance(rgb):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    values = [int(value) for value in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    light, dark = sorted([luminance(values), luminance(bytes.fromhex(back[1:]))], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", BACK)
def test_text_bars_and_curves_stand_out(open_page, theme):
    """WCAG contrast against the backgrounds of the site: 4.5 for text, 3 for bars, curves and controls."""
    sliders = {kind: make() for kind, make in MAKE.items()}
    sliders["roulette"].draws = 5
    back, ink = BACK[theme]
    style = f"<style>body {{ background: {back}; color: {ink} }}</style>"
    page = open_page(style + in_page(*sliders.values()), theme)
    expect(page.locator(".kd-live")).to_have_count(len(sliders))
    for place, name, least in (
        ("text", "fill", 4.5),
        ("rect.kd-teacher", "fill", 3),
        ("rect.kd-scratch", "fill", 3),
        ("rect.kd-distilled", "fill", 3),
        (".kd-curve", "stroke", 3),
        (".kd-total", "stroke", 3),
        (".kd-curve.kd-hard", "stroke", 3),
        (".kd-span", "stroke", 3),
        (".kd-drawn", "stroke", 3),
        ("button", "borderColor", 3),
    ):
        node = page.locator(f".kd-view {place}").first
        colour = node.evaluate("(node, name) => getComputedStyle(node)[name]", name)
        assert contrast(colour, back) >= least, (place, colour)


@pytest.mark.parametrize("theme", BACK)
def test_a_thumbnail_of_ink_has_no_card_and_a_photograph_stays_as_it_is(open_page, theme):
    from io import BytesIO

    from PIL import Image

    back, ink = BACK[theme]
    style = f"<style>body {{ background: {back}; color: {ink} }}</style>"
    blank = temperature_slider(ANIMALS, LABELS, images=torch.zeros(2, 28, 28, dtype=torch.uint8))
    full = MAKE["answers"](images=torch.full((2, 3, 8, 8), 200, dtype=torch.uint8))
    page = open_page(style + in_page(blank, full), theme)

    def middle(slider) -> tuple[int, ...]:
        shot = Image.open(BytesIO(slider.locator("label").nth(1).screenshot())).convert("RGB")
        return shot.getpixel((shot.width // 2, shot.height // 2))

    first, second = page.locator(".kd-slider").all()
    paper = tuple(bytes.fromhex(back[1:]))
    assert max(abs(a - b) for a, b in zip(middle(first), paper, strict=True)) <= 4
    assert middle(second) == (200, 200, 200)


@EACH
@pytest.mark.parametrize("scripts", [True, False], ids=["slider", "table"])
def test_a_slider_and_its_table_are_accessible(open_page, kind, scripts):
    body = in_page(MAKE[kind]())
    page = open_page(f"<main><h1>A page</h1>{body if scripts else body.split('<script>')[0]}</main>")
    assert faults(page) == {}


# ---- where nothing runs ----


def test_a_slider_that_cannot_start_keeps_its_table_and_the_others_move(browser):
    page = browser.new_page()
    body = in_page(MAKE["loss"](), MAKE["schedules"]())
    page.set_content(body.replace('data-slider="loss"', 'data-slider="of another time"'))
    first, second = page.locator("[data-slider]").all()
    expect(first.locator("table")).to_be_visible()
    expect(track(second, "start")).to_be_visible()
    page.close()


@EACH
def test_without_javascript_and_on_paper_the_table_is_shown(open_page, kind):
    page = open_page(in_page(MAKE[kind]()), java_script_enabled=False)
    expect(page.locator("table caption")).to_be_visible()
    assert page.locator("form").count() == 0
    page = open_page(in_page(MAKE[kind]()))
    expect(page.locator("table")).to_be_hidden()
    expect(page.locator(".kd-view")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("table")).to_be_visible()
    expect(page.locator(".kd-view")).to_be_hidden()
