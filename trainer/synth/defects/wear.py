"""OB, damage of the wall's surface, and PF, faults from manufacture (liner folds and blisters, honeycombed concrete)."""

import cv2
import numpy as np

from trainer.synth.defects.cracks import jagged_blob
from trainer.synth.scene import Decal, Scene
from trainer.synth.texture import Grid, patch_noise

SIZE = 256


def soft_blob(rng: np.random.Generator, threshold: float, softness: float = 0.25, scale: float = 0.55) -> Grid:
    """A cloudy patch fading to nothing at its border, alpha (256, 256)."""
    axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
    round_fade = 1.15 - (axis[:, None] ** 2 + axis[None, :] ** 2) * 1.1
    field = patch_noise(rng, SIZE, scale) * 0.45 + round_fade * 1.3 - threshold
    window = np.clip((1 - axis**2) * 4, 0, 1)
    return np.asarray(np.clip(field / softness, 0, 1) * window[:, None] * window[None, :], dtype=np.float32)


def paint_surface_damage(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add OB; returns the clock angle."""
    variant = rng.choice(["aggregate", "spall", "corrosion", "scoured"], p=[0.35, 0.25, 0.25, 0.15])
    theta = float(rng.uniform(-2.2, 2.2) if variant != "scoured" else np.pi + rng.normal(0, 0.3))
    half_theta, half_z = 0.6 + 1.6 * severity, scene.radius_m * (1.0 + 3.0 * severity)
    base = np.array(scene.materials[0].rgb, np.float32)
    if variant == "spall":
        return _add_spalls(scene, rng, severity, z_m, theta)
    alpha = soft_blob(rng, 0.75 - 0.45 * severity)
    cells = patch_noise(rng, SIZE, 2.2, "cell")
    grain = patch_noise(rng, SIZE, 1.6, "grain")
    if variant == "corrosion":
        tone = np.array([[0.62, 0.58, 0.45], [0.45, 0.28, 0.12], [0.70, 0.66, 0.60]][int(rng.integers(3))], np.float32)
        colour = tone * (1 + 0.22 * grain + 0.12 * cells)[..., None]
    else:
        colour = base * np.float32(rng.uniform(0.6, 0.95)) * (1 + 0.30 * cells + 0.15 * grain)[..., None]
    relief = (0.25 + 0.5 * severity) * (0.6 * cells + 0.5 * grain)
    scene.decals.append(
        Decal(
            theta,
            z_m,
            half_theta,
            half_z,
            alpha * np.float32(0.55 + 0.4 * severity),
            np.clip(colour, 0.02, 0.95).astype(np.float32),
            relief.astype(np.float32),
            code="OB",
            mask_at=0.3,
        )
    )
    return theta


def _add_spalls(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, theta: float) -> float:
    base = np.array(scene.materials[0].rgb, np.float32)
    for _ in range(1 + int(rng.poisson(1 + 4 * severity))):
        blob = jagged_blob(rng, 128, 0.65, 0.5)
        alpha = cv2.GaussianBlur(blob, (0, 0), 1.5).astype(np.float32) / np.float32(255)
        cells = patch_noise(rng, 128, 3.0, "cell")
        colour = np.clip(base * rng.uniform(0.5, 1.15) * (1 + 0.35 * cells[..., None]), 0.02, 0.95).astype(np.float32)
        if rng.random() < 0.25:
            colour[:, 50:56] = (0.32, 0.16, 0.07)
        relief = (-1.5 * alpha + 0.2 * cells).astype(np.float32)
        place = theta + rng.normal(0, 0.5), z_m + rng.normal(0, 1.0) * scene.radius_m
        size = rng.uniform(0.08, 0.2) + 0.35 * severity * rng.random()
        scene.decals.append(
            Decal(float(place[0]), float(place[1]), size, size * scene.radius_m * rng.uniform(0.7, 1.8), alpha, colour, relief, code="OB")
        )
    return theta


def paint_production_error(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add PF; returns the clock angle. Folds and blisters need a liner, honeycombs concrete; other pipes get moulding seams."""
    if scene.materials[0].liner:
        return _add_folds(scene, rng, severity, z_m) if rng.random() < 0.65 else _add_blisters(scene, rng, severity, z_m)
    return _add_honeycomb(scene, rng, severity, z_m)


def _add_folds(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    theta = float(rng.uniform(0, 2 * np.pi))
    along = bool(rng.random() < 0.6)
    for i in range(1 + int(rng.poisson(0.5 + 3 * severity))):
        canvas = np.zeros((SIZE, SIZE), np.float32)
        rows = np.arange(SIZE)
        middle = SIZE / 2 + 14 * np.sin(rows / SIZE * rng.uniform(2, 8) + rng.uniform(0, 6)) + np.cumsum(rng.normal(0, 0.25, SIZE))
        width = rng.uniform(14, 26)
        ridge = np.exp(-(((np.arange(SIZE)[None, :] - middle[:, None]) / width) ** 2)).astype(np.float32)
        ridge *= np.clip(np.sin(rows / SIZE * np.pi) * 3, 0, 1)[:, None].astype(np.float32)
        canvas = ridge if along else ridge.T.copy()
        half = (0.28, scene.radius_m * rng.uniform(2.0, 5.0)) if along else (rng.uniform(0.8, 2.0), scene.radius_m * 0.3)
        place = (theta + rng.normal(0, 0.45), z_m) if along else (theta, z_m + (i - 1) * scene.radius_m * rng.uniform(0.25, 0.6))
        tone = np.array(scene.materials[0].rgb, np.float32) * np.float32(rng.uniform(0.55, 1.2))
        lift = scene.radius_m * (0.04 + 0.22 * severity)
        scene.decals.append(
            Decal(
                float(place[0]),
                float(place[1]),
                half[0],
                half[1],
                np.clip(canvas * 0.8, 0, 1),
                tuple(tone),
                canvas * 2,
                lift_m=lift,
                gloss=0.3,
                code="PF",
            )
        )
    return theta


def _add_blisters(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    theta = float(rng.uniform(-2, 2))
    axis = np.linspace(-1, 1, 96, dtype=np.float32)
    dome = np.clip(1 - axis[:, None] ** 2 - axis[None, :] ** 2, 0, 1) ** np.float32(0.7)
    for _ in range(2 + int(rng.poisson(1 + 5 * severity))):
        size = rng.uniform(0.12, 0.25) * (1 + severity)
        tone = np.array(scene.materials[0].rgb, np.float32) * np.float32(rng.uniform(0.85, 1.1))
        scene.decals.append(
            Decal(
                float(theta + rng.normal(0, 0.45)),
                float(z_m + rng.normal(0, 0.9) * scene.radius_m),
                size,
                size * scene.radius_m * rng.uniform(0.8, 1.6),
                np.clip(dome * 1.5, 0, 1) * np.float32(0.7),
                tuple(tone),
                dome * 2,
                lift_m=scene.radius_m * (0.03 + 0.14 * severity) * rng.uniform(0.6, 1.2),
                gloss=0.4,
                code="PF",
            )
        )
    return theta


def _add_honeycomb(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Pores and gravel pockets in bands left by the mould."""
    theta = float(rng.uniform(-2.2, 2.2))
    pores = np.clip((patch_noise(rng, SIZE, 1.6, "cell") - 0.55 + 0.5 * severity) * 2, 0, 1)
    alpha = (soft_blob(rng, 0.7 - 0.3 * severity) * pores).astype(np.float32)
    dark = np.array(scene.materials[0].rgb) * 0.28
    region = cv2.GaussianBlur(alpha, (0, 0), 6) * 2
    scene.decals.append(
        Decal(
            theta,
            z_m,
            0.4 + 0.8 * severity,
            scene.radius_m * (0.8 + 2 * severity),
            alpha,
            tuple(dark),
            -alpha * 1.2,
            code="PF",
            mask_at=0.3,
            mask_alpha=region,
        )
    )
    if rng.random() < 0.4:
        seam = np.zeros((SIZE, 32), np.float32)
        seam[:, 12:20] = 1
        scene.decals.append(
            Decal(theta, z_m, 0.09, scene.radius_m * (2 + 3 * severity), seam * 0.8, tuple(dark * 2.2), seam * 2, code="PF")
        )
    return theta
