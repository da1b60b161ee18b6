"""The distillation losses against plain numpy, and what must not change them."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainer.losses.distillation import binary_distillation, feature_distillation, map_distillation

TEMPERATURES = (0.5, 1.0, 2.0, 8.0)


def naive(student_NC: NDArray[np.float64], teacher_NC: NDArray[np.float64], temperature: float) -> float:
    total = 0.0
    for student, teacher in zip(student_NC.ravel(), teacher_NC.ravel(), strict=True):
        p, q = (1.0 / (1.0 + np.exp(-logit / temperature)) for logit in (teacher, student))
        total += p * np.log(p / q) + (1.0 - p) * np.log((1.0 - p) / (1.0 - q))
    return float(temperature**2 * total / student_NC.size)


def logits(seed: int, scale: float = 3.0) -> torch.Tensor:
    return torch.from_numpy(scale * np.random.default_rng(seed).standard_normal((6, 17)))


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("seed", [0, 1])
def test_binary_divergence_equals_the_sum_over_every_score(temperature: float, seed: int) -> None:
    student, teacher = logits(seed), logits(seed + 10)

    loss = binary_distillation(student, teacher, temperature=temperature).item()

    assert loss == pytest.approx(naive(student.numpy(), teacher.numpy(), temperature), rel=1e-9)


def test_divergence_is_zero_for_equal_logits_only_and_else_positive() -> None:
    teacher = logits(0)

    assert binary_distillation(teacher, teacher, temperature=2.0).item() == pytest.approx(0.0, abs=1e-12)
    assert binary_distillation(teacher + 0.1, teacher, temperature=2.0).item() > 1e-5


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_gradient_is_the_difference_of_softened_scores(temperature: float) -> None:
    student, teacher = logits(0).requires_grad_(), logits(1)

    binary_distillation(student, teacher, temperature=temperature).backward()

    expected = temperature * ((student / temperature).sigmoid() - (teacher / temperature).sigmoid()) / student.numel()
    torch.testing.assert_close(student.grad, expected.detach())


def test_high_temperature_compares_logits_themselves() -> None:
    """Hinton et al., section 2.1: T² times the loss tends to a squared difference, here with a factor of 1/8 for two outcomes."""
    student, teacher = logits(0), logits(1)

    loss = binary_distillation(student, teacher, temperature=1000.0).item()

    assert loss == pytest.approx(((student - teacher) ** 2).mean().item() / 8, rel=1e-3)


def test_huge_logits_stay_finite() -> None:
    student = torch.tensor([[200.0, -200.0, 1e4]], requires_grad=True)

    loss = binary_distillation(student, torch.tensor([[-200.0, 200.0, 1e4]]), temperature=0.5)
    loss.backward()

    assert loss.item() == pytest.approx(0.25 * 2 * 400 / 3, rel=1e-5)
    assert torch.isfinite(student.grad).all()


def test_order_of_the_batch_does_not_matter() -> None:
    student, teacher, order = logits(0), logits(1), torch.randperm(6)

    one = binary_distillation(student, teacher, temperature=2.0)
    other = binary_distillation(student[order], teacher[order], temperature=2.0)

    torch.testing.assert_close(one, other)


def test_features_equal_plain_numpy() -> None:
    student, teacher = logits(0), logits(1)
    one, other = student.numpy(), teacher.numpy()
    cosines = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(one, other, strict=True)]

    assert feature_distillation(student, teacher, kind="cosine").item() == pytest.approx(1.0 - np.mean(cosines), rel=1e-9)
    assert feature_distillation(student, teacher, kind="mse").item() == pytest.approx(np.mean((one - other) ** 2), rel=1e-9)


def test_length_of_an_embedding_counts_for_mse_alone() -> None:
    teacher = logits(0)

    assert feature_distillation(3.0 * teacher, teacher, kind="cosine").item() == pytest.approx(0.0, abs=1e-9)
    assert feature_distillation(3.0 * teacher, teacher, kind="mse").item() > 1.0


def maps(seed: int, side: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((3, 17, side, side)))


def test_map_difference_is_the_huber_loss_of_every_cell_of_the_coarser_grid() -> None:
    student, teacher = maps(0, 4), 3.0 * maps(1, 2)
    pooled = student.numpy().reshape(3, 17, 2, 2, 2, 2).mean(axis=(3, 5))
    apart = np.abs(pooled - teacher.numpy())

    loss = map_distillation(student, teacher).item()

    assert loss == pytest.approx(np.where(apart < 1, apart**2 / 2, apart - 0.5).mean(), rel=1e-9)
    assert map_distillation(teacher, student).item() == pytest.approx(loss, rel=1e-9)


def test_map_difference_tells_places_apart_where_scores_are_equal() -> None:
    teacher = maps(0, 4)
    elsewhere = teacher.flip(3)

    assert torch.allclose(elsewhere.mean(dim=(2, 3)), teacher.mean(dim=(2, 3)))
    assert map_distillation(teacher, teacher).item() == 0.0
    assert map_distillation(elsewhere, teacher).item() > 0.1
