"""AF, settled deposits in the invert: sand, gravel, rubble, mud, sludge, grease and hardened crust, from a film to half the section.

Harmless smears colour the invert without height; a bed is at least 4.5 % of the diameter high, so that the two stay apart.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from trainer.synth.defects.bodies import add_rubble, floor_height
from trainer.synth.scene import Fluid, Rgb, Scene
from trainer.synth.texture import Grid, patch_noise

_MIN_LEVEL, _MAX_LEVEL = 0.045, 0.55


@dataclass(frozen=True, slots=True)
class Bed:
    """How one kind of bed looks: colours to choose from (first, second), lumps and tile length in radii, gloss, stones on top."""

    colours: tuple[tuple[Rgb, Rgb], ...]
    lumps: tuple[float, float]
    tile: tuple[float, float]
    grain: tuple[float, float]
    gloss: tuple[float, float]
    stones: float = 0.0


_BROWN: tuple[Rgb, Rgb] = ((0.40, 0.30, 0.18), (0.24, 0.17, 0.10))
_GREY: tuple[Rgb, Rgb] = ((0.46, 0.44, 0.40), (0.28, 0.26, 0.23))
_YELLOW: tuple[Rgb, Rgb] = ((0.60, 0.48, 0.26), (0.42, 0.30, 0.13))
_BLACK: tuple[Rgb, Rgb] = ((0.13, 0.12, 0.10), (0.22, 0.19, 0.14))
_PALE: tuple[Rgb, Rgb] = ((0.72, 0.69, 0.60), (0.50, 0.44, 0.34))
_RUST: tuple[Rgb, Rgb] = ((0.48, 0.27, 0.10), (0.30, 0.16, 0.07))

BEDS: dict[str, Bed] = {
    "sand": Bed((_YELLOW, _BROWN, _GREY, _PALE), (0.02, 0.07), (1.5, 4.0), (0.3, 0.9), (0.05, 0.6), 0.3),
    "gravel": Bed((_BROWN, _GREY, _PALE, _YELLOW), (0.04, 0.10), (1.4, 2.8), (0.5, 1.0), (0.1, 0.7), 0.6),
    "rubble": Bed((_GREY, _BROWN, (_BROWN[0], _PALE[0]), (_GREY[0], _RUST[0])), (0.10, 0.22), (1.6, 3.2), (0.5, 1.0), (0.05, 0.4), 1.0),
    "mud": Bed((_BROWN, _GREY, _BLACK), (0.02, 0.08), (1.5, 3.5), (0.3, 0.8), (0.2, 1.0), 0.1),
    "sludge": Bed((_BLACK, _BROWN, (_BLACK[0], _RUST[1])), (0.05, 0.12), (1.4, 3.0), (0.4, 0.9), (0.5, 1.2), 0.1),
    "grease": Bed((_PALE, _YELLOW, ((0.78, 0.74, 0.62), _BROWN[1])), (0.04, 0.10), (1.2, 2.6), (0.3, 0.8), (0.3, 1.0)),
    "crust": Bed((_GREY, _PALE, _RUST, _BROWN), (0.06, 0.16), (2.0, 4.0), (0.3, 0.8), (0.0, 0.4), 0.2),
}


def paint_settled_deposits(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add AF; returns the clock angle."""
    return paint_bed(scene, rng, severity, z_m, kind=str(rng.choice(list(BEDS))))


def paint_bed(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, *, kind: str) -> float:
    """Add AF of one kind; returns the clock angle."""
    bed, radius = BEDS[kind], scene.radius_m
    level = float(np.clip(_MIN_LEVEL + 0.46 * severity**1.2 * rng.uniform(0.75, 1.1), _MIN_LEVEL, _MAX_LEVEL))
    rgb, second = bed.colours[int(rng.integers(len(bed.colours)))]
    tone = rng.uniform(0.75, 1.3) * rng.normal(1, 0.05, 3)
    length = radius * (4 + 18 * severity) * rng.uniform(0.5, 1.4)
    start = z_m - length * rng.uniform(0.05, 0.7)
    lumps = rng.uniform(*bed.lumps) * radius * min(1.0, 0.35 + 2.2 * level)
    fluid = Fluid(
        level=level,
        rgb=_toned(rgb, tone),
        start_m=float(start),
        end_m=float(start + length),
        rough_m=float(lumps),
        grain=float(rng.uniform(*bed.grain)),
        gloss=float(rng.uniform(*bed.gloss)),
        lean=float(rng.normal(0, 0.14)),
        second_rgb=_toned(second, tone),
        noise_offset=float(rng.uniform(0, 100)),
        code="AF",
        kind="bed",
        texture=kind,
        tile_m=float(rng.uniform(*bed.tile) * radius),
        bank=bank_profile(rng, level * 2 * radius, length / radius),
    )
    scene.fluids.append(fluid)
    _lower_water(scene, rng, level)
    if rng.random() < bed.stones:
        _strew(scene, rng, z_m, fluid, num=3 + int(rng.poisson(2 + 6 * severity)), size=0.05 + 0.10 * severity)
    return float(np.pi + np.arctan(fluid.lean))


