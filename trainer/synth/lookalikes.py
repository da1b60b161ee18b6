"""Harmless marks that could be taken for damage of the wall: seams, rings, welds, neat repairs, scratches, chalk, drip lines, threads.

None carries a code. Each keeps a margin to the class it resembles: seams are straight and even, where cracks wander and change in
width; repairs are smoother than the wall, where damage is rougher; weld and ring marks stand no higher than paint.
"""

from collections.abc import Callable

import numpy as np

from trainer.synth.defects.patches import dome, noise_cut, tinted, wall_rgb
from trainer.synth.scene import Decal, Scene
from trainer.synth.stray_marks import any_angle, chalk_mark, drip_lines, root_stain, thin_scratches, threads, tool_marks, wall_tone
from trainer.synth.texture import Grid

Mark = Callable[[Scene, np.random.Generator, float], None]


def _either(rng: np.random.Generator) -> tuple[float, float]:
    """Clearly darker or clearly paler."""
    return (0.5, 0.8) if rng.random() < 0.5 else (1.2, 1.5)


def _ruled(rng: np.random.Generator, num: int, wide: float) -> Grid:
    """An even straight line down the middle of a patch (num, 24): alpha."""
    drift = np.linspace(-1, 1, num, dtype=np.float32)[:, None] * np.float32(rng.normal(0, 1.0))
    across = np.abs(np.arange(24, dtype=np.float32)[None, :] - np.float32(11.5) - drift)
    line = np.clip(np.float32(wide + 0.5) - across, 0, 1) * (np.float32(0.85) + np.float32(0.15) * noise_cut(rng, "cloud", (num, 24), 0.6))
    return np.asarray(np.clip(line, 0, 1), dtype=np.float32)


def seam_along(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """A mould line or a lining's seam: straight, even, as long as can be seen."""
    line = _ruled(rng, 64, rng.uniform(0.5, 2.0))
    strong = np.float32(rng.uniform(0.3, 0.9))
    scene.decals.append(
        Decal(
            any_angle(rng),
            z_m,
            rng.uniform(0.04, 0.12),
            scene.radius_m * rng.uniform(6, 20),
            line * strong,
            wall_tone(scene, rng, *_either(rng)),
            line * np.float32(0.3),
        )
    )


def ring_marks(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """Faint even rings: where formwork or a winding machine stepped on, or a weld that is as it should be."""
    line = np.ascontiguousarray(_ruled(rng, 96, rng.uniform(0.6, 2.5)).T) * np.float32(rng.uniform(0.15, 0.7))
    tone, step = wall_tone(scene, rng, *_either(rng)), scene.radius_m * rng.uniform(0.25, 1.5)
    for i in range(int(rng.integers(1, 6))):
        scene.decals.append(Decal(0.0, z_m + i * step, float(np.pi), 0.06 * scene.radius_m, line, tone, line * np.float32(1.2), gloss=0.1))


def weld_seam(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """A sound butt weld: a low even bead with a bright crest."""
    across = np.linspace(-1, 1, 24, dtype=np.float32)[:, None]
    bead = np.exp(-((across / np.float32(0.4)) ** 2)) * np.ones((1, 32), np.float32)
    scene.decals.append(
        Decal(
            0.0,
            z_m,
            float(np.pi),
            0.035 * scene.radius_m,
            bead * np.float32(0.5),
            wall_tone(scene, rng, 0.75, 1.2),
            bead * np.float32(2),
            gloss=0.2,
        )
    )


def neat_repair(scene: Scene, rng: np.random.Generator, z_m: float) -> None:
    """A place made good with mortar, trowelled smoother than the wall."""
    shape = (96, 96)
    edge = np.float32(0.03) * noise_cut(rng, "cloud", shape, 0.5) + np.float32(0.015) * noise_cut(rng, "cloud", shape, 2)
    rows = np.abs(np.linspace(-1, 1, 96, dtype=np.float32))
    square = np.float32(0.8) - (rows[:, None] ** 4 + rows[None, :] ** 4) ** np.float32(0.25)
    field = (square if rng.random() < 0.5 else np.float32(0.7) * dome(shape)) + edge
    alpha = np.clip(field * np.float32(rng.uniform(8, 25)), 0, 1) * np.float32(rng.uniform(0.5, 0.95))
    tone = np.full(3, rng.uniform(0.35, 0.65)) if rng.random() < 0.6 else wall_rgb(scene) * rng.uniform(0.8, 1.2)
    colour = tinted(tone, 1 + np.float32(0.03) * noise_cut(rng, "streak", shape, 0.6))
    size = rng.uniform(0.12, 0.45)
    halves = (size, size * scene.radius_m * rng.uniform(0.6, 1.8))
    scene.decals.append(Decal(any_angle(rng), z_m, *halves, alpha.astype(np.float32), colour, np.zeros(shape, np.float32)))


LOOKALIKES: dict[str, Mark] = {
    "seam along": seam_along,
    "ring marks": ring_marks,
    "weld seam": weld_seam,
    "thin scratches": thin_scratches,
    "tool marks": tool_marks,
    "chalk mark": chalk_mark,
    "drip lines": drip_lines,
    "root stain": root_stain,
    "neat repair": neat_repair,
    "threads": threads,
}
_ANYWHERE = {"thin scratches": 2.0, "tool marks": 0.7, "chalk mark": 0.5, "drip lines": 2.0, "threads": 0.4}
_CAST = {"seam along": 0.8, "ring marks": 1.2, "root stain": 0.7, "neat repair": 1.2}
_PLASTIC = {"seam along": 0.8, "ring marks": 1.0, "weld seam": 0.8}
_LINING = {"seam along": 2.5, "ring marks": 0.5}


def add_lookalikes(scene: Scene, rng: np.random.Generator, start_m: float, end_m: float) -> None:
    """Harmless marks between two chainages, such as this pipe can have; about one to ten radii."""
    material = scene.materials[0]
    shares = _ANYWHERE | (_LINING if material.liner else _CAST if material.rigid else _PLASTIC)
    names = list(shares)
    chances = np.array(list(shares.values())) / sum(shares.values())
    for _ in range(int(rng.poisson(1.1 * (end_m - start_m) / scene.radius_m / 10))):
        LOOKALIKES[names[int(rng.choice(len(names), p=chances))]](scene, rng, float(rng.uniform(start_m, end_m)))
