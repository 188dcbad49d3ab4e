"""The weights and outputs that ship with the book, each beside the record of the run that made it."""

import hashlib
import json
from importlib import resources
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from kdlib import data, models

FOLDER = resources.files("kdlib") / "weights"
XRAY_STUDENTS = ("alone", "distilled")
SHIPPED = (
    "mnist_lenet5_teacher",
    "cifar_teacher",
    "cifar_student",
    "xray_teacher",
    *(f"xray_student_{name}" for name in XRAY_STUDENTS),
)


def record(name: str) -> dict[str, Any]:
    """The record of the run that made the shipped weights `name`: settings, metrics, hardware.

    Raises:
        ValueError: no weights of that name are shipped, or the record is damaged.
        FileNotFoundError: the record is missing from the installation.
    """
    if name not in SHIPPED:
        raise ValueError(f"name is {name!r}; the shipped weights are {', '.join(SHIPPED)}")
    try:
        found = json.loads(content(f"{name}.json"))
    except ValueError as error:
        raise ValueError(f"{FOLDER / name}.json is damaged ({error}); install kdlib again") from error
    if not isinstance(found, dict) or "weights_sha256" not in found:
        raise ValueError(f"{FOLDER / name}.json is not a record of weights; install kdlib again")
    return found


def mnist_teacher() -> nn.Sequential:
    """The LeNet-5 teacher of chapter 01, trained on MNIST, in evaluation mode.

    Takes float images (N, 1, 32, 32) with pixels in [0, 1], gives logits (N, 10). How it was trained
    stands in `record("mnist_lenet5_teacher")`.

    Raises:
        ValueError: the shipped file is not the one that was recorded, or its record is damaged.
        FileNotFoundError: the file or its record is missing from the installation.
    """
    model = models.lenet5(seed=0)
    model.load_state_dict(load_safetensors(weights("mnist_lenet5_teacher")))
    return model.eval()


def cifar_teacher_logits(dataset: data.Dataset) -> Tensor:
    """The CIFAR-10 teacher's logits for the bundled images, for training in sixteen views. Chapter 04.

    The teacher, a network of 3.7 million weights trained on all 50,000 images, does not ship; these are its
    outputs, in 16 bits.

    Args:
        dataset: the whole bundled "train" or "test" of cifar10, in its order.

    Returns:
        float32: (8000, 16, 10) for "train", as `teacher_cache.fill` gives them, the views in the order of
        `cifar_experiments.VIEWS`; (2000, 10) for "test", the images as they are.

    Raises:
        ValueError: another data set, or one whose images or order were changed.
        FileNotFoundError: the file or its record is missing from the installation.
    """
    return _outputs("cifar_teacher", dataset, "cifar10, whole and at quick scale").float()


def cifar_student() -> nn.Sequential:
    """Chapter 04's distilled student on CIFAR-10, in evaluation mode: a teacher for chapter 07's page.

    Takes float images (N, 3, 32, 32) with pixels in [0, 1], gives logits (N, 10). It has 437,034 weights,
    rounded to 16 bits after the training on all 50,000 images.

    Raises:
        ValueError: the shipped file is not the one that was recorded, or its record is damaged.
        FileNotFoundError: the file or its record is missing from the installation.
    """
    model = models.vgg(models.VGG_SMALL, seed=0)
    stored = load_safetensors(weights("cifar_student"))
    model.load_state_dict({k: v if v.dtype == torch.int64 else v.float() for k, v in stored.items()})
    return model.eval()


def xray_student(name: str) -> nn.Sequential:
    """The X-ray student of chapter 05 that was trained "alone" or "distilled", in evaluation mode.

    Takes float images (N, 1, 64, 64) with pixels in [0, 1], gives logits (N, 2). Its weights were rounded to
    16 bits after the training.

    Raises:
        ValueError: another name, or the shipped file is not the one that was recorded.
        FileNotFoundError: the file or its record is missing from the installation.
    """
    if name not in XRAY_STUDENTS:
        raise ValueError(f"name is {name!r}; the shipped X-ray students are {', '.join(XRAY_STUDENTS)}")
    model = models.xray_student(seed=0)
    stored = load_safetensors(weights(f"xray_student_{name}"))
    model.load_state_dict({key: value.float() for key, value in stored.items()})
    return model.eval()


def xray_teacher_logits(dataset: data.Dataset) -> Tensor:
    """The X-ray teacher's logits for a split as `data.load` gives it, at 64 pixels. Chapter 05.

    The teacher itself, a ResNet-18 of 45 MB, does not ship; these are its outputs, in 16 bits.

    Args:
        dataset: the whole of "train", "val" or "test" of chest_xray, in its order.

    Returns:
        float32 (N, 2).

    Raises:
        ValueError: another data set, or one whose images or order were changed.
        FileNotFoundError: the file or its record is missing from the installation.
    """
    return _outputs("xray_teacher", dataset, "chest_xray, whole and at 64 pixels").float()


def xray_teacher_maps() -> Tensor:
    """Where the X-ray teacher looked: a Grad-CAM map of each test image, towards pneumonia. Chapter 05.

    Returns:
        float32 (624, 4, 4), of the layer `network.layer3`; each map from 0 to 1.
    """
    return load_safetensors(weights("xray_teacher"))["maps"].float()


def _outputs(name: str, dataset: data.Dataset, what: str) -> Tensor:
    """The stored outputs `name`, if they are for these images in this order."""
    known = record(name)["data"]
    if known.get(dataset.split) != data.digest(dataset):
        raise ValueError(
            f"the stored outputs are for {', '.join(known)} of {what}, not for {dataset!r}; "
            "take them for the whole split and pick rows afterwards"
        )
    return load_safetensors(weights(name))[dataset.split]


def weights(name: str) -> bytes:
    """The content of a shipped file of weights, once its digest is found to be the recorded one."""
    found = content(f"{name}.safetensors")
    if hashlib.sha256(found).hexdigest() != record(name)["weights_sha256"]:
        raise ValueError(
            f"{FOLDER / name}.safetensors is not the file that was recorded; install kdlib again"
        )
    return found


def content(file: str) -> bytes:
    """The content of a file that travels with kdlib."""
    try:
        return (FOLDER / file).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{FOLDER / file} is missing; install kdlib again") from error
