"""Pipe materials: base colour, grain, relief, gloss and patterns (ribs, brick courses), and how age stains them.

Colours are albedos (linear-ish RGB 0..1) seen under white lamps; the camera adds its own cast. Spreads are wide on purpose: old
film shows the same clay pipe as pink, orange or brown, and concrete as grey, violet or greenish white. One pipe in ten has any tint.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Pattern = Literal["plain", "brick", "ribs", "weave"]
Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """One pipe material after ageing; `grain` and `cloud` are colour variation, `bump` relief for shading, all about 0..1.

    `grain_m` is the length of a tile of grain. `rib` is how much ribs differ in tone. What use leaves: `patch` (patches of
    `patch_rgb`, the sharper the larger `patch_edge`), `splash` (spots, denser below), `runs` (stains down from the crown), `trail`
    (half angle of the dirty stripe along the invert, its edge `trail_ragged`), all on tiles `weather_m` long; 0 is none.
    """

    name: str
    rgb: Rgb
    grain: float
    cloud: float
    bump: float
    gloss: float
    streak: float = 0.0
    hoop: float = 0.0
    cell: float = 0.0
    stain: float = 0.3
    stain_rgb: Rgb = (0.25, 0.19, 0.12)
    stain_turn: float = 0.0
    pattern: Pattern = "plain"
    pitch_m: float = 0.06
    unit_m: float = 1.5
    liner: bool = False
    rigid: bool = True
    grain_m: float = 0.22
    rib: float = 0.18
    weather_m: float = 0.9
    patch: float = 0.0
    patch_rgb: Rgb = (0.5, 0.5, 0.5)
    patch_edge: float = 1.0
    splash: float = 0.0
    splash_rgb: Rgb = (0.2, 0.15, 0.1)
    runs: float = 0.0
    runs_rgb: Rgb = (0.3, 0.2, 0.12)
    trail: float = 0.0
    trail_rgb: Rgb = (0.2, 0.15, 0.1)
    trail_ragged: float = 0.4
    trail_edge: float = 8.0

    @property
    def weathered(self) -> bool:
        """Whether use has left anything beyond stains."""
        return bool(self.patch or self.splash or self.runs or self.trail)


MATERIALS: dict[str, Material] = {
    "concrete": Material("concrete", (0.56, 0.54, 0.49), 0.12, 0.13, 0.35, 0.10, cell=0.06, unit_m=1.5),
    "pale concrete": Material("pale concrete", (0.66, 0.66, 0.65), 0.07, 0.08, 0.20, 0.12, cell=0.02, unit_m=2.0),
    "bluish concrete": Material("bluish concrete", (0.47, 0.49, 0.57), 0.10, 0.12, 0.30, 0.12, cell=0.04, unit_m=2.0),
    "rough concrete": Material("rough concrete", (0.47, 0.43, 0.36), 0.18, 0.20, 0.60, 0.12, cell=0.11, stain=0.6, unit_m=1.0),
    "clay": Material("clay", (0.58, 0.34, 0.22), 0.06, 0.14, 0.18, 0.28, streak=0.05, hoop=0.06, unit_m=1.25),
    "brown clay": Material("brown clay", (0.40, 0.24, 0.15), 0.08, 0.20, 0.22, 0.32, streak=0.06, hoop=0.05, stain=0.5, unit_m=1.0),
    "pink clay": Material("pink clay", (0.64, 0.50, 0.45), 0.05, 0.10, 0.14, 0.26, streak=0.04, hoop=0.05, unit_m=1.25),
    "grey clay": Material("grey clay", (0.44, 0.43, 0.42), 0.06, 0.12, 0.16, 0.34, streak=0.05, hoop=0.05, unit_m=1.0),
    "orange PVC": Material("orange PVC", (0.74, 0.43, 0.20), 0.03, 0.05, 0.05, 0.30, streak=0.03, unit_m=3.0, rigid=False),
    "grey PVC": Material("grey PVC", (0.58, 0.58, 0.57), 0.03, 0.05, 0.05, 0.28, streak=0.04, unit_m=3.0, rigid=False),
    "white PVC": Material("white PVC", (0.78, 0.79, 0.76), 0.02, 0.05, 0.04, 0.28, streak=0.04, unit_m=3.0, rigid=False),
    "green PVC": Material("green PVC", (0.46, 0.60, 0.48), 0.03, 0.06, 0.06, 0.26, streak=0.04, unit_m=3.0, rigid=False),
    "blue PVC": Material("blue PVC", (0.30, 0.45, 0.66), 0.03, 0.06, 0.06, 0.26, streak=0.04, unit_m=3.0, rigid=False),
    "ribbed PE": Material(
        "ribbed PE", (0.30, 0.31, 0.33), 0.04, 0.08, 0.10, 0.30, pattern="ribs", pitch_m=0.045, unit_m=6.0, rigid=False, rib=0.14
    ),
    "black PE": Material(
        "black PE", (0.13, 0.13, 0.15), 0.04, 0.10, 0.08, 0.45, pattern="ribs", pitch_m=0.06, unit_m=6.0, rigid=False, rib=0.4
    ),
    "pale ribbed PVC": Material(
        "pale ribbed PVC", (0.66, 0.67, 0.66), 0.03, 0.07, 0.06, 0.28, pattern="ribs", pitch_m=0.035, unit_m=6.0, rigid=False, rib=0.07
    ),
    "brick": Material("brick", (0.48, 0.31, 0.22), 0.15, 0.20, 0.45, 0.10, pattern="brick", pitch_m=0.07, stain=0.6, unit_m=50.0),
    "cast iron": Material("cast iron", (0.36, 0.25, 0.17), 0.18, 0.25, 0.70, 0.18, cell=0.12, stain=0.7, unit_m=3.0, grain_m=0.35),
    "white liner": Material("white liner", (0.74, 0.72, 0.64), 0.03, 0.08, 0.08, 0.35, streak=0.05, unit_m=60.0, liner=True, rigid=False),
    "yellow liner": Material(
        "yellow liner", (0.66, 0.58, 0.38), 0.05, 0.10, 0.10, 0.40, streak=0.06, pattern="weave", unit_m=60.0, liner=True, rigid=False
    ),
    "grey liner": Material("grey liner", (0.50, 0.52, 0.50), 0.04, 0.08, 0.08, 0.40, streak=0.05, unit_m=60.0, liner=True, rigid=False),
    "blue liner": Material("blue liner", (0.33, 0.55, 0.68), 0.04, 0.08, 0.10, 0.40, streak=0.05, unit_m=60.0, liner=True, rigid=False),
}
_WEIGHTS = {
    "concrete": 4.0,
    "pale concrete": 3.0,
    "bluish concrete": 2.0,
    "rough concrete": 2.5,
    "clay": 2.0,
    "brown clay": 1.5,
    "pink clay": 1.5,
    "grey clay": 1.2,
    "orange PVC": 2.0,
    "grey PVC": 1.8,
    "white PVC": 1.6,
    "green PVC": 1.0,
    "blue PVC": 1.0,
    "ribbed PE": 0.7,
    "black PE": 0.5,
    "pale ribbed PVC": 0.9,
    "brick": 0.6,
    "cast iron": 0.8,
    "white liner": 1.0,
    "yellow liner": 0.9,
    "grey liner": 0.8,
    "blue liner": 0.8,
}
# earth, soot, rust, ochre, slime, grease, lime, biofilm
_DIRT: tuple[Rgb, ...] = (
    (0.25, 0.19, 0.12),
    (0.10, 0.09, 0.08),
    (0.36, 0.20, 0.09),
    (0.48, 0.34, 0.15),
    (0.20, 0.22, 0.12),
    (0.62, 0.58, 0.48),
    (0.74, 0.72, 0.66),
    (0.30, 0.26, 0.17),
)
_DIRT_SHARES = (0.28, 0.18, 0.12, 0.12, 0.08, 0.07, 0.07, 0.08)


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
    return _used(_age(MATERIALS[names[int(rng.choice(len(names), p=weights / weights.sum()))]], rng), rng)


def draw_dirt(rng: np.random.Generator) -> Rgb:
    """The colour of what sticks to a wall."""
    return _rgb(np.array(_DIRT[int(rng.choice(len(_DIRT), p=_DIRT_SHARES))]) * rng.uniform(0.6, 1.3) * rng.normal(1, 0.08, 3))


def _rgb(values: np.ndarray) -> Rgb:
    red, green, blue = (float(v) for v in np.clip(values, 0.04, 0.92))
    return red, green, blue


def _tone(material: Material, rng: np.random.Generator) -> Rgb:
    """The base colour, lighter or darker, greyer or stronger; one in ten has any hue."""
    tone = np.array(material.rgb) * rng.uniform(0.7, 1.25) * rng.normal(1, 0.07, 3)
    if rng.random() < 0.10:
        tone = tone.mean() * rng.uniform(0.6, 1.4, 3)
    grey = tone.mean()
    return _rgb(grey + (tone - grey) * rng.choice([rng.uniform(0.2, 0.8), rng.uniform(0.8, 1.4)], p=[0.4, 0.6]))


def _age(material: Material, rng: np.random.Generator) -> Material:
    return replace(
        material,
        rgb=_tone(material, rng),
        grain=material.grain * float(np.exp(rng.uniform(np.log(0.3), np.log(2.0)))),
        grain_m=material.grain_m * float(np.exp(rng.uniform(np.log(0.45), np.log(2.2)))),
        cloud=material.cloud * rng.uniform(0.3, 1.8),
        bump=material.bump * float(np.exp(rng.uniform(np.log(0.3), np.log(2.0)))),
        streak=material.streak * rng.uniform(0.3, 2.5),
        hoop=material.hoop * rng.uniform(0.0, 2.5),
        cell=material.cell * rng.uniform(0.0, 1.8),
        rib=material.rib * rng.uniform(0.4, 1.3),
        pitch_m=material.pitch_m * (rng.uniform(0.6, 1.5) if material.pattern == "ribs" else 1.0),
        stain=float(np.clip(material.stain * rng.uniform(0.0, 2.4), 0, 0.9)),
        stain_turn=float(rng.normal(0, 0.3)),
        stain_rgb=draw_dirt(rng),
        unit_m=material.unit_m * rng.uniform(0.7, 1.4),
    )


def _used(material: Material, rng: np.random.Generator) -> Material:
    """What use has left on the wall: nothing on a third of the pipes."""
    if rng.random() < 0.30:
        return material
    near = _rgb(np.array(material.rgb) * rng.uniform(0.6, 1.35) * rng.normal(1, 0.10, 3))
    return replace(
        material,
        weather_m=float(np.exp(rng.uniform(np.log(0.35), np.log(2.0)))),
        patch=float(rng.uniform(0.1, 0.7)) if rng.random() < 0.45 else 0.0,
        patch_rgb=near if rng.random() < 0.6 else draw_dirt(rng),
        patch_edge=float(np.exp(rng.uniform(np.log(0.4), np.log(6.0)))),
        splash=float(rng.uniform(0.05, 0.8)) if rng.random() < 0.55 else 0.0,
        splash_rgb=draw_dirt(rng),
        runs=float(rng.uniform(0.2, 0.8)) if rng.random() < 0.2 else 0.0,
        runs_rgb=draw_dirt(rng),
        trail=float(rng.uniform(0.05, 0.75)) if rng.random() < 0.6 else 0.0,
        trail_rgb=draw_dirt(rng),
        trail_ragged=float(rng.uniform(0.1, 0.9)),
        trail_edge=float(np.exp(rng.uniform(np.log(2.0), np.log(14.0)))),
    )
