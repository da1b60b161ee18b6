"""Manhole chambers at the ends of a pipe: walls, benching with a channel in it, the mouths, daylight from above.

A chamber is a box across the pipe; its channel goes on as the lower half of the pipe. A camera inside it sees the pipe through the
mouth in the wall, a camera in the pipe sees the chamber through the pipe's end. Only pixels that see the chamber are touched.
"""
# K pixels that see the chamber

import numpy as np
from numpy.typing import NDArray

from trainer.synth.geometry import CHAMBER, clock_angle, look_up_section, section_table
from trainer.synth.scene import Chamber, Rgb, Scene
from trainer.synth.surface import Surface
from trainer.synth.texture import TILE, Grid, lookup, noise_tile
from trainer.synth.wall_look import brick_courses

_SIDE, _FLOOR, _END, _ROOF, _CHANNEL = range(5)
_COURSE_M, _BRICK_M = 0.075, 0.23
_STONES: dict[str, tuple[Rgb, ...]] = {
    "brick": ((0.45, 0.24, 0.17), (0.52, 0.33, 0.22), (0.36, 0.30, 0.26), (0.60, 0.52, 0.38)),
    "concrete": ((0.50, 0.49, 0.46), (0.42, 0.42, 0.43), (0.58, 0.55, 0.48)),
    "plaster": ((0.62, 0.60, 0.55), (0.55, 0.50, 0.42), (0.68, 0.66, 0.62)),
}


def add_chambers(scene: Scene, rng: np.random.Generator, start_m: float | None, end_m: float | None) -> None:
    """Let the pipe begin and end in chambers at these chainages; None leaves an end open into the dark."""
    if start_m is not None:
        scene.chambers.append(_draw(scene, rng, start_m, -1.0))
    if end_m is not None:
        scene.chambers.append(_draw(scene, rng, end_m, 1.0))


def _draw(scene: Scene, rng: np.random.Generator, z_m: float, away: float) -> Chamber:
    radius = scene.radius_m
    look = ("brick", "concrete", "plaster")[int(rng.choice(3, p=[0.40, 0.35, 0.25]))]
    stones = _STONES[look]
    mortar = float(rng.uniform(0.35, 0.7))
    day = (float(rng.normal(0, 0.6)) * radius, z_m + away * radius * float(rng.uniform(0.5, 2.0)), radius * float(rng.uniform(0.5, 2.5)))
    strength = float(rng.uniform(4.0, 60.0)) if rng.random() < 0.4 else 0.0
    return Chamber(
        z_m,
        away * float(max(0.8, 2.2 * radius) * rng.uniform(0.8, 1.6)),
        float(max(0.4, 1.5 * radius) * rng.uniform(0.9, 1.7)),
        -radius * float(rng.uniform(0.0, 0.6)),
        radius * float(rng.uniform(2.0, 8.0)),
        look,  # type: ignore[arg-type]
        _varied(stones[int(rng.integers(len(stones)))], rng),
        (mortar, mortar * 0.96, mortar * 0.88),
        collar_m=radius * float(rng.uniform(0.05, 0.35)) if rng.random() < 0.75 else 0.0,
        collar_rgb=_varied((0.55, 0.53, 0.48), rng),
        next_m=radius * float(rng.uniform(0.8, 1.2)) if rng.random() < 0.6 else 0.0,
        next_xy=(float(rng.normal(0, 0.3)) * radius, float(rng.uniform(-0.1, 0.3)) * radius),
        light=float(np.exp(rng.normal(0, 0.35))),
        day=(*day, strength),
        noise_offset=float(rng.uniform(0, 100)),
    )


