"""From light to stored picture: tone curve, lens blur and vignette, text, chroma bleed, noise, interlace, compression."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.overlay import Overlay, draw_overlay, stamp
from trainer.synth.texture import Grid


@dataclass(frozen=True, slots=True)
class Chain:
    """One camera, cable and recorder."""

    gamma: float = 0.8
    shoulder: float = 1.4
    contrast: float = 1.0
    blur_px: float = 0.6
    sharpen: float = 0.0
    chroma_px: float = 1.5
    noise: float = 0.012
    comb_px: int = 0
    quality: int = 60
    vignette: float = 0.2
    saturation: float = 1.0
    border_px: tuple[int, int, int, int] = (0, 0, 0, 0)
    dust: tuple[tuple[float, float, float, float], ...] = ()
    overlay: Overlay = field(default_factory=Overlay)


def draw_chain(rng: np.random.Generator) -> Chain:
    """A recorder at random, from clean digital to worn analogue tape."""
    dirty = rng.random() < 0.2
    dust = (
        tuple(
            (float(rng.random()), float(rng.random()), float(rng.uniform(0.01, 0.06)), float(rng.uniform(-0.3, 0.25)))
            for _ in range(int(rng.integers(1, 6)))
        )
        if dirty
        else ()
    )
    border = tuple(int(b) for b in rng.integers(0, 7, 4)) if rng.random() < 0.4 else (0, 0, 0, 0)
    return Chain(
        gamma=rng.uniform(0.62, 1.0),
        shoulder=rng.uniform(0.9, 2.0),
        contrast=rng.uniform(0.9, 1.12),
        blur_px=float(rng.choice([rng.uniform(0.3, 0.8), rng.uniform(0.8, 1.6)], p=[0.7, 0.3])),
        sharpen=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.4 else 0.0,
        chroma_px=rng.uniform(0.6, 3.5),
        noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.035)))),
        comb_px=int(rng.integers(1, 4)) if rng.random() < 0.06 else 0,
        quality=int(rng.integers(22, 92)),
        vignette=rng.uniform(0.0, 0.4),
        saturation=float(np.clip(rng.normal(0.95, 0.2), 0.3, 1.4)),
        border_px=border,  # type: ignore[arg-type]
        dust=dust,
        overlay=draw_overlay(rng),
    )


def develop(picture: Grid, chain: Chain, rng: np.random.Generator, *, overlay: Overlay | None = None) -> NDArray[np.uint8]:
    """Stored picture (H, W, 3) uint8 of light (H, W, 3) float32; the noise comes from `rng`, all else from the chain."""
    scale = picture.shape[1] / 352
    picture = _lens(picture, chain, scale)
    image = _tone(picture, chain)
    image = stamp(image, overlay or chain.overlay)
    image = _analogue(image, chain, rng, scale)
    image = _compressed(image, chain.quality)
    return _framed(image, chain, scale)


def _compressed(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The picture after the recorder's block coding."""
    _, stored = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(stored, cv2.IMREAD_COLOR)
    assert decoded is not None, "what was just encoded can be decoded"
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _lens(picture: Grid, chain: Chain, scale: float) -> Grid:
    height, width = picture.shape[:2]
    v = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    u = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    picture = picture * (1 - np.float32(chain.vignette * 0.5) * (u * u + v * v))[..., None]
    for x, y, size, strength in chain.dust:
        spot = np.exp(-(((u - (2 * x - 1)) ** 2 + (v - (2 * y - 1)) ** 2) / np.float32(size) ** 2))
        picture = picture * (1 + np.float32(strength) * spot)[..., None]
    if chain.blur_px * scale > 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), chain.blur_px * scale)
    return np.asarray(picture, dtype=np.float32)


def _tone(picture: Grid, chain: Chain) -> NDArray[np.uint8]:
    """Soft shoulder, then gamma, by a table of 4096 steps."""
    steps = np.linspace(0, 4, 4096, dtype=np.float32)
    curve = (1 - np.exp(-np.float32(chain.shoulder) * steps)) / (1 - np.exp(-np.float32(chain.shoulder) * 1.15))
    curve = np.clip((np.clip(curve, 0, 1) ** np.float32(chain.gamma) - 0.5) * np.float32(chain.contrast) + 0.5, 0, 1)
    table = (curve * 255).astype(np.uint8)
    return np.asarray(table[np.clip(picture * np.float32(4095 / 4), 0, 4095).astype(np.int16)])


def _analogue(image: NDArray[np.uint8], chain: Chain, rng: np.random.Generator, scale: float) -> NDArray[np.uint8]:
    yuv = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    luma, chroma = yuv[..., 0].astype(np.float32), yuv[..., 1:]
    if chain.sharpen:
        luma += np.float32(chain.sharpen) * (luma - cv2.GaussianBlur(luma, (0, 0), 1.5 * scale))
    luma += np.float32(chain.noise * 255) * _noise(rng, luma.shape)
    if chain.comb_px:
        luma[1::2] = np.roll(luma[1::2], chain.comb_px, axis=1)
    if chain.chroma_px * scale > 0.4:
        chroma = cv2.blur(chroma, (1 + 2 * round(chain.chroma_px * scale), 1 + round(chain.chroma_px * scale)))
    yuv[..., 0] = np.clip(luma, 0, 255).astype(np.uint8)
    yuv[..., 1:] = np.clip(128 + (chroma.astype(np.float32) - 128) * np.float32(chain.saturation), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(yuv, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Grid:
    return rng.standard_normal(shape, dtype=np.float32)


def _framed(image: NDArray[np.uint8], chain: Chain, scale: float) -> NDArray[np.uint8]:
    """Black edges of a digitised analogue picture."""
    top, bottom, left, right = (round(b * scale) for b in chain.border_px)
    if top:
        image[:top] = 0
    if bottom:
        image[-bottom:] = 0
    if left:
        image[:, :left] = 0
    if right:
        image[:, -right:] = 0
    return image
