"""Supervised fine-tuning: the defect classifier under weighted binary cross-entropy, from random or given weights."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.contract.taxonomy import taxonomy
from trainer.config import Config
from trainer.data.loader import Batch
from trainer.losses.weighted_bce import pos_weight_tensor, weighted_bce_with_logits
from trainer.models import DefectClassifier, build_classifier
from trainer.schedule import Moment
from trainer.tasks.task import Task


class Finetune(Task):
    """Model and loss.

    Args:
        config: Its `model`, `preprocess` and `loss` parts are read.
        targets_NC: Labels of the training split, for weights from counts.
    """

    pos_weight_C: Tensor

    def __init__(self, config: Config, targets_NC: NDArray[np.uint8]) -> None:
        super().__init__()
        self.model = build_classifier(config.model, config.preprocess)
        weights_C = pos_weight_tensor(config.loss.pos_weight, taxonomy().ciw, targets_NC)
        self.register_buffer("pos_weight_C", weights_C, persistent=False)

    def training_step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        """The loss of a batch."""
        logits_NC = self.model(batch.images_NHWC).logits_NC
        return {"loss": weighted_bce_with_logits(logits_NC, batch.targets_NC, self.pos_weight_C)}

    def kept_model(self) -> DefectClassifier:
        """The classifier."""
        return self.model
