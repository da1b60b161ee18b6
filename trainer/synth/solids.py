"""Bodies and cut-outs in the lumen, each met exactly by the rays; they write into a Surface in order of depth and hide what is behind."""
# K pixels

import numpy as np
from numpy.typing import NDArray

from trainer.synth.blocks import places_in
from trainer.synth.geometry import CURTAIN, SOLID
from trainer.synth.scene import Curtain, Solid
from trainer.synth.surface import Places, Surface
from trainer.synth.texture import Grid, lookup, noise_tile

_COARSE = 8
_SHADOW = 0.75


def window(surface: Surface, to: Grid, radius_m: float) -> tuple[slice, slice] | None:
    """The part of the picture, found on every 8th pixel, whose rays may pass within `radius_m` of a point given from the camera."""
    rays, (height, width) = surface.rays, surface.rays.x.shape
    distance = float(np.sqrt(to @ to))
    if distance <= radius_m:
        return slice(0, height), slice(0, width)
    half = np.arcsin(radius_m / distance) + 1.6 * _COARSE * rays.pixel_rad
    if half >= np.pi / 2:
        return slice(0, height), slice(0, width)
    aim = (to / distance).astype(np.float32)
    coarse = slice(None, None, _COARSE)
    along = rays.x[coarse, coarse] * aim[0] + rays.y[coarse, coarse] * aim[1] + rays.z[coarse, coarse] * aim[2]
    rows, columns = np.nonzero(along >= np.float32(np.cos(half)))
    if not rows.size:
        return None
    top, left = max(0, (rows.min() - 1) * _COARSE), max(0, (columns.min() - 1) * _COARSE)
    return slice(int(top), int(rows.max() + 2) * _COARSE), slice(int(left), int(columns.max() + 2) * _COARSE)


def toward(surface: Surface, centre_m: Grid, radius_m: float) -> Places:
    """Pixels whose rays pass within a ball: the only ones that a body inside it can touch."""
    rays = surface.rays
    to = centre_m - np.array(rays.origin_m, np.float32)
    distance = float(np.sqrt(to @ to))
    box = window(surface, to, radius_m)
    if box is None:
        return np.zeros(0, np.intp)
    if distance <= radius_m:
        return np.arange(rays.x.size)
    limit = np.sqrt(distance**2 - radius_m**2) / distance
    aim = to / np.float32(distance)
    along = rays.x[box] * np.float32(aim[0]) + rays.y[box] * np.float32(aim[1]) + rays.z[box] * np.float32(aim[2])
    return places_in(box, along >= np.float32(limit), rays.x.shape[1])


def directions(surface: Surface, where: Places) -> Grid:
    """Unit directions (K, 3) of the chosen rays."""
    rays = surface.rays
    return np.stack([rays.x.take(where), rays.y.take(where), rays.z.take(where)], axis=1)


def dot(a: Grid, b: Grid) -> Grid:
    """Row-wise products of (K, 3) arrays; einsum is far quicker than a sum over a last axis of three."""
    product: Grid = np.einsum("ki,ki->k", a, b)
    return product


def add_solid(surface: Surface, solid: Solid) -> None:
    """Put a body into the pipe, with the shadow at its foot."""
    half, centre = np.array(solid.half_m, np.float32), np.array(solid.centre_m, np.float32)
    turn = solid.axes.astype(np.float32)
    where = toward(surface, centre, float(half.max()) if solid.shape == "ellipsoid" else float(np.linalg.norm(half)))
    if not where.size:
        return
    origin = np.array(surface.rays.origin_m, np.float32)
    p = (turn @ (origin - centre)) / half
    d = directions(surface, where) @ turn.T / half
    reach, tone = _meet(solid, p, d)
    met = np.flatnonzero((reach > 0.02) & (reach < surface.hits.range_m.take(where)))
    if not met.size:
        return
    _cast_shadow(surface, centre, half, origin)
    where, reach, tone = where[met], reach[met], tone[met]
    spot = p + reach[:, None] * d.take(met, axis=0)
    noise = _dents(spot, half)
    rgb = np.array(solid.rgb, np.float32) * np.clip(1 + np.float32(solid.mottle * 0.5) * noise, 0.3, 1.8)[:, None]
    if solid.core_rgb is not None:
        rgb += tone[:, None] * (np.array(solid.core_rgb, np.float32) - rgb)
    surface.cover(where, reach, rgb, part=SOLID, gloss=solid.gloss, code=solid.code)
    # the foot of a body lies in its own shade and in the dirt
    foot = (reach * surface.rays.y.take(where) + origin[1] - centre[1]) / (2 * half.max())
    surface.shade.reshape(-1)[where] = np.clip(np.float32(1.05) + foot, 0.55, 1)
    surface.relief.reshape(-1)[where] = np.float32(0.2 * solid.mottle + 0.5 * solid.rough) * noise


