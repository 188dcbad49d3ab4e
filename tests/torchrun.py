"""Starts a test's script as torchrun does, in several processes that are there really."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
several = pytest.mark.skipif(sys.platform == "win32", reason="torchrun wants a libuv that Windows lacks")


def start(
    script: Path, *arguments: object, world: int, restarts: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end in so many processes; in one, without torchrun."""
    torchrun = [*TORCHRUN, str(world), "--max-restarts", str(restarts)] if world > 1 else []
    command = [sys.executable, *torchrun, str(script), *map(str, arguments)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
