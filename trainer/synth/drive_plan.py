"""The pipe of a drive: what is to be found in it, where, and that it can be found."""

from typing import Literal, NamedTuple

import numpy as np

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.chamber import add_chambers
from trainer.synth.clutter import add_clutter, add_water
from trainer.synth.geometry import Camera
from trainer.synth.light import Lamps, illuminate
from trainer.synth.materials import draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.placing import copy_of, place
from trainer.synth.profiles import draw_drive_classes
from trainer.synth.scene import FAR_RADII, Placed, Scene
from trainer.synth.trace import trace_scene
from trainer.synth.truth import labels_from_masks, visible_masks

PROBE_SIZE = (72, 88)
_PROBE_RADII = (1.6, 3.0, 5.0)
_ATTEMPTS = 4


class DriveObservation(NamedTuple):
    """One thing along the pipe.

    `to_m` is None for a point; `clock` in hours 0..12; seen from/to are times in
    seconds, None if never in view; where two things of one class are in view together, both have the time of the first.
    """

    code: str
    kind: Literal["point", "continuous"]
    from_m: float
    to_m: float | None
    clock: float
    severity: float
    first_seen_s: float | None
    last_seen_s: float | None


def observation_of(thing: Placed) -> DriveObservation:
    """A placed thing as a row of the truth, not yet seen."""
    clock = float(np.mod(thing.theta / (2 * np.pi) * 12, 12))
    if thing.to_m > thing.from_m:
        return DriveObservation(thing.code, "continuous", thing.from_m, thing.to_m, clock, thing.severity, None, None)
    return DriveObservation(thing.code, "point", thing.from_m, None, clock, thing.severity, None, None)


def build_pipe(rng: np.random.Generator, length_m: float, num_defects: int | None) -> Scene:
    """A pipe from manhole to manhole, with its defects and fittings spread along it; `placed` says what they are.

    The drive begins in the one chamber, at chainage 0, and ends just before the other.
    """
    material = draw_material(rng)
    scene = new_scene(rng, material, start_m=-1.0, end_m=length_m + 3.0)
    add_water(scene, rng)
    num = max(1, round(length_m / 2.5)) if num_defects is None else num_defects
    codes = draw_drive_classes(rng, num, liner=material.liner, rigid=material.rigid)
    begin, end = min(0.6, length_m * 0.3), length_m - 0.1
    slots = np.linspace(begin, end, num + 1)
    for code, low, high in zip(codes, slots[:-1], slots[1:], strict=True):
        z = float(rng.uniform(low + 0.2 * (high - low), high - 0.2 * (high - low)))
        scene = _with_thing(scene, rng, code, z)
    add_clutter(scene, rng, -0.5, length_m + FAR_RADII * scene.radius_m * 0.2)
    mouth = min(scene.radius_m * float(rng.uniform(0.4, 1.5)), 0.5 * begin)
    add_chambers(scene, rng, mouth, length_m + float(rng.uniform(0.2, 0.8)))
    lay_segments(scene, -50.0, length_m + 200.0)
    return scene


def _with_thing(scene: Scene, rng: np.random.Generator, code: str, z_m: float) -> Scene:
    """The scene with a thing in it that can be seen; tried again, grosser, where water or a bend of the rim hides it."""
    severity = float(rng.uniform(0.35, 1.0))
    for attempt in range(_ATTEMPTS):
        trial = copy_of(scene)
        place(trial, rng, code, severity + (1 - severity) * attempt / (_ATTEMPTS - 1), z_m=z_m)
        if _is_seen(trial, code, z_m):
            break
    return trial


def _is_seen(scene: Scene, code: str, z_m: float) -> bool:
    """Whether a camera on the axis, coming near, sees the class."""
    lay_segments(scene, -50.0, z_m + 200.0)
    for radii in _PROBE_RADII:
        camera = Camera((0.0, 0.0, max(z_m - radii * scene.radius_m, 0.0)), focal=0.95)
        surface = trace_scene(scene, camera, PROBE_SIZE)
        masks = visible_masks(surface, illuminate(surface, Lamps(), scene.radius_m))
        if labels_from_masks(masks)[taxonomy().index(code)]:
            return True
    return False
