"""Light: a ring of lamps at the lens, so what faces the camera is bright, what is far is dark, and wet relief glints.

Irradiance falls with a power of the distance softened near the lens; how the beams overlap, which lamp is out and what the crawler
shadows depends on direction only and is computed small. Between lens and wall there may be fog, whose own colour the far end takes.
Automatic exposure then brings the frame to one of the states seen in inspections: dark, normal, blown.
"""
# H W pixels

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from trainer.synth.geometry import CURTAIN, FLUID, Hits, Rays
from trainer.synth.surface import Surface
from trainer.synth.texture import Grid, at_least

Rgb = tuple[float, float, float]
_COARSE = 8  # pixels per cell of what depends on direction only
_FOG_RGB: tuple[Rgb, ...] = ((0.62, 0.64, 0.62), (0.60, 0.60, 0.55), (0.52, 0.62, 0.66), (0.66, 0.60, 0.50), (0.55, 0.66, 0.52))


@dataclass(frozen=True, slots=True)
class Lamp:
    """One lamp of the ring: where its beam is aimed in half image heights, the beam's width, its power and colour."""

    aim: tuple[float, float]
    width: float
    power: float
    rgb: Rgb = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Lamps:
    """How a camera lights the pipe. `fall` is the distance exponent, `reach` the distance of half light in radii.

    `facing` is the exponent of the cosine to the wall, `flood` the share of light outside all beams, `shadow` (x, y, size, depth) what
    the crawler keeps off, `mirrored` the lamps' images in wet floors as (x, y, size, strength). `haze` is the fog's density per radius,
    `far_light` the brightness of daylight at the far manhole `far_light_radii` away.
    """

    fall: float = 1.6
    reach: float = 2.0
    facing: float = 0.5
    ring: tuple[Lamp, ...] = ()
    flood: float = 0.6
    relief: float = 1.0
    glint: float = 0.5
    sharpness: int = 4
    mirrored: tuple[tuple[float, float, float, float], ...] = ()
    shadow: tuple[float, float, float, float] | None = None
    haze: float = 0.0
    haze_rgb: Rgb = (0.6, 0.6, 0.55)
    far_light: float = 0.0
    far_light_radii: float = 20.0
    rgb: Rgb = (1.0, 1.0, 1.0)
    exposure: float = 0.7
    ambient: float = 0.0


def draw_lamps(rng: np.random.Generator) -> Lamps:
    """Lamps, fog, colour cast and exposure of one inspection."""
    cast = _draw_cast(rng)
    fog = float(np.exp(rng.uniform(np.log(0.02), np.log(0.25)))) if rng.random() < 0.18 else 0.0
    return Lamps(
        fall=rng.uniform(1.2, 4.2),
        reach=float(np.exp(rng.uniform(np.log(1.4), np.log(6.0)))),
        facing=rng.uniform(0.15, 1.1),
        ring=_draw_ring(rng) if rng.random() < 0.6 else (),
        flood=rng.uniform(0.15, 1.2),
        relief=rng.uniform(0.7, 1.5),
        glint=rng.uniform(0.1, 1.3),
        sharpness=int(rng.integers(3, 6)),
        mirrored=_draw_mirrored(rng) if rng.random() < 0.08 else (),
        shadow=_draw_shadow(rng) if rng.random() < 0.25 else None,
        haze=fog,
        haze_rgb=_rgb(np.array(_FOG_RGB[int(rng.integers(len(_FOG_RGB)))]) * rng.uniform(0.35, 1.1) * rng.normal(1, 0.05, 3)),
        far_light=float(rng.uniform(0.15, 2.0)) if rng.random() < 0.03 else 0.0,
        far_light_radii=rng.uniform(16, 36),
        rgb=cast,
        exposure=_draw_exposure(rng),
        ambient=rng.uniform(0.0, 0.03),
    )


def _draw_cast(rng: np.random.Generator) -> Rgb:
    """Mostly near white; the warm mean is that of Sewer-ML's published image mean; now and then blue, violet, green or yellow."""
    kind = rng.choice(["white", "warm", "tinted"], p=[0.45, 0.37, 0.18])
    if kind == "white":
        return _rgb(rng.normal([1.0, 1.0, 0.98], [0.04, 0.025, 0.06]))
    if kind == "warm":
        return _rgb(rng.normal([1.05, 1.0, 0.89], [0.06, 0.03, 0.08]))
    return _rgb(rng.normal(1.0, 0.13, 3))


def _draw_exposure(rng: np.random.Generator) -> float:
    state = rng.choice(["normal", "blown", "dark"], p=[0.74, 0.15, 0.11])
    if state == "normal":
        return float(np.clip(rng.normal(0.48, 0.08), 0.32, 0.8))
    return float(rng.uniform(0.7, 1.3) if state == "blown" else rng.uniform(0.26, 0.38))


