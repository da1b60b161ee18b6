"""RO, roots: hairs, beards, mats, tap roots, balls and nets that come in through joints, cracks and laterals.

Roots are drawn on a few cut-outs standing one behind the other; all hairs of one cut-out are grown at once and drawn in batches of one
shade, light ones last, so that each strand has its own tone.
"""
# N hairs, S steps

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.defects.patches import soft_patch
from trainer.synth.pipe import joint_at
from trainer.synth.scene import Curtain, Decal, Scene
from trainer.synth.texture import Grid

Rng = np.random.Generator
_SIZE, _STEPS, _WALL = 288, 12, 0.952  # the cut-out covers 1.05 radii: the wall is at 1 / 1.05
_SHADES = (100, 140, 185, 245)
_TONES = ((0.36, 0.23, 0.12), (0.55, 0.41, 0.25), (0.20, 0.13, 0.08), (0.68, 0.58, 0.42), (0.45, 0.20, 0.11), (0.50, 0.44, 0.36))


def paint_roots(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Add RO; returns the clock angle."""
    if rng.random() < 0.7:
        joint_at(rng, scene, z_m)
    names = list(ROOTS)
    return ROOTS[names[int(rng.integers(len(names)))]](scene, rng, severity, z_m)


def _tone(rng: Rng) -> Grid:
    return np.array(_TONES[int(rng.integers(len(_TONES)))], np.float32) * rng.normal(rng.uniform(0.8, 1.2), 0.05, 3).astype(np.float32)


def _clock(rng: Rng) -> float:
    return float(rng.normal(0, 0.9) if rng.random() < 0.65 else rng.uniform(-2.4, 2.4))


def grow(
    rng: Rng, theta_N: Grid, length_N: Grid, *, root: float = 1.0, stray: float = 0.45, curl: float = 0.30, droop: float = 0.10
) -> NDArray[np.int32]:
    """Paths of hairs in eighths of a texel, (N, S + 1, 2): from clock angles on a circle of `root` radii inward, curling and drooping."""
    num = len(theta_N)
    start = _SIZE / 2 * (1 + root * _WALL * np.stack([np.sin(theta_N), -np.cos(theta_N)], 1))
    bearing = np.arctan2(np.cos(theta_N), -np.sin(theta_N)) + rng.normal(0, stray, num)
    bearings = bearing[:, None] + np.cumsum(rng.normal(0, curl, (num, _STEPS)), axis=1)
    moves = np.stack([np.cos(bearings), np.sin(bearings) + np.linspace(0, 1, _STEPS) * droop * _STEPS], axis=2)
    moves *= (length_N * _SIZE / 2 / _STEPS)[:, None, None] / np.maximum(np.linalg.norm(moves, axis=2, keepdims=True), 1e-3)
    path = np.concatenate([start[:, None], start[:, None] + np.cumsum(moves, axis=1)], axis=1)
    return (path * 8).astype(np.int32)


def draw(paths: NDArray[np.int32], widths: NDArray[np.intp]) -> Grid:
    """Strands as lightness (288, 288), 0 where there are none; later quarters of the paths are lighter and lie in front."""
    canvas = np.zeros((_SIZE, _SIZE), np.uint8)
    for shade, some, wide in zip(_SHADES, np.array_split(paths, len(_SHADES)), np.array_split(widths, len(_SHADES)), strict=True):
        for width in np.unique(wide):
            cv2.polylines(canvas, list(some[wide == width]), False, shade, int(width), cv2.LINE_AA, 3)
    return canvas.astype(np.float32)


def _hang(scene: Scene, z_m: float, strands: Grid, tone: Grid) -> None:
    light = np.float32(0.12) + strands * np.float32(1 / 165)
    rgb = cv2.merge([light * channel for channel in tone])
    # the smoothed borders of a line are left out: a hair is thinner than a texel
    alpha = np.clip(strands * np.float32(1 / 80) - np.float32(0.35), 0, np.float32(0.96))
    scene.curtains.append(Curtain(float(z_m), (0.0, 0.0), scene.radius_m * 1.05, alpha, rgb, "RO", mask_at=0.25))


def _foot(scene: Scene, rng: Rng, theta: float, z_m: float, spread: float, tone: Grid) -> None:
    """The damp, rooted strip of wall that the roots come out of."""
    alpha = soft_patch(rng, (48, 144), 0.55, softness=0.5) * np.float32(rng.uniform(0.4, 0.8))
    half_z = scene.radius_m * rng.uniform(0.12, 0.35)
    scene.decals.append(Decal(theta, z_m, min(spread + 0.25, 3.1), half_z, alpha, tuple(tone * 0.45), gloss=0.2, code="RO", mask_at=0.45))


def _layers(
    scene: Scene,
    rng: Rng,
    severity: float,
    z_m: float,
    theta: float,
    *,
    num: int,
    hairs: int,
    spread: float,
    length: float,
    thick: float,
    **habit: float,
) -> float:
    """Hairs of one habit on `num` cut-outs, and the strip of wall they come from."""
    tone = _tone(rng)
    for layer in range(num):
        count = max(2, hairs // num)
        angles, lengths = theta + spread * rng.normal(0, 0.6, count), length * rng.uniform(0.25, 1.15, count)
        widths = 1 + (rng.random(count) < thick).astype(np.intp) * rng.integers(1, 3, count)
        _hang(
            scene, z_m + (layer - num / 2) * 0.07 * scene.radius_m * (1 + severity), draw(grow(rng, angles, lengths, **habit), widths), tone
        )
    if severity > 0.15:
        _foot(scene, rng, theta, z_m, spread, tone)
    return theta


def _hairs(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A thin curtain of fine hairs; at its least two or three of them."""
    return _layers(
        scene,
        rng,
        severity,
        z_m,
        _clock(rng),
        num=1 + int(2 * severity),
        hairs=3 + int(80 * severity),
        spread=0.15 + 0.7 * severity,
        length=0.25 + 0.5 * severity,
        thick=0.05,
    )


def _beard(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Long strands hanging straight down from the crown."""
    return _layers(
        scene,
        rng,
        severity,
        z_m,
        float(rng.normal(0, 0.3)),
        num=2 + int(2 * severity),
        hairs=8 + int(130 * severity),
        spread=0.15 + 0.5 * severity,
        length=0.4 + 1.1 * severity,
        thick=0.05,
        stray=0.2,
        curl=0.12,
        droop=0.25,
    )


def _mat(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A dense mat lying on one side of the wall."""
    theta = float(rng.choice([-1, 1]) * rng.uniform(0.7, 2.2))
    return _layers(
        scene,
        rng,
        severity,
        z_m,
        theta,
        num=2 + int(2 * severity),
        hairs=20 + int(170 * severity),
        spread=0.25 + 0.5 * severity,
        length=0.15 + 0.45 * severity,
        thick=0.05,
        stray=0.9,
        curl=0.5,
        droop=0.04,
    )


def _tap(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """One or two thick roots with side hairs, growing across or along the pipe."""
    theta, tone, num = _clock(rng), _tone(rng), 1 + int(rng.poisson(1.2 * severity))
    angles = theta + rng.normal(0, 0.25, num)
    trunk = grow(rng, angles, (0.5 + 1.1 * severity) * rng.uniform(0.7, 1.2, num), stray=0.4, curl=0.22, droop=0.06)
    canvas = draw(trunk, np.full(num, 3 + round(11 * severity)))
    shine = draw(trunk - 8, np.full(num, 1 + round(4 * severity)))
    canvas = np.maximum(canvas, np.minimum(shine * 2.0, 250) * (canvas > 0))
    twigs = np.repeat(trunk[:, 3:], 3, axis=0).reshape(-1, 2)[:: max(1, int(4 - 3 * severity))]
    turn = (
        np.cumsum(rng.normal(0, 1, (len(twigs), 7, 2)) + rng.normal(0, 0.9, (len(twigs), 1, 2)), axis=1) * _SIZE * 0.10 * (0.3 + severity)
    )
    paths = np.concatenate([twigs[:, None], twigs[:, None] + turn], axis=1).astype(np.int32)
    _hang(scene, z_m, np.maximum(canvas, draw(paths, np.ones(len(paths), np.intp))), tone)
    if severity > 0.3:
        _layers(scene, rng, severity, z_m, theta, num=1, hairs=int(30 * severity), spread=0.3, length=0.4, thick=0.0)
    return theta


def _ball(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A tangled ball that fills up to most of the section."""
    theta, tone = _clock(rng), _tone(rng)
    away, wide = 0.95 - 0.55 * severity, 0.10 + 0.48 * severity
    middle = _SIZE / 2 * (1 + away * np.array([np.sin(theta), -np.cos(theta)]))
    for layer in range(3):
        num = 20 + int(70 * severity)
        seeds = middle + rng.normal(0, 0.42, (num, 2)) * wide * _SIZE / 2
        bearings = rng.uniform(0, 2 * np.pi, (num, 1)) + np.cumsum(rng.normal(0, 0.5, (num, _STEPS)), axis=1)
        moves = np.stack([np.cos(bearings), np.sin(bearings)], 2) * wide * _SIZE * 0.06
        paths = ((seeds[:, None] + np.cumsum(moves, axis=1)) * 8).astype(np.int32)
        strands = draw(paths, 1 + (rng.random(num) < 0.12).astype(np.intp))
        if layer == 1:
            strands = np.maximum(strands, _core(middle, wide))
        _hang(scene, z_m + 0.10 * (layer - 1) * scene.radius_m * (0.5 + severity), strands, tone)
    return _layers(
        scene, rng, severity, z_m, theta, num=1, hairs=8 + int(25 * severity), spread=0.25, length=0.25 + 0.4 * severity, thick=0.2
    )


def _core(middle: Grid, wide: float) -> Grid:
    """The dark heart of a ball, soft at its edge; drawn small, for nothing of it is sharp."""
    small = np.zeros((_SIZE // 4, _SIZE // 4), np.uint8)
    cv2.circle(small, (int(middle[0] / 4), int(middle[1] / 4)), int(wide * _SIZE * 0.08), 48, -1)
    soft = cv2.GaussianBlur(small, (0, 0), 0.5 + 5 * wide)
    return cv2.resize(soft, (_SIZE, _SIZE), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _net(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Roots creeping along a joint, flat on the wall, with hairs standing off all round."""
    joint_at(rng, scene, z_m)
    theta, tone, shape, num = _clock(rng), _tone(rng), (96, 256), 6 + int(40 * severity)
    canvas = np.zeros(shape, np.uint8)
    x = np.linspace(0, 255, 14)[None, :] * np.ones((num, 1))
    y = 48 + rng.normal(0, 12, (num, 1)) + np.cumsum(rng.normal(0, 5, (num, 14)), axis=1)
    keep = np.sort(rng.integers(0, 14, (num, 2)), axis=1)
    paths = [(np.stack([x[i, a : b + 2], y[i, a : b + 2]], 1) * 8).astype(np.int32) for i, (a, b) in enumerate(keep)]
    for shade, some in zip(_SHADES, (paths[k::4] for k in range(4)), strict=True):
        cv2.polylines(canvas, some, False, shade, int(rng.integers(1, 4)), cv2.LINE_AA, 3)
    strands = canvas.astype(np.float32)
    alpha, rgb = np.minimum(strands / 75, 1), tone * (0.3 + strands / 170)[..., None]
    half = (min(0.5 + 2.6 * severity, 3.1), scene.radius_m * (0.15 + 0.45 * severity))
    scene.decals.append(
        Decal(
            theta, z_m, *half, alpha, rgb.astype(np.float32), cv2.GaussianBlur(alpha, (0, 0), 1.5) * 1.5, gloss=0.2, code="RO", mask_at=0.25
        )
    )
    return _layers(
        scene, rng, severity, z_m, theta, num=1, hairs=6 + int(60 * severity), spread=half[0] * 0.8, length=0.1 + 0.25 * severity, thick=0.0
    )


ROOTS: dict[str, Callable[[Scene, Rng, float, float], float]] = {
    "hairs": _hairs,
    "beard": _beard,
    "mat": _mat,
    "tap": _tap,
    "ball": _ball,
    "net": _net,
}
