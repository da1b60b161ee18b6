"""On-screen text as inspection cameras write it: drawn sharp, or blurred or boxed out as public collections store it.

Text is drawn from the chain's own generator, before anything of the scene is known, so it cannot tell what the frame shows; the few
texts that name a finding name one at random.
"""
# H W pixels

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.overlay_text import draw_texts

Image = NDArray[np.uint8]
Style = Literal["none", "text", "blurred", "masked"]
STYLES: tuple[Style, ...] = ("none", "text", "blurred", "masked")
_SHARES = (0.28, 0.36, 0.24, 0.12)
_GLYPHS, _GLYPH_PX = 240, 24
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX_SMALL)
_INKS = ((255, 255, 255), (255, 255, 255), (230, 230, 230), (255, 255, 120), (20, 20, 20), (255, 60, 50), (90, 255, 110), (120, 200, 255))
_FILLS = ((0, 0, 255), (0, 0, 255), (0, 0, 0), (255, 255, 255), (128, 128, 128))
_MARGIN_PX = 3


@dataclass(frozen=True, slots=True)
class Overlay:
    """One text style: lines with their place (share of width and height, left end of the base line), ink and size.

    `scale` is OpenCV's font scale at 352 px width; `bar` paints a strip of `paper` across the picture under the lines at "top" or
    "bottom"; `fill` is the colour of the boxes of the masked style; they are `margin_px` wider than the text.
    """

    style: Style = "none"
    lines: tuple[tuple[str, float, float], ...] = ()
    rgb: tuple[int, int, int] = (255, 255, 255)
    paper: tuple[int, int, int] = (0, 0, 0)
    box: bool = False
    outline: bool = False
    bar: Literal["none", "top", "bottom"] = "none"
    font: int = cv2.FONT_HERSHEY_SIMPLEX
    scale: float = 0.4
    bold: bool = False
    smooth: bool = True
    fill: tuple[int, int, int] = (0, 0, 255)
    margin_px: int = _MARGIN_PX


def draw_overlay(rng: np.random.Generator, *, style: Style | None = None) -> Overlay:
    """A text style: none, sharp text, text blurred away or boxed out."""
    style = style or STYLES[int(rng.choice(len(STYLES), p=_SHARES))]
    if style == "none":
        return Overlay()
    ink = _INKS[int(rng.integers(len(_INKS)))]
    bar: Literal["none", "top", "bottom"] = ("none", "top", "bottom")[int(rng.choice(3, p=[0.86, 0.07, 0.07]))]
    lines, count = draw_texts(rng), int(rng.integers(1, 7))
    return Overlay(
        style,
        _strip(lines[:2], bar) if bar != "none" else _placed(rng, lines[:count]),
        ink,
        paper=(0, 0, 0) if sum(ink) > 300 else (225, 225, 225),
        box=bool(rng.random() < 0.2),
        outline=bool(rng.random() < 0.4),
        bar=bar,
        font=_FONTS[int(rng.integers(len(_FONTS)))],
        scale=float(rng.uniform(0.28, 0.52)),
        bold=bool(rng.random() < 0.2),
        smooth=bool(rng.random() < 0.6),
        fill=_FILLS[int(rng.integers(len(_FILLS)))],
        margin_px=_MARGIN_PX if style == "text" else int(rng.integers(2, 14)),
    )


def _strip(lines: list[str], bar: str) -> tuple[tuple[str, float, float], ...]:
    return tuple((text, 0.02 + 0.55 * number, 0.06 if bar == "top" else 0.975) for number, text in enumerate(lines))


def _placed(rng: np.random.Generator, lines: list[str]) -> tuple[tuple[str, float, float], ...]:
    """One block of lines in a corner, a remark across the middle, or a line in each corner."""
    layout = rng.choice(["block", "remark", "corners"], p=[0.32, 0.10, 0.58])
    if layout == "remark":
        places = ((0.68, 0.96), (float(rng.choice([0.03, 0.1])), float(rng.uniform(0.45, 0.58))), (0.03, 0.07))
        return tuple((text, *place) for text, place in zip(lines, places, strict=False))
    if layout == "block":
        left, step = float(rng.choice([0.03, 0.08, 0.55])), float(rng.uniform(0.055, 0.08))
        top = 0.07 if rng.random() < 0.6 else 0.96 - step * (len(lines) - 1)
        return tuple((text, left, top + step * number) for number, text in enumerate(lines))
    corners = [(0.03, 0.07), (0.66, 0.07), (0.03, 0.96), (0.68, 0.96), (0.03, 0.14), (0.66, 0.89)]
    order = [*rng.permutation(4).tolist(), 4, 5]
    return tuple((text, *corners[number]) for text, number in zip(lines, order, strict=False))


def stamp(image: Image, overlay: Overlay) -> Image:
    """Write the text into an RGB image; for styles that hide text, where it stood is hidden later, by `hide`."""
    if overlay.style != "text":
        return image
    height, width = image.shape[:2]
    if overlay.bar != "none":
        strip = round(0.085 * height)
        image[:strip] = overlay.paper if overlay.bar == "top" else image[:strip]
        image[height - strip :] = overlay.paper if overlay.bar == "bottom" else image[height - strip :]
    for (text, *_), area, base in zip(overlay.lines, _areas(overlay, height, width), _bases(overlay, height, width), strict=True):
        if overlay.box:
            image[area] = overlay.paper
        _write(image, text, base, overlay)
    return image


