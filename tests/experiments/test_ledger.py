"""Records, the runner and the experiments of chapter 03 on a handful of images."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kdlib import cli, data, files, models
from kdlib.data import augment, cache
from kdlib.evaluation import metrics
from kdlib.experiments import digests, ledger, runner
from kdlib.experiments import mnist as mnist_experiments
from kdlib.experiments.mnist import Arm
from kdlib.objectives import Batch

RECORD: dict[str, Any] = {
    "experiment": "mnist",
    "arm": "tutorial-alone",
    "scale": "cpu",
    "seed": 0,
    "settings": {},
    "metrics": {"test_errors": 100},
    "code": "old",
}


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Records and checkpoints of these tests lie apart from everyone's, and none is shipped."""
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    monkeypatch.setattr(ledger, "shipped", lambda: tmp_path / "shipped")
    return tmp_path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[Arm]:
    """Every arm, but with few images and one epoch; of a thousand a hundredth still has every digit."""
    few_images = {
        (size, split): data.load("mnist", split, resolution=size).subset(range(count))
        for size in (28, 32)
        for split, count in (("train", 1000), ("test", 400))
    }

    def images(model: str, split: str) -> data.Dataset:
        return few_images[32 if model.startswith("lenet") else 28, split]

    def short(arm: Arm) -> Arm:
        return replace(arm, recipe=replace(arm.recipe, epochs=1), teacher=arm.teacher and short(arm.teacher))

    arms = [short(arm) for arm in mnist_experiments.arms()]
    monkeypatch.setattr(mnist_experiments, "images", images)
    monkeypatch.setattr(mnist_experiments, "arms", lambda: arms)
    return arms


def test_a_record_comes_back_as_it_was_written() -> None:
    path = ledger.write(RECORD)
    assert path.name == "mnist.tutorial-alone.cpu.0.json"
    assert RECORD.items() <= ledger.read(path).items()
    assert ledger.exists("mnist", "tutorial-alone", "cpu", 0)
    assert not ledger.exists("mnist", "tutorial-alone", "cpu", 1)
    assert [r["seed"] for r in ledger.records("mnist", "cpu")] == [0]
    assert ledger.records("mnist", "full") == []


def test_a_new_record_stands_for_a_shipped_one(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = ledger.write(RECORD)
    (apart / "shipped").mkdir()
    shipped.rename(apart / "shipped" / shipped.name)
    ledger.write(RECORD | {"metrics": {"test_errors": 90}})
    assert [r["metrics"]["test_errors"] for r in ledger.records("mnist", "cpu")] == [90]


def test_a_record_edited_by_hand_is_refused() -> None:
    path = ledger.write(RECORD)
    path.write_text(path.read_text().replace("100", "10"))
    with pytest.raises(ledger.RecordError, match=r"tutorial-alone.*was edited.*run the experiment again"):
        ledger.records("mnist", "cpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cut short"), ("[]", "another schema"), ('{"schema": 0}', "another schema")],
)
def test_a_record_that_cannot_be_read_is_named(content: str, message: str) -> None:
    path = ledger.write(RECORD)
    path.write_text(content)
    with pytest.raises(ledger.RecordError, match=message):
        ledger.read(path)


def test_a_record_under_the_name_of_another_run_is_refused() -> None:
    path = ledger.write(RECORD)
    own = r"mnist\.tutorial-alone\.cpu\.0"
    for name, experiment, scale in (
        ("loss.tutorial-alone.cpu.0.json", "loss", "cpu"),
        ("mnist.tutorial-teacher.cpu.0.json", "mnist", "cpu"),
        ("mnist.tutorial-alone.full.0.json", "mnist", "full"),
        ("mnist.tutorial-alone.cpu.1.json", "mnist", "cpu"),
        ("mnist.tutorial-alone.cpu.0 (1).json", "mnist", "cpu"),  # a browser's second download
    ):
        copy = path.with_name(name)
        copy.write_bytes(path.read_bytes())
        with pytest.raises(
            ledger.RecordError, match=rf"holds the record {own}; delete it, or name it {own}\.json"
        ) as told:
            ledger.records(experiment, scale)
        assert str(copy) in str(told.value)
        copy.unlink()
    assert len(ledger.records("mnist", "cpu")) == 1


