"""FS, displaced joint; IS, intruding sealing ring; OK, change of construction at a joint."""

import cv2
import numpy as np

from trainer.synth.materials import draw_material
from trainer.synth.pipe import joint_at
from trainer.synth.scene import Band, Curtain, Decal, Scene
from trainer.synth.texture import Grid

SIZE = 256


def paint_displaced_joint(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add FS: the next pipe's axis is moved, or the gap is wide, or both; returns the clock angle of the step."""
    joint = joint_at(rng, scene, z_m)
    theta = float(rng.normal(0, 0.5) + rng.choice([0, np.pi]) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi))
    variant = rng.choice(["offset", "wide", "both"], p=[0.5, 0.2, 0.3])
    if variant != "wide":
        step = scene.radius_m * (0.05 + 0.30 * severity)
        joint.shift_xy = (float(-np.sin(theta) * step), float(-np.cos(theta) * step))
    if variant != "offset":
        joint.gap_m = float(0.015 + 0.05 * severity + scene.radius_m * 0.12 * severity)
        joint.depth_m = float(scene.radius_m * (0.08 + 0.10 * severity))
    margin = 0.035 * scene.radius_m + joint.gap_m / 2
    scene.bands.append(Band("FS", z_m - margin, z_m + margin))
    return theta


def paint_intruding_seal(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add IS: a loop of the rubber ring hangs into the pipe, over part of the circumference or as a free loop."""
    joint_at(rng, scene, z_m)
    theta = float(rng.normal(0, 0.7) if rng.random() < 0.6 else rng.uniform(-2.2, 2.2))
    shade = float(rng.uniform(0.03, 0.14))
    rgb = np.array([shade, shade, shade * rng.uniform(0.9, 1.1)], np.float32)
    if rng.random() < 0.12:
        rgb = np.array([0.55, 0.52, 0.45], np.float32)
    loops = 1 + int(rng.random() < 0.4 * severity)
    for _ in range(loops):
        alpha, tone = _rubber(rng, theta, severity)
        colour = (rgb * tone[..., None]).astype(np.float32)
        for layer in range(4):
            at = z_m + (layer - 1.5) * 0.035 * scene.radius_m
            scene.curtains.append(
                Curtain(at, (0.0, 0.0), scene.radius_m * 1.05, alpha, colour * np.float32(1.2 - 0.15 * layer), "IS", gloss=0.2)
            )
        theta += float(rng.normal(0, 0.9))
    return theta


def _rubber(rng: np.random.Generator, theta: float, severity: float) -> tuple[Grid, Grid]:
    """The ring seen along the axis: a band that leaves the wall between two angles and sags to a depth."""
    half = 0.5 + 0.9 * severity
    sag = (0.12 + 0.5 * severity) * rng.uniform(0.7, 1.1)
    power, lopsided = rng.uniform(0.6, 1.4), rng.uniform(-0.35, 0.35)
    angles = theta + np.linspace(-half, half, 60)
    u = np.linspace(-1, 1, 60)
    radius = 0.97 - sag * (1 - u * u) ** power * (1 + lopsided * u)
    points = np.stack([SIZE / 2 + radius * np.sin(angles) * SIZE / 2.1, SIZE / 2 - radius * np.cos(angles) * SIZE / 2.1], axis=1)
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    width = int(5 + 8 * severity * rng.random())
    cv2.polylines(canvas, [(points * 8).astype(np.int32)], False, 255, width, cv2.LINE_AA, 3)
    light = np.zeros((SIZE, SIZE), np.uint8)
    cv2.polylines(light, [((points - 1.2) * 8).astype(np.int32)], False, 255, 2, cv2.LINE_AA, 3)
    tone = 0.8 + 0.9 * cv2.GaussianBlur(light, (0, 0), 1.0).astype(np.float32) / 255
    return canvas.astype(np.float32) / np.float32(255), tone.astype(np.float32)


def paint_transition(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add OK: another material, and often another diameter, begins at a joint."""
    joint = joint_at(rng, scene, z_m)
    scene.joints = [j for j in scene.joints if j is joint or abs(j.z_m - z_m) > 2.5 * scene.radius_m]
    scene.materials.append(draw_material(rng, other_than=scene.materials[0].name))
    joint.material = len(scene.materials) - 1
    if rng.random() < 0.6:
        joint.widen_m = float(scene.radius_m * rng.choice([-1, 1], p=[0.75, 0.25]) * rng.uniform(0.03, 0.08 + 0.15 * severity))
    joint.gap_m = float(rng.uniform(0.003, 0.02))
    scene.bands.append(Band("OK", z_m - 0.12 * scene.radius_m - joint.gap_m, z_m + 0.5 * scene.radius_m))
    if rng.random() < 0.35:
        _add_mortar(scene, rng, z_m)
    return float(rng.uniform(-1.5, 1.5))


def _add_mortar(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    rows = np.abs(np.linspace(-1, 1, 64))[:, None]
    ragged = rng.uniform(0.3, 0.9) + np.cumsum(rng.normal(0, 0.06, 128))[None, :] * 0.5
    alpha = np.clip((ragged - rows) * 6, 0, 1).astype(np.float32)
    scene.decals.append(Decal(0.0, z_m, np.pi, 0.12 * scene.radius_m, alpha, (0.6, 0.58, 0.52), alpha * 0.8))
