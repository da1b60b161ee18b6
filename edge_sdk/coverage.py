"""What was driven and what was not seen: an empty list of observations never means "no defects" over a stretch that was not seen."""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from edge_sdk.camera import FrameSource
from edge_sdk.odometer import Chainage
from edge_sdk.records import Coverage, Gap, GapReason
from edge_sdk.stream import FrameResult


class Moment(NamedTuple):
    """When and where the camera was; the chainage is None where it is unknown."""

    time_s: float
    chainage_m: float | None


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
        self.note(result.time_s, result.chainage, self.reason_of(result))

    def note(
        self, time_s: float, place: Chainage, reason: GapReason | None, *, frames: int = 1, since: Moment | None = None, join: bool = False
    ) -> None:
        """Take in one instant of the drive.

        Args:
            time_s: When.
            place: Where the camera was.
            reason: Why nothing was inspected there; None: it was.
            frames: Frames that the instant stands for; 0 where time has passed without any.
            since: Where a gap that begins here began in truth; None for the instant before.
            join: Go on with the last gap where it has the same reason and only one instant lies between.
        """
        before = since or Moment(time_s if self._from_s is None else self._to_s, self._last_m)
        self._from_s = time_s if self._from_s is None else self._from_s
        self._to_s = time_s
        self._travel(place)
        if self._in_gap is not None:
            gap = self._gaps[-1]
            gap.to_s, gap.to_m = time_s, _either(place.value_m, gap.to_m)
            gap.frames += frames if reason == self._in_gap else 0
        if reason is not None and reason != self._in_gap:
            to_m = _either(place.value_m, before.chainage_m)
            last = self._gaps[-1] if join and self._gaps else None
            if last is not None and last.reason == reason and last.to_s >= before.time_s:
                last.to_s, last.to_m, last.frames = time_s, to_m, last.frames + frames
            else:
                self._gaps.append(_OpenGap(reason, before.time_s, time_s, before.chainage_m, to_m, frames))
        self._in_gap = reason

    @property
    def last_m(self) -> float | None:
        """Where the camera was at the newest instant that has a place; None before the first."""
        return self._last_m

    @property
    def in_gap(self) -> GapReason | None:
        """Why the newest instant was not inspected; None: it was."""
        return self._in_gap

    @property
    def num_gaps(self) -> int:
        """Gaps so far; only the newest may still grow."""
        return len(self._gaps)

    def gaps(self, start: int = 0) -> tuple[Gap, ...]:
        """The gaps from number `start` on."""
        return tuple(gap.record() for gap in self._gaps[start:])

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
        return msgspec.structs.replace(self.extent(), gaps=self.gaps())

    def extent(self) -> Coverage:
        """The coverage so far without its gaps, which are many after a long drive: costs the same at any length."""
        return Coverage(
            from_m=_rounded(self._low_m),
            to_m=_rounded(self._high_m),
            travelled_m=_rounded(self._travelled_m) if self._low_m is not None else None,
            duration_s=round(self._to_s - (self._from_s or 0.0), 3),
            gaps=(),
        )

    def reason_of(self, result: FrameResult) -> GapReason | None:
        """Why a frame leaves its place uninspected; None if it does not."""
        if result.dropped is not None:
            return result.dropped
        return "no_chainage" if self._expects_chainage and result.chainage.value_m is None else None

    def _travel(self, place: Chainage) -> None:
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
