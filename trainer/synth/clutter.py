"""What every sewer has and no class names: stains, scratches, lime, drip marks, dirt, litter. Without it, any mark would mean damage."""

from collections.abc import Callable

import cv2
import numpy as np

from trainer.synth.defects.patches import noise_cut, soft_patch
from trainer.synth.invert import add_water
from trainer.synth.litter import LITTER, add_own_parts
from trainer.synth.lookalikes import add_lookalikes
from trainer.synth.scene import Decal, Rgb, Scene
from trainer.synth.texture import Grid

__all__ = ["MARKS", "add_clutter", "add_water"]

Rng = np.random.Generator
_DIRT: tuple[Rgb, ...] = (
    (0.20, 0.16, 0.10),
    (0.32, 0.25, 0.15),
    (0.12, 0.11, 0.09),
    (0.62, 0.58, 0.50),
    (0.40, 0.24, 0.10),
    (0.78, 0.76, 0.70),
    (0.28, 0.30, 0.22),
)
_OWN_PARTS_SHARE = 0.06


def add_clutter(scene: Scene, rng: Rng, start_m: float, end_m: float) -> None:
    """Harmless marks between two chainages; the robot's own parts only where the stretch is what one picture shows."""
    per_ten_radii = (end_m - start_m) / scene.radius_m / 10
    for mark, rate in (*MARKS.values(), *LITTER.values()):
        for _ in range(int(rng.poisson(rate * per_ten_radii))):
            mark(scene, rng, float(rng.uniform(start_m, end_m)))
    for joint in scene.joints:
        if start_m < joint.z_m < end_m and rng.random() < 0.3:
            _add_joint_mark(scene, rng, joint.z_m)
    add_lookalikes(scene, rng, start_m, end_m)
    if per_ten_radii < 5 and rng.random() < _OWN_PARTS_SHARE:
        add_own_parts(scene, rng, float(rng.uniform(0.5, 1.3)) * scene.radius_m)


def _dirt(rng: Rng) -> Rgb:
    red, green, blue = np.clip(np.array(_DIRT[int(rng.integers(len(_DIRT)))]) * rng.uniform(0.7, 1.25), 0.03, 0.9)
    return float(red), float(green), float(blue)


def _add_stain(scene: Scene, rng: Rng, z_m: float) -> None:
    alpha = soft_patch(rng, (64, 64), rng.uniform(0.3, 0.7), softness=rng.uniform(0.3, 1.3)) * np.float32(rng.uniform(0.1, 0.5))
    size = rng.uniform(0.12, 0.8)
    half_z = size * scene.radius_m * rng.uniform(0.5, 3)
    scene.decals.append(Decal(float(rng.uniform(0, 2 * np.pi)), z_m, size, half_z, alpha, _dirt(rng), multiply=bool(rng.random() < 0.3)))


