"""Rubber and mortar at joints: ribbons, hanging cut-outs and ridges along the joint."""

import cv2
import numpy as np

from trainer.synth.scene import Curtain, Mound, Rgb, Scene, Sheet
from trainer.synth.texture import Grid, patch_noise


def axis_at(scene: Scene, z_m: float) -> tuple[float, float]:
    """Axis of the pipe at a chainage: earlier joints move it."""
    before = [j.shift_xy for j in scene.joints if j.z_m < z_m]
    return sum(s[0] for s in before), sum(s[1] for s in before)


def _band(rng: np.random.Generator, rgb: Rgb, *, ragged: float) -> tuple[Grid, Grid]:
    """Outline and colour of a ribbon of rubber, rows across it; lips along both edges, ends and edges torn by `ragged` (0..1)."""
    across, along = np.linspace(-1, 1, 24, dtype=np.float32)[:, None], np.linspace(-1, 1, 160, dtype=np.float32)[None, :]
    waves = 0.12 * np.sin(along * rng.uniform(3, 14) + rng.uniform(0, 6)) + 0.06 * np.sin(along * rng.uniform(15, 40))
    wide = 0.85 - ragged * (0.25 + 0.35 * np.clip(np.cumsum(rng.normal(0, 0.09, 160)), -1, 1)[None, :])
    alpha = np.clip((wide - np.abs(across + waves)) * 8, 0, 1) * np.clip((1 - np.abs(along)) * 25, 0, 1)
    lips = 1 + 0.9 * np.exp(-(((across + waves) / 0.3) ** 2) * 6) - 0.45 * (np.abs(across + waves) > 0.6 * wide)
    tone = lips * (1 + 0.15 * np.sin(along * rng.uniform(4, 9) + rng.uniform(0, 6)) + 0.1 * rng.normal(0, 1, (24, 160)))
    colour = np.clip(np.array(rgb, np.float32) * tone[..., None], 0.01, 0.95)
    return alpha.astype(np.float32), colour.astype(np.float32)


def add_ribbon(
    scene: Scene, rng: np.random.Generator, z_m: float, theta: float, *, rgb: Rgb, bend: float, arc: float, out: float, ragged: float = 0.1
) -> None:
    """A ribbon bent to `bend` radii over `arc` each side, its middle at `out` radii from the axis in direction `theta`."""
    radius, (cx, cy) = scene.radius_m, axis_at(scene, z_m)
    alpha, tinted = _band(rng, rgb, ragged=ragged)
    twist, yaw = rng.normal(0, 0.10), rng.normal(0, 0.10)
    away = np.array([np.sin(theta), np.cos(theta), yaw])
    away /= np.linalg.norm(away)
    axis = np.array([twist * np.cos(theta), -twist * np.sin(theta), 1.0])
    axis -= (axis @ away) * away
    axis /= np.linalg.norm(axis)
    centre = (float(cx + out * radius * np.sin(theta)), float(cy + out * radius * np.cos(theta)), z_m)
    axes = np.stack([axis, away, np.cross(axis, away)]).astype(np.float32)
    half = radius * float(rng.uniform(0.03, 0.09))
    scene.sheets.append(Sheet(centre, axes, bend * radius, arc, half, alpha, tinted, "IS", gloss=0.3))
    _front_edge(scene, rng, z_m - half, theta, bend=bend, arc=arc, out=out, rgb=_mean_rgb(tinted))


def _mean_rgb(rgb: Grid) -> Rgb:
    r, g, b = rgb.reshape(-1, 3).mean(axis=0)
    return (float(r), float(g), float(b))


def _front_edge(scene: Scene, rng: np.random.Generator, z_m: float, theta: float, *, bend: float, arc: float, out: float, rgb: Rgb) -> None:
    """The thickness of a ribbon, seen along the pipe: without it a band edge-on would be nothing."""
    size = 224
    turn = np.linspace(-0.97, 0.97, 60) * arc
    x = (out - bend) * np.sin(theta) + bend * np.sin(theta + turn)
    y = (out - bend) * np.cos(theta) + bend * np.cos(theta + turn)
    points = np.stack([size / 2 * (1 + x / 1.02), size / 2 * (1 - y / 1.02)], axis=1)
    canvas = np.zeros((size, size), np.uint8)
    cv2.polylines(canvas, [(points * 8).astype(np.int32)], False, 255, int(rng.integers(2, 9)), cv2.LINE_AA, 3)
    hang(scene, z_m, *rounded(canvas), rgb, 0.3)


def hang(scene: Scene, z_m: float, alpha: Grid, tone: Grid, rgb: Rgb, gloss: float = 0.2) -> None:
    """Stand a cut-out of the section (square, `alpha` and `tone`) across the pipe."""
    colour = np.clip(np.array(rgb, np.float32) * tone[..., None], 0.01, 0.95).astype(np.float32)
    scene.curtains.append(Curtain(z_m, axis_at(scene, z_m), scene.radius_m * 1.02, alpha, colour, "IS", gloss))


def rounded(canvas: Grid) -> tuple[Grid, Grid]:
    """Alpha and shading of a drawn cord or strip: lit along its middle, dark at its edges."""
    inside = cv2.distanceTransform((canvas > 127).astype(np.uint8), cv2.DIST_L2, 3)
    tone = 0.55 + 0.75 * np.clip(inside / max(float(inside.max()) * 0.7, 1.0), 0, 1)
    return canvas.astype(np.float32) / np.float32(255), tone.astype(np.float32)


def section_pixels(angle: Grid, radius: Grid, size: int) -> Grid:
    """Points of the cross-section (radii, clock) as fixed-point pixels of a cut-out."""
    x, y = size / 2 * (1 + radius * np.sin(angle) / 1.02), size / 2 * (1 - radius * np.cos(angle) / 1.02)
    return np.asarray(np.stack([x, y], axis=1) * 8, np.int32)


def add_ridge(
    scene: Scene,
    rng: np.random.Generator,
    z_m: float,
    theta: float,
    *,
    half_theta: float,
    height: float,
    width: float,
    rgb: Rgb,
    lumpy: float,
    gloss: float = 0.1,
    code: str | None = "IS",
) -> None:
    """A ridge along the joint, `height` and `width` in radii; `lumpy` 0..1 breaks it into lumps."""
    rows, columns = 56, 192
    across, along = np.linspace(-1, 1, rows, dtype=np.float32)[:, None], np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    bumps = patch_noise(rng, columns, 1.2 / max(half_theta, 0.5), rows=rows) * 0.6
    bumps += 0.35 * patch_noise(rng, columns, 2.2, "cell", rows=rows)
    middle = 0.25 * np.interp(np.linspace(0, 9, columns), np.arange(10), rng.normal(0, 1, 10))[None, :]
    body = np.clip(1 - ((across - middle) * (1.5 - 0.4 * lumpy * bumps)) ** 2, 0, 1)
    body = np.clip(body * (1 + lumpy * 1.1 * bumps), 0, 2.5)
    if half_theta < 3:
        body *= np.clip((1 - np.abs(along)) * 5, 0, 1)
    body[0], body[-1] = 0, 0
    tone = np.clip(1 + 0.15 * bumps, 0.5, 1.5)
    colour = np.clip(np.array(rgb, np.float32) * tone[..., None], 0.01, 0.95).astype(np.float32)
    radius = scene.radius_m
    map_m = np.ascontiguousarray(body * (height * radius), np.float32)
    scene.mounds.append(Mound(theta, z_m, min(half_theta, np.pi), width * radius * 1.6, map_m, colour, gloss, 0.12 * height * radius, code))
