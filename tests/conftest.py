"""What several tests need."""

from pathlib import Path

import pytest


@pytest.fixture
def scale_cpu_without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment asks for the whole data; there is none, nor a way to it."""
    monkeypatch.setenv("KDLIB_SCALE", "cpu")
    monkeypatch.setenv("KDLIB_DATA", str(tmp_path))
    monkeypatch.setenv("KDLIB_CHEST_XRAY", str(tmp_path / "nowhere"))
