"""Mortar, seals and flanges round laterals and along joints, as mounds with relief; stains below them as decals."""

import cv2
import numpy as np

from trainer.synth.defects.pipe_ends import ragged_clock, tinted, wall_rgb
from trainer.synth.geometry import egg_radius
from trainer.synth.openings import branch_frame, wall_point
from trainer.synth.scene import Branch, Decal, Mound, Rgb, Scene
from trainer.synth.stubs import over_clock
from trainer.synth.texture import Grid, patch_noise

SIZE = 96
_MORTARS: tuple[Rgb, ...] = ((0.62, 0.60, 0.55), (0.78, 0.76, 0.70), (0.45, 0.42, 0.36), (0.34, 0.28, 0.20), (0.52, 0.42, 0.30))
_DRIPS: tuple[Rgb, ...] = ((0.20, 0.15, 0.10), (0.40, 0.25, 0.11), (0.68, 0.66, 0.60), (0.12, 0.11, 0.10))


def mortar_rgb(scene: Scene, rng: np.random.Generator) -> Rgb:
    """Pale, grey or brown mortar, or concrete like the pipe's."""
    if rng.random() < 0.3:
        return wall_rgb(scene, float(rng.uniform(0.5, 1.3)))
    return tinted(rng, _MORTARS[int(rng.integers(len(_MORTARS)))], 0.8, 1.1)


def footprint(scene: Scene, branch: Branch, reach_m: float) -> tuple[Grid, Grid, float, float]:
    """Distance from the lateral's axis and clock round it over a patch of wall (SIZE, SIZE), and the patch's half extents."""
    half_theta, half_z = min(reach_m / scene.radius_m * 1.25, 1.5), reach_m / max(float(np.cos(branch.lean)), 0.6)
    axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
    angle, along = (branch.theta + axis * half_theta)[None, :], (axis * half_z)[:, None]
    base = wall_point(scene, branch.theta, branch.z_m)
    radius = egg_radius(angle, scene.radius_m, scene.egg) if scene.egg else scene.radius_m
    x, y = radius * np.sin(angle) - base[0] + 0 * along, radius * np.cos(angle) - base[1] + 0 * along
    turn = branch_frame(branch)
    s, t = (turn[i, 0] * x + turn[i, 1] * y + turn[i, 2] * along for i in range(2))
    return np.hypot(s, t).astype(np.float32), np.mod(np.arctan2(t, s), 2 * np.pi).astype(np.float32), half_theta, half_z


def add_collar(scene: Scene, rng: np.random.Generator, branch: Branch, *, width_m: float, height_m: float, lumpy: float = 0.6) -> None:
    """Mortar pressed round a lateral: highest at its pipe, ragged outside, lumpy (0..1); carries the lateral's code."""
    inner = max(branch.hole_m, branch.radius_m + (branch.stub_thick_m if branch.stub_m else 0.0))
    off, clock, half_theta, half_z = footprint(scene, branch, inner + 2.2 * width_m)
    edge = width_m * over_clock(ragged_clock(rng, 0.25 + 0.3 * lumpy, steps=9), clock, 1.0)
    beyond = off - inner * over_clock(branch.outline, clock, 1.0)
    profile = np.clip(1 - beyond / edge, 0, 1) ** rng.uniform(0.5, 1.2)
    lumps = 1 + np.float32(lumpy) * (0.5 * patch_noise(rng, SIZE, 1.6) + 0.25 * patch_noise(rng, SIZE, 3.0, "cell"))
    height = np.float32(height_m) * profile * np.clip(lumps, 0.1, 2.2) * (beyond > -6 * half_z / SIZE)
    rgb = np.array(mortar_rgb(scene, rng), np.float32) * np.clip(1 + 0.22 * patch_noise(rng, SIZE, 2.2)[..., None], 0.4, 1.5)
    scene.mounds.append(
        Mound(branch.theta, branch.z_m, half_theta, half_z, _edged(height), rgb.astype(np.float32), 0.1, 0.06 * height_m, branch.code)
    )


def _edged(height: Grid) -> Grid:
    """No mound reaches the border of its patch."""
    height[0], height[-1], height[:, 0], height[:, -1] = 0, 0, 0, 0
    return np.ascontiguousarray(height, np.float32)


