"""What a chapter writes in the open and what kdlib offers are the same function."""

import ast
import math
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from kdlib import data, losses, models, softening
from kdlib.evaluation import statistics
from kdlib.objectives import supervised
from kdlib.training import Recipe, schedules, train

BOOK = Path(__file__).resolve().parents[2] / "book"


def inline_functions(chapter: str, **names: Any) -> dict[str, Any]:
    """The functions that a chapter's code cells define, by name; they know `names` too."""
    notebook = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    space: dict[str, Any] = {"torch": torch, "F": torch.nn.functional, "math": math, **vars(softening)}
    space |= names
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and "setup" not in cell.metadata.get("tags", []):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef):
                    exec(compile(ast.Module([node], []), chapter, "exec"), space)
                    found[node.name] = space[node.name]
    return found


@pytest.fixture(scope="module")
def temperature_chapter() -> dict[str, Any]:
    return inline_functions("01_temperature")


@pytest.fixture(scope="module")
def logits() -> torch.Tensor:
    return 5 * torch.randn(64, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("temperature", [0.1, 1, 4, 100])
def test_soften_is_the_chapters(
    temperature_chapter: dict[str, Any], logits: torch.Tensor, temperature: float
) -> None:
    inline = temperature_chapter["soften"](logits, temperature)
    torch.testing.assert_close(softening.soften(logits, temperature), inline, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("temperature", [0.1, 1, 4, 100])
def test_entropy_is_the_chapters(
    temperature_chapter: dict[str, Any], logits: torch.Tensor, temperature: float
) -> None:
    p = softening.soften(logits, temperature)
    inline = temperature_chapter["entropy"](p)
    torch.testing.assert_close(softening.entropy(p), inline, rtol=1e-13, atol=1e-13)


def test_class_profiles_is_the_chapters(temperature_chapter: dict[str, Any], logits: torch.Tensor) -> None:
    p = softening.soften(logits, 4)
    labels = torch.arange(64) % 10
    inline = temperature_chapter["class_profiles"](p, labels)
    torch.testing.assert_close(softening.class_profiles(p, labels), inline, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("temperature", [0.5, 1, 4, 100])
def test_the_loss_is_the_chapters(logits: torch.Tensor, temperature: float) -> None:
    chapter = inline_functions("02_loss")
    student, teacher, labels = logits, logits.flip(0), torch.arange(64) % 10
    inline = chapter["distillation_term"](student, teacher, temperature)
    torch.testing.assert_close(losses.distillation_term(student, teacher, temperature), inline)
    terms = losses.hinton_loss(student, teacher, labels, temperature=temperature, alpha=0.3)
    inline = chapter["hinton_loss"](student, teacher, labels, T=temperature, alpha=0.3)
    for ours, theirs in zip(terms, inline, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_training_loop_and_the_interval_are_the_chapters() -> None:
    part = data.load("mnist", "train", resolution=32).subset(range(200))
    chapter = inline_functions(
        "03_mnist",
        images=part.images.float() / 255,
        EPOCHS=2,
        BATCH=64,
        RATE=3e-3,
        models=models,
        one_cycle=schedules.one_cycle,
        statistics=statistics,
        teacher=None,
        errors={},
    )

    def with_labels(logits: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(logits, part.labels[at])

    inline, ours = chapter["train_student"](with_labels, seed=3), models.lenet5((6, 12), (90, 64), seed=3)
    recipe = Recipe(2, 3e-3, batch_size=64, optimizer="adam", schedule="one_cycle")
    train(ours, part, supervised, recipe, seed=3, device="cpu")
    for mine, theirs in zip(ours.parameters(), inline.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-5)
    values = [3.0, 5.0, 4.0, 9.0]
    assert chapter["interval"](values) == pytest.approx(statistics.interval(values)[:3])
