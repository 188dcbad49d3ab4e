"""Several networks as one, which some signals need: together they learn, or teach. Chapter 07."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdlib import checks
from kdlib.losses import logits as logit_losses
from kdlib.models.pictures import initialised
from kdlib.objectives.model_logits import logits_on


class WithRegressor(nn.Module):
    """A student with a regressor that is trained beside it; `model.student` is what to keep. Chapter 07.

    The regressor of FitNets (Romero et al., 2015) makes as many channels of the student's map as its
    teacher's has, by a convolution of one pixel. Called, the whole is the student.

    Args:
        channels: of the student's map, and of its teacher's.
    """

    def __init__(self, student: nn.Module, channels: tuple[int, int], *, seed: int):
        super().__init__()
        self.student = student
        with initialised(seed):
            self.regressor = nn.Conv2d(*channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """The student's logits: the regressor is not asked."""
        return self.student(images)  # type: ignore[no-any-return]


class MutualStudents(nn.Module):
    """Students that are trained together; called, it is the first of them. Chapter 07."""

    def __init__(self, *students: nn.Module):
        super().__init__()
        if len({id(student) for student in students}) < 2 or len(set(students)) < len(students):
            raise ValueError("mutual learning needs two students or more, each an object of its own")
        self.students = nn.ModuleList(students)

    def forward(self, images: Tensor) -> Tensor:
        """The first student's logits."""
        return self.students[0](images)  # type: ignore[no-any-return]


class Ensemble(nn.Module):
    """Several models as one teacher, averaged at a temperature: `logit_losses.pooled`. Chapter 07."""

    def __init__(self, members: Sequence[nn.Module], temperature: float):
        super().__init__()
        if not members:
            raise ValueError("members is empty; an ensemble has at least one model")
        self.members = nn.ModuleList(members)
        self.temperature = checks.temperature(temperature)
        self.register_buffer("at", torch.tensor(temperature))  # by which a checkpoint tells it from others

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) whose softened output is the mean of the members'."""
        logits = torch.stack([logits_on(member, images) for member in self.members])
        return logit_losses.pooled(logits, self.temperature)
