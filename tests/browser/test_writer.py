"""The students that write in the page: what a reader sees, offline from a file."""

import re
from itertools import pairwise

import pytest
import torch
from axe import faults
from sliders import PHONE, STUDENTS, expect, in_page, part, press, script, settled, tell, track

from kdlib import models, pretrained
from kdlib.data import text
from kdlib.numbers import percent
from kdlib.sliders import scripts, writer_slider
from kdlib.sliders.writer import MODELS
from kdlib.softening import soften

pytestmark = pytest.mark.browser

DARK = "<style>body { background: #14181e; color: #ced6dd }</style>"
LONG = 60_000  # milliseconds: a busy machine may take its time
TEACHER = MODELS["teacher"]


def opened(open_page, *, theme: str = "light", stored=None, options=None, steps: int = 0, **slider):
    writer = writer_slider(**slider)
    writer.steps = steps
    return open_page(DARK * (theme == "dark") + in_page(writer, stored=stored), theme, **(options or {}))


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def said(page):
    return part(page, "said")


def prompt(page):
    return page.get_by_role("textbox", name="Prompt")


def texts(page) -> dict[str, str]:
    """By model: what stands in the page, prompt and all."""
    code = """(groups) => groups.map((group) => [group.ariaLabel, group.lastElementChild.textContent])"""
    return dict(page.locator("[data-kd=texts] [role=group]").evaluate_all(code))


def written(page, characters: int) -> dict[str, str]:
    """The texts, once all have so many characters behind the prompt."""
    done = re.compile(rf"^{characters} characters? each at temperature")
    expect(said(page)).to_contain_text(done, timeout=LONG)
    return texts(page)


def writing(page, characters: int) -> None:
    """So many are there, and more are to come; looked at in every frame."""
    words = "document.querySelector('[data-kd=said]').textContent.match(/Writing: character (\\d+)/)"
    page.wait_for_function(f"Number({words}?.[1] ?? -1) >= {characters}", timeout=LONG)


def bars(page) -> dict[str, dict[str, str]]:
    """By character as it is shown and by model: the share in words."""
    label = part(page, "bars").locator("[role=img]").get_attribute("aria-label")
    rows = re.sub("^Next character after [^.]*[.] ", "", label).split("; ")
    pairs = [row.rpartition(": ")[::2] for row in rows]
    return {sign: dict(re.findall(r"(\w+) ([^,]*)", shares)) for sign, shares in pairs}


def logits(model: models.Decoder, words: str) -> torch.Tensor:
    """What a model says behind a text that its context holds."""
    with torch.no_grad():
        return model(text.encode(words)[None])[0, -1].double()


# ---- texts ----


def test_two_students_write_and_another_draw_is_another_text(open_page):
    page = opened(open_page)
    expect(said(page)).to_contain_text("Press Write: each goes on")
    assert texts(page) == dict.fromkeys(("alone", "distilled"), "ROMEO:\n")
    button(page, "Write").click()
    expect(button(page, "Stop")).to_be_visible()
    first = written(page, 200)
    assert [len(words) for words in first.values()] == [207, 207]
    assert all(words.startswith("ROMEO:\n") for words in first.values())
    assert first["alone"] != first["distilled"]
    assert all(len(set(words)) > 15 and " the " in words for words in first.values())  # English, nearly
    expect(part(page, "live")).to_contain_text("200 characters each at temperature 0.8, seed 0.")
    button(page, "Write again").click()
    expect(button(page, "Stop")).to_be_visible()
    assert written(page, 200) == first
    button(page, "New draw").click()
    expect(said(page)).to_contain_text("seed 1.", timeout=LONG)
    assert all(first[name] != words for name, words in texts(page).items())
    button(page, "Reset").click()
    expect(said(page)).to_contain_text("Press Write")
    assert texts(page) == dict.fromkeys(("alone", "distilled"), "ROMEO:\n")


def test_at_zero_the_page_writes_what_python_writes(open_page):
    """Through the end of the context, of which the last half is read again."""
    page = opened(open_page, temperature=0, prompt="JULIET:\n")
    button(page, "Write").click()
    found = written(page, 200)
    for name in STUDENTS:
        begun = text.encode("JULIET:\n")[None]
        tokens = models.write(pretrained.shakespeare_student(name), begun, 200, temperature=0)
        assert found[name] == text.decode(tokens[0])


