"""The digit nobody showed: two networks train in the page without a class, and a bias brings it back.

After Hinton, Vinyals and Dean (2015), section 3.
"""

from typing import Any

from kdlib import pretrained
from kdlib.numbers import percent, signed
from kdlib.sliders import scripts
from kdlib.sliders.inputs import as_choice, as_index, as_number, setting
from kdlib.sliders.slider import Slider, table

DIGITS = "mnist_digits"  # the file of the digits, and in its record what PyTorch makes of them
OMITTED = (*map(str, range(10)), "7 and 8")
SHOWN = (500, 1000, 2000)
SEEDS = 1000
STEPS, EVERY = 1200, 50  # of training, and between two measurements
RECIPE = {"hidden": 64, "batch": 32, "rate": 0.03, "momentum": 0.9}
TEMPERATURE = 8.0
LARGEST_BIAS = 16
MEASURED = ("all", "found", "lost")


def omitted_slider(
    *,
    omitted: str = "3",
    temperature: float = TEMPERATURE,
    shown: int = 2000,
    learning_rate: float = RECIPE["rate"],
) -> Slider:
    """Leave out a class: a network on labels and one on soft targets train in the page, without a kernel.

    Both start from the same weights and see the same small MNIST digits in the same order. One learns their
    labels, the other the shipped teacher's shares at `temperature`, without labels. Then `bias` is added to
    the logits of the class that was left out. The digits, 450 kB, are loaded when training first starts.

    `omitted`, `temperature`, `shown`, `seed`, `steps` and `bias` can be read and set from Python; `steps` is
    how many are to be trained, up to 1,200, and the same settings give the same networks. Hidden units, steps
    and learning rate were chosen on training digits that nobody trains on; see `book/_tools/ship_digits.py`.
    The shares are those of 1,000 test digits, so a bias that was moved until they look best is too good.

    Args:
        omitted: the class that is left out, "0" to "9", or "7 and 8".
        temperature: T of the soft targets, from 1 to 20.
        shown: training digits before the class is left out: 500, 1000 or 2000.
        learning_rate: of both networks, 1e-6 or more; the reader cannot move it.

    Raises:
        TypeError, ValueError: an argument of another form.
        DamagedError: the shipped digits are missing or altered.
    """
    pretrained.tensors(DIGITS)  # compares the file with its record
    return Slider(
        "omitted",
        data={
            "digits": DIGITS,
            "weights": {DIGITS: scripts.weights(DIGITS)},
            "recipe": RECIPE | {"rate": as_number(learning_rate, "learning_rate", 1e-6)},
            "steps": STEPS,
            "every": EVERY,
            "largest": LARGEST_BIAS,
            "choices": {"omitted": OMITTED, "shown": SHOWN},
        },
        settings={
            "omitted": setting(as_choice, omitted, "omitted", OMITTED),
            "temperature": setting(as_number, temperature, "temperature", 1, 20),
            "shown": setting(as_choice, shown, "shown", SHOWN),
            "seed": setting(as_index, 0, "seed", SEEDS),
            "steps": setting(as_index, 0, "steps", STEPS + 1),
            "bias": setting(as_number, 0, "bias", 0, LARGEST_BIAS),
        },
        instead=_table(pretrained.record(DIGITS)["trained"]),
    )


def _table(trained: dict[str, Any]) -> str:
    """What PyTorch gives at the default settings, as `book/_tools/ship_digits.py` recorded it."""
    rows = [
        [f"{row['network']}, bias {signed(row['bias'], 1)}", *(percent(row[k]) for k in MEASURED)]
        for row in trained["rows"]
        if row["chosen"] != "its own"
    ]
    own = next(row for row in trained["rows"] if (row["network"], row["chosen"]) == ("alone", "its own"))
    caption = (
        f"Two networks that were never shown a 3. Recorded with PyTorch at T = {TEMPERATURE:g} and 2,000 "
        f"digits, the mean of {trained['seeds']} seeds; the page draws other random numbers. The bias was "
        "chosen for the distilled network on held-out training digits; the one alone, at a bias chosen for "
        f"it, has {percent(own['all'])} right. The shares are those of 1,000 test digits."
    )
    return table(caption, ["network", "all digits right", "3s found", "others lost"], rows)
