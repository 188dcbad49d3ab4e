"""The slider that trains two networks without a class: what a reader sees, offline from a file."""

import re

import pytest
from axe import faults
from sliders import PHONE, expect, part, press, script, settled, stocked, tell, track
from sliders import in_page as empty
from strokes import DRAWN, by_mouse

from kdlib.sliders import omitted_slider, scripts
from kdlib.sliders.omitted import DIGITS, STEPS

pytestmark = pytest.mark.browser

DARK = "<style>body { background: #14181e; color: #ced6dd }</style>"
LONG = 90_000  # milliseconds: a busy machine may take its time


def opened(open_page, before: str = "", theme: str = "light", options=None, **slider):
    return open_page(before + stocked(DIGITS, omitted_slider(**slider)), theme, **(options or {}))


def said(page):
    return part(page, "said")


def trained(page, steps: int = STEPS) -> None:
    expect(said(page)).to_contain_text(f"After {steps:,} steps without", timeout=LONG)


def training(page, steps: int = 0) -> None:
    """It has said that it trains, and has done so many steps; looked at in every frame."""
    words = "document.querySelector('[data-kd=said]').textContent.match(/Training: step ([\\d,]+)/)"
    page.wait_for_function(f"Number({words}?.[1].replace(',', '') ?? -1) >= {steps}", timeout=LONG)


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def found(page) -> dict[str, list[float]]:
    """By network: the omitted digits found, the others lost, all that are right, in per cent."""
    text = said(page).inner_text().replace("\N{NO-BREAK SPACE}", " ")
    return {
        name: [float(x) for x in re.findall(r"[<>]?([\d.]+) %", words)]
        for name, words in re.findall(r"(alone|distilled) (finds .*?right)", text)
    }


def test_a_bias_finds_the_digit_in_the_taught_network_alone(open_page):
    page = opened(open_page)
    expect(said(page)).to_contain_text("Neither network will see any of the 3s")
    button(page, "Train").click()
    expect(button(page, "Stop")).to_be_visible()
    trained(page)
    expect(button(page, "Train again")).to_be_visible()
    expect(part(page, "live")).to_contain_text(f"After {STEPS:,} steps")  # heard by a screen reader
    none = found(page)
    assert none["alone"][0] == 0 == none["alone"][1] and none["distilled"][0] <= 20
    assert all(75 < of[2] < 90 for of in none.values())
    track(page, "bias").focus()
    press(page, *["ArrowRight"] * 36)
    biased = found(page)
    shares = [f"{name} finds {of[0]:.1f}\N{NO-BREAK SPACE}%" for name, of in biased.items()]
    tell(page, "bias", ", ".join(["bias +9.00", *shares]))
    assert biased["distilled"][0] >= 60 and biased["distilled"][1] <= 6
    assert biased["distilled"][2] >= none["distilled"][2] + 3
    assert biased["alone"][0] <= 20 and biased["alone"][2] <= none["alone"][2]
    by_mouse(page, part(page, "pad"), DRAWN[6][1])  # a 3, and nobody showed it one
    drawn = part(page, "seen").locator("[role=img]")
    expect(drawn).to_have_attribute("aria-label", re.compile("your drawing: alone [^3] .*, distilled 3 "))
    button(page, "Clear").click()
    track(page, "bias").focus()
    press(page, "End")  # as many 3s in the one on labels cost it many others
    alone = found(page)["alone"]
    assert alone[0] < 2 * alone[1] + 60 and alone[1] >= 20
    figures = part(page, "bars").locator("text.kd-end").all_text_contents()
    assert f"{alone[0]:.1f}\N{NO-BREAK SPACE}%" in figures
    assert part(page, "seen").locator("image").count() == 4
    assert [part(page, name).locator("polyline").count() for name in ("course", "trade")] == [4, 4]


