"""Lines of cracks: paths that wander, branch and shatter, and their distance maps."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.texture import Grid

SIZE = 256


def wander(rng: np.random.Generator, num: int, sway: float) -> NDArray[np.float64]:
    """Sideways offsets (num,) of a crack from its chord: a random walk with slow bends and sudden steps, 0 at both ends."""
    steps = rng.normal(0, 0.4 * sway, num) + rng.normal(0, 1.6 * sway, num) * (rng.random(num) < 0.07)
    off = np.cumsum(steps) + rng.uniform(0.5, 3) * sway * np.sin(np.linspace(0, rng.uniform(2, 12), num) + rng.uniform(0, 6))
    return np.asarray(off - np.linspace(off[0], off[-1], num))


def path(rng: np.random.Generator, start: Grid, end: Grid, sway: float = 1.0) -> NDArray[np.float64]:
    """Points (n, 2) as column, row from `start` to `end`, wandering."""
    chord = np.asarray(end, np.float64) - start
    length = float(np.hypot(*chord)) + 1e-6
    num = int(np.clip(length / 4, 5, 80))
    off = wander(rng, num, sway)
    normal = np.array([-chord[1], chord[0]]) / length
    return np.asarray(start + np.linspace(0, 1, num)[:, None] * chord + off[:, None] * normal)


def distance_to(shape: tuple[int, int], lines: list[NDArray[np.float64]]) -> Grid:
    """Distance (h, w) in texels to the nearest of some polylines."""
    canvas = np.full(shape, 255, np.uint8)
    cv2.polylines(canvas, [np.round(line).astype(np.int32) for line in lines], False, 0, 1, cv2.LINE_8)
    return cv2.distanceTransform(canvas, cv2.DIST_L2, 3)


def _twigs(rng: np.random.Generator, line: NDArray[np.float64], num: float, reach: float) -> list[NDArray[np.float64]]:
    twigs = []
    for _ in range(int(rng.poisson(num))):
        i = int(rng.integers(1, len(line) - 1))
        ahead = line[i + 1] - line[i - 1]
        angle = np.arctan2(ahead[1], ahead[0]) + rng.choice([-1, 1]) * rng.uniform(0.25, 1.1)
        twigs.append(path(rng, line[i], line[i] + reach * rng.uniform(0.3, 1.0) * np.array([np.cos(angle), np.sin(angle)])))
    return twigs


def _sliver(rng: np.random.Generator, line: NDArray[np.float64]) -> NDArray[np.float64]:
    """A second line that leaves a crack and comes back to it: the piece between the two is loose."""
    i, num = int(rng.integers(0, max(len(line) * 2 // 3, 1))), len(line)
    j = min(num - 1, i + int(rng.integers(3, max(num // 3, 5))))
    bulge = (line[j] - line[i])[::-1] * np.array([-1, 1]) * rng.choice([-1, 1]) * rng.uniform(0.12, 0.4)
    middle = (line[i] + line[j]) / 2 + bulge
    return np.concatenate([path(rng, line[i], middle, 0.6), path(rng, middle, line[j], 0.6)])


def _net(rng: np.random.Generator, shape: tuple[int, int]) -> list[NDArray[np.float64]]:
    """A shattered place: cracks from a focus outward, some joined by cross cracks."""
    middle, half = np.array(shape[::-1]) / 2, np.array(shape[::-1]) * 0.47
    focus = middle + rng.normal(0, 0.15, 2) * half
    num = int(rng.integers(4, 9))
    angles = (np.arange(num) + rng.uniform(-0.4, 0.4, num)) * (2 * np.pi / num) + rng.uniform(0, 6)
    tips = [middle + half * np.array([np.cos(a), np.sin(a)]) * rng.uniform(0.6, 1.0) for a in angles]
    lines = [path(rng, focus, tip, 1.6) for tip in tips]
    for a, b in pairwise([*lines, lines[0]]):
        for share in rng.uniform(0.2, 0.95, int(rng.integers(0, 3))):  # pieces between the rays
            other = float(np.clip(share + rng.normal(0, 0.12), 0.1, 0.95))
            lines.append(path(rng, a[int(len(a) * share)], b[int(len(b) * other)], 1.0))
    return lines


def draw_lines(rng: np.random.Generator, kind: str, shape: tuple[int, int], severity: float) -> list[NDArray[np.float64]]:
    """Polylines of one crack: "along", "round", "web", or else winding from corner to corner."""
    rows, columns = shape
    if kind == "web":
        return _net(rng, shape)
    if kind == "along":
        ends = (columns * rng.uniform(0.35, 0.65), 1.0), (columns * rng.uniform(0.35, 0.65), rows - 2.0)
    elif kind == "round":
        middle = rows * rng.uniform(0.35, 0.65)
        ends = (0.0, middle), (columns - 1.0, middle)
    else:
        ends = (2.0, rows * rng.uniform(0.02, 0.2)), (columns - 3.0, rows * rng.uniform(0.8, 0.98))
        if rng.random() < 0.5:
            ends = (ends[1][0], ends[0][1]), (ends[0][0], ends[1][1])
    main = path(rng, np.array(ends[0]), np.array(ends[1]), rng.uniform(0.5, 1.6))
    slivers = [_sliver(rng, main) for _ in range(int(rng.poisson(1.2 * severity**2)))]
    return [main, *slivers, *_twigs(rng, main, 2.5 * severity, 0.3 * min(shape) + 12)]
