"""Things that people lose or throw away, for FO: bottles, tins, bags, rags, tools, rings."""

import cv2
import numpy as np

from trainer.synth.defects.bodies import any_turn, as_rgb, body_size, lying, resting_place
from trainer.synth.defects.patches import noise_cut
from trainer.synth.scene import Curtain, Rgb, Scene, Solid
from trainer.synth.texture import Grid

Rng = np.random.Generator
_SHEET = 192


def add_bottle(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A bottle: body, shoulder, neck and cap."""
    size, turn = body_size(scene, rng, severity) * 0.75, lying(rng, nod=0.2)
    tone = ((0.10, 0.30, 0.14), (0.78, 0.82, 0.84), (0.30, 0.16, 0.06), (0.20, 0.35, 0.65))[int(rng.integers(4))]
    centre = np.array(resting_place(scene, rng, size, z_m))
    parts = ((0.0, 1.5, 0.62, "cylinder"), (1.55, 0.6, 0.6, "ellipsoid"), (2.1, 0.5, 0.24, "cylinder"), (2.65, 0.14, 0.27, "cylinder"))
    for along, long, thick, shape in parts:
        place = centre + turn[0] * size * (along - 0.8)
        cap = as_rgb(np.array((0.8, 0.1, 0.1))) if along > 2.5 else tone
        half = (size * long, size * thick, size * thick)
        scene.solids.append(Solid("ellipsoid" if shape == "ellipsoid" else "cylinder", tuple(place), half, turn, cap, 0.15, 1.0))
    return float(np.pi)


def add_tin(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Tins, cups, canisters and bits of pipe with a dark open end."""
    for _ in range(1 + int(rng.poisson(0.8 * severity))):
        size = body_size(scene, rng, severity) * 0.8
        tone = np.array(
            ((0.62, 0.62, 0.60), (0.6, 0.1, 0.08), (0.75, 0.45, 0.2), (0.4, 0.24, 0.12), (0.85, 0.85, 0.8))[int(rng.integers(5))]
        )
        half = (size * rng.uniform(0.8, 2.2), size * 0.7, size * 0.7)
        scene.solids.append(
            Solid(
                "cylinder",
                resting_place(scene, rng, size, z_m, 0.3),
                half,
                lying(rng, nod=0.25),
                as_rgb(tone * rng.uniform(0.7, 1.1)),
                0.35,
                0.7,
                core_rgb=(0.03, 0.03, 0.03),
            )
        )
    return float(np.pi)


def add_bag(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A plastic bag or a bundle of rags: crumpled, shiny, in two or three bulges."""
    size = body_size(scene, rng, severity) * 1.1
    tone = np.array(((0.82, 0.82, 0.80), (0.06, 0.06, 0.07), (0.25, 0.4, 0.65), (0.62, 0.55, 0.42), (0.7, 0.2, 0.15))[int(rng.integers(5))])
    place = np.array(resting_place(scene, rng, size, z_m))
    for _ in range(3 + int(rng.integers(3))):
        half = tuple(size * rng.uniform(0.3, 0.95, 3))
        at = tuple(place + rng.normal(0, (0.4, 0.08, 0.4)) * size)
        scene.solids.append(Solid("ellipsoid", at, half, any_turn(rng), as_rgb(tone * rng.uniform(0.8, 1.1)), 0.5, 0.9, rough=1.0))
    return float(np.pi)


def add_rag(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A limp sheet caught at the crown or a side, or lying over the invert, in folds."""
    theta = float(np.pi if rng.random() < 0.5 else rng.uniform(-1.8, 1.8))
    alpha, fold = _sheet(rng, severity, hanging=np.cos(theta) > -0.3)
    tone = np.array(
        ((0.75, 0.75, 0.72), (0.45, 0.40, 0.32), (0.25, 0.35, 0.55), (0.30, 0.27, 0.22), (0.72, 0.55, 0.5))[int(rng.integers(5))]
    )
    rgb = np.clip(tone * (0.85 + 0.45 * fold[..., None]), 0.02, 0.95).astype(np.float32)
    half = scene.radius_m * (0.35 + 0.5 * severity)
    centre = (float(np.sin(theta)) * (scene.radius_m - 0.8 * half), float(np.cos(theta)) * (scene.radius_m - 0.8 * half))
    for layer in range(2):
        at = z_m + layer * 0.12 * scene.radius_m
        scene.curtains.append(Curtain(at, centre, half, alpha, rgb * np.float32(1 - 0.4 * layer), "FO", gloss=0.2))
    return theta


def _sheet(rng: Rng, severity: float, *, hanging: bool) -> tuple[Grid, Grid]:
    """Outline of a torn cloth and its folds, each (192, 192)."""
    rows = np.linspace(0, 1, 24)
    edge = [_SHEET * (0.16 + 0.12 * rows + rng.uniform(0, 0.08)) + np.cumsum(rng.normal(0, 2.5, 24)) for _ in range(2)]
    y = np.linspace(4, _SHEET * rng.uniform(0.75, 0.97), 24)
    outline = np.vstack([np.stack([_SHEET / 2 - edge[0], y], 1), np.stack([_SHEET / 2 + edge[1], y + rng.normal(0, 8)], 1)[::-1]])
    canvas = np.zeros((_SHEET, _SHEET), np.uint8)
    cv2.fillPoly(canvas, [outline.astype(np.int32)], 255, cv2.LINE_AA)
    warp = noise_cut(rng, "cloud", (_SHEET, _SHEET), 0.5)
    fold = np.sin(np.arange(_SHEET, dtype=np.float32)[None, :] * np.float32(rng.uniform(0.1, 0.3)) + 3 * warp) * 0.7 + 0.3 * warp
    torn = np.clip((canvas.astype(np.float32) / 255 + 0.35 * warp) * 3 - 1, 0, 1) * (canvas > 0)
    alpha, fold = torn.astype(np.float32), fold.astype(np.float32)
    return (alpha, fold) if hanging else (np.ascontiguousarray(alpha[::-1]), np.ascontiguousarray(fold[::-1]))


def add_tool(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A spade, hammer or nozzle: a rod with a head."""
    size, turn = body_size(scene, rng, severity), lying(rng, nod=0.25)
    x, y, z = resting_place(scene, rng, size * 0.5, z_m)
    steel, grip = as_rgb(np.array((0.42, 0.40, 0.38)) * rng.uniform(0.6, 1.3)), as_rgb(np.array((0.55, 0.36, 0.18)) * rng.uniform(0.7, 1.2))
    y += 0.25 * size * (scene.water_level > 0)
    scene.solids.append(Solid("cylinder", (x, y, z), (size * 1.9, size * 0.16, size * 0.16), turn, grip, 0.3, 0.3))
    head = tuple(np.array((x, y, z)) + turn[0] * size * 1.9)
    scene.solids.append(Solid("box", head, (size * 0.55, size * 0.22, size * 0.8), turn, steel, 0.4, 0.7, rough=0.1))
    return float(np.pi)


def add_ring(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A ring (a fallen sealing ring, a packer's sleeve, a liner's end) leaning in the pipe."""
    radius = scene.radius_m
    half = radius * (0.45 + 0.4 * severity) * rng.uniform(0.85, 1.05)
    lean = rng.normal(0, 0.6, 2)
    first = np.array([np.sin(lean[0]), np.sin(lean[1]), 1.0])
    first /= np.linalg.norm(first)
    side = np.cross(first, [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    tone: Rgb = ((0.05, 0.05, 0.05), (0.5, 0.3, 0.15), (0.66, 0.64, 0.58))[int(rng.integers(3))]
    turn = np.stack([first, side, np.cross(first, side)]).astype(np.float32)
    place = (float(rng.normal(0, 0.05)) * radius, -radius + half * 0.85, z_m)
    shell = (radius * rng.uniform(0.05, 0.14) * (1 + severity), half, half * rng.uniform(0.6, 0.95))
    scene.solids.append(
        Solid(
            "shell", place, shell, turn, tone, 0.4, 0.5, rough=0.1, arc=float(rng.uniform(2.2, 3.3)), core_rgb=as_rgb(np.array(tone) * 1.8)
        )
    )
    return float(np.pi)
