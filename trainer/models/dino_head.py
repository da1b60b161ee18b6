"""The projection head of DINO: an MLP, a step onto the unit sphere, and cosine similarities to weight-normalised prototypes.

Source: Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021, section 3.1 and appendix C. Pinned by
golden vectors.
"""

# N batch, D embedding, B bottleneck, K prototypes

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


class Prototypes(nn.Module):
    """A linear layer without bias whose rows are g_k v_k / |v_k| (Salimans & Kingma, "Weight Normalization", 2016)."""

    def __init__(self, num_features: int, num_prototypes: int) -> None:
        super().__init__()
        self.weight_v = nn.Parameter(nn.init.trunc_normal_(torch.empty(num_prototypes, num_features), std=0.02))
        self.weight_g = nn.Parameter(torch.ones(num_prototypes, 1))

    def forward(self, features_NB: Tensor) -> Tensor:
        """Similarities (N, K)."""
        return functional.linear(features_NB, self.weight_g * functional.normalize(self.weight_v, dim=-1))


class DinoHead(nn.Module):
    """Embeddings to prototype logits.

    Args:
        num_features: Length D of the embedding.
        hidden: Width of the hidden layers.
        bottleneck: Length B of the projection on the unit sphere.
        num_prototypes: K.
        num_layers: Linear layers before the prototypes.
        activation: GELU as published; the sewer study's code has ReLU.
        norm_last_layer: Hold the prototypes' lengths at 1.
    """

    def __init__(
        self,
        num_features: int,
        *,
        hidden: int = 2048,
        bottleneck: int = 256,
        num_prototypes: int = 32_768,
        num_layers: int = 3,
        activation: Literal["gelu", "relu"] = "gelu",
        norm_last_layer: bool = False,
    ) -> None:
        super().__init__()
        widths = [num_features, *[hidden] * (num_layers - 1), bottleneck]
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            layers += [_linear(width_in, width_out), ACTIVATIONS[activation]()]
        self.projector = nn.Sequential(*layers[:-1])
        self.last_layer = Prototypes(bottleneck, num_prototypes)
        self.last_layer.weight_g.requires_grad_(not norm_last_layer)

    def forward(self, embeddings_ND: Tensor) -> Tensor:
        """Logits (N, K) before any temperature."""
        logits: Tensor = self.last_layer(functional.normalize(self.projector(embeddings_ND), dim=-1))
        return logits


def _linear(width_in: int, width_out: int) -> nn.Linear:
    layer = nn.Linear(width_in, width_out)
    nn.init.trunc_normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer
