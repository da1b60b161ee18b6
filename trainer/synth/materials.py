"""Pipe materials: base colour, grain, relief, gloss and patterns (ribs, brick courses), and how age stains them.

Colours are albedos (linear-ish RGB 0..1) seen under white lamps; the camera adds its own cast. Spreads are wide on purpose: old
film shows the same clay pipe as pink, orange or brown.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Pattern = Literal["plain", "brick", "ribs", "weave"]


@dataclass(frozen=True, slots=True)
class Material:
    """One pipe material after ageing; `grain` and `cloud` are colour variation, `bump` relief for shading, all about 0..1."""

    name: str
    rgb: tuple[float, float, float]
    grain: float
    cloud: float
    bump: float
    gloss: float
    streak: float = 0.0
    hoop: float = 0.0
    cell: float = 0.0
    stain: float = 0.3
    stain_rgb: tuple[float, float, float] = (0.25, 0.19, 0.12)
    stain_turn: float = 0.0
    pattern: Pattern = "plain"
    pitch_m: float = 0.06
    unit_m: float = 1.5
    liner: bool = False
    rigid: bool = True


MATERIALS: dict[str, Material] = {
    "concrete": Material("concrete", (0.56, 0.53, 0.46), 0.12, 0.13, 0.35, 0.10, cell=0.06, unit_m=1.5),
    "rough concrete": Material("rough concrete", (0.47, 0.43, 0.35), 0.15, 0.18, 0.50, 0.12, cell=0.09, stain=0.6, unit_m=1.0),
    "clay": Material("clay", (0.58, 0.34, 0.22), 0.06, 0.14, 0.18, 0.28, streak=0.05, hoop=0.06, unit_m=1.25),
    "brown clay": Material("brown clay", (0.40, 0.24, 0.15), 0.08, 0.20, 0.22, 0.32, streak=0.06, hoop=0.05, stain=0.5, unit_m=1.0),
    "orange PVC": Material("orange PVC", (0.74, 0.43, 0.20), 0.03, 0.05, 0.05, 0.30, streak=0.03, unit_m=3.0, rigid=False),
    "grey PVC": Material("grey PVC", (0.58, 0.58, 0.56), 0.03, 0.05, 0.05, 0.28, streak=0.04, unit_m=3.0, rigid=False),
    "green PVC": Material("green PVC", (0.46, 0.60, 0.48), 0.03, 0.06, 0.06, 0.26, streak=0.04, unit_m=3.0, rigid=False),
    "ribbed PE": Material("ribbed PE", (0.30, 0.31, 0.33), 0.04, 0.08, 0.10, 0.30, pattern="ribs", pitch_m=0.045, unit_m=6.0, rigid=False),
    "brick": Material("brick", (0.48, 0.31, 0.22), 0.15, 0.20, 0.45, 0.10, pattern="brick", pitch_m=0.07, stain=0.6, unit_m=50.0),
    "cast iron": Material("cast iron", (0.36, 0.25, 0.17), 0.16, 0.25, 0.60, 0.18, cell=0.08, stain=0.7, unit_m=3.0),
    "white liner": Material("white liner", (0.74, 0.70, 0.58), 0.03, 0.08, 0.08, 0.35, streak=0.05, unit_m=60.0, liner=True, rigid=False),
    "yellow liner": Material(
        "yellow liner", (0.66, 0.58, 0.38), 0.05, 0.10, 0.10, 0.40, streak=0.06, pattern="weave", unit_m=60.0, liner=True, rigid=False
    ),
    "grey liner": Material("grey liner", (0.50, 0.52, 0.50), 0.04, 0.08, 0.08, 0.40, streak=0.05, unit_m=60.0, liner=True, rigid=False),
    "blue liner": Material("blue liner", (0.33, 0.55, 0.68), 0.04, 0.08, 0.10, 0.40, streak=0.05, unit_m=60.0, liner=True, rigid=False),
}
_WEIGHTS = {
    "concrete": 5.0,
    "rough concrete": 3.0,
    "clay": 3.0,
    "brown clay": 2.0,
    "orange PVC": 2.0,
    "grey PVC": 2.0,
    "green PVC": 1.0,
    "ribbed PE": 0.6,
    "brick": 0.6,
    "cast iron": 0.8,
    "white liner": 0.9,
    "yellow liner": 0.9,
    "grey liner": 0.7,
    "blue liner": 0.4,
}
_STAINS = ((0.25, 0.19, 0.12), (0.16, 0.13, 0.10), (0.34, 0.22, 0.10), (0.45, 0.28, 0.12), (0.20, 0.20, 0.14))


def draw_material(
    rng: np.random.Generator, *, liner: bool | None = None, rigid: bool | None = None, other_than: str | None = None
) -> Material:
    """A material, aged at random; `liner` and `rigid` narrow the choice."""
    names = [
        name
        for name, m in MATERIALS.items()
        if (liner is None or m.liner == liner) and (rigid is None or m.rigid == rigid) and name != other_than
    ]
    weights = np.array([_WEIGHTS[name] for name in names])
    return _age(MATERIALS[names[int(rng.choice(len(names), p=weights / weights.sum()))]], rng)


def _age(material: Material, rng: np.random.Generator) -> Material:
    tone = np.clip(np.array(material.rgb) * rng.uniform(0.75, 1.2) * rng.normal(1, 0.06, 3), 0.06, 0.9)
    grey = tone.mean()
    tone = grey + (tone - grey) * rng.uniform(0.45, 1.05)
    return replace(
        material,
        rgb=(float(tone[0]), float(tone[1]), float(tone[2])),
        grain=material.grain * rng.uniform(0.5, 1.5),
        cloud=material.cloud * rng.uniform(0.5, 1.6),
        bump=material.bump * rng.uniform(0.5, 1.4),
        stain=float(np.clip(material.stain * rng.uniform(0.3, 2.6), 0, 0.9)),
        stain_turn=float(rng.normal(0, 0.3)),
        stain_rgb=_STAINS[int(rng.integers(len(_STAINS)))],
        unit_m=material.unit_m * rng.uniform(0.7, 1.4),
    )
