"""Patches on the wall: colour, relief and gloss laid over the pixels of the bare wall that a decal covers."""
# K pixels under the patch

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.blocks import places_in
from trainer.synth.geometry import FACE, wrap
from trainer.synth.scene import Decal
from trainer.synth.surface import Surface
from trainer.synth.texture import Grid, lookup

_LEAST_ALPHA = 1 / 300  # less changes no stored colour
_STEEPEST = 0.55


def paint_decal(surface: Surface, decal: Decal) -> None:
    """Lay a patch on the wall."""
    where = wall_within(surface, decal.theta, decal.half_theta, decal.z_m, decal.half_z_m)
    if not where.size:
        return
    height, width = decal.alpha.shape
    u = wrap(surface.hits.theta.take(where) - np.float32(decal.theta)) * np.float32(0.5 / decal.half_theta)
    v = (surface.hits.z_m.take(where) - np.float32(decal.z_m)) * np.float32(0.5 / decal.half_z_m)
    x, y = (u + np.float32(0.5)) * np.float32(width - 1), (v + np.float32(0.5)) * np.float32(height - 1)
    alpha = lookup(decal.alpha, x, y)
    if decal.code is not None:
        seen = lookup(decal.mask_alpha, x, y) if decal.mask_alpha is not None else alpha
        surface.mark(decal.code, where[seen > decal.mask_at])
    some = np.flatnonzero(alpha > _LEAST_ALPHA)
    if some.size:
        _blend(surface, decal, where[some], alpha[some], (x[some], y[some]))


def wall_within(surface: Surface, theta: float, half_theta: float, z_m: float, half_z_m: float) -> NDArray[np.intp]:
    """Places (K,) in the flattened picture of bare wall pixels within a patch of wall."""
    window = surface.blocks.window(theta, half_theta, z_m, half_z_m)
    if window is None:
        return np.zeros(0, np.intp)
    hits = surface.hits
    chosen: NDArray[np.bool_] = np.abs(hits.z_m[window] - np.float32(z_m)) < np.float32(half_z_m)
    if half_theta < np.pi:
        chosen &= np.abs(wrap(hits.theta[window] - np.float32(theta))) < np.float32(half_theta)
    chosen &= hits.part[window] <= FACE
    return places_in(window, chosen, hits.z_m.shape[1])


def _blend(surface: Surface, decal: Decal, where: NDArray[np.intp], alpha: Grid, at: tuple[Grid, Grid]) -> None:
    colour = lookup(decal.colour, *at) if isinstance(decal.colour, np.ndarray) else np.array(decal.colour, np.float32)
    below = surface.albedo.reshape(-1, 3).take(where, axis=0)
    target = below * colour if decal.multiply else colour
    target = target - below
    target *= alpha[:, None]
    below += target
    surface.paint(where, below)
    if decal.gloss:
        surface.gloss.reshape(-1)[where] += alpha * np.float32(decal.gloss)
    if decal.relief is not None:
        relief = surface.relief.reshape(-1)
        slope = lookup(_slope(decal.relief), *at) * alpha * _detail(surface, where, decal)
        relief[where] = relief[where] * (1 - np.float32(0.5) * alpha) + slope


def _slope(relief: Grid) -> Grid:
    """Slope along the pipe of a height map, as used in shading."""
    rows = cv2.sepFilter2D(relief.astype(np.float32, copy=False), -1, np.ones(1), np.array([-0.5, 0, 0.5]), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(rows * np.float32(relief.shape[0] / 110), -_STEEPEST, _STEEPEST))


def _detail(surface: Surface, where: NDArray[np.intp], decal: Decal) -> Grid:
    """Fade of a decal's relief where its texels are far smaller than pixels."""
    texel = 2 * decal.half_z_m / decal.alpha.shape[0]
    return np.asarray(np.clip(np.float32(1.3) - surface.footprint_m.take(where) * np.float32(1 / (6 * texel)), 0, 1))
