"""The plan of a drive: the pipe with what is to be found in it, and where the camera is in each frame."""
# N frames

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.synth.clutter import add_clutter, add_water
from trainer.synth.defects import PAINTERS
from trainer.synth.geometry import Camera
from trainer.synth.materials import draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.profiles import draw_drive_classes
from trainer.synth.scene import FAR_RADII, Decal, Deform, Scene

CONTINUOUS_FROM_M = 1.0  # EN practice: shorter stretches are coded as a point


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


def plan_chainage(rng: np.random.Generator, length_m: float, *, fps: float, speed_m_s: float) -> NDArray[np.float64]:
    """Camera chainage per frame, (N,): forward with small changes of speed, one stop and one way back if 8 m or longer."""
    legs: list[tuple[float, float]] = [(0.0, length_m)]
    pause_at: dict[int, float] = {}
    if length_m >= 8:
        stop, back = rng.uniform(0.25, 0.45) * length_m, rng.uniform(0.55, 0.8) * length_m
        retreat = float(rng.uniform(0.3, 0.7))
        legs = [(0.0, stop), (stop, back), (back, back - retreat), (back - retreat, length_m)]
        pause_at = {0: float(rng.uniform(2, 5)), 1: float(rng.uniform(0.5, 1.5))}
    parts = []
    for number, (begin, end) in enumerate(legs):
        num = max(2, round(abs(end - begin) / speed_m_s * fps))
        pace = 1 + 0.15 * np.sin(np.linspace(0, rng.uniform(3, 20), num) + rng.uniform(0, 6))
        travelled = np.concatenate([[0.0], np.cumsum(pace[1:])])
        parts.append(begin + (end - begin) * travelled / travelled[-1])
        parts.append(np.full(round(pause_at.get(number, 0.0) * fps), end))
    return np.concatenate(parts)


def build_pipe(rng: np.random.Generator, length_m: float, num_defects: int | None) -> tuple[Scene, list[DriveObservation]]:
    """A pipe with its defects and fittings spread along it, and what they are."""
    material = draw_material(rng)
    scene = new_scene(rng, material, start_m=-1.0, end_m=length_m + 3.0)
    add_water(scene, rng)
    num = max(1, round(length_m / 2.5)) if num_defects is None else num_defects
    codes = draw_drive_classes(rng, num, liner=material.liner, rigid=material.rigid)
    begin, end = min(0.6, length_m * 0.3), length_m - 0.1
    slots = np.linspace(begin, end, num + 1)
    placed = []
    for code, low, high in zip(codes, slots[:-1], slots[1:], strict=True):
        z = float(rng.uniform(low + 0.2 * (high - low), high - 0.2 * (high - low)))
        placed.append(_place(scene, rng, code, z))
    add_clutter(scene, rng, -0.5, length_m + FAR_RADII * scene.radius_m * 0.2)
    lay_segments(scene, -50.0, length_m + 200.0)
    return scene, placed


def _place(scene: Scene, rng: np.random.Generator, code: str, z_m: float) -> DriveObservation:
    before = {name: len(getattr(scene, name)) for name in ("decals", "deforms", "fluids", "bands")}
    severity = float(rng.uniform(0.35, 1.0))
    theta = PAINTERS[code](scene, rng, severity, z_m)
    low, high = _extent(scene, before, code, z_m)
    clock = float(np.mod(theta / (2 * np.pi) * 12, 12))
    if high - low >= CONTINUOUS_FROM_M and code in ("OB", "PF", "DE", "AF", "BE", "RB"):
        return DriveObservation(code, "continuous", low, high, clock, severity, None, None)
    return DriveObservation(code, "point", z_m, None, clock, severity, None, None)


def _extent(scene: Scene, before: dict[str, int], code: str, z_m: float) -> tuple[float, float]:
    spans = [(z_m, z_m)]
    patches: list[Decal | Deform] = [*scene.decals[before["decals"] :], *scene.deforms[before["deforms"] :]]
    spans += [(p.z_m - p.half_z_m, p.z_m + p.half_z_m) for p in patches if p.code == code]
    spans += [(f.start_m, f.end_m) for f in scene.fluids[before["fluids"] :] if f.code == code]
    return min(s[0] for s in spans), max(s[1] for s in spans)


def plan_cameras(rng: np.random.Generator, scene: Scene, chainage: NDArray[np.float64], time: NDArray[np.float64]) -> tuple[Camera, ...]:
    """A camera per frame, near the axis, swaying a little."""
    radius = scene.radius_m
    x, y = rng.normal(0, 0.05) * radius, max(rng.normal(-0.03, 0.08), 2 * scene.water_level - 0.8) * radius
    pan, tilt, roll = rng.normal(0, 0.03, 3)
    sway, focal = rng.uniform(0.004, 0.015), float(1 / np.tan(np.radians(rng.uniform(72, 98)) / 2))
    phase = rng.uniform(0, 6, 3)
    barrel = float(rng.uniform(0, 0.1))
    return tuple(
        Camera(
            (float(x + sway * radius * np.sin(1.7 * t + phase[0])), float(y), float(z)),
            float(pan + sway * np.sin(1.1 * t + phase[1])),
            float(tilt + sway * np.sin(1.9 * t + phase[2])),
            float(roll),
            focal,
            barrel,
        )
        for t, z in zip(time, chainage, strict=True)
    )
