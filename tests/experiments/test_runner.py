"""The runner on an experiment that is made up: nothing is done twice, and what cannot be kept is told."""

import errno
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from small import TOY_ARMS
from torch import Tensor, nn

from kdlib import cli, files
from kdlib.experiments import arms, ledger, runner
from kdlib.experiments.arms import Fitted, Job, settings
from kdlib.objectives import Batch, supervised

Said = pytest.CaptureFixture[str]


def test_jobs_run_seed_by_seed_and_are_done_once(toy: Any, capsys: Said) -> None:
    assert runner.run("toy", "cpu") == 9
    said = re.findall(r"^(toy\.\S+): (\d+) test errors$", capsys.readouterr().out, re.MULTILINE)
    order = [f"toy.{arm}.cpu.{seed}" for seed in range(3) for arm in ("teacher", "alone", "taught")]
    assert [name for name, _ in said] == order
    found = {ledger.name_of(record): record for record in ledger.records("toy", "cpu")}
    assert {name: str(found[name]["metrics"]["test_errors"]) for name in found} == dict(said)
    assert runner.run("toy", "cpu") == 0
    assert runner.run("toy", "full", only="big", seeds=[7, 8]) == 2  # with seeds that are not the scale's
    assert [r["seed"] for r in ledger.records("toy", "full")] == [7, 8]


def test_a_record_holds_settings_machine_and_data(toy: Any) -> None:
    runner.run("toy", "cpu", only="taught", seeds=[2])
    (record,) = ledger.records("toy", "cpu")
    assert record["settings"] == settings(TOY_ARMS[2])
    assert record["settings"]["teacher"]["network"] == "large" and "seeds" not in record["settings"]
    assert set(record) >= {"metrics", "curve", "data", "seconds", "half", "device", "versions", "commit"}
    assert set(record["curve"]) >= {"loss", "soft", "hard"} and len(record["curve"]["soft"]) == 2


def test_a_distilled_student_is_taught_by_the_teacher_of_its_own_seed(toy: Any, apart: Path) -> None:
    runner.run("toy", "cpu", only="taught", seeds=[0, 1])
    kept = sorted(path.name.split(".")[:2] for path in (apart / "models").glob("*.safetensors"))
    assert kept == [["taught", "0"], ["taught", "1"], ["teacher", "0"], ["teacher", "1"]]
    before = {path: path.stat().st_mtime_ns for path in (apart / "models").glob("teacher.*.safetensors")}
    assert runner.run("toy", "cpu", only="teacher", seeds=[0, 1]) == 2  # measured, and not trained again
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_two_processes_do_not_do_the_same_job(toy: Any, apart: Path, capsys: Said) -> None:
    with files.locked(apart / "models" / "toy.alone.0"):
        assert runner.run("toy", "cpu", only="alone", seeds=[0, 1]) == 1
    assert "toy, alone, seed 0: another process is at it" in capsys.readouterr().out
    assert runner.run("toy", "cpu", only="alone", seeds=[0, 1]) == 1


