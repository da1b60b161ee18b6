"""From light to stored picture: lens, tone curve, on-screen text, cable and recorder, the edges of the digitised picture.

Everything is drawn once per inspection and stays; only noise is drawn per frame. Nothing here knows what the scene shows.
"""
# H W pixels

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.lens import Lens, draw_lens, size_scale, through_lens
from trainer.synth.overlay import Overlay, covered, draw_overlay, hide, stamp
from trainer.synth.recorder import Recorder, draw_recorder, record
from trainer.synth.texture import Grid

# black, grey, dark green, dark brown, bluish, violet
_BLACKS = ((0.02, 0.02, 0.02), (0.09, 0.09, 0.09), (0.05, 0.11, 0.02), (0.11, 0.07, 0.04), (0.05, 0.07, 0.13), (0.08, 0.06, 0.10))
_BLACK_SHARES = (0.36, 0.18, 0.18, 0.12, 0.09, 0.07)


@dataclass(frozen=True, slots=True)
class Chain:
    """One camera, cable and recorder.

    `shoulder` and `gamma` shape the tone curve between `black_rgb` and `white`, shares of full scale: cameras show the unlit far end as
    black, dark green, brown or blue. `border_px` are black edges (top,
    bottom, left, right) in pixels of a 352 x 288 frame, `bars` the same as shares of the picture (letterbox, pillarbox), `corner` the
    radius of rounded corners as a share of the height; 0 is none.
    """

    lens: Lens = field(default_factory=Lens)
    recorder: Recorder = field(default_factory=Recorder)
    gamma: float = 0.8
    shoulder: float = 1.4
    contrast: float = 1.0
    black_rgb: tuple[float, float, float] = (0.0, 0.0, 0.0)
    white: float = 1.0
    border_px: tuple[int, int, int, int] = (0, 0, 0, 0)
    bars: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    corner: float = 0.0
    overlay: Overlay = field(default_factory=Overlay)


def draw_chain(rng: np.random.Generator) -> Chain:
    """A camera and recorder at random, from clean digital to worn analogue tape."""
    return Chain(
        lens=draw_lens(rng),
        recorder=draw_recorder(rng),
        gamma=rng.uniform(0.66, 1.05),
        shoulder=rng.uniform(0.9, 2.2),
        contrast=rng.uniform(0.95, 1.5),
        black_rgb=_draw_black(rng),
        white=float(rng.uniform(0.80, 1.0)) if rng.random() < 0.5 else 1.0,
        border_px=_draw_border(rng),
        bars=_draw_bars(rng) if rng.random() < 0.05 else (0.0, 0.0, 0.0, 0.0),
        corner=float(rng.uniform(0.03, 0.3)) if rng.random() < 0.03 else 0.0,
        overlay=draw_overlay(rng),
    )


def _draw_black(rng: np.random.Generator) -> tuple[float, float, float]:
    tint = np.array(_BLACKS[int(rng.choice(len(_BLACKS), p=_BLACK_SHARES))])
    red, green, blue = (float(c) for c in tint * rng.uniform(0.3, 1.4) + rng.uniform(0, 0.015, 3))
    return red, green, blue


def _draw_border(rng: np.random.Generator) -> tuple[int, int, int, int]:
    if rng.random() > 0.35:
        return (0, 0, 0, 0)
    top, bottom, left, right = (int(b) if rng.random() < 0.6 else 0 for b in rng.integers(0, 8, 4))
    return top, bottom, left, right


def _draw_bars(rng: np.random.Generator) -> tuple[float, float, float, float]:
    share = float(rng.uniform(0.04, 0.13))
    return (share, share, 0.0, 0.0) if rng.random() < 0.65 else (0.0, 0.0, share, share)


def develop(picture: Grid, chain: Chain, rng: np.random.Generator, *, overlay: Overlay | None = None) -> NDArray[np.uint8]:
    """Stored picture (H, W, 3) uint8 of light (H, W, 3) float32; the noise comes from `rng`, all else from the chain."""
    overlay = overlay or chain.overlay
    image = _tone(through_lens(picture, chain.lens), chain)
    image = stamp(image, overlay)
    image = record(image, chain.recorder, rng)
    image = _framed(image, chain)
    return hide(image, overlay)


def hidden(chain: Chain, size: tuple[int, int], *, overlay: Overlay | None = None) -> NDArray[np.bool_]:
    """Pixels (H, W) of an image of `size` (height, width) that show nothing of the pipe: bars, corners, text boxes."""
    height, width = size
    image = np.full((height, width, 1), 255, np.uint8)
    return np.asarray((_framed(image, chain)[..., 0] == 0) | covered(overlay or chain.overlay, size), dtype=np.bool_)


@lru_cache(maxsize=8)
def _curve(gamma: float, shoulder: float, contrast: float, black_rgb: tuple[float, float, float], white: float) -> NDArray[np.uint8]:
    """Tone curve as a table of 4096 steps up to four times white, per colour: soft shoulder, gamma, contrast, black and white levels.

    The table (65536, 1, 3) is as long as OpenCV wants it; what is beyond 4095 is never asked for.
    """
    steps = np.linspace(0, 4, 4096, dtype=np.float32)
    curve = (1 - np.exp(-np.float32(shoulder) * steps)) / (1 - np.exp(-np.float32(shoulder) * 1.15))
    curve = np.clip((np.clip(curve, 0, 1) ** np.float32(gamma) - 0.5) * np.float32(contrast) + 0.5, 0, 1)
    black = np.array(black_rgb)
    levels = np.rint(255 * black + np.arange(256)[:, None] * (white - black)).astype(np.uint8)
    table = np.zeros((65536, 1, 3), np.uint8)
    table[:4096, 0] = levels[np.asarray(curve * 255, dtype=np.uint8)]
    return table


def _tone(picture: Grid, chain: Chain) -> NDArray[np.uint8]:
    table = _curve(chain.gamma, chain.shoulder, chain.contrast, chain.black_rgb, chain.white)
    steps = picture * np.float32(4095 / 4)
    np.clip(steps, 0, 4095, out=steps)
    return np.asarray(cv2.LUT(steps.astype(np.uint16), table), dtype=np.uint8)


def _framed(image: NDArray[np.uint8], chain: Chain) -> NDArray[np.uint8]:
    """Black edges of a digitised analogue picture, bars of another aspect, a rounded mask."""
    height, width = image.shape[:2]
    scale = size_scale(height, width)
    sides = (height, height, width, width)
    top, bottom, left, right = (
        max(round(px * scale), round(share * side)) for px, share, side in zip(chain.border_px, chain.bars, sides, strict=True)
    )
    image[:top] = 0
    image[height - bottom :] = 0
    image[:, :left] = 0
    image[:, width - right :] = 0
    if chain.corner:
        image = image * _corners(height, width, round(chain.corner * height))[..., None]
    return image


@lru_cache(maxsize=8)
def _corners(height: int, width: int, radius: int) -> NDArray[np.uint8]:
    mask = np.zeros((height, width), np.uint8)
    mask[radius : height - radius] = 1
    mask[:, radius : width - radius] = 1
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(mask, (x, y), radius, 1, -1)
    return mask
