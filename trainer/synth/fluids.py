"""What lies in the invert: beds of settled matter met along each ray; water and smears have modules of their own.

A bed is a height field over the pipe's floor: a level, a bank drawn by the painter, and lumps from a tile. Rays are sampled between
the bed's highest and lowest height and the crossing is interpolated, so stones hide what is behind them.
"""
# K pixels

import numpy as np

from trainer.synth.beds import bed_height, bed_tile
from trainer.synth.geometry import FLUID
from trainer.synth.scene import Fluid, Scene
from trainer.synth.smears import add_smears
from trainer.synth.surface import Places, Surface
from trainer.synth.texture import TILE, Grid, lookup
from trainer.synth.water import add_water_surface

_STEPS = 6
_NEAR = np.float32(1.5)  # radii; half of a height map's rows lie nearer than this


def add_fluid(scene: Scene, surface: Surface, fluid: Fluid) -> None:
    """Cover the invert with water, a bed or a smear."""
    if fluid.kind == "water":
        add_water_surface(scene, surface, fluid)
    elif fluid.kind == "smear":
        if fluid is next(f for f in scene.fluids if f.kind == "smear"):  # all at once: they share one look into the noise
            add_smears(scene, surface, [f for f in scene.fluids if f.kind == "smear"])
    else:
        _add_bed(scene, surface, fluid)


def _add_bed(scene: Scene, surface: Surface, fluid: Fluid) -> None:
    rays, radius = surface.rays, scene.radius_m
    bank_high = float(fluid.bank.max()) if fluid.bank is not None else 0.0
    bank_low = float(fluid.bank.min()) if fluid.bank is not None else 0.0
    slant = abs(fluid.lean) * radius
    flat = np.float32(radius * (2 * fluid.level - 1) - rays.origin_m[1])
    top = min(float(flat) + bank_high + fluid.rough_m + slant, -0.10 * radius)
    bottom = float(flat) + bank_low - fluid.rough_m - slant
    where = np.flatnonzero((rays.y < 0) & (rays.y * surface.hits.range_m < np.float32(top)))
    if not where.size or bottom > top:
        return
    reach, met = _first_crossing(scene, surface, fluid, where, (top, bottom))
    if met.size:
        _colour_bed(scene, surface, fluid, where[met], reach[met])


def _first_crossing(scene: Scene, surface: Surface, fluid: Fluid, where: Places, limits: tuple[float, float]) -> tuple[Grid, Places]:
    """Range to the bed (K,), and which of the K rays meet it before what they met already."""
    rays, wall, radius = surface.rays, surface.hits.range_m.take(where), np.float32(scene.radius_m)
    dx, dy, dz = rays.x.take(where), rays.y.take(where), np.maximum(rays.z.take(where), np.float32(0))
    heights = _height_map(scene, rays.origin_m, fluid)
    rows, columns = heights.shape
    column, middle = (
        np.float32(0.5 * (columns - 1) / scene.radius_m),
        np.float32((0.5 + 0.5 * rays.origin_m[0] / scene.radius_m) * (columns - 1)),
    )
    first = np.maximum(np.float32(limits[0]) / dy, np.float32(0.02))
    span = np.minimum(np.float32(min(limits[1], limits[0])) / dy, wall) - first
    reach, before, after = np.full_like(dy, 1e6), first, np.full_like(dy, 1.0)
    for step in range(_STEPS + 1):
        at = first + span * np.float32((step / _STEPS) ** 1.5)
        ahead = at * dz
        above = at * dy - lookup(heights, at * dx * column + middle, ahead / (ahead + _NEAR * radius) * np.float32(rows - 1))
        crossed = np.flatnonzero((above <= 0) & (after > 0))
        share = np.clip(after[crossed] / np.maximum(after[crossed] - above[crossed], np.float32(1e-6)), 0, 1)
        reach[crossed] = np.minimum(reach[crossed], before[crossed] + share * (at[crossed] - before[crossed]))
        before, after = at, above
    z = np.float32(rays.origin_m[2]) + reach * dz
    return reach, np.flatnonzero((reach < wall) & (reach > 0.02) & (z > fluid.start_m) & (z < fluid.end_m))


