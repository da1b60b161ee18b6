"""What was driven and what was not seen: an empty list of observations never means "no defects" over a stretch that was not seen."""

from dataclasses import dataclass
from typing import Literal

from edge_sdk.camera import FrameSource
from edge_sdk.records import Coverage, Gap
from edge_sdk.stream import FrameResult

GapReason = Literal["unreadable", "bad_shape", "no_chainage", "truncated", "interrupted", "inference_failed"]


@dataclass(slots=True)
class _OpenGap:
    reason: GapReason
    from_s: float
    to_s: float
    from_m: float | None
    to_m: float | None
    frames: int = 1

    def record(self) -> Gap:
        return Gap(
            reason=self.reason, from_s=round(self.from_s, 3), to_s=round(self.to_s, 3),
            from_m=_rounded(self.from_m), to_m=_rounded(self.to_m), frames=self.frames,
        )  # fmt: skip


class CoverageLog:
    """Collects places and gaps frame by frame. A gap lies between the frames beside it that were seen and placed.

    Args:
        expects_chainage: Whether there is an odometer, so that a frame without chainage is a gap.
    """

    def __init__(self, expects_chainage: bool) -> None:
        self._expects_chainage = expects_chainage
        self._gaps: list[_OpenGap] = []
        self._in_gap: GapReason | None = None
        self._low_m: float | None = None
        self._high_m: float | None = None
        self._last_m: float | None = None
        self._last_segment = 0
        self._travelled_m = 0.0
        self._from_s: float | None = None
        self._to_s = 0.0

    def add(self, result: FrameResult) -> None:
        """Take in one frame, processed or dropped."""
        before_s, before_m = (result.time_s if self._from_s is None else self._to_s), self._last_m
        self._from_s = result.time_s if self._from_s is None else self._from_s
        self._to_s = result.time_s
        self._travel(result)
        reason = self._reason(result)
        if self._in_gap is not None:
            gap = self._gaps[-1]
            gap.to_s, gap.to_m = result.time_s, _either(result.chainage.value_m, gap.to_m)
            gap.frames += reason == self._in_gap
        if reason is not None and reason != self._in_gap:
            self._gaps.append(_OpenGap(reason, before_s, result.time_s, before_m, _either(result.chainage.value_m, before_m)))
        self._in_gap = reason

    def finish(self, source: FrameSource, *, interrupted: bool) -> None:
        """Add what was not shown any more: the rest of a cut-off film, or of a run that was stopped."""
        total = source.announced_frames
        if not interrupted and not (source.shortfall and source.kind == "film" and total):
            return
        seen = round((self._to_s - (self._from_s or 0.0)) * source.fps) + (self._from_s is not None)
        unseen = max((total or 0) - seen, 0)
        reason: GapReason = "interrupted" if interrupted else "truncated"
        self._gaps.append(_OpenGap(reason, self._to_s, self._to_s + unseen / source.fps, self._last_m, None, unseen))

    def record(self) -> Coverage:
        """The coverage so far."""
        return Coverage(
            from_m=_rounded(self._low_m),
            to_m=_rounded(self._high_m),
            travelled_m=_rounded(self._travelled_m) if self._low_m is not None else None,
            duration_s=round(self._to_s - (self._from_s or 0.0), 3),
            gaps=tuple(gap.record() for gap in self._gaps),
        )

    def _reason(self, result: FrameResult) -> GapReason | None:
        if result.dropped is not None:
            return result.dropped
        return "no_chainage" if self._expects_chainage and result.chainage.value_m is None else None

    def _travel(self, result: FrameResult) -> None:
        place = result.chainage
        if place.value_m is None:
            return
        if self._last_m is not None and place.segment == self._last_segment:
            self._travelled_m += abs(place.value_m - self._last_m)
        self._last_m, self._last_segment = place.value_m, place.segment
        self._low_m = place.value_m if self._low_m is None else min(self._low_m, place.value_m)
        self._high_m = place.value_m if self._high_m is None else max(self._high_m, place.value_m)


def _either(value: float | None, other: float | None) -> float | None:
    return other if value is None else value


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