def _varied(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    red, green, blue = (float(v) for v in np.clip(np.array(rgb) * rng.uniform(0.6, 1.35) * rng.normal(1, 0.05, 3), 0.04, 0.92))
    return red, green, blue


def add_chamber(scene: Scene, surface: Surface, chamber: Chamber) -> None:
    """Cover the pixels that see the chamber."""
    where = _looking_in(scene, surface, chamber)
    if not where.size:
        return
    d = [g.reshape(-1)[where] for g in (surface.rays.x, surface.rays.y, surface.rays.z)]
    origin = surface.rays.origin_m
    reach, side = _meet(scene, chamber, d, origin)
    x, y, z = (np.float32(o) + reach * g for o, g in zip(origin, d, strict=True))
    rgb = _colour(chamber, side, x, y, z)
    shade = np.full_like(reach, chamber.light)
    shade[side == _ROOF] *= np.float32(0.25)
    _paint_mouths(scene, chamber, side, (x, y, z), rgb, shade)
    if chamber.day[3]:
        off = ((x - chamber.day[0]) ** 2 + (z - chamber.day[1]) ** 2) * np.float32(1 / chamber.day[2] ** 2)
        low = np.clip(np.float32(1.2) - (y - chamber.floor_y) * np.float32(1 / chamber.roof_y), 0.1, 1)
        shade *= 1 + np.float32(chamber.day[3]) * low * np.exp(-off)
    surface.cover(where, reach, rgb, part=CHAMBER, gloss=0.1, code=None)
    surface.shade.reshape(-1)[where] = shade


def _looking_in(scene: Scene, surface: Surface, chamber: Chamber) -> NDArray[np.intp]:
    """Pixels whose rays end in the chamber."""
    rays, z, away = surface.rays, surface.rays.origin_m[2], np.sign(chamber.depth_m)
    if (z - chamber.z_m) * away <= 0:  # the camera is in the pipe
        return np.flatnonzero((surface.hits.z_m - np.float32(chamber.z_m)) * np.float32(away) > 0)
    toward = rays.z * np.float32(-away)
    reach = np.float32(abs(z - chamber.z_m)) / np.maximum(toward, np.float32(1e-4))
    radius, theta = clock_angle(np.float32(rays.origin_m[0]) + reach * rays.x, np.float32(rays.origin_m[1]) + reach * rays.y)
    return np.flatnonzero((toward <= np.float32(1e-4)) | (radius > _mouth(scene, theta)))


def _mouth(scene: Scene, theta: Grid) -> Grid:
    """Radius of the pipe's end at angles of any shape."""
    if not (scene.egg or scene.section):
        return np.full_like(theta, scene.radius_m)
    return scene.radius_m * look_up_section(section_table(scene.section, scene.egg), theta)


def _meet(scene: Scene, chamber: Chamber, d: list[Grid], origin: tuple[float, float, float]) -> tuple[Grid, NDArray[np.uint8]]:
    """Range to the inside of the box, and which side is met."""
    dx, dy, dz = (np.where(np.abs(g) < 1e-5, np.float32(1e-5), g) for g in d)
    low, high = sorted((chamber.z_m, chamber.z_m + chamber.depth_m))
    to_side = (np.sign(dx) * np.float32(chamber.half_m) - np.float32(origin[0])) / dx
    to_end = (np.where(dz > 0, np.float32(high), np.float32(low)) - np.float32(origin[2])) / dz
    to_roof = np.where(dy > 0, np.float32(chamber.roof_y - origin[1]) / dy, np.float32(1e3))
    to_floor = np.where(dy < 0, np.maximum(np.float32(chamber.floor_y - origin[1]) / dy, 0), np.float32(1e3))
    half_channel = float(np.sqrt(max(scene.radius_m**2 - chamber.floor_y**2, 0.0)))
    over = (np.abs(np.float32(origin[0]) + to_floor * dx) < np.float32(half_channel)) & (dy < 0)
    a, b = np.maximum(dx * dx + dy * dy, np.float32(1e-6)), origin[0] * dx + origin[1] * dy
    c = np.float32(origin[0] ** 2 + origin[1] ** 2 - scene.radius_m**2)
    to_channel = np.where(over, (np.sqrt(np.maximum(b * b - a * c, 0)) - b) / a, np.float32(1e3))
    to_floor[over] = 1e3
    options = np.stack([to_side, to_floor, to_end, to_roof, to_channel])
    side = options.argmin(axis=0)
    return np.maximum(options.min(axis=0), np.float32(0.02)).astype(np.float32), side.astype(np.uint8)


def _colour(chamber: Chamber, side: NDArray[np.uint8], x: Grid, y: Grid, z: Grid) -> Grid:
    """Colour (K, 3) of the bare masonry and concrete."""
    u, v = np.where(side == _SIDE, z, x), np.where((side == _FLOOR) | (side == _CHANNEL) | (side == _ROOF), z, y)
    shift = np.float32(chamber.noise_offset)
    cloud = lookup(noise_tile("cloud"), (u + shift) * np.float32(TILE / 1.3), (v + shift) * np.float32(TILE / 1.3), wrap=True)
    grain = lookup(noise_tile("grain"), (u + shift) * np.float32(TILE / 0.5), v * np.float32(TILE / 0.5), wrap=True)
    tone = 1 + np.float32(0.16) * cloud + np.float32(0.08) * grain
    rgb = np.array(chamber.rgb, np.float32) * np.clip(tone, 0.35, 1.7)[:, None]
    wall = np.flatnonzero((side == _SIDE) | (side == _END))
    if chamber.look == "brick" and wall.size:
        brick, mortar = brick_courses(v[wall] * np.float32(1 / _COURSE_M), u[wall] * np.float32(1 / _BRICK_M))
        bricks = rgb[wall] * (1 + np.float32(0.9) * brick)[:, None]
        rgb[wall] = bricks + mortar[:, None] * (np.array(chamber.joint_rgb, np.float32) * tone[wall, None] - bricks)
    floor = np.flatnonzero((side == _FLOOR) | (side == _CHANNEL))
    grey = np.array((0.36, 0.33, 0.28), np.float32) * np.clip(tone[floor] + np.float32(0.2) * cloud[floor], 0.3, 1.5)[:, None]
    rgb[floor] = grey * np.where(side[floor] == _CHANNEL, np.float32(0.7), np.float32(1.0))[:, None]
    return np.clip(rgb, 0.02, 0.95)


def _paint_mouths(scene: Scene, chamber: Chamber, side: NDArray[np.uint8], at: tuple[Grid, Grid, Grid], rgb: Grid, shade: Grid) -> None:
    """The collar round this pipe's mouth, and the next pipe's mouth opposite with darkness in it."""
    x, y, z = at
    near = np.abs(z - np.float32(chamber.z_m)) < np.float32(0.5 * abs(chamber.depth_m))
    radius, theta = clock_angle(x, y)
    beyond = radius - _mouth(scene, theta)
    ring = np.flatnonzero((side == _END) & near & (beyond > 0) & (beyond < chamber.collar_m))
    rough = lookup(noise_tile("cloud"), x[ring] * 900, y[ring] * 900, wrap=True)
    rgb[ring] = np.array(chamber.collar_rgb, np.float32) * np.clip(1 + np.float32(0.15) * rough, 0.4, 1.5)[:, None]
    if not chamber.next_m:
        return
    away = np.hypot(x - np.float32(chamber.next_xy[0]), y - np.float32(chamber.next_xy[1])) - np.float32(chamber.next_m)
    opposite = (side == _END) & ~near
    hole = np.flatnonzero(opposite & (away < 0))
    rgb[hole] = np.array(scene.materials[0].rgb, np.float32) * 0.8
    # deeper in, the further from the rim: the pixel sees a wall of the next pipe that recedes into the dark
    shade[hole] *= np.float32(0.45) * np.exp(away[hole] * np.float32(4 / chamber.next_m)) + np.float32(0.01)
    rgb[np.flatnonzero(opposite & (away > 0) & (away < 0.12 * chamber.next_m))] = chamber.collar_rgb
