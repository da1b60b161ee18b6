"""RO, roots, and IN, infiltration: what comes in from the soil through joints and cracks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.defects.wear import soft_blob
from trainer.synth.pipe import joint_at
from trainer.synth.scene import Curtain, Decal, Scene
from trainer.synth.texture import Grid, patch_noise

SIZE = 256
_ROOTS = 320
_ROOT_TONES = ((0.36, 0.23, 0.12), (0.52, 0.38, 0.22), (0.22, 0.14, 0.08), (0.62, 0.52, 0.36))


def paint_roots(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add RO: fine hairs, a tuft, a tap root or a full mass; returns the clock angle."""
    if rng.random() < 0.75:
        joint_at(rng, scene, z_m)
    theta = float(rng.normal(0, 0.9) if rng.random() < 0.65 else rng.uniform(-2.6, 2.6))
    tone = np.array(_ROOT_TONES[int(rng.integers(len(_ROOT_TONES)))], np.float32) * np.float32(rng.uniform(0.8, 1.2))
    layers = 3 + int(3 * severity)
    spread = 0.25 + 0.9 * severity * rng.random()
    for layer in range(layers):
        alpha, light = _root_layer(rng, theta, severity, spread, tap=layer == 0 and rng.random() < 0.3)
        rgb = (tone * (0.55 + 0.75 * light)[..., None]).astype(np.float32)
        at = z_m + (layer - layers / 2) * 0.05 * scene.radius_m * (1 + severity)
        scene.curtains.append(Curtain(float(at), (0.0, 0.0), scene.radius_m * 1.08, alpha, rgb, "RO", mask_at=0.2))
    stain = soft_blob(rng, 0.8)
    scene.decals.append(
        Decal(
            theta,
            z_m,
            spread + 0.25,
            0.25 * scene.radius_m,
            stain * np.float32(0.6),
            tuple(tone * 0.5),
            multiply=False,
            code="RO",
            mask_at=0.45,
        )
    )
    return theta


def _root_layer(rng: np.random.Generator, theta: float, severity: float, spread: float, *, tap: bool) -> tuple[Grid, Grid]:
    """One cross-section's worth of hairs growing inward and hanging down: alpha and lightness (320, 320)."""
    canvas, light = np.zeros((_ROOTS, _ROOTS), np.uint8), np.zeros((_ROOTS, _ROOTS), np.uint8)
    for i in range(int(14 + 60 * severity)):
        length = (0.12 + 0.75 * severity) * rng.uniform(0.3, 1.2) * _ROOTS / 2
        points = _hair(rng, theta + rng.normal(0, spread), length)
        width = int(rng.integers(4, 8)) if tap and i == 0 else 1 + int(rng.random() < 0.12)
        cv2.polylines(canvas, [(points * 8).astype(np.int32)], False, 255, width, cv2.LINE_AA, 3)
        cv2.polylines(light, [(points * 8).astype(np.int32)], False, int(rng.integers(40, 255)), width, cv2.LINE_AA, 3)
    return canvas.astype(np.float32) / np.float32(290), light.astype(np.float32) / np.float32(255)


def _hair(rng: np.random.Generator, theta: float, length: float) -> NDArray[np.float64]:
    steps = 14
    start = np.array([_ROOTS / 2 + np.sin(theta) * _ROOTS / 2.14, _ROOTS / 2 - np.cos(theta) * _ROOTS / 2.14])
    heading = np.array([-np.sin(theta), np.cos(theta)]) + rng.normal(0, 0.45, 2)
    moves = np.empty((steps, 2))
    for i in range(steps):
        heading = heading + rng.normal(0, 0.32, 2) + np.array([0, 0.10])
        moves[i] = heading / (np.hypot(*heading) + 1e-6) * length / steps
    path: NDArray[np.float64] = start + np.cumsum(moves, axis=0)
    return np.vstack([start, path])


