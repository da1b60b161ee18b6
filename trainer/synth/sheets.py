"""Curved sheets in the lumen: the rays meet the cylinder that a sheet is cut from, near wall first, and its outline decides."""

import numpy as np
from numpy.typing import NDArray

from trainer.synth.geometry import SOLID
from trainer.synth.scene import Sheet
from trainer.synth.solids import directions, toward
from trainer.synth.surface import Places, Surface
from trainer.synth.texture import Grid, lookup


def add_sheet(surface: Surface, sheet: Sheet) -> None:
    """Put a sheet into the pipe."""
    bound = sheet.half_z_m
    where = toward(surface, np.array(sheet.middle_m, np.float32), bound)
    if not where.size:
        return
    turn = sheet.axes.astype(np.float32)
    p = turn @ (np.array(surface.rays.origin_m, np.float32) - np.array(sheet.middle_m, np.float32))
    p[1] += np.float32(sheet.bend_m)
    d = directions(surface, where) @ turn.T
    a = np.maximum(d[:, 1] * d[:, 1] + d[:, 2] * d[:, 2], np.float32(1e-9))
    b = d[:, 1] * p[1] + d[:, 2] * p[2]
    root = b * b - a * np.float32(p[1] * p[1] + p[2] * p[2] - sheet.bend_m**2)
    met = np.flatnonzero(root > 0)
    where, a, b, d = where[met], a[met], b[met], d.take(met, axis=0)
    width = np.sqrt(root[met])
    for reach in ((-b + width) / a, (-b - width) / a):  # the farther wall first, so that the nearer one may cover it
        _cover_where_cut(surface, sheet, where, reach, p[None, :] + reach[:, None] * d)


def _cover_where_cut(surface: Surface, sheet: Sheet, where: Places, reach: Grid, spot: NDArray[np.float32]) -> None:
    u = np.arctan2(spot[:, 2], spot[:, 1]) * np.float32(1 / sheet.arc)
    v = spot[:, 0] * np.float32(1 / sheet.half_m)
    near = np.flatnonzero((np.abs(u) < 1) & (np.abs(v) < 1) & (reach > 0.02) & (reach < surface.hits.range_m.take(where)))
    if not near.size:
        return
    height, width = sheet.alpha.shape
    x, y = (u[near] * np.float32(0.5) + np.float32(0.5)) * (width - 1), (v[near] * np.float32(0.5) + np.float32(0.5)) * (height - 1)
    solid = np.flatnonzero(lookup(sheet.alpha, x, y) > 0.5)
    if not solid.size:
        return
    shown = near[solid]
    surface.cover(where[shown], reach[shown], lookup(sheet.rgb, x[solid], y[solid]), part=SOLID, gloss=sheet.gloss, code=sheet.code)
