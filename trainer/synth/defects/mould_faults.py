"""PF, faults from making the pipe itself: gravel pockets, fins and steps of the mould, bad welds."""

import numpy as np

from trainer.synth.defects.patches import dry_angle, fade, noise_cut, soft_patch, stone_cut, texels, tinted, wall_rgb
from trainer.synth.defects.raised_wall import raise_wall
from trainer.synth.scene import Decal, Scene


def honeycomb(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Gravel pockets and pores: concrete that did not fill its mould."""
    theta = dry_angle(scene, rng)
    halves = (0.22 + 0.7 * severity, scene.radius_m * (0.3 + 1.3 * severity * rng.uniform(0.6, 1.3)))
    shape = texels(scene, *halves, longest=192)
    alpha = soft_patch(rng, shape, 0.6 + 0.4 * severity, softness=0.5, scale=1.0)
    tone, height = stone_cut(rng, shape, rng.uniform(1.0, 2.2), coarse=float(rng.uniform(0.0, 0.5)))
    open_share = np.float32(0.15 + 0.25 * severity) * (1 + np.float32(0.5) * noise_cut(rng, "cloud", shape, 0.8))
    gaps = np.clip((open_share - height) * 4, 0, 1) * alpha
    pale = wall_rgb(scene) * np.float32(rng.uniform(0.85, 1.15))
    colour = tinted(pale, (1 + np.float32(0.06) * tone) * (np.float32(1) - np.float32(rng.uniform(0.4, 0.85)) * gaps))
    cover = np.maximum(gaps, np.float32(0.5) * alpha * np.float32(0.4 + severity)).astype(np.float32)
    relief = np.asarray(np.float32(0.6) * height * alpha - np.float32(0.7) * gaps, dtype=np.float32)
    scene.decals.append(Decal(theta, z_m, *halves, cover, colour, relief, code="PF", mask_at=0.3, mask_alpha=alpha))
    return theta


def mould_offset(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A step or fin along the pipe where the halves of its mould did not meet."""
    theta = dry_angle(scene, rng)
    shape, half_z = (96, 32), scene.radius_m * rng.uniform(2.0, 4.0)
    across = np.arange(32, dtype=np.float32)[None, :] - 16 + np.float32(0.4) * noise_cut(rng, "grain", (96, 1), 0.5)
    fin = np.exp(-((across / np.float32(1.5 + 1.5 * severity)) ** 2))
    step = np.clip(across * np.float32(0.6) + np.float32(0.5), 0, 1) * np.exp(-np.maximum(across, 0) / np.float32(5))
    height = np.asarray((fin if rng.random() < 0.5 else step) * fade(shape), dtype=np.float32)
    place = (theta, z_m, 0.12 + 0.08 * severity, float(half_z))
    raise_wall(
        scene,
        place,
        height,
        scene.radius_m * (0.008 + 0.07 * severity),
        crease=0.12 + 0.4 * severity,
        tone=1 + rng.uniform(-0.25, 0.2) * severity,
    )
    return theta


def weld_bead(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A butt weld gone wrong: thick, lobed, scorched bead round the pipe."""
    shape = (24, 256)
    middle = np.float32(12) + np.float32(0.3 + 2.0 * severity) * noise_cut(rng, "cloud", (1, 256), 0.6)
    across = np.arange(24, dtype=np.float32)[:, None] - middle
    size = np.float32(2.2) * np.clip(1 + np.float32(0.1 + 0.5 * severity) * noise_cut(rng, "cloud", (1, 256), 1.2), 0.2, 2.2)
    height = np.exp(-((across / size) ** 2)) * np.clip(size / np.float32(2.2), 0.2, 1.6) * fade(shape, all_round=True)
    place = (0.0, z_m, float(np.pi), scene.radius_m * (0.09 + 0.08 * severity))
    lift = scene.radius_m * (0.01 + 0.09 * severity * rng.uniform(0.6, 1.3))
    tone = 1 + (float(rng.choice([0.45, 0.7, 1.15])) - 1) * (0.2 + 0.8 * severity)
    raise_wall(scene, place, height.astype(np.float32), lift, crease=0.15 + 0.35 * severity, tone=tone, gloss=0.3)
    return 0.0
