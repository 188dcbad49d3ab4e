"""Records and checkpoints apart from everyone's; experiments that take no time."""

from pathlib import Path
from typing import Any

import pytest
import small as shrunk

from kdlib.experiments import ledger, runner


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs of this test lie; its package ships no record."""
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "checksums.txt").write_text("")
    (shipped / "canaries.json").write_text('{"figures": {}, "older": []}')
    monkeypatch.setenv("KDLIB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(ledger, "shipped", lambda: shipped)
    return tmp_path / "runs"


@pytest.fixture
def small(apart: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every experiment with few images, tiny networks and two epochs."""
    shrunk.shrink(monkeypatch)
    return apart


@pytest.fixture
def toy(apart: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the toy experiment known to the runner, with changes where some are given."""

    def known(**changes: Any) -> None:
        monkeypatch.setitem(runner.EXPERIMENTS, "toy", shrunk.toy(**changes))

    known()
    return known
