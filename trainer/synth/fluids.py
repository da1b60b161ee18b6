"""Water and settled matter in the invert: a level plane with lumps, met by repeating the plane's intersection."""

import numpy as np

from trainer.synth.geometry import FLUID
from trainer.synth.scene import Fluid, Scene
from trainer.synth.surface import Selection, Surface
from trainer.synth.texture import TILE, Grid, NoiseKind, lookup, relief_tile


def add_fluid(scene: Scene, surface: Surface, fluid: Fluid) -> None:
    """Cover the invert up to a level; lumps are found by repeating the plane's intersection with the height found there."""
    rays = surface.rays
    where = np.nonzero(rays.y < np.float32(-0.01))
    reach, height_noise, _ = _meet_level(scene, surface, fluid, where)
    z = np.float32(rays.origin_m[2]) + reach * rays.z[where]
    seen = (reach < surface.hits.range_m[where]) & (reach > 0.02) & (z > fluid.start_m) & (z < fluid.end_m)
    where = (where[0][seen], where[1][seen])
    if not where[0].size:
        return
    reach, noise = reach[seen], height_noise[seen]
    x = np.float32(rays.origin_m[0]) + reach * rays.x[where]
    behind = surface.hits.range_m[where] - reach
    grain = _plane_noise("grain", x, z[seen], 0.3, fluid.noise_offset)
    cell = _plane_noise("cell", x, z[seen], 0.45, fluid.noise_offset)
    tone = 1 + np.float32(fluid.grain) * (grain[:, 0] * np.float32(0.5) + cell[:, 0] * np.float32(0.3)) + np.float32(0.12) * noise
    rgb: Grid = np.array(fluid.rgb, np.float32) * np.maximum(tone, np.float32(0.2))[:, None]
    if fluid.second_rgb is not None:
        mix = np.clip(noise * np.float32(0.7) + np.float32(0.4), 0, 1)[:, None]
        rgb += mix * (np.array(fluid.second_rgb, np.float32) * np.maximum(tone, np.float32(0.2))[:, None] - rgb)
    if fluid.code is None:
        clear = np.exp(-behind / np.float32(0.25 * scene.radius_m))[:, None]
        rgb += clear * np.float32(0.7) * (surface.albedo[where] * np.float32(0.6) - rgb)
        rgb += _mirrored(scene, surface, where, reach)
    edge = np.float32(0.10 * scene.radius_m) * np.clip(1 + np.float32(0.5) * noise, 0.3, 2)
    fade = np.clip(behind / (edge if fluid.code is None else np.float32(0.03 * scene.radius_m)), 0, 1)[:, None]
    rgb = surface.albedo[where] + fade * (rgb - surface.albedo[where])
    surface.cover(where, reach, rgb, part=FLUID, gloss=fluid.gloss, code=fluid.code)
    surface.relief[where] = np.float32(fluid.grain) * (grain[:, 1] + cell[:, 1]) * np.float32(0.35)


def _meet_level(scene: Scene, surface: Surface, fluid: Fluid, where: Selection) -> tuple[Grid, Grid, Grid]:
    rays = surface.rays
    base = np.float32(scene.radius_m * (2 * fluid.level - 1) - rays.origin_m[1])
    dx, dy, dz = rays.x[where], rays.y[where], rays.z[where]
    height = np.zeros_like(dy)
    for _ in range(3 if fluid.rough_m else 1):
        reach = np.maximum((base + height) / dy, np.float32(0.01))
        x, z = np.float32(rays.origin_m[0]) + reach * dx, np.float32(rays.origin_m[2]) + reach * dz
        noise = _plane_noise("cloud", x, z, 0.8, fluid.noise_offset)[:, 0]
        if fluid.rough_m:
            ends = _ramp(z, fluid.start_m, 0.25) * _ramp(-z, -fluid.end_m, 0.25)
            wanted = (
                np.float32(fluid.rough_m) * noise + np.float32(fluid.lean) * x - (1 - ends) * np.float32(2.2 * scene.radius_m * fluid.level)
            )
            height = np.float32(0.3) * height + np.float32(0.7) * wanted
    return reach, noise, height


def _ramp(z: Grid, start: float, length: float) -> Grid:
    return np.asarray(np.clip((z - np.float32(start)) / np.float32(length), 0, 1))


def _plane_noise(kind: NoiseKind, x: Grid, z: Grid, tile_m: float, shift: float) -> Grid:
    scale = np.float32(TILE / tile_m)
    return lookup(relief_tile(kind), (x + np.float32(shift)) * scale, (z + np.float32(shift * 1.7)) * scale, wrap=True)


def _mirrored(scene: Scene, surface: Surface, where: Selection, reach: Grid) -> Grid:
    """Faint mirror image of the crown: the reflected ray's hit on the plain cylinder, bright where that point is near the lamps."""
    rays = surface.rays
    dx, dy = rays.x[where], -rays.y[where]
    px, py = rays.origin_m[0] + reach * dx, rays.origin_m[1] - reach * dy
    a = np.maximum(dx * dx + dy * dy, np.float32(1e-5))
    b = px * dx + py * dy
    onward = (-b + np.sqrt(np.maximum(b * b - a * (px * px + py * py - np.float32(scene.radius_m**2)), 0))) / a
    fresnel = np.float32(0.04) + np.float32(0.8) * (1 - np.clip(dy, 0, 1)) ** 5
    near = 1 / (1 + onward / np.float32(2 * scene.radius_m))
    return np.asarray((fresnel * near * np.float32(0.5))[:, None] * np.array(scene.materials[0].rgb, np.float32))
