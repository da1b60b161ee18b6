"""Stray marks that no class names: scratches, tool and chalk marks, drip lines, root prints, threads; parts of the lookalikes.

Stains are soft and flat where cracks have a dark core with a worn edge; scratches and marks are straight or drawn, and have no depth.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.defects.crack_paths import path
from trainer.synth.defects.patches import fade, noise_cut, wall_rgb
from trainer.synth.scene import Curtain, Decal, Rgb, Scene

_CHALKS = ((0.85, 0.85, 0.82), (0.75, 0.72, 0.20), (0.70, 0.18, 0.15), (0.20, 0.35, 0.70), (0.85, 0.45, 0.12), (0.10, 0.10, 0.10))
_WORDS = ["12", "07", "A3", "K", "5", "X", "1.0", "OK", "R", "24", "DN", "B7", "300", "II"]


def wall_tone(scene: Scene, rng: np.random.Generator, low: float, high: float) -> Rgb:
    """The wall's colour, darker or paler."""
    red, green, blue = np.clip(wall_rgb(scene) * rng.uniform(low, high), 0.01, 0.93)
    return float(red), float(green), float(blue)


def any_angle(rng: np.random.Generator) -> float:
    """Anywhere round the pipe."""
    return float(rng.uniform(-np.pi, np.pi))


