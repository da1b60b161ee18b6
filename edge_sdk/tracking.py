"""Observation tracking: from noisy per-frame scores to observations along the pipe.

Per class, a track opens where the smoothed score reaches the threshold, lives while it stays above `close_ratio` of it, and closes once
the camera is `gap_m` metres of pipe away (hysteresis, after Canny 1986, over distance and not over frames). So a stop of 500 frames is
one look, a drive filmed at 5 or 25 frames per second gives the same list, and reversing over a track extends it instead of making a
second one. Where the place is unknown the same rules run over film time, and a thing in view when the place is lost or found again stays
one track. The tracker is causal: nothing later than the present frame is used.
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
    end it. Two frames in a row that both show a class belong together up to `step_m` metres apart: counters and slow cameras move in
    steps. `smoothing_s` is the time constant that takes single-frame flicker out; `restart_s` of silence forget what came before.
    `continuous_m` or `continuous_s` is the least length of a continuous observation (EN 13508-2: 1 m).
    """

    close_ratio: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.7
    gap_m: Annotated[float, Meta(gt=0.0, le=100.0)] = 0.3
    gap_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 2.0
    step_m: Annotated[float, Meta(ge=0.0, le=100.0)] = 1.0
    smoothing_s: Annotated[float, Meta(ge=0.0, le=60.0)] = 0.3
    restart_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 1.0
    continuous_m: Annotated[float, Meta(gt=0.0, le=1000.0)] = 1.0
    continuous_s: Annotated[float, Meta(gt=0.0, le=36000.0)] = 10.0


class Place(NamedTuple):
    """Where a frame was taken: metres of chainage, None where unknown. Places of two segments of the counter do not compare."""

    segment: int
    chainage_m: float | None


