"""Student and teacher of self-distillation: two encoders with heads of the same form, the second a running mean of the first.

The teacher gets no gradient. Only parameters are averaged; batch statistics the teacher gathers itself from the images it sees.

Source: Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021, section 3.1; He et al., "Momentum
Contrast", CVPR 2020, for the momentum encoder. Pinned by golden vectors.
"""

import copy
from collections.abc import Iterable
from typing import Generic, TypeVar

import torch
from torch import nn

from trainer.config import DinoConfig
from trainer.models.dino_head import DinoHead
from trainer.models.encoder import Encoder

E = TypeVar("E", bound=Encoder)


class SelfDistillation(nn.Module, Generic[E]):
    """Both encoders and their heads.

    Args:
        student: The encoder to train.
        teacher: One of the same form, without stochastic depth; its weights are overwritten.
        config: Sizes of the heads.
    """

    def __init__(self, student: E, teacher: E, config: DinoConfig) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        self.student_head = DinoHead(
            student.num_features,
            hidden=config.hidden,
            bottleneck=config.bottleneck,
            num_prototypes=config.prototypes,
            activation=config.activation,
            norm_last_layer=config.norm_last_layer,
        )
        self.teacher_head = copy.deepcopy(self.student_head)
        self.start_teacher()

    def start_teacher(self) -> None:
        """Make the teacher the student's equal, and deaf to gradients."""
        self.teacher.load_state_dict(self.student.state_dict())
        self.teacher_head.load_state_dict(self.student_head.state_dict())
        self.teacher.requires_grad_(False)
        self.teacher_head.requires_grad_(False)

    def update_teacher(self, momentum: float) -> None:
        """New teacher = momentum teacher + (1 - momentum) student, after the optimiser's step."""
        follow(self.teacher.parameters(), self.student.parameters(), momentum)
        follow(self.teacher_head.parameters(), self.student_head.parameters(), momentum)

    def freeze_last_layer(self) -> None:
        """Forget the gradients of the student's prototypes: the optimiser then passes them over, weight decay and all."""
        for weight in self.student_head.last_layer.parameters():
            weight.grad = None


@torch.no_grad()
def follow(teacher: Iterable[torch.Tensor], student: Iterable[torch.Tensor], momentum: float) -> None:
    """One step of the running mean, tensor by tensor."""
    for mean, value in zip(teacher, student, strict=True):
        mean.mul_(momentum).add_(value.detach(), alpha=1.0 - momentum)
