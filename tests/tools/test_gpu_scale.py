"""The scale gpu, tried on a processor: the same cells of a page with one epoch and few images."""

import notebooks
import pytest
import run
from notebooks import BOOK

SET_UP = ('SCALE = "quick"', 'SCALE = "gpu"')
SMALL = {
    "03_mnist": [('"gpu": 60_000', '"gpu": 500'), ('"gpu": 10}', '"gpu": 1}'), ('"gpu": 5}', '"gpu": 3}')],
    "04_cifar10": [
        ('"gpu": (10, 128)', '"gpu": (1, 128)'),
        ("recipe = Recipe(15,", "recipe = Recipe(1,"),
        # The whole of CIFAR-10 is not there without a network.
        (
            'data.load("cifar10", split, scale=SCALE)',
            'data.load("cifar10", split, scale="quick").subset(range(400))',
        ),
    ],
    "05_xrays": [('"gpu": 15', '"gpu": 1')],
    "07_signals": [
        ('"gpu": (50_000, 8, 128)', '"gpu": (300, 1, 128)'),
        ('data.load("cifar10", split, scale=SCALE)', 'data.load("cifar10", split, scale="quick")'),
    ],
    "08_doubts": [('"gpu": (60_000, 20)', '"gpu": (1_000, 1)')],
    "11_language": [('"gpu": (1_500, 32)', '"gpu": (2, 4)')],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_page_runs_at_scale_gpu(name: str) -> None:
    nb = notebooks.read(BOOK / f"{name}.ipynb")
    for old, new in [SET_UP, *SMALL[name]]:
        assert sum(cell.source.count(old) for cell in nb.cells if cell.cell_type == "code") == 1, old
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.source = cell.source.replace(old, new)
    run.execute(nb, BOOK, timeout=600)
    (first,) = (cell for cell in nb.cells if notebooks.is_setup(cell))
    assert "scale gpu" in first.outputs[0].text
