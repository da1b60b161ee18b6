"""Observation tracking: from noisy per-frame scores to observations along the pipe.

Per class, a track opens where the smoothed score reaches the threshold, lives while it stays above `close_ratio` of it, and closes once
the camera is `gap_m` metres of pipe away (hysteresis, after Canny 1986, over distance and not over frames). So a stop of 500 frames is
one look, a drive filmed at 5 or 25 frames per second gives the same list, and reversing over a track extends it instead of making a
second one. Without an odometer the same rules run over film time. The tracker is causal: nothing later than the present frame is used.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

Look = TypeVar("Look")
Basis = Literal["distance", "time"]


class TrackingPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When scores become observations.

    `close_ratio` times the threshold keeps a track alive. `gap_m` (metres; domain rule: 0.3) or `gap_s` (seconds, without an odometer)
    end it. `smoothing_s` is the time constant that takes single-frame flicker out; `restart_s` of silence forget what came before.
    `continuous_m` or `continuous_s` is the least length of a continuous observation (EN 13508-2: 1 m).
    """

    close_ratio: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.7
    gap_m: Annotated[float, Meta(gt=0.0, le=100.0)] = 0.3
    gap_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 2.0
    smoothing_s: Annotated[float, Meta(ge=0.0, le=60.0)] = 0.3
    restart_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 1.0
    continuous_m: Annotated[float, Meta(gt=0.0, le=1000.0)] = 1.0
    continuous_s: Annotated[float, Meta(gt=0.0, le=36000.0)] = 10.0


class Place(NamedTuple):
    """Where a frame was taken: metres of chainage or, on the time basis, seconds. Places of two segments do not compare."""

    basis: Basis
    segment: int
    position: float


@dataclass(frozen=True, slots=True)
class ClosedTrack(Generic[Look]):
    """A track as it stands when it closes.

    `low` and `high` bound the camera positions at which the class was seen (metres or seconds by `basis`). `best` is the strongest look
    of all frames since the track last closed, None if an earlier one was stronger. `track_id` stays the same when a track is extended
    later, `revision` then grows; `absorbed` names closed tracks that this one has grown together with, and which it replaces.
    """

    track_id: int
    revision: int
    class_index: int
    basis: Basis
    low: float
    high: float
    time_s: float
    time_to_s: float
    peak: float
    frames_positive: int
    best: Look | None
    absorbed: tuple[int, ...]


@dataclass(slots=True)
class _Track(Generic[Look]):
    track_id: int
    low: float
    high: float
    time_s: float
    time_to_s: float
    peak: float
    best_score: float
    best: Look | None
    frames_positive: int = 0
    revision: int = -1
    open: bool = True
    absorbed: tuple[int, ...] = ()


