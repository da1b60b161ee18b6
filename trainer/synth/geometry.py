"""Camera and wall: which point of the pipe each pixel sees.

The pipe is a row of segments, each a cylinder with its own centre and radius, so a displaced joint is a real step: a ray that
leaves one segment outside the next one's cross-section hits the ring between them. Inside a segment the radius may depend on angle
and distance (egg, dent, lump); the quadratic for a circular cylinder is then repeated with the radius found at the last hit.
"""
# H W pixels, K rays still under way

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.scene import FAR_RADII, Deform, Scene, Segment
from trainer.synth.texture import Grid, modulo

RadiusAt = Callable[[Grid, Grid], Grid]

_NARROWEST, _STEPS, _RELAX = 0.45, 8, 0.65
WALL, GAP, FACE, INSIDE, FLUID, SOLID, CURTAIN = range(7)


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera is and how it looks: metres and radians; `focal` in half image widths; `barrel` the lens's radial term."""

    position_m: tuple[float, float, float]
    pan: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    focal: float = 1.0
    barrel: float = 0.0


@dataclass(frozen=True, slots=True)
class Rays:
    """Unit directions (H, W) per axis, their cosine to the optical axis, and the origin."""

    x: Grid
    y: Grid
    z: Grid
    cosine: Grid
    origin_m: tuple[float, float, float]
    pixel_rad: float


@dataclass(slots=True)
class Hits:
    """What the wall tracer found, all (H, W): range, angle, chainage, radius, kind of surface, material number."""

    range_m: Grid
    theta: Grid
    z_m: Grid
    radius_m: Grid
    part: NDArray[np.uint8]
    material: NDArray[np.uint8]


def rotation(pan: float, tilt: float, roll: float) -> NDArray[np.float64]:
    """Camera to pipe; pan turns to +x, tilt to +y, roll about the optical axis."""
    cp, sp, ct, st, cr, sr = np.cos(pan), np.sin(pan), np.cos(tilt), np.sin(tilt), np.cos(roll), np.sin(roll)
    turn = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    nod = np.array([[1, 0, 0], [0, ct, st], [0, -st, ct]])
    lean = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    product: NDArray[np.float64] = turn @ nod @ lean
    return product


def cast_rays(camera: Camera, size: tuple[int, int]) -> Rays:
    """One ray per pixel centre of an image of `size` (height, width)."""
    height, width = size
    half = width / 2
    u = ((np.arange(width, dtype=np.float32) + 0.5) / half - 1.0)[None, :] / np.float32(camera.focal)
    v = -((np.arange(height, dtype=np.float32) + 0.5) - height / 2)[:, None] / np.float32(half * camera.focal)
    bend = 1 + np.float32(camera.barrel) * (u * u + v * v)
    u, v = u * bend, v * bend
    norm = 1 / np.sqrt(u * u + v * v + 1)
    turn = rotation(camera.pan, camera.tilt, camera.roll).astype(np.float32)
    x, y, z = (((turn[i, 0] * u + turn[i, 1] * v + turn[i, 2]) * norm).astype(np.float32) for i in range(3))
    return Rays(x, y, z, norm.astype(np.float32), camera.position_m, 1 / (half * camera.focal))


def clock_angle(x: Grid, y: Grid) -> tuple[Grid, Grid]:
    """Radius and clock angle (0..2 pi, 0 at the top, clockwise) of points of the cross-section; any shape."""
    radius, theta = cv2.cartToPolar(np.atleast_1d(y), np.atleast_1d(x))
    return radius.reshape(x.shape), theta.reshape(x.shape)


def wrap(angle: Grid) -> Grid:
    """Angles to -pi..pi."""
    return modulo(angle + np.float32(np.pi), 2 * np.pi) - np.float32(np.pi)


def deform_delta(deform: Deform, theta: Grid, z_m: Grid) -> Grid:
    """Change of radius in metres (negative: into the lumen)."""
    v = np.clip((z_m - deform.z_m) / deform.half_z_m, -1, 1)
    along = (1 - v * v) ** 2
    angle = wrap(theta - np.float32(deform.theta))
    shape = np.float32(deform.oval_m) * np.cos(2 * angle)
    if deform.dent_m:
        u = np.clip(np.abs(angle) / deform.dent_half_theta, 0, 1)
        dent = (1 - u * u) ** 2 * (1 - deform.crease) + deform.crease * (1 - u)
        shape = shape - np.float32(deform.dent_m) * dent
    return np.asarray(shape * along, dtype=np.float32)


def egg_radius(theta: Grid, radius_m: float, egg: float) -> Grid:
    """Radius of an egg-shaped profile: taller than wide, narrow at the invert; `egg` 0 is a circle, 0.3 about 2:3."""
    c = np.cos(theta)
    return np.asarray(radius_m * (1 + egg * (0.55 * c * c - 0.25 * (1 - c * c) - 0.18 * c * (1 - c * c) * 2)), dtype=np.float32)