def _draw_ring(rng: np.random.Generator) -> tuple[Lamp, ...]:
    """Two to eight lamps round the lens, alike but for age; sometimes one side is out."""
    num, turn = int(rng.integers(2, 9)), rng.uniform(0, 2 * np.pi)
    spread, width = rng.uniform(0.0, 0.9), rng.uniform(0.55, 1.6)
    out_at = rng.uniform(0, 2 * np.pi) if rng.random() < 0.25 else None
    lamps = []
    for angle in turn + np.arange(num) * 2 * np.pi / num:
        power = float(np.exp(rng.normal(0, 0.25)))
        if out_at is not None and np.cos(angle - out_at) > 0.2:
            power *= rng.uniform(0.0, 0.5)
        warmth = rng.normal(0, 0.06)
        aim = (float(spread * np.sin(angle) + rng.normal(0, 0.1)), float(-spread * np.cos(angle) + rng.normal(0, 0.1)))
        lamps.append(Lamp(aim, width * rng.uniform(0.8, 1.25), power, (1 + warmth, 1.0, 1 - warmth)))
    return tuple(lamps)


def _draw_mirrored(rng: np.random.Generator) -> tuple[tuple[float, float, float, float], ...]:
    centre, gap, low = rng.normal(0, 0.15), rng.uniform(0.1, 0.4), rng.uniform(0.45, 1.0)

    def image(side: int) -> tuple[float, float, float, float]:
        size, strength = np.exp(rng.uniform(np.log(0.02), np.log(0.12))), np.exp(rng.uniform(np.log(0.1), np.log(1.2)))
        return float(centre + side * gap), float(low + rng.normal(0, 0.04)), float(size), float(strength)

    return tuple(image(side) for side in (-1, 1))


def _draw_shadow(rng: np.random.Generator) -> tuple[float, float, float, float]:
    return float(rng.normal(0, 0.15)), float(rng.uniform(0.95, 1.25)), float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.3, 0.9))


def _rgb(values: Grid) -> Rgb:
    red, green, blue = (float(v) for v in np.clip(values, 0.0, 1.5))
    return red, green, blue


def illuminate(surface: Surface, lamps: Lamps, radius_m: float) -> Grid:
    """Light arriving at the sensor, (H, W, 3) float32, scaled by automatic exposure so that bright wall is near 1."""
    hits = surface.hits
    height, width = hits.range_m.shape
    distance = hits.range_m * np.float32(1 / radius_m)
    facing = _facing(hits, surface.rays)
    fall = cv2.pow(1 + distance * np.float32(1 / lamps.reach), -lamps.fall)
    slope = np.float32(lamps.relief) * surface.relief
    slope += 1
    light: Grid = cv2.pow(facing, lamps.facing)
    light *= np.clip(slope, 0.12, 2.4, out=slope)
    light += np.float32(lamps.ambient)
    light *= fall
    glints = _glints(surface, facing, lamps)
    glints *= fall
    # in place: a new picture for each step would take half as long again
    picture: Grid = cv2.merge([light, light, light])
    picture *= surface.albedo
    picture *= cv2.resize(_beams(lamps, height, width), (width, height), interpolation=cv2.INTER_LINEAR)
    picture += cv2.merge([glints, glints, glints])
    picture *= cv2.merge([surface.shade, surface.shade, surface.shade])
    picture *= _auto_gain(picture, lamps.exposure)
    return _fogged(picture, distance, lamps)


def _facing(hits: Hits, rays: Rays) -> Grid:
    """Cosine between wall and view, (H, W): from the change of log range per angle, true for every body without its formula."""
    log_range = cv2.log(hits.range_m)
    across, down = np.empty_like(log_range), np.empty_like(log_range)
    np.subtract(log_range[:, 1:], log_range[:, :-1], out=across[:, :-1])
    np.subtract(log_range[1:], log_range[:-1], out=down[:-1])
    across[:, -1], down[-1] = across[:, -2], down[-2]
    # a pixel's angle shrinks with the cosine once across and twice along the radius: the power 1.5 lies between
    step: Grid = cv2.pow(at_least(rays.cosine, 0.05), 1.5)
    step *= np.float32(rays.pixel_rad)
    step *= step
    steep = np.multiply(across, across, out=across)
    steep += np.multiply(down, down, out=down)
    steep /= step
    steep += 1
    facing = at_least(cv2.pow(steep, -0.5), 0.02)
    curtains = hits.part == CURTAIN
    if curtains.any():
        facing[curtains] = 0.6
    return np.asarray(facing, dtype=np.float32)


