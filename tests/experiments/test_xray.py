"""The runs of chapter 05 on a handful of images."""

import json
from dataclasses import fields, replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from kdlib.experiments.xray_arms import VIEWS, Arm
from sklearn.metrics import confusion_matrix
from torch import Tensor, nn

from kdlib import cli, data, losses, models
from kdlib.data import bundle, cache, full
from kdlib.experiments import ledger, runner, xray_arms
from kdlib.experiments import xray as xray_experiments
from kdlib.objectives import Batch


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Arm]:
    """A few arms, but with some dozens of images and two epochs, and records apart from everyone's."""
    found = {}
    for split, step in (("train", 40), ("val", 20), ("kaggle_train", 40), ("test", 12)):
        all_of_it = data.load("chest_xray", split)
        found[split] = all_of_it.subset(range(0, len(all_of_it), step))

    def short(arm: Arm) -> Arm:
        recipe = replace(arm.recipe, epochs=2)
        model = arm.model if arm.classes > 2 or arm.weights else "student"
        return replace(arm, model=model, recipe=recipe, teacher=arm.teacher and short(arm.teacher))

    names = (
        "teacher",
        "alone",
        "hinton-a0.25-T4",
        "mage-a0.25-T4",
        "source-distilled-1e-3",
        "parted-by-image",
    )
    names += ("kinds-teacher", "kinds-T4")
    names += ("moved-teacher", "moved-alone", "moved-smoothed", "moved-distilled-T4")
    families = ("imagenet", "large-128")
    arms = [
        short(arm) for arm in xray_experiments.arms() if arm.name in names or arm.name.startswith(families)
    ]
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    monkeypatch.setattr(ledger, "shipped", lambda: tmp_path / "shipped")
    monkeypatch.setattr(xray_experiments, "folder_of", lambda split, size: resized(found[split], size))
    monkeypatch.setattr(xray_experiments, "arms", lambda: arms)
    return arms


def resized(dataset: data.Dataset, size: int) -> data.Dataset:
    """The same images; of larger ones a quarter, that they take no longer."""
    fewer = dataset.subset(range(0, len(dataset), 4 if size > 64 else 1))
    return replace(fewer, images=data.resize(fewer.images, size))


def test_arms_run_and_keep_what_the_chapter_draws(few: list[Arm]) -> None:
    assert runner.run("xray", "cpu", seeds=[0]) == len(few) - 5 == 12  # five are of the full scale only
    made = {r["arm"]: r for r in ledger.records("xray", "cpu")}
    records = {name: record["metrics"] for name, record in made.items()}
    test = xray_experiments.folder_of("test", 64)
    for found in records.values():
        for when in ("last", "best"):
            odds = torch.tensor(found[when]["test_log_odds"], dtype=torch.float64)
            apart = odds[test.labels == 1][:, None] - odds[test.labels == 0]  # of each ill and healthy pair
            least, most = ((apart > gap).double().mean() - 1e-6 for gap in (0.0015, -0.0015))
            assert least <= found[when]["test"]["auroc"] <= most + 2e-6  # the odds are rounded to 0.001
            assert 0 <= found[when]["threshold"] <= 1
        wrong = round((1 - found["last"]["test"]["accuracy"]) * len(test))
        assert found["test_errors"] == wrong
    kinds = torch.tensor(records["kinds-teacher"]["test_kinds"])
    assert kinds.shape == (3, 3) and int(kinds.sum()) == len(test)
    # The same weights and images, but for the loss; the first one's and the second one's differ.
    assert records["hinton-a0.25-T4"]["last"] != records["mage-a0.25-T4"]["last"]
    # Nor are these alike: with the pictures as they are, moved, with smoothed labels, with a teacher's.
    students = ("alone", "moved-alone", "moved-smoothed", "moved-distilled-T4")
    assert len({made[name]["curve"]["loss"][0] for name in students}) == len(students)


def test_larger_pictures_run_at_full_scale(few: list[Arm]) -> None:
    assert runner.run("xray", "full", only="large-128-distilled", seeds=[0]) == 1
    (record,) = ledger.records("xray", "full")
    assert record["settings"]["resolution"] == record["settings"]["teacher"]["resolution"] == 128
    assert len(record["curve"]["soft"]) == 2