def thin_scratches(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """Bundles of thin straight scrapes of a skid or a nozzle: paler than the wall, without depth."""
    canvas = np.zeros((160, 80), np.uint8)
    slant = float(rng.normal(0, 10))
    for _ in range(int(rng.integers(2, 14))):
        x, top, length = float(rng.uniform(10, 70)), float(rng.uniform(4, 90)), float(rng.uniform(20, 110))
        end = (round(x + slant * length / 100), round(min(top + length, 156)))
        cv2.line(canvas, (round(x), round(top)), end, int(rng.integers(60, 230)), int(rng.integers(1, 3)), cv2.LINE_AA)
    alpha = canvas.astype(np.float32) * np.float32(rng.uniform(0.5, 1.0) / 255)
    halves = (rng.uniform(0.15, 0.4), scene.radius_m * rng.uniform(0.5, 2.5))
    if rng.random() < 0.3:  # the camera's own turn leaves them round the pipe
        alpha, halves = np.ascontiguousarray(alpha.T), (rng.uniform(0.4, 1.2), scene.radius_m * rng.uniform(0.15, 0.3))
    scene.decals.append(Decal(any_angle(rng), z_m, *halves, alpha, wall_tone(scene, rng, 1.1, 1.6)))


def tool_marks(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """A row of like dents or arcs left by a trowel, a cutter or a winch."""
    canvas = np.zeros((128, 64), np.uint8)
    step, size, turn = int(rng.integers(8, 22)), int(rng.integers(6, 26)), float(rng.uniform(0, 360))
    for row in range(8, 122, step):
        cv2.ellipse(
            canvas,
            (32, row),
            (size, max(2, size // 2)),
            turn,
            0,
            float(rng.uniform(100, 200)),
            int(rng.integers(120, 255)),
            int(rng.integers(1, 4)),
            cv2.LINE_AA,
        )
    alpha = cv2.GaussianBlur(canvas, (0, 0), 0.8).astype(np.float32) * np.float32(rng.uniform(0.4, 0.9) / 255)
    halves = (rng.uniform(0.15, 0.4), scene.radius_m * rng.uniform(0.5, 1.6))
    scene.decals.append(Decal(any_angle(rng), z_m, *halves, alpha, wall_tone(scene, rng, 0.6, 1.4), alpha * np.float32(0.4)))


def chalk_mark(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """A number, an arrow or a cross in chalk or paint."""
    canvas = np.zeros((64, 96), np.uint8)
    kind, thick = int(rng.integers(4)), int(rng.integers(1, 4))
    if kind < 2:
        cv2.putText(canvas, _WORDS[int(rng.integers(len(_WORDS)))], (6, 46), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 230, thick, cv2.LINE_AA)
    elif kind == 2:
        cv2.arrowedLine(canvas, (12, int(rng.integers(20, 44))), (84, int(rng.integers(20, 44))), 230, thick, cv2.LINE_AA, 0, 0.3)
    else:
        cv2.polylines(
            canvas, [path(rng, np.array([20.0, 12.0]), np.array([70.0, 52.0]), 0.4).astype(np.int32)], False, 230, thick, cv2.LINE_AA
        )
        cv2.line(canvas, (74, 10), (18, 54), 230, thick, cv2.LINE_AA)
    worn = np.clip(np.float32(0.8) + np.float32(0.5) * noise_cut(rng, "grain", (64, 96)), 0, 1)
    alpha = canvas.astype(np.float32) * worn * np.float32(rng.uniform(0.4, 0.95) / 255)
    if rng.random() < 0.5:
        alpha = np.ascontiguousarray(alpha[::-1, ::-1])
    size = rng.uniform(0.15, 0.45)
    place = (any_angle(rng), z_m, size * 1.5, size * scene.radius_m)
    scene.decals.append(Decal(*place, alpha.astype(np.float32), _CHALKS[int(rng.integers(len(_CHALKS)))]))


def drip_lines(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """Dry runs down the wall from a joint or the crown: soft, flat, straight down, fading."""
    rows, columns = 64, 96
    side = float(rng.choice([-1, 1]))
    down = np.linspace(0, 1, columns, dtype=np.float32)[None, :]
    alpha = np.zeros((rows, columns), np.float32)
    for _ in range(int(rng.integers(1, 6))):
        start, wide, length = rng.uniform(10, 54), np.float32(rng.uniform(0.8, 3.5)), np.float32(rng.uniform(0.3, 0.95))
        middle = np.float32(start) + np.float32(0.8) * noise_cut(rng, "cloud", (1, columns), 0.3)
        run = np.exp(-(((np.arange(rows, dtype=np.float32)[:, None] - middle) / wide) ** 2)) * np.clip((length - down) * 3, 0, 1)
        alpha = np.maximum(alpha, run)
    alpha *= np.float32(rng.uniform(0.2, 0.8)) * fade((rows, columns))
    if side < 0:
        alpha = np.ascontiguousarray(alpha[:, ::-1])
    tone = ((0.20, 0.16, 0.11), (0.70, 0.68, 0.60), (0.42, 0.25, 0.12), (0.10, 0.10, 0.09))[int(rng.integers(4))]
    half = float(rng.uniform(0.4, 0.9))
    scene.decals.append(
        Decal(side * (half + float(rng.uniform(0, 0.8))), z_m, half, scene.radius_m * rng.uniform(0.2, 0.6), alpha, tone, gloss=0.1)
    )


def root_stain(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """The print of fine roots that are gone, or algae along damp: branching soft pale-brown lines without any depth."""
    canvas = np.zeros((128, 128), np.uint8)
    trunk = path(rng, np.array([64.0, 6.0]), np.array([rng.uniform(20, 108), 120.0]), 1.2)
    roots = rng.integers(2, len(trunk) - 2, int(rng.integers(3, 9)))
    lines = [trunk, *(path(rng, trunk[i], trunk[i] + rng.normal(0, 26, 2), 1.0) for i in roots)]
    points: list[NDArray[np.int32]] = [np.round(line).astype(np.int32) for line in lines]
    cv2.polylines(canvas, points, False, 255, 1, cv2.LINE_AA)
    alpha = (
        cv2.GaussianBlur(canvas.astype(np.float32) / np.float32(255), (0, 0), 1.8) * np.float32(rng.uniform(0.8, 2.0)) * fade((128, 128))
    )
    tone = ((0.35, 0.24, 0.13), (0.30, 0.28, 0.16), (0.60, 0.54, 0.42))[int(rng.integers(3))]
    scene.decals.append(
        Decal(any_angle(rng), z_m, rng.uniform(0.2, 0.6), scene.radius_m * rng.uniform(0.3, 0.9), np.clip(alpha, 0, 0.6), tone)
    )


def threads(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """Spider threads and slime hairs from the crown, some with beads of water."""
    canvas = np.zeros((192, 192), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        x = rng.uniform(50, 142)
        top, drop = 96 - np.sqrt(max(96.0**2 - (x - 96) ** 2, 0)), rng.uniform(10, 80)
        line = path(rng, np.array([x, top]), np.array([x + rng.normal(0, 14), top + drop]), 0.3)
        cv2.polylines(canvas, [np.round(line * 4).astype(np.int32)], False, 150, 1, cv2.LINE_AA, 2)
        for bead in line[:: int(rng.integers(3, 9))]:
            if rng.random() < 0.3:
                cv2.circle(canvas, (round(bead[0]), round(bead[1])), 1, 255, -1, cv2.LINE_AA)
    alpha = canvas.astype(np.float32) * np.float32(rng.uniform(0.5, 0.95) / 255)
    rgb = np.full((192, 192, 3), np.float32(rng.uniform(0.25, 0.8)), np.float32)
    scene.curtains.append(Curtain(z_m, (0.0, 0.0), scene.radius_m, alpha, rgb, None))
