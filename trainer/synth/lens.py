"""Lens and front glass: vignette, flare, bloom, dust, drops, smears, fogged glass, defocus and movement during the exposure.

Everything is given in shares of the picture or in pixels of a 352 x 288 frame, so any size looks alike; what varies slowly over the
picture is computed on a coarse grid.
"""
# H W pixels

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from trainer.synth.texture import Grid

Motion = Literal["none", "shake", "turn", "drive"]
_COARSE = 4
_BLOOM = 8


@dataclass(frozen=True, slots=True)
class Lens:
    """One lens in one inspection.

    `dust` and `flares` are (x, y, size, strength), `drops` (x, y, size), `smears` (x, y, angle, length, width, strength); places in
    shares of the picture. `fog` is breath on the glass round `fog_at`; `motion_px` how far the picture moves while exposed.
    """

    blur_px: float = 0.6
    vignette: float = 0.2
    vignette_at: tuple[float, float] = (0.5, 0.5)
    bloom: float = 0.0
    fog: float = 0.0
    fog_at: tuple[float, float] = (0.5, 0.5)
    dust: tuple[tuple[float, float, float, float], ...] = ()
    flares: tuple[tuple[float, float, float, float], ...] = ()
    drops: tuple[tuple[float, float, float], ...] = ()
    smears: tuple[tuple[float, float, float, float, float, float], ...] = ()
    motion: Motion = "none"
    motion_px: float = 0.0
    motion_angle: float = 0.0


def draw_lens(rng: np.random.Generator) -> Lens:
    """A lens at random: mostly clean and nearly sharp."""
    motions: tuple[Motion, ...] = ("none", "shake", "turn", "drive")
    return Lens(
        blur_px=_draw_blur(rng),
        vignette=_draw_vignette(rng),
        vignette_at=(float(rng.normal(0.5, 0.06)), float(rng.normal(0.5, 0.06))),
        bloom=float(rng.uniform(0.02, 0.3)) if rng.random() < 0.6 else 0.0,
        fog=float(rng.uniform(0.15, 0.65)) if rng.random() < 0.05 else 0.0,
        fog_at=(float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.2, 0.8))),
        dust=_draw_dust(rng) if rng.random() < 0.22 else (),
        flares=_draw_flares(rng) if rng.random() < 0.03 else (),
        drops=_draw_drops(rng) if rng.random() < 0.05 else (),
        smears=_draw_smears(rng) if rng.random() < 0.07 else (),
        motion=motions[int(rng.choice(4, p=[0.87, 0.05, 0.03, 0.05]))],
        motion_px=float(rng.uniform(1.5, 7.0)),
        motion_angle=float(rng.uniform(0, np.pi)),
    )


def _draw_blur(rng: np.random.Generator) -> float:
    kind = rng.choice(["sharp", "soft", "defocused"], p=[0.72, 0.23, 0.05])
    low, high = {"sharp": (0.2, 0.65), "soft": (0.65, 1.3), "defocused": (1.5, 3.2)}[str(kind)]
    return float(rng.uniform(low, high))


def _draw_vignette(rng: np.random.Generator) -> float:
    kind = rng.choice(["none", "some", "strong"], p=[0.40, 0.52, 0.08])
    return 0.0 if kind == "none" else float(rng.uniform(0.0, 0.4) if kind == "some" else rng.uniform(0.4, 0.9))


def _draw_dust(rng: np.random.Generator) -> tuple[tuple[float, float, float, float], ...]:
    num = int(rng.integers(1, 9))
    return tuple((*_place(rng), float(np.exp(rng.uniform(-4.6, -2.6))), float(rng.uniform(-0.45, 0.3))) for _ in range(num))


