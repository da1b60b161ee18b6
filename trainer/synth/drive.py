"""A rendered inspection: one pipe driven through from its start, with chainage, time and the truth along the pipe.

The scene is anchored in the pipe, so successive frames agree; only sensor noise is drawn per frame. Labels follow what can be seen:
the scene is traced small by the drive's own camera, from a station every few centimetres while it looks along the pipe, and from
its very pose in each frame while it is turned to a lateral.
"""
# N frames, C classes, H W pixels

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.camera_chain import Chain, develop, draw_chain, hidden
from trainer.synth.counter import CounterKind, CounterReadings, read_counter
from trainer.synth.drive_plan import DriveObservation, build_pipe, observation_of
from trainer.synth.errors import SynthError
from trainer.synth.frame import check_seed, check_size
from trainer.synth.geometry import Camera
from trainer.synth.light import Lamps, draw_lamps, illuminate, own_light
from trainer.synth.motion import Motion, plan_cameras, plan_looks, plan_motion
from trainer.synth.overlay import Overlay, draw_overlay
from trainer.synth.scene import Scene
from trainer.synth.trace import trace_scene
from trainer.synth.truth import labels_from_masks, operator_labels, visible_masks

MAX_FPS = 240
STATION_M = 0.05
REACH_RADII = 35.0  # further ahead not even a thing all round the wall fills enough of the picture (24 drives: 25 at most)
_TURNED_RAD = 0.06
_TRUTH_WIDTH = 88


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
    counter_m: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.cameras)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        if not -len(self) <= number < len(self):
            raise IndexError(f"frame {number} of {len(self)}")
        number %= len(self)
        camera = self.cameras[number]
        surface = trace_scene(self.scene, camera, self.size)
        light = illuminate(surface, self.lamps, self.scene.radius_m)
        overlay = _counter(self.overlay, self.counter_m[number])
        return develop(light, self.chain, np.random.default_rng([self.seed, 2, number]), overlay=overlay)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[number] for number in range(len(self)))


class RenderedDrive(NamedTuple):
    """A drive of N frames, rendered on demand.

    `chainage_m` (N,) and `time_s` (N,) float64; `labels` (N, 17) uint8, what each frame shows; `operator_labels` (N, 17) uint8, what
    lies within reach of an operator's note, seen or not; `counter` what the robot's odometer said. The pose of each frame is in
    `frames.cameras`. `observations` are the things that came into view; what no frame shows is in `frames.scene.placed` only.
    """

    frames: DriveFrames
    chainage_m: NDArray[np.float64]
    time_s: NDArray[np.float64]
    fps: float
    observations: tuple[DriveObservation, ...]
    labels: NDArray[np.uint8]
    operator_labels: NDArray[np.uint8]
    counter: CounterReadings


def render_drive(
    seed: int,
    *,
    length_m: float,
    fps: float = 25.0,
    size: tuple[int, int] = (288, 352),
    speed_m_s: float = 0.2,
    num_defects: int | None = None,
    counter: CounterKind = "true",
) -> RenderedDrive:
    """Lay a pipe and plan a drive through it; frames are rendered when read.

    Args:
        seed: Not negative.
        length_m: Distance driven, 0.5 to 500 m.
        fps: Frames a second, above 0.
        size: (height, width).
        speed_m_s: Mean forward speed; with 8 m or more there is one stop and one short way back, at some laterals a look into them.
        num_defects: Things to be found; about one in 2.5 m if None.
        counter: What the odometer says: the chainage ("true"), or a robot's counter with slip, preset, jump or reset ("robot").

    Raises:
        SynthError: For impossible sizes, lengths, speeds, counts, or a negative seed.
    """
    _check(seed, length_m, fps, size, speed_m_s, num_defects, counter)
    scene = build_pipe(np.random.default_rng([seed, 10]), length_m, num_defects)
    rng = np.random.default_rng([seed, 11])
    motion = plan_motion(rng, length_m, plan_looks(rng, scene, length_m), fps=fps, speed_m_s=speed_m_s)
    chainage, time = motion.chainage_m, np.arange(len(motion.chainage_m)) / fps
    steady, cameras = plan_cameras(np.random.default_rng([seed, 12]), scene, motion, time)
    chain = draw_chain(np.random.default_rng([seed, 13]))
    rng = np.random.default_rng([seed, 14])
    lamps, overlay = draw_lamps(rng), draw_overlay(rng)
    small = (max(round(_TRUTH_WIDTH * size[0] / size[1]), 16), _TRUTH_WIDTH)
    watch = _Watch(scene, lamps, hidden(chain, small, overlay=overlay))
    labels = _labels(watch, motion, steady, cameras)
    reach_m = REACH_RADII * scene.radius_m
    timed = (_timed(observation_of(thing), labels, time, chainage, reach_m=reach_m) for thing in scene.placed)
    observations = tuple(o for o in timed if o.first_seen_s is not None)
    readings = read_counter(np.random.default_rng([seed, 15]), chainage, counter)
    frames = DriveFrames(scene, cameras, lamps, chain, overlay, size, seed, tuple(readings.value_m.tolist()))
    return RenderedDrive(frames, chainage, time, fps, observations, labels, operator_labels(scene.placed, chainage), readings)


