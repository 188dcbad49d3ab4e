"""What a chapter writes in the open and what kdlib offers are the same function."""

import ast
import math
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset, TensorDataset

from kdlib import data, losses, models, softening
from kdlib.data import augment
from kdlib.evaluation import metrics
from kdlib.experiments import loss_bugs, race
from kdlib.losses import divergences
from kdlib.objectives import Batch, distilled, supervised
from kdlib.training import Recipe, logits_of, train

BOOK = Path(__file__).resolve().parents[2] / "book"


def inline_functions(chapter: str, *assigned: str, **names: Any) -> dict[str, Any]:
    """The functions and classes that code cells define, and what is `assigned`; they know `names` too."""
    notebook = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    space: dict[str, Any] = {"torch": torch, "F": torch.nn.functional, "nn": torch.nn, "math": math}
    space |= vars(softening)
    space |= names
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and "setup" not in cell.metadata.get("tags", []):
            for node in ast.parse(cell.source).body:
                target = node.targets[0] if isinstance(node, ast.Assign) else None
                name = target.id if isinstance(target, ast.Name) and target.id in assigned else None
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    name = node.name
                if name:
                    exec(compile(ast.Module([node], []), chapter, "exec"), space)
                    found[name] = space[name]
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


def test_the_wrong_lines_of_chapter_2_are_those_that_were_trained(logits: torch.Tensor) -> None:
    chapter = inline_functions("02_loss", "MUSEUM", T=loss_bugs.TEMPERATURE)
    museum = chapter["MUSEUM"].items()
    shown = {name.replace("T²", "t squared").replace(" ", "-"): loss for name, loss in museum}
    trained = {"right": loss_bugs.right, **loss_bugs.SOFT_TERMS}
    assert set(shown) == set(trained)
    for name, loss in trained.items():
        torch.testing.assert_close(shown[name](logits, logits.flip(0)), loss(logits, logits.flip(0)))
    flat = chapter["flattened"](logits, 4.0)
    torch.testing.assert_close((flat / 4).softmax(1), (race.flattened(logits, 4.0) / 4).softmax(1))


def test_the_loss_and_the_loop_are_the_chapters() -> None:
    """One batch an epoch, so that the order does not matter, in which the two loops differ."""
    images, count, epochs = data.load("mnist", "train", resolution=32).subset(range(300)), 50, 4
    teacher = models.lenet5(seed=1)
    chapter = inline_functions(
        "03_mnist",
        train=images,
        teacher=teacher,
        models=models,
        trange=range,
        device=torch.device("cpu"),
        IMAGES=count,
        EPOCHS=epochs,
        test=images,
    )
    rows = torch.randperm(300, generator=torch.Generator().manual_seed(3))[:count]
    part, recipe = images.subset(rows), Recipe(epochs, 3e-3, batch_size=64, optimizer="adam")
    told = logits_of(teacher, part)
    for loss, objective in (("hard", supervised), ("soft", distilled(told, temperature=4, alpha=0.9))):
        inline, ours = chapter["trained"](chapter[loss], 3), models.lenet5((6, 12), (90, 64), seed=3)
        train(ours, part, objective, recipe, seed=3, device="cpu")
        for mine, theirs in zip(ours.parameters(), inline.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-5)
        assert chapter["errors"](inline) == metrics.errors(logits_of(inline, images), images.labels)


