"""Textures and their lookup: tileable fractal noise made once per process, and bilinear sampling of any array at pixel lists.

Noise is shaped in the Fourier domain (amplitude 1/f^beta), so every tile wraps without a seam; a pipe wall is tiled a whole number
of times round its circumference. The bank does not depend on the frame's seed: a frame only chooses scale and offset.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Grid = NDArray[Any]  # float32 throughout; the stubs of NumPy and OpenCV widen it at every step
NoiseKind = Literal["cloud", "grain", "streak", "hoop", "cell"]

TILE = 512
_BORDER = 2
_INFINITE = np.float32(np.inf)
_ROW, _LONGEST_ROW = 1024, 32000
_SPECTRA: dict[str, tuple[float, float, float]] = {  # beta, stretch round the pipe, stretch along the pipe
    "cloud": (1.7, 1.0, 1.0),
    "grain": (0.75, 1.0, 1.0),
    "streak": (1.1, 1.0, 7.0),
    "hoop": (1.0, 9.0, 1.0),
}


def _fractal(beta: float, stretch_u: float, stretch_v: float, seed: int) -> Grid:
    rng = np.random.default_rng([5309, seed])
    frequency_u = np.fft.fftfreq(TILE)[None, :] * TILE * stretch_u
    frequency_v = np.fft.fftfreq(TILE)[:, None] * TILE * stretch_v
    radius = np.hypot(frequency_u, frequency_v)
    radius[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.standard_normal((TILE, TILE))) / np.maximum(radius, 1.0) ** beta
    field = np.real(np.fft.ifft2(spectrum))
    return np.asarray((field - field.mean()) / (field.std() + 1e-9), dtype=np.float32)


def _cells(seed: int) -> Grid:
    """Rounded grains (aggregate, gravel): distance to the nearest of many points, wrapped."""
    rng = np.random.default_rng([5309, seed])
    seeds = np.full((TILE, TILE), 255, np.uint8)
    points = rng.integers(0, TILE, size=(2, 1400))
    seeds[points[0], points[1]] = 0
    wrapped = np.tile(seeds, (3, 3))[TILE // 2 : -TILE // 2, TILE // 2 : -TILE // 2]
    distance = cv2.distanceTransform(wrapped, cv2.DIST_L2, 5)[TILE // 2 : TILE // 2 + TILE, TILE // 2 : TILE // 2 + TILE]
    grains = np.float32(1.0) - distance / np.float32(9.0)
    return np.asarray((grains - grains.mean()) / grains.std(), dtype=np.float32)


@cache
def noise_tile(kind: NoiseKind) -> Grid:
    """One tile of noise, (512, 512), zero mean, unit variance; read only."""
    if kind == "cell":
        tile = _cells(9)
    else:
        beta, along_u, along_v = _SPECTRA[kind]
        tile = _fractal(beta, along_u, along_v, seed=len(kind))
    tile.setflags(write=False)
    return tile


@cache
def relief_tile(kind: NoiseKind) -> Grid:
    """Value and slope along the pipe of one tile as two channels, (512, 512, 2): shading needs both at each pixel."""
    tile = noise_tile(kind)
    slope = np.roll(tile, -1, axis=0) - np.roll(tile, 1, axis=0)
    pair: Grid = np.ascontiguousarray(np.dstack([tile, slope / (slope.std() + 1e-6)]).astype(np.float32))
    pair.setflags(write=False)
    return pair


@cache
def coarse_tile() -> Grid:
    """Cloud, streak, hoop and blotch of a wall as four channels, 256 px and a border: OpenCV samples four about as quickly as one."""
    hoop = np.tile(noise_tile("hoop")[::2, ::2], (2, 2))  # hoops are twice as fine as clouds
    blotch = np.roll(noise_tile("cloud"), (TILE // 3, TILE // 2), axis=(0, 1))
    return _packed(noise_tile("cloud"), noise_tile("streak"), hoop, blotch)


@cache
def fine_tile() -> Grid:
    """Grain and its slope along the pipe, cells and theirs, four channels of 256 px and a border."""
    return _packed(*(relief_tile("grain")[..., i] for i in range(2)), *(relief_tile("cell")[..., i] for i in range(2)))


def _packed(*channels: Grid) -> Grid:
    """At half size: 1 MB stays in a core's cache, 4 MB do not, and lookups then take three times as long."""
    halved = [cv2.resize(np.ascontiguousarray(c), (TILE // 2, TILE // 2), interpolation=cv2.INTER_AREA) for c in channels]
    return bordered(np.dstack([c / c.std() for c in halved]).astype(np.float32))


def bordered(tile: Grid) -> Grid:
    """A tile with its first two rows and columns repeated at its end, for `sample_tiles`; read only."""
    wide: Grid = cv2.copyMakeBorder(tile, 0, _BORDER, 0, _BORDER, cv2.BORDER_WRAP)
    wide.setflags(write=False)
    return wide


def sample_tiles(tiles: Sequence[Grid], x: Grid, y: Grid) -> list[Grid]:
    """As `lookup` with `wrap`, of `bordered` tiles of one size at places (H, W): with nothing to wrap, OpenCV is a fifth quicker."""
    height, width = tiles[0].shape[0] - _BORDER, tiles[0].shape[1] - _BORDER
    x, y = modulo(x, width), modulo(y, height)
    return [cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for tile in tiles]


def at_least(values: Grid, low: float) -> Grid:
    """No value below `low`; np.maximum with one number takes twice as long."""
    return np.clip(values, np.float32(low), _INFINITE)


def planes(samples: Grid) -> list[Grid]:
    """Channels (K,) of samples (K, C), K at least 1: NumPy needs several times as long to take them apart, and for strided arithmetic."""
    return [plane.reshape(-1) for plane in cv2.split(samples[:, None])]


def modulo(values: Grid, period: float) -> Grid:
    """Floored remainder; np.mod on float32 takes ten times as long."""
    turns = np.asarray(values * np.float32(1 / period))
    np.floor(turns, out=turns)
    turns *= np.float32(period)
    return np.asarray(values - turns, dtype=np.float32)


def lookup(texture: Grid, x: Grid, y: Grid, *, wrap: bool = False) -> Grid:
    """Bilinear samples of `texture` (h, w) or (h, w, C) at pixel positions `x`, `y` of any shape; returns that shape (+ C).

    OpenCV's remap takes images below 32767 px a side, hence the reshaping of long flat lists.
    """
    border = cv2.BORDER_WRAP if wrap else cv2.BORDER_REPLICATE
    if wrap:
        x, y = modulo(x, texture.shape[1]), modulo(y, texture.shape[0])
    if x.ndim == 2:
        return cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=border)
    num = x.size
    if num == 0:
        return np.zeros((0, *texture.shape[2:]), np.float32)
    if num <= _LONGEST_ROW:
        row_x, row_y = (np.ascontiguousarray(places, dtype=np.float32)[None, :] for places in (x, y))
        samples: Grid = cv2.remap(texture, row_x, row_y, cv2.INTER_LINEAR, borderMode=border)[0]
        return samples
    rows = -(-num // _ROW)
    flat_x, flat_y = np.empty(rows * _ROW, np.float32), np.empty(rows * _ROW, np.float32)
    flat_x[:num], flat_y[:num] = x, y
    flat_x[num:], flat_y[num:] = 0, 0
    samples = cv2.remap(texture, flat_x.reshape(rows, _ROW), flat_y.reshape(rows, _ROW), cv2.INTER_LINEAR, borderMode=border)
    return samples.reshape(rows * _ROW, *texture.shape[2:])[:num]


def patch_noise(rng: np.random.Generator, size: int, scale: float, kind: NoiseKind = "cloud", *, rows: int | None = None) -> Grid:
    """A (size, size) cut of noise at a random place, or only its first `rows`; `scale` noise pixels per patch pixel."""
    start_u, start_v = rng.uniform(0, TILE, 2)
    steps = np.arange(size, dtype=np.float32) * np.float32(scale)
    across, down = modulo(steps + np.float32(start_u), TILE), modulo(steps[:rows] + np.float32(start_v), TILE)
    grid_u, grid_v = np.meshgrid(across, down)
    samples: Grid = cv2.remap(noise_tile(kind), grid_u, grid_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return samples
