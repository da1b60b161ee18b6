import numpy as np
import pytest
import torch

from edge_sdk.contract.taxonomy import taxonomy
from golden_cases import Case, cases
from trainer.losses.weighted_bce import pos_weight_from_ciw, pos_weight_from_targets, weighted_bce_with_logits


@pytest.mark.parametrize("case", cases("pos_weight_bce"), ids=lambda case: case.name)
def test_loss_and_weights_reproduce_golden_pos_weight_bce(case: Case) -> None:
    fields, checked = case.fields, False
    if {"ciw", "pos_weight_f64"} <= set(fields):
        np.testing.assert_allclose(pos_weight_from_ciw(fields["ciw"]), fields["pos_weight_f64"], rtol=0, atol=1e-12)
        checked = True
    if {"targets", "weights"} <= set(fields):
        np.testing.assert_allclose(pos_weight_from_targets(fields["targets"]), fields["weights"], rtol=0, atol=1e-12)
        checked = True
    if {"logits", "targets", "pos_weight", "loss_mean", "grad"} <= set(fields):
        logits = torch.from_numpy(fields["logits"]).requires_grad_()
        loss = weighted_bce_with_logits(logits, torch.from_numpy(fields["targets"]), torch.from_numpy(fields["pos_weight"]))
        loss.backward()
        np.testing.assert_allclose(loss.item(), fields["loss_mean"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(logits.grad, fields["grad"], rtol=0, atol=1e-12)
        checked = True
    assert checked, f"no check for a case with the fields {sorted(fields)}"


@pytest.mark.parametrize("num", [1, 5])
@pytest.mark.parametrize("scale", [0.1, 3.0, 8.0])
def test_loss_equals_a_naive_sum(num: int, scale: float) -> None:
    rng = np.random.default_rng(num)
    logits, targets = scale * rng.standard_normal((num, 17)), (rng.random((num, 17)) < 0.3).astype(np.float64)
    weights = pos_weight_from_ciw(taxonomy().ciw)
    p = 1 / (1 + np.exp(-logits))
    total = 0.0
    for n in range(num):
        for c in range(17):
            total -= weights[c] * np.log(p[n, c]) if targets[n, c] else np.log(1 - p[n, c])

    loss = weighted_bce_with_logits(torch.from_numpy(logits), torch.from_numpy(targets), torch.from_numpy(weights))

    assert loss.item() == pytest.approx(total / (num * 17), rel=1e-7)


def test_loss_does_not_depend_on_the_order_of_the_batch() -> None:
    logits, targets, weights = torch.randn(8, 17).double(), (torch.rand(8, 17) < 0.3), torch.ones(17)
    order = torch.randperm(8)

    shuffled = weighted_bce_with_logits(logits[order], targets[order], weights)

    torch.testing.assert_close(shuffled, weighted_bce_with_logits(logits, targets, weights))


def test_published_weights_are_met_to_four_digits() -> None:
    weights = dict(zip(taxonomy().codes, pos_weight_from_ciw(taxonomy().ciw), strict=True))

    assert weights["RB"] == pytest.approx(7.0728, abs=5e-5)
    assert weights["AF"] == pytest.approx(2.4114, abs=5e-5)
