import numpy as np
import pytest
import torch

from golden_cases import Case, cases
from trainer.losses.dino import DinoCentre, dino_loss, teacher_information
from trainer.tasks.dino import teacher_temperature

NUM_TEACHER = 2


@pytest.mark.parametrize("case", cases("dino_loss"), ids=lambda case: case.name)
def test_loss_centre_and_gradient_reproduce_golden_dino_loss(case: Case) -> None:
    params, fields = case.params, case.fields
    centre = DinoCentre(params["K"], momentum=params["center_momentum"]).double()
    start, final = params["warmup_teacher_temp"], params["teacher_temp"]
    for epoch, expected in enumerate(fields["teacher_temp_schedule"]):
        temperature = teacher_temperature(epoch, params["epochs"], start, final, warmup_epochs=params["warmup_epochs"])
        assert temperature == pytest.approx(expected, abs=1e-12)

    for step, epoch in enumerate(fields["epoch"]):
        student = torch.from_numpy(fields["student_logits"][step]).requires_grad_()
        teacher_TNK = torch.from_numpy(fields["teacher_logits"][step]).unflatten(0, (NUM_TEACHER, -1))
        loss = dino_loss(
            student.unflatten(0, (params["ncrops"], -1)),
            teacher_TNK,
            centre.centre_K,
            student_temperature=params["student_temp"],
            teacher_temperature=teacher_temperature(int(epoch), params["epochs"], start, final, warmup_epochs=params["warmup_epochs"]),
        )
        loss.backward()
        centre.collect(teacher_TNK)
        centre.update()

        np.testing.assert_allclose(loss.item(), fields["loss"][step], rtol=0, atol=1e-9)
        np.testing.assert_allclose(student.grad, fields["grad_student"][step], rtol=0, atol=1e-9)
        np.testing.assert_allclose(centre.centre_K, fields["center_after"][step], rtol=0, atol=1e-9)


def test_loss_equals_a_naive_sum() -> None:
    rng = np.random.default_rng(0)
    student, teacher, centre = rng.standard_normal((3, 4, 5)), rng.standard_normal((2, 4, 5)), rng.standard_normal(5)
    terms = []
    for t in range(2):
        for s in range(3):
            for n in range(4 if t != s else 0):
                q = np.exp((teacher[t, n] - centre) / 0.05)
                p = np.exp(student[s, n] / 0.1)
                terms.append(-(q / q.sum() * np.log(p / p.sum())).sum())

    loss = dino_loss(*map(torch.from_numpy, (student, teacher, centre)), student_temperature=0.1, teacher_temperature=0.05)

    assert loss.item() == pytest.approx(np.mean(terms), rel=1e-9)


def test_centre_of_pieces_is_that_of_the_whole_batch() -> None:
    logits_TNK = torch.randn(2, 6, 8)
    whole, pieces = DinoCentre(8), DinoCentre(8)

    whole.collect(logits_TNK)
    for piece_TNK in logits_TNK.split(2, dim=1):
        pieces.collect(piece_TNK)
    whole.update()
    pieces.update()

    torch.testing.assert_close(whole.centre_K, pieces.centre_K)
    torch.testing.assert_close(whole.centre_K, 0.1 * logits_TNK.mean(dim=(0, 1)))


def test_centre_with_momentum_1_stays_at_zero() -> None:
    centre = DinoCentre(8, momentum=1.0)

    centre.collect(torch.randn(2, 6, 8))
    centre.update()

    assert not centre.centre_K.any()


@pytest.mark.parametrize("row", [[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
def test_teacher_that_says_the_same_of_every_image_carries_no_information(row: list[float]) -> None:
    assert teacher_information(torch.tensor([row] * 4), torch.zeros(3), 0.1).item() == pytest.approx(0.0, abs=1e-6)


def test_teacher_that_tells_all_images_apart_carries_the_logarithm_of_their_number() -> None:
    assert teacher_information(100.0 * torch.eye(4), torch.zeros(4), 0.1).item() == pytest.approx(np.log(4))
