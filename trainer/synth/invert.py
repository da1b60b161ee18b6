"""Water and harmless dirt in the invert of a sewer: what nearly every frame shows along its bottom, and no class names."""

import numpy as np

from trainer.synth.scene import Fluid, Rgb, Scene

Rng = np.random.Generator
_WATERS: tuple[tuple[Rgb, float], ...] = (  # colour, how far light gets through it (radii)
    ((0.20, 0.15, 0.09), 0.35),  # clear brown
    ((0.12, 0.11, 0.10), 0.30),  # dark
    ((0.42, 0.40, 0.35), 0.06),  # milky
    ((0.34, 0.27, 0.16), 0.08),  # loam
    ((0.16, 0.20, 0.12), 0.20),  # green
    ((0.05, 0.05, 0.05), 0.15),  # black
    ((0.24, 0.27, 0.28), 0.60),  # clear
    ((0.30, 0.24, 0.10), 0.25),  # yellow
)
_DIRT: tuple[Rgb, ...] = (
    (0.20, 0.16, 0.10),
    (0.36, 0.27, 0.14),
    (0.12, 0.11, 0.09),
    (0.46, 0.36, 0.20),
    (0.40, 0.24, 0.10),
    (0.24, 0.25, 0.18),
    (0.62, 0.58, 0.50),
)


def add_water(scene: Scene, rng: Rng) -> None:
    """Water in the invert, often a trickle, up to half the height, sometimes none; wet or dirty strips; the line of higher water."""
    level = 0.0 if rng.random() < 0.25 else float(min(0.5, rng.exponential(0.07) + 0.008))
    line = float(np.arccos(1 - 2 * level))
    for kind, share in (("strip", 0.55), ("sediment", 0.35), ("splashes", 0.22), ("water line", 0.30)):
        if rng.random() < share:
            scene.fluids.append(_smear(scene, rng, line, kind))
    if level > 0.01:
        scene.fluids.append(_water(scene, rng, level))


def _water(scene: Scene, rng: Rng, level: float) -> Fluid:
    rgb, clear = _WATERS[int(rng.integers(len(_WATERS)))]
    tone = rng.uniform(0.7, 1.4)
    return Fluid(
        level,
        (rgb[0] * tone, rgb[1] * tone, rgb[2] * tone),
        grain=float(0.01 + 0.16 * rng.random() ** 3),
        gloss=float(rng.uniform(0.1, 1.2)),
        rough_m=float(scene.radius_m * max(0.0, rng.uniform(-0.06, 0.06))),
        second_rgb=((0.75, 0.73, 0.66), (0.50, 0.42, 0.28), (0.30, 0.30, 0.24))[int(rng.integers(3))],
        noise_offset=float(rng.uniform(0, 100)),
        tile_m=float(scene.radius_m * np.exp(rng.uniform(np.log(2.0), np.log(8.0)))),
        calm=float(rng.beta(0.8, 1.2)),
        foam=float(rng.uniform(0.2, 0.75)) if rng.random() < 0.14 else 0.0,
        clear=clear * float(rng.uniform(0.5, 1.6)),
    )


def _smear(scene: Scene, rng: Rng, line: float, kind: str) -> Fluid:
    """A flat mark round the invert; `line` is the clock angle from 6 o'clock up to the water's edge."""
    wide, ragged, strength, gloss, soft = {
        "strip": (
            line + rng.uniform(0.06, 0.35),
            rng.uniform(0.10, 0.45),
            rng.uniform(0.4, 0.95),
            rng.uniform(0.0, 1.2),
            rng.uniform(0.3, 1.2),
        ),
        "sediment": (
            line + rng.uniform(0.0, 0.45),
            rng.uniform(0.5, 1.6),
            rng.uniform(0.3, 0.85),
            rng.uniform(0.0, 0.4),
            rng.uniform(0.3, 1.0),
        ),
        "splashes": (line * rng.uniform(0.3, 1.0), rng.uniform(1.6, 3.2), rng.uniform(0.3, 0.8), 0.0, rng.uniform(0.05, 0.25)),
        "water line": (line + rng.uniform(0.1, 0.8), rng.uniform(0.03, 0.20), rng.uniform(0.15, 0.6), 0.1, rng.uniform(0.3, 2.0)),
    }[kind]
    rgb, tone = _DIRT[int(rng.integers(len(_DIRT)))], rng.uniform(0.6, 1.3)
    return Fluid(
        level=float(min(wide, 2.4)),
        rgb=(rgb[0] * tone, rgb[1] * tone, rgb[2] * tone),
        rough_m=float(ragged),
        grain=float(rng.uniform(0.1, 0.5)),
        gloss=float(gloss),
        lean=float(rng.normal(0, 0.08)),
        noise_offset=float(rng.uniform(0, 100)),
        kind="smear",
        tile_m=float(scene.radius_m * rng.uniform(1.5, 5.0)),
        foam=float(strength),
        clear=float(soft),
    )