def test_without_imagenets_weights_the_command_line_says_what_to_do(
    few: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def offline(*arguments: object, **options: object) -> None:
        raise URLError("no such host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert cli.main(["run", "xray", "--scale", "full", "--only", "imagenet-*"]) == 1
    said = capsys.readouterr().err
    assert "no such host" in said and "set TORCH_HOME" in said and "the other arms" in said
    assert ledger.records("xray", "full") == []


def test_arms_of_the_full_scale_are_shown_but_not_run_at_the_other(
    few: list[Arm], capsys: pytest.CaptureFixture[str]
) -> None:
    for seeds in (None, [0]):
        with pytest.raises(
            ValueError, match="only is 'large-\\*'; no arm that it matches is run at scale 'cpu'"
        ):
            runner.run("xray", "cpu", only="large-*", seeds=seeds)
    for scale, remark in (("cpu", "not run at this scale"), ("full", "not run")):
        assert cli.main(["show", "xray", "--scale", scale]) == 0
        shown = {line.split()[0]: " ".join(line.split()[1:]) for line in capsys.readouterr().out.splitlines()}
        assert shown["imagenet-teacher"] == shown["large-128-distilled"] == remark
        assert shown["moved-alone"] == "not run"
        assert runner.older("xray", scale) == []


def test_patients_are_in_one_part_only_unless_it_is_on_purpose() -> None:
    arms = {arm.name: arm for arm in xray_experiments.arms()}
    both = data.load("chest_xray", "kaggle_train")
    assert both.patients is not None
    who = {image.numpy().tobytes(): p for image, p in zip(both.images, both.patients, strict=True)}
    for name, shared in (("alone", False), ("parted-by-patient", False), ("parted-by-image", True)):
        rest, held_out = xray_experiments.parts(arms[name], 0)
        assert len(rest) + len(held_out) == len(both)
        assert abs(len(held_out) / len(both) - 0.15) < 0.005
        people = [{who[image.numpy().tobytes()] for image in part.images} for part in (rest, held_out)]
        assert bool(people[0] & people[1]) is shared


def test_three_kinds_become_two_classes_at_any_temperature() -> None:
    logits = torch.tensor([[2.0, 1.0, -1.0], [0.5, -3.0, 4.0]])
    for t in (1.0, 4.0):
        of_three = (logits / t).softmax(1)
        of_two = (xray_experiments.two_classes(logits, t) / t).softmax(1)
        torch.testing.assert_close(of_two[:, 0], of_three[:, 0])
        torch.testing.assert_close(of_two[:, 1], of_three[:, 1] + of_three[:, 2])
    torch.testing.assert_close(xray_experiments.two_classes(logits[:, :2], 4.0), logits[:, :2])


def test_kinds_are_labels_too() -> None:
    test = data.load("chest_xray", "test")
    three = xray_experiments.of_kinds(test)
    assert torch.bincount(three.labels).tolist() == [234, 242, 148]  # Kaggle's counts
    assert torch.equal(three.labels > 0, test.labels > 0)


def test_the_longer_grid_differs_in_its_epochs_alone() -> None:
    arms = {arm.name: arm for arm in xray_arms.arms()}
    longer = [arm for arm in xray_arms.longer() if arm.name != "long-teacher"]
    assert len(longer) == 1 + 16
    for arm in longer:
        short = arms[
            arm.name.replace("long-a0", "hinton-a0").replace("long-a1", "hinton-a1").removeprefix("long-")
        ]
        assert arm.recipe == replace(short.recipe, epochs=40) != short.recipe
        assert (arm.objective, arm.temperature, arm.alpha) == (
            short.objective,
            short.temperature,
            short.alpha,
        )
        if arm.teacher is not None:
            assert arm.teacher.name == "long-teacher" and arm.teacher.recipe.epochs == 40
        assert xray_arms.seeds(arm, "cpu") == range(0) and xray_arms.seeds(arm, "full") == range(10)


def test_the_grid_is_the_articles() -> None:
    names = [arm.name for arm in xray_arms.grid()]
    assert len(names) == len(set(names)) == 2 + 2 * 16
    students = [arm for arm in xray_arms.grid() if arm.model == "student"]
    assert len({arm.recipe for arm in students}) == 1


def test_seeds_are_those_of_the_scale() -> None:
    counts: dict[str, set[tuple[int, int]]] = {}
    for arm in xray_experiments.arms():
        numbers = len(xray_experiments.seeds(arm, "cpu")), len(xray_experiments.seeds(arm, "full"))
        counts.setdefault(arm.name.split("-")[0], set()).add(numbers)
    few = {"source": (3, 10), "moved": (3, 10), "imagenet": (0, 10), "large": (0, 10), "long": (0, 10)}
    assert counts == {name: {few.get(name, (5, 10))} for name in counts} and few.keys() <= counts.keys()


def test_shipped_records_have_the_settings_of_their_arms() -> None:
    arms = {arm.name: arm for arm in xray_experiments.arms()}
    assert len(arms) == len(xray_experiments.arms())
    shipped = [ledger.read(path) for path in ledger.shipped().glob("xray.*.json")]
    found = [record for record in shipped if record["arm"] in arms]
    assert len({record["arm"] for record in found}) > 30
    for record in found:
        assert json.loads(json.dumps(xray_experiments.settings(arms[record["arm"]]))) == record["settings"]


def test_settings_tell_arms_apart() -> None:
    kept = {a.name: json.dumps(xray_experiments.settings(a)) for a in xray_experiments.arms()}
    assert len(set(kept.values())) == len(kept)
    moved = json.loads(kept["moved-distilled-T4"])
    assert moved["views"] == moved["teacher"]["views"] == [list(view) for view in VIEWS]
    assert json.loads(kept["imagenet-distilled"])["teacher"]["weights"] == "imagenet"


def test_later_arms_differ_from_earlier_ones_as_their_names_say() -> None:
    arms = {arm.name: arm for arm in xray_experiments.arms()}

    def changed(name: str, other: str) -> set[str]:
        one, two = arms[name], arms[other]
        return {f.name for f in fields(Arm) if getattr(one, f.name) != getattr(two, f.name)} - {"name"}

    assert changed("moved-teacher", "teacher") == changed("moved-alone", "alone") == {"views"}
    assert changed("moved-smoothed", "moved-alone") == {"objective"}
    soft = {"objective", "alpha", "teacher"}
    assert changed("moved-distilled-T1", "moved-alone") == soft
    assert changed("moved-distilled-T4", "moved-alone") == soft | {"temperature"}
    for size in ("128", "224"):
        assert changed(f"large-{size}-teacher", "teacher") == changed(f"large-{size}-alone", "alone")
        assert changed(f"large-{size}-alone", "alone") == {"resolution"}
        assert changed(f"large-{size}-distilled", "hinton-a0.75-T4") == {"resolution", "teacher"}
    assert changed("imagenet-teacher", "large-224-teacher") == {"weights"}
    assert changed("imagenet-distilled", "large-224-distilled") == {"teacher"}
    for arm in arms.values():
        assert arm.teacher is None or arm.teacher == arms[arm.teacher.name]


def test_the_views_are_eight_small_moves_and_no_mirror() -> None:
    assert VIEWS[0] == (False, 0, 0) and len(set(VIEWS)) == 8
    assert all(not flip and max(abs(dy), abs(dx)) <= 4 for flip, dy, dx in VIEWS)


def test_a_student_of_moved_pictures_is_told_the_answer_to_what_it_sees(
    few: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = models.mlp((64 * 64, 2), seed=0)
    monkeypatch.setattr(xray_experiments, "trained", lambda *of: (teacher, [], {}))
    (arm,) = [arm for arm in few if arm.name == "moved-distilled-T4"]
    rest, _ = xray_experiments.parts(arm, 0)
    number = VIEWS.index((False, -3, -2))
    moved = torch.zeros_like(rest.images)
    moved[:, :, :-3, :-2] = rest.images[:, :, 3:, 2:]
    with torch.no_grad():
        told, unmoved = (teacher(images.float() / 255) for images in (moved, rest.images))
    assert float((told - unmoved).abs().mean()) > 0.02
    student = torch.randn(len(rest), 2, generator=torch.Generator().manual_seed(0))
    n = len(rest)
    batch = Batch(moved, rest.labels, torch.arange(n), views=torch.full((n,), number), examples=n)
    terms = xray_experiments.objective(arm, 0, rest, tmp_path)(Constant(student), batch)
    torch.testing.assert_close(terms["soft"], losses.distillation_term(student, told, 4), atol=1e-3, rtol=0)
    torch.testing.assert_close(terms["loss"], 0.25 * terms["hard"] + 0.75 * terms["soft"])


def test_smoothed_labels_give_a_tenth_away(few: list[Arm], tmp_path: Path) -> None:
    (arm,) = [arm for arm in few if arm.name == "moved-smoothed"]
    rest, _ = xray_experiments.parts(arm, 0)
    logits = torch.tensor([[2.0, -1.0], [0.0, 1.0]])
    batch = Batch(torch.zeros(2), torch.tensor([0, 1]))
    loss = xray_experiments.objective(arm, 0, rest, tmp_path)(Constant(logits), batch)["loss"]
    by_hand = -(torch.tensor([[0.95, 0.05], [0.05, 0.95]]) * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(loss, by_hand)


def test_pictures_above_64_pixels_come_from_the_whole_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KDLIB_DATA", str(tmp_path))
    monkeypatch.delenv("KDLIB_SCALE", raising=False)
    files = bundle.array("chest_xray", "files").tobytes().decode().split(" ")[::300]
    images = np.random.default_rng(0).integers(0, 256, (len(files), 1, 128, 128), dtype=np.uint8)
    names = np.frombuffer(" ".join(files).encode(), np.uint8)
    path = full.path_of("chest_xray", 128)
    cache.save(path, {"images": images, "files": names})
    load = xray_experiments.folder_of.__wrapped__
    of_test = [number for number, file in enumerate(files) if file.startswith("test/")]
    assert of_test and torch.equal(load("test", 128).images, torch.from_numpy(images[of_test]))
    assert torch.equal(load("test", 64).images, data.load("chest_xray", "test", scale="quick").images)


def test_pictures_of_64_pixels_are_the_bundles_whatever_the_environment_says(
    scale_cpu_without_data: None,
) -> None:
    bundled = data.load("chest_xray", "val", scale="quick")
    assert torch.equal(xray_experiments.folder_of.__wrapped__("val", 64).images, bundled.images)


def test_the_table_of_answers_is_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 3, generator=generator)
    labels = torch.randint(0, 3, (200,), generator=generator)
    expected = confusion_matrix(labels, logits.argmax(1), labels=range(3))
    assert xray_experiments.confusion(logits, labels) == expected.tolist()
    assert not np.array_equal(expected, expected.T)  # else rows could be columns


def test_fewer_large_pictures_are_asked_at_once() -> None:
    class Watched(nn.Linear):
        def forward(self, images: Tensor) -> Tensor:
            sizes.append(len(images))
            return images.mean(dim=(1, 2, 3))[:, None].expand(-1, 2)

    for side, expected in ((64, [300]), (128, [250, 50])):
        sizes: list[int] = []
        images = torch.arange(300, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, side, side)
        dataset = data.Dataset("chest_xray", "test", images, torch.zeros(300, dtype=torch.long), ("a", "b"))
        answers = xray_experiments.asked(Watched(1, 1), dataset)
        assert sizes == expected
        torch.testing.assert_close(answers[:, 0] * 255, images[:, 0, 0, 0].float())


class Constant(nn.Module):
    """A model that always gives the same logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: Tensor) -> Tensor:
        return self.logits


def test_the_articles_loss_is_half_of_the_divergence_without_t_squared() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 2, generator=generator)
    batch = Batch(torch.zeros(6), torch.tensor([0, 1] * 3), torch.arange(6))
    terms = xray_experiments.as_written(Constant(student), batch, teacher=teacher, temperature=4, alpha=0.25)
    right = losses.distillation_term(student, teacher, 4)
    torch.testing.assert_close(terms["soft"], right / 16 / 2)
    torch.testing.assert_close(terms["loss"], 0.75 * terms["hard"] + 0.25 * terms["soft"])