def test_a_read_only_ledger_says_where_records_can_go(apart: Path) -> None:
    (apart / "records").write_text("a file where the folder should be")
    with pytest.raises(PermissionError, match="set KDLIB_RUNS to a folder that you can write to"):
        ledger.write(RECORD)


def test_every_arm_runs_and_is_recorded_once(few: list[Arm]) -> None:
    assert runner.run("mnist", "cpu", seeds=[0]) == len(few)
    records = ledger.records("mnist", "cpu")
    assert {r["arm"] for r in records} == {arm.name for arm in few}
    for record in records:
        assert len(record["curve"]["loss"]) == 1
        assert sum(record["metrics"]["test_errors_by_class"]) == record["metrics"]["test_errors"]
        assert record["metrics"]["test_accuracy"] == 1 - record["metrics"]["test_errors"] / 400
        assert len(record["code"]) == len(record["data"]) == 64
        assert record["settings"]["recipe"]["epochs"] == 1
    assert runner.run("mnist", "cpu", seeds=[0]) == 0


def test_two_processes_do_not_do_the_same_job(few: list[Arm]) -> None:
    code = runner.code(mnist_experiments)
    job = runner.runs_folder() / "mnist" / "cpu" / code[:16] / "small-alone.0"
    with cache.locked(job):
        assert runner.run("mnist", "cpu", only="small-alone", seeds=[0]) == 0
    assert runner.run("mnist", "cpu", only="small-alone", seeds=[0]) == 1


def test_twins_start_alike_and_teachers_come_first() -> None:
    arms = {arm.name: arm for arm in mnist_experiments.arms()}
    names = list(arms)
    for arm in arms.values():
        if arm.teacher:
            assert names.index(arm.teacher.name) < names.index(arm.name)
    for alone, taught in (("modern-alone", "modern-distilled"), ("hinton-alone", "hinton-distilled")):
        assert arms[alone].recipe == arms[taught].recipe
        assert arms[alone].model == arms[taught].model


def test_the_parts_of_the_training_set() -> None:
    def part(name: str, seed: int = 0) -> torch.Tensor:
        arm = Arm("x", "mlp_30", mnist_experiments.arms()[0].recipe, train_set=name)
        return torch.bincount(mnist_experiments.train_set(arm, seed).labels, minlength=10)

    assert part("no-threes")[3] == 0 and part("no-threes").sum() == 60_000 - 6_131
    assert part("only-7-8").nonzero().flatten().tolist() == [7, 8]
    assert 5_990 <= part("tenth").sum() <= 6_000
    skewed = part("skewed")
    assert (skewed[:5] > 9 * skewed[5:].max()).all()
    assert 590 <= part("percent-1").sum() <= 600
    arm = Arm("x", "mlp_30", mnist_experiments.arms()[0].recipe, train_set="percent-1")
    first, second = (mnist_experiments.train_set(arm, seed).images for seed in (0, 1))
    assert not torch.equal(first, second)
    even = part("even")
    assert even.sum() == skewed.sum() == 3354 and even.min() > 290


def test_the_tutorials_loss_as_written_is_the_reverse_divergence() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 8, 10, generator=generator, dtype=torch.float64)
    batch = Batch(torch.zeros(8), torch.arange(8), torch.arange(8))
    terms = mnist_experiments.as_written(Constant(student), batch, teacher=teacher, temperature=10, alpha=0.9)
    p, q = torch.softmax(teacher / 10, 1), torch.softmax(student / 10, 1)
    torch.testing.assert_close(terms["soft"], (q * (q.log() - p.log())).sum(1).mean())
    torch.testing.assert_close(terms["loss"], 0.1 * terms["hard"] + 0.9 * terms["soft"])


