"""One threshold per class, tuned on validation images for the class's F2.

Kept within 0.2 to 0.9 and at the protocol's 0.5 where there are too few positives to tell: a threshold fitted to ten images is noise
that the robot would act on.
"""

# N images, C classes, T candidates

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.metrics import f_beta

PROTOCOL = 0.5
LOWEST, HIGHEST, STEP = 0.2, 0.9, 0.01
MIN_NUM_POSITIVE = 20


def tuned_thresholds(scores_NC: NDArray[np.float64], targets_NC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Thresholds (C,) with the best F2 on these images; of equal ones the nearest to 0.5."""
    return np.array([_tuned(scores_NC[:, c], targets_NC[:, c] > 0) for c in range(scores_NC.shape[1])])


def _tuned(scores_N: NDArray[np.float64], positive_N: NDArray[np.bool_]) -> float:
    if positive_N.sum() < MIN_NUM_POSITIVE:
        return PROTOCOL
    candidates_T = np.round(np.arange(LOWEST, HIGHEST + STEP / 2, STEP), 2)
    predicted_TN = scores_N >= candidates_T[:, None]
    hits_T = (predicted_TN & positive_N).sum(axis=1).astype(np.float64)
    f2_T = f_beta(hits_T / np.maximum(predicted_TN.sum(axis=1), 1), hits_T / positive_N.sum(), 2.0)
    best_T = candidates_T[f2_T >= f2_T.max() - 1e-12]
    return float(best_T[np.abs(best_T - PROTOCOL).argmin()])
