"""Water in the invert: a level plane with ripples, foam, a clear edge, and the mirror image of what is above it.

Calm water mirrors the picture itself: the reflected ray's hit on the pipe's cylinder is looked up where the camera sees that point.
Light is multiplied on later, and water seen at a grazing angle gets little of it, so mirrored colour is raised by that angle.
"""
# K pixels

from functools import cache

import cv2
import numpy as np

from trainer.synth.geometry import FLUID
from trainer.synth.scene import Fluid, Scene
from trainer.synth.surface import Places, Surface
from trainer.synth.texture import TILE, Grid, at_least, lookup, noise_tile, planes

_MIRRORS = 0.4  # calmer water mirrors the picture, rougher water only shines


@cache
def ripple_tile() -> Grid:
    """Slope of ripples, swell, glint and foam, each of zero mean and unit variance, (512, 512, 4); read only."""
    cloud = noise_tile("cloud")
    waves = cv2.GaussianBlur(np.tile(noise_tile("grain"), (1, 2)), (0, 0), 5.0, sigmaY=2.2)[:, TILE // 2 : TILE // 2 + TILE]
    waves = waves / waves.std() + np.float32(0.8) * cloud
    slope = np.roll(waves, -3, axis=0) - np.roll(waves, 3, axis=0)
    small = np.tile(cloud[::2, ::2], (2, 2))
    foam = np.float32(0.5) * np.roll(cloud, 130, axis=0) + np.float32(0.75) * small + np.float32(0.45) * noise_tile("cell")
    tile: Grid = np.dstack([slope / slope.std(), cloud, waves / waves.std(), foam]).astype(np.float32)
    tile.setflags(write=False)
    return tile


def add_water_surface(scene: Scene, surface: Surface, water: Fluid) -> None:
    """Cover the invert with water up to its level."""
    rays, radius = surface.rays, scene.radius_m
    base = np.float32(radius * (2 * water.level - 1) - rays.origin_m[1])
    if base > -0.03 * radius:
        return
    where = np.flatnonzero(rays.y * surface.hits.range_m < base)
    if not where.size:
        return
    reach = base / rays.y.take(where)
    z = np.float32(rays.origin_m[2]) + reach * rays.z.take(where)
    if water.start_m > rays.origin_m[2] - radius or water.end_m < 40 * radius + rays.origin_m[2]:
        kept = np.flatnonzero((z > water.start_m) & (z < water.end_m))
        where, reach, z = where[kept], reach[kept], z[kept]
    x = np.float32(rays.origin_m[0]) + reach * rays.x.take(where)
    scale = np.float32(TILE / water.tile_m)
    look = lookup(
        ripple_tile(), (x + np.float32(water.noise_offset)) * scale, (z + np.float32(water.noise_offset)) * scale * 0.6, wrap=True
    )
    deep = surface.hits.range_m.take(where) - reach
    # the shore is torn by the wall's own dirt, so its line is not a ruler's
    if water.rough_m:
        kept = np.flatnonzero(deep > np.float32(water.rough_m) * np.clip(look[:, 3] + np.float32(0.5), 0, 3))
        where, reach, look, deep = where[kept], reach[kept], look.take(kept, axis=0), deep[kept]
    if where.size:
        _colour_water(scene, surface, water, where, reach, look, deep)


def _colour_water(scene: Scene, surface: Surface, water: Fluid, where: Places, reach: Grid, look: Grid, deep: Grid) -> None:
    rays, radius = surface.rays, scene.radius_m
    ripple, swell, wave, foam = planes(look)
    fine = np.clip(np.float32(1.2) - reach * np.float32(1 / (14 * radius)), 0.1, 1)
    tone = at_least(1 + np.float32(water.grain) * ripple * fine + np.float32(0.10) * swell, 0.25)
    rgb: Grid = np.array(water.rgb, np.float32)[:, None] * tone
    clear = np.exp(deep * np.float32(-1 / (water.clear * radius)))
    rgb += clear * (np.stack(planes(surface.albedo.reshape(-1, 3).take(where, axis=0))) * np.float32(0.75) - rgb)
    down = rays.y.take(where)
    flat, bright = 1 + down, 1 / np.sqrt(at_least(-down, 0.1))
    fresnel = (np.float32(0.03) + np.float32(0.97) * flat * flat * flat * flat * flat) * bright
    if water.calm > _MIRRORS:
        rgb += fresnel * np.float32(water.calm) * _mirrored(scene, surface, water, where, reach, ripple)
    else:
        sheen = fresnel * np.float32(0.2 + 0.4 * water.calm) * (1 + np.float32(0.2) * ripple)
        rgb += np.array(scene.materials[0].rgb, np.float32)[:, None] * sheen
    # one bright path toward the camera, broken up by ripples
    aside = rays.x.take(where) / at_least(rays.z.take(where), 0.05) + np.float32(0.05) * ripple
    path = np.clip(1 - aside * aside * np.float32(70), 0, 1) * np.clip(ripple * np.float32(0.5) - np.float32(0.25), 0, 1)
    rgb += np.float32(0.5 * water.gloss) * (path + at_least(ripple - np.float32(2.4), 0)) * bright
    if water.foam:
        island = np.clip((foam - np.float32(2.0 - 2.0 * water.foam)) * np.float32(1.6), 0, np.float32(0.95))
        rgb += island * (np.array(water.second_rgb or (0.7, 0.68, 0.6), np.float32)[:, None] * (1 + np.float32(0.15) * wave) - rgb)
    surface.cover(where, reach, cv2.merge(list(rgb)).reshape(-1, 3), part=FLUID, gloss=water.gloss * 0.5, code=water.code)
    surface.relief.reshape(-1)[where] = ripple * fine * np.float32(0.6 * min(water.grain, 0.35))


def _mirrored(scene: Scene, surface: Surface, water: Fluid, where: Places, reach: Grid, ripple: Grid) -> Grid:
    """Colour in the picture of what the reflected rays meet on the pipe, darkened by their way there, (3, K)."""
    rays = surface.rays
    dx, down, dz = rays.x.take(where), rays.y.take(where), rays.z.take(where)
    dy = ripple * np.float32(0.05 * (1.3 - water.calm)) - down
    px, py = np.float32(rays.origin_m[0]) + reach * dx, np.float32(rays.origin_m[1]) + reach * down
    a, b = at_least(dx * dx + dy * dy, 1e-4), px * dx + py * dy
    onward = (np.sqrt(at_least(b * b - a * (px * px + py * py - np.float32(scene.radius_m**2)), 0)) - b) / a
    near = 1 / (1 + onward * np.float32(0.5 / scene.radius_m))
    ahead = np.stack([(reach + onward) * dx, reach * down + onward * dy, (reach + onward) * dz])
    return np.asarray(near * np.stack(planes(_seen_at(surface, ahead))))


def _seen_at(surface: Surface, ahead: Grid) -> Grid:
    """Colour where the camera sees points given from it (3, K); the lens's barrel term is left out."""
    rays, (height, width) = surface.rays, surface.rays.x.shape
    grid = np.stack([rays.x, rays.y, rays.z])
    row, column = height // 2, width // 2
    forward = grid[:, row - 1 : row + 1, column - 1 : column + 1].mean(axis=(1, 2))
    forward /= np.linalg.norm(forward)
    right = grid[:, row, column] - grid[:, row, column - 1]
    right -= forward * (forward @ right)
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    down *= np.sign(down @ (grid[:, row, column] - grid[:, row - 1, column]))
    u, v, w = np.stack([right, down, forward]).astype(np.float32) @ ahead.astype(np.float32)
    focal = np.float32(1 / rays.pixel_rad) / at_least(w, 1e-3)
    return lookup(surface.albedo, u * focal + np.float32(width / 2 - 0.5), v * focal + np.float32(height / 2 - 0.5))
