"""What ships of finished runs: their models, and files of weights or outputs beside where they come from."""

import hashlib
import json
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from kdlib import files, pretrained
from kdlib.experiments import ledger
from kdlib.experiments.arms import Arm, Experiment, Job, fit

SEED = 0


def finished(experiment: Experiment, arm: Arm) -> tuple[nn.Module, dict[str, Any]]:
    """The model of an arm that has a record, trained again where it is not here, and the record."""
    job = Job(arm, SEED, ledger.runs_folder() / "models")
    found = [r for r in ledger.records(experiment.name, "cpu") if (r["arm"], r["seed"]) == (arm.name, SEED)]
    if not found:
        call = f"python -m kdlib run {experiment.name} --only {arm.name} --seeds {SEED}"
        raise SystemExit(f"{arm.name}, seed {SEED}, has no record: {call}")
    return fit(experiment, job).model, found[0]


def write(file: str, tensors: dict[str, Tensor], record: dict[str, Any], about: dict[str, Any]) -> None:
    """One file in 16 bits and, beside it, where it comes from."""
    path = pretrained.FOLDER / f"{file}.safetensors"
    halved = {key: v.half() if v.is_floating_point() else v for key, v in tensors.items()}
    save_file({key: value.contiguous() for key, value in halved.items()}, path)
    path.chmod(0o644)  # safetensors leaves it to its owner alone
    kept = ("experiment", "arm", "scale", "seed", "settings", "commit", "processor")
    made = {"name": file, **{key: record[key] for key in kept if key in record}, **about}
    made["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    made["seal"] = files.seal(made)
    path.with_suffix(".json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    accuracy = f", test accuracy {about['test_accuracy']:.3f}" if "test_accuracy" in about else ""
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB{accuracy}")
