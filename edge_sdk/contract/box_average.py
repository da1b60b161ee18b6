"""Averages of whole blocks of pixels: the first step of `prepare`, on the caller's own core and on no other.

The numbers are those of OpenCV's INTER_AREA, bit for bit: sums of whole numbers are exact in any order, and the one rounding is the same
(of blocks of 2 x 2 halves go up, of all others to even). OpenCV adds pixel after pixel, and has its own threads help, which spin while they
wait: with them `prepare` of a 1080p frame cost 4.6 core-ms, without 3.2. Here each addition is one numpy call over a band of rows that
stays in the core's cache: 2.5 core-ms.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_BLOCK = 257  # pixels of a block whose sum fits 16 bits
BAND_SUMS = 1 << 18  # held at a time: 512 KB, in three copies; fewer rows cost more calls, more rows more of the cache
BAND_PIXELS = 1 << 16  # of a result that OpenCV makes without waking its threads


def box_average(image_HWC: NDArray[np.uint8], step_yx: tuple[int, int]) -> NDArray[np.uint8]:
    """Average each block of `step_yx` pixels (rows, columns).

    Args:
        image_HWC: Shape (H, W, C) or (H, W), contiguous (rows may be padded for steps of 2 x 2); each side a multiple of its step.
        step_yx: Whole numbers, at least 2.

    Returns:
        Image of shape (H / step_y, W / step_x, C), or (H / step_y, W / step_x): each block's mean, rounded to the nearest.
    """
    if image_HWC.ndim == 2:
        return box_average(image_HWC[..., np.newaxis], step_yx)[..., 0]
    (height, width, channels), (step_y, step_x) = image_HWC.shape, step_yx
    shape_hwC = height // step_y, width // step_x, channels
    if step_yx == (2, 2) or step_y * step_x > MAX_BLOCK:
        return _opencv(image_HWC, step_y, shape_hwC)
    blocks_hyW = image_HWC.reshape(shape_hwC[0], step_y, width * channels)
    num_rows = min(max(BAND_SUMS // (width * channels), 1), shape_hwC[0])
    buffers = np.empty((3, num_rows * width * channels), np.uint16)
    small_hwC = np.empty(shape_hwC, np.uint8)
    for top in range(0, shape_hwC[0], num_rows):
        band_hyW = blocks_hyW[top : top + num_rows]
        sums, *spare = buffers[:, : len(band_hyW) * width * channels]
        _add_rows(band_hyW, sums.reshape(len(band_hyW), -1))
        windows_hWC = _add_neighbours(sums, spare, step_x, channels).reshape(-1, width, channels)
        blocks_hwC = cv2.resize(windows_hWC, (shape_hwC[1], len(band_hyW)), interpolation=cv2.INTER_NEAREST)  # each block's first pixel
        band_hwC = small_hwC[top : top + num_rows]
        band_hwC[:] = cv2.convertScaleAbs(blocks_hwC, alpha=1 / (step_y * step_x)).reshape(band_hwC.shape)
    return small_hwC


def _opencv(image_HWC: NDArray[np.uint8], step_y: int, shape_hwC: tuple[int, int, int]) -> NDArray[np.uint8]:
    """OpenCV's own, quicker for 2 x 2 alone, in bands too small for its threads."""
    small_hwC = np.empty(shape_hwC, np.uint8)
    num_rows = max(BAND_PIXELS // shape_hwC[1], 1)
    for top in range(0, shape_hwC[0], num_rows):
        band_hwC = small_hwC[top : top + num_rows]
        rows_HWC = image_HWC[top * step_y : (top + len(band_hwC)) * step_y]
        cv2.resize(rows_HWC, (shape_hwC[1], len(band_hwC)), dst=band_hwC, interpolation=cv2.INTER_AREA)
    return small_hwC


def _add_rows(band_hyW: NDArray[np.uint8], sums_hW: NDArray[np.uint16]) -> None:
    """Sum the rows of each block."""
    np.add(band_hyW[:, 0], band_hyW[:, 1], out=sums_hW, dtype=np.uint16)
    for row in range(2, band_hyW.shape[1]):
        np.add(sums_hW, band_hyW[:, row], out=sums_hW)


def _add_neighbours(sums: NDArray[np.uint16], spare: list[NDArray[np.uint16]], num_pixels: int, channels: int) -> NDArray[np.uint16]:
    """At each pixel the sum of it and those to its right, `num_pixels` in all; what runs over the end of a row is not used.

    A window is doubled, and widened by one, as the binary digits of its width ask for: 5 comes from 1, 2 and 4.
    """
    windows, num = sums, 1
    for digit in f"{num_pixels:b}"[1:]:
        windows, num = _joined(windows, windows, num * channels, spare), 2 * num
        if digit == "1":
            windows, num = _joined(windows, sums, num * channels, spare), num + 1
    return windows


def _joined(windows: NDArray[np.uint16], others: NDArray[np.uint16], shift: int, spare: list[NDArray[np.uint16]]) -> NDArray[np.uint16]:
    """Each window and the other that begins where it ends, in the spare buffer that holds neither."""
    out = spare[1] if windows is spare[0] else spare[0]
    np.add(windows[:-shift], others[shift:], out=out[:-shift])
    return out
