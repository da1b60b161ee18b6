"""PF, faults of a lining: folds, wrinkles, blisters, dry and starved places, holes, seams that stand off."""

import cv2
import numpy as np

from trainer.synth.defects.crack_paths import wander
from trainer.synth.defects.patches import dome, dry_angle, fade, mixed, noise_cut, soft_patch, texels, tinted, torn_shape, wall_rgb
from trainer.synth.defects.raised_wall import raise_wall
from trainer.synth.scene import Decal, Scene
from trainer.synth.texture import Grid


def _ridge(rng: np.random.Generator, shape: tuple[int, int], width: float, sway: float) -> Grid:
    """A fold down the middle of a patch: one flank steeper than the other, fading out at both ends."""
    rows, columns = shape
    middle = (
        columns / 2 + wander(rng, rows, 0.25 * sway).astype(np.float32) + np.float32(sway) * noise_cut(rng, "cloud", (rows, 1), 0.3)[:, 0]
    )
    across = (np.arange(columns, dtype=np.float32)[None, :] - middle[:, None]) / np.float32(width)
    skewed = across * np.where(across > 0, np.float32(rng.uniform(0.6, 1)), np.float32(rng.uniform(1, 2)))
    crest = 1 + np.float32(0.25) * noise_cut(rng, "cloud", (rows, 1), 0.35)
    return np.asarray(np.exp(-skewed * skewed) * np.clip(crest, 0.2, 1.6) * fade(shape), dtype=np.float32)