def _add_scratch(scene: Scene, rng: Rng, z_m: float) -> None:
    """A pale straight scrape of a tool or a skid: no depth, unlike a crack."""
    lines = np.zeros((128, 64), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        x, thick = int(rng.integers(8, 56)), int(rng.integers(1, 3))
        ends = (x, int(rng.integers(0, 40))), (x + int(rng.normal(0, 6)), int(rng.integers(80, 127)))
        cv2.line(lines, *ends, int(rng.integers(60, 200)), thick, cv2.LINE_AA)
    tone = np.clip(np.array(scene.materials[0].rgb) * rng.uniform(1.15, 1.5), 0, 0.95)
    alpha = lines.astype(np.float32) / np.float32(255 * 1.4)
    scene.decals.append(Decal(float(rng.uniform(0, 2 * np.pi)), z_m, 0.3, scene.radius_m * rng.uniform(0.5, 2.5), alpha, tuple(tone)))


def _add_drip_mark(scene: Scene, rng: Rng, z_m: float) -> None:
    """A dry trail down the wall, dull and flat: old water, not water."""
    side, canvas = float(rng.choice([-1, 1])), np.zeros((96, 128), np.uint8)
    for _ in range(int(rng.integers(1, 6))):
        x = np.linspace(rng.uniform(0.03, 0.3), rng.uniform(0.5, 0.97), 12) * 128
        y = 48 + rng.normal(0, 14) + np.cumsum(rng.normal(0, 1.6, 12))
        points = (np.stack([x if side > 0 else 127 - x, y], 1) * 8).astype(np.int32)
        cv2.polylines(canvas, [points], False, int(rng.integers(90, 255)), int(rng.integers(1, 4)), cv2.LINE_AA, 3)
    alpha = cv2.GaussianBlur(canvas, (0, 0), 1.0).astype(np.float32) * np.float32(rng.uniform(0.15, 0.55) / 255)
    half = float(rng.uniform(0.3, 0.9))
    theta = side * float(rng.uniform(0.1, 1.2) + half)
    scene.decals.append(Decal(theta, z_m, half, scene.radius_m * rng.uniform(0.15, 0.5), alpha, _dirt(rng)))


def _add_splashes(scene: Scene, rng: Rng, z_m: float) -> None:
    """Specks thrown on the wall, dark or pale."""
    shape = (160, 160)
    alpha = np.clip(noise_cut(rng, "grain", shape, rng.uniform(0.3, 0.9)) - rng.uniform(1.3, 2.2), 0, 1) * soft_patch(
        rng, shape, 0.8, softness=1.0
    )
    size = rng.uniform(0.3, 1.2)
    strength = np.float32(rng.uniform(0.5, 1.0))
    half_z = size * scene.radius_m * rng.uniform(0.7, 2.5)
    scene.decals.append(Decal(float(rng.uniform(0, 2 * np.pi)), z_m, size, half_z, np.asarray(alpha * strength, np.float32), _dirt(rng)))


def _add_lime(scene: Scene, rng: Rng, z_m: float) -> None:
    """A flat pale bloom or a rust stain, no thicker than paint."""
    alpha = _streaked(rng, soft_patch(rng, (96, 96), rng.uniform(0.35, 0.6), softness=0.5)) * np.float32(rng.uniform(0.2, 0.6))
    tone = ((0.80, 0.78, 0.72), (0.50, 0.28, 0.10), (0.66, 0.62, 0.44))[int(rng.integers(3))]
    size = rng.uniform(0.15, 0.5)
    scene.decals.append(Decal(float(rng.normal(0, 1.2)), z_m, size, size * scene.radius_m, alpha, tone))


def _streaked(rng: Rng, alpha: Grid) -> Grid:
    """Streaks that run down the wall, across the columns."""
    return np.asarray(alpha * np.clip(0.6 + 0.4 * noise_cut(rng, "hoop", alpha.shape, 0.9), 0, 1), dtype=np.float32)


def _add_joint_mark(scene: Scene, rng: Rng, z_m: float) -> None:
    """Dirt or lime collected along a sound joint, thin and flat."""
    reach = np.clip(0.15 + 0.25 * noise_cut(rng, "cloud", (1, 160), 0.8)[0] + 0.15 * noise_cut(rng, "grain", (1, 160), 1.0)[0], 0.02, 0.9)
    rows = np.abs(np.linspace(-1, 1, 40, dtype=np.float32))[:, None]
    alpha = (np.clip((reach[None, :] - rows) * 3, 0, 1) * rng.uniform(0.2, 0.7)).astype(np.float32)
    place = float(rng.uniform(0, 2 * np.pi)), z_m, float(rng.uniform(0.5, np.pi))
    scene.decals.append(Decal(*place, 0.10 * scene.radius_m, alpha, _dirt(rng)))


MARKS: dict[str, tuple[Callable[[Scene, Rng, float], None], float]] = {  # per ten radii of pipe
    "stain": (_add_stain, 0.9),
    "scratch": (_add_scratch, 0.2),
    "drip mark": (_add_drip_mark, 0.18),
    "splashes": (_add_splashes, 0.22),
    "lime": (_add_lime, 0.15),
}
