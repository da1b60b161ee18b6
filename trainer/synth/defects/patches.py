"""Pieces of texture for patches on the wall: cuts of the noise tiles, soft fields, torn outlines, beds of stones.

Whatever is costly is made once per process and cut at a random place; a frame pays for slicing and arithmetic alone.
"""

from functools import cache
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.scene import Scene
from trainer.synth.texture import TILE, Grid, NoiseKind, noise_tile

_BED = 384
NUM_BEDS = 5


@cache
def _wide(kind: NoiseKind) -> Grid:
    tile: Grid = np.tile(noise_tile(kind), (2, 2))
    tile.setflags(write=False)
    return tile


def noise_cut(rng: np.random.Generator, kind: NoiseKind, shape: tuple[int, int], scale: float = 1.0) -> Grid:
    """Noise (h, w) from a random place of its tile; `scale` tile texels per patch texel, at most 512 of them a side; read only."""
    height, width = (min(max(ceil(side * scale), 2), TILE) for side in shape)
    row, column = (int(start) for start in rng.integers(0, TILE, 2))
    cut = _wide(kind)[row : row + height, column : column + width]
    if cut.shape == shape:
        return cut
    return cv2.resize(cut, shape[::-1], interpolation=cv2.INTER_AREA if scale > 1.5 else cv2.INTER_LINEAR)


@cache
def dome(shape: tuple[int, int]) -> Grid:
    """1 in the middle of a patch, falling as the squared radius: 0 at the middles of its sides, negative in its corners; read only."""
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    field: Grid = 1 - rows[:, None] ** 2 - columns[None, :] ** 2
    field.setflags(write=False)
    return field


@cache
def fade(shape: tuple[int, int], *, all_round: bool = False) -> Grid:
    """1 inside a patch, falling to 0 at its border; `all_round` only at its two ends along the pipe; read only."""
    rows, columns = (np.clip((1 - np.linspace(-1, 1, side, dtype=np.float32) ** 2) * 3, 0, 1) for side in shape)
    window: Grid = rows[:, None] * (np.ones_like(columns) if all_round else columns)[None, :]
    window.setflags(write=False)
    return window


def soft_patch(
    rng: np.random.Generator, shape: tuple[int, int], amount: float, *, softness: float = 0.4, scale: float = 0.7, all_round: bool = False
) -> Grid:
    """A cloudy patch with a soft ragged border, alpha (h, w); `amount` 0 leaves specks in its middle, 1 fills it."""
    ground = np.float32(0.25) * dome(shape)[:, shape[1] // 2][:, None] if all_round else np.float32(0.9) * dome(shape)
    field = np.float32(0.42) * noise_cut(rng, "cloud", shape, scale) + np.float32(0.16) * noise_cut(rng, "grain", shape, 0.9) + ground
    alpha = np.clip((field + np.float32(1.5 * amount - 0.95)) * np.float32(1 / softness), 0, 1)
    return np.asarray(alpha * fade(shape, all_round=all_round), dtype=np.float32)


def torn_shape(rng: np.random.Generator, shape: tuple[int, int], fill: float, *, corners: int = 11, rough: float = 0.5) -> Grid:
    """Signed distance (h, w) in texels to a torn outline, positive inside; `fill` its mean radius in half sides."""
    angles = (np.arange(corners) + rng.uniform(-0.4, 0.4, corners)) * (2 * np.pi / corners)
    radii = np.clip(fill * (1 + rough * rng.normal(0, 0.35, corners)), 0.12, 0.9)
    outline = (np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None] + 1) * (np.array(shape[::-1]) / 2)
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [(outline * 8).astype(np.int32)], 255, cv2.LINE_8, 3)
    inside, outside = (cv2.distanceTransform(side, cv2.DIST_L2, 3) for side in (canvas, 255 - canvas))
    fray = np.float32(0.012 * max(shape)) * (noise_cut(rng, "cloud", shape, 1.6) + np.float32(0.35) * noise_cut(rng, "grain", shape))
    return np.asarray(inside - outside + fray, dtype=np.float32)


