"""How far scores can be read as probabilities: expected calibration error, and the temperature that fits them best.

The error is taken over all decisions (image, class), in bins of equal width (Guo et al., "On Calibration of Modern Neural Networks",
ICML 2017), and as the mean over the classes of each class's own error (Nixon et al., CVPR Workshops 2019): most decisions are easy
negatives, and the first figure alone would hide a class that is always too sure.
"""

# N images, C classes, B bins

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import scores_from_logits

NUM_BINS = 15  # as in Guo et al.
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
NUM_BISECTIONS = 50


class Reliability(NamedTuple):
    """Per bin: mean score, share of positives and number of decisions; 0 where a bin is empty."""

    score_B: NDArray[np.float64]
    positive_B: NDArray[np.float64]
    num_B: NDArray[np.int64]


def reliability(scores: NDArray[np.floating], positive: NDArray[np.bool_], *, num_bins: int = NUM_BINS) -> Reliability:
    """Bin scores of any shape against whether they were right."""
    bins = np.minimum((np.ravel(scores) * num_bins).astype(int), num_bins - 1)
    num_B = np.bincount(bins, minlength=num_bins)
    score_B = np.bincount(bins, np.ravel(scores), num_bins) / np.maximum(num_B, 1)
    return Reliability(score_B, np.bincount(bins, np.ravel(positive), num_bins) / np.maximum(num_B, 1), num_B)


def calibration_error(scores: NDArray[np.floating], positive: NDArray[np.bool_], *, num_bins: int = NUM_BINS) -> float:
    """Mean over the decisions of |score - share of positives| of their bin, 0..1."""
    bins = reliability(scores, positive, num_bins=num_bins)
    return float((bins.num_B * np.abs(bins.score_B - bins.positive_B)).sum() / bins.num_B.sum())


def classwise_calibration_error(scores_NC: NDArray[np.floating], positive_NC: NDArray[np.bool_]) -> float:
    """Plain mean of the classes' own errors."""
    return float(np.mean([calibration_error(scores_NC[:, c], positive_NC[:, c]) for c in range(scores_NC.shape[1])]))


def negative_log_likelihood(logits: NDArray[np.floating], positive: NDArray[np.bool_], temperature: float = 1.0) -> float:
    """Mean binary cross-entropy over the decisions, in nats."""
    scaled = np.asarray(logits, np.float64) / temperature
    return float((np.logaddexp(0.0, scaled) - np.where(positive, scaled, 0.0)).mean())


def fitted_temperature(logits: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """The temperature with the least negative log-likelihood, within 0.05..20.

    The likelihood is convex in 1/temperature: its slope, mean of z(σ(z/T) - y), has one zero, which is found by halving.
    """
    low, high = np.log(1 / MAX_TEMPERATURE), np.log(1 / MIN_TEMPERATURE)
    for _ in range(NUM_BISECTIONS):
        middle = (low + high) / 2
        slope = float((logits * (scores_from_logits(np.asarray(logits, np.float32), float(np.exp(-middle))) - positive)).mean())
        low, high = (low, middle) if slope > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))
