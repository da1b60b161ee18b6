"""Smears: dirt and wetness that only colour the wall round the invert, in bands with torn, feathered edges; nothing is displaced."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

from trainer.synth.geometry import FACE
from trainer.synth.scene import FAR_RADII, Fluid, Scene
from trainer.synth.surface import Surface
from trainer.synth.texture import TILE, Grid, at_least, bordered, noise_tile, sample_tiles

_COARSE = 8


@cache
def smear_tile() -> Grid:
    """Slow and fine noise twice, for the edge and for the tone, four channels of 512 px and a border."""
    cloud, grain = noise_tile("cloud"), noise_tile("grain")
    long = np.tile(cloud[:, ::2], (1, 2))
    fine = np.tile(grain[::2], (2, 1))
    tile: Grid = np.dstack([0.28 * long + 0.05 * grain, 0.22 * fine, np.roll(cloud, 200, axis=0), np.roll(grain, 200, axis=1)]).astype(
        np.float32
    )
    return bordered(tile)


def add_smears(scene: Scene, surface: Surface, smears: Sequence[Fluid]) -> None:
    """Lay smears on the wall, in their order; `level` is half the width in radians, `foam` the strength, `clear` the edge's softness.

    They are mixed on every second row and column and then enlarged: dirt has no finer detail than that, and it is laid in most pictures.
    """
    widest = max(s.level + 0.9 * s.rough_m + abs(s.lean) for s in smears)
    rows = _rows(surface, scene, widest)
    if rows is None:
        return
    hits, half = surface.hits, (slice(rows.start, rows.stop, 2), slice(None, None, 2))
    theta, z = hits.theta[half] - np.float32(np.pi), hits.z_m[half]
    scale, shift = np.float32(TILE / smears[0].tile_m), np.float32(smears[0].noise_offset)
    around, along = (theta * np.float32(scene.radius_m) + shift) * scale, (z + shift) * scale * np.float32(0.7)
    slow, fine, slow_tone, fine_tone = cv2.split(sample_tiles([smear_tile()], around, along)[0])
    edge, tone = slow + fine, slow_tone + fine_tone
    layers = [np.zeros_like(theta) for _ in range(4)] + [np.ones_like(theta)]  # red, green, blue, gloss, what is left of the wall
    for smear in smears:
        _mix(layers, smear, theta, z, (edge, tone))
    mixed = cv2.resize(cv2.merge(layers), hits.theta[rows].shape[::-1], interpolation=cv2.INTER_LINEAR)
    _lay(surface, rows, mixed)


def _rows(surface: Surface, scene: Scene, widest: float) -> slice | None:
    """Rows of the picture in which wall that near to the invert is seen before it is dark."""
    coarse = slice(None, None, _COARSE)
    near = np.abs(surface.hits.theta[coarse, coarse] - np.float32(np.pi)) < widest
    near &= surface.hits.range_m[coarse, coarse] < np.float32(0.6 * FAR_RADII * scene.radius_m)
    seen = np.flatnonzero(near.any(axis=1))
    return slice(max(0, int(seen[0] - 1) * _COARSE), int(seen[-1] + 2) * _COARSE) if seen.size else None


def _mix(layers: list[Grid], smear: Fluid, theta: Grid, z: Grid, noise: tuple[Grid, Grid]) -> None:
    """Lay one smear over the layers mixed so far."""
    softness = np.float32(1 / max(0.4 * smear.rough_m * smear.clear, 0.01))
    inside = np.float32(smear.level) - np.abs(theta - np.float32(smear.lean)) + np.float32(smear.rough_m) * noise[0]
    alpha = np.clip(inside * softness, 0, 1) * np.float32(smear.foam or 1.0)
    if smear.start_m > -1e2 or smear.end_m < 1e3:
        alpha *= (z > np.float32(smear.start_m)) & (z < np.float32(smear.end_m))
    left = 1 - alpha
    tone = alpha * at_least(1 + np.float32(0.5 * smear.grain) * noise[1], 0.3)
    for layer, share in zip(layers, smear.rgb, strict=False):
        layer *= left
        layer += tone * np.float32(share)
    layers[3] += alpha * np.float32(smear.gloss)
    layers[4] *= left


def _lay(surface: Surface, rows: slice, mixed: Grid) -> None:
    """Lay the mixed layers (H, W, 5) on the wall, not on what stands before it."""
    on_wall = surface.hits.part[rows] <= FACE
    red, green, blue, gloss, left = cv2.split(mixed)
    if not on_wall.all():
        behind = ~on_wall
        for layer in (red, green, blue, gloss):
            layer[behind] = 0
        left[behind] = 1
    albedo = surface.albedo[rows]
    cv2.multiply(albedo, cv2.merge([left, left, left]), dst=albedo)
    cv2.add(albedo, cv2.merge([red, green, blue]), dst=albedo)
    surface.gloss[rows] += gloss
