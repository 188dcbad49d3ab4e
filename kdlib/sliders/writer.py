"""The student writes in the page: two small decoders, and their teacher on request. Chapter 11."""

from typing import Any

from kdlib import pretrained
from kdlib.data import text
from kdlib.numbers import fixed
from kdlib.sliders import scripts
from kdlib.sliders.inputs import as_choice, as_index, as_number, setting
from kdlib.sliders.slider import Slider, table

# By the name that is shown, in the order of the page: the stored weights.
STUDENTS = {name: f"shakespeare_student_{name}" for name in pretrained.STUDENTS}
MODELS = STUDENTS | {"teacher": "shakespeare_teacher"}
HEADS = 4  # which the weights do not tell
LONGEST_PROMPT = 100  # characters, so that the context has room for them and the next
LENGTHS = (20, 400)
HOTTEST, SEEDS = 2, 1000


def writer_slider(
    *,
    prompt: str = "ROMEO:\n",
    temperature: float = 0.8,
    length: int = 200,
    seed: int = 0,
    behind: str = "distilled",
    teacher: bool = False,
) -> Slider:
    """The students "alone" and "distilled" go on from a prompt in the page, character after character.

    Both draw with the same random numbers. Bars show what each of them says comes next. A page loads the
    students when they are first used, and their teacher when a button asks for it. Chapter 11.

    Each argument but the last can be read and set from Python by its name, and `steps` as well: how many
    characters are to be written, up to 400. The same settings give the same texts.

    Args:
        prompt: what they go on from, 1 to 100 of the 65 characters of `data.text`.
        temperature: of the shares that are drawn from, from 0 to 2; 0 takes the likeliest character.
        length: characters that the button asks for, from 20 to 400.
        seed: of the random numbers, from 0 to 999.
        behind: whose text the bars are about, "alone" or "distilled"; all models are asked what is next.
        teacher: give Jupyter the teacher as well, 2.2 MB; the book's page can load it in any case.

    Raises:
        TypeError, ValueError: an argument of another form.
        DamagedError: shipped weights are missing or altered.
    """
    weights = {stored: scripts.weights(stored) for stored in MODELS.values()}
    models = [{"name": n, "stored": stored, "bytes": len(weights[stored])} for n, stored in MODELS.items()]
    if not as_choice(teacher, "teacher", (False, True)):
        del weights[MODELS["teacher"]]
    return Slider(
        "writer",
        data={
            "models": models,
            "weights": weights,
            "heads": HEADS,
            "characters": text.characters(),
            "most": LONGEST_PROMPT,
            "lengths": LENGTHS,
            "hottest": HOTTEST,
            "seeds": SEEDS,
        },
        settings={
            "prompt": setting(as_prompt, prompt),
            "temperature": setting(as_number, temperature, "temperature", 0, HOTTEST),
            "length": setting(as_index, length, "length", LENGTHS[1] + 1, LENGTHS[0]),
            "seed": setting(as_index, seed, "seed", SEEDS),
            "behind": setting(as_choice, behind, "behind", tuple(STUDENTS)),
            "steps": setting(as_index, 0, "steps", LENGTHS[1] + 1),
        },
        instead=_table(),
    )


def as_prompt(value: Any) -> str:
    """A prompt of 1 to 100 characters of the plays, its lines ended as they are there."""
    if not isinstance(value, str):
        raise TypeError(f"prompt is {value!r}; give a text")
    prompt = value.replace("\r\n", "\n").replace("\r", "\n")
    if not 1 <= len(prompt) <= LONGEST_PROMPT:
        raise ValueError(f"prompt has {len(prompt)} characters; give 1 to {LONGEST_PROMPT}")
    try:
        text.encode(prompt)
    except ValueError as error:
        raise ValueError(f"prompt: {error}") from error
    return prompt


def _table() -> str:
    """What there is to know of each model before it writes."""
    caption = (
        "Three models that write like Shakespeare: how many weights each has, how large their file is, "
        "and how well it predicts test text by its record; the fewer bits the better."
    )
    rows = [_row(name, stored) for name, stored in MODELS.items()]
    return table(caption, ["model", "weights", "file", "bits per character"], rows)


def _row(name: str, stored: str) -> list[str]:
    """A model's weights, the size of their file, and the bits per character of its record."""
    weights = sum(tensor.numel() for tensor in pretrained.tensors(stored).values())
    size = (pretrained.FOLDER / f"{stored}.safetensors").stat().st_size
    bits = fixed(pretrained.record(stored)["test_bits"], 3)
    return [name, f"{weights:,}", f"{size / 1e6:.2f}\N{NO-BREAK SPACE}MB", bits]
