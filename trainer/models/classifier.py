"""The defect classifier: uint8 frames in, logits and class maps out, as `edge_sdk.contract.interface` has it.

Class activation maps come from the classifier's own weights, applied to every feature cell or patch token before pooling. With average
pooling the logits are their spatial mean (pooling and a linear layer commute; Zhou et al., "Learning Deep Features for Discriminative
Localization", CVPR 2016), so localisation costs the robot nothing.
"""

# N batch, C classes, D embedding, H W pixels, h w cells of the feature map

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from trainer.config import ModelConfig
from trainer.models.encoder import Encoder, Features


class GraphOutputs(NamedTuple):
    """`logits_NC` and `maps_NChw`, both float32: the torch side of the contract's `Outputs`."""

    logits_NC: Tensor
    maps_NChw: Tensor


class DefectClassifier(Encoder):
    """An encoder with a linear classifier over its feature cells; arguments as there."""

    def __init__(self, backbone: str, spec: PreprocessSpec, *, pool: str = "avg", drop_path: float = 0.0, init: str = "timm") -> None:
        super().__init__(backbone, spec, pool=pool, drop_path=drop_path, init=init)
        self.classifier = nn.Linear(self.num_features, len(taxonomy()))
        nn.init.trunc_normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images_NHWC: Tensor) -> GraphOutputs:
        """Logits (N, C) and class maps (N, C, h, w) of prepared RGB uint8 images."""
        return self.classify(self.features(images_NHWC))

    def classify(self, features: Features) -> GraphOutputs:
        """The same of features at hand."""
        with torch.autocast(features.pooled_ND.device.type, enabled=False):
            maps_NChw = self.classifier(features.cells_NhwD).permute(0, 3, 1, 2)
            logits_NC = maps_NChw.mean(dim=(2, 3)) if self.pool == "avg" else self.classifier(features.pooled_ND)
        return GraphOutputs(logits_NC, maps_NChw)


def build_classifier(config: ModelConfig, spec: PreprocessSpec) -> DefectClassifier:
    """The classifier a recipe asks for, at random weights."""
    return DefectClassifier(config.backbone, spec, pool=config.pool, drop_path=config.drop_path, init=config.init)