@cache
def stone_bed(number: int) -> Grid:
    """A bed of stones of mixed sizes as tone (about 0, unit spread) and height 0..1, (384, 384, 2); read only."""
    rng = np.random.default_rng([5310, number])
    finest, coarsest = ((2.0, 5.0), (2.5, 8.0), (3.0, 12.0), (3.0, 18.0), (4.5, 22.0))[number]
    tone, body = np.zeros((_BED, _BED), np.float32), np.zeros((_BED, _BED), np.uint8)
    num = int(1.1 * _BED * _BED / (np.pi * finest * coarsest))
    for size in finest * (coarsest / finest) ** (1 - np.sqrt(rng.random(num))):
        at = tuple(int(c) for c in rng.integers(0, _BED, 2))
        axes, turn = (max(1, round(size * rng.uniform(0.7, 1.2))), max(1, round(size * rng.uniform(0.5, 1.0)))), float(rng.uniform(0, 180))
        cv2.ellipse(body, at, (axes[0] + 1, axes[1] + 1), turn, 0, 360, 0, -1)
        cv2.ellipse(body, at, axes, turn, 0, 360, 255, -1)
        cv2.ellipse(tone, at, axes, turn, 0, 360, float(rng.normal(0, 1)), -1)
    height = np.sqrt(np.clip(cv2.distanceTransform(body, cv2.DIST_L2, 3) / np.float32(0.5 * coarsest), 0, 1))
    tones: Grid = cv2.GaussianBlur(np.where(body > 0, tone, np.float32(-1.2)), (0, 0), 0.8)
    bed: Grid = np.dstack([tones, cv2.GaussianBlur(height, (0, 0), 0.8)])
    bed.setflags(write=False)
    return bed


def stone_cut(rng: np.random.Generator, shape: tuple[int, int], scale: float = 1.0, *, coarse: float = 0.5) -> tuple[Grid, Grid]:
    """Tone and height of stones, each (h, w), from a random bed; `coarse` 0..1 favours large stones."""
    number = int(np.clip(rng.normal(coarse * (NUM_BEDS - 1), 0.9), 0, NUM_BEDS - 0.5))
    height, width = (int(np.clip(np.ceil(side * scale), 2, _BED)) for side in shape)
    row, column = int(rng.integers(0, _BED - height + 1)), int(rng.integers(0, _BED - width + 1))
    cut = stone_bed(number)[row : row + height, column : column + width]
    if cut.shape[:2] != shape:
        cut = cv2.resize(cut, shape[::-1], interpolation=cv2.INTER_AREA if scale > 1.5 else cv2.INTER_LINEAR)
    return cut[..., 0], cut[..., 1]


def texels(scene: Scene, half_theta: float, half_z_m: float, *, longest: int = 256) -> tuple[int, int]:
    """Rows and columns of a patch with square texels, the longer side `longest`; rounded to 16 so that windows can be kept."""
    along, around = half_z_m, half_theta * scene.radius_m
    unit = max(along, around) / longest
    rows, columns = (int(np.clip(16 * round(side / unit / 16), 16, longest)) for side in (along, around))
    return rows, columns


def dry_limit(scene: Scene) -> float:
    """Clock angle at which the water begins, radians from the crown."""
    return float(np.arccos(np.clip(2 * scene.water_level - 1, -1, 1))) if scene.water_level > 0.02 else float(np.pi)


def dry_angle(scene: Scene, rng: np.random.Generator) -> float:
    """Anywhere on the wall but under the water."""
    return float(rng.uniform(-0.9, 0.9) * dry_limit(scene))


def wall_rgb(scene: Scene) -> NDArray[np.float32]:
    """Colour of the bare wall."""
    return np.array(scene.materials[0].rgb, np.float32)


def tinted(rgb: Grid, tone: Grid) -> Grid:
    """Colours (3,) or (h, w, 3) times a tone (h, w): (h, w, 3), 0.004..0.95. By planes: NumPy is slow on a last axis of three."""
    planes = [np.asarray(tone * rgb[..., channel], dtype=np.float32) for channel in range(3)]
    return np.clip(cv2.merge(planes), np.float32(0.004), np.float32(0.95))


def mixed(below: Grid, above: Grid, alpha: Grid) -> Grid:
    """Colours (h, w, 3) or (3,) `above` laid over `below` with alpha (h, w)."""
    planes = []
    for channel in range(3):
        ground, cover = below[..., channel], above[..., channel]
        planes.append(np.asarray(ground + alpha * (cover - ground), dtype=np.float32))
    return cv2.merge(planes)
