"""What runs elsewhere: workflows, Binder, what an installation needs, benchmarks."""

import importlib.util
import json
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda p: p.name)
def test_workflows_call_targets_and_files_that_exist(path: Path) -> None:
    text = path.read_text()
    workflow = yaml.safe_load(text)
    assert workflow["jobs"] and workflow["permissions"] == {"contents": "read"}
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"run: make ([\w-]+)", text):
        assert re.search(rf"(?m)^{target}:", makefile), target
    for script in re.findall(r"\.ci/\w+", text):
        assert os.access(ROOT / script, os.X_OK), script
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "run" in step or re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])


def test_binder_has_all_that_kdlib_needs() -> None:
    conda = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}  # names that differ
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        conda.get(name := re.split("[>=<]", need)[0], name) + need[len(name) :]
        for need in project["dependencies"]
    }
    assert wanted <= set(yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text())["dependencies"])
    assert os.access(ROOT / ".binder" / "postBuild", os.X_OK)


def test_kdlib_can_be_installed_under_any_later_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"  # an upper bound would end the set-up cell on Colab one day


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """benchmarks/run.py, looking for its modules in a folder of our own."""
    spec = importlib.util.spec_from_file_location("bench_runner", ROOT / "benchmarks" / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["run.py"])
    return module


FIGURE_LINE = '{{"name": "time of a", "value": {}, "unit": "s", "target": {}, "better": "{}"}}'


@pytest.mark.parametrize(
    ("value", "target", "better", "said", "status"),
    [
        ("0.25", "1.5", "lower", "time of a: 0.25 s (at most 1.5 s)", 0),
        ("2", "1.5", "lower", "time of a: 2 s (at most 1.5 s) MISSED", 1),
        ("2", "1.5", "higher", "time of a: 2 s (at least 1.5 s)", 0),
        ("1", "1.5", "higher", "time of a: 1 s (at least 1.5 s) MISSED", 1),
        ("1e9", "None", "lower", "time of a: 1e+09 s (no target)", 0),
        ("float('nan')", "1.5", "lower", "time of a: nan s (at most 1.5 s) MISSED", 1),
        ("1 / 0", "1.5", "lower", "broke: ZeroDivisionError", 1),
    ],
)
def test_bench_compares_each_figure_with_its_target(
    bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], value, target, better, said, status
) -> None:
    name = f"bench_{abs(hash((value, better)))}"  # a module is imported once
    measure = f"def measure():\n    return [{FIGURE_LINE.format(value, target, better)}]\n"
    (tmp_path / f"{name}.py").write_text(measure)
    assert bench.main() == status
    assert said in capsys.readouterr().out
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["machine"]["cpu"] and written["machine"]["versions"]["torch"]
    assert [figure["met"] for figure in written["figures"]] == [status == 0]


def test_bench_without_benchmarks_fails(bench) -> None:
    assert bench.main() == 1
