"""IS, intruding sealing material: rubber rings out of their joint, torn strips, mortar, foam and sealant pressed out of it."""

import cv2
import numpy as np

from trainer.synth.defects.looks import Looks, paint_look
from trainer.synth.defects.pipe_ends import tinted
from trainer.synth.defects.seal_parts import add_ribbon, add_ridge, hang, rounded, section_pixels
from trainer.synth.pipe import joint_at
from trainer.synth.scene import Rgb, Scene
from trainer.synth.texture import patch_noise

_RUBBERS: tuple[Rgb, ...] = ((0.05, 0.05, 0.055), (0.10, 0.10, 0.10), (0.22, 0.22, 0.22), (0.30, 0.16, 0.10), (0.50, 0.48, 0.42))
_GROUTS: tuple[Rgb, ...] = ((0.72, 0.70, 0.64), (0.55, 0.53, 0.48), (0.82, 0.81, 0.77), (0.42, 0.38, 0.31))
_FOAMS: tuple[Rgb, ...] = ((0.78, 0.66, 0.36), (0.80, 0.76, 0.62), (0.66, 0.50, 0.24))


def _rubber(rng: np.random.Generator) -> Rgb:
    return tinted(rng, _RUBBERS[int(rng.choice(len(_RUBBERS), p=[0.42, 0.25, 0.13, 0.08, 0.12]))], 0.6, 1.4)


def _high(rng: np.random.Generator) -> float:
    """Seals hang from above or stand out at the sides; under water they are not seen."""
    return float(rng.normal(0, 0.7) if rng.random() < 0.6 else rng.uniform(-2.2, 2.2))


