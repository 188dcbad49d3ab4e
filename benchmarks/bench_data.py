"""Time to decode, verify and load each bundled data set, in a process of its own and without the imports."""

import subprocess
import sys
from typing import Any

TARGETS = {"mnist": 1.5, "cifar10": 1.5, "chest_xray": 1.5}
LOAD = """
import sys, time
from kdlib import data
start = time.perf_counter()
for split in sys.argv[2:]:
    data.load(sys.argv[1], split)
print(time.perf_counter() - start)
"""
SPLITS = {"mnist": ("train", "test"), "cifar10": ("train", "test"), "chest_xray": ("train", "val", "test")}


def load_time(name: str, repeats: int = 3) -> float:
    """Seconds to load all splits of a bundled data set: the best of a few fresh processes."""
    command = [sys.executable, "-c", LOAD, name, *SPLITS[name]]
    runs = [
        subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(repeats)
    ]
    return min(map(float, runs))


def measure() -> list[dict[str, Any]]:
    """One figure for each bundled data set."""
    return [
        {"name": f"load {name}", "value": load_time(name), "unit": "s", "target": target, "better": "lower"}
        for name, target in TARGETS.items()
    ]
