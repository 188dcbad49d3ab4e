"""The weights and outputs that ship with the book, each beside the record of the run that made it."""

from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from kdlib import data, files, models

Network = TypeVar("Network", bound=nn.Module)
FOLDER = Path(__file__).parent / "weights"
STUDENTS = ("alone", "distilled")  # of MNIST, the X-rays and Shakespeare
SHIPPED = (
    "mnist_lenet5_teacher", "mnist_digits", "playground", "cifar_teacher", "cifar_student", "cifar_race",
    "xray_teacher", "shakespeare_teacher",
    *(f"{of}_student_{name}" for of in ("mnist", "xray", "shakespeare") for name in STUDENTS),
)  # fmt: skip


def record(name: str) -> dict[str, Any]:
    """The record of the run that made the shipped weights `name`: settings, metrics, hardware.

    Raises:
        ValueError: no weights of that name are shipped.
        DamagedError: the record is missing or altered.
    """
    if name not in SHIPPED:
        raise ValueError(f"name is {name!r}; the shipped weights are {', '.join(SHIPPED)}")
    return files.sealed(FOLDER / f"{name}.json")


def tensors(name: str) -> dict[str, Tensor]:
    """What the file of weights or outputs `name` holds, once it is found to be the recorded one.

    Raises:
        DamagedError: the file or its record is missing or altered.
    """
    content = files.shipped(FOLDER / f"{name}.safetensors", record(name)["weights_sha256"])
    return load_safetensors(content)


def mnist_teacher() -> nn.Sequential:
    """The LeNet-5 teacher of chapter 01, trained on MNIST, in evaluation mode.

    Takes float images (N, 1, 32, 32) with pixels in [0, 1], gives logits (N, 10). How it was trained
    stands in `record("mnist_lenet5_teacher")`.

    Raises:
        DamagedError: the shipped file or its record is missing or altered.
    """
    return _loaded(models.lenet5(seed=0), "mnist_lenet5_teacher")


def mnist_student(name: str) -> nn.Sequential:
    """The LeNet-5 student of 46,164 weights, trained "alone" or "distilled" from `mnist_teacher`. Chapter 09.

    Takes float images (N, 1, 32, 32) with pixels in [0, 1], gives logits (N, 10), in evaluation mode. Its
    weights were rounded to 16 bits after the training.

    Raises:
        ValueError: another name.
        DamagedError: the shipped file or its record is missing or altered.
    """
    return _student("mnist", name, models.lenet5((6, 12), (90, 64), seed=0))


def cifar_teacher_logits(dataset: data.Dataset) -> Tensor:
    """The CIFAR-10 teacher's logits for the bundled images, for training in sixteen views. Chapter 04.

    The teacher, a network of 3.7 million weights trained on all 50,000 images, does not ship; these are its
    outputs, in 16 bits.

    Args:
        dataset: the whole bundled "train" or "test" of cifar10, in its order.

    Returns:
        float32: (8000, 16, 10) for "train", as `teacher_cache.fill` gives them, the views in the order of
        `experiments.race.VIEWS`; (2000, 10) for "test", the images as they are.

    Raises:
        ValueError: another data set, or one whose images or order were changed.
        DamagedError: the file or its record is missing or altered.
    """
    return _outputs("cifar_teacher", dataset, "cifar10, whole and at quick scale")[dataset.split].float()


def cifar_race_logits(dataset: data.Dataset) -> dict[str, Tensor]:
    """What six students of chapter 04's small race answer to the bundled test images of CIFAR-10.

    Args:
        dataset: the whole bundled "test" of cifar10, in its order.

    Returns:
        float32 (2000, 10) by arm, seed 0: "alone" and "distilled" with four epochs; "alone-16" and
        "distilled-16" with sixteen, and "flattened-16" and "equally-sure-16", whose teachers say less.

    Raises:
        ValueError: another data set, or one whose images or order were changed.
        DamagedError: the file or its record is missing or altered.
    """
    answers = _outputs("cifar_race", dataset, "cifar10, whole and at quick scale")
    return {arm: logits.float() for arm, logits in answers.items()}