class Constant(torch.nn.Module):
    """A model that always gives the same logits."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits


def test_show_says_what_was_not_run_and_what_is_of_older_code(capsys: pytest.CaptureFixture[str]) -> None:
    for seed, errors in enumerate((100, 110, 120)):
        ledger.write(RECORD | {"seed": seed, "metrics": {"test_errors": errors}})
    assert cli.main(["show", "mnist"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("tutorial-teacher" in line and line.endswith("not run") for line in lines)
    (line,) = [line for line in lines if "tutorial-alone" in line]
    assert line.split()[1] == "110.0" and "85.2 to 134.8" in line and line.endswith("seeds 3  (older code)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "imagenet", "scale": "cpu"}, "name is 'imagenet'"),
        ({"name": "mnist", "scale": "quick"}, "scale is 'quick'"),
        ({"name": "mnist", "scale": "cpu", "only": "x*"}, "only is 'x\\*'"),
    ],
)
def test_an_experiment_that_does_not_exist_is_named(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        runner.run(**arguments)  # type: ignore[arg-type]


def test_the_command_line_names_a_bad_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "mnist", "--only", "nothing"]) == 1
    assert "only is 'nothing'; the arms are tutorial-teacher" in capsys.readouterr().err


def test_records_hold_only_json() -> None:
    path = ledger.write(RECORD | ledger.machine())
    assert json.loads(path.read_text())["threads"] >= 1


def test_shift_moves_whole_images_and_fills_with_black() -> None:
    images = torch.zeros(200, 1, 9, 9, dtype=torch.uint8)
    images[:, :, 4, 4] = 255
    moved = augment.shift(images, torch.Generator().manual_seed(0), reach=2)
    places = {tuple(p) for p in (moved[:, 0] == 255).nonzero()[:, 1:].tolist()}
    assert places == {(r, c) for r in range(2, 7) for c in range(2, 7)}
    assert (moved.sum(dim=(1, 2, 3)) == 255).all()


def test_metrics_by_hand_and_against_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    labels = torch.tensor([0, 1, 2, 2])
    logits = torch.tensor([[9.0, 0, 0], [9.0, 0, 0], [0, 0, 9.0], [0, 0, 9.0]])
    assert metrics.errors(logits, labels) == 1
    assert metrics.accuracy(logits, labels) == 0.75
    generator = torch.Generator().manual_seed(0)
    many, truth = torch.randn(500, 10, generator=generator), torch.randint(0, 10, (500,), generator=generator)
    expected = f1_score(truth, many.argmax(1), average="macro")
    assert metrics.macro_f1(many, truth) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("widths", "parameters"),
    [((784, 1200, 1200, 10), 2_395_210), ((784, 800, 800, 10), 1_276_810), ((784, 30, 30, 10), 24_790)],
)
def test_the_mlps_have_hintons_sizes(widths: tuple[int, ...], parameters: int) -> None:
    model = models.mlp(widths, seed=0, dropout=(0.2, 0.5))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert sum(isinstance(m, torch.nn.Dropout) for m in model) == 3


def test_a_curve_is_kept_as_columns_of_six_digits() -> None:
    curve = [{"loss": 0.123456789, "seconds": 1.0}, {"loss": 1234567.8, "seconds": 2.0}]
    assert ledger.columns(curve) == {"loss": [0.123457, 1234570.0], "seconds": [1.0, 2.0]}
    assert ledger.columns([]) == {}


def test_a_record_has_one_line_a_key() -> None:
    lines = ledger.write(RECORD | {"curve": {"loss": [3, 2, 1]}}).read_text().splitlines()
    assert '"curve": {"loss": [3, 2, 1]},' in lines and len(lines) == 2 + len(RECORD) + 3


def test_a_bias_gives_a_class_back() -> None:
    labels = torch.tensor([0, 1, 1, 2])
    logits = torch.tensor([[3.0, 0, 0], [2.0, 0, 0], [4.0, 1, 0], [0, 0, 6.0]])
    assert mnist_experiments.counted(logits, labels)["test_errors_by_class"] == [0, 2, *[0] * 8]
    # Above 2 the first 1 is right; above 3 the second one too, but then the 0 is lost.
    assert mnist_experiments.best_bias(logits, labels, (1,)) == pytest.approx(2.1, abs=1e-6)
    assert mnist_experiments.moved(logits, (1, 2), -1.0)[3].tolist() == [0, -1, 5]


def test_the_data_loader_does_not_age_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = digests.add

    def watched(digest: Any, name: str, content: bytes) -> None:
        seen.append(name)
        real(digest, name, content)

    monkeypatch.setattr(digests, "add", watched)
    assert runner.code(mnist_experiments) != runner.code(runner.loss_experiments)
    assert {"training", "models", "objectives", "losses", "schedules"} <= set(seen)
    assert not set(seen) & {"data", "cifar10", "chest_xray", "whole", "bundle", "ledger", "progress"}


def test_figures_of_records_by_arm_and_seed() -> None:
    for arm, seed, errors in (("a", 0, 5), ("a", 2, 7), ("b", 0, 9)):
        ledger.write(RECORD | {"arm": arm, "seed": seed, "metrics": {"test_errors": errors, "f1": 0.5}})
    found = ledger.records("mnist", "cpu")
    assert ledger.by_arm(found) == {"a": {0: 5, 2: 7}, "b": {0: 9}}
    assert ledger.by_arm(found, "f1")["a"] == {0: 0.5, 2: 0.5}


def test_a_record_ages_with_its_arms_settings(capsys: pytest.CaptureFixture[str]) -> None:
    (arm,) = [a for a in mnist_experiments.arms() if a.name == "small-alone"]
    now = {"arm": arm.name, "code": runner.code(mnist_experiments)}
    settings = mnist_experiments.settings(arm)

    def line() -> str:
        (found,) = [row for row in runner.table("mnist", "cpu") if "small-alone" in row]
        return found

    ledger.write(RECORD | now | {"settings": settings})
    assert "older" not in line()
    ledger.write(RECORD | now | {"settings": settings | {"temperature": 2.0}})
    assert line().endswith("(older code)")


def test_run_does_not_take_a_broken_record_for_a_done_run(few: list[Arm], apart: Path) -> None:
    runner.run("mnist", "cpu", only="tutorial-alone", seeds=[0])
    path = apart / "records" / "mnist.tutorial-alone.cpu.0.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(ledger.RecordError, match="cut short or no JSON"):
        runner.run("mnist", "cpu", only="tutorial-alone", seeds=[0])


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        (None, "lacks one of metrics, curve and data"),
        ({"metrics": {"test_errors": 1}, "data": "x"}, "lacks one of metrics, curve and data"),
        ({"metrics": {"accuracy": 1}, "curve": [], "data": "x"}, "has test_errors None"),
        ({"metrics": {"test_errors": float("nan")}, "curve": [], "data": "x"}, "has test_errors nan"),
        ({"metrics": {"test_errors": 1, "w": torch.ones(2)}, "curve": [], "data": "x"}, "as JSON"),
    ],
)
def test_an_experiment_that_returns_too_little_writes_no_record(
    measured: Any, message: str, apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_experiments, "run", lambda arm, seed, folder: measured)
    with pytest.raises(ValueError, match=message):
        runner.run("mnist", "cpu", only="tutorial-alone", seeds=[0])
    assert not list((apart / "records").glob("*"))


def test_a_full_disk_names_the_folder_and_the_remedy(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(arm: Arm, seed: int, folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mnist_experiments, "run", full)
    with pytest.raises(OSError, match=r"no room is left below .*set KDLIB_RUNS to another folder") as caught:
        runner.run("mnist", "cpu", only="tutorial-alone", seeds=[0])
    assert str(apart) in str(caught.value)


def test_one_bad_record_does_not_hide_the_other_tables(
    apart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.write(RECORD).write_text("{")
    assert cli.main(["show"]) == 1
    said = capsys.readouterr()
    assert "tutorial-alone.cpu.0.json is cut short" in said.err
    assert "race, cpu scale" in said.out and "cifar, cpu scale" in said.out


def test_two_seeds_are_shown_without_an_interval(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (0, 1):
        ledger.write(RECORD | {"seed": seed, "metrics": {"test_errors": 100 + seed}})
    assert cli.main(["show", "mnist"]) == 0
    (line,) = [row for row in capsys.readouterr().out.splitlines() if " tutorial-alone " in row]
    assert "100.5  two seeds" in line and " to " not in line


def test_a_file_is_put_in_the_place_of_files_alone(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="is there and no plain file"), files.replaced(tmp_path):
        pass
    assert tmp_path.is_dir()


def test_a_runs_folder_that_is_a_file_names_its_own_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path))
    (tmp_path / "mnist").write_text("a file where a folder should be")
    with pytest.raises(files.WriteError, match="set KDLIB_RUNS to another folder"):
        runner.run("mnist", "cpu", only="tutorial-alone", seeds=[0])
