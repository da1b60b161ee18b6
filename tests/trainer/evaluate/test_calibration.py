import numpy as np
import pytest
from numpy.typing import NDArray

from edge_sdk.contract.interface import scores_from_logits
from trainer.evaluate.calibration import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    calibration_error,
    classwise_calibration_error,
    fitted_temperature,
    negative_log_likelihood,
    reliability,
)


def honest(num: int = 20_000, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Logits whose sigmoid is the probability."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 2, (num, 3)).astype(np.float32)
    return logits, rng.random(logits.shape) < scores_from_logits(logits)


@pytest.mark.parametrize("num_bins", [1, 4, 15])
def test_error_is_the_naive_sum_over_bins(num_bins: int) -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.random(500), rng.random(500) < 0.3

    expected = 0.0
    for lower in range(num_bins):
        inside = (scores >= lower / num_bins) & (scores < (lower + 1) / num_bins)
        if inside.any():
            expected += inside.mean() * abs(scores[inside].mean() - positive[inside].mean())

    assert calibration_error(scores, positive, num_bins=num_bins) == pytest.approx(expected)


def test_honest_scores_have_almost_no_error_and_shifted_ones_have_theirs() -> None:
    logits, positive = honest()

    assert calibration_error(scores_from_logits(logits), positive) < 0.01
    assert calibration_error(np.full((1000, 1), 0.8), np.arange(1000)[:, None] < 500) == pytest.approx(0.3)


def test_classwise_error_sees_what_the_pooled_one_evens_out() -> None:
    positive_NC = np.array([[True, False]] * 10)
    scores_NC = np.full((10, 2), 0.5)

    assert calibration_error(scores_NC, positive_NC) == pytest.approx(0.0)
    assert classwise_calibration_error(scores_NC, positive_NC) == pytest.approx(0.5)


def test_scores_of_0_and_1_fall_into_the_first_and_last_bin() -> None:
    bins = reliability(np.array([0.0, 1.0]), np.array([False, True]))

    assert bins.num_B.tolist() == [1, *[0] * 13, 1]
    assert (bins.score_B[-1], bins.positive_B[-1]) == (1.0, 1.0)


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_temperature_undoes_a_scale(factor: float) -> None:
    logits, positive = honest()

    assert fitted_temperature(factor * logits, positive) == pytest.approx(factor, rel=0.03)


def test_fitted_temperature_has_the_least_likelihood_of_a_grid() -> None:
    rng = np.random.default_rng(1)
    logits, positive = rng.normal(0, 3, (400, 2)).astype(np.float32), rng.random((400, 2)) < 0.3
    grid = np.geomspace(MIN_TEMPERATURE, MAX_TEMPERATURE, 400)

    best = negative_log_likelihood(logits, positive, fitted_temperature(logits, positive))

    assert best <= min(negative_log_likelihood(logits, positive, t) for t in grid) + 1e-9


def test_likelihood_is_the_naive_mean() -> None:
    logits, positive = np.array([[0.3, -2.0]]), np.array([[True, False]])
    scores = 1 / (1 + np.exp(-logits / 2))

    assert negative_log_likelihood(logits, positive, 2.0) == pytest.approx(-np.log([scores[0, 0], 1 - scores[0, 1]]).mean())


def test_perfect_and_hopeless_scores_stay_within_the_limits() -> None:
    logits = np.array([[5.0], [-5.0]], np.float32)

    assert fitted_temperature(logits, np.array([[True], [False]])) == pytest.approx(MIN_TEMPERATURE, rel=1e-3)
    assert fitted_temperature(logits, np.array([[False], [True]])) == pytest.approx(MAX_TEMPERATURE, rel=1e-3)
