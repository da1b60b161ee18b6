import numpy as np
import pytest
from numpy.typing import NDArray

from edge_sdk.contract.metrics import sewer_metrics
from edge_sdk.contract.taxonomy import taxonomy
from trainer.evaluate.bootstrap import interval, resampled

CIW = taxonomy().ciw


def scored(num: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores in steps of a tenth, hence with ties, and a class that never occurs."""
    rng = np.random.default_rng(seed)
    positive_NC = rng.random((num, 17)) < 0.15
    positive_NC[:, 4] = False
    return np.round(np.clip(0.3 * positive_NC + rng.random((num, 17)) * 0.7, 0, 1), 1), positive_NC


@pytest.mark.parametrize("threshold", [0.5, np.linspace(0.3, 0.7, 17)])
def test_each_resample_has_the_contracts_figures(threshold: float) -> None:
    scores_NC, positive_NC = scored(80)
    rng = np.random.default_rng(7)

    again = resampled(scores_NC, positive_NC, CIW, threshold=threshold, num_resamples=12, seed=7)

    for r in range(12):
        rows = np.sort(rng.integers(0, 80, 80))
        metrics = sewer_metrics(scores_NC[rows], positive_NC[rows].astype(np.uint8), CIW, threshold=threshold)
        assert again.f2_ciw_R[r] == pytest.approx(metrics.f2_ciw)
        assert again.f1_normal_R[r] == pytest.approx(metrics.f1_normal)
        assert again.mean_ap_R[r] == pytest.approx(metrics.mean_ap)
        np.testing.assert_allclose(again.f2_RC[r], metrics.f2_C)
        np.testing.assert_allclose(again.ap_RC[r], metrics.ap_C)


def test_same_seed_same_intervals() -> None:
    runs = [resampled(*scored(50), CIW, threshold=0.5, num_resamples=20, seed=seed).f2_ciw_R for seed in (3, 3, 4)]

    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_interval_narrows_with_the_square_root_of_the_images() -> None:
    def width(num: int) -> float:
        low, high = interval(resampled(*scored(num), CIW, threshold=0.5, num_resamples=200).mean_ap_R)
        return high - low

    assert width(200) / width(3200) == pytest.approx(4, rel=0.3)


def test_interval_is_the_middle_of_the_values() -> None:
    assert interval(np.arange(1001.0)) == pytest.approx((25.0, 975.0))
