"""What every sewer has and no class names: stains, scratches, water, drip marks, mild dirt. Without it, any mark would mean damage."""

import cv2
import numpy as np

from trainer.synth.defects.wear import soft_blob
from trainer.synth.scene import Decal, Fluid, Scene

_DIRT = ((0.20, 0.16, 0.10), (0.32, 0.25, 0.15), (0.12, 0.11, 0.09), (0.62, 0.58, 0.50), (0.40, 0.24, 0.10))
_WATERS = ((0.20, 0.16, 0.10), (0.13, 0.12, 0.10), (0.30, 0.26, 0.18), (0.24, 0.26, 0.22))


def add_water(scene: Scene, rng: np.random.Generator) -> None:
    """Water in the invert: often a trickle, up to half the height, sometimes none; and the line left by higher water."""
    level = 0.0 if rng.random() < 0.22 else float(min(0.5, rng.exponential(0.075) + 0.012))
    if level > 0.01:
        rgb = _WATERS[int(rng.integers(len(_WATERS)))]
        scene.fluids.append(
            Fluid(
                level,
                rgb,
                grain=float(rng.uniform(0.02, 0.3)),
                gloss=float(rng.uniform(0.3, 1.2)),
                rough_m=float(scene.radius_m * rng.uniform(0, 0.3) * level),
                noise_offset=float(rng.uniform(0, 100)),
            )
        )
    if rng.random() < 0.55:
        _add_water_mark(scene, rng, level)


def _add_water_mark(scene: Scene, rng: np.random.Generator, level: float) -> None:
    mark = min(level + rng.uniform(0.02, 0.25), 0.6)
    half = float(np.arccos(np.clip(1 - 2 * mark, -1, 1)))
    columns = np.abs(np.linspace(-1, 1, 256, dtype=np.float32))[None, :]
    wobble = np.cumsum(rng.normal(0, 0.004, 128)).astype(np.float32)[:, None]
    alpha = np.clip((np.float32(0.93) + wobble - columns) * np.float32(rng.uniform(8, 40)), 0, 1) * np.float32(rng.uniform(0.2, 0.75))
    scene.decals.append(Decal(np.pi, 0.0, max(half, 0.2), 200.0, alpha.astype(np.float32), _DIRT[int(rng.integers(3))], gloss=0.15))


def add_clutter(scene: Scene, rng: np.random.Generator, start_m: float, end_m: float) -> None:
    """Harmless marks between two chainages."""
    per_radius = (end_m - start_m) / scene.radius_m / 10
    for _ in range(int(rng.poisson(1.5 * per_radius))):
        _add_stain(scene, rng, rng.uniform(start_m, end_m))
    for _ in range(int(rng.poisson(0.35 * per_radius))):
        _add_scratch(scene, rng, rng.uniform(start_m, end_m))
    for joint in scene.joints:
        if start_m < joint.z_m < end_m and rng.random() < 0.3:
            _add_joint_mark(scene, rng, joint.z_m)


def _add_stain(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    alpha = cv2.resize(soft_blob(rng, rng.uniform(0.5, 1.0), softness=rng.uniform(0.3, 1.2)), (96, 96), interpolation=cv2.INTER_AREA)
    tone = _DIRT[int(rng.integers(len(_DIRT)))]
    size = rng.uniform(0.15, 0.9)
    scene.decals.append(
        Decal(
            float(rng.uniform(0, 2 * np.pi)),
            float(z_m),
            size,
            size * scene.radius_m * rng.uniform(0.5, 3),
            alpha * np.float32(rng.uniform(0.1, 0.5)),
            tone,
        )
    )


def _add_scratch(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """A pale straight scrape of a tool or a skid: no depth, unlike a crack."""
    lines = np.zeros((128, 64), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        x = int(rng.integers(8, 56))
        cv2.line(
            lines,
            (x, int(rng.integers(0, 40))),
            (x + int(rng.normal(0, 6)), int(rng.integers(80, 127))),
            int(rng.integers(60, 200)),
            int(rng.integers(1, 3)),
            cv2.LINE_AA,
        )
    tone = np.clip(np.array(scene.materials[0].rgb) * rng.uniform(1.15, 1.5), 0, 0.95)
    scene.decals.append(
        Decal(
            float(rng.uniform(0, 2 * np.pi)),
            float(z_m),
            0.3,
            scene.radius_m * rng.uniform(0.5, 2.5),
            lines.astype(np.float32) / np.float32(255 * 1.4),
            tuple(tone),
        )
    )


def _add_joint_mark(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """Dirt or lime collected along a sound joint."""
    alpha = np.zeros((48, 192), np.float32)
    ragged = np.clip(np.cumsum(rng.normal(0, 0.05, 192)) + rng.uniform(0.1, 0.4), 0.02, 0.9)
    rows = np.abs(np.linspace(-1, 1, 48))[:, None]
    alpha[:] = np.clip((ragged[None, :] - rows) * 3, 0, 1) * rng.uniform(0.2, 0.7)
    tone = _DIRT[int(rng.integers(len(_DIRT)))]
    scene.decals.append(
        Decal(float(rng.uniform(0, 6.28)), z_m, float(rng.uniform(0.5, np.pi)), 0.10 * scene.radius_m, alpha.astype(np.float32), tone)
    )
