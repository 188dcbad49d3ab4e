"""The three scripts of chapter 10, as they stand there: torchrun, an array of SLURM, and Ray."""

import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import notebooks
import pytest
from torchrun import ROOT, several, start

# What each script of the chapter, and no other, holds.
SCRIPTS = {"torchrun_train.py": "shards.fill", "array.sbatch": "#SBATCH", "ray_sweep.py": "import ray"}
SWEEP = Path(__file__).with_name("sweep")
JOBS = sorted(f"mnist.{arm}.cpu.{seed}" for arm in ("teacher", "alone", "taught") for seed in range(3))


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chapter's scripts as files."""
    cells = notebooks.read(ROOT / "book" / "10_up.ipynb").cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    blocks = re.findall(r"```(?:bash|python)\n(.*?)```", prose, re.DOTALL)
    folder = tmp_path_factory.mktemp("scripts")
    for name, mark in SCRIPTS.items():
        (found,) = (block for block in blocks if mark in block)
        (folder / name).write_text(found)
    return folder


@pytest.mark.parametrize(
    ("name", "lines"), [("torchrun_train.py", 20), ("array.sbatch", 10), ("ray_sweep.py", 25)]
)
def test_a_script_is_short(name: str, lines: int, scripts: Path) -> None:
    assert len((scripts / name).read_text().splitlines()) <= lines


@pytest.mark.slow
@several
def test_a_student_is_trained_by_two_as_by_one(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    for world in (1, 2):
        (tmp_path / str(world)).mkdir()
        monkeypatch.chdir(tmp_path / str(world))
        ended = start(scripts / "torchrun_train.py", world=world)
        assert ended.returncode == 0, ended.stderr
        said.append(ended.stdout.split())
        assert said[-1][1:] == ["of", "10,000", "wrong,", "trained", "by", str(world)]
    one, two = (int(words[0]) for words in said)
    assert one < 400 and abs(one - two) <= 20


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Processes that are started know a small experiment, and leave records and models here."""
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "checksums.txt").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    found = [SWEEP, ROOT, ROOT / "tests" / "experiments", *sys.path]
    settings = {
        "PYTHONPATH": os.pathsep.join(map(str, found)),
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "KDLIB_SWEEP": str(tmp_path),
        "KDLIB_RUNS": str(tmp_path / "runs"),
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_agent_register_timeout_ms": "120000",  # a busy machine takes long to start a node
        "RAY_worker_register_timeout_seconds": "180",  # and a process on it
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def began(*command: object, **environment: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    env = os.environ | environment
    return subprocess.Popen([*map(str, command)], env=env, stdout=pipe, stderr=pipe, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    """What a process said, once it has come to a good end."""
    said, errors = process.communicate(timeout=400)
    assert process.returncode == 0, said + errors
    return said


def records(runs: Path) -> dict[str, Any]:
    """What was measured, by job; nothing is there twice."""
    found = [json.loads(line) for line in (runs / "records" / "mnist.jsonl").read_text().splitlines()]
    names = sorted(f"{r['experiment']}.{r['arm']}.{r['scale']}.{r['seed']}" for r in found)
    assert names == JOBS
    for record in found:
        record["curve"].pop("seconds")
    return {f"{r['arm']}.{r['seed']}": [r["metrics"], r["curve"], r["data"], r["settings"]] for r in found}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SLURM is not for Windows")
def test_an_array_of_two_tasks_does_each_job_once(sweep: Path, scripts: Path) -> None:
    os.mkfifo(sweep / "pipe")
    script = scripts / "array.sbatch"
    array = {"SLURM_CPUS_PER_TASK": "1", "SLURM_JOB_ID": "7"}
    tasks = [began("bash", script, **array, SLURM_ARRAY_TASK_ID=str(number)) for number in range(2)]
    said = [ended(task) for task in tasks]
    by_task = [[line for line in text.splitlines() if "test errors" in line] for text in said]
    assert all(by_task), "both had something to do"
    assert sorted(line.split(":")[0] for lines in by_task for line in lines) == JOBS
    assert any("another process is at it" in text for text in said)
    records(sweep / "runs")


@pytest.fixture
def nodes(sweep: Path) -> Iterator[Any]:
    """A Ray cluster: two nodes, processes of this machine, each with a folder of its own for models."""
    cluster = pytest.importorskip("ray.cluster_utils").Cluster()
    try:
        node(cluster, sweep / "head")
        yield cluster, node(cluster, sweep / "doomed")
    finally:
        cluster.shutdown()


def node(cluster: Any, runs: Path) -> Any:
    """One more node. Ray gives up after 30 seconds, which on a busy machine is too early."""
    about = {"num_cpus": 1, "include_dashboard": False, "include_log_monitor": False}
    for last in (False, False, True):
        try:
            return cluster.add_node(**about, object_store_memory=2**27, env_vars={"KDLIB_RUNS": str(runs)})
        except Exception as error:
            if last or "timed out during startup" not in str(error):
                raise
    return None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no pipe with a name on Windows")
def test_ray_loses_nothing_with_a_node_and_does_nothing_twice(
    sweep: Path, scripts: Path, nodes: Any
) -> None:
    cluster, doomed = nodes
    pipes = {}
    for name in ("begun", "gate"):
        os.mkfifo(sweep / name)
        pipes[name] = os.open(sweep / name, os.O_RDONLY | os.O_NONBLOCK)
    os.close(pipes.pop("gate"))
    (sweep / "killed").write_text(doomed.node_id)
    driver = began(sys.executable, scripts / "ray_sweep.py", "mnist", RAY_ADDRESS=cluster.address)
    if not select.select([pipes["begun"]], [], [], 400)[0]:
        driver.kill()
        pytest.fail("no job on the second node is half done: " + "".join(driver.communicate()))
    cluster.remove_node(doomed, allow_graceful=False)
    gate = os.open(sweep / "gate", os.O_RDWR)  # from here on nobody waits
    said = ended(driver)
    os.close(gate)
    (sweep / "killed").unlink()
    assert "9 of 9 done" in said
    assert len(list((sweep / "doomed" / "models").glob("*.safetensors"))) == 1, "it was really at work"
    alone = {"KDLIB_RUNS": str(sweep / "alone")}
    ended(began(sys.executable, "-m", "kdlib", "run", "mnist", **alone))
    assert records(sweep / "runs") == records(sweep / "alone"), "to the bit"
