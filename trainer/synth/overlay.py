"""On-screen text as inspection cameras write it: date, chainage, pipe names; drawn sharp, or blurred as Sewer-ML stores it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_STREETS = ("NORD", "A12", "K104", "S-220", "BROND 7", "R31", "VEST", "D41")


@dataclass(frozen=True, slots=True)
class Overlay:
    """One text style: lines with their place (share of width and height), size and colour."""

    style: str = "none"
    lines: tuple[tuple[str, float, float], ...] = ()
    rgb: tuple[int, int, int] = (255, 255, 255)
    box: bool = False
    font: int = cv2.FONT_HERSHEY_SIMPLEX
    scale: float = 0.4


def draw_overlay(rng: np.random.Generator, *, style: str | None = None) -> Overlay:
    """A text style: none, sharp text or text blurred away."""
    style = style or str(rng.choice(["none", "text", "blurred"], p=[0.35, 0.3, 0.35]))
    if style == "none":
        return Overlay()
    day = f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.{rng.integers(5, 20):02d}"
    distance = f"{rng.uniform(0, 80):.{int(rng.integers(1, 3))}f}m"
    street = _STREETS[int(rng.integers(len(_STREETS)))]
    corners = [(0.03, 0.06), (0.70, 0.06), (0.03, 0.96), (0.72, 0.96)]
    rng.shuffle(corners)
    texts = [
        distance,
        day,
        f"{street} - {rng.integers(100, 999)}",
        f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}",
    ]
    count = int(rng.integers(1, 5))
    rgb = ((255, 255, 255), (255, 255, 160), (20, 20, 20), (230, 230, 230))[int(rng.integers(4))]
    font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX)[int(rng.integers(3))]
    placed = tuple((t, x, y) for t, (x, y) in zip(texts[:count], corners, strict=False))
    return Overlay(style, placed, rgb, bool(rng.random() < 0.3), font, float(rng.uniform(0.32, 0.5)))


def stamp(image: NDArray[np.uint8], overlay: Overlay) -> NDArray[np.uint8]:
    """Write the text into an RGB image, or blur the places where it would stand."""
    if overlay.style == "none":
        return image
    height, width = image.shape[:2]
    scale = overlay.scale * width / 352 * (2.0 if overlay.font == cv2.FONT_HERSHEY_PLAIN else 1.0)
    blurred = (
        cv2.GaussianBlur(cv2.resize(image, (max(width // 8, 2), max(height // 8, 2)), interpolation=cv2.INTER_AREA), (0, 0), 2.0)
        if overlay.style == "blurred"
        else None
    )
    if blurred is not None:
        blurred = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    for text, x, y in overlay.lines:
        (w, h), _ = cv2.getTextSize(text, overlay.font, scale, 1)
        left, low = min(int(x * width), max(width - w - 2, 0)), int(y * height)
        area = (slice(max(low - h - 3, 0), min(low + 4, height)), slice(max(left - 3, 0), min(left + w + 3, width)))
        if blurred is not None:
            image[area] = blurred[area]
            continue
        if overlay.box:
            image[area] = (0, 0, 0) if sum(overlay.rgb) > 300 else (220, 220, 220)
        cv2.putText(image, text, (left, low), overlay.font, scale, overlay.rgb, max(1, width // 500), cv2.LINE_AA)
    return image
