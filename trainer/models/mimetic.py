"""Random weights for a ViT that look like trained ones: where labels are few, it need not find out first what attention is for.

In trained ViTs the product of query and key weights lies near the identity (a token attends to tokens like itself) and that of value and
projection weights near its negative, and position embeddings vary smoothly over the picture. Drawn like that, a ViT learns from tens of
thousands of images what it otherwise takes a million for.
Source: Trockman & Kolter, "Mimetic Initialization of Self-Attention Layers", ICML 2023; sinusoids as in Vaswani et al., 2017, on two axes.
"""

# D embedding, K dimensions of a head, T tokens

import math
from typing import Any

import torch
from torch import Tensor

QUERY_KEY = (0.7, 0.7)  # share of noise and of the identity in query · key; the source's for its smallest ViTs
VALUE_PROJECTION = (0.4, -0.4)  # the same in value · projection


@torch.no_grad()
def init_mimetic(vit: Any) -> None:
    """Redraw a timm `VisionTransformer`'s attention weights and position embedding in place; biases and the rest stay as they are."""
    rows, columns = vit.patch_embed.grid_size
    vit.pos_embed[0, vit.num_prefix_tokens :] = sinusoids(rows, columns, vit.embed_dim)
    for block in vit.blocks:
        _init_attention(block.attn)


def sinusoids(rows: int, columns: int, num_features: int) -> Tensor:
    """Position embedding (T, D) of a grid, row by row: a quarter of D each for sine and cosine of y and of x, at falling frequencies.

    Raises:
        ValueError: If D is no multiple of 4.
    """
    if num_features % 4:
        raise ValueError(f"an embedding of {num_features} cannot be divided into sine and cosine of two axes")
    frequency = 10_000.0 ** -torch.linspace(0, 1, num_features // 4 + 1)[:-1]
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    angles = [axis.flatten()[:, None] * frequency for axis in (y, x)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)


def _init_attention(attention: Any) -> None:
    num_features = attention.proj.weight.shape[0]
    query, key, value = attention.qkv.weight.view(3, num_features, num_features)
    for query_KD, key_KD in zip(query.chunk(attention.num_heads), key.chunk(attention.num_heads), strict=True):
        left_DK, right_KD = _factors(num_features, len(query_KD), *QUERY_KEY)
        query_KD.copy_(left_DK.T)
        key_KD.copy_(right_KD)
    left_DD, right_DD = _factors(num_features, num_features, *VALUE_PROJECTION)
    value.copy_(right_DD)
    attention.proj.weight.copy_(left_DD)


def _factors(num_features: int, rank: int, noise: float, identity: float) -> tuple[Tensor, Tensor]:
    """The best factors (D, K) and (K, D) of `noise · Z + identity · I`, with Z of variance 1/D."""
    target = noise * torch.randn(num_features, num_features) / math.sqrt(num_features) + identity * torch.eye(num_features)
    left, strength, right = torch.linalg.svd(target)
    root = strength[:rank].sqrt()
    return left[:, :rank] * root, root[:, None] * right[:rank]
