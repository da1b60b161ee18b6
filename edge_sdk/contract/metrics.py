"""The metric decisions are judged by: F2_CIW and F1_Normal of Sewer-ML, with the per-class figures behind them.

A class is predicted where its score reaches the threshold (a tie counts). F2_CIW is the mean of the classes' F2 weighted by class
importance; a class without positives scores 0 and keeps its weight. An image is predicted Normal when no class reaches the threshold.
Where a figure is 0/0 (no positives, no predictions) it is 0 here, not NaN, and `num_positive` tells why. Source: Haurum & Moeslund,
"Sewer-ML", CVPR 2021, section 4; pinned by golden vectors.
"""

# N images, C classes; index C (the last of C+1) is the implicit Normal class

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SewerMetrics:
    """Metrics of one set of images.

    Arrays of the C classes in label order: `precision_C`, `recall_C`, `f1_C`, `f2_C`, `ap_C`, `num_positive_C`. All figures are
    fractions of 1. `f2_ciw` and `f1_normal` are the two headline figures; `mean_ap` is the plain mean over the classes.
    """

    num_images: int
    f2_ciw: float
    f1_normal: float
    mean_ap: float
    num_normal: int
    precision_C: FloatArray
    recall_C: FloatArray
    f1_C: FloatArray
    f2_C: FloatArray
    ap_C: FloatArray
    num_positive_C: IntArray


def sewer_metrics(
    scores_NC: NDArray[np.floating], targets_NC: NDArray[np.integer], ciw_C: FloatArray, *, threshold: float | FloatArray = 0.5
) -> SewerMetrics:
    """Compute every figure of `SewerMetrics`.

    Args:
        scores_NC: Scores in 0..1 (probabilities, not logits), shape (N, C).
        targets_NC: Ground truth of the same shape; 1 is positive, 0 or -1 negative.
        ciw_C: Class-importance weights, shape (C,).
        threshold: One for all classes (the protocol: 0.5), or one per class, shape (C,).

    Raises:
        ValueError: If the shapes do not agree, a score is not finite, or the set is empty.
    """
    _check(scores_NC, targets_NC, ciw_C)
    positive_NC = np.asarray(targets_NC) > 0
    predicted_NC = np.asarray(scores_NC) >= threshold
    hit, said, there = _counts(predicted_NC, positive_NC)
    precision, recall = _ratio(hit, said), _ratio(hit, there)
    f1, f2 = f_beta(precision, recall, 1.0), f_beta(precision, recall, 2.0)
    ap_C = np.array([average_precision(scores_NC[:, c], positive_NC[:, c]) for c in range(len(ciw_C))])
    return SewerMetrics(
        num_images=len(positive_NC),
        f2_ciw=float(f2[:-1] @ ciw_C / ciw_C.sum()),
        f1_normal=float(f1[-1]),
        mean_ap=float(ap_C.mean()),
        num_normal=int(there[-1]),
        precision_C=precision[:-1],
        recall_C=recall[:-1],
        f1_C=f1[:-1],
        f2_C=f2[:-1],
        ap_C=ap_C,
        num_positive_C=there[:-1].astype(np.int64),
    )


def f_beta(precision: FloatArray, recall: FloatArray, beta: float) -> FloatArray:
    """F-measure (1 + b²)PR / (b²P + R), elementwise; 0 where precision and recall are both 0 (van Rijsbergen 1979)."""
    return _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def average_precision(scores_N: NDArray[np.floating], positive_N: NDArray[np.bool_]) -> float:
    """Mean of the precision at each positive, ranked by falling score; of equal scores the later image ranks first.

    Returns 0 where there is no positive, as the benchmark does.
    """
    if not positive_N.any():
        return 0.0
    ranked = np.asarray(positive_N)[np.argsort(scores_N, kind="stable")[::-1]]
    precision_at = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision_at[ranked].mean())


def _counts(predicted_NC: NDArray[np.bool_], positive_NC: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """True positives, predictions and positives, each of shape (C+1,) with Normal last."""
    predicted, positive = _with_normal(predicted_NC), _with_normal(positive_NC)
    hit, said, there = (flags.sum(axis=0, dtype=np.float64) for flags in (predicted & positive, predicted, positive))
    return hit, said, there


def _with_normal(flags_NC: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.concatenate([flags_NC, ~flags_NC.any(axis=1, keepdims=True)], axis=1)


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator, dtype=np.float64), where=denominator > 0)


def _check(scores_NC: NDArray[np.floating], targets_NC: NDArray[np.integer], ciw_C: FloatArray) -> None:
    if np.shape(scores_NC) != np.shape(targets_NC) or np.ndim(scores_NC) != 2 or np.shape(scores_NC)[1:] != np.shape(ciw_C):
        raise ValueError(f"scores {np.shape(scores_NC)}, targets {np.shape(targets_NC)} and weights {np.shape(ciw_C)} do not agree")
    if len(scores_NC) == 0:
        raise ValueError("no images: metrics of an empty set are undefined")
    if not np.isfinite(scores_NC).all():
        raise ValueError("scores contain NaN or infinity")
