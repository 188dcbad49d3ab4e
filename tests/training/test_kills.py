"""Training that is killed at random moments, really killed, ends with the same bits."""

import hashlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kdlib.training.checkpoints import read

CHILD = """
import sys
from pathlib import Path
import torch
from kdlib import data, models
from kdlib.objectives import distilled, supervised
from kdlib.training import Recipe, train

images = data.load("mnist", "train", resolution=32)
part, held_out = images.subset(range(2000)), images.subset(range(2000, 2200))
teacher = models.lenet5(seed=9)
soft = distilled(teacher, temperature=4, alpha=0.5)

def objective(model, batch):
    print(round(batch.progress * 96), flush=True)
    return soft(model, batch)

recipe = Recipe(epochs=6, learning_rate=1e-3, optimizer="adamw", schedule="one_cycle")
model = models.lenet5((6, 12), (90, 64), seed=0)
train(model, part, objective, recipe, seed=0, validation=held_out, checkpoint=Path(sys.argv[1]))
print("finished", flush=True)
"""


def run(checkpoint: Path, lines: int | None) -> bool:
    """Train until the end, or kill the process after so many lines of its; whether it came to the end."""
    command = [sys.executable, "-c", CHILD, str(checkpoint)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for count, line in enumerate(child.stdout):
            if line.strip() == "finished":
                break
            if count == lines:
                child.send_signal(signal.SIGKILL)
                return False
    assert child.returncode == 0
    return True


def weights(checkpoint: Path) -> str:
    """A digest of everything that training left, times aside."""
    tensors, about = read(checkpoint)
    curve = [{k: v for k, v in entry.items() if k != "seconds"} for entry in about["curve"]]
    digest = hashlib.sha256(repr((curve, about["best"])).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_ten_kills_change_no_bit(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    assert run(whole, None)
    moments = random.Random(0)
    for _ in range(10):
        if run(broken, moments.randrange(1, 24)):
            broken.unlink()  # it came to its end between kills: start again
    while not run(broken, None):
        pass
    assert weights(broken) == weights(whole)
    assert not list(tmp_path.glob(".*.tmp")) or len(list(tmp_path.glob("*.safetensors"))) == 2
