"""Chapter 9's networks in a real Chromium answer as PyTorch does, to what is drawn and what is opened."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import torch
from axe import faults
from PIL import Image
from sliders import part, press, settled
from strokes import DRAWN, by_mouse

from kdlib import data, pretrained
from kdlib.sliders.stored import layers
from kdlib.softening import soften

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

CHAPTER = "book/09_ship.html"
MODELS = {
    "mnist_lenet5_teacher": pretrained.mnist_teacher,
    "mnist_student_alone": lambda: pretrained.mnist_student("alone"),
    "mnist_student_distilled": lambda: pretrained.mnist_student("distilled"),
    "xray_student_alone": lambda: pretrained.xray_student("alone"),
    "xray_student_distilled": lambda: pretrained.xray_student("distilled"),
}
NUMBERS = "const of = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));"


def text(pixels: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(pixels, np.uint8).tobytes()).decode()


def digits(page: Any) -> Any:
    return page.locator(".kd-view-digits").first


def xrays(page: Any) -> Any:
    return page.locator(".kd-view-xrays").first


def draw(page: Any, strokes: list[list[tuple[float, float]]], scale: float = 1, shift: float = 0) -> None:
    """Draw by mouse, on a paper that is 100 wide."""
    by_mouse(page, part(digits(page), "pad"), strokes, scale, shift)


def moved(strokes: list[list[tuple[float, float]]], scale: float, shift: float) -> list[list[list[float]]]:
    return [[[shift + scale * x, scale * y] for x, y in stroke] for stroke in strokes]


def answers(scope: Any) -> dict[str, str]:
    """The class that each network says, once all of them have spoken."""
    said = part(scope, "said")
    expect(said).to_contain_text("distilled:")
    names = said.locator("b").all_inner_texts()
    return dict(zip(("teacher", "alone", "distilled")[-len(names) :], names, strict=True))


def clear(page: Any) -> None:
    digits(page).get_by_role("button", name="Clear").click()


@pytest.mark.parametrize("model", MODELS)
def test_the_page_computes_what_pytorch_computes(visit, model) -> None:
    name, model, mnist = model, MODELS[model](), model.startswith("mnist")
    test = data.load("mnist", "test", resolution=32) if mnist else data.load("chest_xray", "test")
    images = test.images[:1000]
    side = images.shape[-1]
    page = visit(CHAPTER).page
    ask = f"""async ([name, layers, images]) => {{
      {NUMBERS}
      await kd.fetched(name);
      const [tensors, all] = [kd.tensors(kd.stored[name]), of(images)];
      const rows = [];
      for (let i = 0; i < all.length; i += {side * side}) {{
        const image = Float32Array.from(all.subarray(i, i + {side * side}), (x) => x / 255);
        rows.push(kd.softmax(kd.logits(layers, tensors, [1, {side}, {side}], image), 1));
      }}
      return rows;
    }}"""
    shares = torch.tensor(page.evaluate(ask, [name, layers(model), text(images)]))
    with torch.no_grad():
        expected = soften(model(images.float() / 255), 1.0)
    assert len(shares) >= 600
    assert float((shares - expected).abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("size", "to"), [((28, 28), 32), ((61, 37), 64), ((300, 420), 64), ((64, 64), 64), ((1000, 70), 64)]
)
def test_an_image_is_resized_as_pillow_and_torch_resize_it(visit, size, to) -> None:
    image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    ask = f"([image, from, to]) => {{ {NUMBERS} return [...kd.resized(of(image), from, to)]; }}"
    given = np.array(visit(CHAPTER).page.evaluate(ask, [text(image), size, (to, to)])).reshape(to, to)
    pillow = np.asarray(Image.fromarray(image).resize((to, to), Image.Resampling.BILINEAR))
    torchs = data.resize(torch.from_numpy(image)[None, None], to)[0, 0].numpy()
    for expected in (pillow, torchs):
        assert np.abs(given - expected.astype(int)).max() <= 1


def test_drawn_digits_are_read(visit) -> None:
    """Twenty digits drawn by mouse: each of the networks reads all, as the evidence of chapter 9 says."""
    page = visit(CHAPTER).page
    right = {"teacher": 0, "alone": 0, "distilled": 0}
    for digit, strokes in DRAWN:
        clear(page)
        draw(page, strokes)
        settled(page)
        for name, said in answers(digits(page)).items():
            right[name] += said == str(digit)
    assert right == dict.fromkeys(right, len(DRAWN))


def test_a_small_digit_drawn_high_is_seen_as_a_large_one_in_the_middle(visit) -> None:
    """It is centred and scaled as MNIST was."""
    seven = [[(26.0, 20.0), (74.0, 20.0), (44.0, 86.0)]]
    page = visit(CHAPTER).page
    large, small = (
        np.array(page.evaluate("(strokes) => kd.asDigit(strokes)", moved(seven, scale, shift)))
        for shift, scale in ((0, 2.0), (110, 0.5))
    )
    assert np.abs(large - small).max() <= 1
    ink = large.reshape(28, 28)
    rows, columns = np.nonzero(ink.sum(1))[0], np.nonzero(ink.sum(0))[0]
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (20, 21)
    middle = [(ink.sum(axis) * (np.arange(28) + 0.5)).sum() / ink.sum() for axis in (0, 1)]
    assert middle == pytest.approx([14, 14], abs=0.1)
    draw(page, seven, scale=0.3, shift=2)
    assert set(answers(digits(page)).values()) == {"7"}


def test_an_empty_paper_and_a_dot_are_not_classified(visit) -> None:
    page = visit(CHAPTER).page
    said = part(digits(page), "said")
    expect(said).to_contain_text("empty paper")
    draw(page, [[(50, 50), (51, 51)]])
    expect(said).to_contain_text("dot")
    clear(page)
    draw(page, DRAWN[14][1])
    assert set(answers(digits(page)).values()) == {"7"}
    clear(page)
    expect(said).to_contain_text("empty paper")
    assert said.locator("b").count() == 0
    draw(page, [*DRAWN[14][1], [(10, 90), (90, 90)]])
    digits(page).get_by_role("button", name="Undo").click()
    settled(page)
    assert set(answers(digits(page)).values()) == {"7"}


def test_an_example_lies_on_the_paper_and_a_stroke_takes_it_off(visit) -> None:
    page = visit(CHAPTER).page
    draw(page, DRAWN[0][1])
    digits(page).locator("input[name=index]").nth(1).check()
    expect(part(digits(page), "pad").locator("image")).to_have_count(1)
    expect(part(digits(page), "pad").locator(".kd-stroke")).to_have_count(0)
    digits(page).get_by_role("button", name="Undo").click()  # the drawing comes back as it was
    assert set(answers(digits(page)).values()) == {"0"}
    digits(page).locator("input[name=index]").nth(1).check()
    draw(page, DRAWN[14][1])
    expect(part(digits(page), "pad").locator(".kd-stroke")).to_have_count(1)
    assert set(answers(digits(page)).values()) == {"7"}


def test_a_screen_reader_hears_the_answer_and_not_that_it_loads(visit) -> None:
    page = visit(CHAPTER).page
    heard = part(digits(page), "live")
    draw(page, DRAWN[14][1])
    expect(heard).to_contain_text("distilled: 7")
    xrays(page).locator("input[name=index]").nth(1).check()
    expect(part(xrays(page), "live")).to_contain_text("distilled: ")
    opened(page, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no image"})
    expect(part(xrays(page), "live")).to_contain_text("no image that a browser can read")


def test_a_digit_is_drawn_by_keys(visit) -> None:
    """A 7: pen down, to the right, then down to the left."""
    page = visit(CHAPTER).page
    part(digits(page), "pad").focus()
    press(page, *["ArrowLeft"] * 4, *["ArrowUp"] * 5, "Space", *["ArrowRight"] * 7)
    for _ in range(5):
        press(page, "ArrowDown", "ArrowLeft", "ArrowDown")
    press(page, "Space")
    assert set(answers(digits(page)).values()) == {"7"}


def test_a_finger_draws_and_does_not_scroll(visit) -> None:
    page = visit(CHAPTER, width=390, has_touch=True, is_mobile=True).page
    pad = part(digits(page), "pad")
    pad.scroll_into_view_if_needed()
    box, before = pad.bounding_box(), page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    across = [(26, 20), (50, 20), (74, 20), (60, 50), (50, 70), (44, 86)]
    step = box["width"] / 100
    moves = [("touchMove", [at]) for at in across[1:]]
    for kind, points in [("touchStart", across[:1]), *moves, ("touchEnd", [])]:
        at = [{"x": box["x"] + x * step, "y": box["y"] + y * step} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    assert set(answers(digits(page)).values()) == {"7"}
    assert page.evaluate("scrollY") == before


def test_the_weights_come_when_they_are_wanted_and_no_earlier(visit) -> None:
    seen = visit(CHAPTER)
    assert not [url for url in seen.requests if "/models/" in url]
    digits(seen.page).locator("input[name=index]").nth(1).check()
    answers(digits(seen.page))
    loaded = [url.rsplit("/", 1)[1].split("?")[0] for url in seen.requests if "/models/" in url]
    assert sorted(loaded) == [f"{name}.js" for name in sorted(MODELS) if name.startswith("mnist")]
    assert not seen.errors


def test_weights_that_do_not_come_are_said_in_words(visit) -> None:
    page = visit(CHAPTER).page
    page.route("**/models/*", lambda route: route.abort())
    page.evaluate("kd.home = 'http://127.0.0.1:9/sliders/kit.js'")  # where nobody answers
    digits(page).locator("input[name=index]").nth(1).check()
    expect(part(digits(page), "said")).to_contain_text("could not be loaded")


def test_a_script_that_brings_no_weights_is_said_and_not_asked_for_again(visit) -> None:
    seen = visit(CHAPTER, http=True)
    page = seen.page
    page.route("**/models/*", lambda route: route.fulfill(status=200, body="<title>Please log in</title>"))
    digits(page).locator("input[name=index]").nth(1).check()
    expect(part(digits(page), "said")).to_contain_text("could not be loaded")
    asked = len(seen.requests)
    page.wait_for_function("new Promise((done) => setTimeout(() => done(true), 200))")
    assert len(seen.requests) == asked


def test_two_pointers_draw_one_stroke(visit) -> None:
    page = visit(CHAPTER).page
    pad = part(digits(page), "pad")
    pad.scroll_into_view_if_needed()
    touch = '''(node, [kind, id, x, primary]) => node.dispatchEvent(new PointerEvent(kind, {
        pointerId: id, pointerType: id === 1 ? "pen" : "touch", isPrimary: primary, button: 0, bubbles: true,
        clientX: node.getBoundingClientRect().left + x, clientY: node.getBoundingClientRect().top + x }))'''
    pad.evaluate("(node) => (node.setPointerCapture = () => {})")  # there is no such pointer
    page.evaluate("delete PointerEvent.prototype.getCoalescedEvents")  # which made-up events have none of
    for step in (("down", 1, 20, True), ("down", 2, 90, True), ("move", 2, 95, True), ("move", 1, 60, True)):
        pad.evaluate(touch, [f"pointer{step[0]}", *step[1:]])
    settled(page)
    strokes = pad.locator("polyline")
    assert strokes.count() == 1
    assert len({tuple(point.split(",")) for point in strokes.get_attribute("points").split()}) == 2


WATCHED = """() => {
  const context = CanvasRenderingContext2D.prototype;
  const read = context.getImageData;
  window.most = 0;
  context.getImageData = function (x, y, width, height) {
    window.most = Math.max(window.most, width * height);
    return read.call(this, x, y, width, height);
  };
}"""


def png(image: Image.Image, kind: str = "PNG") -> dict[str, Any]:
    file = io.BytesIO()
    image.save(file, kind)
    return {"name": f"image.{kind.lower()}", "mimeType": f"image/{kind.lower()}", "buffer": file.getvalue()}


def opened(page: Any, file: dict[str, Any]) -> Any:
    xrays(page).locator("input[type=file]").set_input_files(file)
    return part(xrays(page), "said")


def large(size: tuple[int, int]) -> Image.Image:
    """An X-ray of the test set, with as many pixels as photographs have."""
    small = data.load("chest_xray", "test").images[500, 0].numpy()
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def coloured(grey: Image.Image) -> Image.Image:
    return Image.merge("RGB", [grey, grey.rotate(90), grey.rotate(180)])


def share(name: str, pixels: Any, temperature: float = 1.0) -> str:
    """The largest share that a shipped network gives to uint8 pixels (side, side), as a page writes it."""
    with torch.no_grad():
        logits = MODELS[name]()(torch.from_numpy(np.array(pixels))[None, None].float() / 255)
    found = float(soften(logits, temperature).max())
    return f"{100 * found:.1f}\u00a0%" if found < 0.9995 else ">99.9"


FILES = {
    "small": lambda: large((300, 200)),
    "large": lambda: large((3000, 2100)),
    "colours": lambda: coloured(large((300, 300))),
    "16 bits": lambda: Image.fromarray(np.asarray(large((300, 200)), np.uint16) * 257),
}


@pytest.mark.parametrize("kind", FILES)
def test_an_image_from_the_disk_is_answered_as_in_pytorch(visit, kind) -> None:
    """The page's answer is that of the images that training saw, and comes without a long halt."""
    image, has_colours = FILES[kind](), kind == "colours"
    page = visit(CHAPTER).page
    page.evaluate(WATCHED)
    said = opened(page, png(image))
    expect(said).to_contain_text("Your image; no answer is a diagnosis", timeout=30_000)
    answers(xrays(page))
    assert ("colours" in said.inner_text()) == has_colours
    assert 0 < page.evaluate("most") < 1.1e6  # pixels at once, and then the page does other things
    grey = np.asarray(image.convert("L") if has_colours else image) & 255
    seen = Image.fromarray(grey.astype(np.uint8)).resize((64, 64), Image.Resampling.BILINEAR)
    expect(said).to_contain_text(share("xray_student_distilled", seen))


