"""A rendered inspection: one pipe driven through from its start, with chainage, time and the truth along the pipe.

The scene is anchored in the pipe, so successive frames agree; only sensor noise is drawn per frame. Labels follow what can be seen:
the scene is traced small, straight along the axis, from a station every few centimetres.
"""
# N frames, C classes, H W pixels

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.camera_chain import Chain, develop, draw_chain
from trainer.synth.drive_plan import DriveObservation, build_pipe, plan_cameras, plan_chainage
from trainer.synth.errors import SynthError
from trainer.synth.frame import check_seed, check_size, labels_from_masks, visible_masks
from trainer.synth.geometry import Camera
from trainer.synth.light import Lamps, draw_lamps, illuminate
from trainer.synth.overlay import Overlay, draw_overlay
from trainer.synth.scene import Scene
from trainer.synth.trace import trace_scene

STATION_M = 0.05
_TRUTH_SIZE = (72, 88)


@dataclass(frozen=True, slots=True)
class DriveFrames:
    """The frames of a drive, rendered when asked for: `len`, index and iteration give (H, W, 3) uint8 RGB."""

    scene: Scene
    cameras: tuple[Camera, ...]
    lamps: Lamps
    chain: Chain
    overlay: Overlay
    size: tuple[int, int]
    seed: int

    def __len__(self) -> int:
        return len(self.cameras)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        if not -len(self) <= number < len(self):
            raise IndexError(f"frame {number} of {len(self)}")
        number %= len(self)
        camera = self.cameras[number]
        surface = trace_scene(self.scene, camera, self.size)
        light = illuminate(surface, self.lamps, self.scene.radius_m)
        return develop(
            light, self.chain, np.random.default_rng([self.seed, 2, number]), overlay=_counter(self.overlay, camera.position_m[2])
        )

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[number] for number in range(len(self)))


class RenderedDrive(NamedTuple):
    """A drive: frames on demand; `chainage_m` (N,) and `time_s` (N,) float64; `labels` (N, 17) uint8, what each frame shows."""

    frames: DriveFrames
    chainage_m: NDArray[np.float64]
    time_s: NDArray[np.float64]
    fps: float
    observations: tuple[DriveObservation, ...]
    labels: NDArray[np.uint8]


def render_drive(
    seed: int,
    *,
    length_m: float,
    fps: float = 25.0,
    size: tuple[int, int] = (288, 352),
    speed_m_s: float = 0.2,
    num_defects: int | None = None,
) -> RenderedDrive:
    """Lay a pipe and plan a drive through it; frames are rendered when read.

    Args:
        seed: Not negative.
        length_m: Distance driven, 0.5 to 500 m.
        fps: Frames a second, above 0.
        size: (height, width).
        speed_m_s: Mean forward speed; with 8 m or more there is one stop and one short way back.
        num_defects: Things to be found; about one in 2.5 m if None.

    Raises:
        SynthError: For impossible sizes, lengths, speeds, counts, or a negative seed.
    """
    _check(seed, length_m, fps, size, speed_m_s, num_defects)
    rng = np.random.default_rng([seed, 10])
    scene, placed = build_pipe(rng, length_m, num_defects)
    chainage = plan_chainage(np.random.default_rng([seed, 11]), length_m, fps=fps, speed_m_s=speed_m_s)
    time = np.arange(len(chainage)) / fps
    stations, seen = _seen_from(scene, length_m, placed)
    nearest = np.clip(np.rint(chainage / STATION_M).astype(int), 0, len(stations) - 1)
    labels = seen[nearest]
    observations = tuple(_timed(o, labels, time, chainage) for o in placed)
    cameras = plan_cameras(np.random.default_rng([seed, 12]), scene, chainage, time)
    chain = replace(draw_chain(np.random.default_rng([seed, 13])), border_px=(0, 0, 0, 0))
    rng = np.random.default_rng([seed, 14])
    frames = DriveFrames(scene, cameras, draw_lamps(rng), chain, draw_overlay(rng), size, seed)
    return RenderedDrive(frames, chainage, time, fps, observations, labels)


def _check(seed: int, length_m: float, fps: float, size: tuple[int, int], speed_m_s: float, num_defects: int | None) -> None:
    check_seed(seed)
    check_size(size)
    if not 0.5 <= length_m <= 500:
        raise SynthError(f"length_m {length_m} must be 0.5 to 500 m.")
    if not (0 < fps <= 240 and 0.01 <= speed_m_s <= 2):
        raise SynthError(f"fps {fps} must be above 0 up to 240 and speed_m_s {speed_m_s} 0.01 to 2.")
    if num_defects is not None and not 0 <= num_defects <= 4 * length_m:
        raise SynthError(f"num_defects {num_defects} must be 0 to four a metre.")


def _seen_from(scene: Scene, length_m: float, placed: list[DriveObservation]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Classes in view from each station along the pipe, (S,) metres and (S, 17)."""
    stations = np.arange(0, length_m + STATION_M, STATION_M)
    seen = np.zeros((len(stations), len(taxonomy())), np.uint8)
    for number, z in enumerate(stations):
        if placed:
            surface = trace_scene(scene, Camera((0.0, 0.0, float(z)), focal=0.95), _TRUTH_SIZE)
            masks = visible_masks(surface, illuminate(surface, Lamps(), scene.radius_m))
            seen[number] = labels_from_masks(masks)
    return stations, seen


def _timed(
    observation: DriveObservation, labels: NDArray[np.uint8], time: NDArray[np.float64], chainage: NDArray[np.float64]
) -> DriveObservation:
    """Fill in when the observation is in view: frames that show its class from no further than 2.5 m before it."""
    end = observation.from_m if observation.to_m is None else observation.to_m
    near = (chainage > observation.from_m - 2.5) & (chainage < end + 0.1) & (labels[:, taxonomy().index(observation.code)] == 1)
    if not near.any():
        return observation
    return observation._replace(first_seen_s=float(time[near][0]), last_seen_s=float(time[near][-1]))


def _counter(overlay: Overlay, chainage_m: float) -> Overlay:
    """The text with the present chainage in its first line."""
    if not overlay.lines:
        return overlay
    first = (f"{chainage_m:.2f}m", *overlay.lines[0][1:])
    return replace(overlay, lines=(first, *overlay.lines[1:]))