def test_a_text_that_was_stopped_goes_on_as_one_without_a_stop(open_page):
    straight = written(opened(open_page, steps=150), 150)
    page = opened(open_page, length=150)
    page.evaluate("kd.work = 0.1")  # a character a frame, so that it still writes when it is stopped
    button(page, "Write").focus()
    press(page, "Enter")
    writing(page, 2)
    press(page, "Space")
    expect(button(page, "Write")).to_be_visible()
    count = len(texts(page)["alone"]) - len("ROMEO:\n")
    assert 0 < count < 150
    stopped = written(page, count)
    button(page, "One character").click()
    assert all(words[:-1] == stopped[name] for name, words in written(page, count + 1).items())
    button(page, "Write").click()
    assert written(page, 150) == straight


def test_a_text_grows_by_a_few_characters_a_frame_however_quick_the_machine_is(open_page):
    page = opened(open_page)
    page.evaluate("""kd.work = Infinity; window.seen = []; new MutationObserver(() =>
      seen.push(document.querySelector("[data-kd=texts]").textContent.length)).observe(
      document.querySelector("[data-kd=texts]"), { childList: true });""")
    button(page, "Write").click()
    written(page, 200)
    lengths = page.evaluate("seen")
    assert lengths[-1] - lengths[0] > 300  # of both
    assert max(later - before for before, later in pairwise(lengths)) <= 20


def test_another_temperature_or_length_is_followed(open_page):
    page = opened(open_page, steps=60)
    first = written(page, 60)
    track(page, "temperature").focus()
    press(page, "Home")
    expect(said(page)).to_contain_text("60 characters each at temperature 0", timeout=LONG)
    cold = texts(page)
    assert cold != first
    track(page, "length").focus()
    press(page, *["Home"], *["ArrowRight"] * 10)
    tell(page, "length", "120 characters")
    assert texts(page) == cold  # until Write is pressed
    button(page, "Write").click()
    assert all(words.startswith(cold[name]) for name, words in written(page, 120).items())


def test_where_both_draw_alike_they_differ_in_what_they_have_learnt(open_page):
    """The same weights for both write the same text, so that the random numbers are the same."""
    page = open_page(in_page(writer_slider(), stored=()))
    weights = dict.fromkeys(STUDENTS.values(), scripts.weights(STUDENTS["alone"]))
    page.evaluate("(weights) => Object.assign(kd.stored, weights)", weights)
    button(page, "Write").click()
    found = written(page, 200)
    assert found["alone"] == found["distilled"]


# ---- the next character ----


@pytest.mark.parametrize("temperature", [0.8, 2, 0])
def test_bars_are_pytorchs_shares_behind_the_prompt(open_page, temperature):
    page = opened(open_page, prompt="To be, or not to", temperature=temperature)
    found = bars(page)
    z = {name: logits(pretrained.shakespeare_student(name), "To be, or not to") for name in STUDENTS}
    most = sum(soften(of) for of in z.values()).topk(6).indices.tolist()
    names = {" ": "space", "\n": "new line"}
    assert list(found) == [names.get(text.characters()[k], text.characters()[k]) for k in most]
    assert "space" in found
    for name, of in z.items():
        shares = soften(of, temperature) if temperature else (of == of.max()).double()
        wanted = [percent(float(shares[k])) for k in most]
        assert [row[name] for row in found.values()] == wanted
    rows = part(page, "bars").locator("rect.kd-room")
    assert rows.count() == 6 and part(page, "bars").locator("rect.kd-scratch").count() == 6 + 1


def test_bars_follow_the_text_that_is_chosen(open_page):
    page = opened(open_page, steps=40)
    found = written(page, 40)
    for name in ("distilled", "alone"):
        page.get_by_role("radio", name=name).check()
        settled(page)
        label = part(page, "bars").locator("[role=img]").get_attribute("aria-label")
        assert label.startswith(f"Next character after the text of {name}. ")
        for other in STUDENTS:  # both are asked about the same text
            shares = soften(logits(pretrained.shakespeare_student(other), found[name]), 0.8)
            shown = bars(page)
            for sign, row in shown.items():
                character = {"space": " ", "new line": "\n"}.get(sign, sign)
                assert row[other] == percent(float(shares[text.characters().index(character)]))


def test_rows_stay_while_the_temperature_moves(open_page):
    page = opened(open_page)
    before = bars(page)
    track(page, "temperature").focus()
    for key in ("Home", "End"):
        press(page, key)
        assert list(bars(page)) == list(before) and bars(page) != before


# ---- the prompt ----


