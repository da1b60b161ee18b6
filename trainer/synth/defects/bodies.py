"""Bodies that lie in pipes, shared by the painters: stones of mixed size, broken pieces of pipe, where they rest and how they lie."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.synth.scene import Rgb, Scene, Solid
from trainer.synth.texture import Grid


def any_turn(rng: np.random.Generator) -> NDArray[np.float32]:
    """A random rotation, (3, 3)."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    return np.asarray(q * np.sign(np.diag(r)), dtype=np.float32)


def lying(rng: np.random.Generator, *, heading: float | None = None, nod: float = 0.12) -> NDArray[np.float32]:
    """Axes of a long body on the floor, (3, 3), first axis level but for `nod`; `heading` 0 lies across, pi / 2 along the pipe."""
    a = rng.uniform(0, np.pi) if heading is None else heading
    b, c = rng.normal(0, nod), rng.uniform(0, 2 * np.pi)
    first = np.array([np.cos(a) * np.cos(b), np.sin(b), np.sin(a) * np.cos(b)])
    side = np.cross(first, [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    up = np.cross(side, first)
    return np.stack([first, np.cos(c) * side + np.sin(c) * up, np.cos(c) * up - np.sin(c) * side]).astype(np.float32)


def flat_turn(rng: np.random.Generator, nod: float = 0.15) -> NDArray[np.float32]:
    """Axes of a block that rests on its side, (3, 3): any heading, the second axis nearly upright."""
    a, b = rng.uniform(0, np.pi), rng.normal(0, nod)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    lean = np.array([[np.cos(b), np.sin(b), 0], [-np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return np.asarray(lean @ turn, dtype=np.float32)


def floor_height(scene: Scene, x_m: float, level: float = 0.0) -> float:
    """Height of the invert at x, or of a surface at `level` (share of the diameter)."""
    wall = -np.sqrt(max(scene.radius_m**2 - x_m**2, 0.0))
    return float(max(wall, scene.radius_m * (2 * level - 1)))


def as_rgb(values: Grid) -> Rgb:
    """Three numbers as a colour between 0.02 and 0.95."""
    red, green, blue = np.clip(values, 0.02, 0.95)
    return float(red), float(green), float(blue)


def add_rubble(
    scene: Scene, rng: np.random.Generator, z_m: float, *, num: int, code: str | None, rgb: Rgb, level: float = 0.0, size: float = 0.14
) -> None:
    """Stones and broken pieces about a place: few big ones, many small, of the ground's colour and of others."""
    for _ in range(num):
        big = scene.radius_m * size * rng.uniform(0.3, 1.0) ** 1.5 * 1.5
        half = big * rng.uniform(0.55, 1.2, 3)
        x = float(np.clip(rng.normal(0, 0.35), -0.75, 0.75)) * scene.radius_m
        y = floor_height(scene, x, level) + float(half.min()) * rng.uniform(0.1, 0.6)
        shape: Literal["box", "ellipsoid"] = "box" if rng.random() < 0.4 else "ellipsoid"
        tone = np.array(rgb) * rng.uniform(0.6, 1.4) if rng.random() < 0.6 else np.full(3, rng.uniform(0.15, 0.7)) * rng.normal(1, 0.08, 3)
        place = (x, y, float(z_m + rng.normal(0, 0.9) * scene.radius_m))
        scene.solids.append(
            Solid(shape, place, tuple(half), any_turn(rng), as_rgb(tone), 0.5, 0.15, code, rough=float(rng.uniform(0.2, 0.8)))
        )


def pipe_shards(scene: Scene, rng: np.random.Generator, z_m: float, *, num: int, code: str | None, rgb: Rgb, size: float) -> None:
    """Curved pieces of pipe shell lying about, some on edge, some as a bowl."""
    for _ in range(num):
        half = scene.radius_m * size * rng.uniform(0.7, 1.3)
        x = float(rng.normal(0, 0.2)) * scene.radius_m
        place = (x, floor_height(scene, x) + half * rng.uniform(0.2, 0.9), float(z_m + rng.normal(0, 0.35) * scene.radius_m * (num > 1)))
        shell = (half * rng.uniform(0.6, 1.5), half, half)
        inner = as_rgb(np.array(rgb) * rng.uniform(0.5, 1.5))
        scene.solids.append(
            Solid(
                "shell",
                place,
                shell,
                any_turn(rng),
                as_rgb(np.array(rgb) * rng.uniform(0.7, 1.1)),
                0.4,
                0.15,
                code,
                rough=0.2,
                arc=float(rng.uniform(0.6, 1.5)),
                core_rgb=inner,
            )
        )


def body_size(scene: Scene, rng: np.random.Generator, severity: float) -> float:
    """Half the thickness of a body, metres."""
    return scene.radius_m * (0.12 + 0.36 * severity) * rng.uniform(0.85, 1.15)


def resting_place(scene: Scene, rng: np.random.Generator, half_m: float, z_m: float, spread: float = 0.2) -> tuple[float, float, float]:
    """A place on the invert, or just breaking the water, for a body of that half height."""
    x = float(np.clip(rng.normal(0, spread), -0.6, 0.6)) * scene.radius_m
    bed = max((f.level for f in scene.fluids if f.kind == "bed"), default=0.0)
    ground = max(floor_height(scene, x, bed), scene.radius_m * (2 * scene.water_level - 1) - 0.7 * half_m)
    return x, ground + 0.4 * half_m, z_m
