"""What stands before the camera: a pipe that shows the wanted classes, and where the camera is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.synth.clutter import add_clutter, add_water
from trainer.synth.defects import PAINTERS
from trainer.synth.geometry import Camera
from trainer.synth.materials import Material, draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.scene import FAR_RADII, Scene

_ORDER = ("OK", "DE", "PF", "OB", "RB", "BE", "FS", "GR", "PH", "PB", "OS", "OP", "AF", "IN", "IS", "RO", "FO")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in the pipe the thing to look at is."""

    theta: float
    z_m: float


def suitable_material(rng: np.random.Generator, wanted: Sequence[str]) -> Material:
    """A pipe material in which the wanted classes can occur."""
    if {"OS", "OP"} & set(wanted):
        return draw_material(rng, liner=True)
    if {"RB", "FS", "IS", "GR", "PH", "PB", "OB"} & set(wanted):
        return draw_material(rng, liner=False, rigid=True if "RB" in wanted or "OB" in wanted else None)
    if "DE" in wanted:
        return draw_material(rng, liner=False, rigid=False if rng.random() < 0.7 else None)
    if "PF" in wanted:
        return draw_material(rng, liner=bool(rng.random() < 0.7))
    return draw_material(rng)


def build_scene(rng: np.random.Generator, wanted: Sequence[str], severity: float | None) -> tuple[Scene, Spot]:
    """A pipe from just behind the camera (z = 0) to the dark, showing the wanted classes near it."""
    scene = new_scene(rng, suitable_material(rng, wanted), start_m=-0.5, end_m=15.0)
    radius = scene.radius_m
    add_water(scene, rng)
    spot = Spot(float(rng.uniform(-2.0, 2.0)), float(radius * np.exp(rng.uniform(np.log(1.3), np.log(4.0)))))
    focus = spot
    for code in sorted(wanted, key=_ORDER.index):
        strength = float(rng.beta(1.3, 1.2)) if severity is None else severity
        z = spot.z_m * float(np.exp(rng.normal(0, 0.2))) if code != "OK" else spot.z_m * 1.3
        theta = PAINTERS[code](scene, rng, strength, z)
        focus = Spot(theta, z)
    add_clutter(scene, rng, -0.2, FAR_RADII * radius * 0.4)
    scene.joints = [j for j in scene.joints if j.z_m > 0.25 * radius]
    lay_segments(scene, -50.0, 200.0)
    return scene, focus


def draw_camera(rng: np.random.Generator, scene: Scene, spot: Spot, *, plain: bool = False) -> Camera:
    """A camera near the axis: mostly looking along it, sometimes turned to the spot, rarely at the wall close by; `plain` only along."""
    radius = scene.radius_m
    kind = rng.choice(["axial", "turned", "wall"], p=[1.0, 0.0, 0.0] if plain else [0.72, 0.18, 0.10])
    x, y = rng.normal(0, 0.08) * radius, rng.normal(-0.05, 0.13) * radius
    y = float(np.clip(y, (2 * scene.water_level - 1) * radius * 0.8 + 0.15 * radius, 0.4 * radius))
    x = float(np.clip(x, -0.3 * radius, 0.3 * radius))
    share = {"axial": 0.0, "turned": rng.uniform(0.25, 0.7), "wall": rng.uniform(0.75, 1.0)}[str(kind)]
    aim = np.array([np.sin(spot.theta) * radius - x, np.cos(spot.theta) * radius - y, max(spot.z_m, 0.5 * radius)])
    pan = float(np.arctan2(aim[0], aim[2])) * share + rng.normal(0, 0.05)
    tilt = float(np.arctan2(aim[1], np.hypot(aim[0], aim[2]))) * share + rng.normal(0, 0.05)
    focal = 1 / np.tan(np.radians(rng.uniform(62, 100) if kind == "axial" else rng.uniform(48, 85)) / 2)
    return Camera((x, y, 0.0), pan, tilt, float(rng.normal(0, 0.05)), float(focal), float(rng.uniform(0.0, 0.12)))