def test_a_prompt_is_typed_and_clears_what_was_written(open_page):
    page = opened(open_page, steps=30)
    written(page, 30)
    prompt(page).press("End")
    prompt(page).fill("O Romeo,")
    settled(page)
    assert texts(page) == dict.fromkeys(("alone", "distilled"), "O Romeo,")
    typed = bars(page)
    assert typed == bars(opened(open_page, prompt="O Romeo,"))  # nothing is left of the other prompt
    prompt(page).fill("O Romeo, Romeo")
    prompt(page).fill("O Rome")
    settled(page)
    assert bars(page) == bars(opened(open_page, prompt="O Rome"))
    button(page, "Write").click()
    found = written(page, 200)
    assert found == written(opened(open_page, prompt="O Rome", steps=200), 200)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("O 2", "“2” is none of the 65 characters that the models know. Leave it out, or write it "),
        ("<b>Romeo</b>", "“<” is none of the 65 characters"),
        ("Roméo", "“é” is none of the 65 characters"),
        ("O \N{GRINNING FACE}", "“\N{GRINNING FACE}” is none"),
        ("O\tO", "“U+0009” is none"),
        ("O\N{ZERO WIDTH SPACE}", "“U+200B” is none"),
        ("O\N{RIGHT-TO-LEFT OVERRIDE}", "“U+202E” is none"),
        ("", "The prompt is empty. Type one character at least."),
        ("O" * 101, "The prompt has 101 characters. Leave at most 100."),
    ],
)
def test_a_prompt_that_will_not_do_is_refused_in_words(open_page, typed, words):
    page = opened(open_page, steps=20)
    before = written(page, 20)
    prompt(page).fill(typed)
    expect(said(page)).to_contain_text(words)
    expect(part(page, "live")).to_contain_text(words)  # heard, too
    expect(prompt(page)).to_have_attribute("aria-invalid", "true")
    expect(prompt(page)).to_have_value(typed)
    assert texts(page) == before
    button(page, "Write").click()
    settled(page)
    expect(said(page)).to_contain_text(words)  # nothing is written behind another prompt
    prompt(page).fill("ROMEO:\n")
    expect(said(page)).to_contain_text("Press Write")
    expect(prompt(page)).to_have_attribute("aria-invalid", "false")
    prompt(page).fill(typed)
    button(page, "Reset").click()
    expect(prompt(page)).to_have_value("ROMEO:\n")
    expect(said(page)).to_contain_text("Press Write")


def test_a_prompt_of_a_hundred_characters_will_do_and_one_more_will_not(open_page):
    page = opened(open_page)
    prompt(page).fill("Alas, " * 16 + "Rom")
    prompt(page).press_sequentially("e")
    settled(page)
    assert len(texts(page)["alone"]) == 100
    button(page, "One character").click()
    written(page, 1)
    prompt(page).press("Control+End")
    prompt(page).press_sequentially("o")
    expect(said(page)).to_contain_text("The prompt has 101 characters. Leave at most 100.")


def test_line_ends_and_apostrophes_that_systems_write_are_taken(open_page):
    page = opened(open_page, options={"permissions": ["clipboard-read", "clipboard-write"]})
    page.evaluate("navigator.clipboard.writeText('KING:\\r\\nWhat\N{RIGHT SINGLE QUOTATION MARK}s this?')")
    prompt(page).focus()
    press(page, "Control+a", "Control+v")
    assert texts(page)["alone"] == "KING:\nWhat's this?"
    expect(prompt(page)).to_have_attribute("aria-invalid", "false")


def test_texts_are_shown_as_text(open_page):
    page = opened(open_page)
    prompt(page).fill("Tom & Tim &amp; &lt")
    settled(page)
    assert texts(page)["alone"] == "Tom & Tim &amp; &lt"
    prompt(page).fill("<img src=x onerror=alert(1)>")
    settled(page)
    assert page.locator(".kd-view img").count() == 0
    spaces = "O  \n\n  O"
    prompt(page).fill(spaces)
    settled(page)
    assert texts(page)["alone"] == spaces
    line = page.locator("[data-kd=texts] p[style]").first
    assert line.evaluate("(node) => getComputedStyle(node).whiteSpace") == "pre-wrap"


# ---- what is loaded ----


@pytest.fixture
def site_models(tmp_path):
    """The models beside the page, as the site lays them."""
    (tmp_path / "models").mkdir()
    for name in MODELS.values():
        content = f'kd.stored.{name} = "{scripts.weights(name)}";'
        (tmp_path / "models" / f"{name}.js").write_text(content, encoding="utf-8")
    return (tmp_path / "sliders" / "kit.js").as_uri()


