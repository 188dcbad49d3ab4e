"""What mypy knows of kdlib in somebody's own project, from the installation that `make install` makes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = """import torch
from kdlib.softening import soften

right: torch.Tensor = soften(torch.zeros(2, 3), 2.0)
wrong: int = soften(torch.zeros(2, 3), 2.0)
"""


@pytest.mark.slow
def test_types_are_found_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CODE, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache"), "mine.py"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.stdout.splitlines()[0].startswith("mine.py:5: error: Incompatible types"), ended.stdout
    assert "Found 1 error in 1 file" in ended.stdout