def test_what_another_process_did_meanwhile_is_not_done_again(
    toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = ledger.exists

    def meanwhile(*job: Any) -> bool:
        monkeypatch.setattr(ledger, "exists", looked)
        runner.run("toy", "cpu", only="alone", seeds=[0])
        return False

    monkeypatch.setattr(ledger, "exists", meanwhile)
    assert runner.run("toy", "cpu", only="alone", seeds=[0]) == 0
    assert len(ledger.records("toy", "cpu")) == 1


def test_killed_it_goes_on_from_its_last_epoch(toy: Any) -> None:
    seen: list[float] = []
    whole = runner.run("toy", "cpu", only="alone", seeds=[1])
    kill = True

    def objective(job: Job, part: Any) -> Any:
        def minimised(model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
            if kill and batch.progress > 0.6:
                raise KeyboardInterrupt
            seen.append(batch.progress)
            return supervised(model, batch)

        return minimised

    changed = [arms.replace(TOY_ARMS[1], loss="own", name="own")]
    toy(objective=objective, arms=lambda: changed)
    with pytest.raises(KeyboardInterrupt):
        runner.run("toy", "cpu", seeds=[1])
    assert max(seen) == 0.5 and len(ledger.records("toy", "cpu")) == whole
    kill = False
    seen.clear()
    assert runner.run("toy", "cpu", seeds=[1]) == 1
    assert min(seen) == 0.5 and len(seen) == 3  # the second epoch alone
    own, alone = (next(r for r in ledger.records("toy", "cpu") if r["arm"] == a) for a in ("own", "alone"))
    assert own["curve"]["loss"] == alone["curve"]["loss"]


def test_a_broken_record_is_no_done_run(toy: Any) -> None:
    runner.run("toy", "cpu", only="alone", seeds=[0])
    path = ledger.folder() / "toy.jsonl"
    path.write_text(path.read_text()[:100] + "\n")
    with pytest.raises(ledger.RecordError, match=r"line 1 of .*toy\.jsonl was edited or damaged"):
        runner.run("toy", "cpu", only="alone", seeds=[0])


BAD_MEASURES: list[tuple[dict[str, Any], str]] = [
    ({"accuracy": 1}, "what toy measures has test_errors None; it must be a finite number: see headline"),
    ({"test_errors": float("nan")}, "has test_errors nan"),
    ({"test_errors": float("inf")}, "has test_errors inf"),
    ({"test_errors": "3"}, "has test_errors '3'"),
    ({"test_errors": 1, "w": torch.ones(2)}, "what toy measures cannot be written as JSON .*plain numbers"),
]


@pytest.mark.parametrize(("measured", "message"), BAD_MEASURES, ids=[m[:30] for _, m in BAD_MEASURES])
def test_an_experiment_that_measures_too_little_writes_no_record(
    measured: dict[str, Any], message: str, toy: Any, apart: Path
) -> None:
    toy(measure=lambda job, fitted: measured)
    with pytest.raises(ValueError, match=message):
        runner.run("toy", "cpu", only="alone", seeds=[0])
    assert not list((apart / "records").glob("*.*"))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "imagenet"}, "name is 'imagenet'; the experiments are loss_bugs, mnist"),
    ({"scale": "quick"}, "scale is 'quick'; experiments run at cpu and full"),
    ({"only": "x*"}, r"only is 'x\*'; the arms are teacher, alone, taught, big"),
    ({"only": "big"}, "only is 'big'; no arm that it matches is run at scale 'cpu': give another"),
    ({"only": "big", "seeds": [0]}, "no arm that it matches is run at scale 'cpu'"),
    ({"seeds": [0, -1]}, "seeds holds -1; a seed is a whole number from 0"),
    ({"seeds": [2**41]}, "seeds holds 2199023255552"),
]


