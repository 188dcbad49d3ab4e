"""Which JavaScript a slider is made of, and which models it may ask for. The site reads it without torch."""

import base64
import re
from pathlib import Path

JS = Path(__file__).parent / "js"
WEIGHTS = Path(__file__).parents[1] / "weights"
MODELS = (
    "mnist_lenet5_teacher",
    "mnist_student_alone",
    "mnist_student_distilled",
    "mnist_digits",
    "playground",
    "xray_student_alone",
    "xray_student_distilled",
    "shakespeare_student_alone",
    "shakespeare_student_distilled",
    "shakespeare_teacher",
)


def parts(kind: str) -> list[str]:
    """The files of a slider in the order in which they are read: the kit, what it says it needs, its own."""
    text = (JS / f"{kind}.js").read_text(encoding="utf-8")
    return ["kit", *re.findall(r"^// needs (\w+)\.js$", text, re.MULTILINE), kind]


def weights(name: str) -> str:
    """The file of a shipped model as base64, for `kd.tensors` in net.js."""
    return base64.b64encode((WEIGHTS / f"{name}.safetensors").read_bytes()).decode()