def _draw_flares(rng: np.random.Generator) -> tuple[tuple[float, float, float, float], ...]:
    """A lamp's image in the glass or a wet face far off: one bright disc near the middle, sometimes small ones."""
    main = (float(rng.normal(0.5, 0.09)), float(rng.normal(0.45, 0.09)), float(rng.uniform(0.015, 0.07)), float(rng.uniform(0.3, 3.0)))
    more = tuple((*_place(rng), float(rng.uniform(0.01, 0.03)), float(rng.uniform(0.2, 1.0))) for _ in range(int(rng.integers(0, 3))))
    return (main, *more)


def _draw_drops(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    return tuple((*_place(rng), float(np.exp(rng.uniform(-4.2, -2.4)))) for _ in range(int(rng.integers(1, 7))))


def _draw_smears(rng: np.random.Generator) -> tuple[tuple[float, float, float, float, float, float], ...]:
    def smear() -> tuple[float, float, float, float, float, float]:
        length, width = rng.uniform(0.15, 0.6), rng.uniform(0.02, 0.15)
        return (*_place(rng), float(rng.uniform(0, np.pi)), float(length), float(width), float(rng.uniform(-0.4, 0.4)))

    return tuple(smear() for _ in range(int(rng.integers(1, 4))))


def _place(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.random()), float(rng.random())


def size_scale(height: int, width: int) -> float:
    """Pixels per pixel of a 352 x 288 frame."""
    return float(np.sqrt(height * width / (288 * 352)))


def through_lens(picture: Grid, lens: Lens) -> Grid:
    """Light on the sensor (H, W, 3) float32 of light before the lens."""
    height, width = picture.shape[:2]
    scale = size_scale(height, width)
    picture = _veiled(picture, lens)
    if lens.vignette or lens.dust or lens.smears or lens.flares:
        picture = _through_glass(picture, lens)
    elif lens.drops:
        picture = picture.copy()  # they are painted into it
    for drop in lens.drops:
        _refract(picture, drop)
    picture = _moved(picture, lens, scale)
    sigma = lens.blur_px * scale**0.85  # cameras with more pixels are a little sharper, too
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma) if sigma > 0.25 else picture, dtype=np.float32)


def _through_glass(picture: Grid, lens: Lens) -> Grid:
    height, width = picture.shape[:2]
    gain, extra = _glass(lens, height, width)
    gain = cv2.resize(gain, (width, height), interpolation=cv2.INTER_LINEAR)
    picture = cv2.multiply(picture, cv2.merge([gain, gain, gain]))
    if lens.flares:
        extra = cv2.resize(extra, (width, height), interpolation=cv2.INTER_LINEAR)
        picture = cv2.add(picture, cv2.merge([extra, extra, extra]))
    return picture