def add_flange(
    scene: Scene, branch: Branch, *, rgb: Rgb, width_m: float, height_m: float, wrinkles: Grid | None = None, gloss: float = 0.4
) -> None:
    """A plate or profile with a step at its edge round a lateral; `wrinkles` (SIZE, SIZE) is added to its height in shares."""
    off, clock, half_theta, half_z = footprint(scene, branch, branch.radius_m + 1.5 * width_m)
    beyond = off - branch.radius_m * over_clock(branch.outline, clock, 1.0)
    edge = np.clip((width_m - beyond) / max(0.07 * width_m, 1.6 * half_z / SIZE), 0, 1) * (beyond > -6 * half_z / SIZE)
    lip = 1 + 0.6 * np.clip(1 - beyond / (0.25 * width_m), 0, 1)
    height = np.float32(height_m) * edge * np.maximum(lip + (0 if wrinkles is None else wrinkles), 0.25)
    colour = np.clip(np.array(rgb, np.float32) * (1 - 0.4 * np.exp(-(((beyond / width_m) - 0.96) ** 2) * 400))[..., None], 0.01, 0.95)
    scene.mounds.append(
        Mound(branch.theta, branch.z_m, half_theta, half_z, _edged(height), colour.astype(np.float32), gloss, 0.1 * height_m, branch.code)
    )


def add_smear(scene: Scene, rng: np.random.Generator, branch: Branch, *, width_m: float, rgb: Rgb, code: str | None = None) -> None:
    """A ragged flat patch round a lateral: slurry wiped on the wall, scars of the chisel."""
    off, clock, half_theta, half_z = footprint(scene, branch, branch.radius_m + 1.6 * width_m)
    edge = width_m * over_clock(ragged_clock(rng, 0.3, steps=14), clock, 1.0) * (1 + 0.25 * patch_noise(rng, SIZE, 2.0))
    alpha = np.clip((edge - (off - branch.radius_m)) / (0.2 * width_m), 0, 1) * rng.uniform(0.5, 1.0)
    tone = np.array(rgb, np.float32) * np.clip(1 + 0.25 * patch_noise(rng, SIZE, 1.5, "grain")[..., None], 0.4, 1.6)
    grain = patch_noise(rng, SIZE, 2.5, "grain") * 0.3
    alpha = _edged(alpha)
    scene.decals.append(
        Decal(branch.theta, branch.z_m, half_theta, half_z, alpha, tone.astype(np.float32), (alpha * grain).astype(np.float32), code=code)
    )


def add_cracks(scene: Scene, rng: np.random.Generator, branch: Branch, num: int) -> None:
    """Cracks running out from the hole; part of the connection, so they carry its code."""
    hole = max(branch.hole_m, branch.radius_m)
    reach = hole * float(rng.uniform(1.8, 3.0))
    canvas = np.zeros((192, 192), np.uint8)
    for _ in range(num):
        turn, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.0)
        off = hole / reach + np.linspace(0, 1, 12) * length * (1 - hole / reach)
        angle = turn + 0.05 * np.cumsum(rng.normal(0, 1, 12))
        points = 96 * (1 + np.stack([off * np.cos(angle), off * np.sin(angle)], axis=1))
        cv2.polylines(canvas, [(points * 8).astype(np.int32)], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 3)
    alpha = canvas.astype(np.float32) / np.float32(255)
    scene.decals.append(Decal(branch.theta, branch.z_m, reach / scene.radius_m, reach, alpha, (0.06, 0.05, 0.04), code=branch.code))


def add_drip(scene: Scene, rng: np.random.Generator, branch: Branch) -> None:
    """A stain running from the lateral's lower edge down to the invert; harmless, no code."""
    side = 1.0 if np.sin(branch.theta) >= 0 else -1.0
    start, end = abs(branch.theta) + 0.5 * branch.radius_m / scene.radius_m, rng.uniform(2.2, 3.0)
    if end - start < 0.3:
        return
    half = (end - start) / 2
    z = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    down = np.linspace(0, 1, 64, dtype=np.float32)[None, :]
    wander = 0.25 * np.cumsum(rng.normal(0, 0.06, 64))[None, :] + 0.12 * patch_noise(rng, 64, 2.0)
    alpha = np.clip((0.65 - 0.3 * down * rng.uniform(-0.6, 1.0) - np.abs(z + wander)) * 3, 0, 1) * rng.uniform(0.35, 0.95)
    alpha *= np.clip((1 - down) * 4, 0, 1)
    rgb = tinted(rng, _DRIPS[int(rng.integers(len(_DRIPS)))])
    mirrored = alpha if side > 0 else alpha[:, ::-1]
    scene.decals.append(
        Decal(
            side * (start + half),
            branch.z_m,
            half,
            0.8 * branch.radius_m,
            np.ascontiguousarray(mirrored, np.float32),
            rgb,
            gloss=float(rng.uniform(0, 0.6)),
        )
    )
