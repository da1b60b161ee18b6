"""Light: lamps beside the lens, so what faces the camera is bright, what is far is dark and wet relief glints.

Irradiance falls with a power of the distance softened near the lens; the exponent (below the physical 2 times the cosine law)
stands for beams that are brighter along the axis and for the camera's gain control.
"""

from dataclasses import dataclass

import numpy as np

from trainer.synth.geometry import CURTAIN, SOLID
from trainer.synth.surface import Surface
from trainer.synth.texture import Grid


@dataclass(frozen=True, slots=True)
class Lamps:
    """How a camera lights the pipe. `fall` is the distance exponent, `reach` the distance of half light in radii."""

    fall: float = 1.6
    reach: float = 2.0
    beam: float = 1.0
    side: tuple[float, float] = (0.0, 0.0)
    facing: float = 0.5
    glint: float = 0.5
    haze: float = 0.0
    haze_rgb: tuple[float, float, float] = (0.6, 0.6, 0.55)
    rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    exposure: float = 1.0
    ambient: float = 0.0


def draw_lamps(rng: np.random.Generator) -> Lamps:
    """Lamps and colour cast of one inspection; the mean cast is the warm one of Sewer-ML's published image mean."""
    cast = rng.normal([1.05, 1.0, 0.90], [0.07, 0.03, 0.09])
    if rng.random() < 0.12:
        cast = rng.normal([0.95, 1.0, 0.98], [0.1, 0.06, 0.14])
    return Lamps(
        fall=rng.uniform(0.7, 2.2),
        reach=float(np.exp(rng.uniform(np.log(1.6), np.log(6.0)))),
        beam=rng.uniform(0.5, 6.0),
        side=(rng.normal(0, 0.12), rng.normal(0, 0.12)),
        facing=rng.uniform(0.4, 1.1),
        glint=rng.uniform(0.1, 1.0),
        haze=float(rng.uniform(0.02, 0.25)) if rng.random() < 0.15 else 0.0,
        rgb=tuple(np.clip(cast, 0.5, 1.4)),
        exposure=float(np.clip(rng.normal(0.70, 0.15), 0.45, 1.05)),
        ambient=rng.uniform(0.0, 0.03),
    )


def _normals(surface: Surface) -> tuple[Grid, Grid, Grid]:
    """Unit normals from neighbouring pixels' positions: true for every body without knowing its formula."""
    ax, ay, az = (np.diff(p, axis=1, append=2 * p[:, -1:] - p[:, -2:-1]) for p in (surface.x_m, surface.y_m, surface.z_m))
    bx, by, bz = (np.diff(p, axis=0, append=2 * p[-1:] - p[-2:-1]) for p in (surface.x_m, surface.y_m, surface.z_m))
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    norm = 1 / np.maximum(np.sqrt(nx * nx + ny * ny + nz * nz), np.float32(1e-12))
    return nx * norm, ny * norm, nz * norm


def illuminate(surface: Surface, lamps: Lamps, radius_m: float) -> Grid:
    """Light arriving at the sensor, (H, W, 3) float32, scaled by automatic exposure so that bright wall is near 1."""
    rays, hits = surface.rays, surface.hits
    nx, ny, nz = _normals(surface)
    facing = np.abs(nx * rays.x + ny * rays.y + nz * rays.z)
    distance = hits.range_m / np.float32(radius_m)
    body = hits.part >= SOLID
    slope = np.clip(1 + np.float32(1.0) * surface.relief, 0.15, 2.2)
    cosine = np.where(body & (hits.part != CURTAIN), facing, np.maximum(facing, np.float32(0.02)))
    cosine[hits.part == CURTAIN] = 0.6
    lambert = np.exp(np.float32(lamps.facing) * np.log(np.maximum(cosine, np.float32(0.02)))) * slope
    fall = np.exp(np.float32(-lamps.fall) * np.log1p(distance / np.float32(lamps.reach)))
    aim = np.float32(1) + np.float32(lamps.side[0]) * rays.x + np.float32(lamps.side[1]) * rays.y
    beam = np.exp(np.float32(lamps.beam * 0.25) * np.log(np.maximum(rays.cosine, np.float32(0.05))))
    light = (lambert * fall * beam * aim * surface.shade) + np.float32(lamps.ambient) * fall
    picture = surface.albedo * light[..., None]
    picture += (_glints(surface, facing, lamps) * fall * surface.shade)[..., None]
    gain = _auto_gain(picture, lamps.exposure)
    picture *= gain * np.array(lamps.rgb, np.float32)
    if lamps.haze:
        thick = (1 - np.exp(-distance * np.float32(lamps.haze * 0.35)))[..., None]
        picture += thick * (np.array(lamps.haze_rgb, np.float32) * np.float32(0.30) - picture)
    return np.asarray(picture, dtype=np.float32)


def _glints(surface: Surface, facing: Grid, lamps: Lamps) -> Grid:
    """Highlights: where a wet or smooth surface, tilted by its relief, mirrors the lamps back."""
    tilt = np.clip(facing + np.float32(0.35) * surface.relief, 0, 1)
    power = tilt * tilt
    power = power * power
    power = power * power
    power[surface.hits.range_m * surface.hits.range_m * np.float32(surface.rays.pixel_rad) > surface.hits.radius_m * np.float32(0.25)] = 0
    return np.asarray(np.float32(lamps.glint * 1.1) * np.clip(surface.gloss, 0, 1.5) * power * power)


def _auto_gain(picture: Grid, exposure: float) -> np.float32:
    sample = picture[::4, ::4, 1]
    bright = np.quantile(sample, 0.85) + 0.35 * sample.mean()
    return np.float32(exposure / max(float(bright), 1e-4))