def fold_along(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Folds along the lining: too much cloth for the pipe."""
    theta = dry_angle(scene, rng)
    half_z = scene.radius_m * rng.uniform(1.5, 4.0)
    for _ in range(1 + int(rng.poisson(0.3 + 1.5 * severity))):
        half_theta = rng.uniform(0.14, 0.22) * (1 + 0.8 * severity)
        height = _ridge(rng, (128, 48), rng.uniform(5, 11), rng.uniform(0.5, 3))
        place = (float(theta), float(z_m + rng.normal(0, 0.15) * half_z), float(half_theta), float(half_z))
        raise_wall(scene, place, height, scene.radius_m * (0.02 + 0.13 * severity * rng.uniform(0.6, 1.3)), tone=rng.uniform(0.92, 1.1))
        theta += rng.choice([-1, 1]) * rng.uniform(0.2, 0.5)
    return float(theta)


def fold_round(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Ring folds, one or a row of them, as in bends and where the lining was compressed."""
    theta = dry_angle(scene, rng)
    step = scene.radius_m * rng.uniform(0.2, 0.5)
    num = 1 + int(rng.poisson(0.3 + 3 * severity))
    half_theta = float(rng.uniform(0.6, 1.4) * (1 + 0.5 * severity))
    for i in range(num):
        height = np.ascontiguousarray(_ridge(rng, (96, 32), rng.uniform(4, 8), rng.uniform(0.5, 3)).T)
        place = (float(theta + rng.normal(0, 0.15)), z_m + (i - (num - 1) / 2) * step, half_theta, scene.radius_m * rng.uniform(0.12, 0.25))
        raise_wall(scene, place, height, scene.radius_m * (0.015 + 0.08 * severity * rng.uniform(0.6, 1.3)), tone=rng.uniform(0.92, 1.1))
    return theta


def wrinkles(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A mesh of wrinkles, as of a cloth pushed together."""
    theta = dry_angle(scene, rng)
    halves = (0.4 + 0.9 * severity, scene.radius_m * rng.uniform(0.7, 1.2) * (0.8 + 1.2 * severity))
    shape = texels(scene, halves[0], halves[1], longest=160)
    if rng.random() < 0.5:
        field = noise_cut(rng, "cloud", shape, rng.uniform(0.7, 1.3))
    else:
        field = noise_cut(rng, "hoop" if rng.random() < 0.5 else "streak", shape, rng.uniform(0.5, 1.0))
    field = cv2.GaussianBlur(field, (0, 0), 2.0)
    field = (field - field.mean()) / (field.std() + np.float32(1e-3))
    sharp = np.exp(-np.abs(field) * np.float32(rng.uniform(3, 5)))
    height = sharp * np.clip(dome(shape) * np.float32(2.5), 0, 1)
    lift = scene.radius_m * (0.015 + 0.06 * severity)
    raise_wall(scene, (theta, z_m, *halves), height, lift, crease=0.25, gloss=0.2)
    return theta


def blisters(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Bulges where the lining stands off the wall: flat, uneven, some run together."""
    theta = dry_angle(scene, rng)
    halves = (0.25 + 0.55 * severity, scene.radius_m * (0.3 + 0.8 * severity * rng.uniform(0.7, 1.4)))
    shape = texels(scene, *halves, longest=112)
    height = np.zeros(shape, np.float32)
    for _ in range(1 + int(rng.poisson(0.5 + 3 * severity))):
        spot = (rng.uniform(0.25, 0.75) * shape[1], rng.uniform(0.25, 0.75) * shape[0])
        size = min(shape) * rng.uniform(0.12, 0.30)
        axes = (float(size * rng.uniform(0.7, 1.4)), float(size * rng.uniform(0.7, 1.6)))
        bump = np.zeros(shape, np.uint8)
        cv2.ellipse(bump, (spot, (2 * axes[0], 2 * axes[1]), float(rng.uniform(0, 180))), 255, -1)
        height = np.maximum(height, cv2.GaussianBlur(bump.astype(np.float32) * np.float32(rng.uniform(0.5, 1) / 255), (0, 0), 0.35 * size))
    height *= (1 + np.float32(0.10) * noise_cut(rng, "cloud", shape, 1.0)) * fade(shape)
    lift = scene.radius_m * (0.025 + 0.13 * severity * rng.uniform(0.6, 1.2))
    raise_wall(scene, (theta, z_m, *halves), height, lift, crease=0.12, tone=rng.uniform(0.9, 1.12), gloss=0.25)
    return theta


def starved(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Places without resin: pale and dry with the felt's fibres, or soaked dark and glossy."""
    theta = dry_angle(scene, rng)
    halves = (0.25 + 0.8 * severity, scene.radius_m * (0.4 + 1.5 * severity * rng.uniform(0.6, 1.3)))
    shape = texels(scene, *halves, longest=192)
    alpha = soft_patch(rng, shape, 0.6 + 0.4 * severity, softness=rng.uniform(0.15, 0.8), scale=rng.uniform(0.5, 1.6))
    fibres = noise_cut(rng, "streak" if rng.random() < 0.5 else "grain", shape, 1.0)
    pale = rng.random() < 0.65
    tone = np.array((0.86, 0.85, 0.80), np.float32) if pale else wall_rgb(scene) * np.float32(rng.uniform(0.35, 0.6))
    colour = tinted(tone, 1 + np.float32(0.14) * fibres)
    strong = np.float32((0.35 if pale else 0.5) + 0.5 * severity)
    decal = Decal(
        theta, z_m, *halves, alpha * strong, colour, np.float32(0.3) * fibres, gloss=-0.3 if pale else 0.6, code="PF", mask_alpha=alpha
    )
    scene.decals.append(decal)
    return theta


def pinholes(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Holes in the lining: pinholes, or a tear through which the old wall shows."""
    theta = dry_angle(scene, rng)
    for _ in range(3 + int(rng.poisson(3 + 5 * severity))):
        size = float(0.04 + 0.05 * severity + (0.16 * severity if rng.random() < 0.3 else 0) * rng.random())
        inside = torn_shape(rng, (48, 48), 0.5, corners=12, rough=0.25 + 0.4 * severity)
        hole = np.clip(inside * np.float32(0.6) + np.float32(0.5), 0, 1) * fade((48, 48))
        lip = np.clip(1 - np.abs(inside + np.float32(2.5)) * np.float32(0.35), 0, 1) * fade((48, 48))
        old = np.array(((0.05, 0.045, 0.04), (0.20, 0.15, 0.10))[int(rng.integers(2))], np.float32)
        colour = mixed(np.clip(wall_rgb(scene) * np.float32(1.3), 0, 0.95), old, hole)
        place = (float(theta + rng.normal(0, 0.12 + 0.3 * severity)), float(z_m + rng.normal(0, 0.15 + 0.4 * severity) * scene.radius_m))
        relief = (np.float32(0.8) * lip - np.float32(1.5) * hole).astype(np.float32)
        cover = np.maximum(hole, lip * np.float32(0.7)).astype(np.float32)
        scene.decals.append(Decal(*place, size, size * scene.radius_m * rng.uniform(0.8, 1.6), cover, colour, relief, code="PF"))
    return theta


def lap_seam(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A seam whose lap stands off, or a lining's end or patch with a proud, ragged edge."""
    theta = dry_angle(scene, rng)
    around = rng.random() < 0.4
    shape = (160, 32)
    edge = np.float32(16) + np.float32(0.5 + 3 * severity) * noise_cut(rng, "cloud", (160, 1), 0.5)
    across = np.arange(32, dtype=np.float32)[None, :] - edge
    lap = np.clip(across * np.float32(0.7) + np.float32(0.5), 0, 1) * np.exp(-np.maximum(across, 0) / np.float32(6))
    height = np.asarray(lap * fade(shape), dtype=np.float32)
    halves = (0.13, scene.radius_m * rng.uniform(1.5, 4.0))
    if around:
        height, halves = np.ascontiguousarray(height.T), (rng.uniform(0.8, 2.5), 0.13 * scene.radius_m)
    raise_wall(
        scene,
        (theta, z_m, *halves),
        height,
        scene.radius_m * (0.008 + 0.07 * severity),
        crease=0.1 + 0.5 * severity,
        tone=1 + rng.uniform(-0.2, 0.15) * severity,
    )
    return theta
