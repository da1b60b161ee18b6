"""Exact area averaging of small planes whose width is a whole multiple of the target's: 480 columns to 160, as 1080p has them once halved.

The numbers are those of OpenCV's INTER_AREA but for the order of its sums, which may round a tie the other way. OpenCV takes such a ratio
for any other and adds pixel after pixel: 0.17 ms for 480x270, and there are three planes. Here columns are added as channels are mixed, and
rows as a small matrix is multiplied, the same one for each period of the ratio (27 rows to 16): 0.04 ms.
"""

from functools import lru_cache
from math import gcd

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_STEP, MAX_STEP = 3, 64  # columns to one; OpenCV is quicker with two, and mixes no more than 128 channels
MAX_PERIOD = 64  # rows; beyond that the matrix is mostly zeros
MAX_PRODUCTS = 1 << 17  # of one multiplication: well below what numpy's BLAS wakes other threads for


def is_quick(size_hw: tuple[int, int], target_hw: tuple[int, int]) -> bool:
    """Whether `area_averages` takes these sizes, and is the quicker way."""
    (height, width), (target_height, target_width) = size_hw, target_hw
    if height < target_height or width % target_width or not MIN_STEP <= width // target_width <= MAX_STEP:
        return False
    period = height // gcd(height, target_height)
    return period <= MAX_PERIOD and period * (period * target_height // height) * target_width <= MAX_PRODUCTS


def area_averages(planes_NHW: NDArray[np.uint8], target_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Average the area that each pixel of the target covers.

    Args:
        planes_NHW: Shape (N, H, W), contiguous, of a size for which `is_quick` holds.
        target_hw: Height and width of the target.

    Returns:
        Planes of shape (N, target height, target width).
    """
    num, height, width = planes_NHW.shape
    step = width // target_hw[1]
    steps = planes_NHW.reshape(num * height, target_hw[1], step).astype(np.float32)
    rows = cv2.transform(steps, np.full((1, step), 1 / step, np.float32))
    shares = _shares(height, target_hw[0])
    means = np.matmul(shares, rows.reshape(-1, shares.shape[1], target_hw[1]))
    return np.asarray(np.rint(means, out=means).reshape(num, *target_hw), dtype=np.uint8)


@lru_cache(maxsize=16)
def _shares(side: int, target: int) -> NDArray[np.float32]:
    """Of each source pixel in each target pixel, for one period of the ratio: shape (target pixels, source pixels)."""
    period, wanted = side // gcd(side, target), target // gcd(side, target)
    edges = np.arange(wanted + 1) * period  # in units of 1 / wanted of a source pixel
    pixels = np.arange(period + 1) * wanted
    covered = np.minimum(edges[1:, None], pixels[None, 1:]) - np.maximum(edges[:-1, None], pixels[None, :-1])
    return np.asarray(np.maximum(covered, 0) / period, dtype=np.float32)