@lru_cache(maxsize=8)
def _beams(lamps: Lamps, height: int, width: int) -> Grid:
    """Where the lamps' beams overlap times the colour cast, small (h, w, 3), of mean 1 before the cast; read only."""
    rows, columns = max(height // _COARSE, 4), max(width // _COARSE, 4)
    v = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    u = np.linspace(-1, 1, columns, dtype=np.float32)[None, :] * np.float32(width / height)
    beams = np.zeros((rows, columns, 3), np.float32)
    for lamp in lamps.ring:
        away = ((u - lamp.aim[0]) ** 2 + (v - lamp.aim[1]) ** 2) / np.float32(lamp.width**2)
        beams += (np.float32(lamp.power) / (1 + away) ** 2)[..., None] * np.array(lamp.rgb, np.float32)
    beams = beams / max(float(beams.mean()), 1e-3) + np.float32(lamps.flood) if lamps.ring else np.ones_like(beams)
    if lamps.shadow is not None:
        x, y, size, depth = lamps.shadow
        beams *= (1 - np.float32(depth) * np.exp(-(((u - x) / (1.8 * size)) ** 2 + ((v - y) / size) ** 2)))[..., None]
    beams *= np.array(lamps.rgb, np.float32) / beams.mean()
    beams.setflags(write=False)
    return beams


def _glints(surface: Surface, facing: Grid, lamps: Lamps) -> Grid:
    """Highlights: where a wet or smooth surface, tilted by its relief, mirrors the lamps back; lamps' images in a wet floor."""
    power = np.float32(0.35) * surface.relief
    power += facing
    np.clip(power, 0, 1, out=power)
    for _ in range(lamps.sharpness):
        power *= power
    far = surface.hits.range_m * surface.hits.range_m
    far *= np.float32(surface.rays.pixel_rad)
    power *= far <= surface.hits.radius_m * np.float32(0.25)
    gloss = np.clip(surface.gloss, 0, 1.5)
    glints = np.float32(lamps.glint * 1.1) * gloss
    glints *= power
    if lamps.mirrored:
        height, width = gloss.shape
        images = cv2.resize(_images(lamps.mirrored, width / height), (width, height), interpolation=cv2.INTER_LINEAR)
        wet = np.where(surface.hits.part == FLUID, np.float32(0.9), np.float32(0.5) * gloss)
        glints += images * wet * np.clip(1 + 2 * surface.relief, 0.1, 3)
    return np.asarray(glints, dtype=np.float32)


@lru_cache(maxsize=8)
def _images(mirrored: tuple[tuple[float, float, float, float], ...], aspect: float) -> Grid:
    """The lamps' images in a wet floor, small (h, w): tall blots, as ripples draw them out."""
    v, u = np.linspace(-1, 1, 72, dtype=np.float32)[:, None], np.linspace(-aspect, aspect, 88, dtype=np.float32)[None, :]
    blots = [s * np.exp(-(((u - x) / size) ** 2 + ((v - y) / (3 * size)) ** 2)) for x, y, size, s in mirrored]
    return np.asarray(np.sum(blots, axis=0), dtype=np.float32)


def _auto_gain(picture: Grid, exposure: float) -> np.float32:
    """Gain that brings bright wall to the exposure; dark pipes pull it up until the near wall blows."""
    sample = picture[::4, ::4, 1]
    middle, bright = np.quantile(sample, (0.5, 0.85))
    meter = 0.6 * bright + 0.2 * sample.mean() + 0.6 * middle
    return np.float32(exposure / max(float(meter), 1e-4))


def own_light(light: Grid, surface: Surface, lamps: Lamps, radius_m: float) -> Grid:
    """What stands out from the fog, of the light (H, W, 3) of `illuminate`: by this, things can be seen or not.

    A tenth of the fog's own light is taken off besides: contrast below about that is lost in noise and coding.
    """
    if not lamps.haze:
        return light
    veil = _veil(surface.hits.range_m * np.float32(1 / radius_m), lamps)[1]
    return np.asarray(cv2.subtract(light, veil * np.float32(1.1)), dtype=np.float32)


def _veil(distance: Grid, lamps: Lamps) -> tuple[Grid, Grid]:
    """Share of light that passes the fog (H, W), and the fog's own light (H, W, 3)."""
    clear = cv2.exp(distance * np.float32(-lamps.haze))
    thick = np.float32(0.55) * (1 - clear)
    return np.asarray(clear), np.asarray(cv2.merge([thick * np.float32(c) for c in lamps.haze_rgb]))


def _fogged(picture: Grid, distance: Grid, lamps: Lamps) -> Grid:
    """Fog between lens and wall, and daylight from the far manhole."""
    if lamps.far_light:
        day = np.clip((distance - np.float32(lamps.far_light_radii)) * np.float32(0.12), 0, 1) * np.float32(lamps.far_light)
        picture = cv2.add(picture, cv2.merge([day, day, day]))
    if lamps.haze:
        clear, veil = _veil(distance, lamps)
        picture = cv2.add(cv2.multiply(picture, cv2.merge([clear, clear, clear])), veil)
    return np.asarray(picture, dtype=np.float32)