def test_views_and_lesser_teachers_are_chapter_4s(logits: torch.Tensor) -> None:
    told, labels = torch.zeros(1), torch.zeros(1)
    chapter = inline_functions("04_cifar10", VIEWS=race.VIEWS, told=told, labels=labels)
    images = torch.randint(256, (32, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    views = torch.arange(32) % len(race.VIEWS)
    assert torch.equal(chapter["seen"](images, views), augment.take_views(images, race.VIEWS, views))
    torch.testing.assert_close(chapter["flattened"](logits), race.flattened(logits, 4.0))
    torch.testing.assert_close(chapter["equally_sure"](logits), race.equally_sure(logits, 4.0))


def test_the_loss_with_views_is_chapter_4s(logits: torch.Tensor) -> None:
    told, labels = logits.reshape(8, 8, 10), torch.arange(8)
    chapter = inline_functions("04_cifar10", told=told, labels=labels)
    rows, views, student = torch.tensor([3, 1, 7]), torch.tensor([0, 5, 5]), logits[:3].flip(1)
    teacher = torch.stack([told[3, 0], told[1, 5], told[7, 5]])
    ours = losses.hinton_loss(student, teacher, labels[rows], temperature=4, alpha=0.9)
    torch.testing.assert_close(chapter["soft"](student, rows, views), ours.total)


@pytest.fixture(scope="module")
def recipes() -> dict[str, Any]:
    names = {"DataLoader": DataLoader, "Dataset": Dataset, "Path": Path, "Trainer": object}
    return inline_functions("recipes", device="cpu", **names)


def test_the_forty_lines_and_the_recipes_begin_with_the_same_term(
    logits: Tensor, recipes: dict[str, Any]
) -> None:
    page = inline_functions("distil_your_own")
    for T in (1.0, 4.0):
        rows = losses.distillation_term(logits.float(), logits.float().flip(0), T, reduction="none")
        for term in (page["soft_term"], recipes["soft_term"]):
            torch.testing.assert_close(term(logits, logits.flip(0), T), rows)


def test_the_forty_lines_minimise_and_count_as_kdlib_does() -> None:
    page = inline_functions("distil_your_own", OneCycleLR=torch.optim.lr_scheduler.OneCycleLR)
    images = data.load("mnist", "train").subset(range(100))
    pictures, labels = images.images / 255, images.labels
    teacher, student = models.mlp((784, 20, 10), seed=1), models.mlp((784, 10, 10), seed=2)
    for loss, objective in (
        (page["alone"], supervised),
        (page["taught_by"](teacher), distilled(teacher, temperature=4, alpha=0.9)),
    ):
        theirs = objective(student, Batch(pictures, labels))["loss"]
        torch.testing.assert_close(loss(student, pictures, labels), theirs)
    before = metrics.errors(logits_of(student, images), labels)
    loader = DataLoader(TensorDataset(pictures, labels), 30)
    assert page["errors"](student, loader) == before
    assert page["errors"](page["fit"](student, loader, page["alone"], epochs=4), loader) < before / 2


def test_a_missing_label_leaves_the_teachers_term(recipes: dict[str, Any], logits: Tensor) -> None:
    labels = torch.arange(64) % 10
    labels[::2] = -100
    found = recipes["loss_with_gaps"](logits, logits.flip(0), labels, T=4.0, alpha=0.7)
    soft = losses.distillation_term(logits.float(), logits.float().flip(0), 4.0)
    torch.testing.assert_close(found, 0.7 * soft + 0.3 * losses.hard_term(logits, labels), check_dtype=False)
    alone = recipes["loss_with_gaps"](logits, logits.flip(0), torch.full((64,), -100), T=4.0, alpha=0.7)
    torch.testing.assert_close(alone, 0.7 * soft)


def test_pixels_count_by_their_masks(recipes: dict[str, Any]) -> None:
    draw = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 5, 4, 4, generator=draw) for _ in range(2))
    labels = torch.randint(5, (2, 4, 4), generator=draw)
    real = torch.rand(2, 4, 4, generator=draw) > 0.3
    labels[torch.rand(2, 4, 4, generator=draw) > 0.5] = 255
    found = recipes["segmentation_loss"](student, teacher, labels, real)
    own, theirs = student.movedim(1, -1), teacher.movedim(1, -1)
    hard = losses.hard_term(own, labels, mask=real, ignore_index=255)
    soft = losses.distillation_term(own, theirs, 4.0, mask=real)
    torch.testing.assert_close(found, 0.9 * soft + 0.1 * hard)
    nobody = recipes["segmentation_loss"](student, teacher, torch.full_like(labels, 255), real)
    torch.testing.assert_close(nobody, 0.9 * soft)
    assert recipes["segmentation_loss"](student, teacher, labels, torch.zeros_like(real)) == 0


def test_yes_and_no_are_as_in_kdlib_and_an_unknown_tag_has_its_teacher(
    recipes: dict[str, Any], logits: Tensor
) -> None:
    student, teacher = logits.float()[:, :4], logits.float().flip(0)[:, :4]
    tags = (teacher > 1).float()
    found = recipes["binary_loss"](student, teacher, tags, T=3.0, alpha=0.5)
    hard = torch.nn.functional.binary_cross_entropy_with_logits(student, tags)
    soft = divergences.binary_kl(student, teacher, 3.0) / 4  # kdlib sums over the tags
    torch.testing.assert_close(found, 0.5 * soft + 0.5 * hard)
    unknown = recipes["binary_loss"](student, teacher, torch.full_like(tags, torch.nan), T=3.0, alpha=0.5)
    torch.testing.assert_close(unknown, 0.5 * soft)