@dataclass(frozen=True, slots=True)
class ClosedTrack(Generic[Look]):
    """A track as it stands when it closes.

    `low` and `high` bound the camera positions at which the class was seen (metres or seconds by `basis`). `best` is the strongest look
    of all frames since the track last closed, None if an earlier one was stronger. `track_id` stays the same when a track is extended
    later, `revision` then grows; `absorbed` names closed tracks that this one has grown together with, and which it replaces.
    `threshold` is the one that opened it.
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
    threshold: float


@dataclass(slots=True)
class _Track(Generic[Look]):
    """`low_m` and `high_m` are None while the track has been seen at unknown places only."""

    track_id: int
    threshold: float
    time_s: float
    time_to_s: float
    low_m: float | None = None
    high_m: float | None = None
    peak: float = 0.0
    best_score: float = -1.0
    best: Look | None = None
    frames_positive: int = 0
    revision: int = -1
    open: bool = True
    absorbed: tuple[int, ...] = ()

    def covers(self, chainage_m: float, gap_m: float) -> bool:
        """Whether a place lies in the track or within the gap beside it."""
        return self.low_m is not None and self.high_m is not None and self.low_m - gap_m <= chainage_m <= self.high_m + gap_m

    def reach(self, chainage_m: float) -> None:
        """Stretch to a place."""
        self.low_m = chainage_m if self.low_m is None else min(self.low_m, chainage_m)
        self.high_m = chainage_m if self.high_m is None else max(self.high_m, chainage_m)


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
        self._in_view: dict[int, _Track[Look]] = {}  # by class: the track the frame before belonged to
        self._smooth_C: NDArray[np.float64] | None = None
        self._before: tuple[float, Place] | None = None
        self._num_tracks = 0

    def set_thresholds(self, thresholds_C: Sequence[float] | NDArray[np.float64]) -> None:
        """Other opening thresholds from the next frame on.

        What is open stays open while its score reaches the new `close_ratio` of them, and what is closed may still be extended: it passed
        the threshold that held when it opened.
        """
        self._open_C = np.asarray(thresholds_C, dtype=np.float64)
        self._close_C = self._open_C * self._policy.close_ratio

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
        closed = self._change_segment(place)
        smooth_C = self._smoothed(scores_C, time_s)
        in_view = {}
        for c in map(int, np.flatnonzero(smooth_C >= self._close_C)):
            track = self._track_of(c, float(smooth_C[c]), place, time_s)
            if track is not None:
                self._extend(c, track, place, time_s, float(smooth_C[c]))
                if scores_C[c] > track.best_score:
                    track.best_score, track.best = float(scores_C[c]), look
                in_view[c] = track
        self._in_view, self._before = in_view, (time_s, place)
        return closed + self._close_passed(place, time_s)

    def finish(self) -> list[ClosedTrack[Look]]:
        """Close what is open at the end of the drive."""
        closed = [self._closed(c, track) for c, tracks in enumerate(self._tracks) for track in tracks if track.open]
        self._tracks, self._in_view, self._smooth_C, self._before = [[] for _ in self._open_C], {}, None, None
        return closed

    def _change_segment(self, place: Place) -> list[ClosedTrack[Look]]:
        """Places of another run of the counter do not compare: close everything and forget the tracks."""
        return self.finish() if self._before and self._before[1].segment != place.segment else []

    def _smoothed(self, scores_C: NDArray[np.float64], time_s: float) -> NDArray[np.float64]:
        """Exponential smoothing by elapsed time, so that the frame rate cancels out."""
        elapsed_s = time_s - self._before[0] if self._before else math.inf
        if elapsed_s > self._policy.restart_s:
            self._in_view = {}
        if self._smooth_C is None or not 0 <= elapsed_s <= self._policy.restart_s or self._policy.smoothing_s == 0:
            self._smooth_C = np.array(scores_C, dtype=np.float64)
        else:
            self._smooth_C = self._smooth_C + (scores_C - self._smooth_C) * -math.expm1(-elapsed_s / self._policy.smoothing_s)
        return self._smooth_C

    def _track_of(self, c: int, smooth: float, place: Place, time_s: float) -> _Track[Look] | None:
        """The track a positive frame belongs to: the one in view, one at this place, or a new one if the score is high enough."""
        in_view = self._in_view.get(c)
        if in_view is not None and in_view.open and self._one_step(place):
            return in_view
        near = next((track for track in self._tracks[c] if self._is_near(track, place, time_s)), None)
        if near is not None or smooth < self._open_C[c]:
            return near
        track: _Track[Look] = _Track(self._num_tracks, float(self._open_C[c]), time_s, time_s)
        self._num_tracks += 1
        self._tracks[c].append(track)
        return track

    def _one_step(self, place: Place) -> bool:
        """Whether the camera has moved no farther since the frame before than counters and slow cameras do."""
        before_m = self._before[1].chainage_m if self._before else None
        return (
            before_m is None or place.chainage_m is None or abs(place.chainage_m - before_m) <= max(self._policy.step_m, self._policy.gap_m)
        )

    def _is_near(self, track: _Track[Look], place: Place, time_s: float) -> bool:
        if track.low_m is None or place.chainage_m is None:
            return track.open and time_s - track.time_to_s <= self._policy.gap_s
        return track.covers(place.chainage_m, self._policy.gap_m)

    def _extend(self, c: int, track: _Track[Look], place: Place, time_s: float, smooth: float) -> None:
        if place.chainage_m is not None:
            track.reach(place.chainage_m)
        track.time_to_s, track.open = time_s, True
        track.peak = max(track.peak, smooth)
        track.frames_positive += 1
        for other in [other for other in self._tracks[c] if other is not track and self._touch(track, other)]:
            self._merge(c, track, other)

    def _touch(self, track: _Track[Look], other: _Track[Look]) -> bool:
        if track.low_m is None or track.high_m is None or other.low_m is None or other.high_m is None:
            return False
        return other.low_m <= track.high_m + self._policy.gap_m and track.low_m - self._policy.gap_m <= other.high_m

    def _merge(self, c: int, track: _Track[Look], other: _Track[Look]) -> None:
        """Two tracks of a class have grown together: the one in view takes the other in."""
        assert other.low_m is not None and other.high_m is not None
        track.reach(other.low_m)
        track.reach(other.high_m)
        track.time_s, track.peak = min(track.time_s, other.time_s), max(track.peak, other.peak)
        track.threshold = min(track.threshold, other.threshold)
        track.frames_positive += other.frames_positive
        if other.best_score > track.best_score:
            track.best_score, track.best = other.best_score, other.best
        track.absorbed += (*other.absorbed, *((other.track_id,) if other.revision >= 0 else ()))
        self._tracks[c].remove(other)

    def _close_passed(self, place: Place, time_s: float) -> list[ClosedTrack[Look]]:
        return [
            self._closed(c, track)
            for c, tracks in enumerate(self._tracks)
            for track in tracks
            if track.open and self._in_view.get(c) is not track and not self._is_near(track, place, time_s)
        ]

    def _closed(self, c: int, track: _Track[Look]) -> ClosedTrack[Look]:
        best, track.best, track.open = track.best, None, False
        track.revision += 1
        absorbed, track.absorbed = track.absorbed, ()
        placed = track.low_m is not None and track.high_m is not None
        return ClosedTrack(
            track_id=track.track_id,
            revision=track.revision,
            class_index=c,
            basis="distance" if placed else "time",
            low=track.low_m if track.low_m is not None else track.time_s,
            high=track.high_m if track.high_m is not None else track.time_to_s,
            time_s=track.time_s,
            time_to_s=track.time_to_s,
            peak=track.peak,
            frames_positive=track.frames_positive,
            best=best,
            absorbed=absorbed,
            threshold=track.threshold,
        )


def classes_above(scores_C: NDArray[np.float64], thresholds_C: Iterable[float]) -> list[int]:
    """Indices of the classes whose score reaches the threshold (a tie counts), strongest first."""
    above = np.flatnonzero(scores_C >= np.asarray(list(thresholds_C)))
    return [int(c) for c in above[np.argsort(-scores_C[above], kind="stable")]]
