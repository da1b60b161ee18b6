"""Tiles of what lies in sewers: sand, gravel, rubble, cracked mud, sludge, grease and hardened crust, each made once per process.

A tile is (512, 512, 4): height, slope along the pipe, tone (a factor on the colour) and mix (share of the second colour). Like the
wall's noise, it does not depend on a frame's seed: a frame chooses the tile, its scale, offset and colours.
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.texture import TILE, Grid, noise_tile


@cache
def bed_tile(kind: str) -> Grid:
    """The tile of one kind of bed, (512, 512, 4) float32, read only; height and tone have means near 0 and 1."""
    height, tone, mix = _MAKERS[kind]()
    slope = np.roll(height, -1, axis=0) - np.roll(height, 1, axis=0)
    centred = height - height.mean()
    tile: Grid = np.dstack([centred / (np.abs(centred).max() + 1e-6), slope / (slope.std() * 2 + 1e-6), tone, np.clip(mix, 0, 1)]).astype(
        np.float32
    )
    tile.setflags(write=False)
    return tile


@cache
def bed_height(kind: str) -> Grid:
    """The height alone, (512, 512), -1..1, for the search along rays."""
    height: Grid = np.ascontiguousarray(bed_tile(kind)[..., 0])
    height.setflags(write=False)
    return height


def voronoi(num: int, seed: int) -> tuple[Grid, NDArray[np.int32]]:
    """Distance to the nearest of `num` points and that point's number, both (512, 512), wrapping."""
    rng = np.random.default_rng([5309, seed])
    spots = rng.integers(0, TILE, size=(2, num))
    empty = np.full((TILE, TILE), 255, np.uint8)
    empty[spots[0], spots[1]] = 0
    wide = np.tile(empty, (2, 2))
    distance, label = cv2.distanceTransformWithLabels(np.roll(wide, (256, 256), (0, 1)), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    middle = slice(256, 256 + TILE)
    # each copy of a point has a number of its own: the position of the point names it instead
    wide_rows, wide_cols = np.nonzero(np.roll(wide, (256, 256), (0, 1)) == 0)
    numbers = np.zeros(int(label.max()) + 1, np.int32)
    numbers[label[wide_rows, wide_cols]] = (wide_rows % TILE) * TILE + wide_cols % TILE
    return distance[middle, middle], numbers[label[middle, middle]]


def _per_stone(label: NDArray[np.int32], seed: int) -> Grid:
    """A random value 0..1 for each stone."""
    return np.random.default_rng([5309, seed]).random(TILE * TILE).astype(np.float32)[label]


def _stones(num: int, seed: int, *, smallest: float = 0.3) -> tuple[Grid, Grid, Grid]:
    """Domes of mixed size, their shade and their colour; 0 between them."""
    distance, label = voronoi(num, seed)
    size, colour = _per_stone(label, seed + 1), _per_stone(label, seed + 2)
    ragged = distance * (1 + np.float32(0.18) * noise_tile("cloud"))
    radius = TILE / np.sqrt(num) * np.float32(0.62) * (smallest + (1 - smallest) * size)
    dome = np.sqrt(np.clip(1 - (ragged / radius) ** 2, 0, 1)) * (radius / radius.max())
    return np.asarray(dome, dtype=np.float32), (dome > 0).astype(np.float32), colour


def _sand() -> tuple[Grid, Grid, Grid]:
    cloud, grain = noise_tile("cloud"), noise_tile("grain")
    rows = np.arange(TILE, dtype=np.float32)[:, None] * np.float32(2 * np.pi * 14 / TILE)
    ripple = np.sin(rows + 1.6 * cloud) * np.clip(0.5 + 0.5 * np.roll(cloud, 170, axis=1), 0, 1)
    return 0.30 * ripple + 0.5 * cloud + 0.04 * grain, 1 + 0.10 * grain + 0.06 * cloud, 0.4 + 0.3 * np.roll(cloud, 99, axis=0)


def _gravel() -> tuple[Grid, Grid, Grid]:
    big, on_big, colour = _stones(260, 21)
    small, on_small, colour_small = _stones(2600, 31, smallest=0.5)
    height = np.maximum(big, 0.35 * small) + 0.10 * noise_tile("cloud")
    shade = np.where(big > 0.35 * small, colour, colour_small)
    tone = 0.55 + 0.25 * np.maximum(on_big, on_small) + 0.55 * shade * np.maximum(on_big, on_small) + 0.08 * noise_tile("grain")
    return height, tone, np.where(on_big > 0, np.roll(colour, 11), 0.3 * colour_small)


def _rubble() -> tuple[Grid, Grid, Grid]:
    big, on_big, colour = _stones(70, 41, smallest=0.25)
    flat = np.minimum(big, 0.35 + 0.4 * colour)
    small, on_small, colour_small = _stones(900, 51, smallest=0.3)
    height = np.maximum(flat, 0.22 * small) + 0.05 * noise_tile("cloud")
    tone = 0.5 + 0.2 * on_small * colour_small + on_big * (0.25 + 0.5 * colour) + 0.10 * noise_tile("grain")
    return height, tone, np.where(on_big > 0, (colour > 0.55) * 0.9, 0.15)


def _mud() -> tuple[Grid, Grid, Grid]:
    coarse, label = voronoi(150, 61)
    plate = _per_stone(label, 62)
    edge = cv2.morphologyEx(plate, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0.25
    crack = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 1.5)
    cloud = noise_tile("cloud")
    height = 0.5 * cloud + 0.12 * plate - 0.5 * crack - 0.003 * coarse
    return height, 1 - 0.6 * crack + 0.1 * cloud + 0.05 * noise_tile("grain"), 0.35 + 0.3 * np.roll(cloud, 77, axis=1)


def _sludge() -> tuple[Grid, Grid, Grid]:
    cloud, grain = noise_tile("cloud"), noise_tile("grain")
    distance, label = voronoi(70, 71)
    scrap: Grid = (distance * (1 + 0.5 * np.roll(grain, 40)) < 18 * _per_stone(label, 72) - 6).astype(np.float32)
    scrap = cv2.GaussianBlur(scrap, (0, 0), 0.8)
    height = 0.8 * cloud + 0.12 * scrap
    return height, 1 + 0.12 * cloud + scrap * (0.8 + 1.2 * _per_stone(label, 73)), 0.4 + 0.3 * np.roll(cloud, 33) - scrap


def _grease() -> tuple[Grid, Grid, Grid]:
    cloud = noise_tile("cloud")
    plate = np.clip((cloud + 0.5 * np.roll(cloud, 200, axis=0) + 0.25 * noise_tile("grain") + 0.5) * 0.9, 0, 1)
    lumps, _, shade = _stones(500, 81)
    height = plate * (0.7 + 0.5 * lumps) + 0.15 * cloud
    return height, 0.65 + 0.35 * plate + 0.2 * shade * plate, 1 - plate


def _crust() -> tuple[Grid, Grid, Grid]:
    cloud, grain = noise_tile("cloud"), noise_tile("grain")
    steps = cloud * 2.2 + 0.15 * grain
    terrace = np.floor(steps) + np.clip((steps - np.floor(steps)) * 5, 0, 1)
    return terrace * 0.4 + 0.05 * grain, 1 + 0.12 * grain + 0.10 * terrace, 0.5 + 0.3 * np.sin(terrace * 2.1)


_MAKERS: dict[str, Callable[[], tuple[Grid, Grid, Grid]]] = {
    "sand": _sand,
    "gravel": _gravel,
    "rubble": _rubble,
    "mud": _mud,
    "sludge": _sludge,
    "grease": _grease,
    "crust": _crust,
}
BED_KINDS = tuple(_MAKERS)
