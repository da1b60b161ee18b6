"""Placing things in the pipe: a painter at work, and the note of what now stands where.

The note (`Scene.placed`) is the truth of the pipe, before any camera has looked: what an operator would find, and from where to where.
"""

from copy import copy
from dataclasses import fields

import numpy as np

from trainer.synth.defects import PAINTERS
from trainer.synth.scene import Placed, Scene

CONTINUOUS = frozenset({"OB", "PF", "DE", "AF", "BE", "RB"})
CONTINUOUS_FROM_M = 1.0  # EN practice: shorter stretches are coded as a point


def place(scene: Scene, rng: np.random.Generator, code: str, severity: float, *, z_m: float) -> Placed:
    """Let the painter of a class put its thing near `z_m`, and note it; classes that come with it are noted too."""
    before = {item.name: len(records) for item in fields(scene) if isinstance(records := getattr(scene, item.name), list)}
    theta = PAINTERS[code](scene, rng, severity, z_m)
    spans = _spans(scene, before)
    thing = _noted(code, spans, theta, severity, z_m)
    scene.placed.append(thing)
    for other in sorted(spans.keys() - {code}):
        scene.placed.append(_noted(other, spans, theta, severity, z_m))
    return thing


def _noted(code: str, spans: dict[str, tuple[float, float]], theta: float, severity: float, z_m: float) -> Placed:
    low, high = spans.get(code, (z_m, z_m))
    long = code in CONTINUOUS and high - low >= CONTINUOUS_FROM_M
    return Placed(code, *((low, high) if long else (z_m, z_m)), float(theta), float(severity))


def _spans(scene: Scene, before: dict[str, int]) -> dict[str, tuple[float, float]]:
    """From where to where the records added since `before` show each class."""
    spans: dict[str, tuple[float, float]] = {}
    for name, num in before.items():
        for record in getattr(scene, name)[num:]:
            if getattr(record, "code", None) is not None:
                low, high = _reach(record)
                known = spans.get(record.code, (low, high))
                spans[record.code] = (min(low, known[0]), max(high, known[1]))
    return spans


def _reach(record: object) -> tuple[float, float]:
    """From where to where a record lies along the pipe, metres."""
    if (start := getattr(record, "start_m", None)) is not None:
        return float(start), float(record.end_m)  # type: ignore[attr-defined]
    if (centre := getattr(record, "centre_m", None)) is not None:
        half = max(record.half_m)  # type: ignore[attr-defined]
        return float(centre[2] - half), float(centre[2] + half)
    middle, half = float(record.z_m), float(getattr(record, "half_z_m", 0.0))  # type: ignore[attr-defined]
    return middle - half, middle + half


def copy_of(scene: Scene) -> Scene:
    """A scene to try something on: records are shared (they are frozen), lists and joints are not."""
    lists = {item.name: list(value) for item in fields(scene) if isinstance(value := getattr(scene, item.name), list)}
    twin = copy(scene)
    for name, records in lists.items():
        setattr(twin, name, records)
    twin.joints = [copy(joint) for joint in scene.joints]
    return twin
