"""How far figures would move with other images of the same kind: percentile intervals from resampled images (Efron 1979).

Whole images are drawn with replacement, so that an image's classes stay together. Frames of one film resemble each other: where a split
has many from each film, the true uncertainty is larger than these intervals.
"""

# N images, C classes (+1: Normal last), R resamples

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.metrics import f_beta

FloatArray = NDArray[np.float64]

NUM_RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Resampled:
    """The contract's figures on every resample."""

    f2_ciw_R: FloatArray
    f1_normal_R: FloatArray
    mean_ap_R: FloatArray
    f2_RC: FloatArray
    ap_RC: FloatArray


def resampled(
    scores_NC: NDArray[np.floating],
    positive_NC: NDArray[np.bool_],
    ciw_C: FloatArray,
    *,
    threshold: float | FloatArray,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Resampled:
    """Draw the images anew `num_resamples` times and take the figures each time; threshold as in `sewer_metrics`."""
    num_images, rng = len(scores_NC), np.random.default_rng(seed)
    predicted, positive = _with_normal(scores_NC >= threshold), _with_normal(positive_NC)
    flags_N3C = np.stack([predicted & positive, predicted, positive], axis=1).astype(np.float64)
    order_CN = np.argsort(scores_NC, axis=0, kind="stable")[::-1].T  # of equal scores the later image first, as in the contract
    f1_R, f2_RC, ap_RC = np.empty(num_resamples), np.empty((num_resamples, len(ciw_C))), np.empty((num_resamples, len(ciw_C)))
    for r in range(num_resamples):
        times_N = np.bincount(rng.integers(0, num_images, num_images), minlength=num_images)
        hit, said, there = np.tensordot(times_N, flags_N3C, axes=1)
        precision, recall = hit / np.maximum(said, 1), hit / np.maximum(there, 1)
        f1_R[r], f2_RC[r] = f_beta(precision, recall, 1.0)[-1], f_beta(precision, recall, 2.0)[:-1]
        ap_RC[r] = [_average_precision(positive_NC[order, c], times_N[order]) for c, order in enumerate(order_CN)]
    return Resampled(f2_RC @ ciw_C / ciw_C.sum(), f1_R, ap_RC.mean(axis=1), f2_RC, ap_RC)


def interval(values_R: FloatArray, level: float = LEVEL) -> tuple[float, float]:
    """The middle `level` of the resampled values."""
    low, high = np.quantile(values_R, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _average_precision(ranked_N: NDArray[np.bool_], times_N: NDArray[np.int64]) -> float:
    """Of positives in falling order of score, each there so many times."""
    ranked = np.repeat(ranked_N, times_N)
    places = np.flatnonzero(ranked) + 1
    return float((np.arange(1, len(places) + 1) / places).mean()) if len(places) else 0.0


def _with_normal(flags_NC: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.concatenate([flags_NC, ~flags_NC.any(axis=1, keepdims=True)], axis=1)