def _toned(rgb: Rgb, tone: Grid) -> Rgb:
    red, green, blue = np.clip(np.array(rgb) * tone, 0.03, 0.92)
    return float(red), float(green), float(blue)


def bank_profile(rng: np.random.Generator, depth_m: float, length_radii: float) -> Grid:
    """Height over a bed's level, (96, 48) metres: humps along the pipe, a heap, a channel cut by the flow, ends that run out."""
    along, across = np.linspace(0, 1, 96, dtype=np.float32)[:, None], np.linspace(-1, 1, 48, dtype=np.float32)[None, :]
    humps = cv2.resize(patch_noise(rng, 96, rng.uniform(0.6, 2.0)), (48, 96)) * np.float32(rng.uniform(0.05, 0.22))
    shape = rng.choice(["flat", "heap", "channel", "one side", "dunes"])
    if shape == "heap":
        humps += np.float32(0.35) * np.exp(-(((across - rng.normal(0, 0.25)) / 0.5) ** 2)) * np.sin(np.pi * along) - np.float32(0.15)
    elif shape == "channel":
        course = rng.normal(0, 0.2) + 0.25 * np.sin(along * rng.uniform(2, 9) + rng.uniform(0, 6))
        humps += np.float32(0.15) - np.float32(0.9) * np.exp(-(((across - course) / rng.uniform(0.12, 0.3)) ** 2))
    elif shape == "one side":
        humps += np.float32(rng.choice([-1, 1]) * rng.uniform(0.3, 0.7)) * across
    elif shape == "dunes":
        humps += np.float32(rng.uniform(0.12, 0.3)) * np.sin(along * rng.uniform(8, 30) + 2 * across * rng.normal())
    first, last = np.maximum(length_radii / rng.uniform(0.6, 3.5, 2), 2.2)
    ends = np.clip(np.minimum(along * first, (1 - along) * last) + 0.15 * humps / (np.abs(humps).max() + 1e-6), 0, 1)
    ends = ends * ends * (3 - 2 * ends)
    return np.ascontiguousarray((humps * ends - np.float32(1.15) * (1 - ends)) * np.float32(depth_m), dtype=np.float32)


def _lower_water(scene: Scene, rng: np.random.Generator, level: float) -> None:
    """Water stands between a bed's lumps at most: a bed that drowned could not be seen."""
    limit = level * (rng.uniform(0.6, 0.98) if level > 0.12 else 0.5)
    scene.fluids[:] = [replace(f, level=min(f.level, limit)) if f.kind == "water" else f for f in scene.fluids]


def _strew(scene: Scene, rng: np.random.Generator, z_m: float, bed: Fluid, *, num: int, size: float) -> None:
    """Single stones half sunk in the bed, where the bed is at their place."""
    first = len(scene.solids)
    add_rubble(scene, rng, z_m, num=num, code="AF", rgb=bed.rgb, size=size)
    for number in range(first, len(scene.solids)):
        stone = scene.solids[number]
        x, _, z = stone.centre_m
        scene.solids[number] = replace(stone, centre_m=(x, bed_top_m(scene, bed, x, z) + 0.2 * min(stone.half_m), z))


def bed_top_m(scene: Scene, bed: Fluid, x_m: float, z_m: float) -> float:
    """Height of the bed, without its lumps, or of the invert under it."""
    share = (z_m - bed.start_m) / (bed.end_m - bed.start_m)
    if bed.bank is None or not 0 <= share <= 1:
        return floor_height(scene, x_m)
    rows, columns = bed.bank.shape
    bank = bed.bank[round(share * (rows - 1)), int(np.clip(0.5 + 0.5 * x_m / scene.radius_m, 0, 1) * (columns - 1))]
    return max(floor_height(scene, x_m), scene.radius_m * (2 * bed.level - 1) + bed.lean * x_m + float(bank))
