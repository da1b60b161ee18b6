"""What years of use leave on a sound wall: patches of another tone, splashes, runs from the crown, a trail along the invert.

All of it is harmless and carries no class: sound pipes on real film are seldom clean. One lookup of one tile serves all.
"""
# H W pixels

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

from trainer.synth.geometry import Hits, wrap
from trainer.synth.materials import Material
from trainer.synth.scene import Scene
from trainer.synth.texture import TILE, Grid, bordered, noise_tile, sample_tiles


@cache
def weather_tile() -> Grid:
    """Patches, splashes and runs, four channels of 512 px and a border: zero mean cloud; 0..1 spots; 0..1 streaks; nothing.

    The fourth channel is there for speed: OpenCV samples four channels in less than half the time of three.
    """
    cloud = np.ascontiguousarray(noise_tile("cloud")[::-1, ::-1].T) * np.float32(0.8) + noise_tile("grain") * np.float32(0.35)
    runs = np.clip(noise_tile("hoop") * np.float32(0.55) + noise_tile("cloud") * np.float32(0.4) - np.float32(0.75), 0, 1)
    return bordered(np.dstack([cloud, _spots(), runs, np.zeros_like(runs)]).astype(np.float32))


@cache
def _single(channel: int) -> Grid:
    """One channel of the tile: two lookups of one take less time than one of four."""
    return np.ascontiguousarray(weather_tile()[..., channel])


def _spots() -> Grid:
    """Many small spots, few large ones, in loose swarms; they wrap."""
    rng = np.random.default_rng([5309, 19])
    canvas = np.zeros((TILE, TILE), np.uint8)
    for _ in range(1500):
        x, y = (int(c) for c in rng.integers(0, TILE, 2))
        axes = tuple(max(int(a), 1) for a in rng.pareto(1.6, 2) * 0.9 + 1)
        tone = int(rng.uniform(60, 255))
        for dx in (-TILE, 0, TILE):
            for dy in (-TILE, 0, TILE):
                if -20 < x + dx < TILE + 20 and -20 < y + dy < TILE + 20:
                    cv2.ellipse(canvas, (x + dx, y + dy), (min(axes[0], 9), min(axes[1], 9)), int(rng.integers(180)), 0, 360, tone, -1)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.7).astype(np.float32) / 255)


def weather(material: Material, scene: Scene, hits: Hits, colour: Grid) -> Grid:
    """The wall's colour (H, W, 3) after years of use, as a new array if there is anything to add."""
    if not material.weathered:
        return colour
    patch, spots, runs = _marks(material, scene, hits)
    planes = cv2.split(colour)
    if material.patch:
        amount = np.clip((patch - np.float32(0.2)) * np.float32(material.patch_edge), 0, 1) * np.float32(material.patch)
        _cover(planes, amount, material.patch_rgb)
    if material.runs:
        _cover(planes, runs * np.float32(material.runs), material.runs_rgb)
    if material.splash:
        reach = np.float32(material.splash) - np.float32(0.5) * np.cos(hits.theta) + np.float32(0.5) * patch
        _cover(planes, spots * np.clip(reach, 0, 1), material.splash_rgb)
    if material.trail:
        off = np.abs(wrap(hits.theta - np.float32(np.pi + 0.4 * material.stain_turn)))
        wide = np.float32(material.trail) * (1 + np.float32(material.trail_ragged) * patch)
        alpha = np.clip((wide - off) * np.float32(material.trail_edge), 0, 1)
        _cover(planes, alpha * np.float32(0.85), material.trail_rgb)
    return np.asarray(cv2.merge(planes))


def _marks(material: Material, scene: Scene, hits: Hits) -> tuple[Grid, Grid, Grid]:
    """The tile's channels at each pixel, (H, W) each; those that the material has no use for are not looked up and stand empty."""
    tiles = max(1, round(2 * np.pi * scene.radius_m / material.weather_m))
    around = hits.theta * np.float32(tiles * TILE / (2 * np.pi))
    along = (hits.z_m + np.float32(scene.noise_offset * 0.7)) * np.float32(TILE / material.weather_m)
    used = [bool(material.patch or material.splash or material.trail), bool(material.splash), bool(material.runs)]
    if all(used):
        patch, spots, runs, _ = cv2.split(sample_tiles([weather_tile()], around, along)[0])
        return patch, spots, runs
    found = iter(sample_tiles([_single(channel) for channel in range(3) if used[channel]], around, along))
    none = np.zeros(0, np.float32)
    patch, spots, runs = (next(found) if there else none for there in used)
    return patch, spots, runs


def _cover(planes: Sequence[Grid], alpha: Grid, rgb: tuple[float, float, float]) -> None:
    """Lay a colour over the three planes of a picture, in place."""
    clear = 1 - alpha
    for plane, share in zip(planes, rgb, strict=True):
        plane *= clear
        plane += alpha * np.float32(share)