def _hit_cylinder(
    rays: tuple[Grid, Grid, Grid], origin: tuple[float, float, float], segment: Segment, radius_at: RadiusAt | None
) -> tuple[Grid, Grid, Grid, Grid]:
    """Range, angle, chainage and radius where rays (K,) meet the segment's wall, taken as endless."""
    dx, dy, dz = rays
    px, py = np.float32(origin[0] - segment.centre_xy[0]), np.float32(origin[1] - segment.centre_xy[1])
    a = np.maximum(dx * dx + dy * dy, np.float32(1e-6))
    b = px * dx + py * dy
    offset = px * px + py * py
    # from the narrowest radius outward, so that the first bulge on the ray's way is met, not the wall behind it
    radius: Grid = np.full_like(dx, segment.radius_m * (_NARROWEST if radius_at else 1.0))
    for step in range(_STEPS if radius_at else 1):
        reach = (-b + np.sqrt(np.maximum(b * b - a * (offset - radius * radius), 0))) / a
        z = np.float32(origin[2]) + reach * dz
        _, theta = clock_angle(px + reach * dx, py + reach * dy)
        if radius_at and step < _STEPS - 1:
            radius = radius + np.float32(_RELAX) * (radius_at(theta, z) - radius)
    return reach, theta, z, radius


def trace_wall(scene: Scene, rays: Rays, radius_for: Callable[[Segment], RadiusAt | None]) -> Hits:
    """First wall point along every ray; `radius_for` gives a segment's radius function, None for a plain circle."""
    shape = rays.x.shape
    far_m = FAR_RADII * scene.radius_m
    hits = Hits(*(np.zeros(shape, np.float32 if i < 4 else np.uint8) for i in range(6)))
    flat = [getattr(hits, name).reshape(-1) for name in ("range_m", "theta", "z_m", "radius_m", "part", "material")]
    under_way = np.arange(rays.x.size)
    directions = (rays.x.reshape(-1), rays.y.reshape(-1), rays.z.reshape(-1))
    ahead = [s for s in scene.segments if s.end_m > rays.origin_m[2] and s.start_m < rays.origin_m[2] + far_m]
    for number, segment in enumerate(ahead):
        reach, theta, z, radius = _hit_cylinder(directions, rays.origin_m, segment, radius_for(segment))
        if number + 1 == len(ahead):
            _store(flat, under_way, slice(None), (reach, theta, z, radius), GAP if segment.part == "gap" else WALL, segment)
            break
        here = z < segment.end_m
        _store(flat, under_way, here, (reach, theta, z, radius), GAP if segment.part == "gap" else WALL, segment)
        under_way, directions = under_way[~here], tuple(d[~here] for d in directions)  # type: ignore[assignment]
        if not under_way.size:
            break
        on_face, face = _meet_face(directions, rays.origin_m, ahead[number + 1], radius_for(ahead[number + 1]))
        _store(flat, under_way, on_face, face, FACE, ahead[number + 1])
        under_way, directions = under_way[~on_face], tuple(d[~on_face] for d in directions)  # type: ignore[assignment]
        if not under_way.size:
            break
    hits.range_m = np.minimum(hits.range_m, np.float32(far_m * 1.5))
    return hits


def _meet_face(
    rays: tuple[Grid, Grid, Grid], origin: tuple[float, float, float], following: Segment, radius_at: RadiusAt | None
) -> tuple[NDArray[np.bool_], tuple[Grid, Grid, Grid, Grid]]:
    """Rays that, at the start of the next segment, are outside its cross-section: they see its end face."""
    dx, dy, dz = rays
    reach = np.float32(following.start_m - origin[2]) / np.maximum(dz, np.float32(1e-4))
    x = np.float32(origin[0] - following.centre_xy[0]) + reach * dx
    y = np.float32(origin[1] - following.centre_xy[1]) + reach * dy
    radius, theta = clock_angle(x, y)
    z = np.full_like(reach, following.start_m)
    limit = radius_at(theta, z) if radius_at else np.float32(following.radius_m)
    return radius > limit, (reach, theta, z, radius)


def _store(
    flat: list[NDArray[np.float32]],
    under_way: NDArray[np.intp],
    which: NDArray[np.bool_] | slice,
    found: tuple[Grid, Grid, Grid, Grid],
    part: int,
    segment: Segment,
) -> None:
    where = under_way[which]
    for target, values in zip(flat[:4], found, strict=True):
        target[where] = values[which]
    flat[4][where] = part
    flat[5][where] = segment.material