def _cast_shadow(surface: Surface, centre: Grid, half: Grid, origin: Grid) -> None:
    """Darken what lies under a body and behind it as seen from the lamps at the camera."""
    size = float(np.sort(half)[1])
    to = centre - origin
    away = to / max(float(np.sqrt(to @ to)), 1e-3)
    box = window(surface, to + away * np.float32(0.5 * size), 2.0 * size)
    if box is None:
        return
    offset = [axis - centre[i] for i, axis in enumerate(surface.position(box))]
    along = np.clip(offset[0] * away[0] + offset[1] * away[1] + offset[2] * away[2], 0, 1.2 * size)
    far = sum((offset[i] - along * away[i]) ** 2 for i in range(3))
    surface.shade[box] *= 1 - np.float32(_SHADOW) * np.exp(far * np.float32(-0.8 / size**2))


def _dents(spot: Grid, half: Grid) -> Grid:
    shift = float(half.sum()) * 9000
    u, v = (spot[:, 0] + spot[:, 2]) * 60 + shift, (spot[:, 1] - spot[:, 2]) * 60
    value: Grid = lookup(noise_tile("cloud"), u, v, wrap=True) + 0.35 * lookup(noise_tile("grain"), u * 1.3, v * 1.3, wrap=True)
    return value


def _meet(solid: Solid, p: Grid, d: Grid) -> tuple[Grid, Grid]:
    """Range (K,), -1 where missed, and how much of the second colour shows."""
    half = np.array(solid.half_m, np.float32)
    if solid.shape == "cylinder":
        return _meet_cylinder(p, d)
    if solid.shape == "shell":
        return _meet_shell(p, d, solid)
    meet = _meet_box if solid.shape == "box" else _meet_ball
    reach = meet(p, d, np.ones(len(d), np.float32))
    if solid.rough:
        for _ in range(2):
            inner = 1 - np.float32(0.55 * solid.rough) * np.clip(
                np.float32(0.5) + np.float32(0.45) * _dents(p + reach[:, None] * d, half), 0, 1.6
            )
            reach = np.where(reach > 0, meet(p, d, np.maximum(inner, np.float32(0.25))), reach)
    return reach, np.zeros_like(reach)


def _meet_ball(p: Grid, d: Grid, size: Grid) -> Grid:
    a, b = dot(d, d), d @ p
    root = b * b - a * (np.float32(p @ p) - size * size)
    return np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.float32(-1)).astype(np.float32)


def _meet_box(p: Grid, d: Grid, size: Grid) -> Grid:
    safe = np.where(np.abs(d) < 1e-6, np.float32(1e-6), d)
    first, second = (-size[:, None] - p) / safe, (size[:, None] - p) / safe
    enter, leave = np.minimum(first, second).max(-1), np.maximum(first, second).min(-1)
    return np.where(enter < leave, enter, np.float32(-1)).astype(np.float32)


def _meet_cylinder(p: Grid, d: Grid) -> tuple[Grid, Grid]:
    """A rod along its first axis with flat ends; the second return is 1 in the middle of an end."""
    a, b = d[:, 1] ** 2 + d[:, 2] ** 2 + np.float32(1e-9), d[:, 1] * p[1] + d[:, 2] * p[2]
    root = b * b - a * np.float32(p[1] ** 2 + p[2] ** 2 - 1)
    side = (-b - np.sqrt(np.maximum(root, 0))) / a
    on_side = (root > 0) & (np.abs(p[0] + side * d[:, 0]) < 1)
    end = (-np.sign(d[:, 0]) - p[0]) / np.where(np.abs(d[:, 0]) < 1e-6, np.float32(1e-6), d[:, 0])
    off = (p[1] + end * d[:, 1]) ** 2 + (p[2] + end * d[:, 2]) ** 2
    on_end = (off < 1) & ~on_side
    reach = np.where(on_side, side, np.where(on_end, end, np.float32(-1))).astype(np.float32)
    return reach, (on_end & (off < np.float32(0.72))).astype(np.float32)