def paint_infiltration(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add IN: a glistening run of water from a joint or crack down the wall, its mineral or rust stain, drips."""
    side = float(rng.choice([-1, 1]))
    theta = side * float(rng.uniform(0.0, 1.7))
    if rng.random() < 0.75:
        joint_at(rng, scene, z_m)
    stain = ((0.42, 0.20, 0.06), (0.20, 0.17, 0.12), (0.66, 0.60, 0.48))[int(rng.integers(3))]
    half_theta = max(0.4, (np.pi - abs(theta)) / 2)
    middle = theta + side * half_theta * 0.95
    half_z = scene.radius_m * (0.15 + 0.55 * severity)
    runs = _runs(rng, severity, side)
    ragged = np.clip(0.75 + 0.5 * patch_noise(rng, SIZE, 0.9), 0, 1.2)
    spread = np.clip(cv2.GaussianBlur(runs, (0, 0), 9) * 1.6 * ragged, 0, 0.8).astype(np.float32)
    scene.decals.append(Decal(middle, z_m, half_theta, half_z, spread, stain, code="IN", mask_at=0.3))
    ripple = patch_noise(rng, SIZE, 1.5, "grain")
    wet = (runs * np.clip(0.7 + 0.35 * patch_noise(rng, SIZE, 1.4), 0, 1)).astype(np.float32)
    relief = (3.0 * cv2.GaussianBlur(wet, (0, 0), 2) + 0.8 * wet * ripple).astype(np.float32)
    scene.decals.append(
        Decal(
            middle,
            z_m,
            half_theta,
            half_z,
            wet * np.float32(0.8),
            (0.45, 0.42, 0.38),
            relief,
            gloss=2.2,
            multiply=True,
            code="IN",
            mask_at=0.3,
        )
    )
    if severity > 0.45 and rng.random() < 0.6:
        _add_jet(scene, rng, severity, z_m, theta)
    return theta


def _runs(rng: np.random.Generator, severity: float, side: float) -> Grid:
    """Streams that leave one place, wander, split and thin out on their way down."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(3 + int(rng.poisson(2 + 6 * severity))):
        columns = np.linspace(rng.uniform(2, 60), SIZE * rng.uniform(0.5, 0.98), 40)
        rows = SIZE / 2 + rng.normal(0, SIZE * 0.10) + np.cumsum(rng.normal(0, 2.4, 40))
        width = rng.uniform(2, 6 + 9 * severity)
        if side < 0:
            columns = SIZE - 1 - columns
        points = np.stack([columns, rows], axis=1)
        for i in range(39):
            a, b = (tuple(int(c * 8) for c in points[i + k]) for k in (0, 1))
            cv2.line(canvas, a, b, 255, max(1, round(width * (1 - 0.7 * i / 39))), cv2.LINE_AA, 3)
    return cv2.GaussianBlur(canvas, (0, 0), 1.3).astype(np.float32) / np.float32(255)


def _add_jet(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, theta: float) -> None:
    """Water falling free from the crown as pale threads."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(2 + int(8 * severity)):
        start = theta + rng.normal(0, 0.12)
        x = SIZE / 2 + np.sin(start) * SIZE / 2.16
        y = SIZE / 2 - np.cos(start) * SIZE / 2.16
        drop = np.linspace(0, 1, 24)
        curve_x = x - np.sin(start) * drop * rng.uniform(5, 60)
        curve_y = y + drop**1.5 * rng.uniform(60, 200)
        for i in range(23):
            if rng.random() < 0.8:
                cv2.line(
                    canvas,
                    (int(curve_x[i] * 8), int(curve_y[i] * 8)),
                    (int(curve_x[i + 1] * 8), int(curve_y[i + 1] * 8)),
                    int(rng.integers(120, 255)),
                    1,
                    cv2.LINE_AA,
                    3,
                )
    alpha = canvas.astype(np.float32) / np.float32(255)
    rgb = np.full((SIZE, SIZE, 3), 0.9, np.float32)
    scene.curtains.append(Curtain(z_m, (0.0, 0.0), scene.radius_m * 1.08, alpha * np.float32(0.85), rgb, "IN", gloss=0.5, mask_at=0.25))
