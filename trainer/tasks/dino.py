"""DINO: pretraining without labels, by self-distillation between two augmented views of an image.

Two global views and no smaller crops, as in the DINO study on Sewer-ML. Source: Caron et al., "Emerging Properties in Self-Supervised
Vision Transformers", ICCV 2021. Losses, schedules, freezing and clipping are pinned by golden vectors.
"""

# N batch, D embedding, K prototypes; views lie one after the other in a batch of 2N

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.config import Config, ModelConfig
from trainer.data.loader import Batch
from trainer.losses.dino import DinoCentre, dino_loss, teacher_information
from trainer.models import Encoder, build_encoder
from trainer.models.pretrained import LoadReport, PretrainedWeights, load_encoder
from trainer.models.self_distillation import SelfDistillation
from trainer.schedule import Moment, warmup_cosine
from trainer.tasks.task import Task


class Dino(Task):
    """Student, teacher and centre.

    Args:
        config: Its `model`, `preprocess` and `dino` parts are read.
        targets_NC: Not read.
    """

    num_views: ClassVar[int] = 2

    def __init__(self, config: Config, targets_NC: NDArray[np.uint8]) -> None:
        super().__init__()
        self._config = config.dino
        student = self._encoder(config.model, config)
        teacher = self._encoder(ModelConfig(backbone=config.model.backbone, pool=config.model.pool), config)
        self.networks = SelfDistillation(student, teacher, config.dino)
        self.centre = DinoCentre(config.dino.prototypes, momentum=config.dino.centre_momentum)

    def training_step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        """The loss of a batch, and what tells of a collapse."""
        images_NHWC = torch.cat(list(batch.views_NHWC))
        return self.distillation(self.networks.student.features(images_NHWC).pooled_ND, images_NHWC, at)

    def distillation(self, embeddings_ND: Tensor, images_NHWC: Tensor, at: Moment) -> dict[str, Tensor]:
        """DINO's loss for the student's embeddings of both views; the teacher's logits are collected for the centre."""
        networks, config = self.networks, self._config
        temperature = teacher_temperature(
            at.epoch,
            at.num_epochs,
            config.teacher_temperature_start,
            config.teacher_temperature,
            warmup_epochs=config.teacher_temperature_epochs,
        )
        with torch.no_grad():
            teacher_embeddings_ND = networks.teacher.features(images_NHWC).pooled_ND
        # float32: divided by a temperature of 0.04, bfloat16's rounding of a logit would change the answer by a tenth.
        with torch.autocast(images_NHWC.device.type, enabled=False):
            with torch.no_grad():
                teacher_logits_TNK = networks.teacher_head(teacher_embeddings_ND).unflatten(0, (2, -1))
            loss = dino_loss(
                networks.student_head(embeddings_ND).unflatten(0, (2, -1)),
                teacher_logits_TNK,
                self.centre.centre_K,
                student_temperature=config.student_temperature,
                teacher_temperature=temperature,
            )
        self.centre.collect(teacher_logits_TNK)
        information = teacher_information(teacher_logits_TNK.flatten(0, 1), self.centre.centre_K, temperature)
        return {"loss": loss, "teacher_information": information}

    def kept_model(self) -> Encoder:
        """The backbone that `dino.keep` names."""
        return self.networks.teacher if self._config.keep == "teacher" else self.networks.student

    def start_from(self, weights: PretrainedWeights, *, keep_classifier: bool) -> LoadReport:
        """Student and teacher both."""
        report = load_encoder(self.networks.student, weights, keep_classifier=keep_classifier)
        self.networks.start_teacher()
        return report

    def clipped_parameters(self) -> Iterable[nn.Parameter]:
        """The student's backbone, as in the sewer study; the head's gradients stay as they are."""
        backbone: nn.Module = self.networks.student.backbone
        return backbone.parameters()

    def before_step(self, at: Moment) -> None:
        """The prototypes stand still in the first epochs."""
        if at.epoch < self._config.freeze_last_layer_epochs:
            self.networks.freeze_last_layer()

    def after_step(self, at: Moment) -> None:
        """Centre and teacher follow."""
        self.centre.update()
        self.networks.update_teacher(
            warmup_cosine(at.step, at.num_steps, self._config.teacher_momentum_start, self._config.teacher_momentum)
        )

    def _encoder(self, model: ModelConfig, config: Config) -> Encoder:
        return build_encoder(model, config.preprocess)


def teacher_temperature(epoch: int, num_epochs: int, start: float, final: float, *, warmup_epochs: int) -> float:
    """Linear from `start` in epoch 0 to `final` in the last warm-up epoch; a warm-up longer than the run ends with it."""
    num_warmup = min(warmup_epochs, num_epochs)
    if epoch >= num_warmup:
        return final
    return float(np.linspace(start, final, num_warmup)[epoch])
