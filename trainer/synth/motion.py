"""How the camera moves through the pipe: legs at changing speed, stops, ways back, and looks into laterals while standing still.

The robot turns its camera only while it stands (EN 13508-2 practice: drive looking along the axis), so a look is: stop short of the
lateral, pan and tilt to it, dwell, turn back, drive on.
"""
# N frames

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.synth.geometry import Camera
from trainer.synth.scene import Scene

LATERALS = ("GR", "PH", "PB", "OS", "OP")
LONG_FROM_M = 8.0  # shorter drives have neither stop nor way back
_TURN_RAD_S = np.radians(45.0)
_LOOK_SHARE = 0.8


class Look(NamedTuple):
    """Turning to a lateral from where the camera stands: radians off the drive's own pan and tilt."""

    at_m: float
    pan: float
    tilt: float


class Motion(NamedTuple):
    """Per frame (N,): chainage in metres; pan and tilt in radians beyond those of straight driving."""

    chainage_m: NDArray[np.float64]
    pan: NDArray[np.float64]
    tilt: NDArray[np.float64]


class _Halt(NamedTuple):
    """What happens at a chainage: stand for a while, turn to a lateral, or go back a little; zero for what does not happen."""

    at_m: float
    pause_s: float = 0.0
    pan: float = 0.0
    tilt: float = 0.0
    retreat_m: float = 0.0


def plan_looks(rng: np.random.Generator, scene: Scene, length_m: float) -> list[Look]:
    """Some of the laterals, in order, and how to turn to each."""
    radius = scene.radius_m
    looks = []
    for thing in sorted(scene.placed, key=lambda p: p.from_m):
        short, share = rng.uniform(0.9, 1.7) * radius, rng.uniform(0.75, 1.0)
        wanted = rng.random() < _LOOK_SHARE
        if thing.code in LATERALS and wanted and 0.05 < thing.from_m - short < length_m - 0.05:
            x, y = np.sin(thing.theta) * radius, np.cos(thing.theta) * radius
            pan, tilt = float(np.arctan2(x, short)) * share, float(np.arctan2(y, np.hypot(x, short))) * share
            looks.append(Look(float(thing.from_m - short), pan, tilt))
    return looks[: 1 + int(length_m // 6)]


def plan_motion(rng: np.random.Generator, length_m: float, looks: Sequence[Look], *, fps: float, speed_m_s: float) -> Motion:
    """From 0 to `length_m`, forward in the main: each leg at its own pace; one stop and one way back if the drive is long."""
    halts = [_Halt(look.at_m, float(rng.uniform(0.8, 2.0)), look.pan, look.tilt) for look in looks]
    if length_m >= LONG_FROM_M:
        halts.append(_Halt(float(rng.uniform(0.25, 0.45) * length_m), float(rng.uniform(2, 5))))
        halts.append(_Halt(float(rng.uniform(0.55, 0.8) * length_m), float(rng.uniform(0.5, 1.5)), retreat_m=float(rng.uniform(0.3, 0.7))))
    parts: list[Motion] = []
    here = 0.0
    for halt in sorted(halts):
        parts.append(_driven(rng, here, halt.at_m, fps=fps, speed_m_s=speed_m_s))
        parts.append(_stood(halt, fps))
        here = halt.at_m - halt.retreat_m
        if halt.retreat_m:
            parts.append(_driven(rng, halt.at_m, here, fps=fps, speed_m_s=speed_m_s))
    parts.append(_driven(rng, here, length_m, fps=fps, speed_m_s=speed_m_s))
    return Motion(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _driven(rng: np.random.Generator, begin_m: float, end_m: float, *, fps: float, speed_m_s: float) -> Motion:
    pace = float(np.exp(rng.normal(0, 0.18)))
    num = max(2, round(abs(end_m - begin_m) / (speed_m_s * pace) * fps))
    wave = 1 + 0.2 * np.sin(np.linspace(0, rng.uniform(3, 20), num) + rng.uniform(0, 6))
    travelled = np.concatenate([[0.0], np.cumsum(wave[1:])])
    return Motion(begin_m + (end_m - begin_m) * travelled / travelled[-1], np.zeros(num), np.zeros(num))


def _stood(halt: _Halt, fps: float) -> Motion:
    angle = float(np.hypot(halt.pan, halt.tilt))
    num_turn = round(1.5 * angle / _TURN_RAD_S * fps)
    there = np.linspace(0, 1, num_turn + 2)[1:-1]
    smooth = there * there * (3 - 2 * there)
    share = np.concatenate([smooth, np.ones(max(round(halt.pause_s * fps), 1)), smooth[::-1]])
    return Motion(np.full(len(share), halt.at_m), share * halt.pan, share * halt.tilt)


def plan_cameras(rng: np.random.Generator, scene: Scene, motion: Motion, time_s: NDArray[np.float64]) -> tuple[Camera, tuple[Camera, ...]]:
    """The steady camera of straight driving (at chainage 0), and a camera per frame: near the axis, swaying a little, turned as planned."""
    radius = scene.radius_m
    x, y = rng.normal(0, 0.05) * radius, max(rng.normal(-0.03, 0.08), 2 * scene.water_level - 0.8) * radius
    pan, tilt, roll = (float(angle) for angle in rng.normal(0, 0.03, 3))
    sway, focal = rng.uniform(0.004, 0.015), float(1 / np.tan(np.radians(rng.uniform(72, 98)) / 2))
    phase = rng.uniform(0, 6, 3)
    barrel = float(rng.uniform(0, 0.1))
    side = x + sway * radius * np.sin(1.7 * time_s + phase[0])
    pans = pan + motion.pan + sway * np.sin(1.1 * time_s + phase[1])
    tilts = tilt + motion.tilt + sway * np.sin(1.9 * time_s + phase[2])
    steady = Camera((float(x), float(y), 0.0), pan, tilt, roll, focal, barrel)
    rows = zip(side.tolist(), motion.chainage_m.tolist(), pans.tolist(), tilts.tolist(), strict=True)
    return steady, tuple(Camera((at_x, float(y), z), a, b, roll, focal, barrel) for at_x, z, a, b in rows)