def _height_map(scene: Scene, origin: tuple[float, float, float], fluid: Fluid) -> Grid:
    """Height of the bed above the camera, (320, 192): columns across the pipe, rows ahead, denser near the camera (z / (z + 1.5 radii))."""
    radius = scene.radius_m
    share = np.linspace(0, 1, 320, dtype=np.float32)[:, None]
    ahead = np.minimum(share / np.maximum(1 - share, np.float32(1e-3)) * np.float32(_NEAR * radius), np.float32(60 * radius))
    x, z = np.linspace(-radius, radius, 192, dtype=np.float32)[None, :], ahead + np.float32(origin[2])
    scale = np.float32(TILE / fluid.tile_m)
    u, v = (x + np.float32(fluid.noise_offset)) * scale + 0 * z, z * scale + 0 * x
    # far lumps are below a pixel and would only flicker
    lumps = lookup(bed_height(fluid.texture), u, v, wrap=True)
    lumps *= np.clip(np.float32(1.25) - ahead * np.float32(1 / (14 * radius)), 0.15, 1) * np.float32(fluid.rough_m)
    height = lumps + x * np.float32(fluid.lean) + np.float32(radius * (2 * fluid.level - 1) - origin[1])
    if fluid.bank is not None:
        along = np.clip((z - np.float32(fluid.start_m)) / np.float32(fluid.end_m - fluid.start_m), 0, 1) * np.float32(
            fluid.bank.shape[0] - 1
        )
        across = np.linspace(0, fluid.bank.shape[1] - 1, 192, dtype=np.float32)[None, :]
        height += lookup(fluid.bank, across + 0 * along, along + 0 * across)
    # a crawler stands on the bed: it never looks out from inside it
    ceiling = np.float32(-0.16 * radius) + np.float32(0.10) * np.maximum(ahead - np.float32(0.8 * radius), 0)
    return np.asarray(np.minimum(height, ceiling), dtype=np.float32)


def _colour_bed(scene: Scene, surface: Surface, fluid: Fluid, where: Places, reach: Grid) -> None:
    rays = surface.rays
    x = np.float32(rays.origin_m[0] + fluid.noise_offset) + reach * rays.x.take(where)
    z = np.float32(rays.origin_m[2]) + reach * rays.z.take(where)
    scale = np.float32(TILE / fluid.tile_m)
    look = lookup(bed_tile(fluid.texture), x * scale, z * scale, wrap=True)
    fine = np.clip(np.float32(1.2) - reach * np.float32(1 / (16 * scene.radius_m)), 0, 1)
    tone = 1 + (look[:, 2] - 1) * fine * np.float32(0.4 + fluid.grain)
    second = fluid.rgb if fluid.second_rgb is None else fluid.second_rgb
    rgb = np.array(fluid.rgb, np.float32) + look[:, 3:4] * (np.array(second, np.float32) - np.array(fluid.rgb, np.float32))
    rgb *= np.maximum(tone, np.float32(0.15))[:, None]
    # the bed thins out over the wall: its edge is feathered by its own lumps
    thin = np.clip((surface.hits.range_m.take(where) - reach) / np.float32(0.05 * scene.radius_m) + look[:, 0] * np.float32(0.8), 0.25, 1)
    below = surface.albedo.reshape(-1, 3).take(where, axis=0)
    rgb = below + thin[:, None] * (rgb - below)
    wet = np.float32(fluid.gloss) * np.clip(1 - look[:, 0], 0.2, 1.6)
    surface.cover(where, reach, rgb, part=FLUID, gloss=0.0, code=fluid.code)
    surface.gloss.reshape(-1)[where] = wet
    surface.relief.reshape(-1)[where] = np.clip(look[:, 1] * fine * np.float32(0.25 + 0.5 * fluid.grain), -0.7, 0.7)
