"""The DINO loss: the student's view of an image shall say what the teacher says of the other view.

    loss = mean over pairs of different views, and over the batch, of -sum_k q_k log p_k
    q = softmax((teacher logits - centre) / teacher temperature), without gradient
    p = softmax(student logits / student temperature)

The centre, a running mean of the teacher's raw logits, keeps one prototype from winning everywhere; the low teacher temperature keeps the
answer from becoming uniform. Either alone collapses. The centre a step uses is the one from before it.

Source: Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021, section 3.1. Pinned by golden vectors.
"""

# S student views, T teacher views (the first of the student's), N batch, K prototypes

import torch
import torch.distributed as dist
from torch import Tensor, nn

STUDENT_TEMPERATURE = 0.1  # section 4.1
CENTRE_MOMENTUM = 0.9  # section 4.1


def dino_loss(
    student_logits_SNK: Tensor, teacher_logits_TNK: Tensor, centre_K: Tensor, *, student_temperature: float, teacher_temperature: float
) -> Tensor:
    """The loss above as a scalar.

    Args:
        student_logits_SNK: Of all views.
        teacher_logits_TNK: Of the first T of them.
        centre_K: Subtracted from the teacher's logits.
        student_temperature: Sharpness of the student.
        teacher_temperature: Sharpness of the teacher, below the student's.
    """
    num_student, num_images, _ = student_logits_SNK.shape
    num_teacher = len(teacher_logits_TNK)
    log_p_SNK = torch.log_softmax(student_logits_SNK / student_temperature, dim=-1)
    q_TNK = torch.softmax((teacher_logits_TNK.detach() - centre_K) / teacher_temperature, dim=-1)
    cross_entropy_TS = -torch.einsum("tnk,snk->ts", q_TNK, log_p_SNK) / num_images
    same_view = cross_entropy_TS.diagonal().sum()
    loss: Tensor = (cross_entropy_TS.sum() - same_view) / (num_teacher * num_student - num_teacher)
    return loss


def teacher_information(teacher_logits_RK: Tensor, centre_K: Tensor, temperature: float) -> Tensor:
    """How much the teacher's answer depends on the image, in nats: entropy of the mean answer less mean entropy of the answers.

    It lies between 0, where every image gets the same answer (either form of collapse), and the logarithm of the number of rows.
    """
    log_q_RK = torch.log_softmax((teacher_logits_RK.detach().float() - centre_K) / temperature, dim=-1)
    mean_q_K = log_q_RK.exp().mean(dim=0)
    information: Tensor = torch.special.entr(mean_q_K).sum() + (log_q_RK.exp() * log_q_RK).sum(dim=-1).mean()
    return information


class DinoCentre(nn.Module):
    """Running mean of the teacher's logits over batches, pieces of a batch and processes.

    Args:
        num_prototypes: K.
        momentum: Share of the old centre in the new; 1 leaves it at zero, which switches centring off.
    """

    centre_K: Tensor

    def __init__(self, num_prototypes: int, *, momentum: float = CENTRE_MOMENTUM) -> None:
        super().__init__()
        self.register_buffer("centre_K", torch.zeros(num_prototypes))
        self._momentum = momentum
        self._collected: list[tuple[Tensor, int]] = []

    def collect(self, teacher_logits_TNK: Tensor) -> None:
        """Remember raw logits for the next update; to be called for every piece of a step."""
        rows_RK = teacher_logits_TNK.detach().flatten(0, -2).to(self.centre_K.dtype)
        self._collected.append((rows_RK.sum(dim=0), len(rows_RK)))

    def update(self) -> None:
        """Take in what was collected, by all processes, once the step's loss is done."""
        total_K, num_rows = sum(total for total, _ in self._collected), sum(num for _, num in self._collected)
        totals = torch.cat([torch.as_tensor(total_K), self.centre_K.new_tensor([num_rows])])
        self._collected.clear()
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(totals)
        self.centre_K.lerp_(totals[:-1] / totals[-1], 1.0 - self._momentum)