def test_a_run_that_was_stopped_goes_on_as_one_without_a_stop(open_page):
    page = opened(open_page)
    page.evaluate("kd.work = 1")  # so that it is still at work when it is stopped
    button(page, "Train").focus()
    press(page, "Enter")
    training(page, 1)
    press(page, "Space")
    expect(said(page)).to_contain_text("After ", timeout=LONG)
    steps = int(re.search(r"After ([\d,]+) step", said(page).inner_text())[1].replace(",", ""))
    assert 0 < steps < STEPS
    button(page, "Step").click()
    trained(page, steps + 1)
    slider = omitted_slider()
    slider.steps = steps + 1
    straight = open_page(stocked(DIGITS, slider))
    trained(straight, steps + 1)
    assert said(page).inner_text() == said(straight).inner_text()
    button(page, "Reset").click()
    expect(said(page)).to_contain_text("Press Train")
    expect(button(page, "Train")).to_be_visible()


def test_a_run_can_be_seen_again_and_another_seed_is_another_run(open_page):
    page = opened(open_page, shown=500)
    page.evaluate("kd.work = 100")
    button(page, "Train").click()
    trained(page)
    first = said(page).inner_text()
    button(page, "Train again").click()
    training(page)
    trained(page)
    assert said(page).inner_text() == first
    button(page, "New seed").click()
    training(page)
    trained(page)
    assert said(page).inner_text() != first


def test_single_steps_and_what_python_has_set(open_page):
    page = opened(open_page)
    button(page, "Step").click()
    expect(said(page)).to_contain_text("After 1 step without")
    button(page, "Step").click()
    trained(page, 2)
    slider = omitted_slider(omitted="7 and 8", shown=1000)
    slider.steps, slider.temperature = 100, 2
    page = open_page(stocked(DIGITS, slider))
    expect(said(page)).to_contain_text("After 100 steps without the 7s and 8s", timeout=LONG)
    first = said(page).inner_text()
    track(page, "temperature").focus()
    press(page, "End")  # another T is another training, of as many steps
    tell(page, "temperature", "temperature 20")
    trained(page, 100)
    expect(said(page)).not_to_have_text(first)
    page.get_by_role("radio", name="3", exact=True).check()
    expect(said(page)).to_contain_text("After 100 steps without the 3s", timeout=LONG)


def test_a_drawn_digit_is_tried_on_both_networks_and_a_cleared_paper_is_not(open_page):
    slider = omitted_slider()
    slider.steps = 300
    page = open_page(stocked(DIGITS, slider))
    trained(page, 300)
    seen, pad = part(page, "seen"), part(page, "pad")
    own = re.compile("your drawing: alone ([0-9]) .*, distilled ([0-9]) ")
    answers = []
    for digit, strokes in [(2, DRAWN[4][1]), (0, DRAWN[0][1]), (1, DRAWN[2][1])]:
        assert seen.locator("image").count() == 4 and DRAWN[2 * digit][0] == digit
        by_mouse(page, pad, strokes)
        expect(seen.locator("image")).to_have_count(5)
        expect(part(page, "live")).to_contain_text(own)  # heard, too
        answers += own.search(seen.locator("[role=img]").get_attribute("aria-label")).groups()
        button(page, "Clear").click()
        expect(seen.locator("image")).to_have_count(4)
        expect(pad).to_contain_text("Draw a digit here")
    assert sum(said == wanted for said, wanted in zip(answers, "220011", strict=True)) >= 4
    by_mouse(page, pad, [[(50, 50)]])  # a dot is no digit
    settled(page)
    assert seen.locator("image").count() == 4


