"""What is in view and no observation yet: should the run break off now, this is what its list does not hold.

Judged by raw scores and wider than the tracker's own rule, so that nothing the tracker holds open is left out: a class is in view from
its first score that keeps a track alive until its observation closes, or until the camera has been away from it for twice the gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edge_sdk.journal.entries import Sighting
from edge_sdk.records import Observation
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import TrackingPolicy


@dataclass(slots=True)
class _Seen:
    time_s: float
    chainage_m: float | None
    peak: float
    last_s: float
    last_m: float | None
    shown: bool = False  # it has reached the threshold that held then


class Sightings:
    """Classes in view.

    Args:
        thresholds: By code, in the order of the scores.
        policy: What keeps a track alive, and when it ends.
    """

    def __init__(self, thresholds: Mapping[str, float], policy: TrackingPolicy) -> None:
        self._thresholds, self._policy = dict(thresholds), policy
        self._seen: dict[str, _Seen] = {}
        self._last: FrameResult | None = None

    @property
    def in_view(self) -> tuple[Sighting, ...]:
        """Those that have reached their threshold, in the order of the scores."""
        return tuple(
            Sighting(code=code, time_s=round(seen.time_s, 3), chainage_m=_rounded(seen.chainage_m), peak=round(seen.peak, 4))
            for code in self._thresholds
            if (seen := self._seen.get(code)) is not None and seen.shown
        )

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Other thresholds from the next frame on; what has been seen by the former ones stays in view as long as it is kept alive."""
        self._thresholds = dict(thresholds)

    def add(self, result: FrameResult) -> None:
        """Take in a frame, before the observations it closes."""
        self._last = result
        for code in [code for code, seen in self._seen.items() if self._gone(seen, result)]:
            del self._seen[code]
        if result.scores_C is None:
            return
        for (code, threshold), score in zip(self._thresholds.items(), result.scores_C.tolist(), strict=True):
            if score >= threshold * self._policy.close_ratio:
                self._see(code, score, result, shown=score >= threshold)

    def closed(self, observation: Observation) -> None:
        """The class has its observation; what the last frame shows of it is a new sighting."""
        self._seen.pop(observation.class_.code, None)
        if self._last is not None:
            self.add(self._last)

    def _see(self, code: str, score: float, result: FrameResult, *, shown: bool) -> None:
        at_s, at_m = result.time_s, result.chainage.value_m
        seen = self._seen.setdefault(code, _Seen(at_s, at_m, score, at_s, at_m))
        seen.peak, seen.last_s, seen.shown = max(seen.peak, score), at_s, seen.shown or shown
        seen.last_m = at_m if at_m is not None else seen.last_m

    def _gone(self, seen: _Seen, result: FrameResult) -> bool:
        """Whether the tracker has let go of it for sure: away for twice the gap in metres, or in seconds where metres are unknown."""
        policy = self._policy
        if result.time_s - seen.last_s <= 2 * policy.restart_s:
            return False
        if result.chainage.value_m is None or seen.last_m is None:
            return result.time_s - seen.last_s > 2 * policy.gap_s
        return abs(result.chainage.value_m - seen.last_m) > 2 * policy.gap_m


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
