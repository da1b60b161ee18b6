"""FO, what does not belong in a pipe: stones, concrete, bricks, timber, bottles, tins, pipes and cables across, rags, tools, shells."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from trainer.synth.defects.bodies import add_rubble, any_turn, as_rgb, body_size, flat_turn, lying, pipe_shards, resting_place
from trainer.synth.defects.lost_things import add_bag, add_bottle, add_rag, add_ring, add_tin, add_tool
from trainer.synth.scene import Scene, Solid

__all__ = ["OBSTACLES", "add_rubble", "any_turn", "paint_obstacle"]

Rng = np.random.Generator


def paint_obstacle(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Add FO; returns the clock angle."""
    names = list(OBSTACLES)
    return OBSTACLES[names[int(rng.integers(len(names)))]](scene, rng, severity, z_m)


def _stone(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    size = body_size(scene, rng, severity)
    tone = np.full(3, rng.uniform(0.18, 0.65)) * ((1.05, 1, 0.9) if rng.random() < 0.7 else (1.2, 0.95, 0.75))
    half = tuple(size * rng.uniform(0.7, 1.25, 3))
    scene.solids.append(
        Solid(
            "ellipsoid",
            resting_place(scene, rng, size, z_m),
            half,
            any_turn(rng),
            as_rgb(tone),
            0.7,
            0.15,
            rough=float(rng.uniform(0.3, 0.9)),
        )
    )
    if rng.random() < 0.5:
        add_rubble(
            scene, rng, z_m, num=int(rng.integers(2, 7)), code="FO", rgb=as_rgb(tone), level=scene.water_level, size=0.06 + 0.1 * severity
        )
    return float(np.pi)


def _concrete(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A lump of concrete or hardened mortar: two rough blocks grown together, pale."""
    size, tone = body_size(scene, rng, severity) * 1.1, np.array((0.66, 0.64, 0.58)) * rng.uniform(0.6, 1.25)
    place = np.array(resting_place(scene, rng, size, z_m))
    for _ in range(2 + int(rng.integers(3))):
        at = place + rng.normal(0, (0.5, 0.15, 0.5)) * size
        half = tuple(size * rng.uniform(0.4, 1.0, 3))
        scene.solids.append(Solid("box", tuple(at), half, any_turn(rng), as_rgb(tone * rng.uniform(0.85, 1.1)), 0.6, 0.05, rough=0.7))
    return float(np.pi)


def _bricks(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    size, red = body_size(scene, rng, severity), rng.random() < 0.65
    tone = np.array((0.52, 0.24, 0.16) if red else (0.58, 0.55, 0.48)) * rng.uniform(0.7, 1.2)
    for number in range(1 + int(rng.poisson(1.2 * severity))):
        x, y, z = resting_place(scene, rng, size * 0.6, z_m, 0.1 + 0.25 * number)
        half = (size * 1.1, size * 0.5, size * 0.42)
        place = (x, y + 0.25 * size * number, float(z + rng.normal(0, 0.7) * size * number))
        turn = flat_turn(rng, 0.1 + 0.4 * number)
        scene.solids.append(
            Solid("box", place, half, turn, as_rgb(tone * rng.uniform(0.8, 1.2)), 0.5, 0.05, rough=float(rng.uniform(0.05, 0.3)))
        )
    return float(np.pi)


def _timber(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A board, a beam or a branch, lying along the pipe or jammed across it."""
    radius, thick = scene.radius_m, scene.radius_m * (0.03 + 0.10 * severity) * rng.uniform(0.7, 1.3)
    tone = as_rgb(np.array(((0.45, 0.31, 0.17), (0.62, 0.48, 0.30), (0.24, 0.18, 0.12))[int(rng.integers(3))]) * rng.uniform(0.8, 1.2))
    for _ in range(1 + int(rng.poisson(0.7 * severity))):
        turn = lying(rng, nod=float(rng.uniform(0.05, 0.6)))
        long = radius * rng.uniform(0.6, 1.0) * (0.6 + 0.6 * severity) * (1 + 1.2 * abs(turn[0][2]))
        place = (float(rng.normal(0, 0.12)) * radius, float(rng.uniform(-0.65, -0.15)) * radius, float(z_m + rng.normal(0, 0.3) * radius))
        if rng.random() < 0.5:
            half = (long, thick * rng.uniform(1, 2.5), thick * 0.7)
            scene.solids.append(Solid("box", place, half, turn, tone, 0.5, 0.1, rough=0.08))
        else:
            scene.solids.append(Solid("cylinder", place, (long, thick, thick), turn, tone, 0.6, 0.1, core_rgb=as_rgb(np.array(tone) * 1.5)))
    return float(np.pi)


def _crossing_pipe(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A pipe, bar or conduit driven through from wall to wall."""
    radius, thick = scene.radius_m, scene.radius_m * (0.04 + 0.20 * severity) * rng.uniform(0.7, 1.2)
    tone = ((0.72, 0.72, 0.70), (0.75, 0.45, 0.18), (0.12, 0.12, 0.13), (0.42, 0.24, 0.12), (0.25, 0.4, 0.7), (0.75, 0.68, 0.2))
    a, b, height = rng.normal(0, 0.35) + (np.pi / 2 if rng.random() < 0.2 else 0.0), rng.normal(0, 0.15), rng.uniform(-0.7, 0.6)
    first = np.array([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.sin(b)])
    side = np.cross(first, [0.0, 0.3, 1.0])
    side /= np.linalg.norm(side)
    turn = np.stack([first, side, np.cross(first, side)]).astype(np.float32)
    for number in range(1 + int(rng.random() < 0.25)):
        place = tuple(
            height * radius * np.array([-np.sin(a), np.cos(a), 0.0]) + np.array([0.0, 2.4 * thick * number, z_m + thick * number])
        )
        rgb = as_rgb(np.array(tone[int(rng.integers(len(tone)))]) * rng.uniform(0.7, 1.2))
        scene.solids.append(Solid("cylinder", place, (1.4 * radius, thick, thick), turn, rgb, 0.35, float(rng.uniform(0.1, 0.8))))
    return float(np.arctan2(*place[:2]))


def _cable(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Cables sagging across or trailing along the pipe, as rows of short rods."""
    radius, tones = scene.radius_m, ((0.05, 0.05, 0.05), (0.6, 0.12, 0.08), (0.75, 0.65, 0.15), (0.7, 0.7, 0.68), (0.8, 0.4, 0.1))
    for _ in range(1 + int(rng.poisson(0.9 * severity))):
        t, across, sag = np.linspace(-1, 1, 11), rng.uniform(0.4, 1.1), rng.uniform(0, 6, 3)
        reach = np.sqrt(np.clip(1 - (t * across) ** 2, 0.02, 1))
        y = np.maximum(rng.uniform(-0.8, 0.2) + 0.22 * np.sin(t * 3 + sag[0]), -reach * 0.97)
        points = np.stack(
            [t * across + 0.1 * np.sin(3 * t + sag[2]), y, z_m / radius + (1.7 - across) * t + 0.3 * np.sin(t * 2 + sag[1])], 1
        )
        thick, tone = radius * (0.018 + 0.04 * severity) * rng.uniform(0.7, 1.3), tones[int(rng.integers(len(tones)))]
        for a, b in pairwise(points * radius):
            axis = (b - a) / np.linalg.norm(b - a)
            side = np.cross(axis, [0.0, 1.0, 0.0])
            side /= np.linalg.norm(side)
            axes = np.stack([axis, side, np.cross(axis, side)]).astype(np.float32)
            half = (float(np.linalg.norm(b - a)) * 0.54, thick, thick)
            scene.solids.append(Solid("cylinder", tuple((a + b) / 2), half, axes, tone, 0.15, 0.5))
    return float(np.pi)


def _shells(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Pieces of broken pipe on the floor."""
    tone = (
        np.array(scene.materials[0].rgb) if rng.random() < 0.5 else np.array(((0.55, 0.26, 0.13), (0.6, 0.58, 0.52))[int(rng.integers(2))])
    )
    num = 1 + int(rng.poisson(0.5 + 2 * severity))
    pipe_shards(scene, rng, z_m, num=num, code="FO", rgb=as_rgb(tone * rng.uniform(0.7, 1.1)), size=0.25 + 0.4 * severity)
    return float(np.pi)


OBSTACLES: dict[str, Callable[[Scene, Rng, float, float], float]] = {
    "stone": _stone,
    "concrete": _concrete,
    "bricks": _bricks,
    "timber": _timber,
    "bottle": add_bottle,
    "tin": add_tin,
    "crossing pipe": _crossing_pipe,
    "cable": _cable,
    "bag": add_bag,
    "rag": add_rag,
    "tool": add_tool,
    "shells": _shells,
    "ring": add_ring,
}