@pytest.mark.parametrize(("argument", "message"), WRONG, ids=[str(argument) for argument, _ in WRONG])
def test_a_wrong_argument_is_named_before_anything_runs(
    argument: dict[str, Any], message: str, toy: Any, apart: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        runner.run(**({"name": "toy", "scale": "cpu"} | argument))
    assert not apart.exists()


def test_the_command_line_runs_and_names_a_bad_pattern(small: Path, capsys: Said) -> None:
    assert cli.main(["run", "clicks", "--only", "beside-late-a1", "--seeds", "0", "1"]) == 0
    said = capsys.readouterr().out
    assert "test logloss" in said and f"2 runs done; records in {small / 'records'}" in said
    assert cli.main(["run", "mnist", "--only", "nothing"]) == 1
    assert "only is 'nothing'; the arms are tutorial-teacher" in capsys.readouterr().err


@pytest.mark.parametrize("fails", ["measure", "train_set"])
def test_a_full_disk_names_the_folder_and_the_remedy(fails: str, toy: Any, apart: Path) -> None:
    def full(job: Job, fitted: Fitted | None = None) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    toy(**{fails: full})
    with pytest.raises(OSError, match=r"No space left .*free some space .*KDLIB_RUNS") as told:
        runner.run("toy", "cpu", only="alone", seeds=[0])
    assert str(apart) in str(told.value)


def test_another_error_of_the_system_is_not_called_a_full_disk(toy: Any) -> None:
    def gone(job: Job) -> Any:
        raise FileNotFoundError(errno.ENOENT, "No such file", "images.webp")

    toy(train_set=gone)
    with pytest.raises(FileNotFoundError, match=r"No such file.*images\.webp"):
        runner.run("toy", "cpu", only="alone", seeds=[0])


def test_a_place_that_cannot_be_written_is_told_before_hours_of_training(
    toy: Any, apart: Path, capsys: Said
) -> None:
    toy(train_set=lambda job: pytest.fail("it was trained"))
    apart.mkdir()
    (apart / "records").write_text("a file where the folder should be")
    assert cli.main(["run", "mnist", "--only", "tutorial-alone", "--seeds", "0"]) == 1
    said = capsys.readouterr().err
    assert f"kdlib: cannot write to {apart / 'records'} (" in said and "KDLIB_RUNS (runs and records)" in said
    with pytest.raises(files.WriteError):
        runner.run("toy", "cpu", only="alone", seeds=[0])
    (apart / "records").unlink()
    (apart / "models").write_text("a file where the folder should be")
    with pytest.raises(files.WriteError, match=r"KDLIB_RUNS .* to another folder"):
        runner.run("toy", "cpu", only="alone", seeds=[0])


def test_without_a_folder_of_ones_own_runs_lie_beside_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KDLIB_RUNS", "~/mine")
    assert (
        ledger.runs_folder() == Path.home() / "mine" and ledger.folder() == Path.home() / "mine" / "records"
    )
    monkeypatch.delenv("KDLIB_RUNS")
    monkeypatch.setenv("KDLIB_DATA", "/data")
    assert ledger.runs_folder() == Path("/data/runs") and ledger.folder() == ledger.shipped()


def row(arm: str, name: str = "toy", scale: str = "cpu") -> str:
    (found,) = [line for line in runner.table(name, scale) if line.split()[0] == arm]
    return found


def wrote(arm: Any, *errors: float, **more: Any) -> None:
    about = {"experiment": "toy", "arm": arm.name, "scale": "cpu", "settings": settings(arm)}
    for seed, count in enumerate(errors):
        ledger.write(about | {"seed": seed, "metrics": {"test_errors": count}} | more)


def test_show_says_mean_and_interval_one_seed_two_seeds_or_nothing(toy: Any) -> None:
    wrote(TOY_ARMS[0], 100, 110, 120)
    wrote(TOY_ARMS[1], 100)
    wrote(TOY_ARMS[2], 100, 101)
    lines = runner.table("toy", "cpu")
    assert lines[0] == "toy, cpu scale: test errors, mean and 95 % interval over seeds"
    assert row("teacher").split() == ["teacher", "110.0", "(85.2", "to", "134.8)", "seeds", "3"]
    assert row("alone").split() == ["alone", "100.0", "(one", "seed)", "seeds", "1"]
    assert row("taught").split() == ["taught", "100.5", "(two", "seeds)", "seeds", "2"]
    assert row("big").split() == ["big", "not", "run", "at", "this", "scale"]
    assert [line.split()[1:] for line in runner.table("toy", "full")[1:]] == [["not", "run"]] * 4


def test_show_uses_the_experiments_own_headline(toy: Any) -> None:
    toy(headline=("f1", "macro F1", 3))
    for seed, f1 in enumerate((0.25, 0.27, 0.26)):
        wrote(TOY_ARMS[1], 0, seed=seed, metrics={"f1": f1})
    assert runner.table("toy", "cpu")[0].startswith("toy, cpu scale: macro F1, mean")
    assert row("alone").split() == ["alone", "0.260", "(0.235", "to", "0.285)", "seeds", "3"]


def test_arms_of_other_settings_or_other_code_are_called_older(toy: Any, apart: Path) -> None:
    alone, taught = TOY_ARMS[1:3]
    wrote(alone, 1, 2, 3)
    wrote(taught, 1, 2, 3)
    assert runner.older("toy", "cpu") == [] and "older" not in "".join(runner.table("toy", "cpu"))
    wrote(alone, 2, settings=settings(alone) | {"temperature": 2.0})
    assert row("alone").endswith("seeds 3  (older code)") and "older" not in row("taught")
    marks = '{"figures": {}, "older": ["toy.taught", "mnist.alone"]}'
    (ledger.shipped() / "canaries.json").write_text(marks)
    assert runner.older("toy", "cpu") == ["alone", "taught"]
    assert row("taught").endswith("seeds 3  (older code)")


def test_records_of_an_arm_that_is_no_more_are_not_shown(toy: Any) -> None:
    wrote(arms.replace(TOY_ARMS[1], name="gone"), 1, 2, 3)
    assert "gone" not in "".join(runner.table("toy", "cpu")) and runner.older("toy", "cpu") == []


def test_what_is_timed_says_its_machine_itself(toy: Any, capsys: Said) -> None:
    def timed(job: Job) -> dict[str, Any]:
        return {"metrics": {"ms": 3.5}, "data": None, "machine": {"threads": 17}}

    rows = [arms.Arm("one", options={"threads": 17}, seeds=range(2))]
    toy(time=timed, arms=lambda: rows, headline=("ms", "milliseconds", 2))
    assert runner.run("toy", "cpu") == 2
    assert "toy.one.cpu.0: 3.5 milliseconds" in capsys.readouterr().out
    record = ledger.records("toy", "cpu")[0]
    assert (record["threads"], record["curve"], record["half"]) == (17, {}, None)
    assert "machine" not in record
