"""Mounds: mortar, lumps and flanges on the wall with true relief, found by walking back along each ray from the wall behind.

Near the wall a ray's height above it is a parabola of the distance walked back, so a few steps over a height map settle which
pixels the mound hides; no other pixel is touched. The search is that of relief mapping (Policarpo et al. 2005): steps, then one secant.
"""
# K rays that come near the mound

import numpy as np

from trainer.synth.geometry import FACE, WALL, wrap
from trainer.synth.scene import FAR_RADII, Mound, Scene
from trainer.synth.surface import Places, Surface
from trainer.synth.texture import Grid, lookup, noise_tile

_STEPS, _GRAZING = 8, 0.13


def add_mound(scene: Scene, surface: Surface, mound: Mound) -> None:
    """Raise the mound from the wall and colour it."""
    hits = surface.hits
    peak = float(mound.height.max())
    near = (hits.z_m > np.float32(mound.z_m - mound.half_z_m)) & (hits.z_m < np.float32(mound.z_m + mound.half_z_m + peak / _GRAZING))
    near &= hits.part <= FACE
    where = _beside(surface, mound, np.flatnonzero(near), peak)
    if where.size and peak > mound.bare_m:
        walk = _Walk(scene, surface, mound, where)
        kept = walk.may_meet(peak)
        if kept.size:
            walk.keep(kept)
            _raise(surface, mound, where[kept], walk, peak, _STEPS if peak > 0.05 * scene.radius_m else _STEPS // 2)


def _beside(surface: Surface, mound: Mound, where: Places, peak: float) -> Places:
    """Of wall pixels at the mound's chainages those whose rays turn round the pipe no further than from the mound."""
    hits = surface.hits
    turn = np.abs(wrap(hits.theta.take(where) - np.float32(mound.theta))) - np.float32(mound.half_theta)
    return where[np.flatnonzero(turn * np.maximum(hits.radius_m.take(where), np.float32(1e-3)) < np.float32(1.01 * peak / _GRAZING))]


def _raise(surface: Surface, mound: Mound, where: Places, walk: "_Walk", peak: float, steps: int) -> None:
    length = walk.length(peak)
    back, height = length, walk.height_at(length)
    over = walk.above_wall(length) - height
    found, previous, before = np.zeros(length.shape, np.bool_), over, length
    for step in range(1, steps + 1):
        trial = length * np.float32(1 - step / steps)
        gap = walk.above_wall(trial) - walk.height_at(trial)
        new = (gap <= 0) & ~found
        share = np.clip(previous / np.maximum(previous - gap, np.float32(1e-7)), 0, 1)
        back = np.where(new, before + share * (trial - before), back)
        found |= new
        previous, before = gap, trial
    _paint(surface, mound, where, back, walk, found)


def _paint(surface: Surface, mound: Mound, where: Places, back: Grid, walk: "_Walk", found: Grid) -> None:
    u, v = walk.texels(back)
    height = lookup(mound.height, u, v)
    wall = surface.hits.range_m.take(where)
    reach = wall - back
    met = np.flatnonzero(found & (reach > np.float32(0.02)) & (height > np.float32(mound.bare_m)) & (wall < FAR_RADII))
    if not met.size:
        return
    at, u, v = where[met], u[met], v[met]
    fine = lookup(noise_tile("grain"), u * 2 + np.float32(mound.z_m * 997 % 400), v * 2, wrap=True)
    rgb = lookup(mound.colour, u, v) if isinstance(mound.colour, np.ndarray) else np.array(mound.colour, np.float32)
    surface.cover(
        at,
        reach[met].astype(np.float32),
        rgb * np.clip(1 + np.float32(0.10) * fine, 0.5, 1.5)[:, None],
        part=WALL,
        gloss=mound.gloss,
        code=mound.code,
    )
    surface.relief.reshape(-1)[at] = np.float32(0.10) * fine


class _Walk:
    """Points on K rays, `back` metres before the wall: their height above it and their place on the height map."""

    def __init__(self, scene: Scene, surface: Surface, mound: Mound, where: Places) -> None:
        hits, rays = surface.hits, surface.rays
        self.mound = mound
        theta, radius = hits.theta.take(where), np.maximum(hits.radius_m.take(where), np.float32(1e-3))
        sin, cos = np.sin(theta), np.cos(theta)
        dx, dy = rays.x.take(where), rays.y.take(where)
        self.forward = rays.z.take(where)
        self.climb = np.maximum(dx * sin + dy * cos, np.float32(0.005))
        self.around = (dx * cos - dy * sin) / radius
        self.bend = self.around * self.around * radius * np.float32(0.5)
        self.u0 = wrap(theta - np.float32(mound.theta))
        self.v0 = hits.z_m.take(where) - np.float32(mound.z_m)
        self.radius = radius
        # in a gap and on an end face the rays are already below the wall that the mound stands on
        self.start = np.where(hits.part.take(where) == WALL, np.float32(0), np.float32(scene.radius_m) - radius)

    def length(self, peak: float) -> Grid:
        """How far back a ray is above the highest peak."""
        return np.asarray(np.float32(peak) / np.maximum(self.climb, np.float32(_GRAZING)))

    def may_meet(self, peak: float) -> Places:
        """Rays that pass over the patch while they are low enough."""
        length = self.length(peak)
        low = self.v0 - self.forward * length
        side = np.abs(self.u0) - np.abs(self.around) * length
        return np.flatnonzero((np.minimum(low, self.v0) < self.mound.half_z_m) & (side < self.mound.half_theta))

    def keep(self, kept: Places) -> None:
        """Forget all other rays."""
        for name in ("forward", "climb", "around", "bend", "u0", "v0", "radius", "start"):
            setattr(self, name, getattr(self, name)[kept])

    def above_wall(self, back: Grid) -> Grid:
        """Metres above the wall."""
        return np.asarray(self.start + self.climb * back - self.bend * back * back)

    def texels(self, back: Grid) -> tuple[Grid, Grid]:
        """Columns and rows of the height map; outside it the border."""
        rows, columns = self.mound.height.shape
        turn = self.u0 - self.around * back * (1 + self.climb * back / self.radius)
        along = self.v0 - self.forward * back
        u = (turn * np.float32(0.5 / self.mound.half_theta) + np.float32(0.5)) * np.float32(columns - 1)
        v = (along * np.float32(0.5 / self.mound.half_z_m) + np.float32(0.5)) * np.float32(rows - 1)
        return u, v

    def height_at(self, back: Grid) -> Grid:
        """Metres that the mound stands out where the ray is."""
        return lookup(self.mound.height, *self.texels(back))
