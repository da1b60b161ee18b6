import numpy as np
import pytest

from edge_sdk.contract.manifest import LabelRule, class_list_ref
from edge_sdk.contract.metrics import sewer_metrics
from trainer.checkpoint import Contract
from trainer.config import config_from_tree
from trainer.data.provenance import Provenance
from trainer.export.golden import golden_rows
from trainer.export.parity import parity_of
from trainer.export.run import training_of
from trainer.export.thresholds import MIN_NUM_POSITIVE, tuned_thresholds


def test_parity_counts_differences_in_scores_and_flips() -> None:
    reference = np.array([[0.0, 2.0], [-2.0, 0.1]], np.float32)
    logits = np.array([[0.0, 2.0], [-2.0, -0.1]], np.float32)

    parity = parity_of(logits, reference, np.array([0.5, 0.5]), precision="fp32", reference="torch")

    expected = 1 / (1 + np.exp(-0.1)) - 1 / (1 + np.exp(0.1))
    assert parity.max_abs_dp == pytest.approx(expected, rel=1e-5)
    assert parity.mean_abs_dp == pytest.approx(expected / 4, rel=1e-5)
    assert (parity.decision_flips, parity.num_images) == (1, 2)


def test_tuned_thresholds_are_never_worse_than_the_protocol_on_their_own_images() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((600, 3)) < [0.2, 0.1, 0.5]).astype(np.uint8)
    scores = np.clip(0.3 * targets + rng.random((600, 3)) * 0.7, 0, 1)

    thresholds = tuned_thresholds(scores, targets)

    f2 = [sewer_metrics(scores, targets, np.ones(3), threshold=t).f2_C for t in (thresholds, 0.5)]
    assert np.all(f2[0] >= f2[1])
    assert np.any(f2[0] > f2[1])
    assert np.all((thresholds >= 0.2) & (thresholds <= 0.9))


@pytest.mark.parametrize(("num_positive", "moves"), [(MIN_NUM_POSITIVE - 1, False), (MIN_NUM_POSITIVE, True)])
def test_class_with_few_positives_keeps_the_protocol_s_threshold(num_positive: int, moves: bool) -> None:
    targets = np.zeros((200, 1), np.uint8)
    targets[:num_positive] = 1
    scores = np.where(targets > 0, 0.4, 0.1).astype(np.float64)

    assert (tuned_thresholds(scores, targets)[0] != 0.5) == moves


def test_of_equally_good_thresholds_the_nearest_to_the_protocol_is_taken() -> None:
    targets = np.repeat([[1], [0]], 50, axis=0).astype(np.uint8)
    scores = np.where(targets > 0, 0.95, 0.05)

    assert tuned_thresholds(scores, targets)[0] == 0.5


def test_golden_rows_cover_the_classes_and_some_normal_images() -> None:
    targets = np.zeros((200, 17), np.uint8)
    targets[np.arange(0, 170), np.arange(170) % 12] = 1

    rows = golden_rows(targets)

    assert len(rows) == len(set(rows)) == 16
    assert targets[rows].any(axis=0)[:12].all()
    assert (~targets[rows].any(axis=1)).sum() >= 3


@pytest.mark.parametrize("num", [1, 5, 16, 17])
def test_golden_rows_of_small_splits_are_what_there_is(num: int) -> None:
    for targets in (np.zeros((num, 17), np.uint8), np.ones((num, 17), np.uint8)):
        assert len(golden_rows(targets)) == min(num, 16)


@pytest.mark.parametrize(
    ("weights", "named"), [(None, None), ("runs/earlier", "earlier"), ("/some/where/backbone.safetensors", "backbone.safetensors")]
)
def test_a_bundle_names_the_weights_its_training_began_with(weights: str | None, named: str | None) -> None:
    provenance = Provenance(name="painted", kind="other", licence="none", label_rule=LabelRule(0.0, 0.0))
    contract = Contract(
        config={},
        classes=class_list_ref(),
        provenance=provenance,
        data_digest="0" * 64,
        num_images=1,
        git_revision="none",
        step=1,
        best_f2_ciw=0.0,
        metrics={},
    )
    config = config_from_tree({"name": "run", "model": {"weights": weights}}, "test")

    assert training_of(contract, config).started_from == named
