"""RB, cracks, breaks and collapse: drawn as dark lines, torn-out pieces that show soil, and fallen crown."""

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.defects.obstacles import add_rubble
from trainer.synth.scene import Decal, Scene
from trainer.synth.texture import Grid, patch_noise

SIZE = 256


def paint_break(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add RB; returns the clock angle."""
    variant = rng.choice(["along", "round", "web", "hole", "collapse"], p=[0.27, 0.27, 0.2, 0.16, 0.10])
    if severity < 0.35 and variant in ("hole", "collapse"):
        variant = "along"
    theta = float(rng.uniform(0, 2 * np.pi))
    if np.cos(theta) < -0.75 and scene.water_level > 0.05:
        theta = float(rng.uniform(-1.8, 1.8))
    if variant in ("hole", "collapse"):
        return _add_hole(scene, rng, severity, z_m, collapse=variant == "collapse")
    _add_cracks(scene, rng, severity, z_m, theta, str(variant))
    return theta


def crack_lines(rng: np.random.Generator, kind: str, severity: float, thickness: float) -> Grid:
    """Lines of one crack as an alpha map (256, 256): a wandering main line with side branches."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    num = {"along": 1, "round": 1, "web": 3}[kind] + int(rng.random() < 0.3 * severity)
    for i in range(num):
        angle = {"along": np.pi / 2, "round": 0.0, "web": rng.uniform(0, np.pi)}[kind] + rng.normal(0, 0.08)
        centre = SIZE / 2 + rng.normal(0, 0.0 if i == 0 and kind != "web" else 22.0, 2)
        points = _wander(rng, centre, angle, SIZE * rng.uniform(0.38, 0.48))
        _stroke(canvas, rng, points, thickness)
        for _ in range(int(rng.poisson(1 + 3 * severity))):
            root = points[int(rng.integers(8, len(points) - 8))]
            twig = _wander(rng, root, angle + rng.choice([-1, 1]) * rng.uniform(0.4, 1.2), SIZE * rng.uniform(0.05, 0.2))
            _stroke(canvas, rng, twig[len(twig) // 2 :], thickness * 0.6)
    return cv2.GaussianBlur(canvas, (0, 0), 0.7).astype(np.float32) / np.float32(255)


def _wander(rng: np.random.Generator, centre: NDArray[np.float64], angle: float, half: float) -> NDArray[np.float64]:
    steps = np.linspace(-half, half, 60)
    off = np.cumsum(rng.normal(0, 0.55, 60))
    off += 5 * np.sin(steps / half * rng.uniform(1, 4) + rng.uniform(0, 6))
    off -= off.mean()
    direction, normal = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    points: NDArray[np.float64] = centre + steps[:, None] * direction + off[:, None] * normal
    return points


def _stroke(canvas: NDArray[np.uint8], rng: np.random.Generator, points: NDArray[np.float64], thickness: float) -> None:
    for i in range(len(points) - 1):
        if i % 7 == 0:
            width = max(1, round(thickness * rng.uniform(0.5, 1.3) * (1 - 0.6 * abs(2 * i / len(points) - 1))))
        a, b = (tuple(int(c * 8) for c in points[i + k]) for k in (0, 1))
        cv2.line(canvas, a, b, 255, width, cv2.LINE_AA, 3)


def _add_cracks(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, theta: float, kind: str) -> None:
    radius = scene.radius_m
    half_theta, half_z = {"along": (0.35, 1.5 * radius), "round": (1.6, 0.35 * radius), "web": (0.9, 0.9 * radius)}[kind]
    half_theta, half_z = half_theta * (0.7 + 0.5 * severity), half_z * (0.7 + 0.9 * severity)
    lines = crack_lines(rng, kind, severity, 1.0 + 4.5 * severity * rng.uniform(0.6, 1.2))
    dark = np.array(scene.materials[0].rgb) * rng.uniform(0.03, 0.25)
    halo = cv2.GaussianBlur(lines, (0, 0), 5)
    if severity > 0.3 and rng.random() < 0.5:
        pale = bool(rng.random() < 0.4)
        colour = (0.75, 0.72, 0.65) if pale else (0.3, 0.22, 0.14)
        scene.decals.append(Decal(theta, z_m, half_theta, half_z, np.clip(halo * 1.6, 0, 0.6), colour))
    relief = cv2.GaussianBlur(lines, (0, 0), 1.5) * np.float32(-1.2)
    scene.decals.append(
        Decal(
            theta,
            z_m,
            half_theta,
            half_z,
            np.clip(lines * (0.8 + severity), 0, 1),
            tuple(dark),
            relief,
            code="RB",
            mask_at=0.25,
            mask_alpha=np.clip(halo * 3, 0, 1),
        )
    )


def jagged_blob(rng: np.random.Generator, size: int, fill: float, rough: float, points: int = 28) -> NDArray[np.uint8]:
    """A torn shape as an image of 0 and 255; `fill` is its mean radius in half widths."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, points))
    radii = size / 2 * np.clip(fill * (1 + rough * rng.normal(0, 0.35, points)), 0.12, 0.93)
    outline = np.stack([size / 2 + radii * np.cos(angles), size / 2 + radii * np.sin(angles)], axis=1)
    canvas = np.zeros((size, size), np.uint8)
    cv2.fillPoly(canvas, [outline.astype(np.int32)], 255, cv2.LINE_AA)
    return canvas


def _add_hole(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, *, collapse: bool) -> float:
    theta = float(rng.normal(0, 0.5) if collapse or rng.random() < 0.6 else rng.uniform(-2, 2))
    blob = jagged_blob(rng, SIZE, rng.uniform(0.5, 0.7), 0.6 if collapse else 0.9, points=14)
    alpha = cv2.GaussianBlur(blob, (0, 0), 1.2).astype(np.float32) / np.float32(255)
    soil_noise = patch_noise(rng, SIZE, 0.8, "grain")
    soil = np.array([[0.20, 0.15, 0.10], [0.10, 0.09, 0.08], [0.34, 0.26, 0.17]][int(rng.integers(3))], np.float32)
    colour = np.clip(soil * (1 + 0.45 * soil_noise[..., None]), 0.01, 0.8).astype(np.float32)
    half_theta = (0.35 + 0.55 * severity) * (1.3 if collapse else 1.0)
    half_z = scene.radius_m * (0.5 + 1.0 * severity)
    inner = cv2.erode(blob, np.ones((9, 9), np.uint8)).astype(np.float32) / np.float32(255)
    edge = np.clip(alpha - inner, 0, 1)
    colour = colour + edge[..., None] * (np.array(scene.materials[0].rgb, np.float32) * np.float32(1.15) - colour)
    relief = cv2.GaussianBlur(inner, (0, 0), 3) + np.float32(0.08) * soil_noise
    lift = -scene.radius_m * (0.15 + 0.25 * severity)
    scene.decals.append(Decal(theta, z_m, half_theta, half_z, alpha, colour, relief, lift_m=lift, code="RB"))
    lines = crack_lines(rng, "web", severity, 2.0)
    scene.decals.append(
        Decal(
            theta,
            z_m,
            half_theta * 1.6,
            half_z * 1.6,
            lines,
            (0.05, 0.04, 0.03),
            code="RB",
            mask_at=0.25,
            mask_alpha=cv2.GaussianBlur(lines, (0, 0), 3) * 3,
        )
    )
    if collapse:
        add_rubble(scene, rng, z_m, num=4 + int(8 * severity), code="RB", rgb=scene.materials[0].rgb)
    return theta
