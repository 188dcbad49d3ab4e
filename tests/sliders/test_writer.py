"""The slider in which students write: what Jupyter is given, its table, and prompts."""

import json
import re

from kdlib import pretrained
from kdlib.sliders import scripts, writer_slider
from kdlib.sliders.writer import MODELS

SPACE = "\N{NO-BREAK SPACE}"


def html(slider) -> str:
    return slider._repr_mimebundle_()[0]["text/html"]


def test_jupyter_is_given_the_students_and_their_teacher_when_it_is_wanted():
    names = list(MODELS.values())
    slider, whole = writer_slider(), writer_slider(teacher=True)
    assert list(slider.data["weights"]) == names[:2] and list(whole.data["weights"]) == names
    assert set(names) <= set(scripts.MODELS)  # whose scripts the site writes
    for model in slider.data["models"]:
        assert model["bytes"] == len(whole.data["weights"][model["stored"]])
    state = json.loads(re.search(r'json">(.*)</script>', html(whole)).group(1))
    assert "weights" not in state["data"] and len(html(whole)) < 4000


def test_the_table_has_the_sizes_and_the_records():
    rows = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in html(writer_slider()).split("<tr>")[2:]]
    table = {name: row for name, *row in rows}
    assert list(table) == ["alone", "distilled", "teacher"]
    assert [row[0] for row in table.values()] == ["116,673", "116,673", "826,433"]
    assert table["teacher"][1] == f"1.66{SPACE}MB" and table["alone"][1] == f"0.24{SPACE}MB"
    for name, stored in MODELS.items():
        assert float(table[name][2]) == round(pretrained.record(stored)["test_bits"], 3)


def test_lines_of_a_prompt_end_as_in_the_plays():
    slider = writer_slider(prompt="ROMEO:\r\nO\rO")
    assert slider.prompt == slider.data["start"]["prompt"] == "ROMEO:\nO\nO"
    slider.prompt = "A\r\n" * 50  # 100 characters as they count
    assert slider.prompt == "A\n" * 50
