"""What stands before the camera: a pipe that shows the wanted classes, and how its ends and its course are seen."""

from collections.abc import Sequence

import numpy as np

from trainer.synth.bend import draw_bend
from trainer.synth.chamber import add_chambers
from trainer.synth.clutter import add_clutter, add_water
from trainer.synth.materials import Material, draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.placing import place
from trainer.synth.posing import LATERALS, Spot, draw_camera
from trainer.synth.scene import FAR_RADII, Scene

__all__ = ["build_scene", "draw_camera", "suitable_material"]

_ORDER = ("OK", "DE", "PF", "OB", "RB", "BE", "FS", "GR", "PH", "PB", "OS", "OP", "AF", "IN", "IS", "RO", "FO")
# a sound liner is common among frames, else a smooth pale wall alone would mean what occurs in liners only
_SOUND_LINERS, _RIGID_BREAKS = 0.25, 0.6
_SEEN_FROM_CHAMBER, _ENDS_IN_CHAMBER, _BENDS = 0.06, 0.12, 0.12


def suitable_material(rng: np.random.Generator, wanted: Sequence[str]) -> Material:
    """A pipe material in which the wanted classes can occur."""
    if {"OS", "OP"} & set(wanted):
        return draw_material(rng, liner=True)
    if {"RB", "FS", "IS", "GR", "PH", "PB", "OB"} & set(wanted):
        rigid = "OB" in wanted or ("RB" in wanted and rng.random() < _RIGID_BREAKS)
        return draw_material(rng, liner=False, rigid=True if rigid else None)
    if "DE" in wanted:
        return draw_material(rng, liner=False, rigid=False if rng.random() < 0.7 else None)
    if "PF" in wanted:
        return draw_material(rng, liner=bool(rng.random() < 0.6))
    return draw_material(rng, liner=True) if rng.random() < _SOUND_LINERS else draw_material(rng)


def build_scene(rng: np.random.Generator, wanted: Sequence[str], severity: float | None) -> tuple[Scene, Spot]:
    """A pipe that shows the wanted classes from 0.6 to 6 radii before z = 0, and now and then its end, its beginning or a bend."""
    scene = new_scene(rng, suitable_material(rng, wanted), start_m=-0.5, end_m=15.0)
    radius = scene.radius_m
    if LATERALS & set(wanted):
        scene.section = None  # what enters is fitted to a round or egg-shaped wall
    add_water(scene, rng)
    begin = float(radius * rng.uniform(0.5, 2.5)) if rng.random() < _SEEN_FROM_CHAMBER else 0.0
    distance = float(radius * np.exp(rng.uniform(np.log(0.6), np.log(6.0))))
    focus = Spot(float(rng.uniform(0, 2 * np.pi)), begin + distance, 0.3 * radius)
    for code in sorted(wanted, key=_ORDER.index):
        strength = float(rng.beta(1.3, 1.2)) if severity is None else severity
        z = begin + distance * (float(np.exp(rng.normal(0, 0.2))) if code != "OK" else 1.3)
        theta = place(scene, rng, code, strength, z_m=z).theta
        focus = Spot(theta, z, _half_size(scene, code), code)
    add_clutter(scene, rng, begin - 0.2, begin + FAR_RADII * radius * 0.4)
    _shape_ends(scene, rng, begin)
    lay_segments(scene, -50.0, 200.0)
    return scene, focus


def _half_size(scene: Scene, code: str) -> float:
    """Half the size of what was placed last, as far as zooming needs it."""
    if code in LATERALS and scene.branches:
        return scene.branches[-1].radius_m
    return 0.4 * scene.radius_m


def _shape_ends(scene: Scene, rng: np.random.Generator, begin_m: float) -> None:
    """Chambers before and behind, or a bend, all beyond what must be seen."""
    radius = scene.radius_m
    beyond = max([begin_m, *(min(thing.to_m, begin_m + 8 * radius) for thing in scene.placed)]) + radius * float(rng.uniform(1.2, 9.0))
    kind = float(rng.random())
    end = beyond if kind < _ENDS_IN_CHAMBER else None
    if begin_m or end is not None:
        add_chambers(scene, rng, begin_m or None, end)
    elif kind < _ENDS_IN_CHAMBER + _BENDS:
        _clear(scene, beyond)
        scene.bend = draw_bend(rng, scene, beyond)


def _clear(scene: Scene, z_m: float) -> None:
    """Take away what stands free in the lumen beyond a chainage: it would not follow the bend."""
    scene.branches = [b for b in scene.branches if b.z_m < z_m]
    scene.curtains = [c for c in scene.curtains if c.z_m < z_m]
    scene.solids = [s for s in scene.solids if s.centre_m[2] < z_m]
