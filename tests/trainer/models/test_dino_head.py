import numpy as np
import pytest
import torch
from torch import nn

from golden_cases import Case, cases
from trainer.models.dino_head import DinoHead


@pytest.mark.parametrize("case", cases("dino_head"), ids=lambda case: case.name)
def test_head_reproduces_golden_dino_head(case: Case) -> None:
    params, fields = case.params, case.fields
    head = DinoHead(
        params["in_dim"],
        hidden=params["hidden"],
        bottleneck=params["bottleneck"],
        num_prototypes=params["K"],
        num_layers=params["nlayers"],
        activation="relu" if params["activation"].startswith("relu") else "gelu",
    ).double()
    linears = [layer for layer in head.projector if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for number, layer in enumerate(linears):
            layer.weight.copy_(torch.from_numpy(fields[f"W{number}"]))
            layer.bias.copy_(torch.from_numpy(fields[f"b{number}"]))
        head.last_layer.weight_v.copy_(torch.from_numpy(fields["weight_v"]))
        head.last_layer.weight_g.copy_(torch.from_numpy(fields["weight_g"]))

    logits = head(torch.from_numpy(fields["x"]))

    assert len(linears) == params["nlayers"]
    np.testing.assert_allclose(logits.detach(), fields["y"], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("num_features", "num_mlp"), [(192, 5_116_160), (384, 5_509_376)])
def test_default_head_has_the_published_size(num_features: int, num_mlp: int) -> None:
    head = DinoHead(num_features)

    assert sum(weight.numel() for weight in head.projector.parameters()) == num_mlp
    assert (head.last_layer.weight_v.numel(), head.last_layer.weight_g.numel()) == (8_388_608, 32_768)


def test_logits_are_cosine_similarities_at_the_start() -> None:
    logits = DinoHead(8, hidden=16, bottleneck=4, num_prototypes=32)(100.0 * torch.randn(64, 8))

    assert logits.abs().max() <= 1.0 + 1e-6


def test_norm_of_the_last_layer_can_be_held() -> None:
    assert not DinoHead(8, hidden=16, bottleneck=4, num_prototypes=32, norm_last_layer=True).last_layer.weight_g.requires_grad