class Tracker(Generic[Look]):
    """Tracks of all classes over one drive.

    Args:
        thresholds_C: Opening threshold per class, 0..1.
        policy: When tracks open, live and close.
    """

    def __init__(self, thresholds_C: Sequence[float] | NDArray[np.float64], policy: TrackingPolicy | None = None) -> None:
        self._open_C = np.asarray(thresholds_C, dtype=np.float64)
        self._policy = policy or TrackingPolicy()
        self._close_C = self._open_C * self._policy.close_ratio
        self._tracks: list[list[_Track[Look]]] = [[] for _ in self._open_C]
        self._smooth_C: NDArray[np.float64] | None = None
        self._time_s = -math.inf
        self._stretch: tuple[Basis, int] | None = None
        self._num_tracks = 0
        self._gap = self._policy.gap_m

    def update(self, scores_C: NDArray[np.float64], place: Place, time_s: float, look: Look) -> list[ClosedTrack[Look]]:
        """Take in one frame.

        Args:
            scores_C: Finite scores in 0..1, shape (C,).
            place: Where the camera stood.
            time_s: Film time, not falling.
            look: Whatever the caller wants to have back for the strongest frame of a track.

        Returns:
            The tracks this frame closed, by class.
        """
        closed = self._change_stretch((place.basis, place.segment))
        smooth_C = self._smoothed(scores_C, time_s)
        for c in np.flatnonzero(smooth_C >= self._close_C):
            self._extend(int(c), float(smooth_C[c]), float(scores_C[c]), place.position, time_s, look)
        return closed + self._close_passed(place)

    def finish(self) -> list[ClosedTrack[Look]]:
        """Close what is open at the end of the drive."""
        return self._change_stretch(None)

    def num_open(self) -> int:
        """How many tracks are open now."""
        return sum(track.open for tracks in self._tracks for track in tracks)

    def _smoothed(self, scores_C: NDArray[np.float64], time_s: float) -> NDArray[np.float64]:
        """Exponential smoothing by elapsed time, so that the frame rate cancels out."""
        elapsed_s = time_s - self._time_s
        self._time_s = time_s
        if self._smooth_C is None or elapsed_s > self._policy.restart_s or self._policy.smoothing_s == 0:
            self._smooth_C = np.array(scores_C, dtype=np.float64)
        else:
            self._smooth_C = self._smooth_C + (scores_C - self._smooth_C) * -math.expm1(-elapsed_s / self._policy.smoothing_s)
        return self._smooth_C

    def _extend(self, c: int, smooth: float, score: float, position: float, time_s: float, look: Look) -> None:
        near = [t for t in self._tracks[c] if t.low - self._gap <= position <= t.high + self._gap]
        if not near and smooth < self._open_C[c]:
            return
        track = near[0] if near else self._opened(c, position, time_s)
        for other in near[1:]:
            self._merge(c, track, other)
        track.low, track.high = min(track.low, position), max(track.high, position)
        track.time_to_s, track.open = time_s, True
        track.peak = max(track.peak, smooth)
        track.frames_positive += 1
        if score > track.best_score:
            track.best_score, track.best = score, look

    def _opened(self, c: int, position: float, time_s: float) -> _Track[Look]:
        track: _Track[Look] = _Track(self._num_tracks, position, position, time_s, time_s, 0.0, -1.0, None)
        self._num_tracks += 1
        self._tracks[c].append(track)
        return track

    def _merge(self, c: int, into: _Track[Look], other: _Track[Look]) -> None:
        """Two tracks of a class have grown together: the older takes the younger in."""
        into.low, into.high = min(into.low, other.low), max(into.high, other.high)
        into.time_s, into.peak = min(into.time_s, other.time_s), max(into.peak, other.peak)
        into.frames_positive += other.frames_positive
        if other.best_score > into.best_score:
            into.best_score, into.best = other.best_score, other.best
        into.absorbed += (*other.absorbed, *((other.track_id,) if other.revision >= 0 else ()))
        self._tracks[c].remove(other)

    def _close_passed(self, place: Place) -> list[ClosedTrack[Look]]:
        return [
            self._closed(c, track, place.basis)
            for c, tracks in enumerate(self._tracks)
            for track in tracks
            if track.open and not track.low - self._gap <= place.position <= track.high + self._gap
        ]

    def _closed(self, c: int, track: _Track[Look], basis: Basis) -> ClosedTrack[Look]:
        best, track.best, track.open = track.best, None, False
        track.revision += 1
        absorbed, track.absorbed = track.absorbed, ()
        return ClosedTrack(
            track.track_id, track.revision, c, basis, track.low, track.high, track.time_s, track.time_to_s,
            track.peak, track.frames_positive, best, absorbed,
        )  # fmt: skip

    def _change_stretch(self, stretch: tuple[Basis, int] | None) -> list[ClosedTrack[Look]]:
        """Places of another basis or counter segment do not compare: close everything and forget the tracks."""
        if stretch == self._stretch:
            return []
        basis = self._stretch[0] if self._stretch else "time"
        closed = [self._closed(c, t, basis) for c, tracks in enumerate(self._tracks) for t in tracks if t.open]
        self._tracks = [[] for _ in self._open_C]
        self._stretch, self._smooth_C = stretch, None
        self._gap = self._policy.gap_s if stretch and stretch[0] == "time" else self._policy.gap_m
        return closed


def classes_above(scores_C: NDArray[np.float64], thresholds_C: Iterable[float]) -> list[int]:
    """Indices of the classes whose score reaches the threshold (a tie counts), strongest first."""
    above = np.flatnonzero(scores_C >= np.asarray(list(thresholds_C)))
    return [int(c) for c in above[np.argsort(-scores_C[above], kind="stable")]]