def test_students_and_teacher_come_from_files_when_they_are_asked(open_page, site_models):
    page = open_page(in_page(writer_slider(), stored=()))
    page.evaluate("(home) => (kd.home = home)", site_models)
    requests = []
    page.on("request", lambda request: requests.append(request.url.rsplit("/", 1)[1]))
    expect(said(page)).to_have_text("Press Write. It loads both students, once: 0.6\N{NO-BREAK SPACE}MB.")
    assert list(bars(page)) == ["–"]
    button(page, "Write").click()
    before = written(page, 200)
    assert sorted(requests) == sorted(f"{name}.js" for name in STUDENTS.values())
    page.get_by_role("button", name="Ask the teacher, too: 2.2\N{NO-BREAK SPACE}MB").click()
    expect(page.get_by_role("group", name="teacher")).to_be_visible(timeout=LONG)
    expect(button(page, "Write again")).to_be_visible(timeout=LONG)
    found = texts(page)
    assert requests[2:] == [f"{TEACHER}.js"]
    assert {name: found[name] for name in STUDENTS} == before
    assert len(found["teacher"]) == 207 and found["teacher"] not in before.values()
    assert set(bars(page).popitem()[1]) == set(MODELS)
    button(page, "Without the teacher").click()
    expect(page.get_by_role("group", name="teacher")).to_have_count(0)
    expect(button(page, "Ask the teacher, too")).to_be_visible()  # it is here now
    assert len(requests) == 3


def test_the_teachers_shares_are_pytorchs(open_page):
    page = opened(open_page, stored=tuple(MODELS.values()))
    button(page, "Ask the teacher, too").click()
    expect(page.get_by_role("group", name="teacher")).to_be_visible()
    shares = soften(logits(pretrained.shakespeare_teacher(), "ROMEO:\n"), 0.8)
    for sign, row in bars(page).items():
        assert row["teacher"] == percent(float(shares[text.characters().index(sign)]))


def test_a_teacher_that_does_not_come_is_said_and_the_students_write(browser):
    page = browser.new_page()
    page.set_content(in_page(writer_slider()))
    page.evaluate("kd.home = 'http://127.0.0.1:9/sliders/kit.js'")  # where nobody answers
    page.get_by_role("button", name="Ask the teacher, too").click()
    expect(said(page)).to_contain_text(f"{TEACHER} could not be loaded. Ask again with a network.")
    button(page, "Write").click()
    expect(button(page, "Write again")).to_be_visible(timeout=LONG)
    assert [len(words) for words in texts(page).values()] == [207, 207]
    page.close()


def test_students_that_do_not_come_are_said(browser):
    page = browser.new_page()
    page.set_content(in_page(writer_slider(), stored=()))
    page.evaluate("kd.home = 'http://127.0.0.1:9/sliders/kit.js'")
    button(page, "Write").click()
    expect(said(page)).to_contain_text("could not be loaded. Reload the page with a network.")
    page.close()


def test_the_site_can_bring_the_models():
    assert set(MODELS.values()) <= set(scripts.MODELS) and "kd.sliders.writer" in script()


# ---- looks ----


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_moves_or_overflows_while_it_writes(open_page, width):
    page = opened(open_page, options={"viewport": {"width": width, "height": 844}})
    height = lambda: page.locator(".kd-view").bounding_box()["height"]  # noqa: E731
    heights = {height()}
    button(page, "Write").click()
    writing(page, 10)
    heights.add(height())
    written(page, 200)
    heights.add(height())
    assert len(heights) == 1
    alone, distilled = (page.get_by_role("group", name=name).bounding_box() for name in STUDENTS)
    assert (alone["y"] == distilled["y"]) == (width > 600)  # side by side, or one below the other
    prompt(page).fill("O" * 100)  # a word without an end
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    size = prompt(page).evaluate("(node) => parseFloat(getComputedStyle(node).fontSize)")
    assert size >= 16, "a phone would zoom in"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_when_it_has_written_and_when_it_refuses(open_page, theme):
    options = PHONE | {"viewport": {"width": 390, "height": 844}}
    page = opened(open_page, theme=theme, options=options, length=20, stored=tuple(MODELS.values()))
    button(page, "Ask the teacher, too").tap()
    button(page, "Write").tap()
    written(page, 20)
    for typed in (None, "Roméo"):
        if typed:
            prompt(page).fill(typed)
            expect(said(page)).to_contain_text("is none of the 65")
        assert faults(page, ".kd-slider") == {}


def test_it_is_said_once_when_it_has_written(open_page):
    page = opened(open_page)
    page.evaluate("""window.heard = []; new MutationObserver(() =>
      heard.push(document.querySelector("[data-kd=live]").textContent)).observe(
      document.querySelector("[data-kd=live]"), { childList: true });""")
    button(page, "Write").click()
    written(page, 200)
    settled(page)
    heard = page.evaluate("heard")
    assert len(heard) == 2 and heard[0].startswith("Writing") and heard[1].startswith("200 characters each")
