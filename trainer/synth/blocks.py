"""A coarse index of the wall in a picture: per block of pixels the range of chainages and angles, to find quickly where to look.

Most patches of wall cover a few blocks; testing all of a picture's pixels for each of them costs more than painting it.
"""
# B rows of blocks, D columns of blocks

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.geometry import Hits, wrap
from trainer.synth.texture import Grid

_SIDE = 16
Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class WallBlocks:
    """Least and greatest chainage and angle per block, (B, D) each."""

    z_low: Grid
    z_high: Grid
    middle: Grid
    half: Grid

    def window(self, theta: float, half_theta: float, z_m: float, half_z_m: float) -> Window | None:
        """Rows and columns of pixels that may show a patch of wall; None if none can."""
        near = (self.z_high >= np.float32(z_m - half_z_m)) & (self.z_low <= np.float32(z_m + half_z_m))
        if half_theta < np.pi:
            near &= np.abs(wrap(self.middle - np.float32(theta))) <= self.half + np.float32(half_theta)
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if not rows.size:
            return None
        return slice(rows[0] * _SIDE, (rows[-1] + 1) * _SIDE), slice(columns[0] * _SIDE, (columns[-1] + 1) * _SIDE)


def index_wall(hits: Hits) -> WallBlocks:
    """Index one picture."""
    z_m, theta = _in_blocks(hits.z_m), _in_blocks(hits.theta)
    z_low, z_high = z_m.min(axis=1).min(axis=2), z_m.max(axis=1).max(axis=2)
    low, high = theta.min(axis=1).min(axis=2), theta.max(axis=1).max(axis=2)
    # a block that spans more than half a turn may straddle the crown, where angles begin anew
    half = np.where(high - low > np.pi, np.float32(np.pi), (high - low) * np.float32(0.5) + np.float32(1e-4))
    return WallBlocks(z_low, z_high, (low + high) * np.float32(0.5), half)


def _in_blocks(values: Grid) -> Grid:
    """(B, side, D, side), the last blocks filled up with the border."""
    height, width = values.shape
    below, right = -height % _SIDE, -width % _SIDE
    if below or right:
        values = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return values.reshape((height + below) // _SIDE, _SIDE, (width + right) // _SIDE, _SIDE)


def places_in(box: Window, chosen: NDArray[np.bool_], width: int) -> NDArray[np.intp]:
    """Places in the flattened picture, `width` wide, of the pixels chosen in a part of it."""
    starts = np.arange(chosen.shape[0]) * (width - chosen.shape[1]) + (box[0].start * width + box[1].start)
    # a division per pixel would take twice as long
    return np.asarray(np.flatnonzero(chosen) + np.repeat(starts, np.count_nonzero(chosen, axis=1)))