def cifar_student() -> nn.Sequential:
    """Chapter 04's distilled student on CIFAR-10, in evaluation mode: a teacher for chapter 07's page.

    Takes float images (N, 3, 32, 32) with pixels in [0, 1], gives logits (N, 10). It has 437,034 weights,
    rounded to 16 bits after the training on all 50,000 images.

    Raises:
        DamagedError: the shipped file or its record is missing or altered.
    """
    return _loaded(models.vgg(models.VGG_SMALL, seed=0), "cifar_student")


def xray_student(name: str) -> nn.Sequential:
    """The X-ray student of chapter 05 that was trained "alone" or "distilled", in evaluation mode.

    Takes float images (N, 1, 64, 64) with pixels in [0, 1], gives logits (N, 2). Its weights were rounded to
    16 bits after the training.

    Raises:
        ValueError: another name.
        DamagedError: the shipped file or its record is missing or altered.
    """
    return _student("xray", name, models.xray_student(seed=0))


def xray_teacher_logits(dataset: data.Dataset) -> Tensor:
    """The X-ray teacher's logits for a split as `data.load` gives it, at 64 pixels. Chapter 05.

    The teacher itself, a ResNet-18 of 45 MB, does not ship; these are its outputs, in 16 bits.

    Args:
        dataset: the whole of "train", "val" or "test" of chest_xray, in its order.

    Returns:
        float32 (N, 2).

    Raises:
        ValueError: another data set, or one whose images or order were changed.
        DamagedError: the file or its record is missing or altered.
    """
    return _outputs("xray_teacher", dataset, "chest_xray, whole and at 64 pixels")[dataset.split].float()


def xray_teacher_maps() -> Tensor:
    """Where the X-ray teacher looked: a Grad-CAM map of each test image, towards pneumonia. Chapter 05.

    Returns:
        float32 (624, 4, 4), of the layer `network.layer3`; each map from 0 to 1.
    """
    return tensors("xray_teacher")["maps"].float()


def shakespeare_teacher() -> models.Decoder:
    """Chapter 11's teacher, which writes like Shakespeare character after character, in evaluation mode.

    Takes tokens (N, L), L at most 128, as `data.text.encode` gives them, and gives logits (N, L, 65). Its
    826,433 weights were rounded to 16 bits after the training.

    Raises:
        DamagedError: the shipped file or its record is missing or altered.
    """
    return _loaded(models.transformer(4, 128, seed=0), "shakespeare_teacher")


def shakespeare_student(name: str) -> models.Decoder:
    """Chapter 11's student, trained "alone" or "distilled" from `shakespeare_teacher`, in evaluation mode.

    Takes and gives what its teacher does. Its 116,673 weights were rounded to 16 bits after the training.

    Raises:
        ValueError: another name.
        DamagedError: the shipped file or its record is missing or altered.
    """
    return _student("shakespeare", name, models.transformer(2, 64, seed=0))


def _student(of: str, name: str, model: Network) -> Network:
    """The stored weights of the student `name`, in its network."""
    if name not in STUDENTS:
        raise ValueError(f"name is {name!r}; the shipped students are {', '.join(STUDENTS)}")
    return _loaded(model, f"{of}_student_{name}")


def _loaded(model: Network, name: str) -> Network:
    """The network with the stored weights `name`, which are 16 bits and become its own type."""
    model.load_state_dict(tensors(name))
    return model.eval()


def _outputs(name: str, dataset: data.Dataset, what: str) -> dict[str, Tensor]:
    """The stored outputs `name`; ValueError where they are not for these images in this order."""
    known = record(name)["data"]
    if known.get(dataset.split) != data.digest(dataset):
        raise ValueError(
            f"the stored outputs are for {', '.join(known)} of {what}, not for {dataset!r}; "
            "take them for the whole split and pick rows afterwards"
        )
    return tensors(name)
