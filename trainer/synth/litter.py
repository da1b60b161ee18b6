"""Harmless things that catch the eye: cobwebs, vermin, leaves, scraps of paper, the robot's own parts and shadow. None has a code.

Vermin is no class of its own here, and a scrap or a leaf is too little for a deposit or an obstacle.
"""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.defects.bodies import floor_height
from trainer.synth.defects.patches import noise_cut, soft_patch
from trainer.synth.scene import Curtain, Decal, Rgb, Scene, Solid

Rng = np.random.Generator
Point = tuple[float, float, float]


def add_cobweb(scene: Scene, rng: Rng, z_m: float) -> None:
    """Bright thin threads across a corner of the crown."""
    size, canvas = 224, np.zeros((224, 224), np.uint8)
    middle = rng.uniform(-1.6, 1.6)
    ends = middle + rng.normal(0, 0.35, (int(rng.integers(4, 16)), 2))
    rim = size / 2 * (1 + 0.96 * np.stack([np.sin(ends), -np.cos(ends)], axis=2))
    sag = rng.uniform(0, 14, len(ends))[:, None, None] * (np.array([0.0, 1.0]) * (1 - np.linspace(-1, 1, 9)[:, None] ** 2))[None]
    t = np.linspace(0, 1, 9)[None, :, None]
    paths = rim[:, :1] + t * (rim[:, 1:] - rim[:, :1]) + sag
    cv2.polylines(canvas, list((paths * 8).astype(np.int32)), False, int(rng.integers(90, 240)), 1, cv2.LINE_AA, 3)
    alpha = canvas.astype(np.float32) / np.float32(300)
    scene.curtains.append(Curtain(z_m, (0.0, 0.0), scene.radius_m * 1.04, alpha, np.full((size, size, 3), 0.85, np.float32), None))


def add_vermin(scene: Scene, rng: Rng, z_m: float) -> None:
    """A rat, frog, slug or insect: a small smooth body with a head, and a tail or legs."""
    kind = rng.choice(["rat", "frog", "slug", "insects"])
    radius = scene.radius_m
    if kind == "insects":
        alpha = np.zeros((128, 128), np.uint8)
        for x, y in rng.integers(6, 122, (int(rng.integers(2, 14)), 2)):
            cv2.ellipse(alpha, (int(x), int(y)), (int(rng.integers(2, 4)), 1), float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
        scene.decals.append(
            Decal(float(rng.uniform(-2.2, 2.2)), z_m, 0.35, 0.4 * radius, alpha.astype(np.float32) / np.float32(255), (0.10, 0.07, 0.05))
        )
        return
    size = radius * {"rat": 0.10, "frog": 0.07, "slug": 0.06}[str(kind)] * rng.uniform(0.7, 1.3)
    x = float(rng.normal(0, 0.3)) * radius
    place = (x, max(floor_height(scene, x), radius * (2 * scene.water_level - 1)) + 0.5 * size, z_m)
    a, tone = rng.uniform(0, np.pi), ((0.16, 0.13, 0.11), (0.25, 0.27, 0.14), (0.35, 0.22, 0.12))[int(rng.integers(3))]
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]], np.float32)
    ahead = (float(np.cos(a)) * size, float(np.sin(a)) * size)
    _add_part(scene, "ellipsoid", place, (size * 1.3, size * 0.6, size * 0.6), turn, tone)
    _add_part(scene, "ellipsoid", (x + 1.4 * ahead[0], place[1], z_m + 1.4 * ahead[1]), (size * 0.5, size * 0.38, size * 0.38), turn, tone)
    if kind == "rat":
        tail = (x - 2.4 * ahead[0], place[1] - 0.3 * size, z_m - 2.4 * ahead[1])
        _add_part(scene, "cylinder", tail, (size * 1.3, size * 0.07, size * 0.07), turn, (0.35, 0.25, 0.22))


def _add_part(
    scene: Scene, shape: Literal["ellipsoid", "cylinder"], place: Point, half_m: Point, turn: NDArray[np.float32], rgb: Rgb
) -> None:
    scene.solids.append(Solid(shape, place, half_m, turn, rgb, 0.3, 0.4, None))


def add_scraps(scene: Scene, rng: Rng, z_m: float) -> None:
    """Shreds of paper or leaves, flat on the wall: small, thin, pale or brown."""
    leaf = rng.random() < 0.35
    for _ in range(int(rng.integers(1, 6))):
        alpha = soft_patch(rng, (48, 48), rng.uniform(0.4, 0.6), softness=0.08, scale=rng.uniform(1.0, 3.0))
        tone = (np.array((0.32, 0.22, 0.08)) if leaf else np.array((0.75, 0.72, 0.66))) * rng.uniform(0.7, 1.2)
        size = rng.uniform(0.03, 0.10)
        theta = np.pi + rng.normal(0, 0.8) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
        at = float(theta), float(z_m + rng.normal(0, 0.8) * scene.radius_m)
        scene.decals.append(Decal(*at, size, size * scene.radius_m * rng.uniform(0.7, 2.0), alpha, tuple(tone), alpha))


def add_own_parts(scene: Scene, rng: Rng, z_m: float) -> None:
    """The robot's skid, wheel or cable at the picture's lower edge, and its shadow on the invert."""
    radius, kind = scene.radius_m, rng.choice(["cable", "skid", "shadow"])
    if kind == "shadow":
        alpha = soft_patch(rng, (64, 64), 0.75, softness=1.2) * np.float32(rng.uniform(0.3, 0.8))
        scene.decals.append(
            Decal(np.pi, z_m, float(rng.uniform(0.3, 0.8)), radius * rng.uniform(0.5, 1.2), alpha, (0.25, 0.25, 0.25), multiply=True)
        )
        return
    tone = ((0.04, 0.04, 0.05), (0.75, 0.42, 0.08), (0.55, 0.55, 0.56))[int(rng.integers(3))]
    thick = radius * (rng.uniform(0.02, 0.045) if kind == "cable" else rng.uniform(0.05, 0.09))
    x = float(rng.normal(0, 0.25)) * radius
    place = (x, floor_height(scene, x, scene.water_level) + 0.8 * thick, z_m - 0.6 * radius)
    a = np.pi / 2 + rng.normal(0, 0.12)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]], np.float32)
    scene.solids.append(Solid("cylinder", place, (radius * rng.uniform(0.6, 1.3), thick, thick), turn, tone, 0.1, 0.4, None))


def add_reflection(scene: Scene, rng: Rng, z_m: float) -> None:
    """A lamp's image on a wet or smooth wall: a bright soft patch, sometimes in streaks."""
    alpha = soft_patch(rng, (64, 64), rng.uniform(0.55, 0.8), softness=1.0)
    if rng.random() < 0.5:
        alpha = alpha * np.clip(0.4 + noise_cut(rng, "streak", (64, 64), 0.8), 0, 1)
    place = float(rng.uniform(0, 2 * np.pi)), z_m, float(rng.uniform(0.08, 0.4)), float(scene.radius_m * rng.uniform(0.2, 1.2))
    scene.decals.append(Decal(*place, np.asarray(alpha * np.float32(rng.uniform(0.3, 0.9)), np.float32), (0.97, 0.97, 0.95), gloss=1.0))


LITTER: dict[str, tuple[Callable[[Scene, Rng, float], None], float]] = {  # per ten radii of pipe
    "cobweb": (add_cobweb, 0.05),
    "vermin": (add_vermin, 0.03),
    "scraps": (add_scraps, 0.12),
    "reflection": (add_reflection, 0.06),
}
