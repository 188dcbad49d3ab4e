"""Distillation on the student's own text."""

import pytest
import torch

from kdlib import models
from kdlib.losses import divergences
from kdlib.objectives import Batch, on_policy


def decoder(seed: int) -> models.Decoder:
    return models.transformer(1, 8, vocabulary=7, context=10, heads=2, seed=seed).double()


def batch(rows: int = 4) -> Batch:
    text = torch.randint(0, 7, (rows, 10), generator=torch.Generator().manual_seed(0))
    return Batch(text, text)


def test_the_loss_is_the_divergence_on_what_the_student_wrote() -> None:
    student, teacher = decoder(0), decoder(1)
    torch.manual_seed(5)
    own = models.write(student, batch().images[:, :3], 7)
    torch.manual_seed(5)
    objective = on_policy(teacher, divergences.reverse_kl, temperature=2.0, prompt=3)
    loss = objective(student.train(), batch())["loss"]
    expected = divergences.reverse_kl(student(own), teacher(own), 2.0)
    torch.testing.assert_close(loss, expected)
    assert torch.equal(own[:, :3], batch().images[:, :3]) and not torch.equal(own, batch().images)
    loss.backward()
    assert all(p.grad is None for p in teacher.parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in student.parameters())


def test_it_brings_the_student_nearer_on_its_own_text() -> None:
    student, teacher = decoder(0), decoder(1)
    for p in teacher.head.parameters():
        torch.nn.init.normal_(p, generator=torch.Generator().manual_seed(3))
    objective = on_policy(teacher, divergences.reverse_kl, temperature=1.0, prompt=1)
    optimizer = torch.optim.Adam(student.parameters(), 0.01)
    torch.manual_seed(0)
    found = []
    for _ in range(150):
        loss = objective(student, batch(16))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert sum(found[-10:]) < 0.2 * sum(found[:10])


def test_what_cannot_write_is_refused() -> None:
    objective = on_policy(decoder(1), divergences.reverse_kl, temperature=1.0, prompt=3)
    with pytest.raises(TypeError, match=r"the student is a Linear; only a kdlib.models.Decoder writes"):
        objective(torch.nn.Linear(2, 2), batch())
    with pytest.raises(ValueError, match="temperature"):
        on_policy(decoder(1), divergences.reverse_kl, temperature=0.0, prompt=3)
    with pytest.raises(ValueError, match="prompt is 0; the student goes on from one token or more"):
        on_policy(decoder(1), divergences.reverse_kl, temperature=1.0, prompt=0)
    with pytest.raises(TypeError, match="teacher is a Tensor; it must read new texts"):
        on_policy(torch.zeros(2, 3, 4), divergences.reverse_kl, temperature=1.0, prompt=1)
    longer = on_policy(decoder(1), divergences.reverse_kl, temperature=1.0, prompt=99)
    with pytest.raises(ValueError, match="prompt is 99, but the texts have"):
        longer(decoder(0), batch())
    with pytest.raises(ValueError, match="teacher and student are the same object"):
        objective(objective.keywords["teacher"], batch())
