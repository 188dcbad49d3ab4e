"""Write a file of weights or outputs that ships with kdlib, and beside it where it comes from."""

import hashlib
import json

from safetensors.torch import save_file
from torch import Tensor

from kdlib import files, pretrained


def write(file: str, tensors: dict[str, Tensor], record: dict[str, object], about: dict[str, object]) -> None:
    """One file in 16 bits and, beside it, where it comes from."""
    path = pretrained.FOLDER / f"{file}.safetensors"
    halved = {key: v.half() if v.is_floating_point() else v for key, v in tensors.items()}
    save_file({key: value.contiguous() for key, value in halved.items()}, path)
    path.chmod(0o644)  # safetensors leaves it to its owner alone
    kept = {
        key: record[key] for key in ("experiment", "arm", "scale", "seed", "settings", "code", "processor")
    }
    made = {"name": file, **kept, **about, "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    made["seal"] = files.seal(made)
    path.with_suffix(".json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, test accuracy {about['test_accuracy']:.3f}")
