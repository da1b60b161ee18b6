"""Water on the lens: a patch of the picture that lost its detail, stays where it is, and leaves the rest as it was.

A drop blurs what lies behind it. Each cell of a grid is compared with its own recent past, since the middle of a pipe is always smooth
and its wall never. Meant to miss a drop rather than to call a smooth pipe wet: the patch must be compact, must not reach the lower edge
(there the sewer's own water is smooth), must last, and the rest of the picture must have kept its detail.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 9, 12
LOST = 0.25  # of a cell's usual detail: below, it is lost
KEPT = 0.7  # of the other cells' usual detail: above, the scene has not changed as a whole
MIN_USUAL = 4.0  # mean absolute Laplacian; a cell that never had detail cannot lose it
MIN_CELLS, MAX_CELLS = 6, 54  # a twentieth to half of the picture
FILLED = 0.7  # of the patch's bounding box: a drop is round
DARK, LIGHT = 20.0, 225.0  # mean brightness of a cell that can show detail at all
LEARN_S = 10.0  # before this nothing is flagged
USUAL_S = 20.0  # time constant of "usual"
LAST_S = 3.0
MAX_STEP_S = 2.0  # after a longer pause between frames the past is no measure


class LensWater:
    """The state of one camera's lens."""

    def __init__(self) -> None:
        self._usual_hw: NDArray[np.float32] | None = None
        self._started_s = self._time_s = 0.0
        self._since_s: float | None = None

    def update(self, time_s: float, detail_hw: NDArray[np.float32], grey_hw: NDArray[np.float32]) -> bool:
        """Take one frame's detail and brightness, each of shape (ROWS, COLUMNS); whether water is seen."""
        step_s = time_s - self._time_s
        if self._usual_hw is None or not 0 <= step_s <= MAX_STEP_S:
            self._usual_hw, self._started_s, self._since_s = detail_hw.copy(), time_s, None
        self._time_s = time_s
        patch_hw = _patch(detail_hw, self._usual_hw, grey_hw)
        if patch_hw is None:
            self._since_s = None
            self._usual_hw += (detail_hw - self._usual_hw) * (1 - np.exp(-step_s / USUAL_S)) if step_s > 0 else 0
            return False
        self._since_s = time_s if self._since_s is None else self._since_s
        # The cells under the drop forget as slowly as they learn: after a minute a new scene is taken for what it is.
        self._usual_hw += (detail_hw - self._usual_hw) * (1 - np.exp(-max(step_s, 0) / (3 * USUAL_S)))
        return time_s - self._since_s >= LAST_S and time_s - self._started_s >= LEARN_S


def _patch(detail_hw: NDArray[np.float32], usual_hw: NDArray[np.float32], grey_hw: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """The cells under a drop, or None."""
    judged_hw = usual_hw >= MIN_USUAL
    ratio_hw = detail_hw / np.maximum(usual_hw, MIN_USUAL)
    lost_hw = judged_hw & (ratio_hw < LOST) & (grey_hw > DARK) & (grey_hw < LIGHT)
    if np.count_nonzero(lost_hw) < MIN_CELLS:
        return None
    _, labels_hw, boxes, _ = cv2.connectedComponentsWithStats(lost_hw.astype(np.uint8), connectivity=4)
    largest = 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    patch_hw = labels_hw == largest
    cells, box = int(boxes[largest, cv2.CC_STAT_AREA]), int(boxes[largest, cv2.CC_STAT_WIDTH] * boxes[largest, cv2.CC_STAT_HEIGHT])
    rest_hw = judged_hw & ~patch_hw
    compact = MIN_CELLS <= cells <= MAX_CELLS and cells >= FILLED * box and not patch_hw[-1].any()
    kept = np.count_nonzero(rest_hw) >= MIN_CELLS and float(np.median(ratio_hw[rest_hw])) >= KEPT
    return patch_hw if compact and kept else None
