"""The robot's distance counter: what it shows as the camera goes, which is not always where the camera is.

A counter is preset at the start, its wheel slips a little, it shows whole centimetres; now and then someone sets it anew or it falls
back to zero half-way. `edge_sdk.odometer` must find such jumps; the truth of where they are stands beside the readings.
"""
# N frames

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

CounterKind = Literal["true", "robot"]
EVENTS_FROM_M = 5.0  # shorter drives keep a quiet counter
_PRESET_SHARE, _JUMP_SHARE = 0.4, 0.4


class CounterReadings(NamedTuple):
    """Per frame (N,): metres shown; what happened to the counter there ("preset", "jump", "reset" or ""); offset from the chainage."""

    value_m: NDArray[np.float64]
    event: tuple[str, ...]


def read_counter(rng: np.random.Generator, chainage_m: NDArray[np.float64], kind: CounterKind) -> CounterReadings:
    """Readings along a drive: the chainage itself (`true`), or a counter such as robots have."""
    events = [""] * len(chainage_m)
    if kind == "true":
        return CounterReadings(chainage_m.copy(), tuple(events))
    value_m = chainage_m * (1 + float(np.clip(rng.normal(0, 0.003), -0.008, 0.008)))
    preset, jump, is_reset = rng.random() < _PRESET_SHARE, rng.random() < _JUMP_SHARE, rng.random() < 0.5
    start_m, by_m = rng.uniform(0.5, 40), rng.uniform(0.8, 4.0) * rng.choice([-1, 1])
    at = int(rng.uniform(0.2, 0.85) * len(chainage_m))
    if chainage_m.max() >= EVENTS_FROM_M:
        if preset:
            value_m, events[0] = value_m + start_m, "preset"
        if jump:
            value_m[at:] += -value_m[at] if is_reset else by_m
            events[at] = "reset" if is_reset else "jump"
    return CounterReadings(np.round(value_m, 2), tuple(events))