def _check(seed: int, length_m: float, fps: float, size: tuple[int, int], speed_m_s: float, num_defects: int | None, counter: str) -> None:
    check_seed(seed)
    check_size(size)
    if not 0.5 <= length_m <= 500:
        raise SynthError(f"length_m {length_m} must be 0.5 to 500 m.")
    if not 0 < fps <= MAX_FPS:
        raise SynthError(f"fps {fps} must be above 0, up to {MAX_FPS}.")
    if not 0.01 <= speed_m_s <= 2:
        raise SynthError(f"speed_m_s {speed_m_s} must be 0.01 to 2 m/s.")
    if num_defects is not None and not 0 <= num_defects <= 4 * length_m:
        raise SynthError(f"num_defects {num_defects} must be 0 to {int(4 * length_m)}, four a metre.")
    if counter not in ("true", "robot"):
        raise SynthError(f"counter {counter!r} is not true or robot.")


@dataclass(frozen=True, slots=True)
class _Watch:
    """What a camera would be labelled with: a small trace of the scene, less what bars and text hide (H, W)."""

    scene: Scene
    lamps: Lamps
    hidden: NDArray[np.bool_]

    def labels(self, camera: Camera) -> NDArray[np.uint8]:
        size = (self.hidden.shape[0], self.hidden.shape[1])
        surface = trace_scene(self.scene, camera, size)
        light = illuminate(surface, self.lamps, self.scene.radius_m)
        return labels_from_masks(visible_masks(surface, own_light(light, surface, self.lamps, self.scene.radius_m), self.hidden))


def _labels(watch: _Watch, motion: Motion, steady: Camera, cameras: Sequence[Camera]) -> NDArray[np.uint8]:
    """What each frame shows, (N, 17)."""
    if not watch.scene.placed:
        return np.zeros((len(cameras), len(taxonomy())), np.uint8)
    x, y, _ = steady.position_m
    station = np.rint(motion.chainage_m / STATION_M).astype(int)
    seen = np.stack([watch.labels(replace(steady, position_m=(x, y, number * STATION_M))) for number in range(station.max() + 1)])
    labels: NDArray[np.uint8] = seen[station]
    for number in np.flatnonzero(np.hypot(motion.pan, motion.tilt) > _TURNED_RAD).tolist():
        labels[number] = watch.labels(cameras[number])
    return labels


def _timed(
    observation: DriveObservation, labels: NDArray[np.uint8], time: NDArray[np.float64], chainage: NDArray[np.float64], *, reach_m: float
) -> DriveObservation:
    """Fill in when the observation is in view: frames that show its class from within reach of it."""
    end = observation.from_m if observation.to_m is None else observation.to_m
    near = (chainage > observation.from_m - reach_m) & (chainage < end + 0.1) & (labels[:, taxonomy().index(observation.code)] == 1)
    if not near.any():
        return observation
    return observation._replace(first_seen_s=float(time[near][0]), last_seen_s=float(time[near][-1]))


def _counter(overlay: Overlay, counter_m: float) -> Overlay:
    """The text with the counter's reading in its first line."""
    if not overlay.lines:
        return overlay
    first = (f"{counter_m:.2f}m", *overlay.lines[0][1:])
    return replace(overlay, lines=(first, *overlay.lines[1:]))
