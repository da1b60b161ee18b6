"""Bodies and cut-outs in the lumen, each met exactly by the rays; they write into a Surface in order of depth and hide what is behind."""

import numpy as np

from trainer.synth.geometry import CURTAIN, SOLID
from trainer.synth.scene import Curtain, Solid
from trainer.synth.surface import Selection, Surface
from trainer.synth.texture import Grid, lookup, noise_tile


def toward(surface: Surface, centre_m: Grid, radius_m: float) -> Selection:
    """Pixels whose rays pass within a ball: the only ones that a body inside it can touch."""
    rays = surface.rays
    to = centre_m - np.array(rays.origin_m, np.float32)
    distance = float(np.sqrt(to @ to))
    if distance <= radius_m:
        return np.nonzero(np.ones_like(rays.x, dtype=np.bool_))
    limit = np.sqrt(distance**2 - radius_m**2) / distance
    along = rays.x * np.float32(to[0] / distance) + rays.y * np.float32(to[1] / distance) + rays.z * np.float32(to[2] / distance)
    return np.nonzero(along >= np.float32(limit))


def directions(surface: Surface, where: Selection) -> Grid:
    """Unit directions (K, 3) of the chosen rays."""
    rays = surface.rays
    return np.stack([rays.x[where], rays.y[where], rays.z[where]], axis=1)


def dot(a: Grid, b: Grid) -> Grid:
    """Row-wise products of (K, 3) arrays; einsum is far quicker than a sum over a last axis of three."""
    product: Grid = np.einsum("ki,ki->k", a, b)
    return product


def add_solid(surface: Surface, solid: Solid) -> None:
    """Put an ellipsoid or a box into the pipe."""
    half, centre = np.array(solid.half_m, np.float32), np.array(solid.centre_m, np.float32)
    turn = solid.axes.astype(np.float32)
    where = toward(surface, centre, float(half.max()) if solid.shape == "ellipsoid" else float(np.linalg.norm(half)))
    p = (turn @ (np.array(surface.rays.origin_m, np.float32) - centre)) / half
    d = directions(surface, where) @ turn.T / half
    reach = _meet_box(p, d) if solid.shape == "box" else _meet_ball(p, d)
    met = (reach > 0.02) & (reach < surface.hits.range_m[where])
    if not met.any():
        return
    where, reach = (where[0][met], where[1][met]), reach[met]
    spot = p + reach[:, None] * d[met]
    noise = lookup(noise_tile("cloud"), (spot[:, 0] + spot[:, 2]) * 80 + half[0] * 9000, (spot[:, 1] - spot[:, 2]) * 80, wrap=True)
    tone = np.clip(1 + np.float32(solid.mottle * 0.6) * noise, 0.3, 1.8)
    surface.cover(where, reach, np.array(solid.rgb, np.float32) * tone[:, None], part=SOLID, gloss=solid.gloss, code=solid.code)
    surface.relief[where] = np.float32(0.25 * solid.mottle) * noise


def _meet_ball(p: Grid, d: Grid) -> Grid:
    a, b = dot(d, d), d @ p
    root = b * b - a * np.float32(p @ p - 1)
    return np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.float32(-1)).astype(np.float32)


def _meet_box(p: Grid, d: Grid) -> Grid:
    safe = np.where(np.abs(d) < 1e-6, np.float32(1e-6), d)
    first, second = (-1 - p) / safe, (1 - p) / safe
    enter, leave = np.minimum(first, second).max(-1), np.maximum(first, second).min(-1)
    return np.where(enter < leave, enter, np.float32(-1)).astype(np.float32)


def add_curtain(surface: Surface, curtain: Curtain) -> None:
    """Stand a cut-out across the pipe."""
    rays = surface.rays
    ahead = curtain.z_m - rays.origin_m[2]
    if ahead < 0.2 * curtain.half_m:  # at the lens it would be a blur of a few threads
        return
    reach = np.float32(ahead) / np.maximum(rays.z, np.float32(1e-3))
    u = (np.float32(rays.origin_m[0] - curtain.centre_xy[0]) + reach * rays.x) / np.float32(curtain.half_m)
    v = (np.float32(rays.origin_m[1] - curtain.centre_xy[1]) + reach * rays.y) / np.float32(curtain.half_m)
    where = np.nonzero((np.abs(u) < 1) & (np.abs(v) < 1) & (reach < surface.hits.range_m + np.float32(0.01)) & (rays.z > 0.02))
    if not where[0].size:
        return
    size = curtain.alpha.shape[0] - 1
    x, y = (u[where] * np.float32(0.5) + np.float32(0.5)) * size, (np.float32(0.5) - v[where] * np.float32(0.5)) * size
    alpha, rgb = lookup(curtain.alpha, x, y), lookup(curtain.rgb, x, y)
    below = surface.albedo[where]
    surface.albedo[where] = below + alpha[:, None] * (rgb - below)
    solid = alpha > 0.5
    at = (where[0][solid], where[1][solid])
    surface.hits.range_m[at] = reach[where][solid]
    surface.hits.part[at] = CURTAIN
    surface.place(at)
    surface.relief[at], surface.shade[at], surface.gloss[at] = 0, 1, curtain.gloss
    seen = alpha > curtain.mask_at
    surface.mark(curtain.code, (where[0][seen], where[1][seen]))
