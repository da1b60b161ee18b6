"""Sheets that hang into the pipe or lie in it: broken shells, peeled skins, curled tongues; all parts of RB or DE."""

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synth.defects.patches import mixed, noise_cut, stone_cut, tinted, torn_shape, wall_rgb
from trainer.synth.scene import Scene, Sheet
from trainer.synth.texture import Grid

Vector = NDArray[np.float64]
_GROUNDS = ((0.22, 0.16, 0.10), (0.12, 0.10, 0.08), (0.38, 0.28, 0.17), (0.34, 0.33, 0.30), (0.42, 0.22, 0.12))
_ALONG = np.array([0.0, 0.0, 1.0])


def outward(theta: float) -> Vector:
    """Unit vector from the axis to clock angle `theta`."""
    return np.array([np.sin(theta), np.cos(theta), 0.0])


def clockwise(theta: float) -> Vector:
    """Unit vector along the wall at clock angle `theta`."""
    return np.array([np.cos(theta), -np.sin(theta), 0.0])


def _cut(scene: Scene, rng: np.random.Generator, corners: int, rough: float, *, whole_edge: bool = False) -> tuple[Grid, Grid]:
    """Outline and colour of a piece of this pipe's wall; `whole_edge` keeps the side by which it still hangs."""
    shape = (64, 64)
    inside = torn_shape(rng, shape, 0.78, corners=corners, rough=rough)
    if whole_edge:
        inside[:, :26] = np.maximum(inside[:, :26], np.minimum(np.float32(8), 31 - np.abs(np.arange(64) - 31.5))[:, None] - np.float32(3))
    tone = 1 + np.float32(0.12) * noise_cut(rng, "cloud", shape, 0.8) + np.float32(0.10) * noise_cut(rng, "grain", shape)
    if rng.random() < 0.4:  # ribs or brush marks round the pipe
        tone = tone + np.float32(0.12) * np.sin(np.arange(64, dtype=np.float32) * np.float32(rng.uniform(0.3, 1.3)))[:, None]
    wall = wall_rgb(scene) * np.float32(rng.uniform(0.45, 1.1))
    dirt = np.clip(noise_cut(rng, "cloud", shape, 0.5) * np.float32(0.5) + np.float32(rng.uniform(-0.4, 0.5)), 0, 0.85)
    body = tinted(mixed(wall, np.array((0.22, 0.17, 0.11), np.float32), dirt), tone)
    rim = np.clip(np.float32(1) - inside * np.float32(0.4), 0, 1)  # the broken edge is clean and faces the lamps
    rgb = mixed(body, np.clip(wall_rgb(scene) * np.float32(1.25), 0, 0.95), rim * np.float32(0.7))
    return np.clip(inside * np.float32(0.5) + np.float32(0.5), 0, 1), rgb


def _put(
    scene: Scene,
    cut: tuple[Grid, Grid],
    centre: Vector,
    axes: Vector,
    *,
    bend_m: float,
    arc: float,
    half_m: float,
    code: str,
) -> None:
    gloss = 0.1 if scene.materials[0].rigid else 0.35
    scene.sheets.append(Sheet(tuple(centre), axes.astype(np.float32), bend_m, arc, half_m, cut[0], cut[1], code, gloss))


def hang_shell(
    scene: Scene, rng: np.random.Generator, size: float, place: tuple[float, float], *, lean: float, drop: float, code: str = "RB"
) -> None:
    """A stiff piece of wall, `size` radii wide, swung inward by `lean` radians about its upper edge."""
    theta, z_m = place
    out = outward(theta)
    axis, normal = np.cos(lean) * _ALONG - np.sin(lean) * out, np.cos(lean) * out + np.sin(lean) * _ALONG
    middle = out * scene.radius_m * (1 - drop) + _ALONG * z_m
    axes = np.stack([axis, normal, np.cross(axis, normal)])
    half_m = scene.radius_m * size * rng.uniform(0.7, 1.6)
    _put(scene, _cut(scene, rng, 7, 0.7), middle, axes, bend_m=scene.radius_m, arc=size, half_m=half_m, code=code)


