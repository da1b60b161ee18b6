"""Cheap numbers of one image, from a few thousand of its pixels: what the quality flags are decided on.

Nothing here looks at the whole image: a grid of single pixels for brightness and colour, a dozen full-resolution patches for sharpness
(blur is lost when pixels are skipped). A 1080p frame costs a fraction of a millisecond.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame
from edge_sdk.contract.yuv import LAYOUTS, luma_of, nearest_rgb, packed

SAMPLE_PX = 160  # longer side of the grid of samples
PATCH_PX = 64
PATCH_ROWS, PATCH_COLUMNS = 3, 4
MARGIN = 0.15  # of each side: recorders write their text there, which stays sharp whatever the lens does
BRIGHT = 250  # clipped, with the noise of clipping
FLAT_LEVELS = 3
# YUV (0, 0, 0), which a decoder shows where it has no data, is RGB (0, 135, 0) or (0, 77, 0). A green liner has red and blue in it.
DECODER_GREEN = ((0, 60, 0), (16, 180, 16))


class Levels(NamedTuple):
    """Brightness of the samples: mean and 99th percentile (0..255), the shares (0..1) that are clipped and near the commonest level."""

    mean: float
    p99: float
    clipped: float
    flat: float


def sampled(frame: Frame) -> NDArray[np.uint8]:
    """Every n-th pixel of every n-th row, about 160 on the longer side: shape (h, w, 3), contiguous; BGR where the frame is.

    No measure tells red from blue, so a BGR frame need not be converted.
    """
    assert frame.stored is not None and frame.size_hw is not None, "a frame without pixels cannot be measured"
    height, width = frame.size_hw
    step = max(1, max(height, width) // SAMPLE_PX)
    size_hw = height // step, width // step
    if frame.order in ("i420", "nv12"):
        return nearest_rgb(frame.stored, size_hw, layout=frame.order, colours=frame.colours)
    samples = cv2.resize(np.ascontiguousarray(packed(frame.stored)), size_hw[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(samples, dtype=np.uint8)


def levels(grey_hw: NDArray[np.uint8]) -> Levels:
    """Brightness of the samples."""
    counts = np.bincount(grey_hw.ravel(), minlength=256)
    middle = int(counts.argmax())
    flat = counts[max(0, middle - FLAT_LEVELS) : middle + FLAT_LEVELS + 1].sum() / grey_hw.size
    p99 = np.searchsorted(np.cumsum(counts), 0.99 * grey_hw.size)
    return Levels(float(counts @ np.arange(256) / grey_hw.size), float(p99), float(counts[BRIGHT:].sum() / grey_hw.size), float(flat))


def green_share(sample_hwC: NDArray[np.uint8]) -> float:
    """Share of samples in the green of a decoder that was given nothing."""
    green = cv2.countNonZero(cv2.inRange(sample_hwC, *DECODER_GREEN))
    return float(green / (sample_hwC.shape[0] * sample_hwC.shape[1]))


def sharpness(frame: Frame) -> float:
    """Median over patches of the variance of the Laplacian of green (Pech-Pacheco et al. 2000, LAPV): text cannot lift it.

    Of a 4:2:0 frame it is luma's, where green has its detail from. In studio range luma has 0.86 of green's grey levels: such a frame is
    called blurred a little sooner.
    """
    assert frame.stored is not None and frame.size_hw is not None, "a frame without pixels cannot be measured"
    height, width = frame.size_hw
    stored = frame.stored
    plane_HW = luma_of(stored) if frame.order in LAYOUTS else packed(stored)[..., 1]
    tops = np.linspace(MARGIN, 1 - MARGIN, PATCH_ROWS) * height - PATCH_PX / 2
    lefts = np.linspace(MARGIN, 1 - MARGIN, PATCH_COLUMNS) * width - PATCH_PX / 2
    corners = [(max(0, int(top)), max(0, int(left))) for top in tops for left in lefts]
    variances = [_laplacian_variance(plane_HW[top : min(top + PATCH_PX, height), left : left + PATCH_PX]) for top, left in corners]
    return float(np.median(variances))


def detail(grey_hw: NDArray[np.uint8], rows: int, columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean absolute Laplacian and mean brightness of the samples in each cell of a grid: two arrays of shape (rows, columns)."""
    edges_hw = np.asarray(cv2.convertScaleAbs(cv2.Laplacian(grey_hw, cv2.CV_16S)), dtype=np.uint8)
    return _cells(edges_hw, rows, columns), _cells(grey_hw, rows, columns)


def _cells(image_hw: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(image_hw, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _laplacian_variance(patch_hw: NDArray[np.uint8]) -> float:
    _, deviation = cv2.meanStdDev(cv2.Laplacian(np.ascontiguousarray(patch_hw), cv2.CV_16S))
    return float(deviation[0, 0]) ** 2
