"""The playground: two students train on points of the plane; what a reader sees, offline from a file."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import notebooks
import pytest
from axe import faults
from sliders import PHONE, expect, in_page, part, press, script, settled, tell, track
from torch import nn

from kdlib import pretrained
from kdlib.sliders import playground_slider, scripts
from kdlib.sliders.playground import DATASETS, LINKED, PLAYGROUND, STEPS

pytestmark = pytest.mark.browser

DARK = "<style>body { background: #14181e; color: #ced6dd }</style>"
LONG = 90_000  # milliseconds: a busy machine may take its time
NAMES = ("teacher", "alone", "distilled")


def opened(open_page, theme: str = "light", options=None, **slider):
    return open_page(
        DARK * (theme == "dark") + in_page(playground_slider(**slider)), theme, **(options or {})
    )


def said(page):
    return part(page, "said")


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def trained(page, steps: int = STEPS) -> None:
    expect(said(page)).to_contain_text(f"After {steps:,} step", timeout=LONG)


def scores(page) -> dict[str, float]:
    """By network: held-out points right, in per cent."""
    text = said(page).inner_text().replace("\N{NO-BREAK SPACE}", " ")
    found = re.findall(r"(teacher|alone|distilled) [<>]?([\d.]+) %", text)
    return {name: float(right) for name, right in found}


def gains(page, seeds: int = 3) -> list[float]:
    """Percentage points that the teacher gives, by seed."""
    found = []
    for seed in range(seeds):
        button(page, "New seed" if seed else "Train").click()
        expect(button(page, "Stop")).to_be_visible()
        trained(page)
        both = scores(page)
        found.append(both["distilled"] - both["alone"])
    return found


# ---- the lesson ----


def test_where_labels_are_few_and_some_are_wrong_the_teacher_helps(open_page):
    page = opened(open_page)
    assert min(gains(page)) > 5
    assert scores(page)["teacher"] == pytest.approx(94.2, abs=0.06)


def test_at_one_the_teacher_of_the_spirals_says_the_labels_and_at_eight_more(open_page):
    cold = gains(opened(open_page, dataset="spirals", labelled=50, noise=0, temperature=1))
    hot = gains(opened(open_page, dataset="spirals", labelled=50, noise=0, temperature=8))
    assert max(map(abs, cold)) < 3 < sum(hot) / 3


def test_a_student_of_two_units_is_too_small_for_rings(open_page):
    assert max(map(abs, gains(opened(open_page, labelled=200, noise=0, hidden=2)))) < 12


def test_without_the_teacher_s_part_both_students_are_one(open_page):
    page = opened(open_page, alpha=0)
    assert gains(page, 1) == [0]
    assert scores(page)["alone"] == scores(page)["distilled"]


# ---- what runs ----


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_teacher_in_the_page_is_the_shipped_one(open_page, dataset):
    page = opened(open_page, dataset=dataset)
    stored = {
        name.removeprefix(f"{dataset}."): value for name, value in pretrained.tensors(PLAYGROUND).items()
    }
    layers = [f"{i}.{name}" for i in (0, 2, 4) for name in ("weight", "bias")]
    x, labels = stored["test_points"].float(), stored["test_labels"].long()
    for weight, bias in zip(layers[::2], layers[1::2], strict=True):
        x = nn.functional.linear(
            x if weight[0] == "0" else x.relu(), stored[weight].float(), stored[bias].float()
        )
    right = float((x.argmax(1) == labels).float().mean())
    button(page, "Step").click()
    trained(page, 1)
    assert scores(page)["teacher"] == pytest.approx(100 * right, abs=0.06)
    assert part(page, "teacher").locator("[role=img]").get_attribute("aria-label").startswith("teacher, ")


def test_students_start_alike_and_share_points_of_which_the_first_are_wrong(open_page):
    page = opened(open_page)
    code = """(() => {
      const train = kd.range(40).map((i) => ({ x: [i / 40, 0.5], label: i % 3, logits: [i % 5, i % 7, 0] }));
      const recipe = { batch: 10, rate: 0.03, momentum: 0.9 };
      const setting = { labelled: 20, noise: 0.2, hidden: 4, temperature: 4, alpha: 0.9, seed: 0 };
      const plain = (net) => net.map(({ weight, bias }) => [...weight, ...bias]);
      const make = (changed) => kd.students(train, 3, { ...setting, ...changed }, recipe);
      const { points, nets, advance } = make({}), before = nets.map(plain);
      for (let i = 0; i < 30; i++) advance();
      const again = make({ temperature: 9, alpha: 0.1 });
      return [points, before, nets.map(plain), again.nets.map(plain), again.points, make({ seed: 1 }).points];
    })()"""
    points, before, after, again, same, other = page.evaluate(code)
    assert before[0] == before[1] == again[0] and after[0] != after[1]
    assert points == same != other
    truth = {i / 40: i % 3 for i in range(40)}
    wrong = [point["label"] != truth[point["x"][0]] for point in points]
    assert wrong == [point["wrong"] for point in points] == [True] * 4 + [False] * 16
    assert {point["label"] for point in points} <= {0, 1, 2}


def test_a_run_that_was_stopped_goes_on_as_one_without_a_stop(open_page):
    page = opened(open_page)
    button(page, "Train").focus()
    press(page, "Enter")
    said(page).get_by_text(re.compile("Training: step")).wait_for()
    press(page, "Space")
    expect(said(page)).to_contain_text("After ", timeout=LONG)
    steps = int(re.search(r"After ([\d,]+) step", said(page).inner_text())[1].replace(",", ""))
    assert 0 <= steps < STEPS
    button(page, "Train").click()
    trained(page)
    expect(part(page, "live")).to_contain_text("After 1,000 steps")  # heard by a screen reader
    straight = opened(open_page)
    button(straight, "Train").click()
    trained(straight)
    assert said(page).inner_text() == said(straight).inner_text()
    button(page, "Reset").click()
    expect(said(page)).to_contain_text("Press Train")


def test_a_stop_keeps_what_was_trained(open_page):
    page = opened(open_page)
    page.evaluate("""window.heard = []; new MutationObserver(() =>
      heard.push(document.querySelector("[data-kd=said]").textContent)).observe(
      document.querySelector("[data-kd=said]"), { childList: true, subtree: true, characterData: true });""")
    for _ in range(6):
        button(page, "Train").click()
        said(page).get_by_text(re.compile(r"Training: step [1-9]")).wait_for()
        page.evaluate("heard.length = 0")
        button(page, "Stop").click()
        expect(said(page)).to_contain_text("After ", timeout=LONG)
        assert not [words for words in page.evaluate("heard") if "step 0 of" in words]


def test_the_planes_are_painted_and_follow_training_and_settings(open_page):
    page = opened(open_page)
    pixels = """Object.fromEntries([...document.querySelectorAll("canvas")]
      .map((canvas) => [canvas.dataset.below, canvas.toDataURL()]))"""
    before = page.evaluate(pixels)
    assert list(before) == list(NAMES) and before["alone"] == before["distilled"] != before["teacher"]
    button(page, "Step").click()
    trained(page, 1)
    after = page.evaluate(pixels)
    assert after["teacher"] == before["teacher"] and len({*after.values(), before["alone"]}) == 4
    track(page, "temperature").focus()
    press(page, "End")
    trained(page, 1)
    assert page.evaluate(pixels)["teacher"] != before["teacher"]
    assert part(page, "alone").locator(".kd-wrong").get_attribute("d").count("M") == 4
    page.get_by_role("radio", name="spirals").check()
    trained(page, 1)
    for name in NAMES:
        shapes = part(page, name).locator(".kd-class")
        expect(shapes.nth(2)).to_have_attribute("d", "")  # two classes
        assert sum(shape.get_attribute("d").count("M") for shape in shapes.all()) == 20


def test_a_plane_by_hand(open_page):
    """Two classes: the sure one is strong, the unsure one weak, and NaN leaves no colour."""
    page = opened(open_page)
    code = """(() => {
      const canvas = Object.assign(document.createElement("canvas"), { width: kd.side, height: kd.side });
      const rows = kd.plane.map((x, i) => (i === 0 ? [9e9, 0] : i === 1 ? [0, Math.log(3)] : [NaN, NaN]));
      kd.paintPlane(canvas, rows, 1);
      const at = (i) => [...canvas.getContext("2d").getImageData(i, 0, 1, 1).data];
      return [[0, 1, 2].map(at), [...kd.plane[0]], [...kd.plane.at(-1)]];
    })()"""
    (sure, unsure, none), first, last = page.evaluate(code)
    assert sure == pytest.approx([230, 159, 0, 191], abs=2)
    assert unsure == pytest.approx([117, 86, 214, 121], abs=2) and none[3] == 0
    assert first == pytest.approx([-0.975, 0.975]) and last == pytest.approx([0.975, -0.975])


def test_scores_by_hand(open_page):
    page = opened(open_page)
    code = (
        """kd.scored(([x]) => [x, 0], [{ x: [1], label: 0 }, { x: [-1], label: 0 }, { x: [0], label: 1 }])"""
    )
    assert page.evaluate(code) == pytest.approx(2 / 3)


def test_a_weight_that_becomes_nan_is_said(open_page):
    page = opened(open_page, learning_rate=1e200)
    button(page, "Train").click()
    words = re.compile(r"At step \d+ a weight became NaN: the learning rate 1e.200 is too large")
    expect(said(page)).to_contain_text(words)
    expect(part(page, "live")).to_contain_text(words)
    button(page, "Reset").click()
    expect(said(page)).to_contain_text("Press Train")


def test_points_that_do_not_come_are_said(browser):
    page = browser.new_page()
    body = in_page(playground_slider(), stored=())
    page.set_content(
        body.replace("kd.home = document.currentScript?.src", "kd.home = 'http://127.0.0.1:9/a/b.js'")
    )
    expect(said(page)).to_contain_text("playground could not be loaded. Reload the page")
    page.close()


def test_the_site_can_bring_the_points():
    assert PLAYGROUND in scripts.MODELS and "kd.sliders.playground" in script()
    assert len(scripts.weights(PLAYGROUND)) < 24_000


# ---- the address ----


def at(page, query: str) -> None:
    page.goto(page.url.split("?")[0] + query)


def query(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def chosen(page) -> list[str]:
    return page.locator("input:checked").evaluate_all("(nodes) => nodes.map((node) => node.ariaLabel)")


def test_a_link_hands_out_a_setting_and_a_move_is_written_to_the_address(open_page):
    page = opened(open_page)
    assert query(page) == {}
    at(page, "?dataset=spirals&labelled=50&noise=0&hidden=32&temperature=8&alpha=0.5&seed=3")
    space = "\N{NO-BREAK SPACE}"
    assert chosen(page) == ["spirals", "50", f"0{space}%", "32"]
    tell(page, "temperature", "temperature 8")
    tell(page, "alpha", "alpha 0.5")
    expect(said(page)).to_contain_text("Press Train")  # a link hands out a setting; nothing runs unasked
    length = page.evaluate("history.length")
    page.get_by_role("radio", name="blobs").check()
    track(page, "alpha").focus()
    press(page, "ArrowRight")
    button(page, "New seed").click()
    page.wait_for_url(re.compile("seed=4"))
    expected = {"dataset": "blobs", "labelled": "50", "noise": "0", "hidden": "32"}
    assert query(page) == expected | {"temperature": "8", "alpha": "0.55", "seed": "4"}
    assert page.evaluate("history.length") == length
    page.reload()
    assert chosen(page)[0] == "blobs"
    button(page, "Reset").click()
    page.wait_for_url(re.compile("dataset=rings"))


def test_bad_values_in_the_address_are_left_out_or_moved_into_range(open_page):
    page = opened(open_page)
    at(page, "?dataset=<b>&labelled=30&noise=20%&hidden=&temperature=1e9&alpha=-3&seed=2.4&steps=1000&x")
    assert chosen(page) == ["rings", "20", "20\N{NO-BREAK SPACE}%", "16"]
    tell(page, "temperature", "temperature 20")
    tell(page, "alpha", "alpha 0")
    expect(said(page)).to_contain_text("Press Train")
    read = lambda query: page.evaluate("([linked, query]) => kd.fromAddress(linked, query)", [LINKED, query])  # noqa: E731
    assert read("?temperature=NaN&alpha=Infinity&seed=none&dataset=constructor&noise=0.20") == {}
    assert read("?seed=2.4&temperature=%204%20&hidden=8&hidden=16") == {
        "seed": 2,
        "temperature": 4,
        "hidden": 8,
    }


def test_the_links_of_the_book_s_page_are_the_recorded_settings(open_page):
    page = opened(open_page)
    (output,) = (
        out.data["text/html"]
        for cell in notebooks.read(notebooks.BOOK / "playground.ipynb").cells
        for out in cell.get("outputs", [])
        if "playground.html?" in out.get("data", {}).get("text/html", "")
    )
    links = [unescape(link) for link in re.findall(r'href="playground\.html(\?[^"]*)"', output)]
    rows = pretrained.record(PLAYGROUND)["trained"]["rows"]
    found = [
        page.evaluate("([linked, query]) => kd.fromAddress(linked, query)", [LINKED, link]) for link in links
    ]
    assert found == [{name: row[name] for name in LINKED if name in row} for row in rows]


def test_anchors_and_other_queries_stay(open_page):
    page = opened(open_page)
    at(page, "?highlight=teacher#a-place")
    page.get_by_role("radio", name="blobs").check()
    page.wait_for_url(re.compile("dataset=blobs"))
    assert query(page)["highlight"] == "teacher" and page.url.endswith("#a-place")


def test_the_first_playground_of_a_page_alone_uses_the_address(open_page):
    page = open_page(in_page(playground_slider(), playground_slider(dataset="blobs")))
    at(page, "?dataset=spirals")
    first, second = page.locator(".kd-slider").all()
    assert (chosen(first)[0], chosen(second)[0]) == ("spirals", "blobs")
    expect(button(first, "Copy link")).to_be_visible()
    expect(button(second, "Copy link")).to_have_count(0)
    second.get_by_role("radio", name="rings").check()
    settled(page)
    page.wait_for_timeout(0)
    track(first, "alpha").focus()
    press(page, "Home")
    page.wait_for_url(re.compile("alpha=0&"))
    assert query(page)["dataset"] == "spirals"


def test_a_link_is_copied(open_page):
    page = opened(open_page, options={"permissions": ["clipboard-read", "clipboard-write"]})
    page.get_by_role("radio", name="blobs").check()
    button(page, "Copy link").click()
    expect(button(page, "Copied")).to_be_visible()
    expect(part(page, "live")).to_contain_text("The link is copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "dataset=blobs&labelled=20&noise=0.2" in copied
    page.get_by_role("radio", name="spirals").check()
    expect(button(page, "Copy link")).to_be_visible()


def test_where_the_address_may_not_be_written_the_slider_moves_all_the_same(open_page):
    page = opened(open_page)
    page.evaluate("void (history.replaceState = () => { throw new DOMException('no', 'SecurityError'); })")
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error('no')))")
    page.get_by_role("radio", name="blobs").check()
    button(page, "Copy link").click()
    expect(said(page)).to_contain_text("The link is in the address bar.")
    expect(part(page, "live")).to_contain_text("The link is in the address bar.")  # heard, too
    button(page, "Step").click()
    trained(page, 1)
    assert query(page) == {}


# ---- looks ----


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_does_not_move_while_it_trains_and_canvases_lie_below_their_pictures(open_page, width):
    page = opened(open_page, options={"viewport": {"width": width, "height": 844}})
    height = lambda: page.locator(".kd-view").bounding_box()["height"]  # noqa: E731
    heights = {height()}
    button(page, "Train").click()
    said(page).get_by_text(re.compile("Training: step")).wait_for()
    heights.add(height())
    trained(page)
    heights.add(height())
    for name in NAMES:
        picture = part(page, name).bounding_box()
        canvas = page.locator(f"canvas[data-below={name}]").bounding_box()
        assert (
            canvas["width"]
            == pytest.approx(canvas["height"], abs=1)
            == pytest.approx(picture["width"], abs=1)
        )
        assert canvas["y"] + canvas["height"] == pytest.approx(picture["y"] + picture["height"], abs=1)
        assert canvas["x"] == pytest.approx(picture["x"], abs=1)
    assert len(heights) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_when_trained_and_moves_by_touch(open_page, theme):
    page = opened(open_page, theme, PHONE | {"viewport": {"width": 390, "height": 844}})
    button(page, "Step").tap()
    trained(page, 1)
    track(page, "alpha").scroll_into_view_if_needed()
    box = track(page, "alpha").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 22)
    settled(page)
    tell(page, "alpha", "alpha 0.5")
    trained(page, 1)
    assert faults(page, ".kd-slider") == {}
