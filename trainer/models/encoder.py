"""The encoder: uint8 frames in, one embedding an image and the feature cells it was pooled from out.

Every task trains one: the classifier stands on it, self-supervised tasks teach it alone. Its tensors keep their timm names behind
`backbone.`, so that weights go in and out without a table.
"""

# N batch, D embedding, H W pixels, h w cells of the feature map, T tokens

from collections.abc import Callable
from typing import Any, NamedTuple

import timm
import torch
from torch import Tensor, nn

from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.config import ModelConfig
from trainer.errors import ConfigError
from trainer.models.mimetic import init_mimetic
from trainer.models.normalise import Normalise

# Name in timm -> pixels per feature cell.
MODELS = {
    "resnet18": 32,
    "resnet34": 32,
    "resnet50": 32,
    "vit_tiny_patch16_224": 16,
    "vit_small_patch16_224": 16,
}


class Features(NamedTuple):
    """`pooled_ND`: one embedding an image; `cells_NhwD`: what it was pooled from (or, with "cls", stands beside)."""

    pooled_ND: Tensor
    cells_NhwD: Tensor


class Encoder(nn.Module):
    """A timm backbone behind the normalisation.

    Args:
        backbone: An entry of `MODELS`; weights start at random.
        spec: Geometry; fixes the input size (a ViT's position embedding depends on it).
        pool: "avg" over the cells, or "cls" for a ViT's class token.
        drop_path: Rate of stochastic depth while training.
        init: How random weights are drawn: "timm", or "mimetic" for a ViT (`trainer.models.mimetic`).

    Raises:
        ConfigError: If the backbone is unknown, or the geometry, pooling or kind of weights does not fit it.
    """

    def __init__(self, backbone: str, spec: PreprocessSpec, *, pool: str = "avg", drop_path: float = 0.0, init: str = "timm") -> None:
        super().__init__()
        _check(backbone, spec, pool, init)
        self.name, self.is_vit, self.pool = backbone, backbone.startswith("vit"), pool
        self.cells = (spec.height // MODELS[backbone], spec.width // MODELS[backbone])
        self.normalise = Normalise()
        self.backbone = _backbone(backbone, (spec.height, spec.width), drop_path)
        if init == "mimetic":
            init_mimetic(self.backbone)
        self._cells_or_tokens: Callable[[Any, Tensor], Tensor] = _cells_or_tokens

    @property
    def num_features(self) -> int:
        """Length D of the embedding."""
        return int(self.backbone.num_features)

    def compile_backbone(self) -> None:
        """Compile the backbone; copies made afterwards share the compiled code, not the weights."""
        self._cells_or_tokens = torch.compile(_cells_or_tokens)

    def features(self, images_NHWC: Tensor) -> Features:
        """Embeddings and feature cells, float32, of prepared RGB uint8 images."""
        raw = self._cells_or_tokens(self.backbone, self.normalise(images_NHWC))
        # float32 from here on: a score must not depend on how bfloat16 rounds a mean.
        with torch.autocast(images_NHWC.device.type, enabled=False):
            return self._vit_features(raw.float()) if self.is_vit else _averaged(raw.float().permute(0, 2, 3, 1))

    def _vit_features(self, tokens_NTD: Tensor) -> Features:
        features = _averaged(torch.unflatten(tokens_NTD[:, self.backbone.num_prefix_tokens :], 1, self.cells))
        return features if self.pool == "avg" else features._replace(pooled_ND=tokens_NTD[:, 0])


def build_encoder(config: ModelConfig, spec: PreprocessSpec) -> Encoder:
    """The encoder a recipe asks for, at random weights."""
    return Encoder(config.backbone, spec, pool=config.pool, drop_path=config.drop_path, init=config.init)


def _cells_or_tokens(backbone: Any, standardised_NCHW: Tensor) -> Tensor:
    features: Tensor = backbone.forward_features(standardised_NCHW)
    return features


def _averaged(cells_NhwD: Tensor) -> Features:
    return Features(cells_NhwD.mean(dim=(1, 2)), cells_NhwD)


def _backbone(name: str, size: tuple[int, int], drop_path: float) -> Any:
    kwargs = {"img_size": size, "global_pool": "token"} if name.startswith("vit") else {"global_pool": ""}
    return timm.create_model(name, pretrained=False, num_classes=0, drop_path_rate=drop_path, **kwargs)


def _check(backbone: str, spec: PreprocessSpec, pool: str, init: str) -> None:
    if backbone not in MODELS:
        raise ConfigError(f"key 'model.backbone': {backbone} is not among {', '.join(MODELS)}")
    cell = MODELS[backbone]
    if spec.height % cell or spec.width % cell:
        raise ConfigError(f"key 'preprocess': {spec.width}x{spec.height} px is no multiple of {backbone}'s cell of {cell} px")
    if pool == "cls" and not backbone.startswith("vit"):
        raise ConfigError(f"key 'model.pool': {backbone} has no class token; use avg")
    if init == "mimetic" and not backbone.startswith("vit"):
        raise ConfigError(f"key 'model.init': {backbone} has no attention to shape; use timm")