def _veiled(picture: Grid, lens: Lens) -> Grid:
    """Bloom round what is bright, and fogged glass, which mixes far places of the picture."""
    if not (lens.bloom or lens.fog):
        return picture
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (max(width // _BLOOM, 4), max(height // _BLOOM, 4)), interpolation=cv2.INTER_AREA)
    spread = cv2.GaussianBlur(np.minimum(small, np.float32(2.0)), (0, 0), small.shape[0] * 0.09)
    veil = cv2.resize(spread, (width, height), interpolation=cv2.INTER_LINEAR)
    if not lens.fog:
        return cv2.addWeighted(picture, 1 - 0.5 * lens.bloom, veil, lens.bloom, 0)
    share = cv2.resize(_fogged_share(lens), (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    return np.asarray(picture + share * (veil * np.float32(1.1) - picture))


@lru_cache(maxsize=8)
def _fogged_share(lens: Lens) -> Grid:
    v, u = np.linspace(0, 1, 18, dtype=np.float32)[:, None], np.linspace(0, 1, 22, dtype=np.float32)[None, :]
    near = np.exp(-((u - lens.fog_at[0]) ** 2 + (v - lens.fog_at[1]) ** 2) / np.float32(0.18))
    return np.asarray(np.float32(lens.fog) * (np.float32(0.45) + np.float32(0.55) * near), dtype=np.float32)


@lru_cache(maxsize=8)
def _glass(lens: Lens, height: int, width: int) -> tuple[Grid, Grid]:
    """Transmission and added light on a coarse grid, each (h, w); read only."""
    rows, columns = max(height // _COARSE, 4), max(width // _COARSE, 4)
    v = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    u, aspect = np.linspace(0, 1, columns, dtype=np.float32)[None, :], np.float32(width / height)
    x, y = lens.vignette_at
    away = 4 * ((u - x) ** 2 + (v - y) ** 2)
    gain = np.maximum(1 - np.float32(lens.vignette) * (np.float32(0.3) * away + np.float32(0.2) * away * away), np.float32(0.02))
    for x, y, size, strength in lens.dust:
        gain *= 1 + np.float32(strength) * np.exp(-(((u - x) * aspect) ** 2 + (v - y) ** 2) / np.float32(size) ** 2)
    for x, y, angle, length, thick, strength in lens.smears:
        along = (u - x) * aspect * np.cos(angle) + (v - y) * np.sin(angle)
        across = (v - y) * np.cos(angle) - (u - x) * aspect * np.sin(angle)
        gain *= 1 + np.float32(strength) * np.exp(-((along / length) ** 2) - (across / thick) ** 2)
    extra = np.zeros_like(gain)
    for x, y, size, strength in lens.flares:
        far = (((u - x) * aspect) ** 2 + (v - y) ** 2) / np.float32(size) ** 2
        extra += np.float32(strength) * (np.exp(-far) + np.float32(0.10) / (1 + far))
    return np.asarray(gain, dtype=np.float32), np.asarray(extra, dtype=np.float32)


def _refract(picture: Grid, drop: tuple[float, float, float]) -> None:
    """A drop on the glass shows a small, blurred, upside-down picture of what is round it, brighter at one edge."""
    height, width = picture.shape[:2]
    half = max(int(drop[2] * height), 2)
    x, y = int(drop[0] * (width - 1)), int(drop[1] * (height - 1))
    top, bottom, left, right = max(y - half, 0), min(y + half, height), max(x - half, 0), min(x + half, width)
    around = picture[max(y - 3 * half, 0) : y + 3 * half, max(x - 3 * half, 0) : x + 3 * half]
    seen = cv2.GaussianBlur(cv2.resize(around[::-1, ::-1], (2 * half, 2 * half), interpolation=cv2.INTER_AREA), (0, 0), 0.3 * half)
    v, u = np.mgrid[-half:half, -half:half].astype(np.float32) / np.float32(half)
    inside = np.clip((1 - u * u - v * v) * 2.5, 0, 1)[..., None] * np.float32(0.6)
    cut = (slice(top - y + half, bottom - y + half), slice(left - x + half, right - x + half))
    shaded = seen * (1 - np.float32(0.25) * v[..., None])
    picture[top:bottom, left:right] += inside[cut] * (shaded[cut] - picture[top:bottom, left:right])


def _moved(picture: Grid, lens: Lens, scale: float) -> Grid:
    """The mean over the exposure: shaken sideways, rolled, or driven forward (the picture grows)."""
    if lens.motion == "none":
        return picture
    height, width = picture.shape[:2]
    reach = lens.motion_px * scale
    if lens.motion == "shake":
        side = 2 * int(np.ceil(reach / 2)) + 1
        kernel = np.zeros((side, side), np.float32)
        half = np.array([np.cos(lens.motion_angle), np.sin(lens.motion_angle)]) * reach / 2
        ends = [tuple(int(c) for c in np.rint(side // 2 + sign * half)) for sign in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1)
        return np.asarray(cv2.filter2D(picture, cv2.CV_32F, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))
    total = picture.copy()
    for step in (0.33, 0.67, 1.0):
        turn, grow = (np.degrees(2 * reach * step / width), 1.0) if lens.motion == "turn" else (0.0, 1 + 2 * reach * step / width)
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(turn), float(grow))
        total += cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(total * np.float32(0.25), dtype=np.float32)