def peel_skin(scene: Scene, rng: np.random.Generator, size: float, place: tuple[float, float], *, code: str = "RB") -> None:
    """A skin that has come off the wall to one side and curls into the pipe; its other edge still holds."""
    theta, z_m = place
    turn = float(rng.choice([-1, 1]))
    bend = scene.radius_m * rng.uniform(0.42, 0.88)
    arc = float(np.clip(0.25 + 0.9 * size * rng.uniform(0.7, 1.3), 0.25, 1.5))
    out = outward(theta)
    normal = outward(theta + turn * arc)
    lean = rng.normal(0, 0.12)
    axis = np.cos(lean) * _ALONG + np.sin(lean) * clockwise(theta + turn * arc)
    axes = np.stack([axis, normal, turn * clockwise(theta + turn * arc)])  # columns run from the edge that holds to the free one
    middle = out * (scene.radius_m - bend) + normal * bend + _ALONG * z_m
    cut = _cut(scene, rng, 13, 0.45, whole_edge=True)
    _put(scene, cut, middle, axes, bend_m=bend, arc=arc, half_m=scene.radius_m * (0.12 + 0.55 * size * rng.uniform(0.5, 1.3)), code=code)


def curl_tongue(scene: Scene, rng: np.random.Generator, size: float, place: tuple[float, float], *, code: str = "RB") -> None:
    """A tongue torn loose at one end, curling down from the wall towards the camera or away from it."""
    theta, z_m = place
    away = float(rng.choice([-1, 1], p=[0.65, 0.35]))
    bend, arc = scene.radius_m * (0.22 + 0.4 * size * rng.uniform(0.6, 1.2)), rng.uniform(0.55, 0.95)
    out = outward(theta)
    normal = np.cos(arc) * out + away * np.sin(arc) * _ALONG
    axis = clockwise(theta)
    round_to_tip = -np.sin(arc) * out + away * np.cos(arc) * _ALONG
    middle = out * (scene.radius_m * 1.02 - bend) + normal * bend + _ALONG * z_m
    cut = _cut(scene, rng, 12, 0.5, whole_edge=True)
    axes = np.stack([axis, normal, round_to_tip])
    _put(scene, cut, middle, axes, bend_m=bend, arc=arc, half_m=scene.radius_m * (0.15 + 0.55 * size * rng.uniform(0.6, 1.2)), code=code)


def lay_shards(scene: Scene, rng: np.random.Generator, num: int, z_m: float, *, size: float, height_m: float = 0.0) -> None:
    """Shells lying on the floor or on a heap."""
    for _ in range(num):
        theta = float(np.pi + rng.normal(0, 0.45))
        half = size * rng.uniform(0.5, 1.3)
        middle = outward(theta) * (scene.radius_m - height_m - 0.3 * half * scene.radius_m) + _ALONG * (
            z_m + rng.normal(0, 0.6) * scene.radius_m
        )
        normal = outward(theta) + rng.normal(0, 0.35, 3)
        normal /= np.linalg.norm(normal)
        axis = np.cross(normal, rng.standard_normal(3))
        axis /= np.linalg.norm(axis)
        axes = np.stack([axis, normal * rng.choice([-1, 1]), np.cross(axis, normal)])
        cut = _cut(scene, rng, 7, 0.6)
        _put(scene, cut, middle, axes, bend_m=scene.radius_m, arc=half, half_m=half * scene.radius_m * rng.uniform(0.7, 1.5), code="RB")


def soil_look(rng: np.random.Generator, shape: tuple[int, int], ground: Grid | None = None) -> tuple[Grid, Grid]:
    """Colour (h, w, 3) and height (h, w) of earth or gravel: a heap of `ground`, or behind a broken wall, there in parts an empty void."""
    void_most = 0.6 if ground is None else -1.3
    if ground is None:
        ground = np.array(_GROUNDS[int(rng.integers(len(_GROUNDS)))])
    tone, height = stone_cut(rng, shape, rng.uniform(0.8, 2.0), coarse=float(rng.random()))
    grain, cloud = noise_cut(rng, "grain", shape), noise_cut(rng, "cloud", shape, 0.7)
    stony = np.float32(rng.uniform(0.05, 1.0))
    shade = 1 + stony * np.float32(0.28) * tone + np.float32(0.16) * grain + np.float32(0.22) * cloud
    void = np.clip(cloud * np.float32(0.7) + np.float32(rng.uniform(-1.3, void_most)), 0, 0.92)
    colour = tinted(np.asarray(ground, np.float32), np.clip(shade, 0.15, 2) * (1 - void))
    return colour, cv2.GaussianBlur(stony * height + np.float32(0.15) * cloud, (0, 0), 1.0)
