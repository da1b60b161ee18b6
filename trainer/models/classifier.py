"""The defect classifier: uint8 frames in, logits and class maps out, as `edge_sdk.contract.interface` has it.

Class activation maps come from the classifier's own weights, applied to every feature cell or patch token before pooling. With average
pooling the logits are their spatial mean (pooling and a linear layer commute; Zhou et al., "Learning Deep Features for Discriminative
Localization", CVPR 2016), so localisation costs the robot nothing.
"""

# N batch, C classes, D embedding, H W pixels, h w cells of the feature map, T tokens

from typing import Any, NamedTuple

import timm
import torch
from torch import Tensor, nn

from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from trainer.errors import ConfigError
from trainer.models.normalise import Normalise

# Name in timm -> pixels per feature cell.
MODELS = {"resnet18": 32, "vit_tiny_patch16_224": 16}


class GraphOutputs(NamedTuple):
    """`logits_NC` and `maps_NChw`, both float32: the torch side of the contract's `Outputs`."""

    logits_NC: Tensor
    maps_NChw: Tensor


class DefectClassifier(nn.Module):
    """A timm backbone with a linear classifier over its feature cells.

    Args:
        backbone: An entry of `MODELS`; weights start at random.
        spec: Geometry; fixes the input size (a ViT's position embedding depends on it).
        pool: "avg", or "cls" for logits from a ViT's class token.
        drop_path: Rate of stochastic depth while training.

    Raises:
        ConfigError: If the backbone is unknown, or the geometry or pooling does not fit it.
    """

    def __init__(self, backbone: str, spec: PreprocessSpec, *, pool: str = "avg", drop_path: float = 0.0) -> None:
        super().__init__()
        _check(backbone, spec, pool)
        self.is_vit, self.pool = backbone.startswith("vit"), pool
        self.cells = (spec.height // MODELS[backbone], spec.width // MODELS[backbone])
        self.normalise = Normalise()
        self.backbone = _backbone(backbone, (spec.height, spec.width), drop_path)
        self.classifier = nn.Linear(int(self.backbone.num_features), len(taxonomy()))
        nn.init.trunc_normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images_NHWC: Tensor) -> GraphOutputs:
        """Logits (N, C) and class maps (N, C, h, w) of prepared RGB uint8 images."""
        features = self.backbone.forward_features(self.normalise(images_NHWC))
        # float32 from here on: a score must not depend on how bfloat16 rounds a mean.
        with torch.autocast(images_NHWC.device.type, enabled=False):
            return self._vit_outputs(features.float()) if self.is_vit else self._outputs(features.float().permute(0, 2, 3, 1))

    def _outputs(self, features_NhwD: Tensor) -> GraphOutputs:
        maps_NChw = self.classifier(features_NhwD).permute(0, 3, 1, 2)
        return GraphOutputs(maps_NChw.mean(dim=(2, 3)), maps_NChw)

    def _vit_outputs(self, tokens_NTD: Tensor) -> GraphOutputs:
        num_prefix = self.backbone.num_prefix_tokens
        outputs = self._outputs(torch.unflatten(tokens_NTD[:, num_prefix:], 1, self.cells))
        return outputs if self.pool == "avg" else outputs._replace(logits_NC=self.classifier(tokens_NTD[:, 0]))


def _backbone(name: str, size: tuple[int, int], drop_path: float) -> Any:
    kwargs = {"img_size": size, "global_pool": "token"} if name.startswith("vit") else {"global_pool": ""}
    return timm.create_model(name, pretrained=False, num_classes=0, drop_path_rate=drop_path, **kwargs)


def _check(backbone: str, spec: PreprocessSpec, pool: str) -> None:
    if backbone not in MODELS:
        raise ConfigError(f"key 'model.backbone': {backbone} is not among {', '.join(MODELS)}")
    cell = MODELS[backbone]
    if spec.height % cell or spec.width % cell:
        raise ConfigError(f"key 'preprocess': {spec.width}x{spec.height} px is no multiple of {backbone}'s cell of {cell} px")
    if pool == "cls" and not backbone.startswith("vit"):
        raise ConfigError(f"key 'model.pool': {backbone} has no class token; use avg")
