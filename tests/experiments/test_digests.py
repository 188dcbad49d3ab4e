"""The digest of the code that a run goes through."""

from pathlib import Path

import pytest

from kdlib.experiments import digests

SOURCES = {
    "__init__": '__version__ = "1"\n',
    "experiments": """
        from kdlib import data, nets
        from kdlib.loop import train

        LATER = 1
        RECIPE = {"schedule": "warm"}

        def run(seed):
            return train(nets.small(seed), data.load(), RECIPE)
        """,
    "nets": """
        import math
        from math import pi as THREE
        WIDTH = 3
        UNUSED = 4
        def small(seed):
            '''A net.'''
            return WIDTH * THREE * seed
        def large(seed):
            return UNUSED * seed
        """,
    "loop": """
        from kdlib.training import schedules
        def train(net, images, recipe):
            return getattr(schedules, recipe["schedule"])(net)
        """,
    "schedules": """
        print("at import")
        def warm(x):
            return x
        def cold(x):
            return -x
        """,
    "data": """
        def load():
            return 3
        """,
    "other": """
        def run():
            return 3
        """,
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    import textwrap

    folder = tmp_path / "kdlib"
    folder.mkdir()
    for name, text in SOURCES.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text).lstrip())
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("experiments", '"warm"', '"cold"', True),
        ("experiments", "LATER = 1", "LATER = 2", False),
        ("experiments", "RECIPE)", "RECIPE, 2)", True),
        ("nets", "WIDTH = 3", "WIDTH = 4", True),  # a constant of a function that is used
        ("nets", "UNUSED = 4", "UNUSED = 5", False),
        ("nets", "UNUSED * seed", "seed", False),  # a function beside the used one
        ("nets", "import math", "import math, time", False),
        ("nets", "from math import pi as THREE", "from math import e as THREE", True),  # another meaning
        ("loop", "from kdlib import schedules", "from kdlib import nets as schedules", True),
        ("nets", "A net.", "The net.", False),
        ("nets", "    return WIDTH", "    # why\n    return WIDTH", False),
        ("schedules", "return x", "return x + 1", True),  # named by a text
        ("schedules", "return -x", "return -x - 1", False),
        ("schedules", "at import", "when imported", True),
        ("data", "return 3", "return 4", False),  # apart
        ("other", "return 3", "return 4", False),  # imported by nobody
        ("__init__", '"1"', '"2"', False),
    ],
)
def test_a_run_depends_on_what_it_can_reach(
    package: Path, file: str, old: str, new: str, changes: bool
) -> None:
    before = digests.run_digest("experiments", package, apart=["data"])
    text = (package / f"{file}.py").read_text()
    assert text.count(old) == 1 and len(before) == 64
    (package / f"{file}.py").write_text(text.replace(old, new))
    assert (digests.run_digest("experiments", package, apart=["data"]) != before) is changes


def test_nothing_is_apart_unless_named(package: Path) -> None:
    before = digests.run_digest("experiments", package)
    (package / "data.py").write_text("def load():\n    return 4\n")
    assert digests.run_digest("experiments", package) != before


def test_new_definitions_and_their_order_age_nothing(package: Path) -> None:
    before = digests.run_digest("experiments", package)
    path = package / "nets.py"
    path.write_text("def huge(seed):\n    return 9\n" + path.read_text())
    assert digests.run_digest("experiments", package) == before


def test_a_method_named_like_a_function_is_followed_to_be_safe(package: Path) -> None:
    path = package / "loop.py"
    path.write_text(path.read_text().replace("(net)", "(net.large)"))
    before = digests.run_digest("experiments", package)
    path = package / "nets.py"
    path.write_text(path.read_text().replace("UNUSED = 4", "UNUSED = 5"))
    assert digests.run_digest("experiments", package) != before


def test_modules_of_the_same_code_differ_by_name(package: Path) -> None:
    (package / "again.py").write_text((package / "other.py").read_text())
    assert digests.run_digest("again", package) != digests.run_digest("other", package)


def test_an_unknown_module_is_named_with_the_known_ones(package: Path) -> None:
    with pytest.raises(
        ValueError, match=r"module is 'net'; the modules of kdlib are data, experiments, loop"
    ):
        digests.run_digest("net", package)
    assert digests.run_digest("loss_experiments") != digests.run_digest("mnist_experiments")  # kdlib's own
