"""Cable and recorder: sharpening, noise, ghosts, chroma bleed, combed fields, tape dropouts and block coding, on 8-bit pictures.

Noise is cut at random from tiles made once per process: drawing a fresh normal number per pixel would cost as much as all the rest.
"""
# H W pixels

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.lens import size_scale
from trainer.synth.texture import Grid, at_least

Image = NDArray[np.uint8]
_TILE = 1024


@dataclass(frozen=True, slots=True)
class Recorder:
    """One cable and recorder; lengths in pixels of a 352 x 288 frame.

    `noise` and `chroma_noise` are standard deviations as shares of full scale, `noise_px` the grain's size (1: every pixel its own).
    `ghost` is an echo (shift in pixels, strength); `comb_px` how far the second field has moved; `tape_bars` counts dropouts.
    `shrink` is the share of the lines that survive; `qualities` are those of the block codings the picture went through, JPEG scale.
    """

    sharpen: float = 0.0
    sharpen_px: float = 1.5
    noise: float = 0.012
    noise_px: float = 1.0
    chroma_noise: float = 0.0
    ghost: tuple[float, float] = (0.0, 0.0)
    comb_px: int = 0
    chroma_px: float = 1.5
    chroma_shift_px: float = 0.0
    saturation: float = 1.0
    tape_bars: int = 0
    shrink: float = 1.0
    qualities: tuple[int, ...] = (60,)


def draw_recorder(rng: np.random.Generator) -> Recorder:
    """From clean digital to worn analogue tape; one in 25 is black and white."""
    analogue = rng.random() < 0.45
    grey = rng.random() < 0.04
    return Recorder(
        sharpen=float(rng.uniform(0.3, 1.9)) if rng.random() < 0.65 else 0.0,
        sharpen_px=float(rng.uniform(0.8, 2.0)),
        noise=float(np.exp(rng.uniform(np.log(0.008), np.log(0.028 if analogue else 0.02)))),
        noise_px=float(rng.uniform(1.3, 3.0)) if rng.random() < 0.35 else 1.0,
        chroma_noise=float(rng.uniform(0.005, 0.06)) if rng.random() < 0.3 else 0.0,
        ghost=(float(rng.uniform(3, 16)), float(rng.uniform(0.04, 0.16))) if analogue and rng.random() < 0.15 else (0.0, 0.0),
        comb_px=int(rng.integers(1, 5)) if analogue and rng.random() < 0.16 else 0,
        chroma_px=float(rng.uniform(0.8, 4.5) if analogue else rng.uniform(0.3, 1.6)),
        chroma_shift_px=float(rng.normal(0, 1.5)) if analogue and rng.random() < 0.4 else 0.0,
        saturation=0.0 if grey else _draw_saturation(rng),
        tape_bars=int(rng.integers(1, 5)) if analogue and rng.random() < 0.04 else 0,
        shrink=float(rng.uniform(0.55, 0.85)) if rng.random() < 0.15 else 1.0,
        qualities=_draw_qualities(rng),
    )


def _draw_saturation(rng: np.random.Generator) -> float:
    """Pale, as seen, or turned up, as many analogue cameras were."""
    low, high = ((0.35, 0.8), (0.8, 1.25), (1.25, 2.2))[int(rng.choice(3, p=[0.22, 0.48, 0.30]))]
    return float(rng.uniform(low, high))


def _draw_qualities(rng: np.random.Generator) -> tuple[int, ...]:
    low, high = ((15, 25), (25, 60), (60, 95))[int(rng.choice(3, p=[0.08, 0.40, 0.52]))]
    first = int(rng.integers(low, high))
    return (first, int(rng.integers(30, 95))) if rng.random() < 0.15 else (first,)


def record(image: Image, recorder: Recorder, rng: np.random.Generator) -> Image:
    """The picture (H, W, 3) uint8 RGB as stored; what changes from frame to frame comes from `rng`."""
    scale = size_scale(*image.shape[:2])
    image = _signal(image, recorder, rng, scale)
    if recorder.comb_px:
        image[1::2] = np.roll(image[1::2], max(round(recorder.comb_px * scale), 1), axis=1)
    for _ in range(recorder.tape_bars):
        _drop_out(image, rng)
    return _coded(image, recorder)