def test_a_drawing_is_as_small_and_coarse_as_the_stored_digits(open_page):
    slider = omitted_slider()
    slider.steps = 2
    page = open_page(stocked(DIGITS, slider))
    trained(page, 2)
    by_mouse(page, part(page, "pad"), DRAWN[14][1])
    expect(part(page, "seen").locator("image")).to_have_count(5)
    code = """async () => {
      const { href } = document.querySelectorAll("[data-kd=seen] image")[4];
      const image = Object.assign(new Image(), { src: href.baseVal });
      await image.decode();
      const context = document.createElement("canvas").getContext("2d");
      context.drawImage(image, 0, 0);
      return [image.width, image.height, ...context.getImageData(0, 0, 14, 14).data];
    }"""
    width, height, *pixels = page.evaluate(code)
    grey = pixels[::4]
    assert (width, height) == (14, 14) and max(grey) > 200
    assert {value % 17 for value in grey} == {0}, "4 bits"


def test_a_weight_that_becomes_nan_is_said(open_page):
    page = opened(open_page, learning_rate=1e200)
    button(page, "Train").click()
    words = re.compile(r"At step \d+ a weight became NaN: the learning rate 1e.200 is too large")
    expect(said(page)).to_contain_text(words)
    expect(part(page, "live")).to_contain_text(words)
    expect(button(page, "Train")).to_be_visible()
    button(page, "Reset").click()
    expect(said(page)).to_contain_text("Press Train")


def test_two_sliders_train_by_themselves(open_page):
    slider, other = omitted_slider(), omitted_slider(omitted="5")
    slider.steps, other.steps = 50, 51
    page = open_page(stocked(DIGITS, slider, other))
    for view, steps in zip(page.locator(".kd-slider").all(), (50, 51), strict=True):
        expect(part(view, "said")).to_contain_text(f"After {steps} steps", timeout=LONG)


def test_the_digits_come_from_a_file_when_they_are_wanted(open_page, tmp_path):
    page = open_page(empty(omitted_slider()))
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"{DIGITS}.js").write_text(f'kd.stored.{DIGITS} = "{scripts.weights(DIGITS)}";')
    page.evaluate("(home) => (kd.home = home)", (tmp_path / "sliders" / "kit.js").as_uri())
    track(page, "bias").focus()
    press(page, "End")
    assert requests == []
    button(page, "Step").click()
    expect(said(page)).to_contain_text("After 1 step without")
    assert [url.rsplit("/", 1)[1] for url in requests if url.startswith("file:")] == [f"{DIGITS}.js"]


def test_digits_that_do_not_come_are_said(browser):
    page = browser.new_page()
    page.set_content(empty(omitted_slider()))
    page.evaluate("kd.home = 'http://127.0.0.1:9/sliders/kit.js'")  # where nobody answers
    button(page, "Train").click()
    expect(said(page)).to_contain_text(f"{DIGITS} could not be loaded. Reload the page")
    page.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_does_not_move_while_it_trains_and_the_bias_moves(open_page, width):
    page = opened(open_page, options={"viewport": {"width": width, "height": 844}}, omitted="7 and 8")
    heights = {page.locator(".kd-view").bounding_box()["height"]}
    button(page, "Train").click()
    for steps in (0, 50):
        training(page, steps)
        heights.add(page.locator(".kd-view").bounding_box()["height"])
    button(page, "Stop").click()
    expect(said(page)).to_contain_text("After", timeout=LONG)
    for key in ("Home", "End", "PageDown"):
        track(page, "bias").focus()
        press(page, key)
        heights.add(page.locator(".kd-view").bounding_box()["height"])
    assert len(heights) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_when_trained_and_moves_by_touch(open_page, theme):
    page = opened(
        open_page, DARK * (theme == "dark"), theme, PHONE | {"viewport": {"width": 390, "height": 844}}
    )
    button(page, "Step").tap()
    expect(said(page)).to_contain_text("After 1 step without")
    box = track(page, "bias").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 22)
    settled(page)
    expect(said(page)).to_contain_text("at bias +8.00")
    assert faults(page, ".kd-slider") == {}


def test_the_site_can_bring_the_digits():
    assert DIGITS in scripts.MODELS and "kd.sliders.omitted" in script()
    assert len(scripts.weights(DIGITS)) + len(script()) < 700_000
