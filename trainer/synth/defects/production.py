"""PF, production errors: which of them a pipe can have depends on what it is: a lining, cast, or drawn plastic."""

from collections.abc import Callable

import numpy as np

from trainer.synth.defects.liner_faults import blisters, fold_along, fold_round, lap_seam, pinholes, starved, wrinkles
from trainer.synth.defects.mould_faults import honeycomb, mould_offset, weld_bead
from trainer.synth.scene import Scene

FAULTS: dict[str, Callable[[Scene, np.random.Generator, float, float], float]] = {
    "fold along": fold_along,
    "fold round": fold_round,
    "wrinkles": wrinkles,
    "blisters": blisters,
    "starved": starved,
    "pinholes": pinholes,
    "lap seam": lap_seam,
    "honeycomb": honeycomb,
    "mould offset": mould_offset,
    "weld bead": weld_bead,
}
_LINING = {"fold along": 3.0, "fold round": 2.0, "wrinkles": 2.0, "blisters": 2.0, "starved": 1.5, "pinholes": 1.0, "lap seam": 1.5}
_CAST = {"honeycomb": 3.0, "mould offset": 1.5, "pinholes": 0.4}
_PLASTIC = {"weld bead": 2.0, "mould offset": 1.0, "blisters": 0.6, "starved": 0.5, "wrinkles": 0.5}


def paint_production_error(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add PF; returns the clock angle. What can be wrong depends on what the pipe is: a lining, cast, or drawn plastic."""
    material = scene.materials[0]
    shares = _LINING if material.liner else _CAST if material.rigid else _PLASTIC
    names = list(shares)
    name = names[int(rng.choice(len(names), p=np.array(list(shares.values())) / sum(shares.values())))]
    return FAULTS[name](scene, rng, severity, z_m)
