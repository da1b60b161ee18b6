"""Camera and cross-sections: the rays of a picture, and how far the wall is from the axis at each clock angle.

Angles are clock angles (0 at the crown, growing clockwise as seen along +z). A cross-section is a table of radius over angle in shares of
the nominal radius; it is star-shaped about the axis, so a ray that starts inside leaves it once.
"""
# H W pixels, K rays, A angles of a section's table

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.scene import Deform, Section
from trainer.synth.texture import Grid, lookup, modulo

RadiusAt = Callable[[Grid, Grid], Grid]

WALL, GAP, FACE, INSIDE, FLUID, SOLID, CURTAIN, CHAMBER = range(8)
ANGLES = 1024


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
    square = u * u + v * v
    bend = square * np.float32(camera.barrel)
    bend += 1
    norm = bend * bend
    norm *= square
    norm += 1
    np.divide(np.float32(1), cv2.sqrt(norm, norm), out=norm)
    side, part = np.multiply(bend, norm, out=bend), square
    turn = rotation(camera.pan, camera.tilt, camera.roll).astype(np.float32)
    x, y, z = (turn[i, 0] * u + turn[i, 1] * v for i in range(3))
    for i, axis in enumerate((x, y, z)):
        axis *= side
        axis += np.multiply(norm, turn[i, 2], out=part)
    return Rays(x, y, z, norm, camera.position_m, 1 / (half * camera.focal))


def clock_angle(x: Grid, y: Grid) -> tuple[Grid, Grid]:
    """Radius and clock angle (0..2 pi, 0 at the top, clockwise) of points of the cross-section; any shape."""
    radius, theta = cv2.cartToPolar(np.atleast_1d(y), np.atleast_1d(x))
    return radius.reshape(x.shape), theta.reshape(x.shape)


def wrap(angle: Grid) -> Grid:
    """Angles to -pi..pi."""
    return modulo(angle + np.float32(np.pi), 2 * np.pi) - np.float32(np.pi)


def deform_delta(deform: Deform, theta: Grid, z_m: Grid) -> Grid:
    """Change of radius in metres (negative: into the lumen)."""
    v = np.clip((z_m - np.float32(deform.z_m)) * np.float32(1 / deform.half_z_m), -1, 1)
    along = 1 - v * v
    angle = wrap(theta - np.float32(deform.theta))
    shape = np.float32(deform.oval_m) * np.cos(2 * angle) if deform.oval_m else np.zeros_like(angle)
    if deform.dent_m:
        u = np.minimum(np.abs(angle) * np.float32(1 / deform.dent_half_theta), 1)
        dent = (1 - u * u) ** 2 * np.float32(1 - deform.crease) + np.float32(deform.crease) * (1 - u)
        shape -= np.float32(deform.dent_m) * dent
    return np.asarray(shape * along * along, dtype=np.float32)


def deform_bounds(deform: Deform) -> tuple[float, float]:
    """How far into and out of the lumen a deform reaches at most, metres, both positive."""
    return abs(deform.oval_m) + max(deform.dent_m, 0.0), abs(deform.oval_m) + max(-deform.dent_m, 0.0)


def egg_radius(theta: Grid, radius_m: float, egg: float) -> Grid:
    """Radius of an egg-shaped profile at angles of any shape: `egg` 0 is a circle, 1 the standard egg, as high as the circle."""
    return radius_m * look_up_section(section_table(None, egg), theta)


def look_up_section(table: Grid, theta: Grid) -> Grid:
    """Share of the nominal radius at angles of any shape."""
    return lookup(table, theta * np.float32(ANGLES / (2 * np.pi)), np.zeros_like(theta))


@lru_cache(maxsize=64)
def section_table(section: Section | None, egg: float) -> Grid:
    """Radius over angle in shares of the nominal radius, (1, A + 1), the first repeated at the end; read only."""
    theta = np.linspace(0, 2 * np.pi, ANGLES + 1)
    radius = 1 + egg * (_standard_egg(theta) - 1)
    if section is not None:
        radius *= _superellipse(theta, section) * (1 + section.oval * np.cos(2 * (theta - section.turn)))
    table: Grid = radius.astype(np.float32)[None, :]
    table.setflags(write=False)
    return table


def _standard_egg(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 2:3 egg (half circle r above, invert circle r/2, flanks of radius 3 r) about its middle, over its half height 1.5 r.

    Dimensions as in DIN 4263.
    """
    sin, cos = np.abs(np.sin(theta)), np.cos(theta)
    rays = []
    for x, y, r in ((0.0, 0.5, 1.0), (-2.0, 0.5, 3.0), (0.0, -1.0, 0.5)):
        along = x * sin + y * cos
        rays.append(along + np.sqrt(np.maximum(along**2 - (x * x + y * y - r * r), 0)))
    crown, flank, invert = rays
    # the arcs meet at the widest place (y = 0.5 r) and, on the line of their centres, at y = -1.3 r
    side = np.where(crown * cos > 0.5, crown, flank)
    return np.asarray(np.where(flank * cos < -1.3, invert, side) / 1.5)


def _superellipse(theta: NDArray[np.float64], section: Section) -> NDArray[np.float64]:
    """Rounded box of half height 1: exponent 2 is an ellipse, 8 nearly a rectangle; crown and floor each have theirs."""
    power = np.where(np.cos(theta) > 0, section.crown_power, section.floor_power)
    across, up = np.abs(np.sin(theta)) / section.width, np.abs(np.cos(theta))
    return np.asarray((across**power + up**power) ** (-1 / power))
