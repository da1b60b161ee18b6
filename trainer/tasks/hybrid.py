"""DINO with labels beside it: the student's classifier learns from both views while the backbone is distilled.

    loss = DINO + supervised_weight * mean over both views of the weighted binary cross-entropy

Source: the hybrid of the DINO study on Sewer-ML, weight 1.
"""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.contract.taxonomy import taxonomy
from trainer.config import Config, ModelConfig
from trainer.data.loader import Batch
from trainer.losses.weighted_bce import pos_weight_tensor, weighted_bce_with_logits
from trainer.models import DefectClassifier, build_classifier
from trainer.schedule import Moment
from trainer.tasks.dino import Dino


class Hybrid(Dino):
    """As DINO, over classifiers.

    Args:
        config: Its `model`, `preprocess`, `dino` and `loss` parts are read.
        targets_NC: Labels of the training split, for weights from counts.
    """

    pos_weight_C: Tensor

    def __init__(self, config: Config, targets_NC: NDArray[np.uint8]) -> None:
        super().__init__(config, targets_NC)
        weights_C = pos_weight_tensor(config.loss.pos_weight, taxonomy().ciw, targets_NC)
        self.register_buffer("pos_weight_C", weights_C, persistent=False)

    def training_step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        """The loss of a batch and its two parts."""
        images_NHWC = torch.cat(list(batch.views_NHWC))
        features = self.kept_model().features(images_NHWC)
        outputs = self.distillation(features.pooled_ND, images_NHWC, at)
        logits_NC = self.kept_model().classify(features).logits_NC
        supervised = weighted_bce_with_logits(logits_NC, batch.targets_NC.repeat(2, 1), self.pos_weight_C)
        loss = outputs["loss"] + self._config.supervised_weight * supervised
        return outputs | {"loss": loss, "loss_dino": outputs["loss"].detach(), "loss_bce": supervised.detach()}

    def kept_model(self) -> DefectClassifier:
        """The student: the teacher's classifier only trails behind it."""
        return cast(DefectClassifier, self.networks.student)

    def _encoder(self, model: ModelConfig, config: Config) -> DefectClassifier:
        return build_classifier(model, config.preprocess)