def hide(image: Image, overlay: Overlay) -> Image:
    """Blur or box out the places where text stands."""
    if overlay.style not in ("blurred", "masked"):
        return image
    height, width = image.shape[:2]
    areas = _areas(overlay, height, width)
    if overlay.style == "masked":
        for area in areas:
            image[area] = overlay.fill
        return image
    # Sewer-ML blurs with a kernel of 51 px, sigma about 8, at stored sizes; on an eighth of the size that is sigma 1
    small = cv2.resize(image, (max(width // 8, 2), max(height // 8, 2)), interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(cv2.GaussianBlur(small, (0, 0), 1.2), (width, height), interpolation=cv2.INTER_LINEAR)
    for area in areas:
        image[area] = blurred[area]
    return image


def covered(overlay: Overlay, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (H, W) under boxes or blur, where nothing of the pipe can be made out."""
    over = np.zeros(size, np.bool_)
    if overlay.style in ("blurred", "masked"):
        for area in _areas(overlay, *size):
            over[area] = True
    return over


def _font_scale(overlay: Overlay, width: int) -> float:
    return overlay.scale * width / 352 * (2.0 if overlay.font == cv2.FONT_HERSHEY_PLAIN else 1.0)


@lru_cache(maxsize=256)
def _text_size(text: str, overlay: Overlay, width: int) -> tuple[int, int]:
    """Width and height of a line in pixels; signs beyond Latin are square."""
    scale = _font_scale(overlay, width)
    (_, tall), _ = cv2.getTextSize("H", overlay.font, scale, 1)
    plain = "".join(c for c in text if ord(c) < 0x2E80)
    wide = cv2.getTextSize(plain, overlay.font, scale, 1)[0][0] if plain else 0
    return int(wide + (len(text) - len(plain)) * round(1.35 * tall)), int(tall)


def _bases(overlay: Overlay, height: int, width: int) -> list[tuple[int, int]]:
    """Left end of each base line."""
    return [(min(int(x * width), max(width - _text_size(text, overlay, width)[0] - 2, 0)), int(y * height)) for text, x, y in overlay.lines]


def _areas(overlay: Overlay, height: int, width: int) -> list[tuple[slice, slice]]:
    margin = max(round(overlay.margin_px * width / 352), 1)
    areas = []
    for (text, *_), (left, low) in zip(overlay.lines, _bases(overlay, height, width), strict=True):
        wide, tall = _text_size(text, overlay, width)
        rows = slice(max(low - tall - margin, 0), min(low + margin + 1, height))
        areas.append((rows, slice(max(left - margin, 0), min(left + wide + margin, width))))
    return areas


def _write(image: Image, text: str, base: tuple[int, int], overlay: Overlay) -> None:
    width = image.shape[1]
    scale, thick = _font_scale(overlay, width), max(1, round(width / 500)) + int(overlay.bold)
    kind = cv2.LINE_AA if overlay.smooth else cv2.LINE_8
    tall = _text_size(text, overlay, width)[1]
    edge = tuple(255 - c for c in overlay.rgb) if not overlay.outline else overlay.paper
    left = base[0]
    for run in _runs(text):
        if ord(run[0]) >= 0x2E80:
            for sign in run:
                _draw_glyph(image, sign, (left, base[1]), round(1.2 * tall), overlay.rgb)
                left += round(1.35 * tall)
            continue
        if overlay.outline:
            cv2.putText(image, run, (left, base[1]), overlay.font, scale, edge, thick + 2, kind)
        cv2.putText(image, run, (left, base[1]), overlay.font, scale, overlay.rgb, thick, kind)
        left += cv2.getTextSize(run, overlay.font, scale, 1)[0][0]


def _runs(text: str) -> list[str]:
    """Stretches of Latin and of square signs."""
    runs: list[str] = []
    for sign in text:
        if runs and (ord(runs[-1][-1]) >= 0x2E80) == (ord(sign) >= 0x2E80):
            runs[-1] += sign
        else:
            runs.append(sign)
    return runs


@cache
def _glyph(number: int) -> Image:
    """A square sign of random strokes: OpenCV's fonts know no Chinese, Japanese or Korean."""
    rng = np.random.default_rng([5309, 41, number])
    glyph, last = np.zeros((_GLYPH_PX, _GLYPH_PX), np.uint8), _GLYPH_PX - 3
    for _ in range(int(rng.integers(4, 10))):
        a, b, c = (int(v) for v in rng.integers(2, last + 1, 3))
        ends = (((a, c), (b, c)), ((c, a), (c, b)), ((a, b), (c, last)))[int(rng.choice(3, p=[0.45, 0.35, 0.2]))]
        cv2.line(glyph, ends[0], ends[1], 255, 2, cv2.LINE_AA)
    return glyph


def _draw_glyph(image: Image, sign: str, base: tuple[int, int], side: int, ink: tuple[int, int, int]) -> None:
    left, low = base
    if side < 3 or low - side < 0 or low > image.shape[0] or left + side > image.shape[1]:
        return
    alpha = cv2.resize(_glyph(ord(sign) % _GLYPHS), (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    place = image[low - side : low, left : left + side]
    place[:] = np.clip(place + np.clip(alpha * 1.4, 0, 1) * (np.array(ink, np.float32) - place), 0, 255).astype(np.uint8)