def _meet_shell(p: Grid, d: Grid, solid: Solid) -> tuple[Grid, Grid]:
    """A piece of a thin pipe with torn edges: the nearer of the two hits that lies inside its arc and length."""
    a, b = d[:, 1] ** 2 + d[:, 2] ** 2 + np.float32(1e-9), d[:, 1] * p[1] + d[:, 2] * p[2]
    root = b * b - a * np.float32(p[1] ** 2 + p[2] ** 2 - 1)
    width = np.sqrt(np.maximum(root, 0))
    reach, inside = np.full(len(d), -1, np.float32), np.zeros(len(d), np.float32)
    for number, at in enumerate(((-b + width) / a, (-b - width) / a)):
        spot = p + at[:, None] * d
        torn = np.float32(0.12) * lookup(noise_tile("cloud"), spot[:, 0] * 40 + solid.half_m[0] * 5000, spot[:, 2] * 40, wrap=True)
        angle = np.abs(np.arctan2(spot[:, 2], spot[:, 1]))
        there = (root > 0) & (at > 0.02) & (np.abs(spot[:, 0]) < 1 - np.abs(torn)) & (angle < np.float32(solid.arc) + torn)
        rim: NDArray[np.bool_] = (np.abs(spot[:, 0]) > 0.93 - np.abs(torn)) | (angle > np.float32(solid.arc - 0.1) + torn)
        reach[there] = at[there]
        inside[there] = np.where(rim, np.float32(1.0), np.float32(0.55 * (1 - number)))[there]
    return reach, inside


def add_curtain(surface: Surface, curtain: Curtain) -> None:
    """Stand a cut-out across the pipe."""
    rays = surface.rays
    ahead = curtain.z_m - rays.origin_m[2]
    if ahead < 0.2 * curtain.half_m:  # at the lens it would be a blur of a few threads
        return
    to = np.array([curtain.centre_xy[0] - rays.origin_m[0], curtain.centre_xy[1] - rays.origin_m[1], ahead])
    box = window(surface, to, 1.42 * curtain.half_m)
    if box is None:
        return
    reach = np.float32(ahead) / np.maximum(rays.z[box], np.float32(1e-3))
    u = (reach * rays.x[box] - np.float32(to[0])) * np.float32(1 / curtain.half_m)
    v = (reach * rays.y[box] - np.float32(to[1])) * np.float32(1 / curtain.half_m)
    inside = (np.abs(u) < 1) & (np.abs(v) < 1) & (reach < surface.hits.range_m[box] + np.float32(0.01)) & (rays.z[box] > 0.02)
    size = curtain.alpha.shape[0] - 1
    half = np.float32(0.5 * size)
    alpha = lookup(curtain.alpha, u * half + half, half - v * half) * inside
    shown = alpha > 0.02
    some = np.flatnonzero(shown)
    if some.size:
        found = alpha.take(some), reach.take(some), u.take(some), v.take(some)
        _lay_curtain(surface, curtain, places_in(box, shown, surface.rays.x.shape[1]), found)


def _lay_curtain(surface: Surface, curtain: Curtain, where: Places, found: tuple[Grid, Grid, Grid, Grid]) -> None:
    alpha, reach, u, v = found
    half = np.float32(0.5 * (curtain.alpha.shape[0] - 1))
    rgb = lookup(curtain.rgb, u * half + half, half - v * half)
    below = surface.albedo.reshape(-1, 3).take(where, axis=0)
    surface.paint(where, below + alpha[:, None] * (rgb - below))
    solid = np.flatnonzero(alpha > 0.5)
    at = where[solid]
    surface.hits.range_m.reshape(-1)[at] = reach[solid]
    surface.hits.part.reshape(-1)[at] = CURTAIN
    for grid, value in ((surface.relief, 0.0), (surface.shade, 1.0), (surface.gloss, curtain.gloss)):
        grid.reshape(-1)[at] = value
    surface.mark(curtain.code, where[np.flatnonzero(alpha > curtain.mask_at)])
