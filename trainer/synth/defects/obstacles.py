"""FO, foreign objects in the pipe: stones, bricks, sticks, bottles, cables, sheets."""

from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.scene import Curtain, Rgb, Scene, Solid


def any_turn(rng: np.random.Generator) -> NDArray[np.float32]:
    """A random rotation, (3, 3)."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    return np.asarray(q * np.sign(np.diag(r)), dtype=np.float32)


def _floor(scene: Scene, x: float, level: float = 0.0) -> float:
    """Height of the invert at x, or of the bed's surface."""
    y = -np.sqrt(max(scene.radius_m**2 - x**2, 0.0))
    return float(max(y, scene.radius_m * (2 * level - 1)))


def add_rubble(
    scene: Scene, rng: np.random.Generator, z_m: float, *, num: int, code: str, rgb: Rgb, level: float = 0.0, size: float = 0.14
) -> None:
    """Stones and broken pieces lying about a place."""
    for _ in range(num):
        half = scene.radius_m * size * rng.uniform(0.5, 1.4, 3)
        x = float(np.clip(rng.normal(0, 0.3), -0.7, 0.7)) * scene.radius_m
        y = _floor(scene, x, level) + float(half.min()) * 0.6
        z = z_m + rng.normal(0, 0.7) * scene.radius_m
        shape: Literal["box", "ellipsoid"] = "box" if rng.random() < 0.4 else "ellipsoid"
        tone = np.clip(np.array(rgb) * rng.uniform(0.6, 1.2), 0.03, 0.9)
        scene.solids.append(Solid(shape, (x, y, float(z)), tuple(half), any_turn(rng), tuple(tone), 0.4, 0.15, code))


def paint_obstacle(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add FO; returns the clock angle."""
    variant = rng.choice(["stone", "brick", "stick", "bottle", "cable", "rag"], p=[0.22, 0.2, 0.2, 0.14, 0.12, 0.12])
    radius, size = scene.radius_m, 0.16 + 0.34 * severity
    x = float(rng.normal(0, 0.2)) * radius
    centre = (x, _floor(scene, x, scene.water_level * 0.8) + size * radius * 0.55, z_m)
    if variant == "stone":
        half = tuple(size * radius * rng.uniform(0.7, 1.2, 3))
        scene.solids.append(
            Solid("ellipsoid", centre, half, any_turn(rng), tuple(np.full(3, rng.uniform(0.25, 0.6)) * (1.05, 1, 0.9)), 0.6)
        )
    elif variant == "brick":
        half = (size * radius, size * radius * 0.5, size * radius * 0.48)
        tone = ((0.55, 0.26, 0.17), (0.55, 0.53, 0.48))[int(rng.integers(2))]
        scene.solids.append(Solid("box", centre, half, _yaw(rng), tone, 0.35))
    elif variant == "stick":
        half = (radius * (0.4 + 0.8 * severity), radius * (0.03 + 0.05 * severity), radius * (0.03 + 0.05 * severity))
        scene.solids.append(Solid("ellipsoid", (x, centre[1] * 0.7, z_m), half, _yaw(rng, 0.5), (0.42, 0.28, 0.15), 0.5))
    elif variant == "bottle":
        _add_bottle(scene, rng, size * radius, centre)
    elif variant == "cable":
        _add_cable(scene, rng, severity, z_m)
    else:
        _add_rag(scene, rng, severity, z_m)
    return float(np.pi)


def _yaw(rng: np.random.Generator, nod: float = 0.15) -> NDArray[np.float32]:
    a, b = rng.uniform(0, np.pi), rng.normal(0, nod)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    lean = np.array([[np.cos(b), np.sin(b), 0], [-np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return np.asarray(lean @ turn, dtype=np.float32)


def _add_bottle(scene: Scene, rng: np.random.Generator, size: float, centre: tuple[float, float, float]) -> None:
    tone = ((0.15, 0.38, 0.18), (0.75, 0.78, 0.80), (0.65, 0.14, 0.12), (0.20, 0.35, 0.65))[int(rng.integers(4))]
    turn = _yaw(rng)
    neck = np.array(centre) + turn[0] * size * 1.25
    scene.solids.append(Solid("ellipsoid", centre, (size * 1.2, size * 0.48, size * 0.48), turn, tone, 0.1, 0.9))
    scene.solids.append(Solid("box", tuple(neck), (size * 0.35, size * 0.15, size * 0.15), turn, tone, 0.1, 0.8))


def _add_cable(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> None:
    """A line across or along the pipe, as a row of short ellipsoids."""
    radius = scene.radius_m
    tone = ((0.05, 0.05, 0.05), (0.6, 0.12, 0.08), (0.75, 0.65, 0.15), (0.7, 0.7, 0.68))[int(rng.integers(4))]
    t = np.linspace(-1, 1, 18)
    start = rng.uniform(-1.2, 1.2, 2)
    points = np.stack(
        [t * radius * 0.75, radius * (-0.5 + 0.35 * np.sin(t * 2 + start[0])), z_m + radius * 0.6 * np.sin(t * 1.5 + start[1])], axis=1
    )
    thick = radius * (0.02 + 0.035 * severity)
    for a, b in pairwise(points):
        axis = (b - a) / np.linalg.norm(b - a)
        side = np.cross(axis, [0.0, 1.0, 0.0])
        side /= np.linalg.norm(side)
        axes = np.stack([axis, side, np.cross(axis, side)]).astype(np.float32)
        scene.solids.append(
            Solid("ellipsoid", tuple((a + b) / 2), (float(np.linalg.norm(b - a)) * 0.75, thick, thick), axes, tone, 0.1, 0.4)
        )


def _add_rag(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> None:
    """A limp sheet (rag, plastic bag) caught on the invert."""
    size = 256
    rows = np.linspace(0, 1, 40)
    left = 128 - (30 + 55 * severity) * (0.4 + rows) + np.cumsum(rng.normal(0, 2.5, 40))
    right = 128 + (30 + 55 * severity) * (0.4 + rows) + np.cumsum(rng.normal(0, 2.5, 40))
    top = 240 - (70 + 80 * severity)
    y = top + rows * (246 - top)
    outline = np.vstack([np.stack([left, y], 1), np.stack([right, y], 1)[::-1]])
    canvas = np.zeros((size, size), np.uint8)
    cv2.fillPoly(canvas, [outline.astype(np.int32)], 255, cv2.LINE_AA)
    folds = np.sin(np.arange(size)[None, :] * rng.uniform(0.08, 0.2) + np.cumsum(rng.normal(0, 0.08, size))[:, None])
    tone = np.array(((0.75, 0.75, 0.72), (0.45, 0.40, 0.32), (0.25, 0.35, 0.55))[int(rng.integers(3))])
    rgb = np.clip(tone * (1 + 0.3 * folds[..., None]), 0.02, 0.95).astype(np.float32)
    scene.curtains.append(
        Curtain(
            z_m, (float(rng.normal(0, 0.15)) * scene.radius_m, 0.0), scene.radius_m, canvas.astype(np.float32) / np.float32(255), rgb, "FO"
        )
    )
