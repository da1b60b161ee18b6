"""Distillation: a larger frozen classifier teaches a smaller one its scores, beside the labels.

    loss = (1 - weight) · weighted BCE with the labels + weight · T² · binary KL(teacher ‖ student)
           + feature_weight · features + map_weight · class maps

The teacher looks at the very augmented images the student learns from, so that it answers for what is in them after cropping and erasing
(Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", CVPR 2022). Losses and sources: `losses/distillation.py`.
"""

# N batch, C classes, D the teacher's embedding

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_sdk.contract.manifest import Ancestor
from trainer.config import Config
from trainer.data.loader import Batch
from trainer.losses.distillation import binary_distillation, feature_distillation, map_distillation
from trainer.losses.weighted_bce import weighted_bce_with_logits
from trainer.models.teacher import FrozenTeacher
from trainer.schedule import Moment
from trainer.tasks.finetune import Finetune


class Distill(Finetune):
    """Student, teacher and, where embeddings are compared, a projector that is in no exported model.

    Args:
        config: Its `model`, `preprocess`, `loss` and `distill` parts are read.
        targets_NC: Labels of the training split, for weights from counts.

    Raises:
        ConfigError: If no teacher is given, or its size is not to be had.
        CheckpointError: If the teacher cannot be used.
    """

    def __init__(self, config: Config, targets_NC: NDArray[np.uint8]) -> None:
        super().__init__(config, targets_NC)
        self._config = config.distill
        self.teacher = FrozenTeacher(config.distill, config.preprocess)
        # Not built where it is not used: a weight without gradient stops training on several devices.
        self.projector = nn.Linear(self.model.num_features, self.teacher.num_features) if config.distill.feature_weight else None

    def training_step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        """The loss of a batch and its parts."""
        lesson, config = self.teacher(batch.images_NHWC), self._config
        features = self.model.features(batch.images_NHWC)
        logits_NC, maps_NChw = self.model.classify(features)
        supervised = weighted_bce_with_logits(logits_NC, batch.targets_NC, self.pos_weight_C)
        distilled = binary_distillation(logits_NC, lesson.logits_NC, temperature=config.temperature)
        loss = (1.0 - config.weight) * supervised + config.weight * distilled
        parts = {"loss_bce": supervised.detach(), "loss_distill": distilled.detach()}
        if self.projector is not None:
            apart = self._apart(self.projector, features.pooled_ND, lesson.pooled_ND)
            loss, parts["loss_features"] = loss + config.feature_weight * apart, apart.detach()
        if config.map_weight:
            elsewhere = map_distillation(maps_NChw, lesson.maps_NChw)
            loss, parts["loss_maps"] = loss + config.map_weight * elsewhere, elsewhere.detach()
        return {"loss": loss, **parts}

    def ancestors(self) -> tuple[Ancestor, ...]:
        """The teacher and what it came from."""
        return self.teacher.ancestors

    def compile_backbones(self) -> None:
        """The teacher's too, which stands beside the module tree."""
        super().compile_backbones()
        self.teacher.compile_backbone()

    def _apart(self, projector: nn.Linear, student_ND: Tensor, teacher_ND: Tensor) -> Tensor:
        # float32, as all losses: small differences between long vectors are lost in bfloat16.
        with torch.autocast(student_ND.device.type, enabled=False):
            return feature_distillation(projector(student_ND), teacher_ND, kind=self._config.features)