def paint_ring_out(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The ring has slipped out of the joint along an arc and follows the wall at a distance."""
    joint_at(rng, scene, z_m)
    theta = _high(rng)
    out = 1 - 0.04 - (0.06 + 0.30 * severity) * float(rng.uniform(0.6, 1.1))
    add_ribbon(
        scene,
        rng,
        z_m,
        theta,
        rgb=_rubber(rng),
        bend=float(rng.uniform(0.75, 1.05)),
        arc=float(rng.uniform(0.6, 0.9 + 0.9 * severity)),
        out=out,
    )
    return theta


def paint_hanging_loop(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """One or two loops of a flat ring hang down, lopsided, the band turned edge-on and flat by turns."""
    joint_at(rng, scene, z_m)
    theta, rgb, size = float(rng.normal(0, 0.6)), _rubber(rng), 224
    u = np.linspace(-1, 1, 80)
    for _ in range(1 + int(rng.random() < 0.35 * severity)):
        half, sag = float(rng.uniform(0.25, 0.9)), (0.18 + 0.72 * severity) * float(rng.uniform(0.75, 1.1))
        left, right = theta - half, theta + half
        x = np.interp(u, [-1, 1], [np.sin(left), np.sin(right)]) + rng.normal(0, 0.12) * (1 - u * u)
        y = np.interp(u, [-1, 1], [np.cos(left), np.cos(right)]) - sag * (1 - np.abs(u) ** rng.uniform(1.6, 4)) * (
            1 + rng.uniform(-0.4, 0.4) * u
        )
        x = x + rng.uniform(0.0, 0.35) * np.sin(np.pi * u) * sag  # the loop bellies out
        points = (np.stack([size / 2 * (1 + x / 1.02), size / 2 * (1 - y / 1.02)], axis=1) * 8).astype(np.int32)
        thick = 3 + 5 * rng.random() * (1 + np.sin(u * rng.uniform(1, 5) + rng.uniform(0, 6)))
        canvas = np.zeros((size, size), np.uint8)
        for i in range(len(u) - 1):
            cv2.line(canvas, points[i].tolist(), points[i + 1].tolist(), 255, max(2, int(thick[i])), cv2.LINE_AA, 3)
        alpha, tone = rounded(canvas)
        for layer in range(3):
            hang(scene, z_m + (1 - layer) * 0.025 * scene.radius_m, alpha, tone * np.float32(0.6 + 0.25 * layer), rgb, 0.3)
        theta += float(rng.normal(0, 0.7))
    return theta


def paint_slack_ring(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The whole ring stands slack in the pipe, off its centre."""
    joint_at(rng, scene, z_m)
    theta, bend = _high(rng), 0.97 - (0.05 + 0.22 * severity) * float(rng.uniform(0.6, 1.0))
    add_ribbon(scene, rng, z_m, theta + np.pi, rgb=_rubber(rng), bend=bend, arc=3.1, out=float(rng.uniform(0.9, 0.98)), ragged=0.0)
    return theta


def paint_cord(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A round cord leaves the joint between two angles and sags, or ends loose."""
    joint_at(rng, scene, z_m)
    theta, size = _high(rng), 224
    u = np.linspace(-1, 1 if rng.random() < 0.65 else rng.uniform(0.0, 0.5), 70)
    half, sag = rng.uniform(0.3, 0.6 + 0.8 * severity), (0.10 + 0.62 * severity) * rng.uniform(0.7, 1.1)
    radius = 1.0 - sag * (1 - np.abs(u) ** rng.uniform(1.4, 3)) + 0.02 * np.cumsum(rng.normal(0, 0.3, 70))
    angle = theta + half * u + 0.03 * np.cumsum(rng.normal(0, 0.4, 70))
    canvas = np.zeros((size, size), np.uint8)
    cv2.polylines(canvas, [section_pixels(angle, radius, size)], False, 255, int(4 + rng.integers(0, 7)), cv2.LINE_AA, 3)
    hang(scene, z_m, *rounded(canvas), _rubber(rng), 0.35)
    return theta


def paint_torn_strip(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Torn flaps of a flat seal hang from the joint."""
    joint_at(rng, scene, z_m)
    theta, size, rgb = float(rng.normal(0, 0.8)), 224, _rubber(rng)
    canvas = np.zeros((size, size), np.uint8)
    for _ in range(1 + int(rng.uniform(0, 2 + 2 * severity))):
        root, width = theta + rng.normal(0, 0.35), rng.uniform(0.04, 0.12 + 0.1 * severity)
        x, y = np.sin(root), np.cos(root)
        length, drift = (0.12 + 0.75 * severity) * rng.uniform(0.5, 1.1), rng.normal(0, 0.25)
        t = np.linspace(0, 1, 14)
        middle = x + drift * t**2 * length
        half = width * (1 - 0.5 * t ** rng.uniform(0.7, 3)) * (1 + 0.25 * rng.normal(0, 1, 14))
        left, right = np.stack([middle - half, y + 0.02 - t * length], 1), np.stack([middle + half, y + 0.02 - t * length], 1)
        outline = np.concatenate([left, right[::-1]]) / 1.02
        pixels = np.stack([size / 2 * (1 + outline[:, 0]), size / 2 * (1 - outline[:, 1])], 1)
        cv2.fillPoly(canvas, [(pixels * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    alpha, tone = rounded(canvas)
    hang(scene, z_m, alpha, (tone * np.clip(1 + 0.2 * patch_noise(rng, size, 1.2), 0.4, 1.5)).astype(np.float32), rgb)
    return theta


def paint_sealant_bead(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A bead of sealant pressed out, with threads that hang from it."""
    joint_at(rng, scene, z_m)
    theta, rgb, size = _high(rng), _rubber(rng), 224
    add_ridge(
        scene, rng, z_m, theta, half_theta=0.4 + 0.9 * severity, height=0.03 + 0.06 * severity, width=0.05, rgb=rgb, lumpy=0.5, gloss=0.5
    )
    canvas = np.zeros((size, size), np.uint8)
    for _ in range(2 + int(5 * severity)):
        start, end = np.clip(theta + rng.normal(0, 0.35 + 0.5 * severity, 2), -2.6, 2.6)
        u = np.linspace(-1, 1, 40)
        sag = (0.06 + 0.5 * severity) * rng.uniform(0.3, 1.1)
        points = section_pixels(start + (end - start) * (u + 1) / 2, 1.0 - sag * (1 - u * u), size)
        cv2.polylines(canvas, [points], False, 255, int(rng.integers(2, 5)), cv2.LINE_AA, 3)
    hang(scene, z_m, *rounded(canvas), rgb, 0.5)
    return theta


def paint_grout_ridge(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Mortar squeezed out along the joint."""
    joint_at(rng, scene, z_m)
    theta, rgb = _high(rng), tinted(rng, _GROUTS[int(rng.integers(len(_GROUTS)))])
    round_ = np.pi if rng.random() < 0.35 else 0.4 + 1.3 * float(rng.random())
    size = 0.035 + 0.12 * severity * float(rng.uniform(0.6, 1.2))
    add_ridge(
        scene,
        rng,
        z_m,
        theta,
        half_theta=round_,
        height=size,
        width=size * float(rng.uniform(0.8, 2.0)),
        rgb=rgb,
        lumpy=float(rng.uniform(0.2, 0.7)),
    )
    return theta


def paint_grout_lumps(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Single lumps and runs of mortar hang from the joint."""
    joint_at(rng, scene, z_m)
    theta, rgb = _high(rng), tinted(rng, _GROUTS[int(rng.integers(len(_GROUTS)))])
    for number in range(1 + int(rng.uniform(0, 2 + 3 * severity))):
        at, size = theta + (number > 0) * rng.normal(0, 0.7), (0.06 + 0.24 * severity) * float(rng.uniform(0.5, 1.1))
        add_ridge(
            scene,
            rng,
            z_m,
            float(at),
            half_theta=float(rng.uniform(0.8, 2.5)) * size + 0.06,
            height=size,
            width=size * float(rng.uniform(0.5, 1.0)),
            rgb=rgb,
            lumpy=0.9,
        )
    return theta


def paint_foam(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Swollen foam or resin, smooth and blistered."""
    joint_at(rng, scene, z_m)
    theta, rgb = _high(rng), tinted(rng, _FOAMS[int(rng.integers(len(_FOAMS)))])
    size = 0.06 + 0.20 * severity * float(rng.uniform(0.6, 1.1))
    add_ridge(
        scene,
        rng,
        z_m,
        theta,
        half_theta=0.3 + float(rng.uniform(0.5, 2.2)) * (0.3 + severity),
        height=size,
        width=1.4 * size,
        rgb=rgb,
        lumpy=0.6,
        gloss=0.5,
    )
    return theta


IS_LOOKS: Looks = {
    "ring out": (1.5, paint_ring_out),
    "hanging loop": (1.5, paint_hanging_loop),
    "slack ring": (0.8, paint_slack_ring),
    "cord": (1.5, paint_cord),
    "torn strip": (1.2, paint_torn_strip),
    "sealant bead": (1.0, paint_sealant_bead),
    "grout ridge": (1.5, paint_grout_ridge),
    "grout lumps": (1.2, paint_grout_lumps),
    "foam": (0.8, paint_foam),
}


def paint_intruding_seal(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add IS."""
    return paint_look(IS_LOOKS, scene, rng, severity, z_m)
