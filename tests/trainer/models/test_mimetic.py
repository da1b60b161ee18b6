"""Mimetic random weights: the products named in the source, and a position embedding that knows the grid."""

import pytest
import torch

from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.config import ModelConfig
from trainer.errors import ConfigError
from trainer.models import build_encoder
from trainer.models.mimetic import QUERY_KEY, VALUE_PROJECTION, sinusoids

SPEC = PreprocessSpec(height=64, width=96)


def _mean_diagonal_and_rest(product_DD: torch.Tensor) -> tuple[float, float]:
    off = product_DD - torch.diag(product_DD.diagonal())
    return float(product_DD.diagonal().mean()), float(off.mean())


def test_value_and_projection_lie_near_the_negative_identity() -> None:
    torch.manual_seed(0)
    attention = build_encoder(ModelConfig(backbone="vit_tiny_patch16_224", init="mimetic"), SPEC).backbone.blocks[3].attn
    value_DD = attention.qkv.weight[2 * 192 :]

    diagonal, rest = _mean_diagonal_and_rest((attention.proj.weight @ value_DD).detach())

    assert diagonal == pytest.approx(VALUE_PROJECTION[1], abs=0.02)
    assert abs(rest) < 0.01


def test_each_head_attends_to_tokens_like_its_own() -> None:
    torch.manual_seed(0)
    attention = build_encoder(ModelConfig(backbone="vit_tiny_patch16_224", init="mimetic"), SPEC).backbone.blocks[0].attn
    plain = build_encoder(ModelConfig(backbone="vit_tiny_patch16_224"), SPEC).backbone.blocks[0].attn

    def own_share(weights: torch.Tensor, head: int) -> float:
        query_KD, key_KD = weights[64 * head : 64 * (head + 1)], weights[192 + 64 * head : 192 + 64 * (head + 1)]
        return _mean_diagonal_and_rest((query_KD.T @ key_KD).detach())[0]

    for head in range(3):
        # A product of rank 64 holds the strongest third of the 192 directions of noise and identity.
        assert 0.15 * QUERY_KEY[1] < own_share(attention.qkv.weight, head) < QUERY_KEY[1]
        assert abs(own_share(plain.qkv.weight, head)) < 0.01


def test_position_embedding_is_like_at_neighbours_and_unlike_far_away() -> None:
    encoder = build_encoder(ModelConfig(backbone="vit_tiny_patch16_224", init="mimetic"), SPEC)
    rows, columns = encoder.cells
    embedding_TD = encoder.backbone.pos_embed[0, encoder.backbone.num_prefix_tokens :].detach()

    likeness = torch.nn.functional.cosine_similarity(embedding_TD[:1], embedding_TD)

    assert (rows, columns) == (4, 6)
    assert torch.equal(embedding_TD, sinusoids(4, 6, 192))
    assert likeness[1] > likeness[3] > likeness[-1]
    assert likeness[columns] == pytest.approx(float(likeness[1]), abs=1e-5)


def test_embedding_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="190"):
        sinusoids(2, 2, 190)


def test_convolutional_network_cannot_be_drawn_so() -> None:
    with pytest.raises(ConfigError, match=r"model\.init.*resnet18"):
        build_encoder(ModelConfig(backbone="resnet18", init="mimetic"), SPEC)