def test_the_temperature_softens_what_they_answer(visit) -> None:
    page = visit(CHAPTER).page
    for view, name in ((digits(page), "mnist_student_distilled"), (xrays(page), "xray_student_distilled")):
        view.locator("input[name=index]").nth(1).check()
        answers(view)
        seen = view.locator("input[name=index]").nth(1).locator("xpath=..").locator("img")
        stored = base64.b64decode(seen.get_attribute("src").split(",")[1])
        pixels = np.asarray(Image.open(io.BytesIO(stored)).convert("L"))
        if name.startswith("mnist"):  # black on white in the page
            pixels = data.resize(torch.from_numpy(255 - pixels)[None, None], 32)[0, 0].numpy()
        before = share(name, pixels)
        expect(part(view, "said")).to_contain_text(before)
        view.locator("input[name=temperature]").focus()
        press(page, *["ArrowRight"] * 12)  # twenty steps a decade: T = 4
        assert share(name, pixels, 4.0) != before
        expect(part(view, "said")).to_contain_text(share(name, pixels, 4.0))


def test_an_x_ray_is_chosen_by_keys_and_opened_by_touch(visit) -> None:
    page = visit(CHAPTER, width=390, has_touch=True, is_mobile=True).page
    view = xrays(page)
    view.locator("input[name=index]").first.focus()
    press(page, "ArrowRight")
    answers(view)
    expect(view.locator("input[name=index]").nth(1)).to_be_checked()
    view.locator("label:has(input[name=index])").nth(2).tap()
    expect(view.locator("input[name=index]").nth(2)).to_be_checked()
    with page.expect_file_chooser() as chooser:
        view.locator("label:has(input[type=file])").tap()
    chooser.value.set_files(png(large((300, 200))))
    expect(part(view, "said")).to_contain_text("Your image")


def test_other_images_are_read_or_refused_in_words(visit) -> None:
    page = visit(CHAPTER).page
    grey = Image.fromarray(data.load("chest_xray", "test").images[500, 0].numpy())
    said = opened(page, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no image"})
    expect(said).to_contain_text("no image that a browser can read")
    said = opened(page, png(Image.new("1", (8000, 6300))))
    expect(said).to_contain_text("50 million pixels")
    said = opened(page, png(Image.new("L", (40, 300))))
    expect(said).to_contain_text("40 × 300")
    said = opened(page, png(Image.new("L", (300, 200), 128)))
    expect(said).to_contain_text("one grey all over")
    clear_glass = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    said = opened(page, png(clear_glass))
    expect(said).to_contain_text("one grey all over")
    assert part(xrays(page), "said").locator("b").count() == 0
    said = opened(page, png(grey, "JPEG"))
    expect(said).to_contain_text("distilled: pneumonia")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_are_accessible_while_they_answer(visit, scheme) -> None:
    page = visit(CHAPTER, color_scheme=scheme).page
    for view in (digits(page), xrays(page)):
        view.locator("input[name=index]").nth(1).check()
        answers(view)
    assert faults(page, ".kd-slider") == {}
