"""Linear evaluation: a classifier on a backbone that stays as it is, to measure what pretraining has learnt.

The backbone runs as it will in use: its batch statistics and its depth are fixed too.
"""

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.config import Config
from trainer.data.loader import Batch
from trainer.errors import ConfigError
from trainer.losses.weighted_bce import weighted_bce_with_logits
from trainer.schedule import Moment
from trainer.tasks.finetune import Finetune


class Linear(Finetune):
    """As fine-tuning, with the backbone frozen.

    Raises:
        ConfigError: If the recipe names no weights.
    """

    def __init__(self, config: Config, targets_NC: NDArray[np.uint8]) -> None:
        if config.model.weights is None:
            raise ConfigError("key 'model.weights': task linear measures a trained backbone; name a run's folder or a file of weights")
        super().__init__(config, targets_NC)
        self.model.backbone.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Training mode for the classifier alone."""
        super().train(mode)
        self.model.backbone.eval()
        return self

    def training_step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        """The loss of a batch, with gradients of the classifier only."""
        with torch.no_grad():
            features = self.model.features(batch.images_NHWC)
        logits_NC = self.model.classify(features).logits_NC
        return {"loss": weighted_bce_with_logits(logits_NC, batch.targets_NC, self.pos_weight_C)}
