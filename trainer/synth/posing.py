"""Where the camera is and how it looks: along the pipe, turned, close at a wall or an opening, zoomed, or from a chamber into the mouth.

Sound pipe is looked at in all these ways too, and no class is always looked at in one: else the pose would betray the class.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from trainer.synth.geometry import Camera
from trainer.synth.scene import Scene

LATERALS = frozenset({"GR", "PH", "PB", "OS", "OP"})
Look = Literal["axial", "turned", "close"]
# shares of turned and close frames
_LATERAL, _OTHER, _SOUND = (0.15, 0.30), (0.13, 0.12), (0.09, 0.09)
_SHAPE = (0.15, 0.02)  # the outline of a deformed pipe is seen against the dark, not on a smooth wall from close by
_LOOKS: tuple[Look, ...] = ("axial", "turned", "close")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in the pipe the thing to look at is, its half size, and its class (None where there is nothing but wall)."""

    theta: float
    z_m: float
    half_m: float = 0.1
    code: str | None = None


def draw_camera(rng: np.random.Generator, scene: Scene, spot: Spot, *, plain: bool = False) -> Camera:
    """A camera for one frame; `plain` only along the pipe."""
    if any(chamber.depth_m < 0 < chamber.z_m for chamber in scene.chambers):
        return _from_chamber(rng, scene)
    turned, close = _shares(spot.code)
    look = "axial" if plain else _LOOKS[int(rng.choice(3, p=[1 - turned - close, turned, close]))]
    if look == "close":
        return _close(rng, scene, spot)
    field, barrel = _draw_lens(rng)
    return _along(rng, scene, spot, field, barrel, float(rng.uniform(0.2, 0.8)) if look == "turned" else 0.0)


def _shares(code: str | None) -> tuple[float, float]:
    if code is None:
        return _SOUND
    return _LATERAL if code in LATERALS else _SHAPE if code == "DE" else _OTHER


def _along(rng: np.random.Generator, scene: Scene, spot: Spot, field: float, barrel: float, share: float) -> Camera:
    """Looking along the pipe, or turned a `share` of the way to the spot, from where the spot is in view."""
    radius = scene.radius_m
    nearest = 0.75 * radius / np.tan(np.radians(field) / 2)
    z = min(0.0, spot.z_m - nearest * float(rng.uniform(1.0, 1.4))) if spot.code is not None and not share else 0.0
    x, y = _draw_place(rng, scene, z)
    ahead = max(spot.z_m - z, 0.3 * radius)
    pan, tilt = _aim(np.sin(spot.theta) * radius - x, np.cos(spot.theta) * radius - y, ahead)
    sway = rng.normal(0, 0.05, 2)
    return Camera((x, y, z), pan * share + float(sway[0]), tilt * share + float(sway[1]), _draw_roll(rng), _focal(field), barrel)


def _close(rng: np.random.Generator, scene: Scene, spot: Spot) -> Camera:
    """At the spot from close by, up to square to the wall; zoomed until it fills a good part of the picture."""
    radius = scene.radius_m
    if spot.code is None and rng.random() < 0.5:
        spot = _joint_near(scene, spot)
    behind = rng.uniform(-0.2, 1.3) if spot.code is None or spot.code in LATERALS else rng.uniform(0.8, 1.8)
    z = spot.z_m - radius * float(behind)
    x, y = _draw_place(rng, scene, z)
    x -= float(0.15 * radius * np.sin(spot.theta))
    to = np.array([np.sin(spot.theta) * radius - x, np.cos(spot.theta) * radius - y, spot.z_m - z])
    pan, tilt = _aim(*(float(v) for v in to))
    size = spot.half_m / max(float(np.linalg.norm(to)), 0.3 * radius)
    # an opening 0.45 to 0.8 of the picture's width covers a fifth to a half of it
    field = float(np.clip(2 * np.degrees(np.arctan(size / rng.uniform(0.4, 0.8))), 30, 100))
    sway = rng.normal(0, 0.10, 2) * np.radians(field)
    return Camera((x, y, z), pan + float(sway[0]), tilt + float(sway[1]), _draw_roll(rng), _focal(field), float(rng.uniform(0, 0.12)))


def _joint_near(scene: Scene, spot: Spot) -> Spot:
    """The nearest sound joint if one is near, for operators stop at joints too."""
    near = [joint.z_m for joint in scene.joints if 0 < joint.z_m < spot.z_m + 6 * scene.radius_m]
    return replace(spot, z_m=min(near, key=lambda z: abs(z - spot.z_m))) if near else spot


def _from_chamber(rng: np.random.Generator, scene: Scene) -> Camera:
    """Standing or hanging in the chamber before the pipe, looking into its mouth."""
    radius, mouth = scene.radius_m, max(c.z_m for c in scene.chambers if c.depth_m < 0)
    x, y = float(rng.normal(0, 0.35)) * radius, float(rng.uniform(-0.2, 1.2)) * radius
    x, y = float(np.clip(x, -radius, radius)), max(y, _lowest(scene, 0.0))
    pan, tilt = _aim(-x, -y, mouth + radius * float(rng.uniform(1.0, 6.0)))
    sway = rng.normal(0, 0.08, 2)
    field, barrel = _draw_lens(rng)
    return Camera((x, y, 0.0), pan + float(sway[0]), tilt + float(sway[1]), _draw_roll(rng), _focal(max(field, 50.0)), barrel)


def _draw_place(rng: np.random.Generator, scene: Scene, z_m: float) -> tuple[float, float]:
    """Off the axis: a little; often low, as small crawlers are in large pipes; at times high."""
    radius, kind = scene.radius_m, float(rng.random())
    y = rng.normal(-0.05, 0.13)
    if kind < 0.25:
        y = -rng.uniform(0.2, 0.55)
    elif kind > 0.92:
        y = rng.uniform(0.2, 0.4)
    x = float(np.clip(rng.normal(0, 0.10), -0.35, 0.35)) * radius
    return x, float(np.clip(y * radius, min(_lowest(scene, z_m), 0.6 * radius), 0.6 * radius))


def _lowest(scene: Scene, z_m: float) -> float:
    """Height in metres above which the lens is clear of water and beds."""
    here = [f for f in scene.fluids if f.kind != "smear" and f.start_m - scene.radius_m < z_m < f.end_m + scene.radius_m]
    top = max((scene.radius_m * (2 * f.level - 1) + 1.5 * f.rough_m for f in here), default=-scene.radius_m)
    return top + 0.2 * scene.radius_m


def _draw_lens(rng: np.random.Generator) -> tuple[float, float]:
    """Horizontal field of view in degrees and barrel distortion: mostly wide, at times very wide and bulging, or zoomed in."""
    kind = float(rng.random())
    if kind < 0.12:
        return float(rng.uniform(95, 112)), float(rng.uniform(0.12, 0.35))
    if kind < 0.20:
        return float(rng.uniform(32, 60)), float(rng.uniform(0.0, 0.05))
    return float(rng.uniform(62, 100)), float(rng.uniform(0.0, 0.12))


def _focal(field_deg: float) -> float:
    return float(1 / np.tan(np.radians(field_deg) / 2))


def _draw_roll(rng: np.random.Generator) -> float:
    return float(np.radians(rng.uniform(-20, 20))) if rng.random() < 0.08 else float(rng.normal(0, 0.05))


def _aim(x_m: float, y_m: float, z_m: float) -> tuple[float, float]:
    """Pan and tilt toward a point given from the camera."""
    return float(np.arctan2(x_m, z_m)), float(np.arctan2(y_m, np.hypot(x_m, z_m)))