def _signal(image: Image, recorder: Recorder, rng: np.random.Generator, scale: float) -> Image:
    luma8, red, blue = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    luma: Grid = luma8.astype(np.float32)
    if recorder.sharpen:
        soft = cv2.GaussianBlur(luma, (0, 0), recorder.sharpen_px * scale)
        luma = cv2.addWeighted(luma, 1 + recorder.sharpen, soft, -recorder.sharpen, 0)
    shift, echo = max(round(recorder.ghost[0] * scale), 1), recorder.ghost[1]
    if echo:
        luma[:, shift:] += np.float32(echo) * (luma[:, :-shift] - luma[:, shift:])
    luma += np.float32(recorder.noise * 255) * noise(rng, luma.shape, recorder.noise_px * scale**0.5)
    chroma = [_chroma(np.asarray(plane, np.uint8), recorder, rng, scale) for plane in (red, blue)]
    merged = cv2.merge([cv2.convertScaleAbs(at_least(luma, 0)), *chroma])
    return np.asarray(cv2.cvtColor(merged, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _chroma(plane: Image, recorder: Recorder, rng: np.random.Generator, scale: float) -> Image:
    if recorder.chroma_px * scale > 0.4:
        plane = np.asarray(cv2.blur(plane, (1 + 2 * round(recorder.chroma_px * scale), 1 + round(recorder.chroma_px * scale))), np.uint8)
    shift = round(recorder.chroma_shift_px * scale)
    if shift:
        plane = np.roll(plane, shift, axis=1)
    if recorder.chroma_noise:
        grain = noise(rng, plane.shape, 2.5 * scale**0.5)
        centred = (plane.astype(np.float32) - 128) * np.float32(recorder.saturation) + 128
        centred += grain * np.float32(255 * recorder.chroma_noise * min(recorder.saturation, 1.0))
        return np.asarray(cv2.convertScaleAbs(at_least(centred, 0)), dtype=np.uint8)
    if recorder.saturation == 1.0:
        return plane
    return np.asarray(cv2.addWeighted(plane, recorder.saturation, plane, 0, 128 * (1 - recorder.saturation)), dtype=np.uint8)


@cache
def _noise_tile() -> Grid:
    tile = np.random.default_rng([5309, 77]).standard_normal((_TILE, _TILE), dtype=np.float32)
    tile.setflags(write=False)
    return tile


def noise(rng: np.random.Generator, shape: tuple[int, ...], grain_px: float = 1.0) -> Grid:
    """Normal noise (H, W) of about unit deviation, in grains of some pixels, cut from a tile at a random place."""
    rows, columns = (int(np.ceil(side / max(grain_px, 1.0))) for side in shape[:2])
    top, left = (int(start) for start in rng.integers(0, _TILE, 2))
    flip = int(rng.integers(0, 2)) * 2 - 1
    tile = _noise_tile()
    if top + rows > _TILE or left + columns > _TILE:
        tile = np.take(np.take(tile, np.arange(top, top + rows), axis=0, mode="wrap"), np.arange(left, left + columns), axis=1, mode="wrap")
        top = left = 0
    cut = tile[top : top + rows, left : left + columns][::flip]
    if grain_px <= 1:
        return np.asarray(cut, dtype=np.float32)
    return np.asarray(cv2.resize(cut, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _drop_out(image: Image, rng: np.random.Generator) -> None:
    """A few lines torn sideways, with white dashes."""
    height, width = image.shape[:2]
    rows = max(round(height * rng.uniform(0.007, 0.04)), 1)
    top = int(rng.integers(0, height - rows))
    image[top : top + rows] = np.roll(image[top : top + rows], int(rng.integers(-width // 12, width // 12 + 1)), axis=1)
    for _ in range(int(rng.integers(1, 12))):
        y, x = top + int(rng.integers(0, rows)), int(rng.integers(0, width))
        image[y, x : x + int(rng.integers(4, max(width // 8, 5)))] = int(rng.integers(140, 256))


def _coded(image: Image, recorder: Recorder) -> Image:
    """The picture after scaling down and up, and the recorder's block coding."""
    height, width = image.shape[:2]
    image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    if recorder.shrink < 1:
        small = (max(round(width * recorder.shrink), 8), max(round(height * recorder.shrink), 8))
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
    for number, quality in enumerate(recorder.qualities):
        if number == 1 and recorder.shrink < 1:
            image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        _, stored = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(stored, cv2.IMREAD_COLOR)
        assert decoded is not None, "what was just encoded can be decoded"
        image = np.asarray(decoded, np.uint8)
    if image.shape[:2] != (height, width):
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
