"""How far a difference of F2_CIW between two graphs would move with other images: paired resampling.

Both graphs are judged on the same resampled images, so that what both find hard drops out of the difference; the interval is that of
the difference, far narrower than either figure's own (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
"""

# N images, C classes, R resamples

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.metrics import f_beta
from edge_sdk.contract.taxonomy import taxonomy
from trainer.evaluate.bootstrap import NUM_RESAMPLES, interval

ROWS = 64  # resamples at a time: the counts of all at once would be 1000 x N


def delta_interval(
    scores_NC: NDArray[np.float64],
    reference_NC: NDArray[np.float64],
    targets_NC: NDArray[np.uint8],
    thresholds_C: NDArray[np.float64],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """The middle 95 % of F2_CIW(scores) - F2_CIW(reference) over images drawn anew, as fractions of 1."""
    rng, num = np.random.default_rng(seed), len(scores_NC)
    deltas = []
    for start in range(0, num_resamples, ROWS):
        rows = min(ROWS, num_resamples - start)
        times_RN = rng.multinomial(num, np.full(num, 1 / num), size=rows).astype(np.float32)
        own_R, theirs_R = (_f2_ciw(scores >= thresholds_C, targets_NC > 0, times_RN) for scores in (scores_NC, reference_NC))
        deltas.append(own_R - theirs_R)
    return interval(np.concatenate(deltas))


def _f2_ciw(predicted_NC: NDArray[np.bool_], positive_NC: NDArray[np.bool_], times_RN: NDArray[np.float32]) -> NDArray[np.float64]:
    # float32 counts exactly up to 2**24 images
    hit_RC, said_RC, there_RC = (
        (times_RN @ flags.astype(np.float32)).astype(np.float64) for flags in (predicted_NC & positive_NC, predicted_NC, positive_NC)
    )
    f2_RC = f_beta(hit_RC / np.maximum(said_RC, 1), hit_RC / np.maximum(there_RC, 1), 2.0)
    ciw_C = taxonomy().ciw
    return np.asarray(f2_RC @ ciw_C / ciw_C.sum())