def test_stored_answers_come_with_their_images_and_are_asked_once(
    recipes: dict[str, Any], tmp_path: Path
) -> None:
    images = torch.randn(60, 6)
    examples, teacher = TensorDataset(images, torch.arange(60)), nn.Linear(6, 3)
    told = recipes["ask"](teacher, examples, tmp_path, 25)
    assert [len(torch.load(tmp_path / f"{first}-25.pt")) for first in (0, 25, 50)] == [25, 25, 10]
    (tmp_path / "25-25.pt").unlink()
    asked: list[int] = []
    again = recipes["ask"](lambda x: (asked.append(len(x)), teacher(x))[1], examples, tmp_path, 25)
    assert asked == [25] and torch.equal(again, told), "only the part that was lost"
    with pytest.raises(AssertionError, match="one answer for each"):
        recipes["WithTeacher"](examples, told[1:])
    for pictures, numbers, theirs in DataLoader(recipes["WithTeacher"](examples, told), 7, shuffle=True):
        assert torch.equal(pictures, images[numbers])
        torch.testing.assert_close(theirs, teacher(pictures), atol=0.01, rtol=0.01)


def test_probabilities_and_columns_become_logits(recipes: dict[str, Any], logits: Tensor) -> None:
    sure = torch.tensor([[1.0, 0.0]])
    assert recipes["logits_from"](sure, 0.005)[0, 1].exp() == pytest.approx(0.005)
    p = logits.softmax(1)
    torch.testing.assert_close((recipes["logits_from"](p, 1e-30) / 4).softmax(1), (logits / 4).softmax(1))
    cut = recipes["Columns"](nn.Identity(), ["b", "a", "c"], ["a", "b"])
    assert torch.equal(cut(torch.tensor([[1.0, 2.0, 3.0]])), torch.tensor([[2.0, 1.0]]))


@pytest.mark.slow
def test_trainer_accumulates_gradients_as_one_large_batch(tmp_path: Path) -> None:
    import transformers

    names = {name: getattr(transformers, name) for name in ("AutoConfig", "AutoModelForCausalLM", "Trainer")}
    names["checkpoint"] = checkpoint
    page = inline_functions("recipes", DataLoader=DataLoader, Dataset=Dataset, **names)
    sentences = [page["sentence"](5 + 7 * i) for i in range(8)]  # of one length
    torch.manual_seed(0)
    teacher, first = page["language_model"](8, 1), page["language_model"](8, 1)
    weights = []
    for size, steps in ((8, 1), (2, 4)):
        student = page["language_model"](8, 1)
        student.load_state_dict(first.state_dict())
        settings = transformers.TrainingArguments(
            str(tmp_path), max_steps=1, learning_rate=0.1, optim="sgd", lr_scheduler_type="constant",
            per_device_train_batch_size=size, gradient_accumulation_steps=steps, max_grad_norm=0.0,
            report_to="none", save_strategy="no", disable_tqdm=True, use_cpu=True,
        )  # fmt: skip
        page["Distiller"](student, settings, teacher=teacher, train_dataset=sentences).train()
        weights.append([p.detach() for p in student.parameters()])
    assert any(not torch.equal(a, b) for a, b in zip(weights[0], first.parameters(), strict=True))
    for whole, parts in zip(*weights, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def language() -> dict[str, Any]:
    return inline_functions("11_language", losses=losses)


def test_the_decoder_and_its_divergences_are_chapter_11s(language: dict[str, Any]) -> None:
    model = models.transformer(2, 16, seed=0).eval()
    mine = language["Decoder"](2, 16)
    mine.load_state_dict(model.state_dict())
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(65, (3, 20), generator=draw)
    torch.testing.assert_close(mine(tokens), model(tokens))
    student, teacher = torch.randn(2, 3, 7, 65, generator=draw)
    inline = [language[name](student, teacher) for name in ("forward_kl", "reverse_kl")]
    ours = [losses.distillation_term(student, teacher, 1.0), divergences.reverse_kl(student, teacher, 1.0)]
    torch.testing.assert_close(inline, ours)
    written = language["go_on"](model, tokens[:, :5], 4, draw)
    assert written.shape == (3, 9) and torch.equal(written[:, :5], tokens[:, :5])
    assert int(written.max()) < 65


def test_the_museum_of_chapter_11_shows_what_it_says(language: dict[str, Any]) -> None:
    student, teacher = torch.tensor([[0.5, 0.5], [0.9, 0.1]]).log()[:, None]
    far = torch.tensor([[20.0, 0.0]])
    assert float(language["js_of_logs"](far, far.flip(1))) > math.log(2)  # which none can exceed
    assert divergences.jensen_shannon(far, far.flip(1), 1.0) <= math.log(2)
    kl = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert float(language["forgetful"](student, teacher, 4)) == pytest.approx(kl)
    torch.testing.assert_close(language["log"](teacher, 2).exp(), torch.tensor([[0.75, 0.25]]))
    assert language["inverted"](teacher, True) is teacher
    standard = language["inverted"](teacher, False)
    torch.testing.assert_close(standard, torch.tensor([[1.0, -1.0]]) / math.sqrt(2))
